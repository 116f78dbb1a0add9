//! The clock of the benchmarks.

use std::time::Instant;

/// This moment. A benchmark is about the ambient clock, so this is the one place that reads it.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time, and everything in it measures it here")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds since `start`.
pub(crate) fn nanos_since(start: Instant) -> u64 {
    u64::try_from(now().duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds since `start`.
pub(crate) fn millis_since(start: Instant) -> f64 {
    now().duration_since(start).as_secs_f64() * 1e3
}

/// Nanoseconds on a clock that all processes of the machine share (`CLOCK_MONOTONIC`).
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub(crate) fn shared_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}
