//! Server keys in the clear, in memory; sealed under the root key everywhere else.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, signature};
use data_encoding::BASE64URL_NOPAD;
use rescind_wire::key::Material;
use rescind_wire::{Algorithm, Jwk, KeyId};
use zeroize::Zeroizing;

use crate::entropy::Entropy;
use crate::key::{KeyRow, MacKeyId, Purpose};

/// The key that seals all others: 32 bytes from a file of its own, or from the environment. Backups leave it out.
pub struct RootKey(LessSafeKey);

impl RootKey {
    /// Takes 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes).unwrap_or_else(|_| unreachable!("the length is right"));
        Self(LessSafeKey::new(key))
    }

    /// Seals a secret; `name` is bound in, so that one key's seal does not open as another's.
    fn seal(&self, entropy: &dyn Entropy, name: &KeyId, secret: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = entropy.bytes();
        let mut sealed = secret.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name.as_str()), &mut sealed)
            .unwrap_or_else(|_| unreachable!("a key of less than 64 GiB seals"));
        let mut out = nonce.to_vec();
        out.append(&mut sealed);
        out
    }

    fn open(&self, name: &KeyId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let wrong = || KeyError::Sealed(name.clone());
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut secret = Zeroizing::new(rest.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(name.as_str()), &mut secret).map_err(|_| wrong())?.len();
        secret.truncate(length);
        Ok(secret)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The root key does not open it.
    #[error("key {0} does not open: the root key is not the one that it was sealed with")]
    Sealed(KeyId),
    /// It opened, but holds no key of its kind.
    #[error("key {0} is damaged")]
    Damaged(KeyId),
    /// There is none that could sign or seal now.
    #[error("there is no {0} key that may be used yet")]
    Missing(&'static str),
}

/// A MAC key in the clear.
#[derive(Clone)]
pub struct MacKey {
    id: MacKeyId,
    key: hmac::Key,
}

impl MacKey {
    /// Its name.
    pub const fn id(&self) -> MacKeyId {
        self.id
    }

    /// HMAC-SHA256 over the parts in order.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.context(parts).sign().as_ref());
        bytes
    }

    /// Whether `mac` is the MAC of the parts, in constant time.
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.sign(parts), mac).is_ok()
    }

    fn context(&self, parts: &[&[u8]]) -> hmac::Context {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        context
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacKey({})", self.id.key_id())
    }
}

/// A signing key in the clear.
pub struct SigningKey {
    id: KeyId,
    algorithm: Algorithm,
    added: u64,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// Its name.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The signature of `message`, as JWS spells it (RFC 7518 §3.3, §3.4; RFC 8037 §3.1).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let damaged = |_| KeyError::Damaged(self.id.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "ECDSA and RSA draw their nonces inside the library, and take no other source"
        )]
        let random = aws_lc_rs::rand::SystemRandom::new();
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Ecdsa(pair) => Ok(pair.sign(&random, message).map_err(damaged)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(damaged)?;
                Ok(signature)
            }
        }
    }

    fn public(&self) -> Jwk {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let material = match &self.pair {
            Pair::Ed25519(pair) => Material::Okp { crv: "Ed25519".into(), x: text(pair.public_key().as_ref()) },
            Pair::Ecdsa(pair) => {
                // Uncompressed point: 0x04, x, y (SEC 1 §2.3.3).
                let point = &pair.public_key().as_ref()[1..];
                Material::Ec { crv: "P-256".into(), x: text(&point[..32]), y: text(&point[32..]) }
            }
            Pair::Rsa(pair) => Material::Rsa {
                n: text(pair.public_key().modulus().big_endian_without_leading_zero()),
                e: text(pair.public_key().exponent().big_endian_without_leading_zero()),
            },
        };
        Jwk { kid: self.id.clone(), alg: self.algorithm, usage: "sig".into(), material }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm, self.id)
    }
}

/// A key that was just made: what is stored of it.
#[derive(Debug)]
pub struct NewKey {
    /// Its name.
    pub id: KeyId,
    /// What it is for.
    pub purpose: Purpose,
    /// Its public part, for a signing key.
    pub public: Option<Jwk>,
    /// Its secret part, sealed.
    pub sealed: Vec<u8>,
}

/// The keys in the clear, kept current from the store's rows.
pub struct Keyring {
    root: RootKey,
    rings: RwLock<Arc<Rings>>,
}

#[derive(Clone, Default)]
struct Rings {
    sign: Vec<Arc<SigningKey>>,
    mac: HashMap<MacKeyId, MacKey>,
    current_mac: Option<MacKeyId>,
    /// Signing keys added by entries up to this one have been acknowledged by every live verifier.
    acknowledged: u64,
    /// Signing keys that were seen revoked, and those that they had superseded: none signs again, and what was read of the
    /// store before that brings none of them back. Names, not numbers: a later epoch may give the same numbers anew (R9).
    spent: HashSet<KeyId>,
}

impl Rings {
    fn signing(&self, algorithm: Algorithm) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.sign.iter().filter(move |key| key.algorithm == algorithm)
    }
}

