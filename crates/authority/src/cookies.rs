//! The access tokens that the pages' cookies stand for. They never leave this process: a cookie that was presented once is
//! then checked like any token, by the verifier, from memory.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::issue::AccessToken;
use rescind_domain::key::MacKeyId;
use rescind_domain::refresh_token::{self, Holder};
use rescind_domain::secret::Secret;
use rescind_domain::session::Binding;
use rescind_domain::verbs::present_cookie::{self, Shown, Successor};
use rescind_verifier::{Presented, Rejected, Verified};
use rescind_wire::{Cause, SessionId};

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

/// When the young half is full it becomes the old one, and what was old is forgotten.
#[derive(Default)]
struct Halves {
    young: HashMap<Box<str>, Known>,
    old: HashMap<Box<str>, Known>,
    /// Of which sessions all was forgotten last, latest last, and how often that was done in all.
    forgotten: VecDeque<SessionId>,
    forgets: u64,
}

/// How many of those are kept. Whoever asked the store before so many others did this does not get remembered.
const FORGOTTEN: usize = 1024;

/// A moment in the life of what is remembered.
#[derive(Clone, Copy)]
struct Asked(u64);

/// What is known of a cookie.
#[derive(Clone)]
enum Known {
    /// It was presented, and stands for this.
    Held(Arc<Held>),
    /// It was replaced: a request that was on its way meanwhile does not bring it back.
    Retired,
}

struct Held {
    token: Secret,
    /// On the clock that counts suspended time.
    until: Duration,
    /// Whose it is.
    session: SessionId,
    /// What the cookie was made with, which was found to be so.
    key: MacKeyId,
    /// From where it may come.
    binding: Binding,
}

/// Whom a cookie lets in.
pub(crate) struct LetIn {
    /// Who.
    pub(crate) verified: Verified,
    /// What took the cookie's place and has not come back yet: the answer that it went out with may have been lost. Once
    /// it has come back nobody waits for it, and whoever has a copy of the former one gets none of it.
    pub(crate) lost: Option<Successor>,
}

/// Why a cookie lets nobody in.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It stands for nothing that lives.
    Dead,
    /// Its session goes on, and is bound to another address.
    Elsewhere,
    /// The store cannot tell now.
    Unknown(Error),
    /// The verifier cannot tell now: it refuses everything, or a token that the store has just vouched for.
    CannotTell(Rejected),
}

impl Cookies {
    fn get(&self, cookie: &str, now: Duration) -> Option<Arc<Held>> {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = if let Some(known) = halves.young.get(cookie) {
            known.clone()
        } else {
            let known = halves.old.remove(cookie)?;
            halves.insert(cookie, known.clone());
            known
        };
        match known {
            Known::Held(held) if now < held.until => Some(held),
            Known::Held(_) | Known::Retired => None,
        }
    }

    /// Before the store is asked what a cookie stands for.
    fn asking(&self) -> Asked {
        Asked(self.0.lock().unwrap_or_else(PoisonError::into_inner).forgets)
    }

    /// Remembers what the store said, unless another cookie of the session took this one's place meanwhile.
    fn put(&self, cookie: &str, held: Held, asked: Asked) {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(halves.find(cookie), Some(Known::Retired)) && !halves.has_forgotten(held.session, asked) {
            halves.insert(cookie, Known::Held(Arc::new(held)));
        }
    }

    /// Whether a cookie was presented lately, as the latest of its session.
    pub(crate) fn has_come(&self, cookie: &str) -> bool {
        let halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(halves.find(cookie), Some(Known::Held(_)))
    }

    /// Takes a cookie out of use, and forgets every other one of its session but the latest: that has taken their place.
    pub(crate) fn retire(&self, cookie: &str, session: SessionId, latest: Option<&str>) {
        if cookie.len() > LONGEST {
            return;
        }
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halves.forget_all_of(session, latest);
        halves.insert(cookie, Known::Retired);
    }

    /// Forgets all cookies of a session.
    fn forget_all_of(&self, session: SessionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).forget_all_of(session, None);
    }

    /// Forgets what a cookie stands for: it is asked again. One that was replaced stays so.
    pub(crate) fn forget(&self, cookie: &str) {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(halves.find(cookie), Some(Known::Held(_))) {
            halves.young.remove(cookie);
            halves.old.remove(cookie);
        }
    }
}

impl Halves {
    fn find(&self, cookie: &str) -> Option<&Known> {
        self.young.get(cookie).or_else(|| self.old.get(cookie))
    }

    fn has_forgotten(&self, session: SessionId, since: Asked) -> bool {
        let count = usize::try_from(self.forgets - since.0).unwrap_or(usize::MAX);
        count > self.forgotten.len() || self.forgotten.iter().rev().take(count).any(|other| *other == session)
    }

    fn forget_all_of(&mut self, session: SessionId, but: Option<&str>) {
        if self.forgotten.len() == FORGOTTEN {
            self.forgotten.pop_front();
        }
        self.forgotten.push_back(session);
        self.forgets += 1;
        let stays = |cookie: &str, known: &Known| {
            Some(cookie) == but || !matches!(known, Known::Held(held) if held.session == session)
        };
        self.young.retain(|cookie, known| stays(cookie, known));
        self.old.retain(|cookie, known| stays(cookie, known));
    }

    fn insert(&mut self, cookie: &str, known: Known) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(cookie.into(), known);
    }
}

