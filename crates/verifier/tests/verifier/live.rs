//! Watching a token for as long as something lives by it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rescind_verifier::{Break, Clock as _, Reason, Rejected};
use tokio::time::timeout;

use crate::support::{LEASE, LIFETIME, SKEW, World, one_session, revoked};

/// A runtime whose time moves by itself when nothing else happens.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let bounded = async { timeout(Duration::from_hours(1), future).await.expect("it resolves") };
    runtime.expect("a runtime").block_on(bounded)
}

pub(crate) fn is_pending(future: std::pin::Pin<&mut impl Future>) -> bool {
    matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
}

#[test]
fn it_resolves_when_a_revocation_covers_the_token_and_not_for_another() {
    let mut world = World::new();
    let verified = world.accepts(&world.token(|_| {}));
    run(async {
        let mut watched = pin!(verified.revoked());
        assert!(is_pending(watched.as_mut()));
        world.revoke(one_session(2, 2));
        assert!(is_pending(watched.as_mut()));
        let number = world.revoke(one_session(1, 1));
        assert_eq!(watched.await, revoked("session", number));
    });
}

#[test]
fn one_that_was_revoked_before_it_was_watched_resolves_at_once() {
    let mut world = World::new();
    let verified = world.accepts(&world.token(|_| {}));
    let number = world.revoke(one_session(1, 1));
    assert_eq!(run(verified.revoked()), revoked("session", number));
}

#[test]
fn it_resolves_when_the_token_expires_and_when_the_lease_is_over() {
    let mut world = World::new();
    let (clock, verified) = (world.clock.clone(), world.accepts(&world.token(|_| {})));
    let after = |time: Duration| {
        let (clock, watched) = (clock.clone(), verified.revoked());
        async move {
            let mut watched = pin!(watched);
            assert!(is_pending(watched.as_mut()));
            clock.advance(time);
            watched.await
        }
    };
    assert_eq!(run(after(LEASE)), Rejected::Unavailable { reason: Reason::Stale });
    world.extend();
    world.keeper.extend(Duration::MAX).expect("followed");
    let expired = run(after(Duration::from_secs(LIFETIME + SKEW)));
    assert!(matches!(expired, Rejected::Expired { .. }), "{expired:?}");
}

#[test]
fn on_a_machine_that_was_suspended_it_resolves_although_timers_stood_still() {
    let mut world = World::new();
    let verified = world.accepts(&world.token(|_| {}));
    let lease = LEASE * 10;
    world.keeper.extend(world.clock.boottime() + lease).expect("followed");
    run(async {
        let mut watched = pin!(verified.revoked());
        assert!(is_pending(watched.as_mut()));
        world.clock.advance(lease);
        let woken = timeout(LEASE, watched).await.expect("not only when the timers have caught up");
        assert_eq!(woken, Rejected::Unavailable { reason: Reason::Stale });
    });
}

#[test]
fn it_goes_on_through_a_new_snapshot_and_ends_with_the_verifier() {
    let mut world = World::new();
    let verified = world.accepts(&world.token(|_| {}));
    run(async {
        let mut watched = pin!(verified.revoked());
        assert!(is_pending(watched.as_mut()));
        world.keeper.reset(world.snapshot(world.head, world.head)).expect("a good snapshot");
        assert!(is_pending(watched.as_mut()));
        world.keeper.break_off(Break::Left);
        assert_eq!(watched.await, Rejected::Unavailable { reason: Reason::Broken(Break::Left) });
    });
    let other = World::new();
    let verified = other.accepts(&other.token(|_| {}));
    drop(other);
    assert_eq!(run(verified.revoked()), Rejected::Unavailable { reason: Reason::Broken(Break::Left) });
}
