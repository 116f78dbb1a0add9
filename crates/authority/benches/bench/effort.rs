//! How much is measured.

use std::time::Duration;

use crate::load::Window;

/// The parts of the table.
pub(crate) const PARTS: [&str; 12] = [
    "verifier",
    "checking",
    "footprint",
    "bearer",
    "pages",
    "sign-in",
    "refresh",
    "feed",
    "fan-out",
    "snapshot",
    "growth",
    "ending",
];

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Effort {
    /// The parts that are wanted.
    parts: Vec<&'static str>,
    /// Rounds of each pair.
    pub(crate) rounds: usize,
    /// How long one side of a round takes over HTTP.
    pub(crate) window: Window,
    /// How many calls one side of a round makes in the store.
    pub(crate) calls: usize,
    /// The sessions of a large store, and of a user who has many.
    pub(crate) many: usize,
    /// The tokens of a round of the verifier.
    pub(crate) tokens: usize,
    /// The verifiers that follow one authority.
    pub(crate) verifiers: usize,
}

impl Effort {
    /// As the arguments ask; nothing if they are not understood.
    pub(crate) fn asked_for(arguments: &[&str]) -> Option<Self> {
        let mut effort = Self::whole();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--quick" => effort = Self { parts: effort.parts, ..Self::quick() },
                "--only" => effort.parts = parts(arguments.next()?)?,
                // Cargo says so to every benchmark.
                "--bench" => {}
                _ => return None,
            }
        }
        Some(effort)
    }

    /// Whether a part is wanted.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.parts.contains(&part)
    }

    /// Many short rounds: whatever else the machine does then falls on both sides of most of them alike.
    fn whole() -> Self {
        let window = Window { warm_up: Duration::from_millis(100), measured: Duration::from_millis(500) };
        let parts = PARTS.to_vec();
        Self { parts, rounds: 25, window, calls: 300, many: 1_000_000, tokens: 10_000, verifiers: 1_000 }
    }

    fn quick() -> Self {
        let window = Window { warm_up: Duration::from_millis(50), measured: Duration::from_millis(250) };
        Self { rounds: 9, window, calls: 100, many: 30_000, tokens: 2_000, verifiers: 200, ..Self::whole() }
    }
}

fn parts(list: &str) -> Option<Vec<&'static str>> {
    list.split(',').map(|name| PARTS.into_iter().find(|part| *part == name)).collect()
}
