use std::collections::HashSet;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use rescind_wire::{Jwk, KeyId};
use serde_json::json;

use super::*;
use crate::keys::PinnedKeys;

fn remembered(mac: Mac, generation: u64, exp: u64) -> Arc<Remembered> {
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
    Arc::new(Remembered::new(mac, generation, claims, pin, Weak::new()))
}

/// What the cache must know, and no more: it takes no time to make.
struct Bare {
    mac: Mac,
    generation: u64,
    exp: u64,
}

impl Cached for Bare {
    fn mac(&self) -> &Mac {
        &self.mac
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn expires(&self) -> u64 {
        self.exp
    }
}

fn cache(kind: Kind, room: usize, seed: u8) -> TokenCache<Bare> {
    TokenCache::new(kind, room, &[seed; SEED]).expect("a key")
}

/// Fewer than the places of the one set that there is then.
const ROOM: usize = 4;

fn put(cache: &TokenCache<Bare>, token: &str, generation: u64, exp: u64, now: u64) -> Option<Mac> {
    let seat = cache.seat(token, generation, now)?;
    let mac = seat.mac();
    seat.fill(Arc::new(Bare { mac, generation, exp }));
    Some(mac)
}

#[test]
fn a_token_is_found_in_its_own_generation_only() {
    let cache = cache(Kind::Own, 16, 0);
    assert!(cache.find("token", 7).is_none());
    let mac = put(&cache, "token", 7, 100, 0);
    assert_eq!(cache.find("token", 7).map(|found| found.mac), mac);
    assert!(cache.find("token", 8).is_none());
}

#[test]
fn the_same_token_takes_its_own_place() {
    let cache = cache(Kind::Own, ROOM, 0);
    for _ in 0..10 {
        for token in ["first", "second"] {
            put(&cache, token, 7, 100, 0);
        }
    }
    assert_eq!(cache.len(), 2);
    assert!(cache.find("first", 7).is_some() && cache.find("second", 7).is_some());
}

#[test]
fn what_is_of_no_use_goes_first_then_what_expires_first() {
    let cache = cache(Kind::Own, ROOM, 0);
    for (token, generation, exp) in [("1", 7, 300), ("2", 6, 900), ("3", 7, 200), ("4", 7, 50)] {
        put(&cache, token, generation, exp, 0);
    }
    assert_eq!(cache.len(), ROOM);
    let found = |token| cache.find(token, if token == "2" { 6 } else { 7 }).is_some();
    // One of another generation and one that expired, in whichever order; then the earliest.
    put(&cache, "5", 7, 400, 100);
    put(&cache, "6", 7, 400, 100);
    assert_eq!(["1", "2", "3", "4", "5", "6"].map(found), [true, false, true, false, true, true]);
    put(&cache, "7", 7, 400, 100);
    assert_eq!(["1", "3", "5", "6", "7"].map(found), [true, false, true, true, true]);
}

#[test]
fn a_token_whose_places_are_all_empty_is_not_remembered_once_there_is_no_room() {
    let cache = cache(Kind::Own, WAYS, 0);
    let of_set = |set| {
        let cache = &cache;
        let in_set = move |token: &String| [0, SECOND].iter().all(|from| cache.hash(token) >> from & 1 == set);
        (0..).map(|n: u32| n.to_string()).filter(in_set)
    };
    of_set(0).take(WAYS).for_each(|token| assert!(put(&cache, &token, 7, 100, 0).is_some()));
    let elsewhere = of_set(1).next().expect("one of them");
    assert_eq!(put(&cache, &elsewhere, 7, 100, 0), None);
    assert!(cache.find(&elsewhere, 7).is_none());
    assert_eq!(cache.len(), WAYS);
}

#[test]
fn as_many_tokens_as_there_is_room_for_are_all_remembered() {
    const MANY: usize = 4096;
    let cache = cache(Kind::Own, MANY, 0);
    let tokens: Vec<String> = (0..MANY).map(|n| n.to_string()).collect();
    assert!(tokens.iter().all(|token| put(&cache, token, 7, 100, 0).is_some()));
    assert_eq!(cache.len(), MANY);
    assert!(tokens.iter().all(|token| cache.find(token, 7).is_some()));
}

#[test]
fn clearing_forgets_all() {
    let cache = cache(Kind::Own, 64, 0);
    for n in 0..64 {
        put(&cache, &n.to_string(), 1, 100, 0);
    }
    assert!(cache.len() > 60 && cache.len() <= 64);
    cache.clear();
    assert_eq!(cache.len(), 0);
    assert!((0..64).all(|n: u8| cache.find(&n.to_string(), 1).is_none()));
}

/// The codes that a token is given in the empty caches of both kinds.
fn macs(seed: u8, token: &str) -> [Mac; 2] {
    [Kind::Own, Kind::Foreign].map(|kind| put(&cache(kind, 4, seed), token, 1, 100, 0).expect("a place"))
}

#[test]
fn another_process_puts_a_token_elsewhere_and_gives_it_another_mac_and_so_does_the_other_cache() {
    let [[own, foreign], [other, other_foreign]] = [1, 2].map(|seed| macs(seed, "token"));
    let mut different = HashSet::from([own, foreign, other, other_foreign]);
    assert_eq!(different.len(), 4);
    assert_ne!(cache(Kind::Own, 4, 1).hash("token"), cache(Kind::Own, 4, 2).hash("token"));
    // All else alike, so that it is the key that makes the difference.
    assert!(!different.insert(macs(1, "token")[0]));
    let nonce = Nonce { kind: 1, place: 1, turn: 1 };
    let [one, two] = [1, 2].map(|key| Authenticator::new(&[key; 16]).expect("a key").make(nonce, "token"));
    assert_ne!(one, two);
}

#[test]
fn tokens_that_end_alike_lie_in_one_set_and_are_told_apart() {
    let cache = cache(Kind::Own, ROOM, 0);
    let tokens = ["a", "b", "c"].map(|begin| format!("{begin}.the same signature"));
    let [first, second, never] = tokens.each_ref();
    assert_eq!([cache.hash(first), cache.hash(second)], [cache.hash(never); 2]);
    let macs = [first, second].map(|token| put(&cache, token, 1, 100, 0));
    let found = tokens.each_ref().map(|token| cache.find(token, 1).map(|found| found.mac));
    assert_eq!(found, [macs[0], macs[1], None]);
    assert!(macs[0].is_some() && macs[0] != macs[1]);
    assert!(tokens.iter().all(|token| cache.find(token, 2).is_none()));
}

#[test]
fn a_token_of_a_former_generation_does_not_hide_the_same_one_of_this() {
    let cache = cache(Kind::Own, ROOM, 0);
    let (old, new) = ("old.the same signature", "new.the same signature");
    put(&cache, old, 1, 100, 0);
    put(&cache, new, 2, 100, 0);
    assert!(cache.find(new, 2).is_some() && cache.find(old, 1).is_some());
    assert!(cache.find(new, 1).is_none() && cache.find(old, 2).is_none());
}

#[test]
fn g8_a_token_that_differs_in_any_byte_or_in_its_length_is_never_taken_for_one_that_was_checked() {
    let (cache, nonce) = (cache(Kind::Own, ROOM, 7), Nonce { kind: 1, place: 2, turn: 3 });
    for length in [0, 1, 15, 16, 17, 1023, 1024, 1025, 16 * 1024] {
        let token = "x".repeat(length);
        put(&cache, &token, 1, 100, 0);
        assert!(cache.find(&token, 1).is_some(), "{length}");
        let mac = cache.mac.make(nonce, &token).expect("a MAC");
        assert!(cache.mac.is_of(nonce, &token, &mac), "{length}");
        let is_taken = |other: &str| cache.find(other, 1).is_some() || cache.mac.is_of(nonce, other, &mac);
        for place in 0..length {
            let mut other = token.clone();
            other.replace_range(place..=place, "y");
            assert!(!is_taken(&other), "{place} of {length}");
        }
        assert!(!is_taken(&format!("{token}x")) && !is_taken(&format!("x{token}")) && !is_taken(&format!("{token}\0")));
        cache.clear();
    }
}

#[test]
fn every_bit_of_a_mac_counts_and_every_part_of_its_nonce() {
    let (authenticator, nonce) = (Authenticator::new(&[5; 16]).expect("a key"), Nonce { kind: 1, place: 2, turn: 3 });
    let mac = authenticator.make(nonce, "token").expect("a MAC");
    for bit in 0..128 {
        let mut other = mac;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!authenticator.is_of(nonce, "token", &other), "{bit}");
    }
    let places = (0..25).map(|bit| Nonce { place: nonce.place ^ 1 << bit, ..nonce });
    let turns = (0..Label::TURNS).map(|bit| Nonce { turn: nonce.turn ^ 1 << bit, ..nonce });
    for other in places.chain(turns).chain([Nonce { kind: 2, ..nonce }]) {
        assert!(!authenticator.is_of(other, "token", &mac), "{other:?}");
    }
}

