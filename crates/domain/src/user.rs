//! Users: accounts of people.

use std::fmt;
use std::str::FromStr;

use rescind_wire::{UserCut, UserId};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::password::PasswordHash;

/// The longest metadata object that an application may set on a user or a session, in bytes of JSON.
pub const MAX_METADATA: usize = 4096;

/// The longest external id, in characters.
pub const MAX_EXTERNAL_ID: usize = 255;

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

/// What an account is given besides login name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Particulars {
    /// What it may do.
    pub role: Role,
    /// The id that another system knows it by.
    pub external_id: Option<String>,
    /// A JSON object of at most [`MAX_METADATA`] bytes.
    pub metadata: Option<String>,
}

impl From<Role> for Particulars {
    fn from(role: Role) -> Self {
        Self { role, external_id: None, metadata: None }
    }
}

/// Whether these may be an account's: an external id of 1 to [`MAX_EXTERNAL_ID`] characters, none of them a control
/// character, and metadata that is a JSON object of at most [`MAX_METADATA`] bytes.
///
/// # Errors
/// [`Error::Invalid`], which names the field.
pub fn check_data(external_id: Option<&str>, metadata: Option<&str>) -> Result<(), Error> {
    let fits = |id: &str| (1..=MAX_EXTERNAL_ID).contains(&id.chars().count()) && !id.chars().any(char::is_control);
    if !external_id.is_none_or(fits) {
        let problem = format!("1 to {MAX_EXTERNAL_ID} characters, no control characters");
        return Err(Error::Invalid { field: "external_id", problem });
    }
    metadata.map_or(Ok(()), check_metadata)
}

/// Metadata, of a session too, is a JSON object, and small.
pub(crate) fn check_metadata(text: &str) -> Result<(), Error> {
    let problem = if text.len() > MAX_METADATA {
        format!("at most {MAX_METADATA} bytes of JSON")
    } else if rescind_wire::json::from_slice::<serde_json::Map<String, serde_json::Value>>(text.as_bytes(), 16).is_err()
    {
        "a JSON object, without duplicate members, nested at most 16 deep".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::Invalid { field: "metadata", problem })
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
