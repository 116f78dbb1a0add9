//! Refresh chains: what one client holds under one session, as a counter rather than as stored tokens.

use std::time::Duration;

use rescind_wire::{ClientId, Epoch, Position, SessionId, UserId};

use crate::clock::Timestamp;
use crate::key::MacKeyId;

/// How many rotations back their times are kept. A client that rotates more often than this within the grace time is
/// not punished for it: what cannot be known is refused, not called theft.
pub const KEPT_ROTATIONS: usize = 16;

/// Names a chain: under one session, each client has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChainKey {
    /// Whose.
    pub user: UserId,
    /// Under which session.
    pub session: SessionId,
    /// Counted from 1 within the session; never used again within it.
    pub index: u16,
}

/// A refresh chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Which.
    pub key: ChainKey,
    /// The client that it was given to.
    pub client: ClientId,
    /// The position of its authorization; client and grant cuts are judged against it (R3).
    pub position: Position,
    /// The `n` of the one token that may be used next.
    pub counter: u64,
    /// Random bytes that go into each token's MAC, so that the server key alone forges nothing.
    pub salt: [u8; 16],
    /// The epoch that the current token names.
    pub epoch: Epoch,
    /// The key that the current token is made with.
    pub mac_key: MacKeyId,
    /// When the last tokens were rotated out, latest first; at most [`KEPT_ROTATIONS`].
    pub rotations: Vec<Timestamp>,
    /// Scopes granted, separated by single spaces.
    pub scope: String,
    /// The audiences of its access tokens; the issuer may be among them under a former name, or none.
    pub audiences: Vec<String>,
}

/// What a refresh token's `n` means, given that its MAC is right and its session alive (design §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is the current one: rotate to the next.
    Rotate,
    /// It was rotated out within the grace time, and the successor may have been lost on the way: give the same
    /// successor again.
    Repeat,
    /// A slow tab: rotated out within the grace time, but its successor was used already (or a clock that was set back
    /// makes its age unknowable). Refused; nothing ends.
    TooLate,
    /// Rotated out longer ago than the grace time: copied or lost, which nobody can tell apart. The session ends.
    Reused,
    /// Above the counter in the current epoch: nobody can have been given it, so the store went back (R9).
    Beyond,
}

impl Chain {
    /// What presenting token number `n`, which names `epoch`, means at `now`, with `current` the epoch of the log.
    pub fn turn(&self, n: u64, epoch: Epoch, current: Epoch, now: Timestamp, grace: Duration) -> Turn {
        if n > self.counter {
            // From a former epoch it is one of the rotations that the restored store lost.
            return if epoch == current { Turn::Beyond } else { Turn::Rotate };
        }
        if n == self.counter {
            return Turn::Rotate;
        }
        let behind = self.counter - n;
        let rotated_out = usize::try_from(behind - 1).ok().and_then(|at| self.rotations.get(at));
        // Where the time was not kept, the oldest one kept is the latest that it can have been.
        let unknown = rotated_out.is_none() && self.rotations.len() >= KEPT_ROTATIONS;
        let Some(at) = rotated_out.or(if unknown { self.rotations.last() } else { None }) else {
            return Turn::Reused;
        };
        match now.since(*at) {
            Some(age) if age > grace => Turn::Reused,
            Some(_) if behind == 1 => Turn::Repeat,
            Some(_) | None => Turn::TooLate,
        }
    }

    /// Moves the counter past `n` at `now`, naming the epoch and key of the successor.
    pub fn rotate(&mut self, n: u64, now: Timestamp, epoch: Epoch, mac_key: MacKeyId) {
        self.counter = n.max(self.counter).saturating_add(1);
        self.rotations.insert(0, now);
        self.rotations.truncate(KEPT_ROTATIONS);
        self.epoch = epoch;
        self.mac_key = mac_key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn chain(counter: u64, rotations: &[u64]) -> Chain {
        Chain {
            key: ChainKey { user: UserId::from_bytes([1; 16]), session: SessionId::from_bytes([2; 16]), index: 1 },
            client: "app".parse().unwrap(),
            position: Position { epoch: epoch(1), number: 0 },
            counter,
            salt: [0; 16],
            epoch: epoch(1),
            mac_key: MacKeyId([0; 8]),
            rotations: rotations.iter().map(|at| Timestamp(*at)).collect(),
            scope: String::new(),
            audiences: vec![],
        }
    }

    fn epoch(n: u8) -> Epoch {
        Epoch::from_bytes([n; 10])
    }

    #[test]
    fn c1_c3_c4_the_turn_of_a_token_follows_from_its_number_and_the_age_of_its_rotation() {
        let chain = chain(5, &[100_000, 98_000, 40_000]);
        let turn = |n, now| chain.turn(n, epoch(1), epoch(1), Timestamp(now), GRACE);
        assert_eq!(turn(5, 101_000), Turn::Rotate);
        assert_eq!(turn(4, 101_000), Turn::Repeat);
        assert_eq!(turn(4, 110_000), Turn::Repeat);
        assert_eq!(turn(4, 110_001), Turn::Reused);
        assert_eq!(turn(3, 101_000), Turn::TooLate);
        assert_eq!(turn(3, 108_001), Turn::Reused);
        assert_eq!(turn(2, 101_000), Turn::Reused);
        assert_eq!(turn(0, 101_000), Turn::Reused);
        assert_eq!(turn(6, 101_000), Turn::Beyond);
    }

    #[test]
    fn d3_a_clock_that_was_set_back_neither_repeats_a_token_nor_ends_a_session() {
        let chain = chain(5, &[100_000, 98_000]);
        assert_eq!(chain.turn(4, epoch(1), epoch(1), Timestamp(50_000), GRACE), Turn::TooLate);
        assert_eq!(chain.turn(5, epoch(1), epoch(1), Timestamp(50_000), GRACE), Turn::Rotate);
    }

    #[test]
    fn c4_rotating_faster_than_times_are_kept_is_refused_but_not_called_theft() {
        let mut chain = chain(0, &[]);
        for n in 0..40 {
            chain.rotate(n, Timestamp(1000 + n), epoch(1), MacKeyId([0; 8]));
        }
        assert_eq!(chain.rotations.len(), KEPT_ROTATIONS);
        assert_eq!(chain.turn(3, epoch(1), epoch(1), Timestamp(2000), GRACE), Turn::TooLate);
        assert_eq!(chain.turn(3, epoch(1), epoch(1), Timestamp(20_000), GRACE), Turn::Reused);
    }

    #[test]
    fn r9_a_number_that_a_restored_store_lost_goes_on_in_the_new_epoch() {
        let mut chain = chain(5, &[1000]);
        assert_eq!(chain.turn(8, epoch(1), epoch(2), Timestamp(90_000), GRACE), Turn::Rotate);
        chain.rotate(8, Timestamp(90_000), epoch(2), MacKeyId([0; 8]));
        assert_eq!(chain.counter, 9);
    }
}
