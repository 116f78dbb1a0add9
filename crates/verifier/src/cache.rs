//! Tokens whose signature and claims were checked before: a bounded set-associative table that is read without locks.
//!
//! It holds what does not change — that a pinned key made this signature over these claims — and the position up to which
//! the log was found not to cover them. Whether the token is good *now* is judged on every call.

mod mac;

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use aws_lc_rs::error::Unspecified;
use foldhash::fast::FixedState;
use rescind_wire::{AccessClaims, Position, Thing};

pub(crate) use self::mac::Mac;
use self::mac::{Authenticator, Nonce};
use crate::claims::Term;
use crate::keys::Pin;
use crate::verifier::Shared;

/// A token whose signature was verified and whose claims were read. What a call looks at where nothing is newer comes
/// first, in this order: a token that is in memory, but in no cache of the processor, costs two lines of it.
#[repr(C)]
pub(crate) struct Remembered {
    mac: Mac,
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
        // Most calls find nothing new, and leave the line to its other readers. Of two that come at once the lesser number may
        // stay: it is as true, and costs one look-up more.
        if !self.is_up_to(number) {
            self.0.store(number.saturating_add(1), Ordering::Relaxed);
        }
    }
}

/// What the cache must know of a token.
pub(crate) trait Cached {
    /// What only the bytes of this very token have, under the nonce of the place that it was put into.
    fn mac(&self) -> &Mac;
    /// The generation that it was checked in: it is found in that one only.
    fn generation(&self) -> u64;
    /// When it expires, in seconds since the Unix epoch.
    fn expires(&self) -> u64;
}

impl Cached for Remembered {
    fn mac(&self) -> &Mac {
        &self.mac
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn expires(&self) -> u64 {
        self.term.exp
    }
}

impl Remembered {
    pub(crate) fn new(mac: Mac, generation: u64, claims: AccessClaims, pin: Arc<Pin>, home: Weak<Shared>) -> Self {
        let (term, position, is_bound) = (Term::of(&claims), claims.rev, claims.cnf.is_some());
        Self { mac, generation, checked: Checked::default(), pin, term, position, is_bound, claims, home }
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

/// How many places a set has: their labels are one cache line.
const WAYS: usize = 8;

/// From this bit on, a token's hash says which its second set is.
const SECOND: u32 = 20;

/// Places for tokens that share a part of their hash. Labels and tokens are a pair of cache lines, which are fetched together.
#[repr(align(128))]
struct Set<T> {
    labels: [AtomicU64; WAYS],
    tokens: [ArcSwapOption<T>; WAYS],
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { labels: Default::default(), tokens: Default::default() }
    }
}

/// A set, and which one it is.
struct Home<'a, T> {
    set: &'a Set<T>,
    index: u64,
}

impl<T> Clone for Home<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Home<'_, T> {}

impl<T> Home<'_, T> {
    fn label(&self, way: usize) -> Label {
        Label(self.set.labels[way].load(Ordering::Relaxed))
    }
}

/// What stands at a place: above, bits of the hash of the token that was last put there, which only save looking at one
/// that cannot be it; below, how many were put there, which makes the nonce of each. One word, so that whoever takes the
/// place takes the nonce, and nobody else does. It never goes back, whatever is forgotten.
///
/// A reader that finds the label of one token with another one, for somebody is just putting it there, finds that the MAC
/// is of another nonce, and checks the token in full.
#[derive(Clone, Copy)]
struct Label(u64);

impl Label {
    /// Bits of the number of tokens. At a signature's check for each, all of a processor would be busy for most of a year
    /// until one place had used up its nonces; it takes no more tokens then.
    const TURNS: u32 = 40;

    fn is_of(self, hash: u64) -> bool {
        self.0 >> Self::TURNS == hash >> Self::TURNS
    }

    const fn turn(self) -> u64 {
        self.0 & ((1 << Self::TURNS) - 1)
    }

    /// The label of the next token there, of this hash; nothing if there can be none.
    fn next(self, hash: u64) -> Option<Self> {
        let turn = self.turn() + 1;
        (turn >> Self::TURNS == 0).then_some(Self(hash >> Self::TURNS << Self::TURNS | turn))
    }
}

/// Whose tokens a cache holds. Two caches of one process share a key, and no nonce.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Own = 1,
    Foreign = 2,
}

/// Bytes of the seed.
pub(crate) const SEED: usize = 32;

/// So many of a token's last characters decide where it may lie: 96 bits of a signature that its key's owner made. Whoever
/// writes others finds a place, and there no token of that MAC.
const TAIL: usize = 16;

pub(crate) struct TokenCache<T = Remembered> {
    kind: Kind,
    mac: Authenticator,
    hashes: FixedState,
    sets: Box<[Set<T>]>,
    room: usize,
    filled: AtomicUsize,
}

