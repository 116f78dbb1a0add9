//! Clients: applications, as in OAuth (RFC 6749 §2).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rescind_wire::{Algorithm, ClientId};
use serde::{Deserialize, Serialize};

use crate::audience::DEFAULT_ALGORITHM;
use crate::clock::Timestamp;
use crate::policy::AtLimit;
use crate::secret::SecretHash;

/// The client that first-party sign-ins belong to when they name none. It is made with the store.
pub const DEFAULT_CLIENT: &str = "default";

/// The client of people who sign in on Rescind's own pages. What it holds is a cookie, never a token; it is made with the
/// first such sign-in.
pub const PAGES_CLIENT: &str = "rescind-pages";

/// The scope that lets a client act as an administrator.
pub const ADMIN_SCOPE: &str = "rescind:admin";

/// An application.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id, chosen by whoever adds it.
    pub id: ClientId,
    /// What it is called where people read it.
    pub name: String,
    /// What kind of application it is.
    pub kind: ClientKind,
    /// Whom its tokens may be for. The issuer is always among them.
    pub audiences: Vec<String>,
    /// What its tokens may allow.
    pub scopes: Vec<String>,
    /// Its secret, hashed, if it is a confidential client (RFC 6749 §2.1).
    pub secret: Option<SecretHash>,
    /// Origins whose scripts may call the API for it (CORS); never with credentials.
    pub origins: Vec<String>,
    /// How its sessions differ from the deployment's policy.
    pub policy: ClientPolicy,
    /// When it was added.
    pub created_at: Timestamp,
    /// The last revocation of it, its birth included (R3).
    pub cut: u64,
}

impl Client {
    /// A client of Rescind's own: a browser, which has no secret and may ask for nothing beyond its sessions.
    pub fn own(id: &str, created_at: Timestamp, cut: u64) -> Self {
        Self {
            id: id.parse().unwrap_or_else(|_| unreachable!("a constant that is a client id")),
            name: "Rescind".to_owned(),
            kind: ClientKind::Browser,
            audiences: Vec::new(),
            scopes: Vec::new(),
            secret: None,
            origins: Vec::new(),
            policy: ClientPolicy::default(),
            created_at,
            cut,
        }
    }
}

/// What kind of application a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// Runs in a browser.
    Browser,
    /// Is installed on a computer.
    Native,
    /// Is installed on a phone or tablet.
    Mobile,
    /// Is a back end, acting for itself.
    Service,
}

impl ClientKind {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Native => "native",
            Self::Mobile => "mobile",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for ClientKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of client: browser, native, mobile or service")]
pub struct UnknownClientKind;

impl FromStr for ClientKind {
    type Err = UnknownClientKind;

    fn from_str(text: &str) -> Result<Self, UnknownClientKind> {
        [Self::Browser, Self::Native, Self::Mobile, Self::Service]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownClientKind)
    }
}

/// A scope of these names (RFC 6749 §3.3): a set of them, so each is there once, in the order in which they come first.
pub(crate) fn scope_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(*name)).collect::<Vec<_>>().join(" ")
}

/// Where a client's sessions differ from the deployment's policy; `None` where they do not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientPolicy {
    /// How many sessions a user may have at once with this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_limit: Option<u32>,
    /// What happens to one session too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_limit: Option<AtLimit>,
    /// Absolute lifetime of a session, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_seconds: Option<u64>,
    /// How long a session may go unused, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u64>,
    /// How old an authentication may be where a fresh one is asked for, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_seconds: Option<u64>,
    /// Whether "stay signed in" is honoured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remember: Option<bool>,
    /// Whether a session is bound to the address that it signs in from. Browser clients only: the address of a phone
    /// changes all the time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bind_address: bool,
}

impl ClientPolicy {
    /// The absolute lifetime, if it differs.
    pub fn session_lifetime(&self) -> Option<Duration> {
        self.session_seconds.map(Duration::from_secs)
    }

    /// The idle lifetime, if it differs.
    pub fn idle_lifetime(&self) -> Option<Duration> {
        self.idle_seconds.map(Duration::from_secs)
    }

    /// How old an authentication may be, if that differs.
    pub fn fresh(&self) -> Option<Duration> {
        self.fresh_seconds.map(Duration::from_secs)
    }
}

/// Someone whom tokens are for: a resource server, and how it wants them signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudienceRow {
    /// Its name, as in `aud`.
    pub name: String,
    /// How its tokens are signed.
    pub algorithm: Algorithm,
}

/// How the tokens for each audience are signed.
#[derive(Clone, Debug, Default)]
pub struct Algorithms(BTreeMap<String, Algorithm>);

impl Algorithms {
    /// As these rows say.
    pub(crate) fn new(rows: impl IntoIterator<Item = AudienceRow>) -> Self {
        Self(rows.into_iter().map(|row| (row.name, row.algorithm)).collect())
    }

    /// How tokens for this audience are signed.
    pub fn of(&self, audience: &str) -> Algorithm {
        self.0.get(audience).copied().unwrap_or(DEFAULT_ALGORITHM)
    }
}
