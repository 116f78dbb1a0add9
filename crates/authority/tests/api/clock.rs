//! A clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use rescind::ambient::SystemClock;
use rescind_domain::clock::{Clock, Timestamp};

/// The machine's clock, and how far from it each of the two time lines is.
#[derive(Debug)]
pub(crate) struct TestClock {
    real: Arc<SystemClock>,
    wall: AtomicI64,
    steady: AtomicI64,
}

impl TestClock {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self { real: SystemClock::start(), wall: AtomicI64::new(0), steady: AtomicI64::new(0) })
    }

    /// Time passes.
    pub(crate) fn pass(&self, duration: Duration) {
        self.steady.fetch_add(millis(duration), SeqCst);
    }

    /// Time passes on the wall, too.
    pub(crate) fn pass_on_the_wall(&self, duration: Duration) {
        self.wall.fetch_add(millis(duration), SeqCst);
        self.pass(duration);
    }

    /// What is signed from now on says that it was signed so long ago. The verifier's own clock goes on.
    pub(crate) fn sign_in_the_past(&self, duration: Duration) {
        self.wall.store(-millis(duration), SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.real.wall().0.saturating_add_signed(self.wall.load(SeqCst)))
    }

    fn steady(&self) -> Timestamp {
        Timestamp(self.real.steady().0.saturating_add_signed(self.steady.load(SeqCst)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}
