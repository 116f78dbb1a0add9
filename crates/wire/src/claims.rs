//! What an access token says (RFC 9068 §2.2), with `sid` and `rev`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{ClientId, SessionId, TokenId, UserId, text_serde};
use crate::position::Position;
use crate::standing::Thing;

/// The claims of an access token. It carries no personal data beyond ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is about.
    pub sub: Subject,
    /// For whom it is.
    pub aud: Audience,
    /// The client that it was given to (RFC 8693 §4.3).
    pub client_id: ClientId,
    /// When it was issued, in seconds since the Unix epoch.
    pub iat: u64,
    /// When it expires, in seconds since the Unix epoch.
    pub exp: u64,
    /// Not before, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub nbf: Option<u64>,
    /// Its own id.
    pub jti: TokenId,
    /// The position of the revocation log as read before the checks that the token vouches for (R2).
    pub rev: Position,
    /// The session, where the subject is a user.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub sid: Option<SessionId>,
    /// What it allows: names separated by single spaces (RFC 6749 §3.3).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// When the user last authenticated, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub auth_time: Option<u64>,
    /// How the user authenticated (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The authentication context class.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub acr: Option<String>,
    /// The key that whoever presents the token must prove to hold (RFC 7800, RFC 9449 §6.1).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub cnf: Option<Confirmation>,
}

/// A member that is there must have a value: `null` is neither absent nor valid.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl AccessClaims {
    /// The user, unless a client acts for itself.
    pub const fn user(&self) -> Option<&UserId> {
        match &self.sub {
            Subject::User(user) => Some(user),
            Subject::Client(_) => None,
        }
    }

    /// Whether `name` is among the scopes.
    pub fn allows(&self, name: &str) -> bool {
        self.scope.split(' ').any(|scope| scope == name)
    }

    /// What the one rule judges, given the key that the signature was made with.
    pub fn thing<'a>(&'a self, key: &'a crate::KeyId) -> Thing<'a> {
        Thing {
            user: self.user(),
            session: self.sid.as_ref(),
            client: Some(&self.client_id),
            token: Some(&self.jti),
            key: Some(key),
            position: self.rev,
            authorized: self.rev,
        }
    }
}

/// Whom a token is about: a user, or a client that acts for itself (RFC 9068 §5).
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person.
    User(UserId),
    /// A client acting for itself.
    Client(ClientId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(f),
            Self::Client(client) => client.fmt(f),
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Subject {
    type Err = crate::InvalidId;

    fn from_str(text: &str) -> Result<Self, crate::InvalidId> {
        if text.starts_with(UserId::PREFIX) { text.parse().map(Self::User) } else { text.parse().map(Self::Client) }
    }
}

text_serde!(Subject);

/// `aud`: one name, or a list of names (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One name.
    One(String),
    /// Several names.
    Many(Vec<String>),
}

impl Audience {
    /// The shortest form of these names.
    pub fn of(mut names: Vec<String>) -> Self {
        if names.len() == 1 { Self::One(names.remove(0)) } else { Self::Many(names) }
    }

    /// Whether `name` is one of the names.
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|own| own == name)
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

/// What proves possession (RFC 7800 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The SHA-256 thumbprint of a `DPoP` key (RFC 9449 §6.1), base64url.
    pub jkt: String,
}
