//! How far the model goes.

/// What may happen at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    /// Machines, each with a node of the authority.
    pub(crate) nodes: u8,
    /// Services, each with a verifier.
    pub(crate) verifiers: u8,
    /// Entries of the log.
    pub(crate) revocations: u8,
    /// How often a node ends, and another begins.
    pub(crate) restarts: u8,
    /// How often a process stops in the middle of what it does, for as long as it likes.
    pub(crate) pauses: u8,
    /// Which processes may.
    pub(crate) stops: Stops,
    /// How often a verifier loses its connection, with what is on its way to it.
    pub(crate) breaks: u8,
    /// How often a verifier gives its lease up, and says goodbye.
    pub(crate) goodbyes: u8,
    /// How often time passes, by as much as a verifier's lease.
    pub(crate) ticks: u8,
    /// Whether a node may answer a verifier that connects with what it read last, rather than with the head.
    pub(crate) stale: bool,
    /// Whether there are further nodes and verifiers, any number of them, of which there is only what they do to these.
    pub(crate) others: bool,
    /// Whether worlds that differ in nothing that matters are one.
    pub(crate) lean: bool,
}

/// Which processes may stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stops {
    /// Any, wherever it is.
    Any,
    /// A node that reads the log.
    Read,
    /// A node that sends a verifier what it misses.
    Open,
    /// Whoever waits for an enforcement.
    Look,
}

/// Acknowledgements that are on their way on one connection.
pub(crate) const UP: usize = 1;

/// Messages that are on their way on one connection to a verifier. One that is further behind is cut off.
pub(crate) const DOWN: usize = 2;

impl Bounds {
    /// One node, one verifier, one revocation, no time, and nothing goes wrong.
    pub(crate) const LEAST: Self = Self {
        nodes: 1,
        verifiers: 1,
        revocations: 1,
        restarts: 0,
        pauses: 0,
        stops: Stops::Any,
        breaks: 0,
        goodbyes: 0,
        ticks: 0,
        stale: false,
        others: false,
        lean: false,
    };

    /// Two of what there may be several of, and each mishap once. It is gone through as one of each beside others.
    pub(crate) const ALL: Self = Self {
        nodes: 2,
        verifiers: 2,
        revocations: 2,
        restarts: 1,
        pauses: 1,
        stops: Stops::Any,
        breaks: 0,
        goodbyes: 0,
        ticks: 3,
        stale: false,
        others: false,
        lean: false,
    };

    /// What is explored each time.
    pub(crate) const NEAR: [Self; 10] = [
        Self { ticks: 3, ..Self::LEAST },
        Self { pauses: 1, ticks: 2, ..Self::LEAST },
        Self { restarts: 1, ticks: 2, ..Self::LEAST },
        Self { revocations: 2, restarts: 1, pauses: 1, ..Self::LEAST },
        Self { breaks: 1, ticks: 1, ..Self::LEAST },
        Self { goodbyes: 1, ticks: 1, ..Self::LEAST },
        Self { nodes: 2, restarts: 1, ..Self::LEAST },
        Self { nodes: 2, ticks: 1, ..Self::LEAST },
        Self { nodes: 2, breaks: 1, stale: true, ..Self::LEAST },
        Self { verifiers: 2, ticks: 1, ..Self::LEAST },
    ];

    /// What takes minutes.
    pub(crate) const FAR: [Self; 8] = [
        Self { ticks: 4, ..Self::LEAST },
        Self { breaks: 1, ticks: 2, ..Self::LEAST },
        Self { revocations: 2, ticks: 2, ..Self::LEAST },
        Self { revocations: 2, restarts: 1, pauses: 1, ticks: 1, ..Self::LEAST },
        Self { nodes: 2, verifiers: 2, revocations: 2, lean: true, ..Self::LEAST },
        Self { nodes: 2, restarts: 1, ticks: 1, ..Self::LEAST },
        Self { nodes: 2, pauses: 1, ticks: 1, ..Self::LEAST },
        Self { nodes: 2, breaks: 1, stale: true, ticks: 1, ..Self::LEAST },
    ];