impl Authority {
    /// Checks a cookie of the pages, presented from `address`: from memory if it was presented lately, otherwise by the
    /// store. What memory says dead is asked again there: the token may be over, not the session.
    pub(crate) async fn verify_cookie(&self, cookie: &str, address: Option<IpAddr>) -> Result<LetIn, Refused> {
        if cookie.len() > LONGEST {
            return Err(Refused::Dead);
        }
        let now = self.clock.boottime();
        if let Some(held) = self.cookies.get(cookie, now).filter(|held| held.binding.admits(address)) {
            // The token is signed by another key than the cookie, which is what a thief of that key would make.
            match self.verify_held(&held.token, address).await {
                Ok(verified) if self.world.keyring.has_mac(held.key) => return Ok(LetIn { verified, lost: None }),
                Err(rejected @ Rejected::Unavailable { .. }) => return Err(Refused::CannotTell(rejected)),
                Ok(_) | Err(_) => self.cookies.forget(cookie),
            }
        }
        let mut asked = self.cookies.asking();
        let shown = match present_cookie::present_cookie(&self.world, cookie, address).await {
            Ok(shown) => shown,
            Err(error) => return Err(self.refused(error).await),
        };
        let Shown { access: AccessToken { token, expires_in, .. }, is_latest, has_overtaken, binding, successor } =
            shown;
        let verified = self.verify_held(&token, address).await.map_err(|rejected| match rejected {
            // In the moment since the store was asked. What else a fresh token may be refused for (a clock that was set, a
            // key that was revoked or is not known here yet) says nothing of the session (R7).
            Rejected::Revoked { scope, .. } if !is_of_token(scope) => Refused::Dead,
            // Waiting helps nobody whose token is for somebody else: signing in again does.
            Rejected::WrongAudience => Refused::Dead,
            other => Refused::CannotTell(other),
        })?;
        let made_with = refresh_token::take_apart_as(Holder::Cookie, cookie).map(|held| held.unverified_key);
        if let (true, Some(session)) = (has_overtaken, verified.session()) {
            self.cookies.forget_all_of(*session);
            asked = self.cookies.asking();
        }
        if let (true, Some(key), Some(session)) = (is_latest, made_with, verified.session()) {
            let until = now + expires_in.saturating_sub(BEFORE_EXPIRY);
            self.cookies.put(cookie, Held { token, until, session: *session, key, binding }, asked);
        }
        let lost = successor.filter(|next| !self.cookies.has_come(next.cookie.expose()));
        Ok(LetIn { verified, lost })
    }

    /// Why the store let nobody in. What ended a session just now is in force here before anybody hears of it.
    async fn refused(&self, error: Error) -> Refused {
        let cause = match error {
            Error::SignedOut(cause) => cause,
            Error::OtherAddress => return Refused::Elsewhere,
            other => return Refused::Unknown(other),
        };
        if let Some(Cause::Revoked { number, .. }) = cause
            && number > *self.applied.borrow()
        {
            self.wait_for(number).await;
        }
        Refused::Dead
    }

    async fn verify_held(&self, token: &Secret, address: Option<IpAddr>) -> Result<Verified, Rejected> {
        self.verify(&Presented { peer: address, ..Presented::bearer(token.expose()) }).await
    }
}

/// Whether a revocation of this kind of scope is about a token alone, and no session.
pub(crate) fn is_of_token(scope: &str) -> bool {
    matches!(scope, "key" | "token")
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
            binding: Binding::None,
        }
    }

    fn put(cookies: &Cookies, cookie: &str, held: Held) {
        cookies.put(cookie, held, cookies.asking());
    }

    #[test]
    fn what_the_store_said_before_another_cookie_took_its_place_is_not_remembered() {
        let cookies = Cookies::default();
        let session = |n| SessionId::from_bytes([n; 16]);
        let asked = cookies.asking();
        cookies.forget_all_of(session(2));
        cookies.put("a", held(10), asked);
        assert!(cookies.has_come("a"), "it was another session's");
        cookies.retire("former", session(1), None);
        cookies.put("a", held(10), asked);
        assert!(!cookies.has_come("a"));
        put(&cookies, "a", held(10));
        assert!(cookies.has_come("a"));
        let asked = cookies.asking();
        (0..=FORGOTTEN).for_each(|_| cookies.forget_all_of(session(3)));
        cookies.put("b", held(10), asked);
        assert!(!cookies.has_come("b"), "nobody knows any more");
        assert_eq!(cookies.0.lock().unwrap().forgotten.len(), FORGOTTEN);
    }

    #[test]
    fn a_cookie_is_remembered_until_its_token_runs_out() {
        let cookies = Cookies::default();
        put(&cookies, "a", held(10));
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
        put(&cookies, "a", held(10));
        put(&cookies, "latest", held(10));
        put(&cookies, other, held_by(2, 10));
        cookies.retire("a", own, None);
        put(&cookies, "a", held(10));
        assert!(cookies.get("a", Duration::ZERO).is_none());
        assert!(cookies.get("latest", Duration::ZERO).is_none(), "it is of the same session");
        assert!(cookies.get(other, Duration::ZERO).is_some());
        cookies.forget("a");
        put(&cookies, "a", held(10));
        assert!(cookies.get("a", Duration::ZERO).is_none(), "to be asked again is not to be as new");
        put(&cookies, "latest", held(10));
        put(&cookies, "older", held(10));
        cookies.retire("a", own, Some("latest"));
        assert!(cookies.has_come("latest") && !cookies.has_come("older"));
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let cookies = Cookies::default();
        put(&cookies, "used", held(10));
        for n in 0..3 * HALF {
            put(&cookies, &n.to_string(), held(10));
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
