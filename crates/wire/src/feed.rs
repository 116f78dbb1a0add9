//! What a verifier and an authority say to each other on the feed: one JSON text message each, on a WebSocket (RFC 6455)
//! of the subprotocol [`SUBPROTOCOL`]. `docs/feed.md` tells the order in which they are said.
//!
//! A message or a scope of an unknown kind is an error, never skipped (R7). Members that are unknown are ignored, so that
//! the authority may add some.

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::key::Jwk;
use crate::position::{Epochs, Position};

/// The WebSocket subprotocol (RFC 6455 §1.9).
pub const SUBPROTOCOL: &str = "rescind.feed.v1";

/// The scope of the client-credentials token that may follow the feed.
pub const FEED_SCOPE: &str = "rescind:feed";

/// The longest message that a verifier may send, in bytes.
pub const MAX_REQUEST: usize = 4 * 1024;

/// The longest message that the authority sends, in bytes.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The most entries in one message.
pub const MAX_ENTRIES: usize = 4096;

/// The longest name of a verifier, in bytes.
pub const MAX_NAME: usize = 100;

/// The shortest lease that a verifier may declare, in milliseconds.
pub const MIN_LEASE: u64 = 1_000;

/// The lease that a verifier declares unless configured, in milliseconds.
pub const DEFAULT_LEASE: u64 = 5_000;

/// What a verifier says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// The first message: who follows, and from where on.
    Hello(Hello),
    /// Everything up to a position is applied: `verify` already sees it.
    Ack(Ack),
    /// The verifier has dropped its lease for good. The last message.
    Goodbye,
}

/// How a verifier begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What the verifier calls itself, for people: 1 to [`MAX_NAME`] bytes.
    pub verifier: String,
    /// For how long it accepts tokens after an acknowledgement, in milliseconds: from [`MIN_LEASE`] to what the authority
    /// permits.
    pub lease_ms: u64,
    /// What it has; nothing if it needs a whole snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// What a verifier has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The last entry that it applied.
    pub position: Position,
    /// The tag of that entry (R9), if the verifier ever saw that entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// An acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ack {
    /// Everything up to here is applied.
    pub position: u64,
    /// The acknowledgement's own number: from 1, greater each time, per connection.
    pub number: u64,
}

/// What the authority says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// A whole snapshot begins: entries from `floor + 1` to `position` follow, and only then it is one.
    Snapshot(Snapshot),
    /// Only what is newer than what the verifier has follows.
    Resume(Resume),
    /// Entries, in order.
    Entries(Entries),
    /// The authority counts on the lease of the acknowledgement of this number: it runs from just before that was
    /// written.
    Echo {
        /// The acknowledgement's number.
        number: u64,
    },
    /// The authority closes the connection.
    Close {
        /// Why.
        reason: Closing,
        /// The same for people, and what to do.
        detail: String,
    },
}

/// All that a verifier must know to begin, but for the entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The epochs of the log.
    pub epochs: Epochs,
    /// The last entry that is part of the snapshot.
    pub position: u64,
    /// The greatest position that may be forgotten (R10).
    pub floor: u64,
    /// When the entry at the floor was written, in milliseconds since the Unix epoch; 0 if the floor is. Only foreign
    /// tokens, which carry no position, are judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor_at: Option<u64>,
    /// The longest lifetime that a token still alive may have, in seconds.
    pub longest_lifetime: u64,
    /// The signing keys that are trusted at `position`.
    pub keys: Vec<Jwk>,
}

/// What a verifier that has most of it must know to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The greatest position that may be forgotten (R10).
    pub floor: u64,
    /// The longest lifetime that a token still alive may have, in seconds.
    pub longest_lifetime: u64,
}

/// Entries that committed, or what changed beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// The entries: dense, at most [`MAX_ENTRIES`].
    pub entries: Vec<Entry>,
    /// The greatest position that may be forgotten (R10).
    pub floor: u64,
    /// The longest lifetime that a token still alive may have, in seconds.
    pub longest_lifetime: u64,
}

/// Why the authority closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The verifier said something that is no request, or not in its turn.
    Protocol,
    /// The declared lease is not one that the authority permits.
    Lease,
    /// This client has as many connections as it may.
    TooMany,
    /// The client was revoked, or an administrator evicted the verifier.
    Evicted,
    /// The verifier does not read as fast as the log grows.
    TooSlow,
    /// The acknowledgement came after its lease had ended.
    Lapsed,
    /// A new epoch began: a snapshot is needed.
    Epoch,
    /// The tag that the verifier gave is none that this authority made.
    ForgedTag,
    /// The authority stops, or has lost its own lease.
    Stopping,
}

impl Closing {
    /// As the message spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Lease => "lease",
            Self::TooMany => "too_many",
            Self::Evicted => "evicted",
            Self::TooSlow => "too_slow",
            Self::Lapsed => "lapsed",
            Self::Epoch => "epoch",
            Self::ForgedTag => "forged_tag",
            Self::Stopping => "stopping",
        }
    }
}
