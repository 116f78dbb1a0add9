//! Checking a token of another issuer: the steps of the design, §5, with its keys, and with time in place of positions.

use std::sync::Arc;
#[cfg(feature = "live")]
use std::sync::Weak;
#[cfg(feature = "live")]
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rescind_wire::ForeignClaims;
use rescind_wire::foreign::unverified_issuer;
use rescind_wire::jwt::{MAX_TOKEN, take_apart_foreign};

use super::trusted::{RememberedForeign, Trusted};
use super::{InvalidKeySet, VerifiedForeign};
use crate::cache::{Checked, Mac};
use crate::generation::Generation;
#[cfg(feature = "live")]
use crate::live;
use crate::presented::{Presented, Scheme};
use crate::rejected::Rejected;
use crate::verified::Verified;
use crate::verifier::{Shared, Verifier};

/// A token that was accepted a moment ago, and whose it is.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// Of the authority.
    Own(Verified),
    /// Of another issuer.
    Foreign(VerifiedForeign),
}

impl Verifier {
    /// Whether a token of one of the [other issuers](crate::Builder::foreign) is good at this moment.
    pub fn verify_foreign(&self, presented: &Presented<'_>) -> Result<VerifiedForeign, Rejected> {
        let shared = self.shared();
        let outcome = shared.verify_foreign(presented);
        if let Err(rejected) = &outcome {
            shared.counters().refused(rejected);
        }
        outcome
    }

    /// Whether a token is good at this moment, of the authority or of one of the [other issuers](crate::Builder::foreign),
    /// whichever it says (`iss`).
    pub fn verify_any(&self, presented: &Presented<'_>) -> Result<Accepted, Rejected> {
        if self.shared().is_foreign(presented.token) {
            self.verify_foreign(presented).map(Accepted::Foreign)
        } else {
            self.verify(presented).map(Accepted::Own)
        }
    }

    /// Trusts the keys of this document (RFC 7517 §5) as those of another issuer from now on, and no others: for whoever
    /// keeps them current in a way of their own. Answers how many can be used. A document that is none changes nothing.
    pub fn set_foreign_keys(&self, issuer: &str, document: &str) -> Result<usize, InvalidKeySet> {
        let shared = self.shared();
        let trusted = shared.foreigners().find(issuer).ok_or(InvalidKeySet::Issuer)?;
        let count = trusted.set_keys(document, shared.clock().boottime())?;
        shared.tell();
        Ok(count)
    }
}

impl Shared {
    /// Whether a token says to be of another issuer. One that was checked before need not be read for it.
    fn is_foreign(&self, token: &str) -> bool {
        let foreigners = self.foreigners();
        if foreigners.issuers.is_empty() || token.len() > MAX_TOKEN {
            return false;
        }
        let held = self.generation();
        let Ok(generation) = self.heard(held.as_ref()) else { return false };
        if foreigners.cache.find(token, generation.id).is_some() {
            return true;
        }
        !self.remembers(token, generation.id)
            && claimed_issuer(token).is_some_and(|issuer| foreigners.find(&issuer).is_some())
    }

    fn verify_foreign(&self, presented: &Presented<'_>) -> Result<VerifiedForeign, Rejected> {
        let held = self.generation();
        let generation = self.heard(held.as_ref())?;
        // 1, 2, 3: what time does not change, cached or checked now.
        let token = self.known_foreign(generation, presented.token)?;
        let (claims, issuer) = (&token.claims, &*token.issuer);
        // 4: the deadline first, for it vouches for what is loaded after it.
        let deadline = generation.deadline();
        check_time(claims, issuer, self.clock().wall())?;
        issuer.check_pin(&token.pin, self.clock().boottime())?;
        // Possession is not judged yet, as for tokens of the authority.
        if presented.scheme != Scheme::Bearer || claims.cnf {
            return Err(Rejected::ProofRequired);
        }
        // 5: the position before the look-ups, for what is published after it is not in them.
        let number = generation.number();
        generation.judge_foreign(claims, issuer.skew, token.checked.is_up_to(number))?;
        token.checked.set(number);
        // 6: the last act. This reading of the clock is the instant of acceptance.
        generation.check_lease(deadline, self.clock().boottime())?;
        Ok(VerifiedForeign::new(token))
    }

