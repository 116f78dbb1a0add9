//! Tokens whose signature and claims were checked before: a bounded set-associative table that is read without locks.
//!
//! It holds what does not change — that a pinned key made this signature over these claims — and the position up to which
//! the log was found not to cover them. Whether the token is good *now* is judged on every call.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{Context, SHA256, digest};
use foldhash::fast::FixedState;
use rescind_wire::{AccessClaims, Position, Thing};

use crate::claims::Term;
use crate::keys::Pin;
use crate::verifier::Shared;

/// Which token it is: the SHA-256 of a seed of this process and all of its bytes. Nobody can make two tokens meet.
pub(crate) type Digest = [u8; 32];

/// By what a token is found.
pub(crate) struct Key {
    /// Where it may lie: a seeded hash of its last bytes, which are its signature's. It proves nothing.
    pub(crate) place: u64,
    pub(crate) digest: Digest,
}

/// A token whose signature was verified and whose claims were read. What a call looks at where nothing is newer comes
/// first, in this order: a token that is in memory, but in no cache of the processor, costs two lines of it.
#[repr(C)]
pub(crate) struct Remembered {
    digest: Digest,
    /// The generation whose key verified it.
    pub(crate) generation: u64,
    checked: Checked,
    pub(crate) pin: Arc<Pin>,
    pub(crate) term: Term,
    /// Its `rev`.
    pub(crate) position: Position,
    /// Whoever presents it must prove to hold a key (`cnf`).
    pub(crate) is_bound: bool,
    pub(crate) claims: AccessClaims,
    /// Whose it is: for whoever watches it.
    pub(crate) home: Weak<Shared>,
}

/// How far the log was looked through for a token: no entry before this number covers it; 0 if none was looked at.
#[derive(Default)]
pub(crate) struct Checked(AtomicU64);

impl Checked {
    /// Whether the log was already looked through up to `number`.
    pub(crate) fn is_up_to(&self, number: u64) -> bool {
        self.0.load(Ordering::Relaxed) > number
    }

    /// Nothing up to `number` covers it.
    pub(crate) fn set(&self, number: u64) {
        // Most calls find nothing new, and leave the line to its other readers.
        if !self.is_up_to(number) {
            self.0.fetch_max(number.saturating_add(1), Ordering::Relaxed);
        }
    }
}

/// What the cache must know of a token.
pub(crate) trait Cached {
    /// By what it is found.
    fn digest(&self) -> &Digest;
    /// The generation that it was checked in: it is found in that one only.
    fn generation(&self) -> u64;
    /// When it expires, in seconds since the Unix epoch.
    fn expires(&self) -> u64;
}

impl Cached for Remembered {
    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn expires(&self) -> u64 {
        self.term.exp
    }
}

impl Remembered {
    pub(crate) fn new(
        digest: Digest,
        generation: u64,
        claims: AccessClaims,
        pin: Arc<Pin>,
        home: Weak<Shared>,
    ) -> Self {
        let (term, position, is_bound) = (Term::of(&claims), claims.rev, claims.cnf.is_some());
        Self { digest, generation, checked: Checked::default(), pin, term, position, is_bound, claims, home }
    }

    /// What the one rule judges. Where nothing is newer there is nothing to look up, and who it is about is not read.
    pub(crate) fn thing(&self, nothing_newer: bool) -> Thing<'_> {
        if nothing_newer {
            let position = self.position;
            let (user, session, client, token, key) = (None, None, None, None, None);
            return Thing { user, session, client, token, key, position, authorized: position };
        }
        self.claims.thing(self.pin.key().id())
    }

    /// Whether the log was already looked through up to `number`.
    pub(crate) fn is_checked(&self, number: u64) -> bool {
        self.checked.is_up_to(number)
    }

    /// Nothing up to `number` covers it.
    pub(crate) fn set_checked(&self, number: u64) {
        self.checked.set(number);
    }
}

/// In how many places one token may lie: their tags are one cache line.
const WAYS: usize = 8;

/// Places for tokens that share a part of [`Key::place`]. A tag only saves looking at a token that cannot be the one; it
/// proves nothing. Tags and places are a pair of cache lines, which are fetched together.
#[repr(align(128))]
struct Set<T> {
    tags: [AtomicU64; WAYS],
    tokens: [ArcSwapOption<T>; WAYS],
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { tags: Default::default(), tokens: Default::default() }
    }
}

/// Bytes of the seed.
const SEED: usize = 32;

/// So many of a token's last characters decide where it may lie: 96 bits of a signature that its key's owner made. Whoever
/// writes others finds a place, and there no token of that digest.
const TAIL: usize = 16;

/// Most tokens are shorter. They are hashed at once, behind the seed: a context of the library would cost an allocation.
const SHORT: usize = 1024;

pub(crate) struct TokenCache<T = Remembered> {
    seed: [u8; SEED],
    places: FixedState,
    sets: Box<[Set<T>]>,
    room: usize,
    filled: AtomicUsize,
}

