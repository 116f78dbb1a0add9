//! The verifiers of a node as people are shown them.

use std::sync::Arc;

use rescind_domain::node::NodeId;

use super::{Follower, Hub, State};
use crate::feed::lease::Time;
use crate::feed::node::{FollowerId, Held};

/// A verifier, as people are shown it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Which connection.
    pub id: FollowerId,
    /// Who.
    pub follower: Arc<Follower>,
    /// Entries up to here are applied.
    pub position: u64,
    /// When the authority counts its lease as over, if it may hold one.
    pub until: Option<Time>,
    /// When it acknowledged last.
    pub acked_at: Option<Time>,
    /// Whether it is connected.
    pub connected: bool,
}

impl Hub {
    /// All verifiers but the node's own.
    pub fn list(&self) -> Vec<Listed> {
        let state = self.lock();
        let followers = state.here.iter().flat_map(|here| here.node.followers());
        followers.filter_map(|held| state.listed(&held)).collect()
    }

    /// One of them.
    pub fn find(&self, id: FollowerId) -> Option<Listed> {
        self.list().into_iter().find(|listed| listed.id == id)
    }

    /// Those that may accept what entry `number` ended, and by when each has acknowledged it or accepts no more.
    pub fn late(&self, number: u64, now: Time) -> Vec<(Listed, Time)> {
        let state = self.lock();
        let late = state.here.iter().flat_map(|here| here.node.late(number, now));
        late.filter_map(|(held, bound)| Some((state.listed(&held)?, bound))).collect()
    }

    /// This node, and the position that all its verifiers that may accept have acknowledged, its own one too.
    pub fn acknowledged(&self) -> Option<(NodeId, u64)> {
        self.lock().here.as_ref().map(|here| (here.row.id, here.node.lowest()))
    }

    /// The last entry that this node has read, and sent to its verifiers.
    pub fn head(&self) -> u64 {
        self.lock().here.as_ref().map_or(0, |here| here.node.head())
    }
}

impl State {
    /// Nothing for the node's own.
    fn listed(&self, held: &Held) -> Option<Listed> {
        let connection = self.connections.get(&held.id)?;
        Some(Listed {
            id: held.id,
            follower: Arc::clone(&connection.follower),
            position: held.acked,
            until: held.until,
            acked_at: connection.acked_at,
            connected: held.connected,
        })
    }
}