    fn known_foreign(&self, generation: &Generation, token: &str) -> Result<Arc<RememberedForeign>, Rejected> {
        if token.len() > MAX_TOKEN {
            return Err(Rejected::Malformed { why: "too long" });
        }
        let cache = &self.foreigners().cache;
        if let Some(known) = cache.find(token, generation.id) {
            self.counters().hit();
            return Ok(known);
        }
        self.counters().miss();
        let remembered = self.authenticate_foreign(generation.id, token)?;
        let Some(seat) = cache.seat(token, generation.id, self.clock().wall() / 1000) else {
            return Ok(Arc::new(remembered));
        };
        let token = Arc::new(RememberedForeign { mac: seat.mac(), ..remembered });
        seat.fill(Arc::clone(&token));
        Ok(token)
    }

    /// Steps 2 and 3: structure, the key that the issuer published, its signature, and claims that are for us.
    fn authenticate_foreign(&self, generation: u64, token: &str) -> Result<RememberedForeign, Rejected> {
        let claimed = claimed_issuer(token).ok_or(Rejected::Malformed { why: "names no issuer" })?;
        let issuer = self.foreigners().find(&claimed).ok_or(Rejected::WrongIssuer)?;
        let unverified = take_apart_foreign(token, issuer.untyped)?;
        let pin = issuer.pin(&unverified.unverified_kid, self.clock().boottime())?;
        pin.key().check(&unverified)?;
        let signed_claims = unverified.unverified_claims;
        let claims = read(&signed_claims, issuer)?;
        let json = String::from_utf8(signed_claims).map_err(|_| Rejected::Malformed { why: "not UTF-8" })?;
        let (issuer, checked, home) = (Arc::clone(issuer), Checked::default(), self.home());
        let mac = Mac::default();
        Ok(RememberedForeign { mac, generation, claims, json: json.into(), issuer, pin, checked, home })
    }
}

#[cfg(feature = "live")]
impl live::Watched for RememberedForeign {
    fn home(&self) -> &Weak<Shared> {
        &self.home
    }

    fn judge(&self, shared: &Shared) -> Result<Duration, Rejected> {
        let held = shared.generation();
        let generation = shared.heard(held.as_ref())?;
        let deadline = generation.deadline();
        let (wall, skew) = (shared.clock().wall(), self.issuer.skew);
        check_time(&self.claims, &self.issuer, wall)?;
        self.issuer.check_pin(&self.pin, shared.clock().boottime())?;
        generation.judge_foreign(&self.claims, skew, false)?;
        let lease = live::check_lease(shared, generation, deadline)?;
        Ok(live::holds(lease, self.claims.exp, skew, wall))
    }
}

/// Reads signed claims, and refuses those that are not of this issuer and for this audience, or of another kind of token.
fn read(signed_claims: &[u8], issuer: &Trusted) -> Result<ForeignClaims, Rejected> {
    let claims: ForeignClaims = serde_json::from_slice(signed_claims)
        .map_err(|_| Rejected::Malformed { why: "claims missing or of the wrong shape" })?;
    if claims.iss != issuer.issuer {
        return Err(Rejected::WrongIssuer);
    }
    if !claims.aud.contains(&issuer.audience) {
        return Err(Rejected::WrongAudience);
    }
    if claims.events || claims.at_hash {
        return Err(Rejected::Malformed { why: "another kind of token" });
    }
    let Some(iat) = claims.iat else { return Ok(claims) };
    if claims.exp < iat {
        return Err(Rejected::Malformed { why: "expires before it was issued" });
    }
    let (lifetime, longest) = (claims.exp - iat, issuer.longest);
    if lifetime > longest { Err(Rejected::TooLongLived { lifetime, longest }) } else { Ok(claims) }
}

/// `exp`, `nbf` and `iat` against the wall clock, in milliseconds. What is left of the life of a token that does not say
/// when it was issued must be possible.
fn check_time(claims: &ForeignClaims, issuer: &Trusted, now: u64) -> Result<(), Rejected> {
    let millis = |seconds: u64| seconds.saturating_mul(1000);
    if now >= millis(claims.exp).saturating_add(issuer.skew) {
        return Err(Rejected::Expired { at: claims.exp });
    }
    if let Some(from) = claims.nbf.max(claims.iat)
        && millis(from) > now.saturating_add(issuer.skew)
    {
        return Err(Rejected::NotYetValid { from });
    }
    let longest = issuer.longest;
    if claims.iat.is_none() && millis(claims.exp) > now.saturating_add(millis(longest)).saturating_add(issuer.skew) {
        return Err(Rejected::TooLongLived { lifetime: claims.exp.saturating_sub(now / 1000), longest });
    }
    Ok(())
}

/// The issuer that a token claims, whoever signed it.
fn claimed_issuer(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    unverified_issuer(&BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?)
}
