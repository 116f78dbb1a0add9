//! What Rescind's parts say to each other: what a token says, what one entry of the revocation log says, positions, key
//! sets — and the one rule ([`standing`]) that decides whether a thing that was issued is still alive.
//!
//! No I/O and no clock: everything here is a value or a pure function, so that the authority, the verifier and any
//! tool judge alike.

pub mod claims;
pub mod entry;
pub mod feed;
pub mod foreign;
pub mod id;
pub mod json;
pub mod jwt;
pub mod key;
pub mod position;
pub mod scope;
pub mod standing;

pub use claims::{AccessClaims, Audience, Subject};
pub use entry::{Change, Entry};
pub use foreign::ForeignClaims;
pub use id::{ClientId, ForeignId, InvalidId, Issuer, KeyId, SessionId, TokenId, UserId};
pub use key::{Algorithm, Jwk, JwkSet};
pub use position::{Epoch, Epochs, Place, Position};
pub use scope::Scope;
pub use standing::{Cause, Cuts, Standing, Thing, UserCut, standing};
