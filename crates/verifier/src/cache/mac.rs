//! Telling a token that was checked before by a message authentication code: GMAC (NIST SP 800-38D), which is AES-GCM of
//! nothing with the token as what is authenticated.
//!
//! The key is random, of this process, and never leaves it; neither do the codes. Whoever wants a token of theirs to pass for
//! a remembered one must guess 128 bits, against codes that they never see: for a token of at most 8,192 bytes, one in 2^118
//! attempts at best, as long as no nonce serves two tokens.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, UnboundKey};
use aws_lc_rs::error::Unspecified;

/// The code of one token under one nonce.
pub(crate) type Mac = [u8; 16];

/// What one code is made with, and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Nonce {
    /// Which cache of this process.
    pub(super) kind: u8,
    /// Which place in it.
    pub(super) place: u64,
    /// How many tokens were put there, with this one.
    pub(super) turn: u64,
}

impl Nonce {
    /// One byte of the cache, six of the place, five of the turn: more than either can have.
    fn bytes(self) -> [u8; NONCE_LEN] {
        let mut bytes = [self.kind; NONCE_LEN];
        bytes[1..7].copy_from_slice(&self.place.to_be_bytes()[2..]);
        bytes[7..].copy_from_slice(&self.turn.to_be_bytes()[3..]);
        bytes
    }
}

/// Makes the codes of one process.
pub(super) struct Authenticator(LessSafeKey);

impl Authenticator {
    /// With a key of 16 bytes.
    pub(super) fn new(key: &[u8]) -> Result<Self, Unspecified> {
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key)?)))
    }

    /// The code of a token; nothing if the library fails.
    pub(super) fn make(&self, nonce: Nonce, token: &str) -> Option<Mac> {
        let nonce = aws_lc_rs::aead::Nonce::assume_unique_for_key(nonce.bytes());
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(token), &mut []).ok()?;
        tag.as_ref().try_into().ok()
    }

    /// Whether a code is that of a token. How long it takes does not tell where they differ.
    pub(super) fn is_of(&self, nonce: Nonce, token: &str, mac: &Mac) -> bool {
        let nonce = aws_lc_rs::aead::Nonce::assume_unique_for_key(nonce.bytes());
        self.0.open_separate_gather(nonce, Aad::from(token), &[], mac, &mut []).is_ok()
    }
}
