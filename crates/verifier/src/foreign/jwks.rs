//! Another issuer's key set (RFC 7517 §5), and which of its keys can be used here.

use rescind_wire::key::Material;
use rescind_wire::{Algorithm, Jwk, json};
use serde_json::{Map, Value};

use crate::keys::{InvalidKey, PinnedKeys, PublicKey};

/// The longest key set that is looked at, in bytes.
pub const MAX_KEY_SET: usize = 256 * 1024;

/// The most keys of a set that are looked at.
const MOST: usize = 64;

/// How deep a key set may nest.
const DEPTH: u8 = 8;

/// Why a document is no key set that tokens may be checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeySet {
    /// It is longer than [`MAX_KEY_SET`], or has more than 64 keys.
    #[error("the key set is too long")]
    TooLong,
    /// It is not strict JSON, or no key set.
    #[error("not a JSON Web Key set")]
    Shape,
    /// It has no key that could be used.
    #[error("the key set has no key for signatures of an algorithm that is allowed")]
    NoKey,
    /// Two keys that could be used have the same name.
    #[error("the key set has two keys of one name")]
    Duplicate,
    /// Tokens of that issuer are not accepted at all.
    #[error("not an issuer whose tokens are accepted")]
    Issuer,
}

/// The keys of a set that can be used: public, for signatures, with a name, strong, of an algorithm that is allowed. Others
/// are skipped, as RFC 7517 §5 asks for.
pub(super) fn usable(document: &str, allowed: &[Algorithm]) -> Result<Vec<Jwk>, InvalidKeySet> {
    if document.len() > MAX_KEY_SET {
        return Err(InvalidKeySet::TooLong);
    }
    let set: Value = json::from_slice(document.as_bytes(), DEPTH).map_err(|_| InvalidKeySet::Shape)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(InvalidKeySet::Shape)?;
    if keys.len() > MOST {
        return Err(InvalidKeySet::TooLong);
    }
    let usable: Vec<Jwk> = keys.iter().filter_map(|key| read(key.as_object()?, allowed)).collect();
    if usable.is_empty() { Err(InvalidKeySet::NoKey) } else { Ok(usable) }
}

/// `former` replaced by the usable keys of a set.
pub(super) fn replace(former: &PinnedKeys, document: &str, allowed: &[Algorithm]) -> Result<PinnedKeys, InvalidKeySet> {
    former.replaced_by(&usable(document, allowed)?).map_err(|error| match error {
        InvalidKey::Duplicate => InvalidKeySet::Duplicate,
        _ => InvalidKeySet::Shape,
    })
}

fn read(key: &Map<String, Value>, allowed: &[Algorithm]) -> Option<Jwk> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let owned = |name: &str| text(name).map(str::to_owned);
    let for_signatures = key.get("use").is_none_or(|usage| usage == "sig")
        && key.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
    // A private key that is published is everybody's.
    if !for_signatures || key.contains_key("d") {
        return None;
    }
    let material = match text("kty")? {
        "OKP" => Material::Okp { crv: owned("crv")?, x: owned("x")? },
        "EC" => Material::Ec { crv: owned("crv")?, x: owned("x")?, y: owned("y")? },
        "RSA" => Material::Rsa { n: owned("n")?, e: owned("e")? },
        _ => return None,
    };
    // A key without `alg` gets the one that its type has here; the token's header never chooses (RFC 8725 §3.1).
    let alg = match key.get("alg") {
        Some(alg) => alg.as_str()?.parse().ok()?,
        None => match &material {
            Material::Okp { .. } => Algorithm::EdDSA,
            Material::Ec { .. } => Algorithm::ES256,
            Material::Rsa { .. } => Algorithm::RS256,
        },
    };
    let jwk = Jwk { kid: text("kid")?.parse().ok()?, alg, usage: "sig".to_owned(), material };
    (allowed.contains(&alg) && PublicKey::parse(&jwk).is_ok()).then_some(jwk)
}
