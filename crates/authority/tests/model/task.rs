//! What a process does in several moves, between which it may stop: it reads a clock or the store, and acts on it later.

use std::time::Duration;

use rescind::feed::lease::Time;
use rescind::feed::node::{FollowerId, Node, Verdict};
use rescind_wire::feed::Closing;

use crate::bounds::DOWN;
use crate::mutants::Mutant;
use crate::service::{Down, Said};
use crate::world::{LEASE, LineEnd, NODE_LEASE, Row, World, Wrong};

/// What is left to do, with what was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// A node has read its clock, and is to have a row.
    Enter { at: u8, sent: Time },
    /// The row is there; the node does not know yet.
    Entered { at: u8, node: u8, sent: Time, reached: u8 },
    /// A node has read its clock, and the heartbeat is on its way to the store.
    Beat { at: u8, node: u8, sent: Time, counter: u8, reached: u8 },
    /// The heartbeat is recorded; the node does not know yet.
    Beaten { at: u8, node: u8, sent: Time },
    /// A read of the log has begun.
    Read { at: u8, node: u8, began: Time },
    /// The log was read.
    Got { at: u8, node: u8, began: Time, head: u8 },
    /// What all verifiers have reached is on its way to the store.
    Publish { at: u8, node: u8, reached: u8 },
    /// The head was read for a verifier that connects.
    Opening { at: u8, node: u8, service: u8, position: u8 },
    /// What was missing is sent; the connection does not get yet what all get.
    Catching { at: u8, node: u8, id: FollowerId },
    /// An acknowledgement has arrived, and the clock was read.
    Arrived { said: Said, arrived: Time },
    /// Whoever waits has read its clock.
    Look { began: Time },
    /// Whoever waits has read the rows, and the head.
    Looked { began: Time, rows: Vec<Row>, head: u8 },
}

impl Task {
    /// Whether it ends with the process on this machine. What is on its way to the store may arrive all the same.
    pub(crate) fn dies_with(&self, machine: u8) -> bool {
        match self {
            Self::Enter { at, .. }
            | Self::Entered { at, .. }
            | Self::Beaten { at, .. }
            | Self::Read { at, .. }
            | Self::Got { at, .. }
            | Self::Opening { at, .. }
            | Self::Catching { at, .. } => *at == machine,
            Self::Arrived { said, .. } => said.at == machine,
            Self::Beat { .. } | Self::Publish { .. } | Self::Look { .. } | Self::Looked { .. } => false,
        }
    }
}

impl Task {
    /// The connection at a node on this machine that it is about.
    fn follower(&self, machine: u8) -> Option<FollowerId> {
        match self {
            Self::Catching { at, id, .. } if *at == machine => Some(*id),
            Self::Arrived { said, .. } if said.at == machine => Some(said.id),
            _ => None,
        }
    }
}

impl World {
    /// Does the next move. Answers what is left after it.
    pub(crate) fn proceed(&mut self, task: Task, mutant: Option<Mutant>) -> Option<Task> {
        match task {
            Task::Enter { at, sent } => {
                let (node, reached) = self.insert_row(at, mutant);
                Some(Task::Entered { at, node, sent, reached })
            }
            Task::Entered { at, node, sent, reached } => self.entered(at, node, (sent, reached), mutant),
            Task::Beat { at, node, sent, counter, reached } => match self.row(node) {
                Some(row) => {
                    (row.counter, row.reached) = (row.counter.max(counter), row.reached.max(reached));
                    Some(Task::Beaten { at, node, sent })
                }
                None => self.given_up(at, node),
            },
            Task::Beaten { at, node, sent } => self.beaten(at, node, sent, mutant),
            Task::Read { at, node, began } => Some(Task::Got { at, node, began, head: self.head }),
            Task::Got { at, node, began, head } => self.log_read(at, node, (began, head), mutant),
            Task::Publish { at, node, reached } => match self.row(node) {
                Some(row) => {
                    row.reached = row.reached.max(reached);
                    None
                }
                None => self.given_up(at, node),
            },
            Task::Opening { at, node, service, position } => self.open(at, node, (service, position), mutant),
            Task::Catching { at, node, id } => self.go_live(at, node, id),
            Task::Arrived { said, arrived } => self.acknowledged(said, arrived, mutant),
            Task::Look { began } => Some(Task::Looked { began, rows: self.rows.clone(), head: self.head }),
            Task::Looked { began, rows, head } => self.looked(began, &rows, head, mutant),
        }
    }

