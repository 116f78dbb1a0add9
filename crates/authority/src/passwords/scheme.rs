//! Encoded password hashes: from text to a scheme with bounded parameters.
//!
//! A hash that was imported was written by somebody else, and whoever can import one could name parameters that take
//! all memory, or hours, at the first sign-in. So every parameter has a limit, checked here, before anything is stored
//! or computed.

use aws_lc_rs::constant_time;
use data_encoding::{BASE64_NOPAD, Encoding};
use zeroize::Zeroizing;

use super::{argon2::Argon2, bcrypt::Bcrypt, pbkdf2::Pbkdf2, scrypt::Scrypt};

/// Longest encoded hash that is looked at, in bytes; the longest that any of the known programs makes has about 250.
const MAX_ENCODED: usize = 1024;

/// Fewest bytes of a hash: below 10 (PHC string format, "Function output") a wrong password may match by chance.
const MIN_OUTPUT: usize = 10;

/// Most bytes of a hash.
const MAX_OUTPUT: usize = 128;

/// A stored hash, understood, its parameters within the limits.
#[derive(Clone)]
pub struct Scheme {
    cost: Cost,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// Everything that decides how much work one hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cost {
    /// RFC 9106.
    Argon2(Argon2),
    /// Provos and Mazières, 1999.
    Bcrypt(Bcrypt),
    /// RFC 7914.
    Scrypt(Scrypt),
    /// RFC 8018 §5.2.
    Pbkdf2(Pbkdf2),
}

/// Why an encoded hash is not accepted. Names parameters and limits, never the hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedHash {
    /// No known scheme.
    #[error(
        "unknown kind of password hash; accepted are argon2, bcrypt ($2a$, $2b$, $2y$), scrypt and PBKDF2 as PHC \
         strings or in the forms of passlib, Django and Keycloak"
    )]
    Unrecognised,
    /// A known scheme, damaged or incomplete.
    #[error("{scheme}: {part} is missing or malformed")]
    Malformed {
        /// The scheme.
        scheme: &'static str,
        /// The part that cannot be read.
        part: &'static str,
    },
    /// A parameter beyond its limit: checking a password against this hash would take too much memory or time.
    #[error("{scheme}: {parameter} is {value}; at most {limit} is accepted")]
    TooCostly {
        /// The scheme.
        scheme: &'static str,
        /// The parameter, with its unit.
        parameter: &'static str,
        /// What the hash asks for.
        value: u64,
        /// The most that is accepted.
        limit: u64,
    },
}

/// The system refused memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfMemory;

/// Reads an encoded hash.
///
/// Accepted: PHC strings of argon2id, argon2i, argon2d, scrypt and PBKDF2; bcrypt (`$2a$`, `$2b$`, `$2y$`); passlib's
/// PBKDF2 (`$pbkdf2-sha256$ROUNDS$…`); Django's `pbkdf2_…`, `scrypt`, `argon2`, `bcrypt` and `bcrypt_sha256`; and
/// `keycloak$ALGORITHM$ITERATIONS$SALT$HASH`, which [`from_keycloak`](super::from_keycloak) makes.
///
/// # Errors
/// [`RefusedHash`], for a person who imports hashes to read.
pub fn recognise(encoded: &str) -> Result<Scheme, RefusedHash> {
    if encoded.len() > MAX_ENCODED {
        return Err(RefusedHash::Unrecognised);
    }
    let fields: Vec<&str> = encoded.split('$').collect();
    match *fields.as_slice() {
        ["" | "argon2", variant @ ("argon2id" | "argon2i" | "argon2d"), ref rest @ ..] => {
            super::argon2::parse(variant, rest)
        }
        ["", "2a" | "2b" | "2y", cost, tail] | ["bcrypt", "", "2a" | "2b" | "2y", cost, tail] => {
            super::bcrypt::parse(false, cost, tail)
        }
        ["bcrypt_sha256", "", "2a" | "2b" | "2y", cost, tail] => super::bcrypt::parse(true, cost, tail),
        ["", "scrypt", parameters, salt, output] => super::scrypt::parse(parameters, salt, output),
        ["scrypt", n, salt, r, p, output] => super::scrypt::parse_django(n, salt, r, p, output),
        ["", digest, cost, salt, output] if digest.starts_with("pbkdf2") => {
            super::pbkdf2::parse(digest, cost, salt, output)
        }
        [digest, iterations, salt, output] if digest.starts_with("pbkdf2_") => {
            super::pbkdf2::parse_django(digest, iterations, salt, output)
        }
        ["keycloak", digest, iterations, salt, output] => super::pbkdf2::parse(digest, iterations, salt, output),
        _ => Err(RefusedHash::Unrecognised),
    }
}

