//! What is computed for a user who does not exist.
//!
//! Where everybody has a hash of the configured strength, one such hash will do. After an import most users have
//! another kind until they sign in, and a fixed decoy would tell by its time which logins exist. So each unknown login
//! gets a cost as one of the users may have it, in proportion, and keeps it.

use std::collections::BTreeMap;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};

use super::scheme::{Cost, Scheme};

/// Costs with the share of logins that get them.
pub(super) struct Decoys {
    configured: Cost,
    /// Each cost with the sum of the weights up to and including its own. The configured one is last: as users are
    /// upgraded, an unknown login moves to it once, and never back.
    steps: Vec<(u64, Cost)>,
}

impl Decoys {
    pub(super) fn new(configured: Cost, census: impl IntoIterator<Item = (Cost, u64)>) -> Self {
        let mut weights = BTreeMap::<(bool, Cost), u64>::new();
        for (cost, weight) in census {
            let sum = weights.entry((cost == configured, cost)).or_default();
            *sum = sum.saturating_add(weight);
        }
        let steps = weights.into_iter().scan(0_u64, |sum, ((_, cost), weight)| {
            *sum = sum.saturating_add(weight);
            Some((*sum, cost))
        });
        Self { configured, steps: steps.collect() }
    }

    /// The decoy of a login, chosen by a keyed hash: nobody without the key can tell which one an unknown login has.
    pub(super) fn choose(&self, key: &Key, login: &str) -> Scheme {
        let tag = sign(key, login.as_bytes());
        let draw = tag.as_ref().iter().take(8).fold(0_u64, |draw, byte| draw << 8 | u64::from(*byte));
        let total = self.steps.last().map_or(0, |(sum, _)| *sum);
        let point = (u128::from(draw) * u128::from(total)) >> 64;
        let step = self.steps.iter().find(|(sum, _)| point < u128::from(*sum));
        Scheme::decoy(step.map_or(self.configured, |(_, cost)| *cost))
    }
}

/// The key of [`Decoys::choose`].
pub(super) fn key(bytes: &[u8; 32]) -> Key {
    Key::new(HMAC_SHA256, bytes)
}
