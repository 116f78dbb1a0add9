//! Time as a port. Nothing in this crate reads a clock of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The whole seconds, as JWT claims count (RFC 7519 §2, `NumericDate`).
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This point, `duration` later; at the end of time it stays there.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This point, `duration` earlier; at the beginning of time it stays there.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; `None` if it is before it, which only a stepped clock can bring about.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_millis)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Two clocks, because one cannot serve both purposes.
pub trait Clock: Send + Sync {
    /// What the wall says. It may step. Only what other machines compare with their own walls is written from it: `iat`,
    /// `exp`, and times shown to people.
    fn wall(&self) -> Timestamp;

    /// A time line that begins at the wall's time as the process starts, counts suspended time, and never steps. All
    /// that ages in here is judged by it: expiry, idling, grace, freshness, locks, waiting (D3).
    fn steady(&self) -> Timestamp;
}