/// One token has another MAC under every nonce: the block cipher permutes, and all else is equal.
#[test]
fn no_nonce_is_used_twice_whoever_forgets_and_remembers_at_once() {
    let cache = cache(Kind::Own, ROOM, 3);
    let macs: Vec<Mac> = std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| {
            scope.spawn(|| {
                let mut macs = Vec::new();
                for n in 0..2_000 {
                    macs.extend(put(&cache, "token", n / 100, 100, 0));
                    if n % 7 == 0 {
                        cache.clear();
                    }
                }
                macs
            })
        });
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    });
    assert!(macs.len() > 100);
    assert_eq!(macs.iter().collect::<HashSet<_>>().len(), macs.len());
}

/// The only set of a small cache.
fn labels(cache: &TokenCache<Bare>) -> &[AtomicU64; WAYS] {
    &cache.sets[0].labels
}

/// Leaves so many turns to a place.
fn leave(label: &AtomicU64, turns: u64) {
    label.store((1 << Label::TURNS) - 1 - turns, Ordering::Relaxed);
}

#[test]
fn a_place_that_has_used_up_its_nonces_takes_no_more_tokens_and_keeps_the_last() {
    let cache = cache(Kind::Own, ROOM, 3);
    for label in labels(&cache) {
        leave(label, 0);
    }
    leave(&labels(&cache)[5], 2);
    let first = put(&cache, "token", 1, 100, 0);
    let last = put(&cache, "token", 1, 100, 0);
    assert!(first.is_some() && last.is_some() && first != last);
    for token in ["token", "other"] {
        assert_eq!(put(&cache, token, 2, 200, 300), None, "{token}");
    }
    assert_eq!(cache.find("token", 1).map(|found| found.mac), last);
    cache.clear();
    assert_eq!(put(&cache, "token", 1, 100, 0), None);
}

