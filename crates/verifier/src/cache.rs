//! Tokens whose signature and claims were checked before: a bounded set-associative table that is read without locks.
//!
//! It holds what does not change — that a pinned key made this signature over these claims — and the position up to which
//! the log was found not to cover them. Whether the token is good *now* is judged on every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{Context, SHA256};
use rescind_wire::AccessClaims;

use crate::keys::Pin;

/// A token is found by the SHA-256 of a seed of this process and all of its bytes: nobody can make two tokens meet.
pub(crate) type Digest = [u8; 32];

/// A token whose signature was verified and whose claims were read.
pub(crate) struct Remembered {
    pub(crate) digest: Digest,
    /// The generation whose key verified it.
    pub(crate) generation: u64,
    pub(crate) claims: AccessClaims,
    pub(crate) pin: Arc<Pin>,
    /// No entry before this number covers it; 0 if none was looked at.
    checked: AtomicU64,
}

impl Remembered {
    pub(crate) const fn new(digest: Digest, generation: u64, claims: AccessClaims, pin: Arc<Pin>) -> Self {
        Self { digest, generation, claims, pin, checked: AtomicU64::new(0) }
    }

    /// Whether the log was already looked through up to `number`.
    pub(crate) fn is_checked(&self, number: u64) -> bool {
        self.checked.load(Ordering::Relaxed) > number
    }

    /// Nothing up to `number` covers it.
    pub(crate) fn set_checked(&self, number: u64) {
        self.checked.fetch_max(number.saturating_add(1), Ordering::Relaxed);
    }
}

/// Where one token's digest may lie. Eight would cost two cache lines to look through.
const WAYS: usize = 4;

/// One place for a token. The tag only saves looking at tokens that cannot be the one; it proves nothing.
#[derive(Default)]
struct Slot {
    tag: AtomicU64,
    token: ArcSwapOption<Remembered>,
}

pub(crate) struct TokenCache {
    seed: [u8; 32],
    slots: Box<[[Slot; WAYS]]>,
    filled: AtomicUsize,
}

impl TokenCache {
    /// Room for `tokens`, rounded up to a power of two; none for 0.
    pub(crate) fn new(tokens: usize, seed: [u8; 32]) -> Self {
        let sets = if tokens == 0 { 0 } else { tokens.div_ceil(WAYS).next_power_of_two() };
        let slots = std::iter::repeat_with(Default::default).take(sets).collect();
        Self { seed, slots, filled: AtomicUsize::new(0) }
    }

    pub(crate) fn digest(&self, token: &str) -> Digest {
        let mut context = Context::new(&SHA256);
        context.update(&self.seed);
        context.update(token.as_bytes());
        let mut digest = Digest::default();
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    pub(crate) fn get(&self, digest: &Digest, generation: u64) -> Option<Arc<Remembered>> {
        let tag = word(digest, 0);
        self.set(digest)?.iter().filter(|slot| slot.tag.load(Ordering::Relaxed) == tag).find_map(|slot| {
            let token = slot.token.load();
            token.as_ref().filter(|token| token.digest == *digest && token.generation == generation).cloned()
        })
    }

    /// Remembers a token. It takes the place of itself, of nothing, of one that is of no use any more at `now` (seconds
    /// since the Unix epoch), or else of the one that expires first.
    pub(crate) fn insert(&self, token: Arc<Remembered>, now: u64) {
        let Some(set) = self.set(&token.digest) else { return };
        // Among equals the digest decides, so that a burst of tokens does not fight for one place.
        let turn = usize::from(token.digest[31]);
        let slots = (0..WAYS).map(|way| &set[(way + turn) % WAYS]);
        let Some(slot) = slots.min_by_key(|slot| worth(slot, &token, now)) else {
            return;
        };
        slot.tag.store(word(&token.digest, 0), Ordering::Relaxed);
        if slot.token.swap(Some(token)).is_none() {
            self.filled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets all. Costs time only, never truth.
    pub(crate) fn clear(&self) {
        for slot in self.slots.iter().flatten() {
            if slot.token.swap(None).is_some() {
                self.filled.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// How many tokens are remembered.
    pub(crate) fn len(&self) -> usize {
        self.filled.load(Ordering::Relaxed)
    }

    fn set(&self, digest: &Digest) -> Option<&[Slot; WAYS]> {
        let mask = u64::try_from(self.slots.len()).ok()?.checked_sub(1)?;
        self.slots.get(usize::try_from(word(digest, 1) & mask).ok()?)
    }
}

/// What would be lost if `token` took this place; the least goes.
fn worth(slot: &Slot, token: &Remembered, now: u64) -> u64 {
    match &*slot.token.load() {
        Some(held) if held.digest == token.digest => 0,
        None => 1,
        Some(held) if held.generation != token.generation || held.claims.exp < now => 2,
        Some(held) => held.claims.exp.saturating_add(3),
    }
}

/// The `n`-th eight bytes of a digest.
fn word(digest: &Digest, n: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[n * 8..n * 8 + 8]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests;
