//! What may happen, each at any time.

use rescind::feed::node::{FollowerId, Node};
use rescind_domain::node::NodeId;

use crate::bounds::{Bounds, Stops, UP};
use crate::mutants::Mutant;
use crate::service::{Bye, Down, Line, Said, Service};
use crate::task::Task;
use crate::world::{World, Wrong};

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    pub(crate) what: What,
    /// After how many of its moves the process stops; 0 if it does not.
    pub(crate) stop: u8,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// Time passes, for everybody.
    Tick,
    /// An entry is committed.
    Revoke,
    /// A node says that it lives; one that has no row gets one.
    Beat(u8),
    /// A node reads the log, and sends what is new.
    Read(u8),
    /// A node lets go of leases that are over, and publishes what all its verifiers have reached; other verifiers than
    /// those that there are have reached no more than this.
    Publish { at: u8, others: Option<u8> },
    /// A node ends. Its next heartbeat begins another.
    Restart(u8),
    /// A node notices that a verifier is gone.
    Notice(u8, FollowerId),
    /// A verifier connects to a node, which reads the head, or what it read last.
    Connect { at: u8, to: u8, stale: bool },
    /// A verifier leaves what connection it has for another node than those that there are, and applies this.
    Elsewhere { at: u8, position: u8 },
    /// A verifier takes what came first, and acknowledges.
    Hear(u8),
    /// A mutant applies what it has acknowledged.
    Apply(u8),
    /// A verifier acknowledges because it is time.
    Say(u8),
    /// An acknowledgement arrives.
    Arrive(u8),
    /// One of a connection that its verifier has left arrives.
    Late(u8),
    /// A verifier leaves a connection; what was on its way to it is lost.
    Break(u8),
    /// A verifier gives its lease up, and says goodbye.
    Leave(u8),
    /// The goodbye of a verifier arrives.
    Bye(u8),
    /// Whoever waits begins to look at the rows, and stops.
    Look,
    /// Whoever waits removes the rows of nodes that have lapsed.
    Remove,
    /// Who had stopped goes on.
    Continue,
}

impl What {
    fn may_stop(self, stops: Stops) -> bool {
        match stops {
            Stops::Any => true,
            Stops::Read => matches!(self, Self::Read(_)),
            Stops::Open => matches!(self, Self::Connect { .. }),
            Stops::Look => matches!(self, Self::Look),
        }
    }
}

impl World {
    /// All that may happen now.
    pub(crate) fn steps(&self, bounds: Bounds, steps: &mut Vec<Step>) {
        if self.wrong.is_some() {
            return;
        }
        let mut may = |what: What, moves: u8| {
            let may_stop = self.pauses > 0 && self.stopped.is_none() && what.may_stop(bounds.stops);
            steps.extend((0..=if may_stop { moves } else { 0 }).map(|stop| Step { what, stop }));
        };
        if self.tick < bounds.ticks {
            may(What::Tick, 0);
        }
        if self.head < bounds.revocations {
            may(What::Revoke, 0);
        }
        for at in 0..bounds.nodes {
            self.steps_of_machine(at, &mut may);
        }
        for at in 0..bounds.verifiers {
            self.steps_of_service(at, bounds, &mut may);
        }
        if self.stopped.is_none() && self.pauses > 0 && What::Look.may_stop(bounds.stops) {
            may(What::Look, 2);
        }
        if self.observer.lapsed().next().is_some() {
            may(What::Remove, 0);
        }
        if self.stopped.is_some() {
            may(What::Continue, 0);
        }
    }

    fn steps_of_machine(&self, at: u8, may: &mut impl FnMut(What, u8)) {
        let machine = self.machine(at);
        // Each of these is done by one task of the node, which is busy while it is stopped.
        let (mut beats, mut reads, mut publishes) = (!machine.beaten, machine.node.is_some(), machine.node.is_some());
        match self.stopped.as_deref() {
            Some(Task::Enter { at: there, .. } | Task::Entered { at: there, .. }) if *there == at => beats = false,
            Some(Task::Beat { at: there, node, .. } | Task::Beaten { at: there, node, .. }) => {
                beats &= *there != at || *node != machine.id || machine.node.is_none();
            }
            Some(Task::Read { at: there, .. } | Task::Got { at: there, .. }) if *there == at => reads = false,
            Some(Task::Publish { at: there, node, .. }) if *there == at && *node == machine.id => publishes = false,
            _ => {}
        }
        if beats {
            may(What::Beat(at), 2);
        }
        if reads {
            may(What::Read(at), 2);
        }
        if publishes {
            self.publications(at, may);
        }
        for line in &machine.lines {
            let connected = self.service(line.service).line.as_ref();
            if connected.is_none_or(|there| (there.at, there.node, there.id) != (at, machine.id, line.id)) {
                may(What::Notice(at, line.id), 0);
            }
        }
        if self.restarts > 0 && machine.node.is_some() {
            may(What::Restart(at), 0);
        }
    }