impl<T: Cached> TokenCache<T> {
    /// Room for `tokens`, rounded up to a power of two; none for 0. There are twice as many places, so that few tokens
    /// find all of theirs taken before there is no more room. `seed` must be secret, and of this process alone.
    pub(crate) fn new(kind: Kind, tokens: usize, seed: &[u8; SEED]) -> Result<Self, Unspecified> {
        let room = if tokens == 0 { 0 } else { tokens.next_power_of_two() };
        let sets = (room * 2).div_ceil(WAYS);
        let sets = std::iter::repeat_with(Default::default).take(sets).collect();
        // Two halves, for the hash is none that would keep its seed from whoever measures where tokens lie.
        let (hashes, mac) = (FixedState::with_seed(word(seed, 0)), Authenticator::new(&seed[SEED / 2..])?);
        Ok(Self { kind, mac, hashes, sets, room, filled: AtomicUsize::new(0) })
    }

    /// A token of a generation, if it is remembered.
    pub(crate) fn find(&self, token: &str, generation: u64) -> Option<Arc<T>> {
        let hash = self.hash(token);
        self.homes(hash)?.into_iter().find_map(|home| {
            (0..WAYS).find_map(|way| {
                let label = home.label(way);
                if !label.is_of(hash) {
                    return None;
                }
                // Looked at before the MAC is made: it is on its way from memory meanwhile.
                let held = home.set.tokens[way].load();
                let held = held.as_ref().filter(|held| held.generation() == generation)?;
                self.mac.is_of(self.nonce(home.index, way, label), token, held.mac()).then(|| Arc::clone(held))
            })
        })
    }

    /// Takes a place for a token, and the nonce that goes with it: the place of itself, of nothing while there is room, of
    /// one that is of no use any more at `now` (seconds since the Unix epoch), or else of the one that expires first.
    /// Nothing if none can be had: the next check costs a signature.
    pub(crate) fn seat(&self, token: &str, generation: u64, now: u64) -> Option<Seat<'_, T>> {
        let hash = self.hash(token);
        let full = self.len() >= self.room;
        // Among equals the first home, and there the hash decides, so that a burst of tokens does not fight for one place.
        let places = self.homes(hash)?.into_iter().flat_map(|home| (0..WAYS).map(move |way| (home, way)));
        let choices = places.filter_map(|(home, way)| {
            let way = (way ^ usize::from(hash.to_be_bytes()[3])) % WAYS;
            let label = home.label(way);
            let next = label.next(hash)?;
            let held = home.set.tokens[way].load();
            let is_same = held.as_ref().is_some_and(|held| {
                label.is_of(hash) && self.mac.is_of(self.nonce(home.index, way, label), token, held.mac())
            });
            let worth = if is_same { 0 } else { worth(held.as_deref(), generation, now, full)? };
            Some((worth, home, way, label, next))
        });
        let (_, home, way, label, next) = choices.min_by_key(|(worth, ..)| *worth)?;
        // Whoever changes the label has the nonce; somebody else who was faster has this one's place.
        home.set.labels[way].compare_exchange(label.0, next.0, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        let mac = self.mac.make(self.nonce(home.index, way, next), token)?;
        Some(Seat { place: &home.set.tokens[way], filled: &self.filled, mac })
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

    /// Where a token may lie: a seeded hash of its last bytes, which are its signature's. It proves nothing.
    fn hash(&self, token: &str) -> u64 {
        let bytes = token.as_bytes();
        self.hashes.hash_one(&bytes[bytes.len().saturating_sub(TAIL)..])
    }

    /// The two sets that a token may lie in. The second is for those whose first one is full of tokens that are of use: with
    /// one alone, of as many tokens as there is room for, one in a hundred would have no place.
    fn homes(&self, hash: u64) -> Option<[Home<'_, T>; 2]> {
        let mask = u64::try_from(self.sets.len()).ok()?.checked_sub(1)?;
        let home = |hash: u64| {
            let index = hash & mask;
            Some(Home { set: self.sets.get(usize::try_from(index).ok()?)?, index })
        };
        Some([home(hash)?, home(hash >> SECOND)?])
    }

    fn nonce(&self, set: u64, way: usize, label: Label) -> Nonce {
        Nonce { kind: self.kind as u8, place: set * WAYS as u64 + way as u64, turn: label.turn() }
    }
}

/// A place that was taken for one token.
pub(crate) struct Seat<'a, T> {
    place: &'a ArcSwapOption<T>,
    filled: &'a AtomicUsize,
    mac: Mac,
}

impl<T> Seat<'_, T> {
    /// What the token is found by there.
    pub(crate) const fn mac(&self) -> Mac {
        self.mac
    }

    /// Remembers the token. Where the place was taken by somebody else meanwhile, whichever comes last stays; if that is not
    /// the one whose label stands there, nobody finds it, and it goes when its turn comes.
    pub(crate) fn fill(self, token: Arc<T>) {
        if self.place.swap(Some(token)).is_none() {
            self.filled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What would be lost if another token took this place; the least goes. Nothing if it must not, for there is no room.
fn worth<T: Cached>(held: Option<&T>, generation: u64, now: u64, full: bool) -> Option<u64> {
    Some(match held {
        None if full => return None,
        None => 1,
        Some(held) if held.generation() != generation || held.expires() < now => 2,
        Some(held) => held.expires().saturating_add(3),
    })
}

/// The `n`-th eight bytes of a seed.
fn word(seed: &[u8; SEED], n: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&seed[n * 8..n * 8 + 8]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests;
