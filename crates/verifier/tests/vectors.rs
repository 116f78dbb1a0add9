//! Known answers from Project Wycheproof, through the same code that checks tokens: for the supported algorithms every
//! valid vector is accepted and no invalid one. The counts are asserted, so that no test can silently do nothing.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rescind_verifier::keys::verify_compact;
use rescind_verifier::{PinnedKeys, PublicKey};
use rescind_wire::{Jwk, JwkSet};
use serde_json::{Value, json};

/// What became of a file's vectors.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Valid, and accepted.
    accepted: u32,
    /// Invalid, and refused.
    refused: u32,
    /// Of an algorithm that is not supported, and refused for it, valid or not.
    skipped: u32,
}

#[test]
fn every_valid_json_web_signature_is_accepted_and_no_invalid_one() {
    let counts = run_jws(include_str!("vectors/json_web_signature_test.json"));
    assert_eq!(counts, Counts { accepted: 10, refused: 266, skipped: 125 });
}

#[test]
fn every_valid_json_web_key_is_accepted_and_no_invalid_one() {
    let counts = run_jws(include_str!("vectors/json_web_key_test.json"));
    assert_eq!(counts, Counts { accepted: 1, refused: 10, skipped: 15 });
}

#[test]
fn every_valid_json_web_crypto_signature_is_accepted_and_no_invalid_one() {
    let counts = run_jws(include_str!("vectors/json_web_crypto_test.json"));
    assert_eq!(counts, Counts { accepted: 2, refused: 27, skipped: 54 });
}

#[test]
fn every_valid_ed25519_signature_is_accepted_and_no_invalid_one() {
    let counts = run_raw(include_str!("vectors/ed25519_test.json"), ed25519);
    assert_eq!(counts, Counts { accepted: 88, refused: 63, skipped: 0 });
}

#[test]
fn every_valid_p256_signature_is_accepted_and_no_invalid_one() {
    let counts = run_raw(include_str!("vectors/ecdsa_secp256r1_sha256_p1363_test.json"), p256);
    assert_eq!(counts, Counts { accepted: 173, refused: 89, skipped: 0 });
}

fn run_jws(file: &str) -> Counts {
    let file: Value = serde_json::from_str(file).expect("vectors are JSON");
    let mut counts = Counts::default();
    for group in list(&file, "testGroups") {
        let set = key_set(group);
        for test in list(group, "tests") {
            let jws = test.get("jws").or_else(|| test.get("jwe")).expect("every test has one");
            let jws = jws.as_str().map_or_else(|| jws.to_string(), str::to_owned);
            counts.add(test, is_supported(&set), accepts(&set, &jws));
        }
    }
    assert_eq!(counts.accepted + counts.refused + counts.skipped, total(&file));
    counts
}

/// Vectors that are a message and a signature; `jwk` makes a JWK of a group's public key. A key that is pinned agrees with
/// one that is not.
fn run_raw(file: &str, jwk: fn(&Value) -> Value) -> Counts {
    let file: Value = serde_json::from_str(file).expect("vectors are JSON");
    let mut counts = Counts::default();
    for group in list(&file, "testGroups") {
        let jwk: Jwk = serde_json::from_value(jwk(&group["publicKey"])).expect("a JWK");
        let key = PublicKey::parse(&jwk).expect("every key is good");
        let pinned = PinnedKeys::new(std::slice::from_ref(&jwk)).expect("every key is good");
        let pinned = pinned.get(&jwk.kid).expect("pinned");
        for test in list(group, "tests") {
            let [accepted, by_pinned] =
                [&key, pinned].map(|key| key.check_bytes(&hex(&test["msg"]), &hex(&test["sig"])).is_ok());
            assert_eq!(accepted, by_pinned, "{}", test["tcId"]);
            counts.add(test, true, accepted);
        }
    }
    assert_eq!(counts.accepted + counts.refused + counts.skipped, total(&file));
    counts
}

fn ed25519(key: &Value) -> Value {
    json!({ "kid": "vector", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": base64(&hex(&key["pk"])) })
}

fn p256(key: &Value) -> Value {
    let point = hex(&key["uncompressed"]);
    let (x, y) = (base64(&point[1..33]), base64(&point[33..]));
    json!({ "kid": "vector", "alg": "ES256", "kty": "EC", "crv": "P-256", "x": x, "y": y })
}

impl Counts {
    fn add(&mut self, test: &Value, supported: bool, accepted: bool) {
        let valid = test["result"] == "valid";
        assert_eq!(accepted, valid && supported, "{} {}", test["tcId"], test["comment"]);
        match (supported, valid) {
            (false, _) => self.skipped += 1,
            (true, true) => self.accepted += 1,
            (true, false) => self.refused += 1,
        }
    }
}

/// The keys of a group as a JWK set.
fn key_set(group: &Value) -> Value {
    let keys = group.get("public").or_else(|| group.get("private")).expect("every group has a key");
    if keys.get("keys").is_some() { keys.clone() } else { json!({ "keys": [keys] }) }
}

/// A set is ours to judge if every key has a kind that we know, and no algorithm that we merely do not offer.
fn is_supported(set: &Value) -> bool {
    const NOT_OFFERED: [&str; 6] = ["PS256", "PS384", "PS512", "RS384", "RS512", "ECDH-ES+A128KW"];
    list(set, "keys").iter().all(|key| {
        let other_curve = key["crv"] == "P-521";
        key["kty"] != "oct" && !other_curve && !NOT_OFFERED.iter().any(|alg| key["alg"] == *alg)
    })
}

fn accepts(set: &Value, jws: &str) -> bool {
    let Ok(set) = serde_json::from_value::<JwkSet>(set.clone()) else {
        return false;
    };
    let Ok(keys) = PinnedKeys::new(&set.keys) else {
        return false;
    };
    verify_compact(jws, &keys).is_ok()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().expect("a list")
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().expect("hex").as_bytes()).expect("hex")
}

fn base64(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn total(file: &Value) -> u32 {
    u32::try_from(file["numberOfTests"].as_u64().expect("a number")).expect("small")
}
