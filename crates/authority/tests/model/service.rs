//! A service that checks tokens: what it has applied, its lease, and its connection.

use rescind::feed::lease::Time;
use rescind::feed::node::FollowerId;
use rescind_verifier::Acks;
use rescind_wire::feed::Ack;

use crate::mutants::Mutant;
use crate::verdicts::verdicts;
use crate::world::LEASE;

/// The lease of a service that had one.
const OVER: Time = Time::from_nanos(1);

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Service {
    /// Entries up to here are applied.
    pub(crate) applied: u8,
    /// Until when it accepts, on its own clock.
    pub(crate) until: Time,
    pub(crate) line: Option<Line>,
    /// An acknowledgement of a connection that it has left, which may still arrive.
    pub(crate) late: Option<Said>,
    /// The connection on which it has said goodbye, which may still arrive.
    pub(crate) bye: Option<Bye>,
    /// What was acknowledged and not applied: only a mutant has any.
    pub(crate) unapplied: u8,
    /// Whether it acknowledged because it was time, in this tick.
    pub(crate) said: bool,
}

/// An acknowledgement on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Said {
    /// To which machine.
    pub(crate) at: u8,
    /// To which node.
    pub(crate) node: u8,
    pub(crate) id: FollowerId,
    pub(crate) ack: Ack,
}

/// A goodbye on its way: to which machine and node, on which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bye {
    pub(crate) at: u8,
    pub(crate) node: u8,
    pub(crate) id: FollowerId,
}

/// A connection, as the service has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    pub(crate) at: u8,
    pub(crate) node: u8,
    pub(crate) id: FollowerId,
    /// Acknowledgements that an echo could still make something of.
    pub(crate) waiting: Vec<(Ack, Time)>,
    pub(crate) down: Vec<Down>,
    pub(crate) up: Vec<Ack>,
    /// The number of its last acknowledgement in this tick.
    pub(crate) last: u64,
    /// Whether the first of what was missing has come.
    pub(crate) following: bool,
}

/// What is on its way to a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Down {
    /// A snapshot, or a resumption with the entries up to its position.
    Snapshot(u8),
    /// The entries after the first position, up to the second.
    Entries(u8, u8),
    Echo(u64),
}

impl Service {
    pub(crate) const fn new() -> Self {
        Self { applied: 0, until: Time::ZERO, line: None, late: None, bye: None, unapplied: 0, said: false }
    }

    /// Whether it had a lease, which has run out.
    pub(crate) fn has_lapsed(&self) -> bool {
        self.until == OVER
    }

    /// Time has passed: forgets what makes no difference any more, so that worlds which only differ in that are one.
    pub(crate) fn forget(&mut self, now: Time) {
        self.said = false;
        if self.until != Time::ZERO && self.until <= now {
            self.until = OVER;
        }
        if let Some(line) = &mut self.line {
            line.last = 0;
            // An echo of these would grant a lease that is over.
            line.waiting.retain(|(_, written)| *written + LEASE > now);
            let Line { waiting, down, .. } = line;
            down.retain(|down| match down {
                Down::Echo(number) => waiting.iter().any(|(ack, _)| ack.number == *number),
                Down::Snapshot(_) | Down::Entries(..) => true,
            });
        }
    }

    /// Gives its lease up, and then says goodbye.
    pub(crate) fn leave(&mut self, late: Option<Said>, mutant: Option<Mutant>) {
        if mutant != Some(Mutant::GoodbyeKeepsLease) {
            self.until = Time::ZERO;
        }
        self.bye = self.line.take().map(|line| Bye { at: line.at, node: line.node, id: line.id });
        self.late = late;
    }

    /// Takes what came first. Answers whether it acknowledges.
    pub(crate) fn hear(&mut self, now: Time, mutant: Option<Mutant>) -> bool {
        let Some(line) = self.line.as_mut().filter(|line| !line.down.is_empty()) else { return false };
        match line.down.remove(0) {
            Down::Snapshot(position) => {
                line.following = true;
                let replaced = verdicts().replaces(self.applied, position);
                let replaced = if mutant == Some(Mutant::OlderSnapshot) { Some(position) } else { replaced };
                self.apply(replaced, mutant)
            }
            Down::Entries(after, last) => {
                let advanced = verdicts().advances(self.applied, after, last);
                if advanced.is_none() {
                    self.until = OVER;
                }
                self.apply(advanced, mutant)
            }
            Down::Echo(number) => {
                if let Some(until) = self.echoed(number, now, mutant) {
                    self.until = self.until.max(until);
                }
                false
            }
        }
    }

    fn apply(&mut self, position: Option<u8>, mutant: Option<Mutant>) -> bool {
        match position {
            Some(position) if mutant == Some(Mutant::AckBeforeApply) => self.unapplied = position,
            Some(position) => (self.applied, self.unapplied) = (position, position),
            // What cannot be followed ends the connection.
            None => self.line = None,
        }
        position.is_some()
    }

    /// What an echo grants. The acknowledgements that wait are told to the verifier's own account of them anew, which
    /// numbers them from 1: how many there ever were makes no difference.
    fn echoed(&mut self, number: u64, now: Time, mutant: Option<Mutant>) -> Option<Time> {
        let line = self.line.as_mut()?;
        let mut acks = Acks::new(LEASE);
        for (ack, written) in &line.waiting {
            acks.next(ack.position, *written);
        }
        let mut index = line.waiting.iter().position(|(ack, _)| ack.number == number)?;
        if mutant == Some(Mutant::EchoNamesPosition) {
            let position = line.waiting[index].0.position;
            index = line.waiting.iter().rposition(|(ack, _)| ack.position == position)?;
        }
        let until = acks.echoed(index as u64 + 1)?;
        line.waiting.drain(..=index);
        Some(if mutant == Some(Mutant::LeaseFromReceipt) { now + LEASE } else { until })
    }

    /// Acknowledges what it has applied. The number says when that was, and what: no two of a connection are the same, for
    /// in a tick each tells of more than the one before.
    pub(crate) fn say(&mut self, tick: u8, now: Time, mutant: Option<Mutant>) {
        let position = u64::from(self.unapplied.max(self.applied));
        let Some(line) = &mut self.line else { return };
        line.last = (line.last + 1).max(u64::from(tick) * 8 + 1 + position);
        let ack = Ack { position, number: line.last };
        line.waiting.push((ack, now));
        line.up.push(ack);
        self.said = true;
        if mutant == Some(Mutant::UnechoedAckExtends) {
            self.until = self.until.max(now + LEASE);
        }
    }
}
