//! What the feed may say, and what a verifier makes of it when it does not add up.

use rescind_verifier::{Break, Broken, Clock, Held, InvalidKey, Reason, Rejected};
use rescind_wire::key::Material;
use rescind_wire::{Change, Entry};

use crate::support::{HEAD, LEASE, Signer, World, all_of, at, entry, one_session, revocation, revoked, unrelated};

const GAP: Rejected = Rejected::Unavailable { reason: Reason::Broken(Break::Gap) };

#[test]
fn r7_a_gap_stops_everything_until_the_next_snapshot() {
    let mut world = World::new();
    let token = world.token(|_| {});
    world.accepts(&token);
    let gap = Broken::Gap { expected: HEAD + 1, got: HEAD + 2 };
    assert_eq!(world.keeper.apply(&[unrelated(HEAD + 2)]), Err(gap));
    assert_eq!(world.refuses(&token), GAP);
    // The missing entry cannot repair it any more, nor can a lease.
    let off = Err(Broken::Off(Break::Gap));
    assert_eq!(world.keeper.apply(&[unrelated(HEAD + 1)]), off);
    assert_eq!(world.keeper.extend(world.clock.boottime() + LEASE), off);
    assert_eq!(world.refuses(&token), GAP);
    assert_eq!((world.keeper.held(), world.health().unavailable), (None, Some(Reason::Broken(Break::Gap))));

    world.keeper.reset(world.snapshot(HEAD + 2, HEAD)).expect("a newer snapshot");
    world.extend();
    world.accepts(&token);
}

#[test]
fn what_came_before_a_gap_counts() {
    let mut world = World::new();
    let token = world.token(|_| {});
    let entries = [revocation(HEAD + 1, one_session(1, 1)), unrelated(HEAD + 3)];
    assert_eq!(world.keeper.apply(&entries), Err(Broken::Gap { expected: HEAD + 2, got: HEAD + 3 }));
    assert_eq!(world.verifier.position(), Some(at(HEAD + 1)));
    assert_eq!(world.refuses(&token), revoked("session", HEAD + 1));
}

#[test]
fn entries_that_repeat_are_ignored_and_a_frame_of_many_is_applied_whole() {
    let mut world = World::new();
    let token = world.token(|_| {});
    let frame: Vec<Entry> = (HEAD - 5..=HEAD + 20).map(unrelated).collect();
    world.keeper.apply(&frame).expect("dense");
    world.keeper.apply(&frame).expect("nothing new");
    world.keeper.apply(&[revocation(HEAD, all_of(1))]).expect("old");
    world.keeper.apply(&[]).expect("nothing");
    assert_eq!(world.verifier.position(), Some(at(HEAD + 20)));
    world.accepts(&token);
}

#[test]
fn a_snapshot_older_than_what_is_known_is_refused_within_an_epoch() {
    let mut world = World::new();
    let token = world.token(|_| {});
    let number = world.revoke(one_session(1, 1));
    assert_eq!(world.keeper.reset(world.snapshot(HEAD, HEAD)), Err(Broken::OlderSnapshot));
    assert_eq!(world.refuses(&token), revoked("session", number));
    world.accepts(&world.token_of(2, 2));
    // As it is when the feed was broken off.
    world.keeper.break_off(Break::Unreadable);
    assert_eq!(world.keeper.reset(world.snapshot(HEAD, HEAD)), Err(Broken::OlderSnapshot));
    assert!(world.refuses(&world.token_of(2, 2)).is_unavailable());
}

#[test]
fn a_snapshot_that_lost_entries_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let token = world.token(|_| {});
    let whole = world.snapshot(HEAD + 3, HEAD);
    let mut without_first = whole.clone();
    without_first.entries.remove(0);
    let mut without_middle = whole.clone();
    without_middle.entries.remove(1);
    let mut without_last = whole.clone();
    without_last.entries.pop();
    let mut disordered = whole.clone();
    disordered.entries.swap(0, 1);
    let mut below = whole.clone();
    below.floor = HEAD + 4;
    let mut huge = whole.clone();
    (huge.floor, huge.position, huge.entries) = (u64::MAX, u64::MAX, Vec::new());
    for snapshot in [without_first, without_middle, without_last, disordered, below, huge] {
        assert!(matches!(world.keeper.reset(snapshot), Err(Broken::BadSnapshot(_))));
        world.accepts(&token);
    }
    world.keeper.reset(whole).expect("a newer snapshot");
}

#[test]
fn a_snapshot_of_the_same_epoch_goes_on_with_a_lease_that_still_runs() {
    let mut world = World::new();
    let token = world.token(|_| {});
    world.keeper.reset(world.snapshot(HEAD, HEAD)).expect("a snapshot");
    world.accepts(&token);
    world.clock.advance(LEASE);
    world.keeper.reset(world.snapshot(HEAD, HEAD)).expect("a snapshot");
    assert_eq!(world.refuses(&token), Rejected::Unavailable { reason: Reason::Stale });
}

#[test]
fn a13_a_snapshot_revives_nothing_that_it_still_lists() {
    let mut world = World::new();
    let (cached, fresh) = (world.token(|_| {}), world.token(|c| c.scope = String::new()));
    world.accepts(&cached);
    world.revoke(one_session(1, 1));
    let mut snapshot = world.snapshot(HEAD + 2, HEAD);
    snapshot.entries[0] = revocation(HEAD + 1, one_session(1, 1));
    world.keeper.reset(snapshot).expect("a newer snapshot");
    world.extend();
    for token in [&cached, &fresh, &cached] {
        assert_eq!(world.refuses(token), revoked("session", HEAD + 1));
    }
}

#[test]
fn r7_a_bad_key_stops_everything_until_the_next_snapshot() {
    let mut world = World::new();
    let token = world.token(|_| {});
    let mut key = Signer::new(2).jwk();
    key.material = Material::Okp { crv: "Ed25519".to_owned(), x: "AAAA".to_owned() };
    let bad = Broken::Key { number: HEAD + 1, cause: InvalidKey::Length };
    assert_eq!(world.keeper.apply(&[entry(HEAD + 1, Change::AddKey(key.clone()))]), Err(bad));
    assert_eq!(world.refuses(&token), Rejected::Unavailable { reason: Reason::Broken(Break::Unreadable) });
    let mut snapshot = world.snapshot(HEAD + 1, HEAD);
    snapshot.keys.push(key);
    assert!(matches!(world.keeper.reset(snapshot), Err(Broken::BadSnapshot(_))));
    assert!(world.refuses(&token).is_unavailable());
}

#[test]
fn the_hello_names_position_and_tag_of_the_last_entry() {
    let mut world = World::new();
    assert_eq!(world.keeper.held(), Some(Held { position: at(HEAD), tag: None }));
    world.revoke(one_session(1, 1));
    let tag = Some(format!("tag-{}", HEAD + 1));
    assert_eq!(world.keeper.held(), Some(Held { position: at(HEAD + 1), tag }));
    world.keeper.reset(world.snapshot(HEAD + 3, HEAD)).expect("a newer snapshot");
    let tag = Some(format!("tag-{}", HEAD + 3));
    assert_eq!(world.keeper.held(), Some(Held { position: at(HEAD + 3), tag }));
    assert_eq!(World::unsynced(|builder| builder).keeper.held(), None);
}
