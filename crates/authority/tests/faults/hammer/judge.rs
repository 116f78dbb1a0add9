//! Judges, after everything has happened, by a scan of the log alone: no cuts, no folded exceptions, no cache.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rescind_domain::acting::Administrator;
use rescind_domain::event::Event;
use rescind_domain::revocation::{Actor, LogRow};
use rescind_domain::verbs::explain;
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_verifier::Presented;
use rescind_wire::{Change, Scope, SessionId};

use super::arena::{Arena, By, Issued, Why};
use super::deeds::{claims, covers};

/// Everything that must hold.
pub(super) fn check(arena: &Arena) {
    let log = Log::read(arena);
    let record = arena.record();
    eprintln!(
        "{} tokens issued, {} endings, {} passwords changed, {} refusals to justify",
        record.issued.len(),
        record.ended.len(),
        record.changed.len(),
        record.refused.len()
    );
    // A log-out that never found anything to end would make the rest an empty promise.
    assert!(!record.issued.is_empty() && !record.ended.is_empty(), "nothing was hammered");
    drop(record);
    log.check_every_ending_is_recorded(arena);
    log.check_events(arena);
    for issued in arena.record().issued.clone() {
        log.judge(arena, &issued);
    }
    no_collateral(arena);
    passwords(arena);
    refusals(arena, &log);
    nobody_is_logged_out(arena, &log);
}

/// The log and the events, as they stand in the end.
struct Log {
    rows: Vec<LogRow>,
    events: Vec<Event>,
}

impl Log {
    fn read(arena: &Arena) -> Self {
        let (rows, events) = arena
            .wait(arena.sides()[0].world.store.read("judge", |view| {
                let (mut rows, mut events) = (Vec::new(), Vec::new());
                loop {
                    let page = view.log_after(rows.last().map_or(0, |row: &LogRow| row.position.number), 1000)?;
                    if page.is_empty() {
                        break;
                    }
                    rows.extend(page);
                }
                loop {
                    let page = view.events(None, events.last().map_or(0, |event: &Event| event.id), 1000)?;
                    if page.is_empty() {
                        break;
                    }
                    events.extend(page);
                }
                Ok((rows, events))
            }))
            .unwrap();
        let numbers: Vec<u64> = rows.iter().map(|row| row.position.number).collect();
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "the log is not dense: {numbers:?}");
        Self { rows, events }
    }

    /// The entry that ended what was issued at `position` for this session, if one did.
    fn ended(&self, issued: &Issued, position: u64) -> Option<u64> {
        let session = issued.signed.session.id;
        let ends = |row: &&LogRow| match &row.change {
            // Terminal, whatever the position.
            Change::Revoke(Scope::Session { session: ended, .. }) => *ended == session,
            Change::Revoke(scope) => row.position.number > position && covers(scope, &issued.signed),
            Change::AddKey(_) => false,
        };
        self.rows.iter().find(ends).map(|row| row.position.number)
    }

    fn session_ended(&self, issued: &Issued) -> Option<u64> {
        self.ended(issued, issued.signed.session.position.number)
    }

    /// Store, refresh path and every verifier agree with the log on what was issued.
    fn judge(&self, arena: &Arena, issued: &Issued) {
        let alive = self.session_ended(issued).is_none();
        let (claims, key) = claims(&issued.signed);
        let token_alive = self.ended(issued, claims.rev.number).is_none();
        assert!(!token_alive || alive, "an access token outlives its session");
        let admin = Administrator::CommandLine;
        for side in arena.sides() {
            let explained = arena.wait(explain::access_token(&side.world, &admin, claims.clone(), key.clone()));
            assert_eq!(explained.unwrap().ended.is_none(), token_alive, "the store disagrees with the log");
            let refresh = issued.signed.refresh.expose();
            let (explained, ..) =
                arena.wait(explain::refresh_token(&side.world, &admin, refresh)).unwrap().expect("one of ours");
            assert_eq!(explained.ended.is_none(), alive, "the refresh path disagrees with the log");
            assert!(arena.wait(side.authority.wait_for(self.rows.len() as u64)), "the verifier does not follow");
            let presented = Presented::bearer(issued.signed.access.token.expose());
            let verdict = arena.wait(side.authority.verify(&presented)).map(drop);
            assert_eq!(verdict.is_ok(), token_alive, "the verifier disagrees with the log: {verdict:?}");
        }
    }

    /// What was acknowledged is in the log, where it was said to be.
    fn check_every_ending_is_recorded(&self, arena: &Arena) {
        for ended in &arena.record().ended {
            let at = usize::try_from(ended.receipt.position.number).unwrap() - 1;
            assert_eq!(self.rows[at].change, Change::Revoke(ended.receipt.scope.clone()), "an ending is not recorded");
        }
    }

    /// Nothing was written in the name of a session after it had ended (A16), no sign-in that a log-out had overtaken
    /// was given tokens (R2), and every ending is one event (A15).
    fn check_events(&self, arena: &Arena) {
        let record = arena.record();
        let issued: HashMap<SessionId, &Arc<Issued>> =
            record.issued.iter().map(|issued| (issued.signed.session.id, issued)).collect();
        let mut began: HashSet<SessionId> = HashSet::new();
        let mut dead: HashSet<SessionId> = HashSet::new();
        let mut entries = HashSet::new();
        for event in &self.events {
            if let Actor::User { session, .. } = &event.what.actor {
                assert!(!dead.contains(session), "{:?} in the name of an ended session", event.what);
                if began.insert(*session) {
                    let ended = self.session_ended(issued[session]).filter(|number| entries.contains(number));
                    assert_eq!(ended, None, "signed in although it had been overtaken");
                }
            }
            let Some(number) = event.what.revocation else { continue };
            assert!(entries.insert(number), "entry {number} is two events");
            match &self.rows[usize::try_from(number).unwrap() - 1].change {
                Change::Revoke(Scope::Session { session, .. }) => drop(dead.insert(*session)),
                // A session that began in an earlier event was there, and is not excepted.
                Change::Revoke(Scope::User { except, .. }) => {
                    dead.extend(began.iter().filter(|session| Some(**session) != *except));
                }
                _ => {}
            }
        }
        let revocations = self.rows.iter().filter(|row| matches!(row.change, Change::Revoke(_))).count();
        let told = entries
            .iter()
            .filter(|number| matches!(self.rows[usize::try_from(**number).unwrap() - 1].change, Change::Revoke(_)));
        assert_eq!(told.count(), revocations, "an ending without an event");
    }
}

