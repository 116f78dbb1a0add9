//! Latencies, counted in buckets that are at most 1.6 % wide.

use std::time::Duration;

/// Buckets for each power of two: 64, so the width of one is 1/64 of its lower bound.
const SUB_BITS: u32 = 6;
const SUBS: usize = 1 << SUB_BITS;
/// Up to 2^40 ns, which is 18 minutes.
const POWERS: usize = 40;

/// How many calls took how long.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; SUBS * POWERS], total: 0 }
    }

    /// Counts one call of `nanos` ns.
    pub(crate) fn count(&mut self, nanos: u64) {
        let at = bucket(nanos).min(self.counts.len() - 1);
        self.counts[at] += 1;
        self.total += 1;
    }

    /// Adds what another one counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// How many calls were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The time within which `share` of all calls were answered: the upper bound of its bucket.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen > 0 && seen as f64 >= share * self.total as f64 {
                return Duration::from_nanos(upper(at));
            }
        }
        Duration::ZERO
    }
}

fn bucket(nanos: u64) -> usize {
    let power = (nanos | 1).ilog2();
    if power < SUB_BITS {
        return usize::try_from(nanos).unwrap_or(0);
    }
    let sub = usize::try_from(nanos >> (power - SUB_BITS)).unwrap_or(0) & (SUBS - 1);
    (power - SUB_BITS + 1) as usize * SUBS + sub
}

fn upper(at: usize) -> u64 {
    let (power, sub) = (at / SUBS, (at % SUBS) as u64);
    if power == 0 { sub } else { ((SUBS as u64 + sub + 1) << (power - 1)) - 1 }
}
