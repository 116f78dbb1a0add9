//! The same for administrators: everybody's accounts and sessions, clients, keys, the logs. Whether a caller is one is
//! found out by each verb, in the store.

pub(crate) mod change;
pub(crate) mod client;
pub(crate) mod event;
pub(crate) mod history;
pub(crate) mod key;
pub(crate) mod preview;
pub(crate) mod revocation;
pub(crate) mod session;
pub(crate) mod user;
pub(crate) mod verifier;

use serde::Deserialize;
use utoipa::IntoParams;

/// Why something is ended.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Why {
    /// Why, for the log: at most 500 bytes.
    #[param(max_length = 500)]
    reason: Option<String>,
}

impl Why {
    /// The reason that was given, or this one.
    fn or(self, usual: &str) -> String {
        self.reason.filter(|reason| !reason.trim().is_empty()).unwrap_or_else(|| usual.to_owned())
    }
}
