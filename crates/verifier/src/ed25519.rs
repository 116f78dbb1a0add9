//! Ed25519 signatures of one public key, by tables of its multiples (RFC 8032 §5.1.7): for keys that are pinned, which check
//! many. The tables replace every doubling of a check but a few by memory.
//!
//! What is accepted is what `aws-lc-rs` accepts: no cofactor, S below the group's order, R compared as bytes and never
//! decoded. All of it is public, so the time that it takes may depend on it.

use std::sync::LazyLock;

use aws_lc_rs::digest::{Context, SHA512};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::Identity as _;
use curve25519_dalek::{EdwardsPoint, Scalar};

/// The multiples of the base point, which all keys share.
static BASE: LazyLock<Multiples> = LazyLock::new(|| Multiples::of(ED25519_BASEPOINT_POINT));

/// What checking the signatures of one key takes: 160 KiB.
pub(crate) struct Ed25519Tables {
    /// A, as it was given.
    public: [u8; 32],
    minus_a: Multiples,
    base: &'static Multiples,
}

impl Ed25519Tables {
    /// Computes the tables of a public key, which takes about as long as eight checks without them. Nothing if the bytes are
    /// not the one encoding of a point.
    pub(crate) fn new(public: &[u8; 32]) -> Option<Self> {
        let encoded = CompressedEdwardsY(*public);
        let a = encoded.decompress()?;
        // Decompression takes second spellings for the point, too.
        (a.compress() == encoded).then(|| Self { public: *public, minus_a: Multiples::of(-a), base: &BASE })
    }

    /// Whether the key made the signature of the message: encodes \[S\]B − \[k\]A and compares it with R.
    pub(crate) fn check(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some((r, s)) = signature.split_first_chunk::<32>() else { return false };
        let Ok(s) = <[u8; 32]>::try_from(s) else { return false };
        let Some(s) = Scalar::from_canonical_bytes(s).into_option() else { return false };
        let (s, k) = (digits(&s), digits(&self.challenge(r, message)));
        let mut sum = EdwardsPoint::identity();
        for rest in (0..STRIDE).rev() {
            if rest + 1 < STRIDE {
                sum = times_256(sum);
            }
            for place in (rest..DIGITS).step_by(STRIDE) {
                sum = self.base.add(sum, place, s[place]);
                sum = self.minus_a.add(sum, place, k[place]);
            }
        }
        sum.compress().as_bytes() == r
    }

    /// k = SHA-512(R ‖ A ‖ M) modulo the group's order.
    fn challenge(&self, r: &[u8; 32], message: &[u8]) -> Scalar {
        let mut context = Context::new(&SHA512);
        for part in [r, &self.public[..], message] {
            context.update(part);
        }
        let mut hash = [0; 64];
        hash.copy_from_slice(context.finish().as_ref());
        Scalar::from_bytes_mod_order_wide(&hash)
    }
}

/// A scalar has this many digits to the base 256.
const DIGITS: usize = 32;

/// One digit in so many has multiples of its own; the others share them, and cost eight doublings for all of one kind.
const STRIDE: usize = 4;

/// The greatest amount of a digit.
const HALF: usize = 128;

/// For each place that is a multiple of [`STRIDE`], the point times 1 to 128 times 256 to the power of the place.
struct Multiples(Vec<EdwardsPoint>);

impl Multiples {
    fn of(mut point: EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(DIGITS / STRIDE * HALF);
        for _ in 0..DIGITS / STRIDE {
            let mut multiple = point;
            for _ in 0..HALF {
                multiples.push(multiple);
                multiple += point;
            }
            point = (0..STRIDE).fold(point, |point, _| times_256(point));
        }
        Self(multiples)
    }

    /// `sum` and the digit's share of this place, short of the factor that it has in common with its kind.
    fn add(&self, sum: EdwardsPoint, place: usize, digit: i16) -> EdwardsPoint {
        let end = place / STRIDE * HALF + usize::from(digit.unsigned_abs());
        match digit {
            0 => sum,
            1.. => sum + self.0[end - 1],
            _ => sum - self.0[end - 1],
        }
    }
}

fn times_256(point: EdwardsPoint) -> EdwardsPoint {
    let times_64 = point.mul_by_cofactor().mul_by_cofactor();
    let times_128 = times_64 + times_64;
    times_128 + times_128
}

/// The digits of a scalar to the base 256, from −128 to 127, the least first. A scalar is less than 2²⁵³, so that the last
/// one carries nothing.
fn digits(scalar: &Scalar) -> [i16; DIGITS] {
    let mut carry = 0;
    scalar.as_bytes().map(|byte| {
        let digit = i16::from(byte) + carry;
        carry = i16::from(digit >= 128);
        digit - 256 * carry
    })
}

#[cfg(test)]
mod tests;
