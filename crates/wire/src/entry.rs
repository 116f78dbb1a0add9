//! One entry of the revocation log, as the feed carries it: without reason and actor.

use serde::{Deserialize, Serialize};

use crate::key::Jwk;
use crate::scope::Scope;

/// One entry of the log. Entries revoke, or add a signing key; both take positions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The entry's number: dense, from 1, in commit order.
    #[serde(rename = "position")]
    pub number: u64,
    /// When it was written, on the authority's wall clock, in milliseconds since the Unix epoch. Only foreign tokens,
    /// which carry no position, are judged by it.
    pub at: u64,
    /// What it does.
    #[serde(flatten)]
    pub change: Change,
    /// Random bytes and their MAC over epoch and number (R9), base64url: a verifier returns the tag of the last entry
    /// that it has, which proves to a store that went back that it did.
    pub tag: String,
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Ends everything in the scope that was issued before this entry.
    Revoke(Scope),
    /// Verifiers pin this key from here on.
    AddKey(Jwk),
}
