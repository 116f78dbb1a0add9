//! What a check returns, and nothing else can make.

use std::fmt;
use std::sync::Arc;

use rescind_wire::{AccessClaims, ClientId, KeyId, Position, SessionId, Subject, UserId};

use crate::cache::Remembered;

/// A token that was accepted a moment ago. To be used at once: what is revoked a moment later is not visible here.
#[derive(Clone)]
pub struct Verified {
    token: Arc<Remembered>,
    ahead: bool,
}

impl Verified {
    pub(crate) const fn new(token: Arc<Remembered>, ahead: bool) -> Self {
        Self { token, ahead }
    }

    #[cfg(feature = "live")]
    pub(crate) const fn token(&self) -> &Arc<Remembered> {
        &self.token
    }

    /// All that the token says.
    pub fn claims(&self) -> &AccessClaims {
        &self.token.claims
    }

    /// Whom the token is about: a user, or a client that acts for itself.
    pub fn subject(&self) -> &Subject {
        &self.claims().sub
    }

    /// The user, unless a client acts for itself.
    pub fn user(&self) -> Option<&UserId> {
        self.claims().user()
    }

    /// The session: there exactly if the subject is a user.
    pub fn session(&self) -> Option<&SessionId> {
        self.claims().sid.as_ref()
    }

    /// The client that the token was given to.
    pub fn client(&self) -> &ClientId {
        &self.claims().client_id
    }

    /// Whether `scope` is among the token's scopes.
    pub fn allows(&self, scope: &str) -> bool {
        self.claims().allows(scope)
    }

    /// The position that the token was issued at.
    pub fn position(&self) -> Position {
        self.claims().rev
    }

    /// When the token expires, in seconds since the Unix epoch.
    pub fn expires(&self) -> u64 {
        self.claims().exp
    }

    /// The key that it was signed with.
    pub fn key(&self) -> &KeyId {
        self.token.pin.key().id()
    }

    /// The token's position is beyond the verifier's own. A verifier lags, so this is no fault; to whoever can read the
    /// head of the log it may be proof that the store went back (R9), and the authority's own API reads it then.
    pub const fn ahead(&self) -> bool {
        self.ahead
    }
}

/// Never prints more than ids.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims = self.claims();
        f.debug_struct("Verified")
            .field("subject", &claims.sub)
            .field("session", &claims.sid)
            .field("client", &claims.client_id)
            .field("position", &claims.rev)
            .field("ahead", &self.ahead)
            .finish_non_exhaustive()
    }
}

/// A token that this authority did sign for this audience — and that may have expired, or been revoked, long ago. It
/// says which session to end, never that anything is allowed.
#[derive(Clone)]
pub struct Authentic {
    claims: AccessClaims,
    key: KeyId,
}

impl Authentic {
    pub(crate) const fn new(claims: AccessClaims, key: KeyId) -> Self {
        Self { claims, key }
    }

    /// All that the token says. It may have expired or been revoked.
    pub const fn claims(&self) -> &AccessClaims {
        &self.claims
    }

    /// The key that it was signed with.
    pub const fn key(&self) -> &KeyId {
        &self.key
    }
}

/// Never prints more than ids.
impl fmt::Debug for Authentic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentic")
            .field("subject", &self.claims.sub)
            .field("session", &self.claims.sid)
            .field("client", &self.claims.client_id)
            .finish_non_exhaustive()
    }
}
