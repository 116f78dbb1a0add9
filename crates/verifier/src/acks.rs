//! Acknowledgements that are on their way, and what an echo of one of them grants.

use std::collections::VecDeque;
use std::time::Duration;

use rescind_wire::feed::Ack;

/// Acknowledgements that may be without an echo; the authority need not echo all.
const WAITING: usize = 64;

/// The acknowledgements of one connection. A lease runs from just before the acknowledgement was written that an echo
/// names, on this machine's clock of the time since it started: whatever happened on the way only makes it shorter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Acks {
    lease: Duration,
    last: u64,
    waiting: VecDeque<(u64, Duration)>,
}

impl Acks {
    /// None yet, of a verifier that declared this lease.
    pub const fn new(lease: Duration) -> Self {
        Self { lease, last: 0, waiting: VecDeque::new() }
    }

    /// The next one: everything up to `position` is applied, so that every check sees it already. `now` was read before
    /// this is written.
    pub fn next(&mut self, position: u64, now: Duration) -> Ack {
        self.last += 1;
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((self.last, now));
        Ack { position, number: self.last }
    }

    /// The authority echoed the acknowledgement `number`: until when tokens may be accepted. Nothing for one that is not
    /// waited for.
    pub fn echoed(&mut self, number: u64) -> Option<Duration> {
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == number)?;
        let (_, written) = self.waiting.drain(..=at).next_back()?;
        Some(written + self.lease)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_runs_from_just_before_the_echoed_acknowledgement_was_written() {
        let mut acks = Acks::new(at(5));
        assert_eq!(acks.next(7, at(100)), Ack { position: 7, number: 1 });
        assert_eq!(acks.next(7, at(101)), Ack { position: 7, number: 2 });
        assert_eq!(acks.echoed(1), Some(at(105)), "not from the later one of the same position");
        assert_eq!(acks.echoed(2), Some(at(106)));
    }

    #[test]
    fn an_echo_of_what_was_never_written_or_was_echoed_before_grants_nothing() {
        let mut acks = Acks::new(at(5));
        acks.next(1, at(100));
        acks.next(1, at(101));
        assert_eq!(acks.echoed(3), None);
        assert_eq!(acks.echoed(2), Some(at(106)));
        assert_eq!([acks.echoed(1), acks.echoed(2)], [None, None]);
    }

    #[test]
    fn acknowledgements_without_an_echo_take_bounded_memory() {
        let mut acks = Acks::new(at(5));
        for second in 0..1000 {
            acks.next(1, at(second));
        }
        assert_eq!(acks.waiting.len(), WAITING);
        assert_eq!((acks.echoed(1), acks.echoed(1000)), (None, Some(at(1004))));
    }
}
