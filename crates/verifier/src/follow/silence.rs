//! How long an authority may say nothing before its connection is given up.

use std::time::Duration;

use tokio::time::Instant;

use super::PATIENCE;

/// The fewest bytes that must come in each [`PATIENCE`] before the first lease.
pub(super) const FEWEST: u64 = 4 * 1024;

/// The longest that may pass before the first lease, however much comes.
pub(super) const LONGEST: Duration = Duration::from_hours(1);

/// How long after an echo the next one may take. Those come every third of the lease, and one of them may be missing: the
/// authority need not echo all. What is left of the lease is for the next connection.
pub(super) fn longest_between_echoes(lease: Duration) -> Duration {
    lease / 4 * 3
}

/// Silence on one connection.
///
/// Before the first lease a whole snapshot may be on its way, over a line as slow as it likes: what counts is that bytes come.
/// They must not be too few, and not without end, for an authority that drips, or grants nothing, keeps the verifier from
/// another one behind the same name. After that, every echo must come while enough of the lease is left to connect again;
/// and so that who asked for a long lease is not cut off for as long without knowing, something must come all the time.
pub(super) struct Silence {
    until: Instant,
    last: Instant,
    counted: u64,
    fewest: u64,
}

impl Silence {
    /// Begins at `now`, when `read` bytes have come.
    pub(super) fn new(now: Instant, read: u64) -> Self {
        Self { until: now + PATIENCE, last: now + LONGEST, counted: read, fewest: FEWEST }
    }

    /// When to ask whether it [has lasted](Self::has_lasted) too long.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// A message came. Before the first lease that alone is no reason to wait on.
    pub(super) fn heard(&mut self, now: Instant, read: u64) {
        if self.fewest < FEWEST {
            self.begin(now, read);
        }
    }

    /// The lease was extended.
    pub(super) fn extended(&mut self, now: Instant, read: u64, lease: Duration) {
        self.fewest = 1;
        self.last = now + longest_between_echoes(lease);
        self.begin(now, read);
    }

    /// Whether to give the connection up, over which `read` bytes have come by `now`.
    pub(super) fn has_lasted(&mut self, now: Instant, read: u64) -> bool {
        if now >= self.last || read.saturating_sub(self.counted) < self.fewest {
            return true;
        }
        self.begin(now, read);
        false
    }

    fn begin(&mut self, now: Instant, read: u64) {
        self.counted = read;
        self.until = (now + PATIENCE).min(self.last);
    }
}
