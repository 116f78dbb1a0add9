//! The lease: how long a verifier may go on without having heard from the authority, and G4.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rescind_verifier::{Break, Broken, Clock, Keeper, Reason, Rejected};

use crate::support::{HEAD, LEASE, ManualClock, World, one_session, revocation, revoked};

const STALE: Rejected = Rejected::Unavailable { reason: Reason::Stale };

#[test]
fn g3_a_verifier_that_is_cut_off_refuses_after_its_lease_and_recovers() {
    let mut world = World::new();
    let token = world.token(|_| {});
    world.clock.advance(LEASE.checked_sub(Duration::from_nanos(1)).expect("long"));
    world.accepts(&token);
    assert_eq!(world.health().lease_left, Some(Duration::from_nanos(1)));
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(world.refuses(&token), STALE);
    assert_eq!(world.health().unavailable, Some(Reason::Stale));
    assert_eq!((world.health().lease_left, world.health().echo_age), (Some(Duration::ZERO), Some(LEASE)));
    world.extend();
    world.accepts(&token);
}

#[test]
fn r7_before_the_first_snapshot_and_before_the_first_lease_everything_is_unavailable() {
    let mut world = World::unsynced(|builder| builder);
    let token = world.token(|_| {});
    let never = Rejected::Unavailable { reason: Reason::NeverSynced };
    assert_eq!(world.refuses(&token), never);
    assert_eq!(world.refuses("nonsense"), never);
    assert_eq!(world.verifier.authentic(&token).unwrap_err(), never);
    assert_eq!((world.verifier.position(), world.health().unavailable), (None, Some(Reason::NeverSynced)));
    assert_eq!(world.keeper.extend(Duration::MAX), Err(Broken::NeverSynced));
    world.keeper.reset(world.snapshot(HEAD, HEAD)).expect("a good snapshot");
    assert_eq!(world.refuses(&token), Rejected::Unavailable { reason: Reason::NoLease });
    world.extend();
    world.accepts(&token);
}

#[test]
fn an_earlier_deadline_does_not_shorten_the_lease() {
    let mut world = World::new();
    world.keeper.extend(Duration::from_secs(1)).expect("followed");
    world.accepts(&world.token(|_| {}));
}

#[test]
fn leaving_drops_the_lease_for_good() {
    let mut world = World::new();
    let token = world.token(|_| {});
    world.accepts(&token);
    world.keeper.break_off(Break::Left);
    let left = Rejected::Unavailable { reason: Reason::Broken(Break::Left) };
    assert_eq!(world.refuses(&token), left);
    assert_eq!(world.keeper.extend(Duration::MAX), Err(Broken::Off(Break::Left)));
    assert_eq!(world.refuses(&token), left);
    assert_eq!(world.keeper.held(), None);
    world.keeper.reset(world.snapshot(HEAD, HEAD)).expect("a good snapshot");
    assert_eq!(world.refuses(&token), Rejected::Unavailable { reason: Reason::NoLease });
    world.extend();
    world.accepts(&token);
}

/// Where `verify` can be stopped by a test: whenever it reads a clock.
type Stop = fn(&ManualClock, Box<dyn FnOnce() + Send>);

/// While `verify` is stopped, the session ends, a lease goes by, and the feed renews it.
fn stopped(stop: Stop, cached: bool, then: fn(&mut Keeper, &ManualClock)) -> Result<(), Rejected> {
    let world = World::new();
    let token = world.token(|_| {});
    if cached {
        world.accepts(&token);
    }
    let (verifier, clock) = (world.verifier.clone(), Arc::clone(&world.clock));
    let keeper = Arc::new(Mutex::new(world.keeper));
    let meanwhile = {
        let (keeper, clock) = (Arc::clone(&keeper), Arc::clone(&clock));
        move || then(&mut keeper.lock().expect("no panic"), &clock)
    };
    stop(&clock, Box::new(meanwhile));
    verifier.verify(&rescind_verifier::Presented::bearer(&token)).map(|_| ())
}

fn at_wall(clock: &ManualClock, hook: Box<dyn FnOnce() + Send>) {
    clock.at_wall(hook);
}

fn at_boottime(clock: &ManualClock, hook: Box<dyn FnOnce() + Send>) {
    clock.at_boottime(hook);
}

fn revoke_and_renew(keeper: &mut Keeper, clock: &ManualClock) {
    keeper.apply(&[revocation(HEAD + 1, one_session(1, 1))]).expect("the next entry");
    clock.advance(LEASE);
    keeper.extend(clock.boottime() + LEASE).expect("followed");
}

fn revoke_by_snapshot_and_renew(keeper: &mut Keeper, clock: &ManualClock) {
    let world = World::new();
    let mut snapshot = world.snapshot(HEAD + 1, HEAD);
    snapshot.entries = vec![revocation(HEAD + 1, one_session(1, 1))];
    keeper.reset(snapshot).expect("a newer snapshot");
    clock.advance(LEASE);
    keeper.extend(clock.boottime() + LEASE).expect("followed");
}

#[test]
fn g4_a_paused_verifier_does_not_accept_on_resuming_what_was_revoked_meanwhile() {
    for cached in [true, false] {
        // Stopped before the table is looked at, it finds the entry in it; stopped after, the deadline that it had
        // loaded is over, and the one that was renewed vouches for a table that it has not seen.
        let early = stopped(at_wall, cached, revoke_and_renew);
        assert_eq!(early, Err(revoked("session", HEAD + 1)));
        assert_eq!(stopped(at_boottime, cached, revoke_and_renew), Err(STALE));
        // A generation that was replaced meanwhile has no lease to renew.
        assert_eq!(stopped(at_wall, cached, revoke_by_snapshot_and_renew), Err(STALE));
        assert_eq!(stopped(at_boottime, cached, revoke_by_snapshot_and_renew), Err(STALE));
    }
}

#[test]
fn g4_a_machine_that_was_suspended_refuses_until_it_is_renewed() {
    let suspended: fn(&mut Keeper, &ManualClock) = |_, clock| clock.advance(LEASE);
    for stop in [at_wall as Stop, at_boottime] {
        assert_eq!(stopped(stop, true, suspended), Err(STALE));
    }
}
