//! Nodes.

use rescind_domain::node::{NodeId, NodeRow};
use rescind_domain::store::StoreError;
use rusqlite::{Connection, params};

use super::cells::{Cells, all, change, int, millis};

/// All of them.
pub(super) fn list(conn: &Connection) -> Result<Vec<NodeRow>, StoreError> {
    all(conn, "SELECT id, counter, lease, reached, verifiers FROM nodes ORDER BY id", [], |row| {
        let mut cells = Cells::new(row, "nodes", 1);
        Ok(NodeRow {
            id: NodeId::from_bytes(cells.bytes("id")?),
            counter: cells.number("counter")?,
            lease: cells.millis("lease")?,
            reached: cells.number("reached")?,
            verifiers: cells.number("verifiers")?,
        })
    })
}

/// Adds one.
pub(super) fn insert(conn: &Connection, node: &NodeRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO nodes (id, counter, lease, reached, verifiers) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (lease, reached, verifiers) = (millis(node.lease), int(node.reached), int(node.verifiers));
    change(conn, sql, params![node.id.as_bytes(), int(node.counter), lease, reached, verifiers]).map(drop)
}

/// Replaces what one says; neither counter nor position nor lease falls.
pub(super) fn update(conn: &Connection, node: &NodeRow) -> Result<bool, StoreError> {
    let sql = "UPDATE nodes SET counter = max(counter, ?2), lease = max(lease, ?3), reached = max(reached, ?4), \
               verifiers = ?5 WHERE id = ?1";
    let (lease, reached, verifiers) = (millis(node.lease), int(node.reached), int(node.verifiers));
    let changed = change(conn, sql, params![node.id.as_bytes(), int(node.counter), lease, reached, verifiers])?;
    Ok(changed == 1)
}

/// Removes one if it still shows this counter.
pub(super) fn remove(conn: &Connection, id: &NodeId, counter: u64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM nodes WHERE id = ?1 AND counter = ?2";
    Ok(change(conn, sql, params![id.as_bytes(), int(counter)])? == 1)
}