impl Scheme {
    /// Puts a scheme together, if salt and hash have acceptable lengths.
    pub(super) fn new(cost: Cost, salt: Vec<u8>, output: Vec<u8>) -> Result<Self, RefusedHash> {
        let scheme = cost.name();
        if salt.len() < cost.least_salt() {
            return Err(RefusedHash::Malformed { scheme, part: "the salt" });
        }
        if !(MIN_OUTPUT..=MAX_OUTPUT).contains(&output.len()) {
            return Err(RefusedHash::Malformed { scheme, part: "the hash" });
        }
        Ok(Self { cost, salt, output })
    }

    /// A hash of nobody's password, with the given cost.
    pub(super) fn decoy(cost: Cost) -> Self {
        Self { cost, salt: vec![0; 16], output: vec![0; cost.output_length()] }
    }

    /// How much work it is to check a password against this hash.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Whether this is the hash of `password`. Takes the time that [`Cost`] says, whatever the answer.
    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, OutOfMemory> {
        let computed = self.cost.compute(password, &self.salt, self.output.len())?;
        Ok(constant_time::verify_slices_are_equal(&computed, &self.output).is_ok())
    }
}

impl Cost {
    /// The scheme's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Argon2(_) => "argon2",
            Self::Bcrypt(_) => "bcrypt",
            Self::Scrypt(_) => "scrypt",
            Self::Pbkdf2(_) => "pbkdf2",
        }
    }

    /// About how long one hash takes on one core of a recent server, in microseconds: for Retry-After and metrics,
    /// where a factor of two does no harm.
    pub fn micros(self) -> u64 {
        match self {
            Self::Argon2(cost) => cost.micros(),
            Self::Bcrypt(cost) => cost.micros(),
            Self::Scrypt(cost) => cost.micros(),
            Self::Pbkdf2(cost) => cost.micros(),
        }
    }

    pub(super) fn compute(
        self,
        password: &[u8],
        salt: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, OutOfMemory> {
        let mut output = Zeroizing::new(vec![0; length]);
        match self {
            Self::Argon2(cost) => cost.compute(password, salt, &mut output)?,
            Self::Bcrypt(cost) => cost.compute(password, salt, &mut output),
            Self::Scrypt(cost) => cost.compute(password, salt, &mut output)?,
            Self::Pbkdf2(cost) => cost.compute(password, salt, &mut output),
        }
        Ok(output)
    }

    /// Fewest bytes of salt that the scheme (bcrypt: exactly; argon2: RFC 9106 §3.1) can work with.
    fn least_salt(self) -> usize {
        match self {
            Self::Argon2(_) => 8,
            Self::Bcrypt(_) => 16,
            Self::Scrypt(_) | Self::Pbkdf2(_) => 1,
        }
    }

    fn output_length(self) -> usize {
        match self {
            Self::Argon2(_) | Self::Scrypt(_) => 32,
            Self::Bcrypt(_) => super::bcrypt::OUTPUT,
            Self::Pbkdf2(cost) => usize::from(cost.length),
        }
    }
}

/// A decimal number, digits only.
pub(super) fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The values of `name=decimal` pairs, in the order of `names` whatever their order in the text; each name exactly
/// once, and no others.
pub(super) fn pairs<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut values = [None; N];
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=')?;
        let slot = &mut values[names.iter().position(|known| *known == name)?];
        if slot.replace(number(value)?).is_some() {
            return None;
        }
    }
    let values: Vec<u32> = values.into_iter().collect::<Option<_>>()?;
    values.try_into().ok()
}

/// Base64 in any of the ways in which hashes are written: padded or not, and passlib's alphabet with `.` for `+`.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').replace('.', "+");
    BASE64_NOPAD.decode(text.as_bytes()).ok()
}

/// The encoding that new hashes are written in (PHC string format: standard alphabet, no padding).
pub(super) const WRITTEN: &Encoding = &BASE64_NOPAD;

/// Refuses `value` beyond `limit`.
pub(super) fn limit(scheme: &'static str, parameter: &'static str, value: u64, limit: u64) -> Result<(), RefusedHash> {
    if value > limit {
        return Err(RefusedHash::TooCostly { scheme, parameter, value, limit });
    }
    Ok(())
}
