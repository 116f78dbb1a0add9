//! R10: forgetting is safe without clocks.

use std::time::Duration;

use rescind_verifier::Rejected;
use rescind_wire::Scope;

use crate::support::{
    HEAD, LIFETIME, START, World, all_but, all_of, at, client, one_session, revocation, revoked, unrelated, user,
};

#[test]
fn r10_a_token_below_the_floor_is_refused_cached_or_not_whatever_its_exp() {
    let mut world = World::new();
    let (at_floor, below) = (world.token(|c| c.rev = at(HEAD + 2)), world.token(|c| c.rev = at(HEAD + 1)));
    world.accepts(&at_floor);
    world.accepts(&below);
    world.revoke(one_session(9, 9));
    world.revoke(one_session(9, 8));
    world.accepts(&below);
    world.keeper.raise_floor(HEAD + 2);
    world.accepts(&at_floor);
    assert_eq!(world.refuses(&below), Rejected::BelowFloor);
    assert_eq!(world.refuses(&world.token(|c| (c.rev, c.scope) = (at(HEAD + 1), String::new()))), Rejected::BelowFloor);
}

#[test]
fn r10_what_lies_at_or_below_the_floor_is_forgotten_and_stays_dead() {
    let mut world = World::new();
    let scopes = [
        one_session(1, 1),
        all_of(1),
        all_but(1, Some(1)),
        Scope::Client { client: client("app") },
        Scope::Grant { user: user(1), client: client("app") },
        Scope::Token { token: world.claims().jti },
    ];
    let token = world.token(|_| {});
    for scope in &scopes {
        world.revoke(scope.clone());
    }
    assert_eq!(world.health().entries, 5);
    world.keeper.raise_floor(world.head - 1);
    assert_eq!(world.health().entries, 1);
    world.keeper.raise_floor(world.head);
    assert_eq!(world.health().entries, 0);
    // A look-up finds nothing any more; the floor is what refuses it.
    assert_eq!(world.refuses(&token), Rejected::BelowFloor);
    world.accepts(&world.token_of(1, 2));
}

#[test]
fn r10_a_record_that_a_later_entry_renewed_is_not_forgotten_with_the_earlier_one() {
    let mut world = World::new();
    world.revoke(all_of(1));
    let between = world.token(|_| {});
    world.revoke(all_but(1, Some(2)));
    world.keeper.raise_floor(HEAD + 1);
    assert_eq!(world.refuses(&between), revoked("user", HEAD + 2));
    assert_eq!(world.health().entries, 1);
}

#[test]
fn r10_the_floor_never_falls() {
    let mut world = World::new();
    world.keeper.raise_floor(HEAD + 5);
    world.keeper.raise_floor(HEAD);
    assert_eq!(world.health().floor, HEAD + 5);
    // Nor by a snapshot of the same epoch that was made before.
    let mut snapshot = world.snapshot(HEAD + 3, HEAD);
    snapshot.entries = vec![unrelated(HEAD + 1), revocation(HEAD + 2, all_of(1)), unrelated(HEAD + 3)];
    world.keeper.reset(snapshot).expect("a newer snapshot");
    assert_eq!(world.health().floor, HEAD + 5);
    assert_eq!(world.refuses(&world.token(|c| c.rev = at(HEAD + 4))), Rejected::BelowFloor);
}

#[test]
fn r10_entries_outlive_every_token_they_cover_whatever_clocks_and_lifetimes_do() {
    let mut world = World::new();
    let token = world.token(|c| c.exp = c.iat + 2 * LIFETIME);
    let number = world.revoke(all_of(1));
    let day = 24 * 60 * 60;
    // Lifetimes raised and lowered, the wall clock forward and back: nothing is forgotten until the floor says so.
    for (seconds, longest) in
        [(START, 2 * LIFETIME), (START + 365 * day, 1), (START - 365 * day, day), (START + LIFETIME, 2 * LIFETIME)]
    {
        world.clock.set_wall(seconds);
        world.keeper.set_longest_lifetime(longest);
        world.extend();
        assert_eq!(world.health().entries, 1);
        world.refuses(&token);
    }
    assert_eq!(world.refuses(&token), revoked("user", number));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.refuses(&token), revoked("user", number));
}
