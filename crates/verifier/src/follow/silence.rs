//! How long an authority may say nothing before its connection is given up.

use std::time::Duration;

use tokio::time::Instant;

use super::PATIENCE;

/// The fewest bytes that must come in each [`PATIENCE`] before the first lease.
pub(super) const FEWEST: u64 = 4 * 1024;

/// The longest that may pass before the first lease, however much comes.
pub(super) const LONGEST: Duration = Duration::from_hours(1);

/// Silence on one connection.
///
/// Before the first lease a whole snapshot may be on its way, over a line as slow as it likes: what counts is that bytes come.
/// They must not be too few, and not without end, for an authority that drips, or grants nothing, keeps the verifier from
/// another one behind the same name. After that, every echo must come within the lease of the one before.
pub(super) struct Silence {
    until: Instant,
    last: Instant,
    counted: u64,
    granted: bool,
}

impl Silence {
    /// Begins at `now`, when `read` bytes have come.
    pub(super) fn new(now: Instant, read: u64) -> Self {
        Self { until: now + PATIENCE, last: now + LONGEST, counted: read, granted: false }
    }

    /// When to ask whether it [has lasted](Self::has_lasted) too long.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// The lease was extended.
    pub(super) fn extended(&mut self, now: Instant, lease: Duration) {
        self.granted = true;
        self.until = now + lease;
    }

    /// Whether to give the connection up, over which `read` bytes have come by `now`.
    pub(super) fn has_lasted(&mut self, now: Instant, read: u64) -> bool {
        if self.granted || now >= self.last || read.saturating_sub(self.counted) < FEWEST {
            return true;
        }
        self.counted = read;
        self.until = (now + PATIENCE).min(self.last);
        false
    }
}
