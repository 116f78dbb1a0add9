//! How long to wait before connecting again: longer each time, and never the same for all.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(50);

/// Grows from 50 ms to half a lease, so that a lease survives what ends quickly.
#[derive(Debug)]
pub(super) struct Pause {
    next: Duration,
    longest: Duration,
    random: u64,
}

impl Pause {
    #[expect(
        clippy::disallowed_methods,
        reason = "verifiers that were disconnected together must not come back together"
    )]
    pub(super) fn new(lease: Duration) -> Self {
        let mut seed = [0; 8];
        // Without randomness there is a fixed jitter, which harms nothing.
        let _ = aws_lc_rs::rand::fill(&mut seed);
        Self { next: SHORTEST, longest: (lease / 2).max(SHORTEST), random: u64::from_le_bytes(seed) | 1 }
    }

    /// The next pause: between half of the bound and all of it.
    pub(super) fn next(&mut self) -> Duration {
        let bound = self.next;
        self.next = (bound * 2).min(self.longest);
        // xorshift64: spread is all that is asked of it.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = u32::try_from(self.random % 1000).unwrap_or(0);
        bound / 2 + bound / 2 * share / 1000
    }

    pub(super) fn reset(&mut self) {
        self.next = SHORTEST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_lease_and_begin_again_after_a_good_connection() {
        let mut pause = Pause::new(Duration::from_secs(5));
        let pauses: Vec<Duration> = (0..20).map(|_| pause.next()).collect();
        assert!((25..=50).contains(&pauses[0].as_millis()), "{pauses:?}");
        assert!((1250..=2500).contains(&pauses[19].as_millis()), "{pauses:?}");
        pause.reset();
        assert!(pause.next() <= SHORTEST);
    }

    #[test]
    fn two_verifiers_do_not_wait_for_the_same_time() {
        let pauses = |mut pause: Pause| -> Vec<Duration> { (0..8).map(|_| pause.next()).collect() };
        let lease = Duration::from_secs(5);
        assert_ne!(pauses(Pause::new(lease)), pauses(Pause::new(lease)));
    }
}
