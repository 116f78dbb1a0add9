//! Two sides, measured in turns: what the machine does meanwhile happens to both.

use crate::Outcome;

/// What the rounds of two sides measured; the numbers are in pairs.
pub(crate) struct Pair {
    /// Rescind, round by round.
    pub(crate) ours: Vec<f64>,
    /// What it is compared with, round by round.
    pub(crate) theirs: Vec<f64>,
}

impl Pair {
    /// Measures `rounds` times, each side once in each round; which one begins alternates.
    pub(crate) async fn measure(
        rounds: usize,
        mut ours: impl AsyncFnMut() -> Outcome<f64>,
        mut theirs: impl AsyncFnMut() -> Outcome<f64>,
    ) -> Outcome<Self> {
        let mut pair = Self { ours: Vec::new(), theirs: Vec::new() };
        for round in 0..rounds {
            if round % 2 == 0 {
                pair.ours.push(ours().await?);
                pair.theirs.push(theirs().await?);
            } else {
                pair.theirs.push(theirs().await?);
                pair.ours.push(ours().await?);
            }
        }
        Ok(pair)
    }

    /// The median of the rounds' ratios, ours to theirs: of two measurements that stood next to each other.
    pub(crate) fn ratio(&self) -> f64 {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours / theirs).collect();
        median(&ratios)
    }
}

/// The middle one; of an even number, the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get((sorted.len().max(1) - 1) / 2), sorted.get(sorted.len() / 2)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}
