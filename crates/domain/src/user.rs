//! Users: accounts of people.

use std::fmt;
use std::str::FromStr;

use rescind_wire::{UserCut, UserId};

use crate::clock::Timestamp;
use crate::password::PasswordHash;

/// The longest metadata object that an application may set on a user or a session, in bytes of JSON.
pub const MAX_METADATA: usize = 4096;

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id, never used again after it.
    pub id: UserId,
    /// The login name as it was chosen.
    pub login: String,
    /// The login name in the form that is unique and looked up.
    pub login_key: String,
    /// The password, hashed; none for an account that cannot sign in with one.
    pub password: Option<PasswordHash>,
    /// What the account may do.
    pub role: Role,
    /// Whether it may sign in.
    pub state: UserState,
    /// The id that another system knows it by.
    pub external_id: Option<String>,
    /// A JSON object of the application's, at most [`MAX_METADATA`] bytes.
    pub metadata: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// All that its revocations come to.
    pub cut: UserCut,
}

impl User {
    /// Whether the account may sign in at `now`.
    pub fn lock_at(&self, now: Timestamp) -> Option<&Lock> {
        match &self.state {
            UserState::Locked(lock) if lock.until.is_none_or(|until| now < until) => Some(lock),
            UserState::Active | UserState::Locked(_) | UserState::Deleted { .. } => None,
        }
    }
}

/// What an account may do. Read from the store at each act, never from a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its own sessions and settings.
    User,
    /// Everybody's.
    Administrator,
}

impl Role {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::User, Self::Administrator].into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a role: user or administrator")]
pub struct UnknownRole;

/// Whether an account may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserState {
    /// It may.
    Active,
    /// It may not, until the lock runs out or is taken away.
    Locked(Lock),
    /// It is gone; only its id stays, so that nothing takes it up again.
    Deleted {
        /// When.
        at: Timestamp,
    },
}

/// A lock of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Since when.
    pub since: Timestamp,
    /// Until when; without an end if `None`.
    pub until: Option<Timestamp>,
    /// Why, in the words of whoever locked it.
    pub reason: String,
}
