//! Refresh tokens: `(epoch, chain, n, key, MAC)`. None is stored: the MAC is made with a server key over the rest and a
//! salt that the chain's row keeps, so neither the database nor the key alone can forge one (design §3). What a browser
//! holds as a cookie of Rescind's own pages is made alike, and is no refresh token: its MAC is of another domain.

use data_encoding::BASE64URL_NOPAD;
use rescind_wire::{Epoch, SessionId, UserId};

use crate::chain::{Chain, ChainKey};
use crate::client::PAGES_CLIENT;
use crate::key::MacKeyId;
use crate::keyring::MacKey;
use crate::secret::Secret;

/// What every refresh token begins with, so that people and secret scanners recognise one.
pub const PREFIX: &str = "rrt_";

const VERSION: u8 = 1;
/// version 1 · epoch 10 · user 16 · session 16 · index 2 · n 8 · key 8
const BODY: usize = 61;
const MAC: usize = 32;

/// How a chain's secret is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// By a client, as a refresh token: each is good once.
    Token,
    /// By a browser, as the cookie of the pages: good until the next authentication.
    Cookie,
}

impl Holder {
    /// What a text that is held so begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Token => PREFIX,
            Self::Cookie => "rsc_",
        }
    }

    const fn domain(self) -> &'static [u8] {
        match self {
            Self::Token => b"rescind refresh token v1",
            Self::Cookie => b"rescind session cookie v1",
        }
    }

    /// How what `chain` gives is held: that of the pages' client as a cookie, any other as a token.
    pub fn of(chain: &Chain) -> Self {
        if chain.client.as_str() == PAGES_CLIENT { Self::Cookie } else { Self::Token }
    }
}

/// A refresh token that was taken apart. Its MAC has not been checked: [`Unverified::verify`].
#[derive(Clone, Debug)]
pub struct Unverified {
    /// The chain that it claims to belong to.
    pub unverified_chain: ChainKey,
    /// The key that it claims to be made with.
    pub unverified_key: MacKeyId,
    holder: Holder,
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
    take_apart_as(Holder::Token, token)
}

/// Takes apart what is held as `holder` says; `None` if the text is nothing of that kind.
pub fn take_apart_as(holder: Holder, token: &str) -> Option<Unverified> {
    let text = token.strip_prefix(holder.prefix())?;
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
    Some(Unverified { unverified_chain: chain, unverified_key: key, holder, n, epoch, body, mac })
}

impl Unverified {
    /// Checks the MAC, before anything else about the token is judged. What is held in another way than the chain says is
    /// not the chain's.
    pub fn verify(&self, chain: &Chain, key: &MacKey) -> Option<Authentic> {
        let right =
            self.holder == Holder::of(chain) && key.verify(&[self.holder.domain(), &self.body, &chain.salt], &self.mac);
        right.then_some(Authentic { n: self.n, epoch: self.epoch, key: self.unverified_key })
    }
}

/// Makes the current token of `chain`, or the value of its cookie, which names the epoch and key that the chain's row
/// names: asking again gives the same.
pub fn mint(chain: &Chain, key: &MacKey) -> Secret {
    let holder = Holder::of(chain);
    let mut bytes = Vec::with_capacity(BODY + MAC);
    bytes.push(VERSION);
    bytes.extend_from_slice(chain.epoch.as_bytes());
    bytes.extend_from_slice(chain.key.user.as_bytes());
    bytes.extend_from_slice(chain.key.session.as_bytes());
    bytes.extend_from_slice(&chain.key.index.to_be_bytes());
    bytes.extend_from_slice(&chain.counter.to_be_bytes());
    bytes.extend_from_slice(&chain.mac_key.0);
    let mac = key.sign(&[holder.domain(), &bytes, &chain.salt]);
    bytes.extend_from_slice(&mac);
    let mut text = String::with_capacity(holder.prefix().len() + BASE64URL_NOPAD.encode_len(bytes.len()));
    text.push_str(holder.prefix());
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
