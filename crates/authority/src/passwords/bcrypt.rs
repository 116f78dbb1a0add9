//! bcrypt (Provos and Mazières, "A Future-Adaptable Password Scheme", 1999), for imported hashes.
//!
//! **bcrypt looks at the first 72 bytes of a password only.** Where the old system let longer ones in, whatever follows
//! byte 72 was never checked, and cannot be until the hash is upgraded: the first right sign-in hashes the whole of
//! what was typed then, and from then on all of it counts.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{Encoding, HEXLOWER, Specification};
use zeroize::Zeroizing;

use super::scheme::{Cost, RefusedHash, Scheme, limit, number};

const NAME: &str = "bcrypt";

/// Highest accepted cost: 3.5 seconds or so.
const MAX_COST: u64 = 16;

/// Lowest cost that bcrypt knows.
const MIN_COST: u32 = 4;

/// Bytes of a hash: the last of the 24 that the cipher yields has never been stored.
pub(super) const OUTPUT: usize = 23;

/// Bytes of a password that count.
const CUT: usize = 72;

/// Characters of an encoded salt (16 bytes).
const SALT_CHARACTERS: usize = 22;

/// bcrypt's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bcrypt {
    /// Binary logarithm of the number of rounds.
    cost: u32,
    /// Django's `bcrypt_sha256`: the password is the hexadecimal SHA-256 of the password, so none of it is cut off.
    hashed_first: bool,
}

/// bcrypt's own order of the base64 alphabet.
///
/// Some old programs left random bits behind the 128 of the salt. They never had a meaning, so they are ignored.
static BASE64: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    specification.check_trailing_bits = false;
    specification.encoding().ok()
});

/// The cost, then salt and hash together. The letters of `$2a$`, `$2b$` and `$2y$` name repaired programs, all of which
/// compute the same; `$2x$` marks hashes of one that was broken, and is not accepted.
pub(super) fn parse(hashed_first: bool, cost: &str, tail: &str) -> Result<Scheme, RefusedHash> {
    let malformed = |part| RefusedHash::Malformed { scheme: NAME, part };
    let cost = number(cost).filter(|cost| *cost >= MIN_COST).ok_or(malformed("the cost (4 to 31)"))?;
    limit(NAME, "the cost", u64::from(cost), MAX_COST)?;
    let (salt, output) = tail.split_at_checked(SALT_CHARACTERS).ok_or(malformed("the salt"))?;
    let decode = |text: &str| BASE64.as_ref()?.decode(text.as_bytes()).ok();
    let output = decode(output).filter(|output| output.len() == OUTPUT).ok_or(malformed("the hash"))?;
    Scheme::new(Cost::Bcrypt(Bcrypt { cost, hashed_first }), decode(salt).ok_or(malformed("the salt"))?, output)
}

impl Bcrypt {
    pub(super) fn micros(self) -> u64 {
        // 216 ms at cost 12.
        (216_000 << self.cost) >> 12
    }

    pub(super) fn compute(self, password: &[u8], salt: &[u8], output: &mut [u8]) {
        let hashed;
        let password = if self.hashed_first {
            hashed = Zeroizing::new(HEXLOWER.encode(digest(&SHA256, password).as_ref()));
            hashed.as_bytes()
        } else {
            password
        };
        // The password, then a zero byte, then cut: behind 72 bytes and more there is no zero byte.
        let mut key = Zeroizing::new([0; CUT]);
        let kept = password.len().min(CUT);
        key[..kept].copy_from_slice(&password[..kept]);
        let key = &key[..(kept + 1).min(CUT)];
        let mut sixteen = [0; 16];
        sixteen.copy_from_slice(&salt[..16]);
        let computed = ::bcrypt::bcrypt(self.cost, sixteen, key);
        output.copy_from_slice(&computed[..OUTPUT]);
    }
}
