//! Time, as a parameter.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The two clocks that a verifier reads. They are read inside `verify`, never cached.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, in milliseconds since the Unix epoch. Only what a token itself says in wall-clock time (`exp`,
    /// `nbf`, `iat`) is judged by it, so stepping it changes nothing else.
    fn wall(&self) -> u64;

    /// Time since the machine started. It never steps, and it counts the time that the machine was suspended: a lease
    /// that ended during the suspension has ended.
    fn boottime(&self) -> Duration;
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Here the monotonic clock goes on counting while the machine sleeps.
#[cfg(target_vendor = "apple")]
const BOOTTIME: ClockId = ClockId::Monotonic;
#[cfg(not(target_vendor = "apple"))]
const BOOTTIME: ClockId = ClockId::Boottime;

#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
impl Clock for SystemClock {
    fn wall(&self) -> u64 {
        u64::try_from(duration(clock_gettime(ClockId::Realtime)).as_millis()).unwrap_or(u64::MAX)
    }

    fn boottime(&self) -> Duration {
        duration(clock_gettime(BOOTTIME))
    }
}

/// A time before the epoch counts as the epoch.
fn duration(time: Timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
