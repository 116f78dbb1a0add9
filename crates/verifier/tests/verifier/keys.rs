//! Which JWKs are keys, and tokens of every algorithm.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256};
use data_encoding::BASE64URL_NOPAD;
use rescind_verifier::{InvalidKey, PinnedKeys, PublicKey, Rejected};
use rescind_wire::jwt::{ACCESS_TOKEN_TYPE, signing_input, with_signature};
use rescind_wire::key::Material;
use rescind_wire::{Algorithm, Change, Jwk};

use crate::support::{Signer, World};

fn jwk(alg: Algorithm, material: Material) -> Jwk {
    Jwk { kid: format!("a-{alg}").parse().expect("a key id"), alg, usage: "sig".to_owned(), material }
}

fn okp(crv: &str, x: &[u8]) -> Material {
    Material::Okp { crv: crv.to_owned(), x: BASE64URL_NOPAD.encode(x) }
}

fn ec(crv: &str, x: &[u8], y: &[u8]) -> Material {
    Material::Ec { crv: crv.to_owned(), x: BASE64URL_NOPAD.encode(x), y: BASE64URL_NOPAD.encode(y) }
}

fn rsa(n: &[u8], e: &[u8]) -> Material {
    Material::Rsa { n: BASE64URL_NOPAD.encode(n), e: BASE64URL_NOPAD.encode(e) }
}

#[expect(clippy::disallowed_methods, reason = "ECDSA signs with randomness of its own; the argument is not used")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

#[test]
fn a_token_of_every_algorithm_is_accepted_and_by_no_other_key() {
    let mut world = World::new();
    let claims = world.claims();
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let point = p256.public_key().as_ref().to_vec();
    let p256_key = jwk(Algorithm::ES256, ec("P-256", &point[1..33], &point[33..]));
    let rsa_pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let modulus = rsa_pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
    let rsa_key = jwk(Algorithm::RS256, rsa(&modulus, &[1, 0, 1]));
    for key in [&p256_key, &rsa_key] {
        world.arrive(Change::AddKey(key.clone()));
    }

    let input = |key: &Jwk| signing_input(&key.kid, key.alg, ACCESS_TOKEN_TYPE, &claims).expect("JSON");
    let p256_input = input(&p256_key);
    let p256_signature = p256.sign(&random(), p256_input.as_bytes()).expect("a signature");
    let rsa_input = input(&rsa_key);
    let mut rsa_signature = vec![0; 256];
    rsa_pair.sign(&RSA_PKCS1_SHA256, &random(), rsa_input.as_bytes(), &mut rsa_signature).expect("a signature");

    world.accepts(&with_signature(p256_input.clone(), p256_signature.as_ref()));
    world.accepts(&with_signature(rsa_input.clone(), &rsa_signature));
    for (input, signature) in [(p256_input, &rsa_signature[..]), (rsa_input, p256_signature.as_ref())] {
        assert_eq!(world.refuses(&with_signature(input.clone(), signature)), Rejected::BadSignature);
        assert_eq!(world.refuses(&with_signature(input.clone(), &[])), Rejected::BadSignature);
        assert_eq!(world.refuses(&with_signature(input, &[0; 64])), Rejected::BadSignature);
    }
}

#[test]
fn only_a_key_for_signatures_of_its_own_kind_is_one() {
    let good = Signer::new(1).jwk();
    assert!(PublicKey::parse(&good).is_ok());
    let point = [7; 32];
    let cases = [
        (Jwk { usage: "enc".to_owned(), ..good.clone() }, InvalidKey::Use),
        (Jwk { usage: String::new(), ..good.clone() }, InvalidKey::Use),
        (Jwk { alg: Algorithm::ES256, ..good.clone() }, InvalidKey::Mismatch),
        (Jwk { alg: Algorithm::RS256, ..good.clone() }, InvalidKey::Mismatch),
        (jwk(Algorithm::EdDSA, okp("Ed448", &point)), InvalidKey::Mismatch),
        (jwk(Algorithm::EdDSA, okp("X25519", &point)), InvalidKey::Mismatch),
        (jwk(Algorithm::ES256, ec("P-384", &point, &point)), InvalidKey::Mismatch),
        (jwk(Algorithm::EdDSA, ec("P-256", &point, &point)), InvalidKey::Mismatch),
        (jwk(Algorithm::ES256, rsa(&point, &point)), InvalidKey::Mismatch),
    ];
    for (key, expected) in cases {
        assert_eq!(PublicKey::parse(&key).map(|_| ()), Err(expected), "{key:?}");
    }
}

