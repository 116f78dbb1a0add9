//! Whoever waits for an enforcement observes the rows of all nodes: a revocation is enforced once every node has
//! published that it reached it, or has let its own lease, and with it those of its verifiers, run out (R8).

use std::collections::BTreeMap;
use std::time::Duration;

use rescind_domain::node::{NodeId, NodeRow};

use super::lease::{Time, counted};

/// What an observer has seen of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Observer {
    seen: BTreeMap<NodeId, Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Seen {
    counter: u64,
    lease: Duration,
    reached: u64,
    /// The clock after the read that first showed this counter.
    at: Time,
    lapsed: bool,
}

/// A node that has not reached a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Missing {
    /// Which.
    pub node: NodeId,
    /// By when it has, unless it goes on with its heartbeats.
    pub bound: Time,
}

impl Observer {
    /// All rows, by one read of the primary that was begun at `began`; `done` is read after it. A node that showed the
    /// same counter for its whole lease, with margin, has lapsed.
    pub fn observe(&mut self, rows: &[NodeRow], began: Time, done: Time) {
        self.seen.retain(|id, _| rows.iter().any(|row| row.id == *id));
        for row in rows {
            let former = self.seen.get(&row.id).filter(|seen| seen.counter == row.counter);
            let at = former.map_or(done, |seen| seen.at);
            let lapsed = former.is_some_and(|seen| seen.lapsed || began >= seen.at + counted(seen.lease));
            let seen = Seen { counter: row.counter, lease: row.lease, reached: row.reached, at, lapsed };
            self.seen.insert(row.id, seen);
        }
    }

    /// The nodes that have lapsed: their rows may be removed, if they still show this counter.
    pub fn lapsed(&self) -> impl Iterator<Item = (NodeId, u64)> {
        self.seen.iter().filter(|(_, seen)| seen.lapsed).map(|(id, seen)| (*id, seen.counter))
    }

    /// Who still may let a verifier accept what position `number` ended. Nobody: it is enforced.
    pub fn missing(&self, number: u64) -> impl Iterator<Item = Missing> {
        let late = move |seen: &Seen| !seen.lapsed && seen.reached < number;
        self.seen
            .iter()
            .filter(move |(_, seen)| late(seen))
            .map(|(id, seen)| Missing { node: *id, bound: seen.at + counted(seen.lease) })
    }
}

#[cfg(test)]
mod tests;
