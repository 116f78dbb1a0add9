//! A table of revocations that is full: nothing is forgotten for that, and nothing accepted.

use rescind_verifier::{Break, Broken, Next, Reason, Rejected, Subscription};
#[cfg(feature = "follow")]
use rescind_wire::Epochs;
use rescind_wire::feed::{Entries, Message, Resume};

#[cfg(feature = "follow")]
use crate::impostor::{Impostor, check, run};
#[cfg(feature = "follow")]
use crate::support::epoch;
use crate::support::{HEAD, LEASE, World, at, one_session, revocation, revoked, unrelated};

const FULL: Rejected = Rejected::Unavailable { reason: Reason::Broken(Break::Full) };

#[test]
fn r7_with_more_revocations_than_there_is_room_for_nothing_is_accepted_and_none_is_forgotten() {
    let mut world = World::with(|builder| builder.revocations(3));
    let (ended, other) = (world.token(|_| {}), world.token_of(2, 2));
    world.revoke(one_session(1, 1));
    world.revoke(one_session(8, 8));
    world.revoke(one_session(9, 9));
    let newer = world.token_of(3, 3);
    world.accepts(&other);
    world.accepts(&newer);
    let full = Broken::Full { entries: 4, room: 3 };
    assert_eq!(world.keeper.apply(&[unrelated(HEAD + 4)]), Err(full));
    assert_eq!(world.refuses(&other), FULL);
    assert_eq!(world.refuses(&ended), revoked("session", HEAD + 1));
    let health = world.health();
    assert_eq!((health.unavailable, health.entries), (Some(Reason::Broken(Break::Full)), 3));
    assert!(health.exposition().contains("\nrescind_verifier_refused_total{reason=\"unavailable_full\"} 1\n"));
    assert!(health.exposition().contains("\nrescind_verifier_entry_places 3\n"));
    // Neither a lease nor a floor brings it back: an entry is missing by now.
    let off = Err(Broken::Off(Break::Full));
    assert_eq!(world.keeper.extend(std::time::Duration::from_hours(1)), off);
    world.keeper.raise_floor(HEAD + 3);
    assert_eq!((world.keeper.apply(&[unrelated(HEAD + 4)]), world.keeper.held()), (off, None));
    assert_eq!(world.refuses(&newer), FULL);
}

#[test]
fn a_verifier_that_was_full_goes_on_with_a_snapshot_that_fits() {
    for synced in [true, false] {
        let configure = |builder: rescind_verifier::Builder| builder.revocations(3);
        let mut world = if synced { World::with(configure) } else { World::unsynced(configure) };
        let token = world.token(|claims| claims.rev = at(HEAD + 2));
        let below = world.token(|_| {});
        for _ in 0..2 {
            let large = world.snapshot(HEAD + 5, HEAD + 1);
            assert_eq!(world.keeper.reset(large), Err(Broken::Full { entries: 4, room: 3 }));
            assert_eq!((world.refuses(&token), world.health().unavailable), (FULL, Some(Reason::Broken(Break::Full))));
        }
        world.keeper.reset(world.snapshot(HEAD + 5, HEAD + 2)).expect("three entries");
        world.extend();
        world.accepts(&token);
        assert_eq!(world.refuses(&below), Rejected::BelowFloor);
    }
}

#[test]
fn a_floor_that_rises_in_time_makes_room() {
    let mut world = World::with(|builder| builder.revocations(2));
    for n in 10..20 {
        world.revoke(one_session(n, n));
        world.revoke(one_session(n + 100, n));
        world.keeper.raise_floor(world.head);
    }
    world.accepts(&world.token_of(2, 2));
}

/// A message that leaves fewer entries above the floor than there were before it needs no more room than they do.
#[test]
fn a_floor_that_comes_with_entries_makes_room_for_them() {
    let mut world = World::with(|builder| builder.revocations(2));
    let (ended, other) = (world.token(|claims| claims.rev = at(HEAD + 2)), world.token_of(3, 3));
    world.revoke(one_session(8, 8));
    world.revoke(one_session(9, 9));
    let mut connection = Subscription::new(&mut world.keeper, LEASE);
    connection.take(Message::Resume(Resume { floor: HEAD, longest_lifetime: 3600 })).expect("in its turn");
    let entries = vec![revocation(HEAD + 3, one_session(1, 1)), unrelated(HEAD + 4)];
    let frame = Entries { entries, floor: HEAD + 2, longest_lifetime: 3600 };
    assert_eq!(connection.take(Message::Entries(frame)), Ok(Next::Acknowledge));
    drop(connection);
    assert_eq!(world.refuses(&ended), revoked("session", HEAD + 3));
    assert_eq!(world.refuses(&other), Rejected::BelowFloor);
    assert_eq!(world.health().entries, 2);
    // And what the next one's floor forgets is what this one brought.
    let mut connection = Subscription::new(&mut world.keeper, LEASE);
    connection.take(Message::Resume(Resume { floor: HEAD + 2, longest_lifetime: 3600 })).expect("in its turn");
    let frame = Entries { entries: vec![unrelated(HEAD + 5)], floor: HEAD + 5, longest_lifetime: 3600 };
    assert_eq!(connection.take(Message::Entries(frame)), Ok(Next::Acknowledge));
    drop(connection);
    assert_eq!(world.health().entries, 0);
}

#[cfg(feature = "follow")]
#[test]
fn a_verifier_that_is_full_hangs_up_before_the_entries_come_and_asks_for_all_of_it_again() {
    run(async {
        let (impostor, world) = (Impostor::new().await, World::unsynced(|builder| builder));
        let verifier = impostor.verifier_with(&world, |builder| builder.revocations(2));
        let token = world.token_of(2, 2);
        let entries: Vec<_> = (HEAD + 1..=HEAD + 3).map(unrelated).collect();
        for _ in 0..2 {
            let mut line = impostor.line().await;
            assert_eq!(line.hello().await.expect("a hello"), None);
            line.announce(&world, Epochs::first(epoch(1)), 3).await.expect("connected");
            line.until_gone().await;
            assert_eq!(check(&verifier, &token), Err(FULL));
        }
        let mut line = impostor.line().await;
        assert_eq!(line.hello().await.expect("a hello"), None);
        line.snapshot(&world, &entries[..2]).await.expect("connected");
        line.grant(HEAD + 2).await.expect("connected");
        assert_eq!(check(&verifier, &token), Ok(()));
        line.entries(&entries[2..]).await.expect("connected");
        line.until_gone().await;
        assert_eq!(check(&verifier, &token), Err(FULL));
        assert_eq!(impostor.line().await.hello().await.expect("a hello"), None);
    });
}
