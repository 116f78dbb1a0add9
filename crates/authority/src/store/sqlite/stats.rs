//! What a store has done since it was opened.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rescind_verifier::{Clock as _, SystemClock};

use crate::tally::Table;

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
    /// Transactions that were handed to the writer.
    queued,
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

/// What transactions or reads of one name have come to since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobStats {
    /// The name that the code gives them.
    pub name: &'static str,
    /// How many ran, whatever came of them.
    pub ran: u64,
    /// How long all of them ran, without waiting for their turn and for the commit.
    pub took: Duration,
}

/// The same, counting.
#[derive(Default)]
pub(super) struct Jobs(Table<&'static str, Tally>);

#[derive(Default)]
struct Tally {
    ran: Counter,
    nanos: Counter,
}

impl Jobs {
    /// Runs one, and counts it.
    pub(super) fn run<T>(&self, name: &'static str, job: impl FnOnce() -> T) -> T {
        let began = SystemClock.boottime();
        let answer = job();
        let took = SystemClock.boottime().saturating_sub(began);
        let tally = self.0.counter(|other| other.cmp(&name), || name);
        tally.ran.add(1);
        tally.nanos.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        answer
    }

    pub(super) fn read(&self) -> Vec<JobStats> {
        let stats = |(name, tally): &(&'static str, _)| {
            let tally: &std::sync::Arc<Tally> = tally;
            JobStats { name, ran: tally.ran.get(), took: Duration::from_nanos(tally.nanos.get()) }
        };
        self.0.all().iter().map(stats).collect()
    }
}
