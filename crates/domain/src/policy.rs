//! What the deployment decides.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::{Client, ClientKind};

/// The deployment's policy. A client's own policy may differ in some of it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `iss` of everything issued, and the audience of the authority's own API.
    pub issuer: String,
    /// Whether people may make accounts for themselves.
    pub sign_up: bool,
    /// Whether addresses are stored.
    pub store_addresses: bool,
    /// Lifetime of an access token, 20 s to 1 day.
    pub access_lifetime: Duration,
    /// The longest lifetime of the tokens of other issuers that verifiers accept: zero without any.
    pub foreign_lifetime: Duration,
    /// Absolute lifetime of a session that is remembered.
    pub remembered_lifetime: Duration,
    /// Absolute lifetime of a session that is not.
    pub session_lifetime: Duration,
    /// How long a remembered session may go unused.
    pub remembered_idle: Duration,
    /// How long a session that is not remembered may go unused.
    pub session_idle: Duration,
    /// The longest absolute lifetime that a client's own policy may give its sessions.
    pub longest_session: Duration,
    /// The longest time without use that a client's own policy may give its sessions.
    pub longest_idle: Duration,
    /// How long after a rotation the same successor is given again.
    pub refresh_grace: Duration,
    /// How old an authentication may be where a fresh one is asked for.
    pub fresh: Duration,
    /// How far apart clocks may be.
    pub skew: Duration,
    /// How many sessions a user may have at once.
    pub session_limit: Option<u32>,
    /// What happens to one session too many.
    pub at_limit: AtLimit,
    /// How long a lock lasts unless told otherwise.
    pub lock: Duration,
    /// How long ended and expired sessions are kept.
    pub retention: Duration,
    /// How long events are kept.
    pub event_retention: Duration,
    /// How often signing keys are replaced; never if `None`.
    pub rotate_keys: Option<Duration>,
}

/// What happens to one session too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtLimit {
    /// The oldest ends.
    EndOldest,
    /// The new one is refused.
    Refuse,
}

/// How long a new session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// However much it is used.
    pub absolute: Duration,
    /// Without being used.
    pub idle: Duration,
    /// Whether it is remembered.
    pub remembered: bool,
}

/// Issuing later than this after the log was read is refused (R2).
pub const ISSUE_WITHIN: Duration = Duration::from_secs(30);

impl Policy {
    /// How long a new session of `client` lives.
    pub fn lifetimes(&self, client: &Client, remember: bool) -> Lifetimes {
        let remembered = remember && client.policy.remember.unwrap_or(true);
        let (absolute, idle) = if remembered {
            (self.remembered_lifetime, self.remembered_idle)
        } else {
            (self.session_lifetime, self.session_idle)
        };
        // A client may have been added before the deployment allowed less.
        Lifetimes {
            absolute: client.policy.session_lifetime().map_or(absolute, |own| own.min(self.longest_session)),
            idle: client.policy.idle_lifetime().map_or(idle, |own| own.min(self.longest_idle)),
            remembered,
        }
    }

    /// How many sessions a user may have at once when signing in with `client`.
    pub fn limit(&self, client: &Client) -> Option<u32> {
        client.policy.session_limit.or(self.session_limit)
    }

    /// What happens to one session too many of somebody who signs in with `client`.
    pub fn at_limit(&self, client: &Client) -> AtLimit {
        client.policy.at_limit.unwrap_or(self.at_limit)
    }

    /// How old an authentication may be where a caller with a token of `client` needs a fresh one.
    pub fn fresh(&self, client: Option<&Client>) -> Duration {
        client.and_then(|client| client.policy.fresh()).unwrap_or(self.fresh)
    }

    /// Whether sessions of `client` are bound to their address.
    pub fn binds_address(&self, client: &Client) -> bool {
        client.policy.bind_address && client.kind == ClientKind::Browser
    }

    /// How long an entry of the log covers tokens that may still be presented: what must pass before the floor may pass
    /// the entry (R10), given the longest lifetime in force since.
    pub fn retention_of_entries(&self, longest: Duration) -> Duration {
        longest + self.skew + Duration::from_mins(1)
    }
}
