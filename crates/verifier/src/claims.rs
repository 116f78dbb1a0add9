//! What the claims of a signed token must be: step 3, which time cannot change, and the part of step 4 that it can.

use rescind_wire::{AccessClaims, Subject};

use crate::rejected::Rejected;

/// The longest lifetime that an access token can ever be configured to have, in seconds: a day.
pub const MAX_LIFETIME: u64 = 24 * 60 * 60;

/// Reads signed claims, and refuses those that are not for this issuer and audience, or that contradict themselves.
pub(crate) fn read(signed_claims: &[u8], issuer: &str, audience: &str) -> Result<AccessClaims, Rejected> {
    let claims: AccessClaims = serde_json::from_slice(signed_claims)
        .map_err(|_| Rejected::Malformed { why: "claims missing or of the wrong shape" })?;
    if claims.iss != issuer {
        return Err(Rejected::WrongIssuer);
    }
    if !claims.aud.contains(audience) {
        return Err(Rejected::WrongAudience);
    }
    let coherent = match &claims.sub {
        Subject::User(_) => claims.sid.is_some(),
        Subject::Client(client) => claims.sid.is_none() && *client == claims.client_id,
    };
    if !coherent {
        return Err(Rejected::Malformed { why: "subject, client and session contradict each other" });
    }
    if claims.exp < claims.iat {
        return Err(Rejected::Malformed { why: "expires before it was issued" });
    }
    Ok(claims)
}

/// What the claims say of time, in seconds: all that must be looked at of it on every call.
pub(crate) struct Term {
    pub(crate) exp: u64,
    /// The later of `iat` and `nbf`.
    from: u64,
    /// `exp − iat`.
    lifetime: u64,
}

impl Term {
    pub(crate) fn of(claims: &AccessClaims) -> Self {
        let from = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        Self { exp: claims.exp, from, lifetime: claims.exp.saturating_sub(claims.iat) }
    }

    /// `exp − iat` within `longest` seconds.
    pub(crate) const fn check_lifetime(&self, longest: u64) -> Result<(), Rejected> {
        let lifetime = self.lifetime;
        if lifetime > longest { Err(Rejected::TooLongLived { lifetime, longest }) } else { Ok(()) }
    }

    /// `exp`, `nbf` and `iat` against the wall clock: `now` and `skew` in milliseconds. A token is good up to, and not
    /// at, `exp` plus the skew.
    pub(crate) const fn check_time(&self, now: u64, skew: u64) -> Result<(), Rejected> {
        if now >= millis(self.exp).saturating_add(skew) {
            return Err(Rejected::Expired { at: self.exp });
        }
        if millis(self.from) > now.saturating_add(skew) {
            return Err(Rejected::NotYetValid { from: self.from });
        }
        Ok(())
    }
}

const fn millis(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}