impl Keyring {
    /// An empty ring under `root`.
    pub fn new(root: RootKey) -> Self {
        Self { root, rings: RwLock::default() }
    }

    /// Makes a key for `purpose`. It is not in the ring until its row is [loaded](Self::load).
    pub fn make(&self, entropy: &dyn Entropy, purpose: Purpose) -> Result<NewKey, KeyError> {
        let Purpose::Sign(algorithm) = purpose else {
            let id = MacKeyId(entropy.bytes()).key_id();
            let secret: Zeroizing<[u8; 32]> = Zeroizing::new(entropy.bytes());
            let sealed = self.root.seal(entropy, &id, secret.as_ref());
            return Ok(NewKey { id, purpose, public: None, sealed });
        };
        let name = data_encoding::BASE32_DNSSEC.encode(&entropy.bytes::<10>());
        let id: KeyId = format!("key_{name}").parse().unwrap_or_else(|_| unreachable!("unreserved characters"));
        let secret = make_secret(algorithm).map_err(|()| KeyError::Damaged(id.clone()))?;
        let pair = open_pair(algorithm, &secret).ok_or_else(|| KeyError::Damaged(id.clone()))?;
        let key = SigningKey { id, algorithm, added: 0, pair };
        let sealed = self.root.seal(entropy, &key.id, &secret);
        Ok(NewKey { public: Some(key.public()), id: key.id, purpose, sealed })
    }

    /// Takes over what the store has. Rows that are revoked are left out. Nothing changes if one cannot be opened.
    pub fn load(&self, rows: &[KeyRow], acknowledged: u64) -> Result<(), KeyError> {
        let old = self.rings();
        let mut rings = Rings { acknowledged, ..Rings::default() };
        let mut newest_mac = None;
        for row in rows.iter().filter(|row| row.revoked.is_none()) {
            match row.purpose {
                Purpose::Mac => {
                    let key = self.open_mac(row)?;
                    if row.superseded_at.is_none() {
                        newest_mac = newest_mac.max(Some((row.created_at, row.added, key.id.0)));
                    }
                    rings.mac.insert(key.id, key);
                }
                Purpose::Sign(algorithm) => {
                    if let Some(known) = old.sign.iter().find(|key| key.id == row.id) {
                        rings.sign.push(Arc::clone(known));
                        continue;
                    }
                    let secret = self.root.open(&row.id, &row.sealed)?;
                    let pair = open_pair(algorithm, &secret).ok_or_else(|| KeyError::Damaged(row.id.clone()))?;
                    rings.sign.push(Arc::new(SigningKey { id: row.id.clone(), algorithm, added: row.added, pair }));
                }
            }
        }
        rings.current_mac = newest_mac.map(|(_, _, id)| MacKeyId(id));
        rings.spent = spent(rows);
        let mut current = self.rings.write().unwrap_or_else(PoisonError::into_inner);
        rings.spent.extend(current.spent.iter().cloned());
        rings.sign.retain(|key| !rings.spent.contains(&key.id));
        *current = Arc::new(rings);
        Ok(())
    }

    /// Every live verifier has acknowledged the entries up to this one: keys that they added sign from now on.
    pub fn acknowledge(&self, number: u64) {
        let mut current = self.rings.write().unwrap_or_else(PoisonError::into_inner);
        if current.acknowledged != number {
            Arc::make_mut(&mut current).acknowledged = number;
        }
    }

    /// The key that signs a token with position `number`: the newest one that every live verifier has acknowledged and
    /// that the token's position covers, so that a verifier that lags knows that it lags, and does not call a good token
    /// bad. Where no key is that old, the oldest one. After a compromise only keys that came later than the one that was
    /// revoked sign, and at once, acknowledged or not.
    pub fn signing(&self, algorithm: Algorithm, number: u64) -> Result<Arc<SigningKey>, KeyError> {
        let rings = self.rings();
        let usable = || rings.signing(algorithm).filter(|key| key.added <= rings.acknowledged);
        let covered = usable().filter(|key| key.added <= number).max_by_key(|key| key.added);
        let key = covered.or_else(|| rings.signing(algorithm).min_by_key(|key| key.added));
        key.cloned().ok_or(KeyError::Missing(algorithm.as_str()))
    }

    /// Takes over what the store has without news of what was acknowledged: for whoever finds that the ring lags.
    pub(crate) fn catch_up(&self, rows: &[KeyRow]) -> Result<(), KeyError> {
        self.load(rows, self.rings().acknowledged)
    }

    /// The MAC key of this name.
    pub fn mac(&self, id: MacKeyId) -> Option<MacKey> {
        self.rings().mac.get(&id).cloned()
    }

    /// Whether a MAC key is in the ring: known, and not revoked.
    pub fn has_mac(&self, id: MacKeyId) -> bool {
        self.rings().mac.contains_key(&id)
    }

