//! Real threads: what one of them can see to be revoked, no check that it begins afterwards accepts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rescind_verifier::{Keeper, Presented, Snapshot, Verifier};
use rescind_wire::{Entry, Epochs, Scope, TokenId};

use crate::support::{HEAD, LIFETIME, World, at, epoch, numbered_session, revocation, user};

const SESSIONS: u64 = 400;
const READERS: usize = 3;

/// The token of the `n`-th session, which ends with entry `HEAD + n`.
fn token(world: &World, n: u64) -> String {
    world.token(|c| {
        c.sid = Some(numbered_session(n));
        c.jti = TokenId::from_bytes(u128::from(n).to_be_bytes());
    })
}

fn end_of(n: u64) -> Entry {
    revocation(HEAD + n, Scope::Session { user: user(1), session: numbered_session(n) })
}

/// Ends every session in turn; now and then forgets what is old, or begins anew from a snapshot.
fn write(keeper: &mut Keeper, snapshot: &Snapshot, floors: bool) {
    for n in 1..=SESSIONS {
        keeper.apply(&[end_of(n)]).expect("the next entry");
        if floors && n % 7 == 0 {
            keeper.raise_floor(HEAD + n - 3);
        }
        if n % 50 == 0 {
            let entries = (1..=n).map(end_of).collect();
            keeper.reset(Snapshot { position: HEAD + n, entries, ..snapshot.clone() }).expect("a newer snapshot");
        }
    }
}

/// Checks the tokens of sessions that the verifier says it knows to have ended, and one that never ends.
fn read(verifier: &Verifier, tokens: &[String], lasting: &str, stop: &AtomicBool, checks: &AtomicU64) {
    let _stop = StopOnDrop(stop);
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        let number = verifier.position().expect("synced").number;
        let ended = number - HEAD;
        // The newest, whose entry was published a moment ago, and any of the others.
        turn += 1;
        for n in [ended, 1 + turn % ended.max(1)] {
            if n >= 1 && n <= ended {
                let token = &tokens[usize::try_from(n - 1).expect("small")];
                let outcome = verifier.verify(&Presented::bearer(token));
                assert!(outcome.is_err(), "session {n} ended, position {number}: {outcome:?}");
            }
        }
        // Warm the cache with one that is about to end.
        if let Some(next) = tokens.get(usize::try_from(ended).expect("small")) {
            let _ = verifier.verify(&Presented::bearer(next));
        }
        let outcome = verifier.verify(&Presented::bearer(lasting));
        assert!(outcome.is_ok(), "R4: {outcome:?}");
        checks.fetch_add(1, Ordering::Relaxed);
    }
}

fn race(floors: bool) {
    let mut world = World::new();
    let tokens: Vec<String> = (1..=SESSIONS).map(|n| token(&world, n)).collect();
    let lasting = world.token(|c| c.rev = at(HEAD + 10 * SESSIONS));
    let snapshot = Snapshot {
        epochs: Epochs::first(epoch(1)),
        position: HEAD,
        floor: HEAD,
        floor_at: Some(0),
        longest_lifetime: LIFETIME,
        keys: vec![world.signer.jwk()],
        entries: Vec::new(),
    };
    world.keeper.extend(Duration::MAX).expect("followed");
    let (stop, checks) = (AtomicBool::new(false), AtomicU64::new(0));
    let World { verifier, mut keeper, .. } = world;
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| read(&verifier, &tokens, &lasting, &stop, &checks));
        }
        let _stop = StopOnDrop(&stop);
        write(&mut keeper, &snapshot, floors);
        while checks.load(Ordering::Relaxed) < 1000 && !stop.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    });
    for token in &tokens {
        assert!(verifier.verify(&Presented::bearer(token)).is_err());
    }
}

/// Whoever ends, or panics, ends the others too.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn r8_once_a_position_is_visible_no_check_begun_after_it_accepts_what_it_ended() {
    race(false);
}

#[test]
fn r10_nor_while_entries_are_being_forgotten() {
    race(true);
}
