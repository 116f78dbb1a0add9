//! What there is: a log, machines with nodes of the authority, services with verifiers, and somebody who waits.

use std::time::Duration;

use rescind::feed::lease::Time;
use rescind::feed::node::{FollowerId, Node};
use rescind::feed::observer::Observer;
use rescind_domain::node::{NodeId, NodeRow};

use crate::bounds::Bounds;
use crate::kept::Kept;
use crate::mutants::Mutant;
use crate::service::Service;
use crate::task::Task;
use crate::verdicts::verdicts;

/// The lease of a verifier: one tick.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// The lease of a node: hardly longer than what it counts for a verifier's, which leaves no slack in which a mistake
/// could hide. (The program's is at least three times as long, for the sake of slow disks.)
pub(crate) const NODE_LEASE: Duration = Duration::from_millis(1500);

/// One state of everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// Seconds, by a clock that nobody has.
    pub(crate) tick: u8,
    /// The last entry that is committed.
    pub(crate) head: u8,
    /// Everything up to here was reported as enforced.
    pub(crate) reported: u8,
    pub(crate) restarts: u8,
    pub(crate) pauses: u8,
    pub(crate) breaks: u8,
    pub(crate) goodbyes: u8,
    /// As in the bounds.
    pub(crate) others: bool,
    pub(crate) lean: bool,
    /// Whose clock is fast.
    pub(crate) fast: [bool; 2],
    pub(crate) rows: Vec<Row>,
    pub(crate) machines: Vec<Kept<Machine>>,
    pub(crate) services: Vec<Kept<Service>>,
    pub(crate) observer: Kept<Observer>,
    /// A process that stopped in the middle of a step.
    pub(crate) stopped: Option<Box<Task>>,
    /// What went wrong.
    pub(crate) wrong: Option<Wrong>,
}

/// What must not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wrong {
    /// A verifier accepts what was reported as enforced (R8).
    Accepted,
    /// A verifier refuses a token whose position was read after all that it has applied (R4).
    Refused,
    /// A verifier that keeps to the protocol is told that it does not.
    Accused,
    /// A verifier no longer applies what it had applied. That nobody makes it do so is what each node takes for granted
    /// of the others, hence is itself held to.
    Forgot,
}

/// A node, as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) node: u8,
    pub(crate) counter: u8,
    pub(crate) reached: u8,
}

impl Row {
    pub(crate) fn as_read(self) -> NodeRow {
        let (counter, reached) = (self.counter.into(), self.reached.into());
        NodeRow { id: NodeId::from_bytes([self.node; 16]), counter, lease: NODE_LEASE, reached, verifiers: 0 }
    }
}

/// A machine with a node on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    /// Its row; never the same for two nodes.
    pub(crate) id: u8,
    /// Nothing before it has a row.
    pub(crate) node: Option<Node>,
    /// Whether a heartbeat was sent in this tick: one is enough, for another would say the same.
    pub(crate) beaten: bool,
    /// The connections that it has.
    pub(crate) lines: Vec<LineEnd>,
}

/// A node's end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LineEnd {
    pub(crate) id: FollowerId,
    pub(crate) service: u8,
    /// Entries up to here were sent, before it gets what all get.
    pub(crate) sent: u8,
    /// Whether it gets what all get.
    pub(crate) live: bool,
}

impl World {
    pub(crate) fn new(bounds: Bounds, fast: [bool; 2], mutant: Option<Mutant>) -> Self {
        let machine = |at| Machine { id: at * 16, node: None, beaten: false, lines: Vec::new() };
        let mut world = Self {
            tick: 0,
            head: 0,
            reported: 0,
            restarts: bounds.restarts,
            pauses: bounds.pauses,
            breaks: bounds.breaks,
            goodbyes: bounds.goodbyes,
            others: bounds.others,
            lean: bounds.lean,
            fast,
            rows: Vec::new(),
            machines: (0..bounds.nodes).map(|at| Kept::new(machine(at))).collect(),
            services: vec![Kept::new(Service::new()); usize::from(bounds.verifiers)],
            observer: Kept::new(Observer::default()),
            stopped: None,
            wrong: None,
        };
        // That nodes begin at some time is explored as restarts; here they are there, and were seen.
        for at in 0..bounds.nodes {
            world.enter(at, mutant);
            world.change_machine(at, |machine| machine.beaten = true);
        }
        world.look(mutant);
        world
    }

    pub(crate) fn machine(&self, at: u8) -> &Machine {
        &self.machines[usize::from(at)]
    }

    pub(crate) fn change_machine<R>(&mut self, at: u8, change: impl FnOnce(&mut Machine) -> R) -> R {
        self.machines[usize::from(at)].change(change)
    }

    /// Calls a transition of the node with this row, if it is still the one on the machine.
    pub(crate) fn node<R>(&mut self, at: u8, id: u8, call: impl FnOnce(&mut Node) -> R) -> Option<R> {
        if self.machine(at).id != id || self.machine(at).node.is_none() {
            return None;
        }
        self.change_machine(at, |machine| machine.node.as_mut().map(call))
    }

    pub(crate) fn service(&self, at: u8) -> &Service {
        &self.services[usize::from(at)]
    }

    pub(crate) fn change_service<R>(&mut self, at: u8, change: impl FnOnce(&mut Service) -> R) -> R {
        self.services[usize::from(at)].change(change)
    }

    pub(crate) fn row(&mut self, node: u8) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.node == node)
    }

    /// Whether the connection with this id is still there, at the node's end.
    pub(crate) fn is_open(&self, at: u8, node: u8, id: FollowerId) -> bool {
        let machine = self.machine(at);
        machine.id == node && machine.lines.iter().any(|line| line.id == id)
    }

    // Clocks run at different rates, 4 % faster or slower than the true time. The worst for safety is a slow verifier
    // and a fast observer; a machine may be either.

    pub(crate) fn clock_of_machine(&self, at: u8) -> Time {
        clock(self.tick, self.fast[usize::from(at)])
    }

    pub(crate) fn clock_of_service(&self) -> Time {
        clock(self.tick, false)
    }

    pub(crate) fn clock_of_observer(&self) -> Time {
        clock(self.tick, true)
    }

    /// Whether a check that begins now accepts, entries aside.
    pub(crate) fn has_lease(&self, service: &Service) -> bool {
        self.clock_of_service() < service.until
    }

    /// Notes what must not be.
    pub(crate) fn judge(&mut self) {
        let (verdicts, head) = (verdicts(), self.head);
        for service in &self.services {
            // What entry n ends is everything of a position below n.
            let ended = self.reported.checked_sub(1);
            if self.has_lease(service) && ended.is_some_and(|token| verdicts.accepts(service.applied, token)) {
                self.wrong = Some(Wrong::Accepted);
            }
            if !verdicts.accepts(service.applied, head) {
                self.wrong = Some(Wrong::Refused);
            }
        }
    }
}

fn clock(tick: u8, fast: bool) -> Time {
    let rate = if fast { 1040 } else { 960 };
    Duration::from_secs(10) + Duration::from_millis(u64::from(tick) * rate)
}
