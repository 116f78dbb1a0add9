//! What happened, counted without making the threads of a busy service wait for each other's cache lines.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rescind_wire::Position;

use crate::foreign::ForeignHealth;
use crate::rejected::{Reason, Rejected};

/// How a verifier is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Why it can accept nothing now, if so.
    pub unavailable: Option<Reason>,
    /// The last entry of the log that it knows.
    pub position: Option<Position>,
    /// The greatest position that it may have forgotten.
    pub floor: u64,
    /// How many records its table has.
    pub entries: usize,
    /// How many entries of the log there may be between `floor` and `position`: what [`Builder::revocations`] set. With one
    /// more it is [`Break::Full`].
    ///
    /// [`Builder::revocations`]: crate::Builder::revocations
    /// [`Break::Full`]: crate::Break::Full
    pub entries_room: u64,
    /// How many keys are pinned.
    pub keys: usize,
    /// How many tokens are cached.
    pub cached: usize,
    /// How many tokens the cache has room for.
    pub cache_room: usize,
    /// How the other issuers are doing whose tokens are accepted.
    pub foreign: Vec<ForeignHealth>,
    /// Their tokens are cut by time: those that were not issued clearly after this, in milliseconds since the Unix epoch, are
    /// refused, for revocations until then may have been forgotten. 0 if none was; nothing before the first snapshot.
    pub foreign_after: Option<u64>,
    /// Checks of a token that was cached.
    pub hits: u64,
    /// Checks of a token that was not.
    pub misses: u64,
    /// Refusals, by [`Rejected::name`].
    pub refusals: [(&'static str, u64); Rejected::NAMES.len()],
    /// How long the lease still runs; nothing if there is none, zero if it has run out.
    pub lease_left: Option<Duration>,
    /// How long ago the lease was last extended: the age of the last echo.
    pub echo_age: Option<Duration>,
    /// Whether there is a connection to the feed; nothing where none is expected, for the [`Keeper`](crate::Keeper) is
    /// told in another way than by a [`Subscription`](crate::Subscription).
    pub connected: Option<bool>,
    /// How many connections to the feed were made after the first.
    pub reconnects: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    stripes: [Stripe; STRIPES],
    refusals: [AtomicU64; Rejected::NAMES.len()],
    link: AtomicU8,
    connections: AtomicU64,
}

/// The values of `link`: nobody connects, somebody tries to, somebody is.
const NO_LINK: u8 = 0;
const APART: u8 = 1;
const CONNECTED: u8 = 2;

/// More threads than this share a stripe.
const STRIPES: usize = 16;

/// Its own pair of cache lines: neighbours are fetched together.
#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Counters {
    pub(crate) fn hit(&self) {
        self.stripe().hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn miss(&self) {
        self.stripe().misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, rejected: &Rejected) {
        self.refusals[rejected.index()].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn hits(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.hits.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn misses(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.misses.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn refusals(&self) -> [(&'static str, u64); Rejected::NAMES.len()] {
        std::array::from_fn(|n| (Rejected::NAMES[n], self.refusals[n].load(Ordering::Relaxed)))
    }

    /// Somebody is going to connect to the feed.
    #[cfg(feature = "follow")]
    pub(crate) fn expect_connection(&self) {
        self.link.store(APART, Ordering::Relaxed);
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.link.store(CONNECTED, Ordering::Relaxed);
    }

    pub(crate) fn disconnected(&self) {
        self.link.store(APART, Ordering::Relaxed);
    }

    pub(crate) fn is_connected(&self) -> Option<bool> {
        let link = self.link.load(Ordering::Relaxed);
        (link != NO_LINK).then_some(link == CONNECTED)
    }

    pub(crate) fn reconnects(&self) -> u64 {
        self.connections.load(Ordering::Relaxed).saturating_sub(1)
    }

    fn stripe(&self) -> &Stripe {
        &self.stripes[OWN_STRIPE.with(|own| *own)]
    }
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN_STRIPE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES;
}