#[test]
fn a_value_of_the_wrong_length_or_spelling_is_refused() {
    let length = [
        jwk(Algorithm::EdDSA, okp("Ed25519", &[7; 31])),
        jwk(Algorithm::EdDSA, okp("Ed25519", &[7; 33])),
        jwk(Algorithm::EdDSA, okp("Ed25519", &[])),
        jwk(Algorithm::ES256, ec("P-256", &[7; 33], &[7; 32])),
        jwk(Algorithm::ES256, ec("P-256", &[7; 32], &[7; 31])),
        jwk(Algorithm::RS256, rsa(&[], &[1, 0, 1])),
        jwk(Algorithm::RS256, rsa(&[0xff; 255], &[1, 0, 1])),
        jwk(Algorithm::RS256, rsa(&[0xff; 1025], &[1, 0, 1])),
        jwk(Algorithm::RS256, rsa(&[&[0], &[0xff; 256][..]].concat(), &[1, 0, 1])),
        jwk(Algorithm::RS256, rsa(&[0xff; 256], &[])),
        jwk(Algorithm::RS256, rsa(&[0xff; 256], &[0, 1, 0, 1])),
        jwk(Algorithm::RS256, rsa(&[0xff; 256], &[1, 0, 0, 0, 1])),
    ];
    for key in length {
        assert_eq!(PublicKey::parse(&key).map(|_| ()), Err(InvalidKey::Length), "{key:?}");
    }
    for spelled in ["AAA=", "AB", "A A", "AA+A"] {
        let key = jwk(Algorithm::EdDSA, Material::Okp { crv: "Ed25519".to_owned(), x: spelled.to_owned() });
        assert_eq!(PublicKey::parse(&key).map(|_| ()), Err(InvalidKey::Base64), "{spelled}");
    }
}

#[test]
fn a_point_that_is_not_on_the_curve_is_no_key() {
    let key = jwk(Algorithm::ES256, ec("P-256", &[7; 32], &[7; 32]));
    assert_eq!(PublicKey::parse(&key).map(|_| ()), Err(InvalidKey::NoKey));
    let beyond = jwk(Algorithm::ES256, ec("P-256", &[0xff; 32], &[0xff; 32]));
    assert_eq!(PublicKey::parse(&beyond).map(|_| ()), Err(InvalidKey::NoKey));
    let even = jwk(Algorithm::RS256, rsa(&[0xfe; 256], &[1, 0, 1]));
    assert_eq!(PublicKey::parse(&even).map(|_| ()), Err(InvalidKey::NoKey));
}

#[test]
fn nothing_is_signed_by_an_ed25519_key_that_is_no_point() {
    // No x belongs to y = 2.
    let mut y = [0; 32];
    y[0] = 2;
    let key = jwk(Algorithm::EdDSA, okp("Ed25519", &y));
    let keys = PinnedKeys::new(std::slice::from_ref(&key)).expect("which is only seen when it is to check something");
    let key = keys.get(&key.kid).expect("pinned");
    assert_eq!(key.check_bytes(b"", &[0; 64]), Err(Rejected::BadSignature));
    let identity = [&[1][..], &[0; 63]].concat();
    assert_eq!(key.check_bytes(b"", &identity), Err(Rejected::BadSignature));
}

#[test]
fn a_weak_key_is_refused() {
    let ends = |first: u8, middle: u8, last: u8| {
        let mut y = [middle; 32];
        (y[0], y[31]) = (first, last);
        y
    };
    // Small order, each with both signs; then second spellings of 0, 1 and 18.
    let small = [ends(0, 0, 0), ends(1, 0, 0), ends(0xec, 0xff, 0x7f)];
    let spelled = [ends(0xed, 0xff, 0x7f), ends(0xee, 0xff, 0x7f), ends(0xff, 0xff, 0x7f)];
    for mut y in small.into_iter().chain(spelled) {
        for sign in [0, 0x80] {
            y[31] = y[31] & 0x7f | sign;
            let key = jwk(Algorithm::EdDSA, okp("Ed25519", &y));
            assert_eq!(PublicKey::parse(&key).map(|_| ()), Err(InvalidKey::Weak), "{y:?}");
        }
    }
    for e in [&[1][..], &[2], &[1, 0]] {
        let key = jwk(Algorithm::RS256, rsa(&[0xff; 256], e));
        assert_eq!(PublicKey::parse(&key).map(|_| ()), Err(InvalidKey::Weak), "{e:?}");
    }
}

#[test]
fn two_keys_of_one_name_are_refused_and_the_same_key_twice_in_the_log_is_one() {
    let (one, mut other) = (Signer::new(1).jwk(), Signer::new(2).jwk());
    other.kid = one.kid.clone();
    assert!(matches!(PinnedKeys::new(&[one.clone(), other.clone()]), Err(InvalidKey::Duplicate)));
    assert!(matches!(PinnedKeys::new(&[one.clone(), one.clone()]), Err(InvalidKey::Duplicate)));
    let mut world = World::new();
    world.arrive(Change::AddKey(one));
    world.accepts(&world.token(|_| {}));
    assert_eq!(world.health().keys, 1);
    let bad = crate::support::entry(world.head + 1, Change::AddKey(other));
    assert!(world.keeper.apply(&[bad]).is_err());
    assert!(world.refuses(&world.token(|_| {})).is_unavailable());
}
