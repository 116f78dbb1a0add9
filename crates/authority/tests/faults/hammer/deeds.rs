//! What each thread does, and what must hold as soon as it was answered.

use std::sync::Arc;

use rescind_domain::Error;
use rescind_domain::acting::Acting;
use rescind_domain::error::RefreshRefusal;
use rescind_domain::password::Password;
use rescind_domain::revocation::Receipt;
use rescind_domain::verbs::change_password;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::sign_in::{SignIn, SignedIn, sign_in};
use rescind_domain::verbs::{end_session, log_out};
use rescind_verifier::Presented;
use rescind_wire::{AccessClaims, KeyId, Scope, jwt};

use super::arena::{Arena, By, Changed, Ended, Issued, Refused, Side, Span, Why};

/// Does `count` deeds, chosen by `seed`.
pub(super) fn run(arena: &Arena, thread: u32, count: u32, seed: u64) {
    let side = &arena.sides()[thread as usize % arena.sides().len()];
    let mut doer = Doer { arena, side, dice: Dice(seed ^ u64::from(thread + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) };
    for number in 0..count {
        match doer.dice.below(40) {
            0..=9 => doer.sign_in(),
            10..=29 => doer.refresh(),
            30 => doer.end_several(Which::All),
            31 | 32 => doer.end_several(Which::Others),
            33..=35 => doer.change_password(&format!("the password number {thread}-{number}")),
            36 => doer.end_one(),
            _ => doer.log_out(),
        }
    }
}

/// The claims of an access token and its key, unverified: it was made here.
pub(super) fn claims(signed: &SignedIn) -> (AccessClaims, KeyId) {
    let parts = jwt::take_apart(signed.access.token.expose()).unwrap();
    (serde_json::from_slice(&parts.unverified_claims).unwrap(), parts.unverified_kid)
}

struct Doer<'a> {
    arena: &'a Arena,
    side: &'a Side,
    dice: Dice,
}

