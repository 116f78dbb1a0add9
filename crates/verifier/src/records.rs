//! The records of one kind of revocation: a concurrent map that need not be looked into while it is empty, nor for most keys
//! that are not there.

mod filter;

use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use papaya::{Equivalent, HashMap};

use self::filter::Filter;

/// Shared by one writer and any number of readers that never wait.
///
/// Most kinds of revocation are rare, so most of a check's look-ups would be made in empty maps: `count` saves them. It is
/// never less than the number of records, for the one writer raises it before a record goes in, and lowers it after one is
/// gone. So whoever reads 0 misses nothing that a look-up would have had to find:
///
/// - A position is published (release) after its records went in. Whoever loaded it (acquire) reads the count as it was
///   raised for them, or as it became later.
/// - Where it became 0 later, the record was forgotten before (the count is lowered with release and read with acquire), and
///   the floor was raised before that. The reader loads the floor last, and refuses what is below it.
///
/// The filter is asked next, by the same argument (`Filter`). The hash is fast and no cryptographic one: every key
/// comes from the authority's log, so that nobody else can choose keys that meet, and keys are compared in full.
pub(crate) struct Records<K, V> {
    count: AtomicUsize,
    filter: Filter,
    map: HashMap<K, V, RandomState>,
}

impl<K, V> Default for Records<K, V> {
    fn default() -> Self {
        Self { count: AtomicUsize::new(0), filter: Filter::default(), map: HashMap::default() }
    }
}

impl<K: Hash + Eq, V: Copy> Records<K, V> {
    /// The record of `key`.
    pub(crate) fn get<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<V> {
        if self.is_empty() || self.filter.lacks(key) { None } else { self.find(key) }
    }

    /// Remembers `value` in place of what was remembered of `key`.
    pub(crate) fn put(&self, key: K, value: V) {
        self.raise();
        self.mark(&key);
        if !self.insert(key, value) {
            self.lower();
        }
    }

    /// Forgets the record of `key` if it is as `is_old` says.
    pub(crate) fn forget_if<Q: Hash + Equivalent<K>>(&self, key: &Q, is_old: impl Fn(&V) -> bool) {
        if self.remove_if(key, is_old) {
            self.lower();
        }
    }

    /// All records, in no order.
    pub(crate) fn all(&self) -> Vec<(K, V)>
    where
        K: Clone,
    {
        self.map.pin().iter().map(|(key, value)| (key.clone(), *value)).collect()
    }

    /// How many there are, at most.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<V> {
        self.map.pin().get(key).copied()
    }

    fn raise(&self) {
        self.count.fetch_add(1, Ordering::Release);
    }

    fn lower(&self) {
        self.count.fetch_sub(1, Ordering::Release);
    }

    /// Marks a key that is about to go in. Now and then the filter is made anew for that: each time at least as many keys were
    /// marked since as are there.
    fn mark(&self, key: &K) {
        if self.filter.is_used_up() {
            self.filter.begin(self.len());
            self.filter.clear();
            self.mark_all();
            self.filter.end();
        }
        self.filter.mark(self.filter.hash(key));
    }

    fn mark_all(&self) {
        self.map.pin().keys().for_each(|key| self.filter.mark(self.filter.hash(key)));
    }

    /// Whether there was no record of `key` before.
    fn insert(&self, key: K, value: V) -> bool {
        self.map.pin().insert(key, value).is_none()
    }

    /// Whether there was one to forget.
    fn remove_if<Q: Hash + Equivalent<K>>(&self, key: &Q, is_old: impl Fn(&V) -> bool) -> bool {
        matches!(self.map.pin().remove_if(key, |_, value| is_old(value)), Ok(Some(_)))
    }
}

#[cfg(test)]
mod tests;
