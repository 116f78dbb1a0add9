//! Server keys, their secret parts sealed.

use rescind_domain::key::KeyRow;
use rescind_domain::store::StoreError;
use rescind_wire::KeyId;
use rusqlite::{Connection, params};

use super::cells::{Cells, all, change, change_one, int, json, one, time};

/// All keys, in the order in which they were added.
pub(super) fn list(conn: &Connection) -> Result<Vec<KeyRow>, StoreError> {
    let sql = "SELECT id, purpose, public, sealed, added, created_at, superseded_at, revoked FROM keys \
               ORDER BY added, created_at, id";
    all(conn, sql, [], |row| {
        let mut cells = Cells::new(row, "keys", 1);
        Ok(KeyRow {
            id: cells.parsed("id")?,
            purpose: cells.parsed("purpose")?,
            public: cells.json_or_null("public")?,
            sealed: cells.blob("sealed")?.to_vec(),
            added: cells.number("added")?,
            created_at: cells.time("created_at")?,
            superseded_at: cells.time_or_null("superseded_at")?,
            revoked: cells.number_or_null("revoked")?,
        })
    })
}

/// The entry that revoked a key.
pub(super) fn revoked(conn: &Connection, id: &KeyId) -> Result<Option<u64>, StoreError> {
    let found = one(conn, "SELECT id, revoked FROM keys WHERE id = ?1", [id.as_str()], |row| {
        let mut cells = Cells::new(row, "keys", 1);
        cells.text("id")?;
        cells.number_or_null("revoked")
    })?;
    Ok(found.flatten())
}

/// Adds a key; others of the same purpose are superseded.
pub(super) fn add(conn: &Connection, key: &KeyRow) -> Result<(), StoreError> {
    let older = "UPDATE keys SET superseded_at = ?2 WHERE purpose = ?1 AND superseded_at IS NULL";
    change(conn, older, params![key.purpose.as_str(), int(key.created_at.0)])?;
    let sql = "INSERT INTO keys (id, purpose, public, sealed, added, created_at, superseded_at, revoked) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![
        key.id.as_str(),
        key.purpose.as_str(),
        key.public.as_ref().map(|public| json(public, "keys", "public")).transpose()?,
        key.sealed,
        int(key.added),
        int(key.created_at.0),
        time(key.superseded_at),
        key.revoked.map(int),
    ];
    change(conn, sql, values).map(drop)
}

/// Revokes a key at entry `number`. What was revoked stays revoked where it was.
pub(super) fn revoke(conn: &Connection, id: &KeyId, number: u64) -> Result<(), StoreError> {
    let sql = "UPDATE keys SET revoked = coalesce(revoked, ?2) WHERE id = ?1";
    change_one(conn, sql, params![id.as_str(), int(number)], "keys", id)
}
