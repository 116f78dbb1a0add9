//! How long leases count. A verifier accepts until just before it wrote an acknowledgement plus its lease, on its own
//! clock; whoever waits for a lease to end counts more than that, on a clock of their own. No two clocks are compared.

use std::time::Duration;

/// A time on one machine's clock of the time since it started (`CLOCK_BOOTTIME`).
pub type Time = Duration;

/// Allowed for beside the rates of clocks, which differ by less than 10 %.
pub const MARGIN: Duration = Duration::from_millis(50);

/// The store is looked at this often at least, hint or none.
pub const POLL: Duration = Duration::from_millis(100);

/// What is counted for a lease: 1.25 of it and 50 ms.
pub fn counted(lease: Duration) -> Duration {
    lease + lease / 4 + MARGIN
}

/// An acknowledgement extends a lease only if all that it does not cover was first read less than this ago. With
/// [`counted`] that makes at most 1.6 leases and 50 ms by which anybody delays an enforcement.
pub fn freshness(lease: Duration) -> Duration {
    lease / 3
}

/// The lease of a node that grants verifiers leases of this length: long enough that nobody loses theirs while the disk
/// stalls for some seconds.
pub fn of_node(longest: Duration) -> Duration {
    longest.saturating_mul(3).max(Duration::from_secs(15))
}
