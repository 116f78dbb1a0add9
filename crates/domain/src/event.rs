//! Events: whatever happens, written in the transaction in which it happens. Audit, webhooks, back-channel logout and
//! shared signals replay them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rescind_wire::{ClientId, SessionId, UserId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::clock::Timestamp;
use crate::revocation::Actor;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it is stored and shown; stable.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// An account was made.
    UserCreated = "user_created",
    /// Accounts were taken over from another system.
    UserImported = "user_imported",
    /// An account was deleted, and everything of it ended.
    UserDeleted = "user_deleted",
    /// An account was locked, and everything of it ended.
    UserLocked = "user_locked",
    /// A lock was taken away.
    UserUnlocked = "user_unlocked",
    /// An account's external id or metadata was changed.
    UserChanged = "user_changed",
    /// An account's role was changed.
    RoleChanged = "role_changed",
    /// A user changed the password; every other session ended.
    PasswordChanged = "password_changed",
    /// A password was set by somebody else; every session ended.
    PasswordReset = "password_reset",
    /// A stored hash was replaced by a stronger one of the same password.
    PasswordUpgraded = "password_upgraded",
    /// A device signed in.
    SignedIn = "signed_in",
    /// A sign-in failed.
    SignInFailed = "sign_in_failed",
    /// A user authenticated again in a session.
    Reauthenticated = "reauthenticated",
    /// A user failed to authenticate again in a session.
    ReauthenticationFailed = "reauthentication_failed",
    /// A device signed out, or was signed out.
    SessionEnded = "session_ended",
    /// A session made room for a newer one.
    SessionDisplaced = "session_displaced",
    /// Several sessions of a user were signed out at once.
    SessionsEnded = "sessions_ended",
    /// Somebody asked to end a session that is not theirs, or never was.
    SessionEndRefused = "session_end_refused",
    /// A session's name or metadata was changed.
    SessionChanged = "session_changed",
    /// A refresh token, or a cookie of the pages, came back after its grace time; its session ended.
    RefreshReused = "refresh_reused",
    /// A refresh was refused without ending anything.
    RefreshRefused = "refresh_refused",
    /// A client showed a wrong secret, or somebody in its name. Of many, one a minute is written, with their number.
    ClientAuthenticationFailed = "client_authentication_failed",
    /// A client was added.
    ClientAdded = "client_added",
    /// A client was changed.
    ClientChanged = "client_changed",
    /// A client was removed, and everything given to it ended.
    ClientRemoved = "client_removed",
    /// Something of a wider scope was revoked.
    Revoked = "revoked",
    /// A key was added.
    KeyAdded = "key_added",
    /// A key was revoked.
    KeyRevoked = "key_revoked",
    /// The store went back, or was restored: a new epoch began.
    EpochBegun = "epoch_begun",
    /// The connection of a verifier was closed.
    VerifierEvicted = "verifier_evicted",
    /// The first administrator was made.
    SetUp = "set_up",
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event about to be written.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Whom it is about.
    pub user: Option<UserId>,
    /// Which of their sessions.
    pub session: Option<SessionId>,
    /// Which application.
    pub client: Option<ClientId>,
    /// Who did it.
    pub actor: Actor,
    /// From where, unless addresses are not stored.
    pub address: Option<IpAddr>,
    /// The revocation that it came with. The store fills it in for an ending.
    pub revocation: Option<u64>,
    /// A few words more.
    pub detail: Option<String>,
}

impl NewEvent {
    /// An event of this kind, without anything optional.
    pub const fn new(at: Timestamp, kind: EventKind, actor: Actor) -> Self {
        Self { at, kind, user: None, session: None, client: None, actor, address: None, revocation: None, detail: None }
    }

    /// About this user.
    #[must_use]
    pub const fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// About this session.
    #[must_use]
    pub const fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// About this client.
    #[must_use]
    pub fn client(mut self, client: ClientId) -> Self {
        self.client = Some(client);
        self
    }

    /// From this address.
    #[must_use]
    pub const fn from(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    /// With a few words more.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// An event that was written.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id: increasing in commit order.
    pub id: u64,
    /// What was written.
    pub what: NewEvent,
}

/// The id of an event, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId(pub u64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evt_{}", self.0)
    }
}

impl FromStr for EventId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("evt_").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        // Engines count in signed 64-bit integers.
        let number = digits.and_then(|digits| digits.parse::<i64>().ok()).and_then(|n| u64::try_from(n).ok());
        number.map(Self).ok_or("the id of an event")
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::EventId;

    #[test]
    fn the_id_of_an_event_reads_back_what_it_wrote_and_nothing_else() {
        assert_eq!("evt_42".parse(), Ok(EventId(42)));
        assert_eq!(EventId(42).to_string(), "evt_42");
        for bad in ["", "42", "evt_", "evt_-1", "evt_+1", "evt_1x", "evt_9223372036854775808"] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }
}
