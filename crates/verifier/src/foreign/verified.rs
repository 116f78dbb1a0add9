//! What a check of another issuer's token returns, and nothing else can make.

use std::fmt;
use std::sync::Arc;

use rescind_wire::{ForeignClaims, ForeignId, Issuer, KeyId};

use super::trusted::RememberedForeign;

/// A token of another issuer that was accepted a moment ago. To be used at once: what is revoked a moment later is not
/// visible here. Another type than [`Verified`](crate::Verified), so that nobody takes one issuer's `sub` for another's user.
#[derive(Clone)]
pub struct VerifiedForeign {
    token: Arc<RememberedForeign>,
}

impl VerifiedForeign {
    pub(super) const fn new(token: Arc<RememberedForeign>) -> Self {
        Self { token }
    }

    #[cfg(feature = "live")]
    pub(crate) const fn token(&self) -> &Arc<RememberedForeign> {
        &self.token
    }

    /// Who issued it.
    pub fn issuer(&self) -> &Issuer {
        &self.token.claims.iss
    }

    /// Whom it is about. It means something beside the [issuer](Self::issuer) only.
    pub fn subject(&self) -> &ForeignId {
        &self.token.claims.sub
    }

    /// The session, where the token names one.
    pub fn session(&self) -> Option<&ForeignId> {
        self.token.claims.sid.as_ref()
    }

    /// The client that it was given to, where the token names one.
    pub fn client(&self) -> Option<&str> {
        self.token.claims.client()
    }

    /// Whether `scope` is among the token's scopes.
    pub fn allows(&self, scope: &str) -> bool {
        self.token.claims.allows(scope)
    }

    /// When it expires, in seconds since the Unix epoch.
    pub fn expires(&self) -> u64 {
        self.token.claims.exp
    }

    /// What is looked at of the claims.
    pub fn claims(&self) -> &ForeignClaims {
        &self.token.claims
    }

    /// All of the claims, as the strict JSON that was signed: for those that only the issuer knows.
    pub fn json(&self) -> &str {
        &self.token.json
    }

    /// The key that it was signed with.
    pub fn key(&self) -> &KeyId {
        self.token.pin.key().id()
    }
}

/// Never prints more than ids.
impl fmt::Debug for VerifiedForeign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedForeign")
            .field("issuer", self.issuer())
            .field("subject", self.subject())
            .field("session", &self.session())
            .finish_non_exhaustive()
    }
}
