//! Server keys: for signing access tokens, and for the MACs of refresh tokens and log tags.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_DNSSEC;
use rescind_wire::{Algorithm, Jwk, KeyId};

use crate::clock::Timestamp;

/// A key as the store has it: its secret part sealed under the root key.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Its name.
    pub id: KeyId,
    /// What it is for.
    pub purpose: Purpose,
    /// The public part of a signing key.
    pub public: Option<Jwk>,
    /// The secret part, sealed.
    pub sealed: Vec<u8>,
    /// The log entry that added it; for a MAC key the head as it was made.
    pub added: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a newer key of the same purpose took over; it still verifies for as long as its tokens can live.
    pub superseded_at: Option<Timestamp>,
    /// The log entry that revoked it.
    pub revoked: Option<u64>,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing access tokens.
    Sign(Algorithm),
    /// MACs of refresh tokens and log tags.
    Mac,
}

impl Purpose {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sign(algorithm) => algorithm.as_str(),
            Self::Mac => "HMAC-SHA256",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Purpose {
    type Err = rescind_wire::key::UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::Mac.as_str() { Ok(Self::Mac) } else { text.parse().map(Self::Sign) }
    }
}

/// The name of a MAC key as refresh tokens carry it: 8 random bytes. Its [`KeyId`] is `mac_` and their base32hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacKeyId(pub [u8; 8]);

impl MacKeyId {
    const PREFIX: &str = "mac_";

    /// The name as the log and people write it.
    pub fn key_id(self) -> KeyId {
        let text = format!("{}{}", Self::PREFIX, BASE32_DNSSEC.encode(&self.0));
        text.parse().unwrap_or_else(|_| unreachable!("base32hex is made of unreserved characters"))
    }

    /// The short name of a MAC key's [`KeyId`].
    pub fn of(id: &KeyId) -> Option<Self> {
        let bytes = BASE32_DNSSEC.decode(id.as_str().strip_prefix(Self::PREFIX)?.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}
