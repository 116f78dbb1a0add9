//! argon2 (RFC 9106): the scheme of every new hash, and three variants of imported ones.

use ::argon2::{Algorithm, Params, Version};
use rescind_domain::password::PasswordHash;

use super::scheme::{Cost, OutOfMemory, RefusedHash, Scheme, WRITTEN, base64, limit, number, pairs};

const NAME: &str = "argon2";

/// Most memory, in KiB: 1 GiB.
const MAX_MEMORY_KIB: u64 = 1 << 20;

/// Most memory times passes, in KiB: 16 GiB, six seconds or so.
const MAX_FILLED_KIB: u64 = 16 << 20;

/// Bytes of a new hash.
const OUTPUT: usize = 32;

/// Bytes of a new salt.
pub(super) const SALT: usize = 16;

/// How strongly new passwords are hashed, with argon2id. The default is what OWASP ASVS 5.0 §11.4.2 asks for at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strength {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes. They are computed one after the other: this server's parallelism is many sign-ins at once.
    pub lanes: u32,
}

impl Default for Strength {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl Strength {
    /// The cost of a new hash.
    ///
    /// # Errors
    /// [`RefusedHash`], as for an imported hash with these parameters.
    pub fn cost(self) -> Result<Cost, RefusedHash> {
        let cost = Argon2 {
            variant: Variant::Id,
            old: false,
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        };
        cost.check()?;
        Ok(Cost::Argon2(cost))
    }

    /// Whether a hash of this cost need not be replaced: argon2id with each parameter at least as high.
    pub(super) fn is_met_by(self, cost: Cost) -> bool {
        matches!(cost, Cost::Argon2(argon2)
            if argon2.variant == Variant::Id
                && !argon2.old
                && argon2.memory_kib >= self.memory_kib
                && argon2.passes >= self.passes
                && argon2.lanes >= self.lanes)
    }
}

/// argon2's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Argon2 {
    variant: Variant,
    /// Version 1.0 (16), which the final 1.3 (19) replaced in 2016.
    old: bool,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Variant {
    D,
    I,
    Id,
}

/// `v=19`, `m=…,t=…,p=…`, salt, hash: the fields of a PHC string after the variant. Before version 1.3 there was no
/// version field.
pub(super) fn parse(variant: &str, fields: &[&str]) -> Result<Scheme, RefusedHash> {
    let malformed = |part| RefusedHash::Malformed { scheme: NAME, part };
    let (version, parameters, salt, output) = match *fields {
        [version, parameters, salt, output] => (version.strip_prefix("v=").and_then(number), parameters, salt, output),
        [parameters, salt, output] => (Some(16), parameters, salt, output),
        _ => return Err(malformed("a field")),
    };
    let old = match version {
        Some(19) => false,
        Some(16) => true,
        _ => return Err(malformed("the version (16 or 19)")),
    };
    let [memory_kib, passes, lanes] =
        pairs(parameters, ["m", "t", "p"]).ok_or(malformed("the list of parameters m, t, p"))?;
    let variant = match variant {
        "argon2id" => Variant::Id,
        "argon2i" => Variant::I,
        _ => Variant::D,
    };
    let cost = Argon2 { variant, old, memory_kib, passes, lanes };
    cost.check()?;
    Scheme::new(
        Cost::Argon2(cost),
        base64(salt).ok_or(malformed("the salt"))?,
        base64(output).ok_or(malformed("the hash"))?,
    )
}

/// A new hash as a PHC string.
pub(super) fn hash(strength: Strength, password: &[u8], salt: [u8; SALT]) -> Result<PasswordHash, OutOfMemory> {
    let Strength { memory_kib, passes, lanes } = strength;
    let cost = strength.cost().map_err(|_| OutOfMemory)?;
    let output = cost.compute(password, &salt, OUTPUT)?;
    let (salt, output) = (WRITTEN.encode(&salt), WRITTEN.encode(&output));
    Ok(PasswordHash::new(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${output}")))
}

impl Argon2 {
    pub(super) fn micros(self) -> u64 {
        // 15 ms for 19 MiB and two passes.
        u64::from(self.memory_kib) * u64::from(self.passes) * 15_000 / (19 * 1024 * 2)
    }

    fn check(self) -> Result<(), RefusedHash> {
        let memory = u64::from(self.memory_kib);
        limit(NAME, "memory (m, KiB)", memory, MAX_MEMORY_KIB)?;
        limit(NAME, "memory times passes (m·t, KiB)", memory * u64::from(self.passes), MAX_FILLED_KIB)?;
        // Memory below 8 KiB a lane, or a zero (RFC 9106 §3.1). Few lanes are implied by little memory.
        match self.parameters() {
            Ok(_) => Ok(()),
            Err(_) => Err(RefusedHash::Malformed { scheme: NAME, part: "a parameter (m, t or p)" }),
        }
    }

    fn parameters(self) -> Result<Params, ::argon2::Error> {
        if self.lanes > self.memory_kib / 8 {
            return Err(::argon2::Error::MemoryTooLittle);
        }
        Params::new(self.memory_kib, self.passes, self.lanes, None)
    }

    pub(super) fn compute(self, password: &[u8], salt: &[u8], output: &mut [u8]) -> Result<(), OutOfMemory> {
        let algorithm = match self.variant {
            Variant::D => Algorithm::Argon2d,
            Variant::I => Algorithm::Argon2i,
            Variant::Id => Algorithm::Argon2id,
        };
        let version = if self.old { Version::V0x10 } else { Version::V0x13 };
        // Everything else that can fail was ruled out when the parameters were read.
        let parameters = self.parameters().map_err(|_| OutOfMemory)?;
        ::argon2::Argon2::new(algorithm, version, parameters)
            .hash_password_into(password, salt, output)
            .map_err(|_| OutOfMemory)
    }
}
