//! Which requests are traced. A stranger may say that a request belongs to a sampled trace as often as they like, so that
//! word counts for so many requests in a second, and from then on they are drawn like any other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::context::Parent;

const SECOND: u64 = 1_000_000_000;

/// How many are taken.
#[derive(Debug)]
pub(super) struct Sampling {
    /// Draws below this are taken; all of them if there is none.
    below: Option<u64>,
    /// Nanoseconds of each place for those who say that they are sampled; none if there are no places.
    every: Option<u64>,
    /// When the places that were taken are free again, on the clock that never steps.
    free_at: AtomicU64,
}

impl Sampling {
    /// A share of all requests, from 0 to 1, and so many in a second that callers ask for.
    pub(super) fn new(ratio: f64, callers: u32) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of 0 to 1 of what a draw can be; below 1 it fits, and its last bits do not matter"
        )]
        let below = (ratio < 1.0).then_some((ratio * u64::MAX as f64) as u64);
        Self { below, every: SECOND.checked_div(callers.into()), free_at: AtomicU64::new(0) }
    }

    /// Whether a request is traced, given eight random bytes and the time since the machine started.
    pub(super) fn takes(&self, parent: Option<&Parent>, draw: &[u8], now: Duration) -> bool {
        match parent {
            Some(parent) if !parent.sampled => false,
            Some(_) if self.has_place(now) => true,
            Some(_) | None => self.draws(draw),
        }
    }

    /// The trace's own id is no draw: a caller chooses it.
    fn draws(&self, draw: &[u8]) -> bool {
        let draw = draw.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        self.below.is_none_or(|below| draw < below)
    }

    /// Takes a place, if one of this second is free.
    fn has_place(&self, now: Duration) -> bool {
        let Some(every) = self.every else { return false };
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let take = |free_at: u64| {
            let next = free_at.max(now).saturating_add(every);
            (next <= now.saturating_add(SECOND)).then_some(next)
        };
        self.free_at.fetch_update(Relaxed, Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(sampled: bool) -> Parent {
        Parent { trace: [1; 16], span: [1; 8], sampled, state: None }
    }

    /// How many of draws that are spread evenly are taken, of 1,000.
    fn taken(sampling: &Sampling, parent: Option<&Parent>, now: Duration) -> usize {
        let draws = (0..1000_u64).rev().map(|n| n * (u64::MAX / 1000));
        draws.filter(|draw| sampling.takes(parent, &draw.to_be_bytes(), now)).count()
    }

    #[test]
    fn a_ratio_takes_its_share_of_what_nobody_asked_for() {
        for (ratio, expected) in [(0.0, 0), (0.25, 250), (1.0, 1000)] {
            let count = taken(&Sampling::new(ratio, 10), None, Duration::ZERO);
            assert!(count.abs_diff(expected) <= 1, "{ratio}: {count}");
        }
    }

    #[test]
    fn a_caller_that_records_nothing_is_not_recorded() {
        assert_eq!(taken(&Sampling::new(1.0, 10), Some(&parent(false)), Duration::ZERO), 0);
    }

    #[test]
    fn callers_who_say_that_they_are_sampled_get_so_many_places_a_second_and_then_the_ratio() {
        let now = Duration::from_secs(1000);
        for (callers, ratio, expected) in [(10, 0.0, 10), (0, 0.0, 0), (10, 0.1, 110), (1, 0.0, 1)] {
            let sampling = Sampling::new(ratio, callers);
            let count = taken(&sampling, Some(&parent(true)), now);
            assert!(count.abs_diff(expected) <= 2, "{callers}, {ratio}: {count}");
        }
        let sampling = Sampling::new(0.0, 10);
        assert_eq!(taken(&sampling, Some(&parent(true)), now), 10);
        assert_eq!(taken(&sampling, Some(&parent(true)), now + Duration::from_millis(200)), 2);
        assert_eq!(taken(&sampling, Some(&parent(true)), now + Duration::from_hours(1)), 10, "no more are saved up");
    }
}
