//! Acknowledgements that are on their way, and what an echo of one of them grants.

use std::collections::VecDeque;
use std::time::Duration;

use rescind_wire::feed::Ack;

/// Sending times that are kept at most: those of two leases.
const KEPT: usize = 64;

/// How far apart they are: this part of a lease.
const APART: u32 = 32;

/// The acknowledgements of one connection. A lease runs from just before the acknowledgement was written that an echo
/// names, on this machine's clock of the time since it started: whatever happened on the way only makes it shorter.
///
/// Frames may come much faster than echoes. So not every time is kept: one that is not is taken for the one that was kept
/// last before it. That is less than 1/32 of a lease earlier, hence never grants too much.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Acks {
    lease: Duration,
    last: u64,
    echoed: u64,
    kept: VecDeque<(u64, Duration)>,
}

impl Acks {
    /// None yet, of a verifier that declared this lease.
    pub const fn new(lease: Duration) -> Self {
        Self { lease, last: 0, echoed: 0, kept: VecDeque::new() }
    }

    /// The next one: everything up to `position` is applied, so that every check sees it already. `now` was read before
    /// this is written.
    pub fn next(&mut self, position: u64, now: Duration) -> Ack {
        self.last += 1;
        // One that stands for later acknowledgements must have been written before them, whatever a clock does.
        let stands = |written: Duration| written <= now && now < written + self.lease / APART;
        if !self.kept.back().is_some_and(|(_, written)| stands(*written)) {
            if self.kept.len() == KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back((self.last, now));
        }
        Ack { position, number: self.last }
    }

    /// The authority echoed the acknowledgement `number`: until when tokens may be accepted. Nothing for one that was never
    /// written, one that is not later than the last that was echoed, and one of more than two leases ago.
    pub fn echoed(&mut self, number: u64) -> Option<Duration> {
        if number <= self.echoed || number > self.last {
            return None;
        }
        let at = self.kept.partition_point(|(kept, _)| *kept <= number).checked_sub(1)?;
        // It stays: it may stand for the next ones, too.
        self.kept.drain(..at);
        let (_, written) = self.kept.front()?;
        self.echoed = number;
        Some(*written + self.lease)
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
        assert_eq!(acks.kept.len(), KEPT);
        assert_eq!((acks.echoed(1), acks.echoed(1000)), (None, Some(at(1004))));
    }

    #[test]
    fn a_thousand_acknowledgements_between_one_and_its_echo_cost_less_than_a_thirty_second_of_the_lease() {
        let (lease, far) = (at(5), 1000);
        let written = |number: u64| at(100) + Duration::from_millis(number);
        let mut acks = Acks::new(lease);
        let mut former = Duration::ZERO;
        for number in 1..=20_000 {
            assert_eq!(acks.next(number, written(number)).number, number);
            let Some(echoed) = number.checked_sub(far).filter(|echoed| *echoed > 0) else { continue };
            let until = acks.echoed(echoed).expect("it was written, and not echoed before");
            let most = written(echoed) + lease;
            assert!(until <= most && until + lease / APART > most, "{echoed}: {until:?}, and not {most:?}");
            assert!(until >= former, "{echoed}: {until:?} after {former:?}");
            former = until;
        }
    }

    #[test]
    fn an_echo_of_an_acknowledgement_whose_time_was_not_kept_grants_no_more_than_an_older_one() {
        let mut acks = Acks::new(at(32));
        for millis in [0, 400, 999, 1000, 1999] {
            acks.next(1, at(100) + Duration::from_millis(millis));
        }
        assert_eq!([1, 3, 4, 5].map(|number| acks.echoed(number)), [132, 132, 133, 133].map(|until| Some(at(until))));
    }

    #[test]
    fn nothing_stands_for_what_was_written_before_it_by_a_clock_that_went_back() {
        let mut acks = Acks::new(at(32));
        acks.next(1, at(100));
        acks.next(1, at(90));
        assert_eq!(acks.echoed(2), Some(at(122)));
    }
}
