//! What a store has done since it was opened.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a [`Sqlite`](super::Sqlite) has done since it was opened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct StoreStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The same, counting.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        impl Counters {
            pub(super) fn read(&self) -> StoreStats {
                StoreStats { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// Commits: each makes durable what all transactions of one batch wrote.
    commits,
    /// Transactions that were answered, whatever the answer.
    transactions,
    /// Rows that were inserted, changed or deleted, those that were rolled back included.
    rows,
    /// Reads of the head for [`position`](rescind_domain::store::Store::position).
    position_reads,
    /// Callers that these reads answered.
    position_callers,
    /// Reads of one state.
    reads,
    /// Times that a transaction was tried again because another one was in the way.
    conflicts,
    /// Transactions and reads that nobody waited for any more when their turn came.
    skipped,
    /// Transactions and reads that panicked.
    panics,
    /// Checkpoints in the background.
    checkpoints,
    /// Times that the write-ahead log was made to begin again at its start.
    resets,
    /// Times that a reader kept it from doing so.
    blocked_resets,
}

/// A number that only rises.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
