//! What makes no difference any more is left out of a world, so that worlds which only differ in that are one.

use rescind::feed::node::Verdict;

use crate::service::{Down, Line, Said};
use crate::task::Task;
use crate::world::World;

impl World {
    /// After each step.
    pub(crate) fn leave_out(&mut self) {
        for at in 0..self.services.len() {
            self.leave_out_of_closed_line(at);
        }
        if self.stopped.as_deref().is_some_and(|task| self.comes_to_nothing(task)) {
            self.stopped = None;
        }
    }

    /// Of a connection whose other end is gone there is only what is on its way to the verifier, and to what an echo on
    /// its way would lead: nothing that it says arrives. Without any of that it is none.
    fn leave_out_of_closed_line(&mut self, at: usize) {
        let Some(line) = &self.services[at].line else { return };
        if self.is_open(line.at, line.node, line.id) {
            return;
        }
        let waits = |line: &Line, number| line.down.contains(&Down::Echo(number));
        let is_lean = !line.down.is_empty()
            && line.up.is_empty()
            && (line.last, line.following) == (0, false)
            && line.waiting.iter().all(|(ack, _)| waits(line, ack.number));
        if !is_lean {
            self.services[at].change(|service| {
                let Some(mut line) = service.line.take().filter(|line| !line.down.is_empty()) else { return };
                line.up.clear();
                (line.last, line.following) = (0, false);
                let numbers = line.clone();
                line.waiting.retain(|(ack, _)| waits(&numbers, ack.number));
                service.line = Some(line);
            });
        }
    }

    /// Whether who goes on with this does nothing: what it is about is gone, and never comes back. Who has nothing to do
    /// keeps nobody waiting.
    fn comes_to_nothing(&self, task: &Task) -> bool {
        let is_gone = |at: u8, node: u8| self.machine(at).id != node || self.machine(at).node.is_none();
        match *task {
            Task::Entered { at, node, .. } => self.machine(at).id != node,
            Task::Beaten { at, node, .. }
            | Task::Read { at, node, .. }
            | Task::Got { at, node, .. }
            | Task::Opening { at, node, .. } => is_gone(at, node),
            Task::Catching { at, node, id } | Task::Arrived { said: Said { at, node, id, .. }, .. } => {
                is_gone(at, node) || !self.is_open(at, node, id)
            }
            // A row that is gone stays gone.
            Task::Beat { at, node, counter, reached, .. } => {
                is_gone(at, node) && self.is_written(node, counter, reached)
            }
            Task::Publish { at, node, reached } => is_gone(at, node) && self.is_written(node, 0, reached),
            Task::Enter { .. } | Task::Look { .. } | Task::Looked { .. } => false,
        }
    }

    /// Whether the row of a node that is gone says at least this, or is gone, too.
    fn is_written(&self, node: u8, counter: u8, reached: u8) -> bool {
        let row = self.rows.iter().find(|row| row.node == node);
        row.is_none_or(|row| row.counter >= counter && row.reached >= reached)
    }

    /// An acknowledgement was answered with this: the verifier need not wait for echoes that never come. Those that are
    /// silent are never echoed; once one is, or is to be as soon as the log was read, none before it will be.
    pub(crate) fn leave_out_unechoed(&mut self, said: Said, verdict: Verdict) {
        for service in &mut self.services {
            let line = service.line.as_ref();
            if line.is_none_or(|line| (line.at, line.node, line.id) != (said.at, said.node, said.id)) {
                continue;
            }
            service.change(|service| {
                let Some(Line { waiting, down, .. }) = &mut service.line else { return };
                waiting.retain(|(ack, _)| {
                    let never = match verdict {
                        Verdict::Silent => ack.number == said.ack.number,
                        Verdict::Echo | Verdict::Read => ack.number < said.ack.number,
                        Verdict::Close(_) => true,
                    };
                    !never || down.contains(&Down::Echo(ack.number))
                });
            });
        }
    }
}
