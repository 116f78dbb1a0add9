//! What a revocation covers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};

/// What a revocation covers. A kind that this version does not know cannot be read, and whoever meets it must refuse
/// what it cannot judge (R7). `tenant` is reserved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// All users; clients that act for themselves too, when `services` says so.
    Everyone {
        /// Whether clients that act for themselves are covered.
        #[serde(default, skip_serializing_if = "is_false")]
        services: bool,
    },
    /// Everything that was given to one client, for any user and for itself.
    Client {
        /// The client.
        client: ClientId,
    },
    /// All sessions of a user.
    User {
        /// The user.
        user: UserId,
        /// The one session that goes on. It is protected from this entry only (R3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        except: Option<SessionId>,
        /// The account was deleted: terminal, whatever the position (R3).
        #[serde(default, skip_serializing_if = "is_false")]
        deleted: bool,
    },
    /// What one user's sessions hold for one client.
    Grant {
        /// The user.
        user: UserId,
        /// The client.
        client: ClientId,
    },
    /// One session: terminal, whatever the position.
    Session {
        /// The user whose session it is.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// One access token: terminal, whatever the position.
    Token {
        /// Its `jti`.
        token: TokenId,
    },
    /// Everything made with one key: terminal, whatever the position, for its thief can write any `rev`.
    Key {
        /// Its `kid`.
        key: KeyId,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands out a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Scope {
    /// The kind, as written in `type`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Everyone { .. } => "everyone",
            Self::Client { .. } => "client",
            Self::User { .. } => "user",
            Self::Grant { .. } => "grant",
            Self::Session { .. } => "session",
            Self::Token { .. } => "token",
            Self::Key { .. } => "key",
        }
    }
}

/// For people: `user usr_… except ses_…`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone { services: false } => f.write_str("everyone"),
            Self::Everyone { services: true } => f.write_str("everyone, services too"),
            Self::Client { client } => write!(f, "client {client}"),
            Self::User { user, except, deleted } => {
                write!(f, "user {user}")?;
                if let Some(session) = except {
                    write!(f, " except {session}")?;
                }
                if *deleted { f.write_str(" (deleted)") } else { Ok(()) }
            }
            Self::Grant { user, client } => write!(f, "grant of client {client} by {user}"),
            Self::Session { session, .. } => write!(f, "session {session}"),
            Self::Token { token } => write!(f, "token {token}"),
            Self::Key { key } => write!(f, "key {key}"),
        }
    }
}