    fn steps_of_service(&self, at: u8, bounds: Bounds, may: &mut impl FnMut(What, u8)) {
        let service = self.service(at);
        let busy = |at: u8, node: u8, id: FollowerId| match self.stopped.as_deref() {
            Some(Task::Arrived { said, .. }) => (said.at, said.node, said.id) == (at, node, id),
            _ => false,
        };
        if service.late.is_some_and(|said| !busy(said.at, said.node, said.id)) {
            may(What::Late(at), 1);
        }
        // One that overtakes an acknowledgement is as good as one before which that was lost.
        if service.bye.is_some_and(|bye| !busy(bye.at, bye.node, bye.id)) {
            may(What::Bye(at), 0);
        }
        if service.unapplied > service.applied {
            may(What::Apply(at), 0);
        }
        let line = service.line.as_ref();
        let open = line.is_some_and(|line| self.is_open(line.at, line.node, line.id));
        let opening = matches!(self.stopped.as_deref(), Some(Task::Opening { service, .. }) if *service == at);
        if !open && !opening {
            for to in 0..bounds.nodes {
                let Some(node) = &self.machine(to).node else { continue };
                // One connection may be left that the node has not noticed to be gone, and no more.
                if self.machine(to).lines.iter().filter(|line| line.service == at).count() > 1 {
                    continue;
                }
                may(What::Connect { at, to, stale: false }, 2);
                if bounds.stale && node.head() < self.head.into() {
                    may(What::Connect { at, to, stale: true }, 2);
                }
            }
            for position in service.applied..=if self.others { self.head } else { 0 } {
                if position > service.applied || line.is_some() && self.others {
                    may(What::Elsewhere { at, position }, 0);
                }
            }
        }
        let Some(line) = line else { return };
        let room = line.up.len() < UP;
        if line.down.first().is_some_and(|down| room || !open || matches!(down, Down::Echo(_))) {
            may(What::Hear(at), 0);
        }
        if open && line.following && room && !service.said {
            may(What::Say(at), 0);
        }
        if open && self.said(at).is_some_and(|said| !busy(said.at, said.node, said.id)) {
            may(What::Arrive(at), 1);
        }
        if open && self.breaks > 0 {
            may(What::Break(at), 0);
        }
        if open && self.goodbyes > 0 && service.bye.is_none() {
            may(What::Leave(at), 0);
        }
    }

    /// The first acknowledgement on its way from a service.
    fn said(&self, at: u8) -> Option<Said> {
        let line = self.service(at).line.as_ref()?;
        line.up.first().map(|ack| Said { at: line.at, node: line.node, id: line.id, ack: *ack })
    }

    /// What it comes to; nothing if it does not come so far.
    pub(crate) fn after(&self, step: Step, mutant: Option<Mutant>) -> Option<Self> {
        let mut world = self.clone();
        let mut task = world.begin(step.what, mutant);
        let mut moves = 1;
        while moves != step.stop
            && let Some(next) = task
        {
            task = world.proceed(next, mutant);
            moves += 1;
        }
        if step.stop > 0 {
            world.pauses -= 1;
            world.stopped = Some(Box::new(task?));
        }
        let news = (&world.rows, world.tick, world.head) != (&self.rows, self.tick, self.head);
        if news || step.what == What::Continue {
            world.look(mutant);
        }
        world.judge();
        let mut services = world.services.iter().zip(&self.services);
        if world.others && services.any(|(after, before)| after.applied < before.applied) {
            world.wrong = Some(Wrong::Forgot);
        }
        if world.lean {
            world.leave_out();
        }
        Some(world)
    }

    /// Whoever waits looks after whatever there is to see. One who looked less often would see each counter no earlier,
    /// hence each lapse no earlier, and each position no earlier: what it reports has been reported here by then, and what
    /// it removes may have been removed here.
    pub(crate) fn look(&mut self, mutant: Option<Mutant>) {
        if !matches!(self.stopped.as_deref(), Some(Task::Look { .. } | Task::Looked { .. })) {
            let mut task = Some(Task::Look { began: self.clock_of_observer() });
            while let Some(next) = task {
                task = self.proceed(next, mutant);
            }
        }
    }