impl<T: Cached> TokenCache<T> {
    /// Room for `tokens`, rounded up to a power of two; none for 0. There are twice as many places, so that few tokens
    /// find all of theirs taken before there is no more room.
    pub(crate) fn new(tokens: usize, seed: [u8; SEED]) -> Self {
        let room = if tokens == 0 { 0 } else { tokens.next_power_of_two() };
        let sets = (room * 2).div_ceil(WAYS);
        let sets = std::iter::repeat_with(Default::default).take(sets).collect();
        let places = FixedState::with_seed(word(&seed, 0));
        Self { seed, places, sets, room, filled: AtomicUsize::new(0) }
    }

    /// A token of a generation, or the key to remember it by.
    pub(crate) fn find(&self, token: &str, generation: u64) -> Result<Arc<T>, Key> {
        let place = self.place(token);
        // Before the hash is taken, and not for the answer's sake: what is read here is on its way from memory meanwhile.
        let likely = self.tagged(place).next().map(arc_swap::ArcSwapAny::load);
        let likely = likely.as_ref().and_then(|token| token.as_ref()).filter(|token| token.generation() == generation);
        let key = Key { place, digest: self.digest(token) };
        match likely.filter(|token| *token.digest() == key.digest) {
            Some(token) => Ok(Arc::clone(token)),
            None => self.get(&key, generation).ok_or(key),
        }
    }

    pub(crate) fn key(&self, token: &str) -> Key {
        Key { place: self.place(token), digest: self.digest(token) }
    }

    fn place(&self, token: &str) -> u64 {
        let bytes = token.as_bytes();
        self.places.hash_one(&bytes[bytes.len().saturating_sub(TAIL)..])
    }

    fn digest(&self, token: &str) -> Digest {
        let mut seeded = [0; SEED + SHORT];
        let (seed, bytes) = seeded.split_at_mut(SEED);
        let hash = if let Some(bytes) = bytes.get_mut(..token.len()) {
            seed.copy_from_slice(&self.seed);
            bytes.copy_from_slice(token.as_bytes());
            digest(&SHA256, &seeded[..SEED + token.len()])
        } else {
            let mut context = Context::new(&SHA256);
            context.update(&self.seed);
            context.update(token.as_bytes());
            context.finish()
        };
        let mut digest = Digest::default();
        digest.copy_from_slice(hash.as_ref());
        digest
    }

    pub(crate) fn get(&self, key: &Key, generation: u64) -> Option<Arc<T>> {
        self.tagged(key.place).find_map(|place| {
            let token = place.load();
            token.as_ref().filter(|token| *token.digest() == key.digest && token.generation() == generation).cloned()
        })
    }

    /// The places of a set whose tag says that the token may be there.
    fn tagged(&self, place: u64) -> impl Iterator<Item = &ArcSwapOption<T>> {
        let tokens = self.set(place).into_iter().flat_map(|set| set.tags.iter().zip(&set.tokens));
        tokens.filter(move |(tag, _)| tag.load(Ordering::Relaxed) == place).map(|(_, token)| token)
    }

    /// Remembers a token at [`Key::place`]. It takes the place of itself, of nothing while there is room, of one that is of no use any more
    /// at `now` (seconds since the Unix epoch), or else of the one that expires first.
    pub(crate) fn insert(&self, place: u64, token: Arc<T>, now: u64) {
        let Some(set) = self.set(place) else { return };
        let full = self.len() >= self.room;
        // Among equals the digest decides, so that a burst of tokens does not fight for one place.
        let turn = usize::from(token.digest()[31]);
        let ways = (0..WAYS).map(|way| (way + turn) % WAYS);
        let ways = ways.filter_map(|way| Some((worth(&set.tokens[way], &token, now, full)?, way)));
        // Nothing of this set can go, and there is no room: the next check costs a signature.
        let Some((_, way)) = ways.min_by_key(|(worth, _)| *worth) else { return };
        set.tags[way].store(place, Ordering::Relaxed);
        if set.tokens[way].swap(Some(token)).is_none() {
            self.filled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets all. Costs time only, never truth.
    pub(crate) fn clear(&self) {
        if self.len() == 0 {
            return;
        }
        for token in self.sets.iter().flat_map(|set| &set.tokens) {
            if token.swap(None).is_some() {
                self.filled.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// How many tokens are remembered.
    pub(crate) fn len(&self) -> usize {
        self.filled.load(Ordering::Relaxed)
    }

    /// How many tokens there is room for.
    pub(crate) const fn room(&self) -> usize {
        self.room
    }

    fn set(&self, place: u64) -> Option<&Set<T>> {
        let mask = u64::try_from(self.sets.len()).ok()?.checked_sub(1)?;
        self.sets.get(usize::try_from(place & mask).ok()?)
    }
}

/// What would be lost if `token` took this place; the least goes. Nothing if it must not, for there is no room.
fn worth<T: Cached>(place: &ArcSwapOption<T>, token: &T, now: u64, full: bool) -> Option<u64> {
    Some(match &*place.load() {
        Some(held) if held.digest() == token.digest() => 0,
        None if full => return None,
        None => 1,
        Some(held) if held.generation() != token.generation() || held.expires() < now => 2,
        Some(held) => held.expires().saturating_add(3),
    })
}

/// The `n`-th eight bytes of a digest.
fn word(digest: &Digest, n: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[n * 8..n * 8 + 8]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests;
