//! R9: positions never go back unnoticed.

use rescind_verifier::{Broken, Reason, Rejected, Snapshot};
use rescind_wire::position::MAX_NUMBER;
use rescind_wire::{Epochs, Position};

use crate::support::{HEAD, LIFETIME, Signer, World, at, epoch, one_session, revoked};

/// After epoch 1 ended at 80, and at position 100 of epoch 2.
fn second_epoch(world: &World) -> Snapshot {
    let epochs = Epochs { former: vec![(epoch(1), 80)], current: epoch(2) };
    Snapshot { epochs, floor: 50, entries: Vec::new(), position: 50, ..world.snapshot(HEAD, HEAD) }
}

fn in_epoch(n: u8, number: u64) -> Position {
    Position { epoch: epoch(n), number }
}

#[test]
fn r9_a_token_of_an_unlisted_epoch_is_dead() {
    let world = World::new();
    for number in [0, HEAD, MAX_NUMBER] {
        assert_eq!(world.refuses(&world.token(|c| c.rev = in_epoch(9, number))), Rejected::LostEpoch);
    }
}

#[test]
fn r9_a_token_from_beyond_the_end_of_a_former_epoch_is_dead_and_one_from_before_it_is_not() {
    let mut world = World::new();
    world.keeper.reset(second_epoch(&world)).expect("a new epoch");
    world.extend();
    world.accepts(&world.token(|c| c.rev = in_epoch(1, 80)));
    world.accepts(&world.token(|c| c.rev = in_epoch(2, 60)));
    for number in [81, HEAD, MAX_NUMBER] {
        assert_eq!(world.refuses(&world.token(|c| c.rev = in_epoch(1, number))), Rejected::LostEpoch);
    }
}

#[test]
fn r9_a_token_from_beyond_the_verifiers_own_position_is_accepted_and_says_so() {
    let mut world = World::new();
    let ahead = world.token(|c| c.rev = at(HEAD + 1));
    assert!(world.accepts(&ahead).ahead());
    assert!(world.accepts(&ahead).ahead());
    world.revoke(one_session(9, 9));
    assert!(!world.accepts(&ahead).ahead());
    // A later entry covers it like any other token.
    let number = world.revoke(one_session(1, 1));
    assert_eq!(world.refuses(&ahead), revoked("session", number));
}

#[test]
fn r9_a_new_epoch_drops_table_lease_and_marks() {
    let mut world = World::new();
    let token = world.token(|c| c.rev = at(80));
    assert_eq!(world.refuses(&token), Rejected::BelowFloor);
    world.revoke(one_session(1, 1));
    world.keeper.reset(second_epoch(&world)).expect("a new epoch");
    assert_eq!(world.refuses(&token), Rejected::Unavailable { reason: Reason::NoLease });
    assert_eq!(world.health().entries, 0);
    world.extend();
    // The entry that ended the session, at 101, was lost with its epoch.
    world.accepts(&token);
    assert_eq!(world.verifier.position(), Some(in_epoch(2, 50)));
}

#[test]
fn r9_a_former_epoch_never_comes_back() {
    let mut world = World::new();
    world.keeper.reset(second_epoch(&world)).expect("a new epoch");
    world.extend();
    let old = world.snapshot(HEAD + 1000, HEAD + 1000);
    assert_eq!(world.keeper.reset(old), Err(Broken::OlderSnapshot));
    world.accepts(&world.token(|c| c.rev = in_epoch(2, 60)));
}

#[test]
fn r9_an_unknown_key_is_unavailable_only_for_a_token_from_beyond_the_verifiers_own_position() {
    let mut world = World::new();
    let stranger = Signer::new(7);
    let mut claims = world.claims();
    assert_eq!(world.refuses(&stranger.sign(&claims)), Rejected::UnknownKey);
    claims.rev = at(HEAD + 1);
    let ahead = stranger.sign(&claims);
    assert_eq!(world.refuses(&ahead), Rejected::Unavailable { reason: Reason::AheadUnknownKey });
    claims.rev = in_epoch(9, HEAD + 1);
    assert_eq!(world.refuses(&stranger.sign(&claims)), Rejected::UnknownKey);
    // Once the verifier is there and still does not know the key, the token is to blame; and if it does, it is good.
    world.revoke(one_session(9, 9));
    assert_eq!(world.refuses(&ahead), Rejected::UnknownKey);
    world.arrive(rescind_wire::Change::AddKey(stranger.jwk()));
    assert_eq!(world.accepts(&ahead).key(), &stranger.kid);
}

#[test]
fn r7_a_verifier_without_a_lease_does_not_blame_the_token_for_what_newer_news_could_change() {
    let world = World::new();
    let claims = world.claims();
    let tokens =
        [Signer::new(7).sign(&claims), world.token(|c| c.rev = in_epoch(9, 1)), world.token(|c| c.exp += LIFETIME)];
    for token in &tokens {
        assert!(!world.refuses(token).is_unavailable());
    }
    world.clock.advance(crate::support::LEASE);
    for token in &tokens {
        assert_eq!(world.refuses(token), Rejected::Unavailable { reason: Reason::Stale });
    }
    assert!(!world.refuses("nonsense").is_unavailable());
}