/// What was issued after an ending had been acknowledged carries a position that knows of it (R2, R4, D1).
fn no_collateral(arena: &Arena) {
    let record = arena.record();
    for issued in &record.issued {
        let (claims, _) = claims(&issued.signed);
        for ended in record.ended.iter().filter(|ended| ended.span.is_before(issued.span)) {
            let (number, known) = (ended.receipt.position.number, claims.rev.number);
            assert!(known >= number, "issued after entry {number} was acknowledged, with position {known}");
        }
    }
}

/// Whoever signed in did so with a password that was the user's then (B3).
fn passwords(arena: &Arena) {
    let record = arena.record();
    for issued in &record.issued {
        let By::Password(password) = &issued.by else { continue };
        let position = issued.signed.session.position.number;
        for change in record.changed.iter().filter(|change| change.old == *password) {
            let known = change.number <= position || change.span.is_before(issued.span);
            assert!(!known, "signed in at {position} with a password that entry {} replaced", change.number);
        }
    }
}

/// Every refusal has its reason.
fn refusals(arena: &Arena, log: &Log) {
    let record = arena.record();
    for refused in &record.refused {
        let reason = match &refused.why {
            // Some log-out ran at the same time.
            Why::Overtaken => record
                .ended
                .iter()
                .any(|ended| !ended.span.is_before(refused.span) && !refused.span.is_before(ended.span)),
            Why::Password(old) => {
                record.changed.iter().any(|change| change.old == *old && !refused.span.is_before(change.span))
            }
            Why::Revoked(at) | Why::SignedOut(at) => log.session_ended(&record.issued[*at]).is_some(),
        };
        assert!(reason, "refused without a reason: {:?} {:?}", refused.why, refused.span);
    }
}

/// Each chain has one last token, however many asked for it at once (C2), and if its session lives it is good.
fn nobody_is_logged_out(arena: &Arena, log: &Log) {
    let issued = arena.record().issued.clone();
    let mut successors: HashMap<&str, &str> = HashMap::new();
    let mut last: HashMap<SessionId, HashSet<&str>> = HashMap::new();
    for issued in &issued {
        let token = issued.signed.refresh.expose();
        last.entry(issued.signed.session.id).or_default().insert(token);
        if let By::Refresh(old) = &issued.by {
            assert_eq!(*successors.entry(old).or_insert(token), token, "one refresh token, two successors");
        }
    }
    let mut living = 0;
    for tokens in last.values_mut() {
        tokens.retain(|token| !successors.contains_key(token));
        assert_eq!(tokens.len(), 1, "a chain that ends in several tokens");
    }
    for issued in &issued {
        let token = issued.signed.refresh.expose();
        let is_last = last[&issued.signed.session.id].contains(token);
        if is_last && log.session_ended(issued).is_none() {
            living += 1;
            let request = Refresh { token: token.to_owned(), scope: None, client: None, address: None };
            let outcome = arena.wait(refresh(&arena.sides()[0].world, request));
            assert!(outcome.is_ok(), "the last token of a living session: {:?}", outcome.err());
        }
    }
    eprintln!("{} sessions, {living} of their last tokens were good in the end", last.len());
}