impl Doer<'_> {
    fn sign_in(&mut self) {
        let password = self.arena.record().password().to_owned();
        let request = SignIn {
            login: self.arena.user.login.clone(),
            password: Password::new(password.clone()).unwrap(),
            device_name: None,
            remember: true,
            client: None,
            audiences: vec![],
            address: None,
            user_agent: None,
        };
        let (span, outcome) = self.timed(sign_in(&self.side.world, request));
        match outcome {
            Ok(signed) => self.issued(span, signed, By::Password(password)),
            Err(Error::Overtaken) => self.refused(span, Why::Overtaken),
            Err(Error::InvalidCredentials) => self.refused(span, Why::Password(password)),
            Err(error) => panic!("sign-in: {error}"),
        }
    }

    fn refresh(&mut self) {
        let Some((at, from)) = self.pick() else { return self.sign_in() };
        let token = from.signed.refresh.expose().to_owned();
        let request = Refresh { token: token.clone(), scope: None, client: None, address: None };
        let (span, outcome) = self.timed(refresh(&self.side.world, request));
        match outcome {
            Ok(signed) => self.issued(span, signed, By::Refresh(token)),
            Err(Error::RefreshRefused(RefreshRefusal::Revoked(_))) => self.refused(span, Why::Revoked(at)),
            // Another thread has used the successor already.
            Err(Error::RefreshRefused(RefreshRefusal::TooLate)) => {}
            Err(error) => panic!("refresh: {error:?}"),
        }
    }

    fn end_several(&mut self, which: Which) {
        let Some((at, from)) = self.pick() else { return self.sign_in() };
        let acting = acting(&from);
        let (span, outcome) = self.timed(end_sessions::end_own(&self.side.world, &acting, which, None, None));
        self.ended(span, at, outcome.map(Some));
    }

    fn end_one(&mut self) {
        let (Some((at, from)), Some((_, other))) = (self.pick(), self.pick()) else { return self.sign_in() };
        let acting = acting(&from);
        let (span, outcome) = self.timed(end_session::end_own(&self.side.world, &acting, other.signed.session.id));
        self.ended(span, at, outcome);
    }

    fn log_out(&mut self) {
        let Some((at, from)) = self.pick() else { return self.sign_in() };
        let (claims, _) = claims(&from.signed);
        let (span, outcome) = self.timed(log_out::log_out(&self.side.world, &claims, None));
        self.ended(span, at, outcome);
    }

    fn change_password(&mut self, new: &str) {
        let Some((at, from)) = self.pick() else { return self.sign_in() };
        let old = self.arena.record().password().to_owned();
        let typed = |text: &str| Password::new(text.to_owned()).unwrap();
        let acting = acting(&from);
        let change = change_password::change_own(&self.side.world, &acting, typed(&old), typed(new));
        let (span, outcome) = self.timed(change);
        match outcome {
            Ok(receipt) => {
                let change = Changed { span, old, number: receipt.position.number };
                self.arena.record().set_password(change, new);
                self.ended(span, at, Ok(Some(receipt)));
            }
            Err(Error::WrongPassword) => self.refused(span, Why::Password(old)),
            Err(error) => self.ended(span, at, Err(error)),
        }
    }

    /// Takes down how an ending went. Once it is acknowledged and this authority's verifier knows it, nothing that it
    /// covers is accepted any more.
    fn ended(&self, span: Span, by: usize, outcome: Result<Option<Receipt>, Error>) {
        let receipt = match outcome {
            Ok(None) => return,
            Ok(Some(receipt)) => receipt,
            Err(Error::SignedOut(_)) => return self.refused(span, Why::SignedOut(by)),
            Err(error) => panic!("ending: {error:?}"),
        };
        let covered: Vec<Arc<Issued>> = {
            let mut record = self.arena.record();
            let before = record.issued.iter().rev().filter(|issued| issued.span.is_before(span));
            let covered: Vec<_> = before.filter(|issued| covers(&receipt.scope, &issued.signed)).cloned().collect();
            record.dead.extend(covered.iter().map(|issued| issued.signed.session.id));
            record.ended.push(Ended { span, receipt: receipt.clone() });
            covered
        };
        self.arena.wait(self.side.authority.enforced_here(&receipt));
        for issued in covered.into_iter().take(20) {
            let presented = Presented::bearer(issued.signed.access.token.expose());
            let verdict = self.arena.wait(self.side.authority.verify(&presented));
            assert!(verdict.is_err(), "entry {} is enforced, and what it covers is accepted", receipt.position);
            let token = issued.signed.refresh.expose().to_owned();
            let request = Refresh { token, scope: None, client: None, address: None };
            let outcome = self.arena.wait(refresh(&self.side.world, request));
            assert!(
                matches!(outcome, Err(Error::RefreshRefused(RefreshRefusal::Revoked(_)))),
                "entry {} is acknowledged, and what it covers is refreshed: {outcome:?}",
                receipt.position
            );
        }
    }

    fn issued(&self, span: Span, signed: SignedIn, by: By) {
        self.arena.record().issued.push(Arc::new(Issued { span, signed, by }));
    }

    fn refused(&self, span: Span, why: Why) {
        self.arena.record().refused.push(Refused { span, why });
    }

    /// Something that was issued lately; mostly of a session that nobody is known to have ended.
    fn pick(&mut self) -> Option<(usize, Arc<Issued>)> {
        let record = self.arena.record();
        let any = self.dice.below(8) == 0;
        let wanted = |issued: &Issued| any || !record.dead.contains(&issued.signed.session.id);
        let lately = record.issued.iter().enumerate().rev().filter(|(_, issued)| wanted(issued)).take(12);
        let lately: Vec<_> = lately.collect();
        let (at, issued) = lately.get(self.dice.index(lately.len())?)?;
        Some((*at, Arc::clone(issued)))
    }

    fn timed<T>(&self, deed: impl Future<Output = T>) -> (Span, T) {
        let began = self.arena.tick();
        let outcome = self.arena.wait(deed);
        (Span { began, done: self.arena.tick() }, outcome)
    }
}

fn acting(issued: &Issued) -> Acting {
    let (claims, key) = claims(&issued.signed);
    Acting::new(claims, key, None)
}

/// Whether an ending with this scope covers what was issued before it.
pub(super) fn covers(scope: &Scope, signed: &SignedIn) -> bool {
    match scope {
        Scope::Session { session, .. } => *session == signed.session.id,
        Scope::User { user, except, .. } => *user == signed.session.user && *except != Some(signed.session.id),
        other => panic!("nobody revokes {other:?} here"),
    }
}

/// Numbers that look random: xorshift64* is enough to choose deeds.
struct Dice(u64);

impl Dice {
    fn index(&mut self, length: usize) -> Option<usize> {
        let length = u64::try_from(length).unwrap();
        (length > 0).then(|| usize::try_from(self.below(length)).unwrap())
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % end
    }
}
