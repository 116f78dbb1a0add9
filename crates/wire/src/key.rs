//! Public signing keys as JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::KeyId;

/// How an access token is signed (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none` and no shared secret here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037): the default, cheap both ways, short.
    EdDSA,
    /// ECDSA over P-256 with SHA-256.
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for clients and standards that ask for it.
    RS256,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 3] = [Self::EdDSA, Self::ES256, Self::RS256];

    /// As the header member `alg` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDSA => "EdDSA",
            Self::ES256 => "ES256",
            Self::RS256 => "RS256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The algorithm is not one that Rescind signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an algorithm of Rescind: choose EdDSA, ES256 or RS256")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|a| a.as_str() == text).ok_or(UnknownAlgorithm)
    }
}

/// A public key. Members that hold private material do not exist here, so none can leak or be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Its name.
    pub kid: KeyId,
    /// The one algorithm that it is used with.
    pub alg: Algorithm,
    /// `sig`.
    #[serde(rename = "use", default = "sig")]
    pub usage: String,
    /// The public values.
    #[serde(flatten)]
    pub material: Material,
}

fn sig() -> String {
    "sig".to_owned()
}

/// The public values of a key, each base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum Material {
    /// An octet key pair: Ed25519 (RFC 8037 §2).
    #[serde(rename = "OKP")]
    Okp {
        /// `Ed25519`.
        crv: String,
        /// The public key, 32 bytes.
        x: String,
    },
    /// An elliptic curve (RFC 7518 §6.2).
    #[serde(rename = "EC")]
    Ec {
        /// `P-256`.
        crv: String,
        /// 32 bytes.
        x: String,
        /// 32 bytes.
        y: String,
    },
    /// RSA (RFC 7518 §6.3).
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus, big-endian, no leading zero; 2048 to 8192 bits.
        n: String,
        /// The public exponent, big-endian.
        e: String,
    },
}

/// A key set, as `/.well-known/jwks.json` answers (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, in no order that matters.
    pub keys: Vec<Jwk>,
}
