//! Logging out: what ends, and what goes on.

use rescind_verifier::Rejected;
use rescind_wire::{Scope, TokenId};

use crate::support::{World, all_but, all_of, at, client, one_session, revoked, user};

#[test]
fn a1_a_token_of_an_ended_session_is_refused_cached_or_not() {
    let mut world = World::new();
    let (cached, fresh) = (world.token_of(1, 1), world.token(|c| c.scope = "other".to_owned()));
    world.accepts(&cached);
    let number = world.revoke(one_session(1, 1));
    assert_eq!(world.refuses(&cached), revoked("session", number));
    assert_eq!(world.refuses(&fresh), revoked("session", number));
    // Terminal: not even a token that claims a later position.
    let later = world.token(|c| c.rev = at(number + 50));
    assert_eq!(world.refuses(&later), revoked("session", number));
}

#[test]
fn a3_ending_one_session_leaves_every_other_untouched() {
    let mut world = World::new();
    let others = [world.token_of(1, 2), world.token_of(2, 3), world.service_token("app")];
    world.revoke(one_session(1, 1));
    for token in &others {
        world.accepts(token);
    }
}

#[test]
fn a7_after_all_but_this_device_this_device_goes_on() {
    let mut world = World::new();
    let (this, other) = (world.token_of(1, 1), world.token_of(1, 2));
    world.accepts(&this);
    world.accepts(&other);
    let number = world.revoke(all_but(1, Some(1)));
    world.accepts(&this);
    assert_eq!(world.refuses(&other), revoked("user", number));
}

#[test]
fn a14_one_entry_ends_a_users_a_clients_a_grants_or_everyones_tokens() {
    let mut world = World::new();
    let cases: [(Scope, &str, [bool; 4]); 6] = [
        (all_of(1), "user", [true, false, false, false]),
        (Scope::Client { client: client("app") }, "client", [true, true, false, false]),
        (Scope::Client { client: client("worker") }, "client", [false, false, false, true]),
        (Scope::Grant { user: user(1), client: client("app") }, "grant", [true, false, false, false]),
        (Scope::Everyone { services: false }, "everyone", [true, true, true, false]),
        (Scope::Everyone { services: true }, "everyone", [true, true, true, true]),
    ];
    for (scope, kind, ends) in cases {
        let tokens = [
            world.token_of(1, 1),
            world.token_of(2, 2),
            world.token(|c| (c.sub, c.client_id) = (rescind_wire::Subject::User(user(3)), client("other"))),
            world.service_token("worker"),
        ];
        for token in &tokens {
            world.accepts(token);
        }
        let number = world.revoke(scope.clone());
        for (token, ends) in tokens.iter().zip(ends) {
            let outcome = world.check(token).map(|_| ());
            assert_eq!(outcome, if ends { Err(revoked(kind, number)) } else { Ok(()) }, "{scope}");
        }
    }
}

#[test]
fn a17_all_but_s1_and_all_but_s2_leave_nobody_in_either_order() {
    for (first, second) in [(1, 2), (2, 1)] {
        let mut world = World::new();
        let tokens = [1, 2, 3].map(|n| world.token_of(1, n));
        for token in &tokens {
            world.accepts(token);
        }
        let number = world.revoke(all_but(1, Some(first)));
        world.accepts(&tokens[usize::from(first) - 1]);
        // Late: its exception protects S2 from itself only, and S2 is dead already.
        let late = world.revoke(all_but(1, Some(second)));
        assert_eq!(world.refuses(&tokens[usize::from(first) - 1]), revoked("user", late));
        assert_eq!(world.refuses(&tokens[usize::from(second) - 1]), revoked("user", number));
        assert_eq!(world.refuses(&tokens[2]), revoked("user", late));
    }
}

#[test]
fn a17_excepting_the_same_session_again_keeps_it_and_all_then_all_but_it_does_not() {
    let mut world = World::new();
    let token = world.token_of(1, 1);
    for _ in 0..3 {
        world.revoke(all_but(1, Some(1)));
        world.accepts(&token);
    }
    let number = world.revoke(all_of(1));
    for _ in 0..3 {
        world.revoke(all_but(1, Some(1)));
        assert_eq!(world.refuses(&token), revoked("user", number));
    }
}

#[test]
fn a18_removing_and_adding_again_revives_nothing_that_was_issued_before() {
    let mut world = World::new();
    let old = world.token(|_| {});
    let number = world.revoke(Scope::Client { client: client("app") });
    let new = world.token(|_| {});
    assert_eq!(world.refuses(&old), revoked("client", number));
    world.accepts(&new);
    let number = world.revoke(Scope::Grant { user: user(1), client: client("app") });
    assert_eq!(world.refuses(&new), revoked("grant", number));
    assert_eq!(world.refuses(&old), revoked("client", number - 1));
}

#[test]
fn b5_a_deleted_user_is_dead_whatever_the_position() {
    let mut world = World::new();
    let token = world.token(|c| c.rev = at(u64::from(u32::MAX)));
    world.accepts(&token);
    let deleted = Scope::User { user: user(1), except: None, deleted: true };
    let number = world.revoke(deleted);
    assert_eq!(world.refuses(&token), revoked("user", number));
    // Nor does a later entry that excepts the session.
    let later = world.revoke(all_but(1, Some(1)));
    assert_eq!(world.refuses(&token), revoked("user", later));
}

#[test]
fn a_single_token_can_be_ended_and_its_session_goes_on() {
    let mut world = World::new();
    let id = TokenId::from_bytes([77; 16]);
    let (one, other) = (world.token(|c| c.jti = id), world.token(|_| {}));
    world.accepts(&one);
    let number = world.revoke(Scope::Token { token: id });
    assert_eq!(world.refuses(&one), revoked("token", number));
    world.accepts(&other);
}

#[test]
fn d1_r4_a_sign_in_in_the_same_millisecond_as_and_after_a_log_out_works_at_once() {
    let mut world = World::new();
    for scope in [all_of(1), Scope::Everyone { services: true }, Scope::Client { client: client("app") }] {
        world.revoke(scope);
        world.accepts(&world.token(|_| {}));
    }
}

#[test]
fn d2_a_token_minted_in_the_same_millisecond_as_and_before_a_log_out_is_refused() {
    let mut world = World::new();
    let token = world.token(|_| {});
    let number = world.revoke(all_of(1));
    assert_eq!(world.refuses(&token), revoked("user", number));
}

#[test]
fn r3_a_token_that_was_checked_is_looked_up_again_once_something_newer_came() {
    let mut world = World::new();
    let token = world.token(|_| {});
    for _ in 0..3 {
        world.accepts(&token);
        world.revoke(one_session(2, 2));
    }
    let number = world.revoke(one_session(1, 1));
    for _ in 0..3 {
        assert_eq!(world.refuses(&token), revoked("session", number));
    }
    assert_eq!((world.health().misses, world.health().hits), (1, 5));
}

#[test]
fn the_health_report_counts_refusals_by_reason() {
    let mut world = World::new();
    let token = world.token(|_| {});
    world.revoke(one_session(1, 1));
    world.refuses(&token);
    world.refuses("nonsense");
    world.refuses("nonsense");
    let health = world.health();
    let counted: Vec<_> = health.refusals.iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [&("malformed", 2), &("revoked", 1)]);
    assert_eq!((health.unavailable, health.position), (None, Some(at(world.head))));
    assert_eq!((health.entries, health.keys, health.cached), (1, 1, 1));
    assert_eq!(health.floor, crate::support::HEAD);
    assert!(matches!(world.refuses(""), Rejected::Malformed { .. }));
}
