use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use rescind_wire::{Jwk, KeyId};
use serde_json::json;

use super::*;
use crate::keys::PinnedKeys;

fn remembered(digest: Digest, generation: u64, exp: u64) -> Arc<Remembered> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a seed");
    let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
    let jwk = json!({ "kid": "key", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": x });
    let jwk: Jwk = serde_json::from_value(jwk).expect("a JWK");
    let kid: KeyId = jwk.kid.clone();
    let pin = Arc::clone(PinnedKeys::new(&[jwk]).expect("a key").pin(&kid).expect("pinned"));
    let claims = json!({
        "iss": "https://id.example", "aud": "api", "sub": "worker", "client_id": "worker", "iat": 0, "exp": exp,
        "jti": format!("tok_{}", "0".repeat(26)), "rev": format!("{}.1", "0".repeat(16)),
    });
    let claims = serde_json::from_value(claims).expect("claims");
    Arc::new(Remembered::new(digest, generation, claims, pin, Weak::new()))
}

/// Fewer than the places of one set.
const ROOM: usize = 4;

/// The key of a place in the set of every other one that this makes.
fn key(tag: u8, digest: u8) -> Key {
    Key { place: u64::from(tag) << 32, digest: [digest; 32] }
}

fn insert(cache: &TokenCache, key: &Key, generation: u64, exp: u64, now: u64) {
    cache.insert(key.place, remembered(key.digest, generation, exp), now);
}

#[test]
fn a_token_is_found_by_its_whole_digest_and_in_its_own_generation_only() {
    let cache = TokenCache::new(16, [0; 32]);
    insert(&cache, &key(1, 1), 7, 100, 0);
    assert!(cache.get(&key(1, 1), 7).is_some());
    assert!(cache.get(&key(1, 2), 7).is_none());
    assert!(cache.get(&key(2, 1), 7).is_none());
    assert!(cache.get(&key(1, 1), 8).is_none());
}

#[test]
fn the_same_token_takes_its_own_place() {
    let cache = TokenCache::new(ROOM, [0; 32]);
    for _ in 0..10 {
        insert(&cache, &key(1, 1), 7, 100, 0);
        insert(&cache, &key(2, 2), 7, 100, 0);
    }
    assert_eq!(cache.len(), 2);
}

#[test]
fn what_is_of_no_use_goes_first_then_what_expires_first() {
    let cache = TokenCache::new(ROOM, [0; 32]);
    for (n, (generation, exp)) in (1..).zip([(7, 300), (6, 900), (7, 200), (7, 50)]) {
        insert(&cache, &key(n, n), generation, exp, 0);
    }
    assert_eq!(cache.len(), ROOM);
    let found = |n| cache.get(&key(n, n), if n == 2 { 6 } else { 7 }).is_some();
    // One of another generation and one that expired, in whichever order; then the earliest.
    insert(&cache, &key(5, 5), 7, 400, 100);
    insert(&cache, &key(6, 6), 7, 400, 100);
    assert_eq!([1, 2, 3, 4, 5, 6].map(found), [true, false, true, false, true, true]);
    insert(&cache, &key(7, 7), 7, 400, 100);
    assert_eq!([1, 3, 5, 6, 7].map(found), [true, false, true, true, true]);
}

#[test]
fn a_token_whose_places_are_all_empty_is_not_remembered_once_there_is_no_room() {
    let cache = TokenCache::new(WAYS, [0; 32]);
    (1..=8).for_each(|n| insert(&cache, &key(n, n), 7, 100, 0));
    let mut elsewhere = key(9, 9);
    elsewhere.place |= 1;
    insert(&cache, &elsewhere, 7, 100, 0);
    assert!(cache.get(&elsewhere, 7).is_none());
    assert_eq!(cache.len(), WAYS);
}

#[test]
fn clearing_forgets_all() {
    let cache = TokenCache::new(64, [0; 32]);
    for n in 0..64 {
        insert(&cache, &cache.key(&n.to_string()), 1, 100, 0);
    }
    assert!(cache.len() > 60 && cache.len() <= 64);
    cache.clear();
    assert_eq!(cache.len(), 0);
    assert!((0..64).all(|n: u8| cache.get(&cache.key(&n.to_string()), 1).is_none()));
}

#[test]
fn another_process_finds_a_token_elsewhere() {
    let keys = [1, 2].map(|seed| TokenCache::<Remembered>::new(4, [seed; 32]).key("token"));
    assert_ne!(keys[0].digest, keys[1].digest);
    assert_ne!(keys[0].place, keys[1].place);
}

#[test]
fn tokens_that_end_alike_lie_in_one_set_and_are_told_apart_by_every_byte() {
    let cache = TokenCache::new(ROOM, [0; 32]);
    let tokens = ["a", "b", "c"].map(|begin| format!("{begin}.the same signature"));
    let [first, second, never] = tokens.each_ref().map(|token| cache.key(token));
    assert_eq!((first.place, second.place), (second.place, never.place));
    insert(&cache, &first, 1, 100, 0);
    insert(&cache, &second, 1, 100, 0);
    for (token, key) in tokens.iter().zip([Some(&first), Some(&second), None]) {
        match (cache.find(token, 1), key) {
            (Ok(found), Some(key)) => assert_eq!(found.digest, key.digest),
            (Err(missing), None) => assert_eq!((missing.place, missing.digest), (never.place, never.digest)),
            (found, _) => panic!("{token}: {}", found.is_ok()),
        }
        assert!(cache.find(token, 2).is_err(), "{token}");
    }
}

#[test]
fn a_token_of_a_former_generation_does_not_hide_the_same_one_of_this() {
    let cache = TokenCache::new(ROOM, [0; 32]);
    let (old, new) = ("old.the same signature", "new.the same signature");
    insert(&cache, &cache.key(old), 1, 100, 0);
    insert(&cache, &cache.key(new), 2, 100, 0);
    assert!(cache.find(new, 2).is_ok() && cache.find(old, 1).is_ok());
    assert!(cache.find(new, 1).is_err() && cache.find(old, 2).is_err());
}

#[test]
fn a_token_of_any_length_is_found_by_the_hash_of_the_seed_and_of_every_byte_of_it() {
    let cache = TokenCache::<Remembered>::new(4, [7; SEED]);
    for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 2 * SHORT] {
        let token = "x".repeat(length);
        let mut context = Context::new(&SHA256);
        context.update(&[7; SEED]);
        context.update(token.as_bytes());
        assert_eq!(cache.digest(&token), context.finish().as_ref(), "{length}");
    }
}

#[test]
fn what_is_judged_where_nothing_is_newer_is_what_the_claims_say() {
    let token = remembered([1; 32], 1, 100);
    let (whole, bare) = (token.thing(false), token.thing(true));
    assert_eq!([bare.position, bare.authorized], [whole.position, whole.authorized]);
    assert_eq!(bare.position, token.claims.rev);
    assert_eq!((token.term.exp, token.is_bound), (100, false));
}

#[test]
fn looked_through_up_to_a_number_means_up_to_and_including_it() {
    let token = remembered([1; 32], 1, 100);
    assert!(!token.is_checked(0));
    token.set_checked(0);
    assert!(token.is_checked(0) && !token.is_checked(1));
    token.set_checked(5);
    token.set_checked(3);
    assert!(token.is_checked(5) && !token.is_checked(6));
}
