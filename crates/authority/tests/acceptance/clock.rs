//! Clocks that stand still until they are told: the wall, which may step, and the steady time line, which may not.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use rescind_domain::clock::{Clock, Timestamp};

/// When every test begins.
pub(crate) const START: u64 = 1_800_000_000_000;

/// The authority's clocks.
pub(crate) struct TestClock {
    /// What time it really is.
    truth: AtomicU64,
    /// How far the wall is from it.
    wall: AtomicI64,
    /// How far the steady time line is from it: as far as the wall was when the process began.
    steady: AtomicI64,
}

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { truth: AtomicU64::new(START), wall: AtomicI64::new(0), steady: AtomicI64::new(0) })
    }

    /// Time passes.
    pub(crate) fn advance(&self, by: Duration) {
        self.truth.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Somebody sets the wall clock forward.
    pub(crate) fn set_forward(&self, by: Duration) {
        self.wall.fetch_add(millis(by).cast_signed(), Ordering::SeqCst);
    }

    /// Somebody sets the wall clock back.
    pub(crate) fn set_back(&self, by: Duration) {
        self.wall.fetch_sub(millis(by).cast_signed(), Ordering::SeqCst);
    }

    /// Somebody sets the wall clock forward or back.
    pub(crate) fn step(&self, forward: bool, by: Duration) {
        let step = if forward { Self::set_forward } else { Self::set_back };
        step(self, by);
    }

    /// A new process begins: its steady time line begins at the wall's time.
    pub(crate) fn restart(&self) {
        self.steady.store(self.wall.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    fn truth(&self, off_by: &AtomicI64) -> u64 {
        self.truth.load(Ordering::SeqCst).saturating_add_signed(off_by.load(Ordering::SeqCst))
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.truth(&self.wall))
    }

    fn steady(&self) -> Timestamp {
        Timestamp(self.truth(&self.steady))
    }
}

/// A verifier's clocks, on a machine of its own: they run as the authority's do, but its wall may have been set.
pub(crate) struct GuardClock {
    house: Arc<TestClock>,
    step: AtomicI64,
}

impl GuardClock {
    pub(crate) fn beside(house: &Arc<TestClock>) -> Arc<Self> {
        Arc::new(Self { house: Arc::clone(house), step: AtomicI64::new(0) })
    }

    /// Somebody sets this machine's wall clock to a time.
    pub(crate) fn set_to(&self, at: Timestamp) {
        let truth = self.house.truth(&AtomicI64::new(0));
        self.step.store(at.0.cast_signed() - truth.cast_signed(), Ordering::SeqCst);
    }

    /// Somebody sets this machine's wall clock forward.
    pub(crate) fn set_forward(&self, by: Duration) {
        self.step.fetch_add(millis(by).cast_signed(), Ordering::SeqCst);
    }

    /// Somebody sets this machine's wall clock back.
    pub(crate) fn set_back(&self, by: Duration) {
        self.step.fetch_sub(millis(by).cast_signed(), Ordering::SeqCst);
    }

    /// Somebody sets this machine's wall clock forward or back.
    pub(crate) fn step(&self, forward: bool, by: Duration) {
        let step = if forward { Self::set_forward } else { Self::set_back };
        step(self, by);
    }
}

impl rescind_verifier::Clock for GuardClock {
    fn wall(&self) -> u64 {
        self.house.truth(&self.step)
    }

    fn boottime(&self) -> Duration {
        Duration::from_millis(self.house.truth(&AtomicI64::new(0)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short time")
}
