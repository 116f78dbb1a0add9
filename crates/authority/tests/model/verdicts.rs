//! What a real verifier says, worked out once for every position that the model can come to: whether its keeper takes a
//! snapshot or entries, and whether a check then lets a token pass.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use rescind_verifier::{Clock, Keeper, Presented, Snapshot, Verifier};
use rescind_wire::jwt::{ACCESS_TOKEN_TYPE, signing_input, with_signature};
use rescind_wire::{Algorithm, Change, Entry, Epoch, Epochs, Jwk, Position, Scope, SessionId, UserId};
use serde_json::json;

/// Positions from 0.
const POSITIONS: usize = 3;

/// The answers.
pub(crate) struct Verdicts {
    /// By the position that is applied, and the token's.
    accepted: [[bool; POSITIONS]; POSITIONS],
    /// By the position that is applied, and the snapshot's.
    replaced: [[Option<u8>; POSITIONS]; POSITIONS],
    /// By the position that is applied, that before the first entry, and the last entry's.
    advanced: [[[Option<u8>; POSITIONS]; POSITIONS]; POSITIONS],
}

/// The answers, worked out once.
pub(crate) fn verdicts() -> &'static Verdicts {
    static VERDICTS: OnceLock<Verdicts> = OnceLock::new();
    VERDICTS.get_or_init(Verdicts::ask)
}

impl Verdicts {
    /// Whether a check by a verifier that has applied entries up to `applied`, and has a lease, accepts a token of
    /// position `token`, which every entry covers.
    pub(crate) fn accepts(&self, applied: u8, token: u8) -> bool {
        self.accepted[usize::from(applied)][usize::from(token)]
    }

    /// What a verifier has applied after a snapshot; nothing if it does not take it.
    pub(crate) fn replaces(&self, applied: u8, snapshot: u8) -> Option<u8> {
        self.replaced[usize::from(applied)][usize::from(snapshot)]
    }

    /// What a verifier has applied after the entries after `after` up to `last`; nothing if it breaks off.
    pub(crate) fn advances(&self, applied: u8, after: u8, last: u8) -> Option<u8> {
        self.advanced[usize::from(applied)][usize::from(after)][usize::from(last)]
    }

    fn ask() -> Self {
        let all: [u8; POSITIONS] = [0, 1, 2];
        let position = |keeper: &Keeper| {
            let held = keeper.held()?;
            u8::try_from(held.position.number).ok()
        };
        Self {
            accepted: all.map(|applied| {
                let (verifier, _keeper) = at(applied);
                all.map(|number| verifier.verify(&Presented::bearer(&token(number))).is_ok())
            }),
            replaced: all.map(|applied| {
                all.map(|number| {
                    let (_, mut keeper) = at(applied);
                    keeper.reset(snapshot(number)).ok().and_then(|()| position(&keeper))
                })
            }),
            advanced: all.map(|applied| {
                all.map(|after| {
                    all.map(|last| {
                        let (_, mut keeper) = at(applied);
                        keeper.apply(&entries(after, last)).ok().and_then(|()| position(&keeper))
                    })
                })
            }),
        }
    }
}

struct StoppedClock;

impl Clock for StoppedClock {
    fn wall(&self) -> u64 {
        1_000_000
    }

    fn boottime(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// A verifier that has applied entries up to a position, and has a lease.
fn at(applied: u8) -> (Verifier, Keeper) {
    let builder = Verifier::builder("issuer").audience("audience").seed([0; 32]).clock(Arc::new(StoppedClock));
    let (verifier, mut keeper) = builder.parts().expect("good settings");
    keeper.reset(snapshot(applied)).expect("a snapshot");
    keeper.extend(Duration::MAX).expect("followed");
    (verifier, keeper)
}

fn epoch() -> Epoch {
    Epoch::from_bytes([1; 10])
}

fn snapshot(position: u8) -> Snapshot {
    Snapshot {
        epochs: Epochs::first(epoch()),
        position: position.into(),
        floor: 0,
        floor_at: Some(0),
        longest_lifetime: 300,
        keys: vec![key().1],
        entries: entries(0, position),
    }
}

fn entries(after: u8, last: u8) -> Vec<Entry> {
    let entry = |number: u8| Entry {
        number: number.into(),
        at: 0,
        change: Change::Revoke(Scope::Everyone { services: true }),
        tag: String::new(),
    };
    (after + 1..=last).map(entry).collect()
}

fn key() -> (Ed25519KeyPair, Jwk) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a seed");
    let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
    let jwk = json!({ "kid": "key", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": x });
    (pair, serde_json::from_value(jwk).expect("a JWK"))
}

fn token(number: u8) -> String {
    let (pair, jwk) = key();
    let claims = json!({
        "iss": "issuer", "aud": "audience", "sub": UserId::from_bytes([1; 16]), "sid": SessionId::from_bytes([2; 16]),
        "client_id": "app", "iat": 1000, "exp": 1300, "jti": format!("tok_{}", "0".repeat(26)),
        "rev": Position { epoch: epoch(), number: number.into() },
    });
    let input = signing_input(&jwk.kid, Algorithm::EdDSA, ACCESS_TOKEN_TYPE, &claims).expect("JSON");
    let signature = pair.sign(input.as_bytes());
    with_signature(input, signature.as_ref())
}

#[test]
fn a_token_is_refused_by_whoever_has_applied_an_entry_after_its_position() {
    for applied in 0..3 {
        for token in 0..3 {
            assert_eq!(verdicts().accepts(applied, token), token >= applied);
        }
    }
}
