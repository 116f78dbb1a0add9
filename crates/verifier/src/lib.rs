//! Checks Rescind's access tokens inside your own process, at memory speed, and refuses them the moment they are revoked.
//!
//! A [`Verifier`] answers: it does no I/O, asks nobody, and takes no lock. A [`Keeper`] is its other half, the single
//! writer that keeps it current with what the authority's feed says: the revocation log's entries, the signing keys, the
//! floor, and the lease until which the verifier may accept at all. In doubt the answer is
//! [`Rejected::Unavailable`], never an acceptance.
//!
//! ```
//! use rescind_verifier::{Presented, Rejected, Verifier};
//!
//! let (verifier, _keeper) = Verifier::builder("https://id.example").audience("https://api.example").parts()?;
//! // Nothing was heard from the authority yet, so nothing is accepted.
//! let rejected = verifier.verify(&Presented::bearer("eyJ…")).unwrap_err();
//! assert!(rejected.is_unavailable());
//! # Ok::<(), rescind_verifier::SetupError>(())
//! ```
#![deny(missing_docs)]

mod acks;
mod builder;
mod cache;
mod claims;
mod clock;
mod counters;
mod ed25519;
pub mod exposition;
#[cfg(feature = "follow")]
pub mod follow;
pub mod foreign;
mod generation;
mod keeper;
pub mod keys;
#[cfg(feature = "live")]
mod live;
mod presented;
mod records;
mod rejected;
mod subscription;
mod table;
mod verified;
mod verifier;
mod weak;
#[cfg(feature = "tower")]
pub mod web;

pub use acks::Acks;
pub use builder::{Builder, DEFAULT_SKEW, MAX_SKEW, SetupError};
pub use claims::MAX_LIFETIME;
pub use clock::{Clock, SystemClock};
pub use counters::Health;
pub use foreign::{Accepted, Foreign, ForeignError, VerifiedForeign};
pub use keeper::{Broken, Held, Keeper, Snapshot};
pub use keys::{InvalidKey, PinnedKeys, PublicKey};
pub use presented::{Presented, Proof, Scheme};
pub use rejected::{Break, Reason, Rejected};
pub use subscription::{Next, Subscription, Unfollowable};
pub use verified::{Authentic, Verified};
pub use verifier::Verifier;

/// The examples of the manual and of the README compile.
#[cfg(all(doctest, feature = "axum", feature = "follow"))]
#[doc = include_str!("../../../docs/verifier.md")]
#[doc = include_str!("../README.md")]
mod manual {}