    /// All moves of a node's beginning at once.
    pub(crate) fn enter(&mut self, at: u8, mutant: Option<Mutant>) {
        let (node, reached) = self.insert_row(at, None);
        self.entered(at, node, (self.clock_of_machine(at), reached), mutant);
    }

    fn insert_row(&mut self, at: u8, mutant: Option<Mutant>) -> (u8, u8) {
        let (former, head) = (self.machine(at).id, self.head);
        if mutant == Some(Mutant::NoWaitAfterRestart)
            && let Some(row) = self.row(former)
        {
            row.reached = head;
            return (former, head);
        }
        let node = former + 1;
        self.change_machine(at, |machine| machine.id = node);
        self.rows.push(Row { node, counter: 0, reached: head });
        self.rows.sort_by_key(|row| row.node);
        (node, head)
    }

    fn entered(&mut self, at: u8, id: u8, row: (Time, u8), mutant: Option<Mutant>) -> Option<Task> {
        let (sent, reached) = row;
        self.change_machine(at, |machine| {
            if machine.id == id {
                let mut node = Node::new(reached.into(), sent);
                node.heartbeat(sent, lease(mutant));
                machine.node = Some(node);
            }
        });
        None
    }

    /// The row is gone: whoever waited gave this node up. It promises nothing any more.
    fn given_up(&mut self, at: u8, node: u8) -> Option<Task> {
        if self.machine(at).id == node {
            self.end_node(at);
        }
        None
    }

    /// Nothing that is on its way to the node arrives any more; what it has sent may.
    pub(crate) fn end_node(&mut self, at: u8) {
        self.change_machine(at, |machine| {
            (machine.node, machine.beaten) = (None, false);
            machine.lines.clear();
        });
        for service in &mut self.services {
            let late = service.late.filter(|said| said.at != at);
            let bye = service.bye.filter(|bye| bye.at != at);
            if (late, bye) != (service.late, service.bye) {
                service.change(|service| (service.late, service.bye) = (late, bye));
            }
        }
    }

    fn beaten(&mut self, at: u8, node: u8, sent: Time, mutant: Option<Mutant>) -> Option<Task> {
        let now = self.clock_of_machine(at);
        self.node(at, node, |node| {
            node.heartbeat(sent, lease(mutant));
            if mutant == Some(Mutant::EchoesBeforeRereading) {
                node.begin_read();
                node.log_read(node.head(), now, true);
            }
        });
        None
    }

    fn log_read(&mut self, at: u8, id: u8, read: (Time, u8), mutant: Option<Mutant>) -> Option<Task> {
        let (began, head) = read;
        let former = self.node(at, id, |node| {
            let former = node.head();
            node.log_read(head.into(), began, true);
            former
        })?;
        let former = u8::try_from(former).expect("small");
        let lines = self.machine(at).lines.clone();
        for line in &lines {
            if line.live && former < head {
                self.send(at, line.id, Down::Entries(former, head));
            }
            if line.live || mutant == Some(Mutant::AdmitsBelowPublished) {
                self.node(at, id, |node| node.sent(line.id, head.into()));
            }
        }
        self.echo_due(at, id);
        None
    }

    fn echo_due(&mut self, at: u8, id: u8) {
        let now = self.clock_of_machine(at);
        for (follower, number) in self.node(at, id, |node| node.due(now)).unwrap_or_default() {
            self.send(at, follower, Down::Echo(number));
        }
    }

    /// Puts something into a connection's queue. One that is full is cut off.
    fn send(&mut self, at: u8, id: FollowerId, down: Down) {
        let (node, lines) = (self.machine(at).id, &self.machine(at).lines);
        let Some(service) = lines.iter().find(|line| line.id == id).map(|line| line.service) else { return };
        let line = self.service(service).line.as_ref();
        let Some(line) = line.filter(|line| (line.at, line.node, line.id) == (at, node, id)) else { return };
        if line.down.len() >= DOWN {
            self.close(at, id);
            return;
        }
        self.change_service(service, |service| service.line.as_mut().expect("connected").down.push(down));
    }

    /// The node's end of a connection is gone.
    pub(crate) fn close(&mut self, at: u8, id: FollowerId) {
        self.change_machine(at, |machine| {
            machine.lines.retain(|line| line.id != id);
            machine.node.as_mut().expect("a node").gone(id);
        });
        self.forget_late(at, id);
    }

    /// What was on its way on a connection that is gone does not arrive.
    pub(crate) fn forget_late(&mut self, at: u8, id: FollowerId) {
        for service in &mut self.services {
            let late = service.late.filter(|said| (said.at, said.id) != (at, id));
            let bye = service.bye.filter(|bye| (bye.at, bye.id) != (at, id));
            if (late, bye) != (service.late, service.bye) {
                service.change(|service| (service.late, service.bye) = (late, bye));
            }
        }
    }

