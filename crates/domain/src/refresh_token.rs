//! Refresh tokens: `(epoch, chain, n, key, MAC)`. None is stored: the MAC is made with a server key over the rest and a
//! salt that the chain's row keeps, so neither the database nor the key alone can forge one (design §3).

use data_encoding::BASE64URL_NOPAD;
use rescind_wire::{Epoch, SessionId, UserId};

use crate::chain::{Chain, ChainKey};
use crate::key::MacKeyId;
use crate::keyring::MacKey;
use crate::secret::Secret;

/// What every refresh token begins with, so that people and secret scanners recognise one.
pub const PREFIX: &str = "rrt_";

const VERSION: u8 = 1;
/// version 1 · epoch 10 · user 16 · session 16 · index 2 · n 8 · key 8
const BODY: usize = 61;
const MAC: usize = 32;
const DOMAIN: &[u8] = b"rescind refresh token v1";

/// A refresh token that was taken apart. Its MAC has not been checked: [`Unverified::verify`].
#[derive(Clone, Debug)]
pub struct Unverified {
    /// The chain that it claims to belong to.
    pub unverified_chain: ChainKey,
    /// The key that it claims to be made with.
    pub unverified_key: MacKeyId,
    n: u64,
    epoch: Epoch,
    body: [u8; BODY],
    mac: [u8; MAC],
}

/// A refresh token whose MAC is right: the authority made it. Only [`Unverified::verify`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Authentic {
    n: u64,
    epoch: Epoch,
    key: MacKeyId,
}

impl Authentic {
    /// Its number in the chain.
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// The epoch that it names.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The key that it was made with.
    pub const fn key(&self) -> MacKeyId {
        self.key
    }
}

/// Takes a refresh token apart; `None` if the text is none.
pub fn take_apart(token: &str) -> Option<Unverified> {
    let text = token.strip_prefix(PREFIX)?;
    if text.len() != BASE64URL_NOPAD.encode_len(BODY + MAC) {
        return None;
    }
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (body, mac) = bytes.split_at_checked(BODY)?;
    let (body, mac): ([u8; BODY], [u8; MAC]) = (body.try_into().ok()?, mac.try_into().ok()?);
    let mut rest = Reader(&body);
    if rest.take::<1>()? != [VERSION] {
        return None;
    }
    let epoch = Epoch::from_bytes(rest.take()?);
    let chain = ChainKey {
        user: UserId::from_bytes(rest.take()?),
        session: SessionId::from_bytes(rest.take()?),
        index: u16::from_be_bytes(rest.take()?),
    };
    let n = u64::from_be_bytes(rest.take()?);
    let key = MacKeyId(rest.take()?);
    Some(Unverified { unverified_chain: chain, unverified_key: key, n, epoch, body, mac })
}

impl Unverified {
    /// Checks the MAC, before anything else about the token is judged.
    pub fn verify(&self, chain: &Chain, key: &MacKey) -> Option<Authentic> {
        key.verify(&[DOMAIN, &self.body, &chain.salt], &self.mac).then_some(Authentic {
            n: self.n,
            epoch: self.epoch,
            key: self.unverified_key,
        })
    }
}

/// Makes the current token of `chain`, which names the epoch and key that the chain's row names: asking again gives the
/// same token.
pub fn mint(chain: &Chain, key: &MacKey) -> Secret {
    let mut bytes = Vec::with_capacity(BODY + MAC);
    bytes.push(VERSION);
    bytes.extend_from_slice(chain.epoch.as_bytes());
    bytes.extend_from_slice(chain.key.user.as_bytes());
    bytes.extend_from_slice(chain.key.session.as_bytes());
    bytes.extend_from_slice(&chain.key.index.to_be_bytes());
    bytes.extend_from_slice(&chain.counter.to_be_bytes());
    bytes.extend_from_slice(&chain.mac_key.0);
    let mac = key.sign(&[DOMAIN, &bytes, &chain.salt]);
    bytes.extend_from_slice(&mac);
    let mut text = String::with_capacity(PREFIX.len() + BASE64URL_NOPAD.encode_len(bytes.len()));
    text.push_str(PREFIX);
    BASE64URL_NOPAD.encode_append(&bytes, &mut text);
    Secret::new(text)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_at_checked(N)?;
        self.0 = tail;
        head.try_into().ok()
    }
}
