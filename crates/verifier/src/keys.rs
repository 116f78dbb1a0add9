//! Signing keys, parsed once, and the check of a signature. The algorithm is the key's, never the header's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use data_encoding::BASE64URL_NOPAD;
use rescind_wire::jwt::{Unverified, take_apart_jws};
use rescind_wire::key::Material;
use rescind_wire::{Algorithm, Jwk, KeyId};

use crate::ed25519::Ed25519Tables;
use crate::rejected::Rejected;
use crate::weak::{is_roca, is_weak_ed25519};

/// Checks a JWS in compact form by the key that it names, and returns its payload, which may be any bytes. What the
/// payload says — type, issuer, audience, time — is not looked at.
pub fn verify_compact(jws: &str, keys: &PinnedKeys) -> Result<Vec<u8>, Rejected> {
    let unverified = take_apart_jws(jws, None)?;
    keys.get(&unverified.unverified_kid).ok_or(Rejected::UnknownKey)?.check(&unverified)?;
    Ok(unverified.unverified_claims)
}

/// The keys that are trusted now, by `kid`.
#[derive(Clone, Default)]
pub struct PinnedKeys {
    pins: Vec<Arc<Pin>>,
}

impl PinnedKeys {
    /// Trusts these keys. Two keys of one name are refused: nobody could tell which one was meant.
    pub fn new(keys: &[Jwk]) -> Result<Self, InvalidKey> {
        let mut pinned = Self::default();
        for key in keys {
            if pinned.get(&key.kid).is_some() {
                return Err(InvalidKey::Duplicate);
            }
            pinned.pins.push(Arc::new(Pin::new(PublicKey::parse(key)?.with_tables(), key.clone())));
        }
        Ok(pinned)
    }

    /// The key of this name.
    pub fn get(&self, kid: &KeyId) -> Option<&PublicKey> {
        self.pin(kid).map(|pin| pin.key())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pins.len()
    }

    /// Whether there is none, so that nothing can be verified.
    pub fn is_empty(&self) -> bool {
        self.pins.is_empty()
    }

    pub(crate) fn pin(&self, kid: &KeyId) -> Option<&Arc<Pin>> {
        self.pins.iter().find(|pin| pin.key.kid == *kid)
    }

    /// These keys and one more. The same key again changes nothing; another one of the same name is refused.
    pub(crate) fn with(&self, key: &Jwk) -> Result<Self, InvalidKey> {
        match self.pin(&key.kid) {
            Some(pin) if pin.jwk.alg == key.alg && pin.jwk.material == key.material => return Ok(self.clone()),
            Some(_) => return Err(InvalidKey::Duplicate),
            None => {}
        }
        let pin = Pin::new(PublicKey::parse(key)?.with_tables(), key.clone());
        Ok(Self { pins: self.pins.iter().cloned().chain([Arc::new(pin)]).collect() })
    }

    /// Trusts these keys in place of the present ones: those that are the same stay, whoever holds on to another sees from
    /// now on that it is pinned no more.
    pub(crate) fn replaced_by(&self, keys: &[Jwk]) -> Result<Self, InvalidKey> {
        let mut next = Self::new(keys)?;
        for pin in &mut next.pins {
            let same = |former: &&Arc<Pin>| former.jwk == pin.jwk;
            if let Some(former) = self.pins.iter().find(same) {
                *pin = Arc::clone(former);
            }
        }
        for former in &self.pins {
            let stays = next.pins.iter().any(|pin| Arc::ptr_eq(pin, former));
            former.pinned.store(stays, Ordering::Release);
        }
        Ok(next)
    }

    /// These keys without one. Whoever holds on to it sees from now on that it is pinned no more.
    pub(crate) fn without(&self, kid: &KeyId) -> Self {
        if let Some(pin) = self.pin(kid) {
            pin.pinned.store(false, Ordering::Release);
        }
        Self { pins: self.pins.iter().filter(|pin| pin.key.kid != *kid).cloned().collect() }
    }
}

impl fmt::Debug for PinnedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pins.iter().map(|pin| pin.key())).finish()
    }
}

/// A key as one generation of the verifier trusts it. A cached token holds on to its own, to see at once when that ends.
pub(crate) struct Pin {
    key: PublicKey,
    jwk: Jwk,
    pinned: AtomicBool,
}

impl Pin {
    const fn new(key: PublicKey, jwk: Jwk) -> Self {
        Self { key, jwk, pinned: AtomicBool::new(true) }
    }

    pub(crate) const fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned.load(Ordering::Acquire)
    }
}

/// Why a JWK is no key that tokens may be checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// It is not for signatures (`use`, RFC 7517 §4.2).
    #[error("not for signatures")]
    Use,
    /// Its `kty`, `crv` and `alg` do not belong together.
    #[error("kty, crv and alg do not belong together")]
    Mismatch,
    /// A value is not base64url without padding, or a second spelling of the same bytes.
    #[error("not canonical base64url")]
    Base64,
    /// A value has the wrong length.
    #[error("a value has the wrong length")]
    Length,
    /// The values are no public key: not a point of the curve, an even modulus.
    #[error("not a public key")]
    NoKey,
    /// It can be forged for or factored: small order, exponent 1, a known faulty generator.
    #[error("a weak key")]
    Weak,
    /// Another key has the same name.
    #[error("two keys of one name")]
    Duplicate,
}

