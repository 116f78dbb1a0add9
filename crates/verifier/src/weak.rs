//! Public keys that are well-formed and still worthless.

/// The `y` coordinates of the points of small order of edwards25519, little-endian, without the sign bit of `x`. With such
/// a key, some signatures hold for messages that nobody signed.
const SMALL_ORDER: [[u8; 32]; 5] = [
    // y = 0: order 4
    [0; 32],
    // y = 1: order 1
    with_ends(1, 0, 0),
    // y = p − 1: order 2
    with_ends(0xec, 0xff, 0x7f),
    // Both of order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

const fn with_ends(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// Whether an Ed25519 public key is a second spelling of a point (`y ≥ p`, RFC 8032 §5.1.3), or a point of small order.
pub(crate) fn is_weak_ed25519(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f;
    let beyond_p = y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff) && y[0] >= 0xed;
    beyond_p || SMALL_ORDER.contains(&y)
}

/// The odd primes up to 167: the product of the first 39 primes divides the modulus of the faulty generator for every
/// key size.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether an RSA modulus (big-endian) carries the mark of the generator that can be factored (CVE-2017-15361): modulo
/// every small prime it is a power of 65537. A sound modulus does so once in 240 million.
pub(crate) fn is_roca(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power_of_65537(remainder(modulus, *prime), *prime))
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn is_power_of_65537(value: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == value {
            return true;
        }
        power = power * (65537 % prime) % prime;
    }
    false
}
