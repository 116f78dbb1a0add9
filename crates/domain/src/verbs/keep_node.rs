//! What a node of the authority says of itself in the store, and what others read there (R8). Each step is one short
//! transaction, so that heartbeats never wait long.

use std::time::Duration;

use rescind_wire::{Epoch, Position};

use crate::error::Error;
use crate::node::{NodeId, NodeRow};
use crate::store::{StoreError, Tx, View};
use crate::world::World;

/// The setting that holds the longest lease that any node ever had, in milliseconds.
pub const LONGEST_LEASE: &str = "longest_node_lease_ms";

/// The setting that names the epoch in which the leases of the former one have run out.
const SETTLED: &str = "settled_epoch";

/// Begins to be a node: from now on, whoever waits for an enforcement waits for this one too. It has reached the head as
/// it is here.
pub async fn enter(world: &World, id: NodeId, lease: Duration) -> Result<NodeRow, Error> {
    world
        .store
        .transact("enter_node", move |tx| {
            record_lease(tx, lease)?;
            let row = NodeRow { id, counter: 0, lease, reached: tx.head()?.position.number, verifiers: 0 };
            tx.insert_node(&row)?;
            Ok(row)
        })
        .await
}

/// Writes down what a node says of itself. Answers whether its row is there: one that is gone was given up by somebody
/// who waited, and the node must begin anew.
pub async fn tell(world: &World, row: NodeRow) -> Result<bool, Error> {
    world
        .store
        .transact("tell_node", move |tx| {
            record_lease(tx, row.lease)?;
            Ok(tx.update_node(&row)?)
        })
        .await
}

/// Removes nodes that were seen to have stopped, unless they have said something since.
pub async fn remove(world: &World, lapsed: Vec<(NodeId, u64)>) -> Result<(), Error> {
    world
        .store
        .transact("remove_nodes", move |tx| {
            lapsed.iter().try_for_each(|(id, counter)| tx.remove_node(id, *counter).map(drop))?;
            Ok(())
        })
        .await
}

/// What whoever waits for an enforcement reads.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// All nodes.
    pub rows: Vec<NodeRow>,
    /// The head of the log.
    pub head: Position,
    /// The longest lease that is recorded, if this is not the first epoch and nobody has yet waited for the end of what
    /// earlier ones granted: nodes of a history that was lost have no row. That history may have granted a longer one, of
    /// which a store that was put back knows nothing.
    pub unsettled: Option<Duration>,
}

/// Reads all nodes.
pub async fn look(world: &World) -> Result<Nodes, Error> {
    world
        .store
        .read("look_at_nodes", |view| {
            let (rows, head) = (view.nodes()?, view.head()?.position);
            let settled = view.epochs()?.former.is_empty() || view.setting(SETTLED)? == Some(head.epoch.to_string());
            let unsettled = if settled { None } else { Some(longest_lease(view)?) };
            Ok(Nodes { rows, head, unsettled })
        })
        .await
}

/// All leases of the epochs before `epoch` have run out, says whoever waited for that.
pub async fn settle(world: &World, epoch: Epoch) -> Result<(), Error> {
    world.store.transact("settle_epoch", move |tx| Ok(tx.set_setting(SETTLED, Some(&epoch.to_string()))?)).await
}

fn record_lease(tx: &mut dyn Tx, lease: Duration) -> Result<(), StoreError> {
    if longest_lease(tx)? < lease || tx.setting(LONGEST_LEASE)?.is_none() {
        tx.set_setting(LONGEST_LEASE, Some(&lease.as_millis().to_string()))?;
    }
    Ok(())
}

fn longest_lease<V: View + ?Sized>(view: &V) -> Result<Duration, StoreError> {
    let Some(text) = view.setting(LONGEST_LEASE)? else { return Ok(Duration::ZERO) };
    text.parse().map(Duration::from_millis).map_err(|_| StoreError::Corrupt {
        table: "settings",
        column: "value",
        key: LONGEST_LEASE.into(),
        problem: format!("{text:?} is not a number"),
    })
}