    /// Does the first move. Answers what is left after it.
    fn begin(&mut self, what: What, mutant: Option<Mutant>) -> Option<Task> {
        match what {
            What::Tick => self.pass(),
            What::Revoke => self.head += 1,
            What::Beat(at) => return Some(self.beat(at)),
            What::Read(at) => {
                let (node, began) = (self.machine(at).id, self.clock_of_machine(at));
                self.node(at, node, Node::begin_read);
                return Some(Task::Read { at, node, began });
            }
            What::Publish { at, others } => return self.publish(at, others, mutant),
            What::Restart(at) => self.restart(at, mutant),
            What::Notice(at, id) => self.notice(at, id, mutant),
            What::Connect { at, to, stale } => {
                self.change_service(at, |service| service.line = None);
                let node = self.machine(to).id;
                let known = self.machine(to).node.as_ref().map_or(0, Node::head);
                let position = if stale { small(known) } else { self.head };
                return Some(Task::Opening { at: to, node, service: at, position });
            }
            What::Elsewhere { at, position } => self.change_service(at, |service| {
                (service.applied, service.unapplied, service.line) = (position, position, None);
            }),
            What::Hear(at) => {
                let (tick, now) = (self.tick, self.clock_of_service());
                self.change_service(at, |service| {
                    if service.hear(now, mutant) {
                        service.say(tick, now, mutant);
                    }
                });
            }
            What::Apply(at) => self.change_service(at, |service| service.applied = service.unapplied),
            What::Say(at) => {
                let (tick, now) = (self.tick, self.clock_of_service());
                self.change_service(at, |service| service.say(tick, now, mutant));
            }
            What::Arrive(at) => {
                let said = self.said(at)?;
                self.change_service(at, Service::arrived);
                return Some(Task::Arrived { said, arrived: self.clock_of_machine(said.at) });
            }
            What::Late(at) => {
                let said = self.change_service(at, |service| service.late.take())?;
                return Some(Task::Arrived { said, arrived: self.clock_of_machine(said.at) });
            }
            What::Break(at) => {
                self.breaks -= 1;
                let late = self.said(at);
                self.change_service(at, |service| (service.line, service.late) = (None, late));
            }
            What::Leave(at) => {
                self.goodbyes -= 1;
                let late = self.said(at);
                self.change_service(at, |service| service.leave(late, mutant));
            }
            What::Bye(at) => self.bye(at, mutant),
            What::Look => return Some(Task::Look { began: self.clock_of_observer() }),
            What::Remove => {
                let lapsed: Vec<(NodeId, u64)> = self.observer.lapsed().collect();
                self.rows.retain(|row| {
                    let row = row.as_read();
                    !lapsed.contains(&(row.id, row.counter))
                });
            }
            What::Continue => return self.stopped.take().map(|task| *task),
        }
        None
    }

    fn pass(&mut self) {
        self.tick += 1;
        let now = self.clock_of_service();
        for machine in &mut self.machines {
            machine.change(|machine| machine.beaten = false);
        }
        for service in &mut self.services {
            service.change(|service| service.forget(now));
        }
    }

    fn beat(&mut self, at: u8) -> Task {
        let sent = self.clock_of_machine(at);
        let counter = self.tick + 1;
        let node = self.change_machine(at, |machine| {
            machine.beaten = true;
            machine.node.as_ref().map(|node| (machine.id, node.reached()))
        });
        match node {
            // A counter that says when it was rises, and does not depend on how many there were.
            Some((node, reached)) => Task::Beat { at, node, sent, counter, reached: small(reached) },
            None => Task::Enter { at, sent },
        }
    }

    fn notice(&mut self, at: u8, id: FollowerId, mutant: Option<Mutant>) {
        self.change_machine(at, |machine| {
            machine.lines.retain(|line| line.id != id);
            let node = machine.node.as_mut().expect("a node");
            if mutant == Some(Mutant::ForgetsWhoLeft) { node.goodbye(id) } else { node.gone(id) }
        });
        self.forget_late(at, id);
    }

    fn bye(&mut self, at: u8, mutant: Option<Mutant>) {
        let Some(Bye { at: machine, node, id }) = self.change_service(at, |service| service.bye.take()) else { return };
        if !self.is_open(machine, node, id) {
            return;
        }
        self.change_machine(machine, |machine| machine.lines.retain(|line| line.id != id));
        self.node(machine, node, |node| {
            if mutant == Some(Mutant::GoodbyeFreesAll) {
                let all: Vec<_> = node.followers().map(|held| held.id).filter(|other| other / 8 == id / 8).collect();
                for id in all {
                    node.goodbye(id);
                }
            }
            node.goodbye(id);
        });
        self.forget_late(machine, id);
    }

    fn restart(&mut self, at: u8, mutant: Option<Mutant>) {
        self.restarts -= 1;
        if mutant == Some(Mutant::DeletesRowOnShutdown) {
            let node = self.machine(at).id;
            self.rows.retain(|row| row.node != node);
        }
        self.end_node(at);
        if self.stopped.as_ref().is_some_and(|task| task.dies_with(at)) {
            self.stopped = None;
        }
    }
}

pub(crate) fn small(position: u64) -> u8 {
    u8::try_from(position).expect("a position within the bounds")
}

impl Service {
    pub(crate) fn connect(&mut self, at: u8, node: u8, id: FollowerId, down: Vec<Down>) {
        let (waiting, up) = (Vec::new(), Vec::new());
        // It will have, once it has heard the first of it.
        self.said = false;
        self.line = Some(Line { at, node, id, waiting, down, up, last: 0, following: false });
    }

    fn arrived(&mut self) {
        if let Some(line) = &mut self.line {
            line.up.remove(0);
        }
    }
}
