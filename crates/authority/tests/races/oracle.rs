//! What must hold after every schedule, judged by a scan of the log alone: no cuts, no exceptions folded, no cache.

use std::sync::Arc;
use std::time::Duration;

use rescind::follower::entry;
use rescind_domain::acting::Administrator;
use rescind_domain::clock::Clock as _;
use rescind_domain::event::{Event, EventKind};
use rescind_domain::key::{KeyRow, Purpose};
use rescind_domain::revocation::{Actor, LogRow};
use rescind_domain::verbs::explain;
use rescind_domain::verbs::sign_in::SignedIn;
use rescind_verifier::{Clock, Keeper, Presented, Snapshot, Verifier};
use rescind_wire::{Change, Epochs, Scope, SessionId, UserId};

use super::cast::{ISSUER, Stage, TestClock, block_on, claims};

/// The log and the events of one user, as they stand after a schedule.
pub(crate) struct Oracle<'a> {
    stage: &'a Stage,
    log: Vec<LogRow>,
    keys: Vec<KeyRow>,
    epochs: Epochs,
    events: Vec<Event>,
}

impl<'a> Oracle<'a> {
    pub(crate) fn of(stage: &'a Stage, user: UserId) -> Self {
        let began = stage.began();
        let (log, keys, epochs, events) = block_on(stage.world().store.read("oracle", move |view| {
            let mut log = Vec::new();
            loop {
                let page = view.log_after(log.last().map_or(began, |row: &LogRow| row.position.number), 1000)?;
                if page.is_empty() {
                    break;
                }
                log.extend(page);
            }
            Ok((log, view.keys()?, view.epochs()?, view.events(Some(&user), 0, 1000)?))
        }))
        .unwrap();
        Self { stage, log, keys, epochs, events }
    }

    /// Whether a session that began at `position` has been ended: by any one entry that covers it.
    pub(crate) fn ended(&self, user: UserId, session: SessionId, position: u64) -> Option<u64> {
        let covers = |row: &&LogRow| match &row.change {
            Change::Revoke(Scope::Session { session: ended, .. }) => *ended == session,
            Change::Revoke(Scope::Everyone { .. }) => row.position.number > position,
            Change::Revoke(Scope::User { user: whose, except, deleted }) => {
                *whose == user && (*deleted || (row.position.number > position && *except != Some(session)))
            }
            Change::Revoke(_) | Change::AddKey(_) => false,
        };
        self.log.iter().find(covers).map(|row| row.position.number)
    }

    /// Judges what a sign-in or refresh gave out: the store, the refresh path and the verifier all agree with the log.
    pub(crate) fn judge(&self, signed: &SignedIn) -> bool {
        let session = &signed.session;
        let alive = self.ended(session.user, session.id, session.position.number).is_none();
        let (claims, key) = claims(signed);
        let rev = claims.rev.number;
        let token_alive = self.ended(session.user, session.id, rev).is_none();
        let (world, admin) = (self.stage.world(), Administrator::CommandLine);
        let explained = block_on(explain::access_token(&world, &admin, claims, key)).unwrap();
        assert_eq!(explained.ended.is_none(), token_alive, "the store disagrees with the log");
        let refresh = block_on(explain::refresh_token(&world, &admin, signed.refresh.expose())).unwrap();
        let (explained, ..) = refresh.expect("a refresh token of ours");
        assert_eq!(explained.ended.is_none(), alive, "the refresh path disagrees with the log");
        let verified = self.verifier().0.verify(&Presented::bearer(signed.access.token.expose()));
        assert_eq!(verified.is_ok(), token_alive, "the verifier disagrees with the log: {verified:?}");
        assert!(!token_alive || alive, "a token outlives its session");
        alive
    }

    /// Nothing was written in the name of a session after it had ended (A16), and every ending is one event (A15).
    pub(crate) fn check_events(&self) {
        let mut dead: Vec<(SessionId, u64)> = Vec::new();
        for event in &self.events {
            if let Actor::User { session, .. } = &event.what.actor {
                let ended = dead.iter().any(|(ended, _)| ended == session);
                assert!(!ended, "{:?} in the name of an ended session", event.what);
            }
            let Some(number) = event.what.revocation else { continue };
            let row = self.log.iter().find(|row| row.position.number == number).expect("the entry of an event");
            match &row.change {
                Change::Revoke(Scope::Session { session, .. }) => dead.push((*session, number)),
                Change::Revoke(Scope::User { except, .. }) => {
                    let begun = self.events.iter().filter(|event| event.what.kind == EventKind::SignedIn);
                    let others = begun.filter_map(|event| event.what.session).filter(|begun| Some(*begun) != *except);
                    // Only those begun before the entry: what signs in after it is not covered.
                    let before = others.filter(|session| self.began_before(*session, number));
                    dead.extend(before.map(|session| (session, number)));
                }
                Change::Revoke(_) | Change::AddKey(_) => {}
            }
        }
        let mut numbers: Vec<u64> = self.events.iter().filter_map(|event| event.what.revocation).collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all, "an ending is two events");
    }

    fn began_before(&self, session: SessionId, number: u64) -> bool {
        let found = block_on(self.stage.world().store.read("session", move |view| Ok(view.session_by_id(&session)?)));
        found.unwrap().is_some_and(|session| session.position.number < number)
    }

    fn verifier(&self) -> (Verifier, Keeper) {
        let clock = Arc::new(Frozen(Arc::clone(&self.stage.clock)));
        // As many places as usual take longer to be given back, in a build without optimisation, than all else here.
        let builder = Verifier::builder(ISSUER).audience(ISSUER).clock(clock).cache_tokens(64);
        let (verifier, mut keeper) = builder.parts().unwrap();
        let signing = |row: &&KeyRow| row.revoked.is_none() && matches!(row.purpose, Purpose::Sign(_));
        let snapshot = Snapshot {
            epochs: self.epochs.clone(),
            position: self.log.last().map_or(self.stage.began(), |row| row.position.number),
            floor: self.stage.began(),
            floor_at: None,
            longest_lifetime: 300,
            keys: self.keys.iter().filter(signing).filter_map(|row| row.public.clone()).collect(),
            entries: self.log.iter().map(entry).collect(),
        };
        keeper.reset(snapshot).unwrap();
        keeper.extend(Duration::MAX / 2).unwrap();
        (verifier, keeper)
    }
}

struct Frozen(Arc<TestClock>);

impl Clock for Frozen {
    fn wall(&self) -> u64 {
        self.0.wall().0
    }

    fn boottime(&self) -> Duration {
        Duration::from_secs(1)
    }
}
