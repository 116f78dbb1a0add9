//! Every case here is judged by `aws-lc-rs`, too, and the same way: whatever the tables get wrong shows as a difference.

use aws_lc_rs::digest::{SHA512, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use curve25519_dalek::constants::EIGHT_TORSION;
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// L, the order of the group (RFC 8032 §5.1), little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// One public key, as both see it.
struct Both {
    theirs: ParsedPublicKey,
    /// Nothing where a pinned key is checked by `aws-lc-rs` after all.
    ours: Option<Ed25519Tables>,
}

impl Both {
    fn new(public: &[u8; 32]) -> Self {
        let theirs = ParsedPublicKey::new(&ED25519, public).expect("any 32 bytes are taken");
        Self { theirs, ours: Ed25519Tables::new(public) }
    }

    /// Whether the signature is good, about which both must agree.
    fn judge(&self, message: &[u8], signature: &[u8]) -> bool {
        let theirs = self.theirs.verify_sig(message, signature).is_ok();
        if let Some(ours) = &self.ours {
            let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
            let case = || format!("A {} M {} signature {}", hex(&ours.public), hex(message), hex(signature));
            assert_eq!(ours.check(message, signature), theirs, "{}", case());
        }
        theirs
    }
}

/// A + B, carried over 32 little-endian bytes; nothing if the sum is longer.
fn plus(a: &[u8; 32], b: &[u8; 32]) -> Option<[u8; 32]> {
    let (mut sum, mut carry) = ([0; 32], 0);
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        (*sum, carry) = (digit.to_le_bytes()[0], digit >> 8);
    }
    (carry == 0).then_some(sum)
}

fn scalar(n: u64) -> Scalar {
    Scalar::from_bytes_mod_order_wide(digest(&SHA512, &n.to_le_bytes()).as_ref().try_into().expect("64 bytes"))
}

fn joined(r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
    [&r[..], s].concat()
}