/// A public key that was checked and parsed, with its one algorithm.
///
/// One of [`PinnedKeys`] for Ed25519 keeps tables that halve the time of a check: 160 KiB, shared by its clones,
/// and as much again for all of them together.
#[derive(Clone)]
pub struct PublicKey {
    kid: KeyId,
    alg: Algorithm,
    parsed: ParsedPublicKey,
    tables: Option<Arc<Ed25519Tables>>,
}

impl PublicKey {
    /// Checks and parses a JWK (RFC 7518 §6, RFC 8037 §2).
    pub fn parse(jwk: &Jwk) -> Result<Self, InvalidKey> {
        if jwk.usage != "sig" {
            return Err(InvalidKey::Use);
        }
        let parsed = match (&jwk.material, jwk.alg) {
            (Material::Okp { crv, x }, Algorithm::EdDSA) if crv == "Ed25519" => ed25519(x)?,
            (Material::Ec { crv, x, y }, Algorithm::ES256) if crv == "P-256" => p256(x, y)?,
            (Material::Rsa { n, e }, Algorithm::RS256) => rsa(n, e)?,
            _ => return Err(InvalidKey::Mismatch),
        };
        Ok(Self { kid: jwk.kid.clone(), alg: jwk.alg, parsed, tables: None })
    }

    /// The same key, set up to check many signatures.
    fn with_tables(mut self) -> Self {
        if self.alg == Algorithm::EdDSA {
            let public = self.parsed.as_ref().try_into().ok();
            self.tables = public.and_then(Ed25519Tables::new).map(Arc::new);
        }
        self
    }

    /// Its name.
    pub const fn id(&self) -> &KeyId {
        &self.kid
    }

    /// Its one algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// Whether this key made the signature, and the header says this key's algorithm (RFC 8725 §3.1).
    pub fn check(&self, unverified: &Unverified<'_>) -> Result<(), Rejected> {
        if unverified.unverified_alg != self.alg.as_str() {
            return Err(Rejected::BadSignature);
        }
        self.check_bytes(unverified.signing_input, &unverified.signature)
    }

    /// Whether this key made the signature of these bytes.
    pub fn check_bytes(&self, message: &[u8], signature: &[u8]) -> Result<(), Rejected> {
        let good = match &self.tables {
            Some(tables) => tables.check(message, signature),
            None => self.parsed.verify_sig(message, signature).is_ok(),
        };
        if good { Ok(()) } else { Err(Rejected::BadSignature) }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kid, self.alg)
    }
}

fn ed25519(x: &str) -> Result<ParsedPublicKey, InvalidKey> {
    let key = fixed(x)?;
    if is_weak_ed25519(&key) {
        return Err(InvalidKey::Weak);
    }
    ParsedPublicKey::new(&ED25519, key).map_err(|_| InvalidKey::NoKey)
}

fn p256(x: &str, y: &str) -> Result<ParsedPublicKey, InvalidKey> {
    // An uncompressed point (SEC 1 §2.3.3); parsing it checks that it lies on the curve.
    let mut point = [4; 65];
    point[1..33].copy_from_slice(&fixed(x)?);
    point[33..].copy_from_slice(&fixed(y)?);
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| InvalidKey::NoKey)
}

fn rsa(n: &str, e: &str) -> Result<ParsedPublicKey, InvalidKey> {
    let (n, e) = (decode(n)?, decode(e)?);
    let (Some(first), Some(last)) = (n.first(), n.last()) else {
        return Err(InvalidKey::Length);
    };
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    // No leading zero (RFC 7518 §6.3.1.1), so that a key has one spelling. Nobody uses an exponent of more than 32 bits.
    if *first == 0 || !(2048..=8192).contains(&bits) || e.len() > 4 || e.first().is_none_or(|first| *first == 0) {
        return Err(InvalidKey::Length);
    }
    if last % 2 == 0 {
        return Err(InvalidKey::NoKey);
    }
    if e == [1] || e.last().is_some_and(|last| last % 2 == 0) || is_roca(&n) {
        return Err(InvalidKey::Weak);
    }
    let components = RsaPublicKeyComponents { n: &n, e: &e };
    components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).map_err(|_| InvalidKey::NoKey)
}

fn decode(value: &str) -> Result<Vec<u8>, InvalidKey> {
    BASE64URL_NOPAD.decode(value.as_bytes()).map_err(|_| InvalidKey::Base64)
}

fn fixed(value: &str) -> Result<[u8; 32], InvalidKey> {
    decode(value)?.try_into().map_err(|_| InvalidKey::Length)
}
