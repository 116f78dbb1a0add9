//! What a check sees while the writer is in the middle of something.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use rescind_wire::jwt::{ACCESS_TOKEN_TYPE, signing_input, with_signature};
use rescind_wire::{Algorithm, Epoch, Epochs, Jwk, KeyId, Scope, SessionId, UserId};
use serde_json::json;

use super::*;
use crate::keeper::{Keeper, Snapshot};

struct StoppedClock;

impl Clock for StoppedClock {
    fn wall(&self) -> u64 {
        1_000_000
    }

    fn boottime(&self) -> Duration {
        Duration::from_secs(1)
    }
}

const USER: UserId = UserId::from_bytes([1; 16]);
const SESSION: SessionId = SessionId::from_bytes([2; 16]);

/// A verifier at position 0, and a good token that it has already checked.
fn checked_once() -> (Verifier, Keeper, String, KeyId) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a seed");
    let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
    let jwk = json!({ "kid": "key", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": x });
    let jwk: Jwk = serde_json::from_value(jwk).expect("a JWK");
    let kid = jwk.kid.clone();
    let epoch = Epoch::from_bytes([1; 10]);
    let claims = json!({
        "iss": "issuer", "aud": "audience", "sub": USER, "sid": SESSION, "client_id": "app", "iat": 1000, "exp": 1300,
        "jti": format!("tok_{}", "0".repeat(26)), "rev": Position { epoch, number: 0 },
    });
    let input = signing_input(&kid, Algorithm::EdDSA, ACCESS_TOKEN_TYPE, &claims).expect("JSON");
    let signature = pair.sign(input.as_bytes());
    let token = with_signature(input, signature.as_ref());

    let builder = Verifier::builder("issuer").audience("audience").seed([0; 32]).cache_tokens(16);
    let (verifier, mut keeper) = builder.clock(Arc::new(StoppedClock)).parts().expect("good settings");
    let epochs = Epochs::first(epoch);
    let snapshot = Snapshot {
        epochs,
        position: 0,
        floor: 0,
        floor_at: Some(0),
        longest_lifetime: 300,
        keys: vec![jwk],
        entries: Vec::new(),
    };
    keeper.reset(snapshot).expect("a snapshot");
    keeper.extend(Duration::MAX).expect("followed");
    assert!(verifier.verify(&Presented::bearer(&token)).is_ok());
    (verifier, keeper, token, kid)
}

fn generation(verifier: &Verifier) -> Arc<Generation> {
    verifier.shared.generation.load_full().expect("synced")
}

#[test]
fn with_nothing_newer_no_look_up_is_made_and_with_something_newer_one_is() {
    let (verifier, _keeper, token, _) = checked_once();
    let generation = generation(&verifier);
    generation.revoke(1, 0, &Scope::Session { user: USER, session: SESSION });
    // The entry is in the table, its position not published: no check has to see it yet, and none looks.
    assert!(verifier.verify(&Presented::bearer(&token)).is_ok());
    generation.publish(1);
    let revoked = Rejected::Revoked { scope: "session", number: 1 };
    assert_eq!(verifier.verify(&Presented::bearer(&token)).unwrap_err(), revoked);
}

#[test]
fn g8_a_key_is_unpinned_for_cached_tokens_before_its_position_is_published() {
    let (verifier, _keeper, token, key) = checked_once();
    generation(&verifier).revoke(1, 0, &Scope::Key { key });
    let revoked = Rejected::Revoked { scope: "key", number: 1 };
    assert_eq!(verifier.verify(&Presented::bearer(&token)).unwrap_err(), revoked);
    assert_eq!(verifier.health().misses, 1);
}

#[test]
fn r10_a_floor_refuses_before_anything_below_it_is_forgotten_even_where_nothing_is_newer() {
    let (verifier, _keeper, token, _) = checked_once();
    generation(&verifier).raise_floor(1);
    assert_eq!(verifier.verify(&Presented::bearer(&token)).unwrap_err(), Rejected::BelowFloor);
}