/// Every spelling of a point of small order, good or bad: the eight points, those of which the sign of x = 0 is set, and
/// those of which y is p or more.
fn small_order() -> Vec<[u8; 32]> {
    let mut spellings = Vec::new();
    for point in EIGHT_TORSION {
        spellings.push(point.compress().to_bytes());
    }
    // y + p fits only where y is 0 or 1; then the sign, also where x = 0 has none.
    for y in [0xed, 0xee] {
        let mut spelling = [0xff; 32];
        (spelling[0], spelling[31]) = (y, 0x7f);
        spellings.push(spelling);
    }
    for mut spelling in spellings.clone() {
        spelling[31] ^= 0x80;
        spellings.push(spelling);
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// S as it is, and as nobody may write it: with multiples of the order added, and with high bits set.
fn spellings_of(s: &Scalar) -> Vec<[u8; 32]> {
    let s = s.to_bytes();
    let mut spellings = vec![s, [0; 32], [0xff; 32], ORDER];
    let mut sum = Some(s);
    while let Some(next) = sum.and_then(|sum| plus(&sum, &ORDER)) {
        spellings.push(next);
        sum = Some(next);
    }
    for bit in [0x80, 0x40, 0x20, 0x10] {
        let mut high = s;
        high[31] |= bit;
        spellings.push(high);
    }
    for first in [ORDER[0] - 1, ORDER[0] + 1] {
        let mut near = ORDER;
        near[0] = first;
        spellings.push(near);
    }
    spellings
}

#[test]
fn the_vectors_are_judged_as_aws_lc_judges_them() {
    let file: Value = serde_json::from_str(include_str!("../../tests/vectors/ed25519_test.json")).expect("JSON");
    let hex = |value: &Value| HEXLOWER.decode(value.as_str().expect("hex").as_bytes()).expect("hex");
    let (mut good, mut bad) = (0, 0);
    for group in file["testGroups"].as_array().expect("a list") {
        let both = Both::new(&hex(&group["publicKey"]["pk"]).try_into().expect("32 bytes"));
        assert!(both.ours.is_some(), "every key of the vectors is a point");
        for test in group["tests"].as_array().expect("a list") {
            let accepted = both.judge(&hex(&test["msg"]), &hex(&test["sig"]));
            assert_eq!(accepted, test["result"] == "valid", "{}", test["tcId"]);
            *if accepted { &mut good } else { &mut bad } += 1;
        }
    }
    assert_eq!((good, bad), (88, 63));
}

#[test]
fn no_bit_of_key_message_or_signature_can_be_flipped() {
    for seed in [1, 2] {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
        let mut public: [u8; 32] = pair.public_key().as_ref().try_into().expect("32 bytes");
        let mut message = b"The quick brown fox jumps over the lazy dog".to_vec();
        let mut signature = pair.sign(&message).as_ref().to_vec();
        let both = Both::new(&public);
        assert!(both.judge(&message, &signature));
        for bit in 0..message.len() * 8 {
            message[bit / 8] ^= 1 << (bit % 8);
            assert!(!both.judge(&message, &signature), "bit {bit} of the message");
            message[bit / 8] ^= 1 << (bit % 8);
        }
        for bit in 0..signature.len() * 8 {
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!both.judge(&message, &signature), "bit {bit} of the signature");
            signature[bit / 8] ^= 1 << (bit % 8);
        }
        for bit in 0..256 {
            public[bit / 8] ^= 1 << (bit % 8);
            assert!(!Both::new(&public).judge(&message, &signature), "bit {bit} of the key");
            public[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_message_of_any_length_is_hashed_to_its_end() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[4; 32]).expect("a seed");
    let both = Both::new(pair.public_key().as_ref().try_into().expect("32 bytes"));
    for length in 0..300 {
        let mut message = vec![7; length];
        let signature = pair.sign(&message).as_ref().to_vec();
        assert!(both.judge(&message, &signature), "{length}");
        message.push(0);
        assert!(!both.judge(&message, &signature), "{length} and one more");
        message.truncate(length.saturating_sub(1));
        assert_eq!(both.judge(&message, &signature), length == 0, "{length} less one");
    }
}

#[test]
fn a_signature_of_another_length_is_refused() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).expect("a seed");
    let both = Both::new(pair.public_key().as_ref().try_into().expect("32 bytes"));
    let signature = pair.sign(b"").as_ref().to_vec();
    assert!(both.judge(b"", &signature));
    for length in 0..64 {
        assert!(!both.judge(b"", &signature[..length]), "{length}");
    }
    assert!(!both.judge(b"", &[&signature[..], &[0]].concat()));
}

#[test]
fn keys_and_rs_of_small_order_are_judged_as_aws_lc_judges_them_however_they_are_spelled() {
    let spellings = small_order();
    assert_eq!(spellings.len(), 14);
    let (mut tabled, mut good) = (0, 0);
    for public in &spellings {
        let both = Both::new(public);
        tabled += usize::from(both.ours.is_some());
        for r in &spellings {
            for message in 0..16_u8 {
                good += usize::from(both.judge(&[message], &joined(r, &[0; 32])));
            }
            for s in spellings_of(&Scalar::ZERO) {
                both.judge(b"", &joined(r, &s));
            }
        }
    }
    assert_eq!(tabled, 8, "one spelling of each");
    assert!(good > 100, "some of these signatures are good: {good}");
}

/// Keys A = aB + T and signatures with R = rB + U, where T and U are of small order, so that neither the cofactored equation
/// nor the order of the points says what is accepted: only [S]B − [k]A does.
#[test]
fn points_of_mixed_order_are_judged_as_aws_lc_judges_them() {
    let (mut good, mut bad) = (0, 0);
    for (n, t) in (0..).zip(EIGHT_TORSION) {
        let a = scalar(n);
        let public = EdwardsPoint::mul_base(&a) + t;
        let both = Both::new(public.compress().as_bytes());
        let ours = both.ours.as_ref().expect("a point");
        for (m, u) in (0..).zip(EIGHT_TORSION) {
            // With r = 0, R is of small order itself.
            for r in [Scalar::ZERO, Scalar::ONE, scalar(100 + m)] {
                let encoded = (EdwardsPoint::mul_base(&r) + u).compress();
                for message in 0..16_u8 {
                    let k = ours.challenge(encoded.as_bytes(), &[message]);
                    let accepted = both.judge(&[message], &joined(encoded.as_bytes(), &(r + k * a).to_bytes()));
                    *if accepted { &mut good } else { &mut bad } += 1;
                }
            }
        }
    }
    assert!(good > 300 && bad > 300, "both happen: {good} good, {bad} bad");
}

#[test]
fn the_digits_of_a_scalar_are_small_and_add_up_to_it() {
    let extremes = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, Scalar::from(127_u8), Scalar::from(128_u8)];
    let carries = Scalar::from_bytes_mod_order([0x7f; 32]);
    let filled = (0..=255).map(|byte| Scalar::from_bytes_mod_order([byte; 32]));
    let drawn = (0..256).map(scalar);
    for scalar in extremes.into_iter().chain([carries]).chain(filled).chain(drawn) {
        let digits = digits(&scalar);
        assert!(digits.iter().all(|digit| (-128..=127).contains(digit)));
        let sum = digits.iter().rev().fold(Scalar::ZERO, |sum, digit| {
            let amount = Scalar::from(digit.unsigned_abs());
            sum * Scalar::from(256_u16) + if *digit < 0 { -amount } else { amount }
        });
        assert_eq!(sum, scalar);
    }
}

#[test]
fn the_tables_of_a_key_take_as_much_memory_as_is_said() {
    let tables = Ed25519Tables::new(ED25519_BASEPOINT_POINT.compress().as_bytes()).expect("a point");
    assert_eq!(size_of_val(tables.minus_a.0.as_slice()), 160 * 1024);
    assert_eq!(tables.minus_a.0.capacity(), tables.minus_a.0.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_the_key_and_the_message_both_agree(
        seed: [u8; 32],
        message in proptest::collection::vec(any::<u8>(), 0..600),
        other: [u8; 32],
    ) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
        let both = Both::new(pair.public_key().as_ref().try_into().expect("32 bytes"));
        prop_assert!(both.ours.is_some());
        let signature = pair.sign(&message).as_ref().to_vec();
        prop_assert!(both.judge(&message, &signature));
        let r: [u8; 32] = signature[..32].try_into().expect("32 bytes");
        let s = Scalar::from_canonical_bytes(signature[32..].try_into().expect("32 bytes")).expect("below the order");
        for spelling in spellings_of(&s) {
            prop_assert_eq!(both.judge(&message, &joined(&r, &spelling)), spelling == s.to_bytes());
        }
        prop_assert!(!both.judge(&message, &joined(&r, &other)));
        prop_assert!(!both.judge(&message, &joined(&other, &s.to_bytes())));
        prop_assert!(!both.judge(&other, &signature));
    }

    #[test]
    fn whatever_the_bytes_of_a_key_both_agree(public: [u8; 32], message: [u8; 8], r: [u8; 32], s: [u8; 32]) {
        let (both, s) = (Both::new(&public), Scalar::from_bytes_mod_order(s));
        prop_assert!(!both.judge(&message, &joined(&r, &s.to_bytes())));
    }
}
