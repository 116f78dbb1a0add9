//! What a node publishes, with other verifiers beside those that there are, or without.

use std::time::Duration;

use rescind::feed::lease::Time;
use rescind::feed::node::{FollowerId, Node, Verdict};
use rescind_wire::feed::Ack;

use crate::mutants::Mutant;
use crate::step::{What, small};
use crate::task::Task;
use crate::world::World;

/// Any of the verifiers that there are beside.
const OTHER: FollowerId = FollowerId::MAX;

/// So long a lease that nothing is too old for it.
const LONG: Duration = Duration::from_secs(1_000_000);

impl World {
    /// Lets a node publish all that it may, unless that changes nothing.
    pub(crate) fn publications(&self, at: u8, may: &mut impl FnMut(What, u8)) {
        let Some(node) = &self.machine(at).node else { return };
        // An other one may have been told of what the node itself has not read yet.
        let positions = node.reached()..=u64::from(self.head);
        let others = positions.filter(|_| self.others).map(|position| Some(small(position)));
        let mut found: Vec<Node> = Vec::new();
        for others in others.chain([None]) {
            let Some((published, rises)) = self.publication(at, others) else { continue };
            if !found.contains(&published) {
                found.push(published);
                may(What::Publish { at, others }, u8::from(rises));
            }
        }
    }

    /// What publishing makes of a node, and whether it has to be written; nothing if that changes nothing.
    pub(crate) fn publication(&self, at: u8, others: Option<u8>) -> Option<(Node, bool)> {
        let before = self.machine(at).node.as_ref()?;
        let mut node = before.clone();
        let rises = published(&mut node, self.clock_of_machine(at), others, None).is_some();
        (rises || node != *before).then_some((node, rises))
    }

    pub(crate) fn publish(&mut self, at: u8, others: Option<u8>, mutant: Option<Mutant>) -> Option<Task> {
        let now = self.clock_of_machine(at);
        let node = self.machine(at).id;
        for id in self.node(at, node, |node| node.settle(now))? {
            self.close(at, id);
        }
        let reached = self.node(at, node, |node| published(node, now, others, mutant))??;
        Some(Task::Publish { at, node, reached: small(reached) })
    }
}

fn published(node: &mut Node, now: Time, others: Option<u8>, mutant: Option<Mutant>) -> Option<u64> {
    // Whichever of the others has reached least. Here it comes for this one step; with such a lease, the node takes it
    // for one that has been there for long.
    if let Some(position) = others {
        node.connect(OTHER, LONG);
        node.sent(OTHER, position.into());
        let ack = Ack { position: position.into(), number: 1 };
        assert_eq!(node.ack(OTHER, ack, now), Verdict::Read);
    }
    let reached = match mutant {
        Some(Mutant::AdmitsBelowPublished) => node.clone().publish(now),
        _ => node.publish(now),
    };
    node.goodbye(OTHER);
    reached
}