    fn open(&mut self, at: u8, id: u8, opening: (u8, u8), mutant: Option<Mutant>) -> Option<Task> {
        let (service, position) = opening;
        let machine = self.machine(at);
        let here = machine.node.as_ref().filter(|_| machine.id == id)?;
        // An id that nothing remembers is as good as a new one.
        let stopped = self.stopped.as_deref().and_then(|task| task.follower(at));
        let used = |id: FollowerId| stopped == Some(id) || here.followers().any(|held| held.id == id);
        let first = u64::from(service) * 8;
        let follower = (first..first + 8).find(|id| !used(*id))?;
        self.change_machine(at, |machine| {
            let node = machine.node.as_mut().expect("a node");
            node.connect(follower, LEASE);
            if mutant != Some(Mutant::CountsAsSentLate) {
                node.sent(follower, position.into());
            }
            machine.lines.push(LineEnd { id: follower, service, sent: position, live: false });
            machine.lines.sort_by_key(|line| line.id);
        });
        let down = vec![Down::Snapshot(position)];
        self.change_service(service, |service| service.connect(at, id, follower, down));
        Some(Task::Catching { at, node: id, id: follower })
    }

    fn go_live(&mut self, at: u8, node: u8, id: FollowerId) -> Option<Task> {
        let line = *self.machine(at).lines.iter().find(|line| line.id == id).filter(|_| self.is_open(at, node, id))?;
        let head = u8::try_from(self.node(at, node, |node| node.head())?).expect("small");
        self.change_machine(at, |machine| {
            let end = machine.lines.iter_mut().find(|line| line.id == id).expect("open");
            (end.live, end.sent) = (true, 0);
            machine.node.as_mut().expect("a node").sent(id, line.sent.max(head).into());
        });
        if line.sent < head {
            self.send(at, id, Down::Entries(line.sent, head));
        }
        None
    }

    fn acknowledged(&mut self, said: Said, arrived: Time, mutant: Option<Mutant>) -> Option<Task> {
        let Said { at, node: id, id: follower, ack } = said;
        if !self.is_open(at, id, follower) {
            return None;
        }
        let verdict = self.node(at, id, |node| node.ack(follower, ack, arrived))?;
        match (verdict, mutant) {
            (Verdict::Echo, _) => self.send(at, follower, Down::Echo(ack.number)),
            (Verdict::Close(Closing::Lapsed), Some(Mutant::EchoesLapsed)) => {
                self.send(at, follower, Down::Echo(ack.number));
            }
            (Verdict::Silent, Some(Mutant::FirstEchoBelowPublished)) if self.is_first_and_below(at, said) => {
                self.send(at, follower, Down::Echo(ack.number));
            }
            (Verdict::Read, Some(Mutant::FirstEchoBeforeRead)) => {
                self.node(at, id, |node| {
                    node.begin_read();
                    node.log_read(node.head(), arrived, true);
                });
                self.echo_due(at, id);
            }
            (Verdict::Close(reason), _) => {
                if reason == Closing::Protocol {
                    self.wrong = Some(Wrong::Accused);
                }
                self.close(at, follower);
            }
            (Verdict::Silent | Verdict::Read, _) => {}
        }
        if self.lean {
            self.leave_out_unechoed(said, verdict);
        }
        None
    }

    fn is_first_and_below(&self, at: u8, said: Said) -> bool {
        let node = self.machine(at).node.as_ref().expect("a node");
        let held = node.followers().find(|held| held.id == said.id);
        held.is_some_and(|held| held.until.is_none()) && said.ack.position < node.reached()
    }

    fn looked(&mut self, began: Time, rows: &[Row], head: u8, mutant: Option<Mutant>) -> Option<Task> {
        let done = if mutant == Some(Mutant::ClockBeforeRead) { began } else { self.clock_of_observer() };
        let read: Vec<_> = rows.iter().map(|row| row.as_read()).collect();
        self.observer.change(|observer| observer.observe(&read, began, done));
        for number in self.reported + 1..=head {
            if self.observer.missing(number.into()).next().is_none() {
                self.reported = number;
            }
        }
        None
    }
}

/// For how long a node thinks that it may echo.
fn lease(mutant: Option<Mutant>) -> Duration {
    if mutant == Some(Mutant::EchoesBeyondOwnLease) { NODE_LEASE * 100 } else { NODE_LEASE }
}
