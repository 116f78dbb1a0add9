//! scrypt (RFC 7914), for imported hashes.

use ::scrypt::Params;

use super::scheme::{Cost, OutOfMemory, RefusedHash, Scheme, base64, limit, number, pairs};

const NAME: &str = "scrypt";

/// Most memory (128·N·r), in bytes: 256 MiB.
const MAX_MEMORY: u64 = 256 << 20;

/// Most memory times parallelism (128·N·r·p), in bytes: 2 GiB, six seconds or so.
const MAX_FILLED: u64 = 2 << 30;

/// scrypt's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scrypt {
    /// Binary logarithm of N.
    log_n: u8,
    r: u32,
    p: u32,
}

/// `ln=…,r=…,p=…`, salt, hash: the fields of a PHC string.
pub(super) fn parse(parameters: &str, salt: &str, output: &str) -> Result<Scheme, RefusedHash> {
    let malformed = |part| RefusedHash::Malformed { scheme: NAME, part };
    let [log_n, r, p] = pairs(parameters, ["ln", "r", "p"]).ok_or(malformed("the list of parameters ln, r, p"))?;
    Scheme::new(
        Cost::Scrypt(checked(log_n, r, p)?),
        base64(salt).ok_or(malformed("the salt"))?,
        base64(output).ok_or(malformed("the hash"))?,
    )
}

/// Django: N itself, the salt as plain text, r, p, the hash.
pub(super) fn parse_django(n: &str, salt: &str, r: &str, p: &str, output: &str) -> Result<Scheme, RefusedHash> {
    let malformed = |part| RefusedHash::Malformed { scheme: NAME, part };
    let n = number(n).filter(|n| n.is_power_of_two()).ok_or(malformed("N (a power of two)"))?;
    let cost = checked(
        n.trailing_zeros(),
        number(r).ok_or(malformed("the block size"))?,
        number(p).ok_or(malformed("the parallelism"))?,
    )?;
    Scheme::new(Cost::Scrypt(cost), salt.as_bytes().to_vec(), base64(output).ok_or(malformed("the hash"))?)
}

fn checked(log_n: u32, r: u32, p: u32) -> Result<Scrypt, RefusedHash> {
    let malformed = RefusedHash::Malformed { scheme: NAME, part: "a parameter (N, r or p)" };
    // Below 2^32 everything fits the products; N = 1 is excluded by RFC 7914 §6.
    limit(NAME, "the binary logarithm of N (ln)", u64::from(log_n), 31)?;
    if log_n == 0 || r == 0 || p == 0 {
        return Err(malformed);
    }
    let memory = (128 * u64::from(r)).saturating_mul(1 << log_n);
    limit(NAME, "memory (128·N·r, bytes)", memory, MAX_MEMORY)?;
    limit(NAME, "memory times parallelism (128·N·r·p, bytes)", memory.saturating_mul(u64::from(p)), MAX_FILLED)?;
    let log_n = u8::try_from(log_n).map_err(|_| malformed)?;
    Ok(Scrypt { log_n, r, p })
}

impl Scrypt {
    pub(super) fn micros(self) -> u64 {
        // 95 ms for N = 2^15, r = 8, p = 1.
        ((u64::from(self.r) * u64::from(self.p) * 95_000) << self.log_n) >> 18
    }

    pub(super) fn compute(self, password: &[u8], salt: &[u8], output: &mut [u8]) -> Result<(), OutOfMemory> {
        // Neither can fail: the parameters were checked when they were read, and a hash is never empty.
        let parameters = Params::new(self.log_n, self.r, self.p).map_err(|_| OutOfMemory)?;
        ::scrypt::scrypt(password, salt, &parameters, output).map_err(|_| OutOfMemory)
    }
}
