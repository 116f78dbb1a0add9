//! Says of most keys that no record of theirs can be there, from one word of memory: a Bloom filter that is made anew when
//! its bits are used up, for records that go leave their bits behind.

use std::hash::{BuildHasher as _, Hash};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

use foldhash::fast::RandomState;

/// Shared by one writer and any number of readers that never wait. Whoever is told that a key is not there may rely on it:
///
/// - A key is marked before its record goes in, and a position is published (release) after that. Whoever loaded the position
///   (acquire) sees the mark, or a filter that was made later.
/// - A filter that was made later has a mark for every record that was there. Where one was not, it was forgotten before, and
///   the floor was raised before that: the state is stored with release when the filter is done, and the reader loads it
///   with acquire, and the floor last.
/// - While it is made anew, and if that began while a reader looked, nobody relies on it: the state is changed before the
///   first mark goes (with a fence after), and the reader loads it once more after the look (with a fence before).
pub(super) struct Filter {
    hashes: RandomState,
    /// How often it was made anew, times two, and one while that lasts; then, in the last eight bits, which part is used.
    state: AtomicU64,
    /// Each twice as large as the one before. Once there, they stay: all together are not twice the largest.
    parts: [OnceLock<Box<[AtomicU64]>>; PARTS],
    /// How many keys may be marked until it is made anew. The writer's own.
    left: AtomicUsize,
}

/// The last part is enough for 67 million records; where there are more, more keys are looked for in vain.
const PARTS: usize = 18;

/// Words of the first part: half a kilobyte.
const WORDS: usize = 64;

/// Keys to a word. Each has two bits of it, so at most one in some twelve is looked for in vain.
const KEYS: usize = 8;

const MAKING: u64 = 1 << PART_BITS;
const PART_BITS: u32 = 8;

impl Default for Filter {
    /// Used up, so that the first key makes the first part.
    fn default() -> Self {
        Self {
            hashes: RandomState::default(),
            state: AtomicU64::new(MAKING),
            parts: [const { OnceLock::new() }; PARTS],
            left: AtomicUsize::new(0),
        }
    }
}

impl Filter {
    pub(super) fn hash<Q: Hash>(&self, key: &Q) -> u64 {
        self.hashes.hash_one(key)
    }

    /// Whether no record of this key is there, of those that the reader must see.
    pub(super) fn lacks<Q: Hash>(&self, key: &Q) -> bool {
        let state = self.state();
        self.is_unmarked(state, self.hash(key)) && self.is_still(state)
    }

    pub(super) fn state(&self) -> u64 {
        self.state.load(Ordering::Acquire)
    }

    /// To be relied on only if the state was the same before and after.
    pub(super) fn is_unmarked(&self, state: u64, hash: u64) -> bool {
        let (word, bits) = place(hash);
        let unmarked = |words: &[AtomicU64]| words[word & (words.len() - 1)].load(Ordering::Relaxed) & bits != bits;
        state & MAKING == 0 && self.words(state).is_some_and(unmarked)
    }

    pub(super) fn is_still(&self, state: u64) -> bool {
        fence(Ordering::Acquire);
        self.state.load(Ordering::Relaxed) == state
    }

    /// Whether there is no room for another key, so that it must be made anew before one is marked.
    pub(super) fn is_used_up(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    pub(super) fn mark(&self, hash: u64) {
        let (word, bits) = place(hash);
        if let Some(words) = self.words(self.state.load(Ordering::Relaxed)) {
            words[word & (words.len() - 1)].fetch_or(bits, Ordering::Release);
        }
        self.left.store(self.left.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }

    /// Makes it anew for so many keys, with room for as many again; the caller marks all that are there, then calls `end`.
    pub(super) fn begin(&self, keys: usize) {
        let part = (0..PARTS).find(|part| room(*part) >= 2 * keys).unwrap_or(PARTS - 1);
        let turn = (self.state.load(Ordering::Relaxed) >> PART_BITS) | 1;
        self.state.store(turn << PART_BITS | part as u64, Ordering::Relaxed);
        fence(Ordering::Release);
        // So many keys may be marked while it is made, and as many again at least.
        self.left.store(room(part).max(2 * keys).max(2), Ordering::Relaxed);
    }

    /// Takes all marks away, between `begin` and the first mark.
    pub(super) fn clear(&self) {
        let state = self.state.load(Ordering::Relaxed);
        if let Some(part) = self.part(state) {
            let words = part.get_or_init(|| std::iter::repeat_with(AtomicU64::default).take(words(state)).collect());
            words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        }
    }

    /// Every key that is there was marked.
    pub(super) fn end(&self) {
        self.state.fetch_add(MAKING, Ordering::Release);
    }

    fn words(&self, state: u64) -> Option<&[AtomicU64]> {
        self.part(state)?.get().map(AsRef::as_ref)
    }

    fn part(&self, state: u64) -> Option<&OnceLock<Box<[AtomicU64]>>> {
        self.parts.get(usize::from(state.to_be_bytes()[7]))
    }
}

/// How many words the part of a state has.
fn words(state: u64) -> usize {
    WORDS << state.to_be_bytes()[7]
}

/// For how many keys a part is.
const fn room(part: usize) -> usize {
    (WORDS << part) * KEYS
}

/// Which word is a key's, before it is cut to as many as there are, and which bits of it.
fn place(hash: u64) -> (usize, u64) {
    let bits = 1 << (hash & 63) | 1 << (hash >> 6 & 63);
    (usize::try_from(hash >> 12 & 0xffff_ffff).unwrap_or(0), bits)
}
