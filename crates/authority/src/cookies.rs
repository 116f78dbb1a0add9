//! The access tokens that the pages' cookies stand for. They never leave this process: a cookie that was presented once is
//! then checked like any token, by the verifier, from memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::issue::AccessToken;
use rescind_domain::key::MacKeyId;
use rescind_domain::refresh_token::{self, Holder};
use rescind_domain::secret::Secret;
use rescind_domain::verbs::present_cookie::{self, Shown};
use rescind_verifier::{Presented, Rejected, Verified};
use rescind_wire::SessionId;

use crate::authority::Authority;

/// Half of the cookies that are remembered at most. One that is forgotten costs a read of the store.
const HALF: usize = 10_000;

/// The longest cookie that is looked at, in bytes.
const LONGEST: usize = 256;

/// How long before its expiry a token is replaced: no request takes longer.
const BEFORE_EXPIRY: Duration = Duration::from_secs(5);

/// What cookies stand for, the latest ones.
#[derive(Default)]
pub(crate) struct Cookies(Mutex<Halves>);

/// When the young half is full it becomes the old one, and what was old is forgotten. Nothing is held for a cookie that was
/// replaced, so that a request that was on its way meanwhile does not bring it back.
#[derive(Default)]
struct Halves {
    young: HashMap<Box<str>, Option<Arc<Held>>>,
    old: HashMap<Box<str>, Option<Arc<Held>>>,
}

struct Held {
    token: Secret,
    /// On the clock that counts suspended time.
    until: Duration,
    /// Whose it is.
    session: SessionId,
    /// What the cookie was made with, which was found to be so.
    key: MacKeyId,
}

/// Why a cookie lets nobody in.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It stands for nothing that lives.
    Dead,
    /// It cannot be told now.
    Unknown(Error),
    /// The verifier refuses everything.
    Unavailable(Rejected),
}

impl Cookies {
    fn get(&self, cookie: &str, now: Duration) -> Option<Arc<Held>> {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = if let Some(held) = halves.young.get(cookie) {
            held.clone()
        } else {
            let held = halves.old.remove(cookie)?;
            halves.insert(cookie, held.clone());
            held
        }?;
        (now < held.until).then_some(held)
    }

    fn put(&self, cookie: &str, held: Held) {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if halves.young.get(cookie).or_else(|| halves.old.get(cookie)).is_none_or(Option::is_some) {
            halves.insert(cookie, Some(Arc::new(held)));
        }
    }

    /// Forgets a cookie for good, and every other one of its session: the next one has taken their place.
    pub(crate) fn retire(&self, cookie: &str, session: SessionId) {
        if cookie.len() > LONGEST {
            return;
        }
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = |held: &Option<Arc<Held>>| held.as_ref().is_none_or(|held| held.session != session);
        halves.young.retain(|_, held| is_other(held));
        halves.old.retain(|_, held| is_other(held));
        halves.insert(cookie, None);
    }

    /// Forgets what a cookie stands for: it is asked again.
    pub(crate) fn forget(&self, cookie: &str) {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halves.young.remove(cookie);
        halves.old.remove(cookie);
    }
}

impl Halves {
    fn insert(&mut self, cookie: &str, held: Option<Arc<Held>>) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(cookie.into(), held);
    }
}

impl Authority {
    /// Checks a cookie of the pages, presented from `address`: from memory if it was presented lately, otherwise by the
    /// store. What memory says dead is asked again there: the token may be over, not the session.
    pub(crate) async fn verify_cookie(&self, cookie: &str, address: Option<IpAddr>) -> Result<Verified, Refused> {
        if cookie.len() > LONGEST {
            return Err(Refused::Dead);
        }
        let now = self.clock.boottime();
        if let Some(held) = self.cookies.get(cookie, now) {
            // The token is signed by another key than the cookie, which is what a thief of that key would make.
            match self.verify_held(&held.token, address).await {
                Ok(verified) if self.world.keyring.has_mac(held.key) => return Ok(verified),
                Err(unavailable @ Rejected::Unavailable { .. }) => return Err(Refused::Unavailable(unavailable)),
                Ok(_) | Err(_) => self.cookies.forget(cookie),
            }
        }
        let Shown { access: AccessToken { token, expires_in, .. }, is_latest } =
            present_cookie::present_cookie(&self.world, cookie, address).await.map_err(|error| match error {
                Error::SignedOut(_) => Refused::Dead,
                other => Refused::Unknown(other),
            })?;
        let verified = self.verify_held(&token, address).await.map_err(|rejected| match rejected {
            Rejected::Unavailable { .. } => Refused::Unavailable(rejected),
            _ => Refused::Dead,
        })?;
        let made_with = refresh_token::take_apart_as(Holder::Cookie, cookie).map(|held| held.unverified_key);
        if let (true, Some(key), Some(session)) = (is_latest, made_with, verified.session()) {
            let until = now + expires_in.saturating_sub(BEFORE_EXPIRY);
            self.cookies.put(cookie, Held { token, until, session: *session, key });
        }
        Ok(verified)
    }

    async fn verify_held(&self, token: &Secret, address: Option<IpAddr>) -> Result<Verified, Rejected> {
        self.verify(&Presented { peer: address, ..Presented::bearer(token.expose()) }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(until: u64) -> Held {
        held_by(1, until)
    }

    fn held_by(session: u8, until: u64) -> Held {
        Held {
            token: Secret::new("token".to_owned()),
            until: Duration::from_secs(until),
            session: SessionId::from_bytes([session; 16]),
            key: MacKeyId([0; 8]),
        }
    }

    #[test]
    fn a_cookie_is_remembered_until_its_token_runs_out() {
        let cookies = Cookies::default();
        cookies.put("a", held(10));
        assert!(cookies.get("a", Duration::from_secs(9)).is_some());
        assert!(cookies.get("a", Duration::from_secs(10)).is_none());
        assert!(cookies.get("b", Duration::ZERO).is_none());
        cookies.forget("a");
        assert!(cookies.get("a", Duration::ZERO).is_none());
    }

    #[test]
    fn a_cookie_that_was_replaced_is_not_brought_back_by_a_request_that_was_on_its_way() {
        let cookies = Cookies::default();
        let (own, other) = (SessionId::from_bytes([1; 16]), "other");
        cookies.put("a", held(10));
        cookies.put("latest", held(10));
        cookies.put(other, held_by(2, 10));
        cookies.retire("a", own);
        cookies.put("a", held(10));
        assert!(cookies.get("a", Duration::ZERO).is_none());
        assert!(cookies.get("latest", Duration::ZERO).is_none(), "it is of the same session");
        assert!(cookies.get(other, Duration::ZERO).is_some());
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let cookies = Cookies::default();
        cookies.put("used", held(10));
        for n in 0..3 * HALF {
            cookies.put(&n.to_string(), held(10));
            if n % (HALF / 2) == 0 {
                assert!(cookies.get("used", Duration::ZERO).is_some(), "{n}");
            }
        }
        let halves = cookies.0.lock().unwrap();
        assert!(halves.young.len() <= HALF && halves.old.len() <= HALF);
        drop(halves);
        assert!(cookies.get("0", Duration::ZERO).is_none());
    }
}
