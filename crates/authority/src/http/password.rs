//! New passwords, as bodies of requests bring them.

use rescind_domain::Error;
use rescind_domain::password::{Password, WeakPassword};
use serde::{Deserialize, Deserializer};

use super::problem::Problem;

/// A password that somebody has chosen. One that is too long is refused as one that is too short: as a weak password, in the
/// member that it came in.
pub(crate) struct Chosen(Result<Password, WeakPassword>);

impl Chosen {
    /// The password, if it is not too long. Whether it is good enough is for the verb to say.
    pub(crate) fn within_bounds(self, field: &'static str) -> Result<Password, Problem> {
        self.0.map_err(|weak| Problem::from(Error::WeakPassword(weak)).field(field))
    }
}

impl<'de> Deserialize<'de> for Chosen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|typed| Self(Password::new(typed)))
    }
}
