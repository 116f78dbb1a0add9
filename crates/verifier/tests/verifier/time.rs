//! Time: what the wall clock decides, and what it does not.

use std::time::Duration;

use rescind_verifier::Rejected;

use crate::support::{LEASE, LIFETIME, SKEW, START, World, all_of, revoked};

#[test]
fn a_token_is_good_up_to_and_not_at_its_expiry_plus_the_skew() {
    let mut world = World::new();
    let token = world.token(|_| {});
    let expired = Rejected::Expired { at: START + LIFETIME };
    world.clock.set_wall(START + LIFETIME + SKEW - 1);
    world.accepts(&token);
    world.clock.advance(Duration::from_millis(999));
    world.accepts(&token);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.refuses(&token), expired);
    world.extend();
    assert_eq!(world.refuses(&world.token(|c| (c.iat, c.exp) = (START, START + LIFETIME))), expired);
}

#[test]
fn d3_clock_steps_neither_revive_nor_kill_beyond_what_exp_defines() {
    const HOUR: u64 = 3600;
    let mut world = World::new();
    let (ended, alive) = (world.token_of(1, 1), world.token_of(2, 2));
    world.accepts(&ended);
    world.accepts(&alive);
    let number = world.revoke(all_of(1));
    for step in [START - HOUR, START, START + HOUR, START] {
        world.clock.set_wall(step);
        assert!(world.check(&ended).is_err());
    }
    assert_eq!(world.refuses(&ended), revoked("user", number));
    world.accepts(&alive);
    // The lease is not the wall clock's business.
    world.clock.set_wall(START + LIFETIME - 1);
    world.accepts(&alive);
    world.clock.set_wall(START + HOUR);
    assert_eq!(world.refuses(&alive), Rejected::Expired { at: START + LIFETIME });
}

#[test]
fn d4_a_token_from_the_future_beyond_the_skew_is_refused() {
    let world = World::new();
    let from = |iat, nbf| world.token(|c| (c.iat, c.exp, c.nbf) = (iat, START + LIFETIME, nbf));
    world.accepts(&from(START + SKEW, None));
    world.accepts(&from(START, Some(START + SKEW)));
    let refused = Rejected::NotYetValid { from: START + SKEW + 1 };
    assert_eq!(world.refuses(&from(START + SKEW + 1, None)), refused);
    assert_eq!(world.refuses(&from(START, Some(START + SKEW + 1))), refused);
    assert_eq!(world.refuses(&from(START + SKEW + 1, Some(START))), refused);
}

#[test]
fn d4_a_cached_token_is_refused_while_the_clock_is_set_back_and_good_again_after() {
    let world = World::new();
    let token = world.token(|_| {});
    world.accepts(&token);
    world.clock.set_wall(START - SKEW - 1);
    assert_eq!(world.refuses(&token), Rejected::NotYetValid { from: START });
    world.clock.set_wall(START);
    world.accepts(&token);
}

#[test]
fn numbers_at_the_ends_of_their_range_are_refused_and_nothing_overflows() {
    let world = World::new();
    let ends = [0, 1, u64::MAX / 1000, u64::MAX / 1000 + 1, u64::MAX - 1, u64::MAX];
    for iat in ends {
        for exp in ends {
            for nbf in ends {
                world.refuses(&world.token(|c| (c.iat, c.exp, c.nbf) = (iat, exp, Some(nbf))));
            }
        }
    }
}

#[test]
fn a_skew_of_zero_is_exact() {
    let world = World::with(|builder| builder.skew(Duration::ZERO));
    let token = world.token(|c| c.exp = c.iat + 1);
    world.accepts(&token);
    world.clock.advance(Duration::from_millis(999));
    world.accepts(&token);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.refuses(&token), Rejected::Expired { at: START + 1 });
    assert!(LEASE > Duration::from_secs(1));
}
