//! PBKDF2 (RFC 8018 §5.2), for imported hashes: PHC strings, passlib, Django, Keycloak.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{Algorithm, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512, derive};

use super::scheme::{Cost, RefusedHash, Scheme, base64, limit, number, pairs};

const NAME: &str = "pbkdf2";

/// Most iterations of the digest, those of every block of the hash together: a second for SHA-256, four for SHA-512.
const MAX_ITERATIONS: u64 = 10_000_000;

/// PBKDF2's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pbkdf2 {
    digest: Digest,
    iterations: NonZeroU32,
    /// Bytes of the hash: each block of them costs all iterations again.
    pub(super) length: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    /// Reads `pbkdf2`, `pbkdf2-sha256`, `pbkdf2_sha256` and so on. Without a digest it is SHA-1, for passlib and
    /// Keycloak alike.
    fn named(name: &str) -> Option<Self> {
        match name.strip_prefix("pbkdf2")? {
            "" | "-sha1" | "_sha1" => Some(Self::Sha1),
            "-sha256" | "_sha256" => Some(Self::Sha256),
            "-sha512" | "_sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn bytes(self) -> u16 {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha1 => PBKDF2_HMAC_SHA1,
            Self::Sha256 => PBKDF2_HMAC_SHA256,
            Self::Sha512 => PBKDF2_HMAC_SHA512,
        }
    }
}

/// Digest, `i=…,l=…` (or the iterations alone, as passlib and our form of Keycloak's have it), salt, hash.
pub(super) fn parse(digest: &str, cost: &str, salt: &str, output: &str) -> Result<Scheme, RefusedHash> {
    let salt = base64(salt).ok_or(malformed("the salt"))?;
    let output = base64(output).ok_or(malformed("the hash"))?;
    let iterations = if let Some([iterations, length]) = pairs(cost, ["i", "l"]) {
        if usize::try_from(length) != Ok(output.len()) {
            return Err(malformed("the length (l)"));
        }
        Some(iterations)
    } else if let Some([iterations]) = pairs(cost, ["i"]) {
        Some(iterations)
    } else {
        number(cost)
    };
    checked(digest, iterations, salt, output)
}

/// Django: the salt is plain text.
pub(super) fn parse_django(digest: &str, cost: &str, salt: &str, output: &str) -> Result<Scheme, RefusedHash> {
    let output = base64(output).ok_or(malformed("the hash"))?;
    checked(digest, number(cost), salt.as_bytes().to_vec(), output)
}

fn checked(digest: &str, iterations: Option<u32>, salt: Vec<u8>, output: Vec<u8>) -> Result<Scheme, RefusedHash> {
    let digest = Digest::named(digest).ok_or(malformed("the digest (sha1, sha256 or sha512)"))?;
    let iterations = iterations.and_then(NonZeroU32::new).ok_or(malformed("the number of iterations"))?;
    let length = u16::try_from(output.len()).map_err(|_| malformed("the hash"))?;
    let cost = Pbkdf2 { digest, iterations, length };
    limit(NAME, "iterations (of all blocks of the hash)", cost.all_iterations(), MAX_ITERATIONS)?;
    Scheme::new(Cost::Pbkdf2(cost), salt, output)
}

fn malformed(part: &'static str) -> RefusedHash {
    RefusedHash::Malformed { scheme: NAME, part }
}

impl Pbkdf2 {
    fn all_iterations(self) -> u64 {
        u64::from(self.iterations.get()) * u64::from(self.length.div_ceil(self.digest.bytes()))
    }

    pub(super) fn micros(self) -> u64 {
        // 0.1 µs an iteration; SHA-512, which processors have no instructions for, 0.4.
        let per_ten = if self.digest == Digest::Sha512 { 4 } else { 1 };
        self.all_iterations() * per_ten / 10
    }

    pub(super) fn compute(self, password: &[u8], salt: &[u8], output: &mut [u8]) {
        derive(self.digest.algorithm(), self.iterations, salt, password, output);
    }
}