#[test]
fn a_token_is_not_found_while_its_place_says_another_and_finds_its_place_again() {
    let cache = cache(Kind::Own, ROOM, 3);
    labels(&cache)[1..].iter().for_each(|label| leave(label, 0));
    let bare = |seat: &Seat<'_, Bare>| Arc::new(Bare { mac: seat.mac(), generation: 1, exp: 100 });
    put(&cache, "old", 1, 100, 0);
    // Two threads take the place one after the other, and come in the other order.
    let first = cache.seat("first", 1, 0).expect("a place");
    assert!(["old", "first"].iter().all(|token| cache.find(token, 1).is_none()));
    let second = cache.seat("second", 1, 0).expect("the same");
    for seat in [second, first] {
        let token = bare(&seat);
        seat.fill(token);
    }
    assert!(["old", "first", "second"].iter().all(|token| cache.find(token, 1).is_none()));
    assert_eq!(cache.len(), 1);
    put(&cache, "second", 1, 100, 0);
    assert!(cache.find("second", 1).is_some());
}

#[test]
fn what_is_judged_where_nothing_is_newer_is_what_the_claims_say() {
    let token = remembered([1; 16], 1, 100);
    let (whole, bare) = (token.thing(false), token.thing(true));
    assert_eq!([bare.position, bare.authorized], [whole.position, whole.authorized]);
    assert_eq!(bare.position, token.claims.rev);
    assert_eq!((token.term.exp, token.is_bound), (100, false));
}

#[test]
fn looked_through_up_to_a_number_means_up_to_and_including_it() {
    let token = remembered([1; 16], 1, 100);
    assert!(!token.is_checked(0));
    token.set_checked(0);
    assert!(token.is_checked(0) && !token.is_checked(1));
    token.set_checked(5);
    token.set_checked(3);
    assert!(token.is_checked(5) && !token.is_checked(6));
}
