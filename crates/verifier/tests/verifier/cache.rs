//! The token cache: bounded, and never the reason for an acceptance.

use rescind_wire::TokenId;

use crate::support::{LIFETIME, START, World, all_of};

fn numbered(world: &World, n: u32) -> String {
    world.token(|c| c.jti = TokenId::from_bytes(u128::from(n).to_be_bytes()))
}

#[test]
fn ten_times_as_many_tokens_as_there_is_room_for_stay_within_it() {
    const ROOM: usize = 64;
    let world = World::with(|builder| builder.cache_tokens(ROOM));
    for n in 0..640 {
        world.accepts(&numbered(&world, n));
        assert!(world.health().cached <= ROOM);
    }
    assert!(world.health().cached > ROOM / 2, "{}", world.health().cached);
    // Whatever was crowded out is as good as before.
    for n in 0..640 {
        world.accepts(&numbered(&world, n));
    }
    assert!(world.health().cached <= ROOM);
}

#[test]
fn a_token_seen_before_is_not_checked_again_and_one_byte_makes_another_token() {
    let world = World::new();
    let token = world.token(|_| {});
    for _ in 0..5 {
        world.accepts(&token);
    }
    assert_eq!((world.health().misses, world.health().hits, world.health().cached), (1, 4, 1));
    let mut other = token.into_bytes();
    // The first character of the signature: it carries six bits of it.
    let place = other.iter().rposition(|byte| *byte == b'.').expect("three parts") + 1;
    other[place] = if other[place] == b'A' { b'B' } else { b'A' };
    world.refuses(std::str::from_utf8(&other).expect("ASCII"));
    assert_eq!((world.health().misses, world.health().hits, world.health().cached), (2, 4, 1));
}

#[test]
fn without_a_cache_everything_works_the_same() {
    let mut world = World::with(|builder| builder.cache_tokens(0));
    let token = world.token(|_| {});
    world.accepts(&token);
    world.accepts(&token);
    assert_eq!((world.health().misses, world.health().hits, world.health().cached), (2, 0, 0));
    world.revoke(all_of(1));
    world.refuses(&token);
}

#[test]
fn a_token_that_is_refused_takes_no_place_of_its_own_unless_it_is_authentic() {
    let world = World::new();
    world.refuses("nonsense");
    world.refuses(&world.token(|c| c.iss.push('/')));
    world.refuses(&crate::support::Signer::new(3).sign(&world.claims()));
    assert_eq!(world.health().cached, 0);
}

#[test]
fn expired_tokens_make_room_first() {
    let world = World::with(|builder| builder.cache_tokens(4));
    let lasting: Vec<String> = (0..3).map(|n| numbered(&world, n)).collect();
    for token in &lasting {
        world.accepts(token);
    }
    for n in 10..20 {
        world.accepts(&world.token(|c| {
            c.jti = TokenId::from_bytes([n; 16]);
            (c.iat, c.exp) = (START - LIFETIME + 1, START + 1);
        }));
    }
    let hits = world.health().hits;
    for token in &lasting {
        world.accepts(token);
    }
    assert_eq!(world.health().hits - hits, 3);
}

#[test]
fn a13_clearing_the_cache_never_revives_anything() {
    let mut world = World::with(|builder| builder.cache_tokens(4));
    let token = world.token(|_| {});
    world.accepts(&token);
    let number = world.revoke(all_of(1));
    // Crowded out by others, then seen as if for the first time.
    for n in 0..100 {
        world.accepts(&numbered(&world, 1000 + n));
    }
    assert_eq!(world.refuses(&token), crate::support::revoked("user", number));
}
