//! Counters that are found by key.

use std::cmp::Ordering;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// Counters by key, sorted. Looking one up takes no lock; the table is copied when a new key comes, which happens once
/// for each. Keys must come from a bounded set.
pub(crate) struct Table<K, V>(ArcSwap<Vec<(K, Arc<V>)>>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(ArcSwap::from_pointee(Vec::new()))
    }
}

impl<K: Clone, V: Default> Table<K, V> {
    /// All of them.
    pub(crate) fn all(&self) -> Arc<Vec<(K, Arc<V>)>> {
        self.0.load_full()
    }

    /// The counter of a key, which is made if there is none.
    pub(crate) fn counter(&self, compare: impl Fn(&K) -> Ordering, key: impl Fn() -> K) -> Arc<V> {
        let found = |table: &[(K, Arc<V>)]| table.binary_search_by(|(key, _)| compare(key));
        let table = self.0.load();
        if let Ok(at) = found(&table) {
            return Arc::clone(&table[at].1);
        }
        let new = Arc::new(V::default());
        self.0.rcu(|table| {
            let mut table = Vec::clone(table);
            if let Err(at) = found(&table) {
                table.insert(at, (key(), Arc::clone(&new)));
            }
            table
        });
        let table = self.0.load();
        found(&table).map_or(new, |at| Arc::clone(&table[at].1))
    }
}
