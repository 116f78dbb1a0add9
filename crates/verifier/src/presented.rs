//! What a caller presents.

use std::fmt;
use std::net::IpAddr;

/// An access token as it arrived, and what arrived with it.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// The token, without the scheme before it.
    pub token: &'a str,
    /// The authentication scheme that it was sent with.
    pub scheme: Scheme,
    /// The address that it came from, where the caller knows it.
    pub peer: Option<IpAddr>,
    /// The proof of possession that came with it.
    pub proof: Option<Proof<'a>>,
}

/// The authentication scheme of the `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever holds the token may use it (RFC 6750 §2.1).
    Bearer,
    /// Whoever holds the token must also prove to hold its key (RFC 9449 §7.1).
    Dpop,
}

/// A DPoP proof, and the request that it must be about (RFC 9449 §4.3).
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// The value of the `DPoP` header.
    pub jwt: &'a str,
    /// The method of the request.
    pub method: &'a str,
    /// The URI of the request, without query and fragment.
    pub uri: &'a str,
}

impl<'a> Presented<'a> {
    /// A token sent as `Authorization: Bearer`.
    pub const fn bearer(token: &'a str) -> Self {
        Self { token, scheme: Scheme::Bearer, peer: None, proof: None }
    }
}

/// Never prints the token.
impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("scheme", &self.scheme).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Never prints the proof.
impl fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("method", &self.method).field("uri", &self.uri).finish_non_exhaustive()
    }
}