    /// One node and one verifier beside any number of others.
    const BESIDE: Self = Self { revocations: 2, others: true, lean: true, ..Self::LEAST };

    /// The same with one revocation, connections that are lost, and snapshots of the past.
    const LOST: Self = Self { revocations: 1, breaks: 1, stale: true, ..Self::BESIDE };

    /// What is explored each time beside others, and how many states that has.
    pub(crate) const BESIDE_OTHERS: [(Self, usize); 6] = [
        (Self { restarts: 1, pauses: 1, ..Self::BESIDE }, 96_646),
        (Self { restarts: 1, ticks: 1, ..Self::BESIDE }, 98_658),
        (Self { pauses: 1, ticks: 1, ..Self::BESIDE }, 493_776),
        (Self { ticks: 2, ..Self::BESIDE }, 315_948),
        (Self { ticks: 1, ..Self::LOST }, 107_076),
        (Self { goodbyes: 1, ..Self::LOST }, 35_386),
    ];

    /// Everything, beside others; and what takes minutes.
    pub(crate) const ALL_BESIDE_OTHERS: [(Self, usize); 7] = [
        (Self { revocations: 2, goodbyes: 1, ..Self::LOST }, 380_908),
        (Self { restarts: 1, pauses: 1, goodbyes: 1, ..Self::BESIDE }, 714_338),
        (Self { restarts: 1, goodbyes: 1, ticks: 1, ..Self::BESIDE }, 1_168_400),
        (Self { nodes: 2, restarts: 1, pauses: 1, ..Self::BESIDE }, 8_074_304),
        (Self { restarts: 1, ticks: 3, ..Self::BESIDE }, 9_682_302),
        (Self { restarts: 1, pauses: 1, ticks: 1, ..Self::BESIDE }, 2_138_072),
        (Self { restarts: 1, pauses: 1, ticks: 2, ..Self::BESIDE }, 36_987_000),
    ];

    /// Everything, beside others, for longer than has been counted.
    pub(crate) fn all_beside_others(ticks: u8) -> Self {
        Self { restarts: 1, pauses: 1, ticks, ..Self::BESIDE }
    }

    /// Several nodes and verifiers, which one of each beside others is compared with.
    pub(crate) const COVERED: [Self; 3] = [
        Self { nodes: 2, verifiers: 2, ..Self::LEAST },
        Self { nodes: 2, restarts: 1, ..Self::LEAST },
        Self { nodes: 2, goodbyes: 1, ..Self::LEAST },
    ];

    /// The same, for longer.
    pub(crate) const FAR_COVERED: [Self; 2] = [
        Self { nodes: 2, restarts: 1, pauses: 1, ..Self::LEAST },
        Self { nodes: 2, breaks: 1, goodbyes: 1, ..Self::LEAST },
    ];

    /// Where one walks at random.
    pub(crate) const WALKED: Self = Self { breaks: 1, goodbyes: 1, stale: true, ..Self::ALL };

    /// What is explored with all that makes no difference, and without.
    pub(crate) const BOTH_WAYS: [Self; 4] = [
        Self { ticks: 2, ..Self::LEAST },
        Self { restarts: 1, pauses: 1, ..Self::LEAST },
        Self { nodes: 2, breaks: 1, stale: true, ..Self::LEAST },
        Self { verifiers: 2, ..Self::LEAST },
    ];

    /// Whether all that may happen within these bounds may happen within the other ones.
    pub(crate) fn are_within(self, other: Self) -> bool {
        let stops = self.pauses == 0 || other.stops == Stops::Any || self.stops == other.stops;
        let there = [self.nodes, self.verifiers, self.revocations, self.ticks];
        let most = [other.nodes, other.verifiers, other.revocations, other.ticks];
        let goes_wrong = [self.restarts, self.pauses, self.breaks, self.goodbyes, u8::from(self.stale)];
        let may_go_wrong = [other.restarts, other.pauses, other.breaks, other.goodbyes, u8::from(other.stale)];
        let as_much = |less: &[u8], more: &[u8]| less.iter().zip(more).all(|(less, more)| less <= more);
        stops && as_much(&there, &most) && as_much(&goes_wrong, &may_go_wrong)
    }
}
