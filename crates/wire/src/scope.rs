//! What a revocation covers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ClientId, ForeignId, Issuer, KeyId, SessionId, TokenId, UserId};

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
    /// All tokens of another issuer. They carry no position, so this and the two below are judged by time
    /// ([`is_cut`](crate::foreign::is_cut)).
    ForeignIssuer {
        /// The issuer.
        issuer: Issuer,
    },
    /// The tokens of one subject of another issuer.
    ForeignSubject {
        /// The issuer.
        issuer: Issuer,
        /// Its `sub`.
        subject: ForeignId,
    },
    /// The tokens of one session at another issuer, and those that name no session and may be of it: of the subject, if one
    /// is given, else of the issuer.
    ForeignSession {
        /// The issuer.
        issuer: Issuer,
        /// Its `sid`.
        session: ForeignId,
        /// Whose session it is, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<ForeignId>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands out a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Scope {
    /// The other issuer whose tokens it covers, if it does not cover the authority's own.
    pub const fn foreign_issuer(&self) -> Option<&Issuer> {
        match self {
            Self::ForeignIssuer { issuer }
            | Self::ForeignSubject { issuer, .. }
            | Self::ForeignSession { issuer, .. } => Some(issuer),
            Self::Everyone { .. }
            | Self::Client { .. }
            | Self::User { .. }
            | Self::Grant { .. }
            | Self::Session { .. }
            | Self::Token { .. }
            | Self::Key { .. } => None,
        }
    }

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
            Self::ForeignIssuer { .. } => "foreign_issuer",
            Self::ForeignSubject { .. } => "foreign_subject",
            Self::ForeignSession { .. } => "foreign_session",
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
            Self::ForeignIssuer { issuer } => write!(f, "issuer {issuer}"),
            Self::ForeignSubject { issuer, subject } => write!(f, "subject {subject} of issuer {issuer}"),
            Self::ForeignSession { issuer, session, .. } => write!(f, "session {session} of issuer {issuer}"),
        }
    }
}