    /// The MAC key of a row, in the ring or not.
    pub fn open_mac(&self, row: &KeyRow) -> Result<MacKey, KeyError> {
        let id = MacKeyId::of(&row.id).ok_or_else(|| KeyError::Damaged(row.id.clone()))?;
        if let Some(key) = self.mac(id) {
            return Ok(key);
        }
        let secret = self.root.open(&row.id, &row.sealed)?;
        Ok(MacKey { id, key: hmac::Key::new(hmac::HMAC_SHA256, &secret) })
    }

    /// The MAC key that new tokens and tags are made with.
    pub fn current_mac(&self) -> Result<MacKey, KeyError> {
        let rings = self.rings();
        rings.current_mac.and_then(|id| rings.mac.get(&id)).cloned().ok_or(KeyError::Missing("MAC"))
    }

    fn rings(&self) -> Arc<Rings> {
        Arc::clone(&self.rings.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rings = self.rings();
        f.debug_struct("Keyring").field("sign", &rings.sign).field("mac", &rings.mac.len()).finish_non_exhaustive()
    }
}

/// The signing keys among `rows` that may not sign any more: those up to the last one of their algorithm that was revoked.
fn spent(rows: &[KeyRow]) -> HashSet<KeyId> {
    let is_spent = |row: &&KeyRow| {
        let mut revoked = rows.iter().filter(|other| other.purpose == row.purpose && other.revoked.is_some());
        row.purpose != Purpose::Mac && revoked.any(|other| row.added <= other.added)
    };
    rows.iter().filter(is_spent).map(|row| row.id.clone()).collect()
}

fn make_secret(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, ()> {
    let der = match algorithm {
        Algorithm::EdDSA => Ed25519KeyPair::generate().map_err(drop)?.to_pkcs8().map_err(drop)?.as_ref().to_vec(),
        Algorithm::ES256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(drop)?;
            pair.to_pkcs8v1().map_err(drop)?.as_ref().to_vec()
        }
        Algorithm::RS256 => {
            RsaKeyPair::generate(KeySize::Rsa2048).map_err(drop)?.as_der().map_err(drop)?.as_ref().to_vec()
        }
    };
    Ok(Zeroizing::new(der))
}

fn open_pair(algorithm: Algorithm, secret: &[u8]) -> Option<Pair> {
    match algorithm {
        Algorithm::EdDSA => Ed25519KeyPair::from_pkcs8(secret).ok().map(Pair::Ed25519),
        Algorithm::ES256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, secret).ok().map(Pair::Ecdsa),
        Algorithm::RS256 => signature::RsaKeyPair::from_pkcs8(secret).ok().map(Pair::Rsa),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    const ALGORITHM: Algorithm = Algorithm::EdDSA;

    /// Every draw gives other bytes.
    #[derive(Default)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    struct Scene {
        keyring: Keyring,
        entropy: Counting,
    }

    impl Scene {
        fn new() -> Self {
            Self { keyring: Keyring::new(RootKey::new(&[7; 32])), entropy: Counting::default() }
        }

        fn row(&self, added: u64) -> KeyRow {
            let NewKey { id, purpose, public, sealed } =
                self.keyring.make(&self.entropy, Purpose::Sign(ALGORITHM)).expect("a key");
            KeyRow { id, purpose, public, sealed, added, created_at: Timestamp(0), superseded_at: None, revoked: None }
        }

        /// Which key signs once `rows` are loaded.
        fn signs(&self, rows: &[&KeyRow]) -> Result<KeyId, KeyError> {
            let rows: Vec<KeyRow> = rows.iter().map(|row| (*row).clone()).collect();
            self.keyring.load(&rows, u64::MAX)?;
            self.keyring.signing(ALGORITHM, u64::MAX).map(|key| key.id().clone())
        }
    }

    fn revoked(row: &KeyRow, number: u64) -> KeyRow {
        KeyRow { revoked: Some(number), ..row.clone() }
    }

    #[test]
    fn r9_a_key_of_a_new_epoch_signs_although_a_later_one_was_revoked_in_the_history_that_was_lost() {
        let scene = Scene::new();
        let (first, lost, successor) = (scene.row(1), scene.row(60), scene.row(69));
        assert_eq!(scene.signs(&[&first, &lost]).as_ref(), Ok(&lost.id));
        assert_eq!(scene.signs(&[&first, &revoked(&lost, 70), &successor]).as_ref(), Ok(&successor.id));
        // The file is put back to where it ended at 50.
        let anew = scene.row(53);
        assert_eq!(scene.signs(&[&revoked(&first, 52), &anew]).as_ref(), Ok(&anew.id));
    }

    #[test]
    fn a_late_reading_brings_neither_a_revoked_key_back_nor_one_that_it_had_superseded() {
        let scene = Scene::new();
        let (first, second, third) = (scene.row(1), scene.row(60), scene.row(69));
        assert_eq!(scene.signs(&[&first, &revoked(&second, 70), &third]).as_ref(), Ok(&third.id));
        assert_eq!(scene.signs(&[&first, &second]), Err(KeyError::Missing("EdDSA")));
        assert_eq!(scene.signs(&[&first]), Err(KeyError::Missing("EdDSA")), "read before the second was made");
        assert_eq!(scene.signs(&[&first, &second, &third]).as_ref(), Ok(&third.id));
    }
}
