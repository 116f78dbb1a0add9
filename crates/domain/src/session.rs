//! Sessions: one sign-in on one device each.

use std::net::IpAddr;
use std::time::Duration;

use rescind_wire::{Position, SessionId, UserId};

use crate::clock::Timestamp;

/// One sign-in on one device; what a person sees as "a device".
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id, the `sid` of OpenID Connect; stable across refreshes and re-authentication.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The position of the log as read before its sign-in was checked (R2).
    pub position: Position,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last seen: the later of the last recorded activity and the last rotation of a refresh token.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest, however much it is used.
    pub expires_at: Timestamp,
    /// How long it may go unused.
    pub idle_lifetime: Duration,
    /// The address it signed in from, unless addresses are not stored.
    pub address: Option<IpAddr>,
    /// The `User-Agent` it signed in with.
    pub user_agent: Option<String>,
    /// The name that was given to it, if one was.
    pub name: Option<String>,
    /// How the user authenticated (RFC 8176), e.g. `pwd`.
    pub amr: Vec<String>,
    /// When the user last authenticated.
    pub auth_time: Timestamp,
    /// Whether the user asked to stay signed in.
    pub remembered: bool,
    /// What it is bound to.
    pub binding: Binding,
    /// A JSON object of the application's, at most 4,096 bytes.
    pub metadata: Option<String>,
    /// How it ended, if it was ended on its own. Revocations of a wider scope are not written here (R5).
    pub ended: Option<Ended>,
}

/// The revocation that ended one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its number in the log.
    pub number: u64,
    /// When.
    pub at: Timestamp,
}

/// What a session is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Nothing.
    None,
    /// The address that it signed in from: checked on refresh and by the authority's own API, never in a token.
    Address(IpAddr),
}

impl Binding {
    /// Whether a request from `address` satisfies the binding. An address that is not known satisfies none.
    pub fn admits(self, address: Option<IpAddr>) -> bool {
        match self {
            Self::None => true,
            Self::Address(bound) => address == Some(bound),
        }
    }
}

/// Why a session is over without having been revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Its absolute lifetime has passed.
    Absolute,
    /// It was not used for longer than its idle lifetime.
    Idle,
}

impl Session {
    /// Whether and how the session has expired at `now` (the steady clock).
    pub fn expiry(&self, now: Timestamp) -> Option<Expiry> {
        if now >= self.expires_at {
            return Some(Expiry::Absolute);
        }
        (now >= self.last_seen_at.after(self.idle_lifetime)).then_some(Expiry::Idle)
    }

    /// When the session runs out, unless it is used before.
    pub fn runs_out_at(&self) -> Timestamp {
        self.expires_at.min(self.last_seen_at.after(self.idle_lifetime))
    }

    /// Whether the user authenticated within `max_age` before `now`. An authentication in the future, which only a
    /// clock that was set back can show, is not fresh.
    pub fn is_fresh(&self, now: Timestamp, max_age: Duration) -> bool {
        now.since(self.auth_time).is_some_and(|age| age <= max_age)
    }
}
