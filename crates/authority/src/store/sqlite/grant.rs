//! Grants.

use rescind_domain::grant::Grant;
use rescind_domain::store::StoreError;
use rescind_wire::{ClientId, UserId};
use rusqlite::{Connection, params};

use super::cells::{Cells, change, change_one, int, one};

/// A grant.
pub(super) fn find(conn: &Connection, user: &UserId, client: &ClientId) -> Result<Option<Grant>, StoreError> {
    let sql = "SELECT user_id, client_id, created_at, cut FROM grants WHERE user_id = ?1 AND client_id = ?2";
    one(conn, sql, params![user.as_bytes(), client.as_str()], |row| {
        let mut cells = Cells::new(row, "grants", 2);
        Ok(Grant {
            user: UserId::from_bytes(cells.bytes("user_id")?),
            client: cells.parsed("client_id")?,
            created_at: cells.time("created_at")?,
            cut: cells.number("cut")?,
        })
    })
}

/// Adds a grant unless it is there; its birth and cut stay what they were (A18).
pub(super) fn ensure(conn: &Connection, grant: &Grant) -> Result<(), StoreError> {
    let sql = "INSERT INTO grants (user_id, client_id, created_at, cut) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (user_id, client_id) DO NOTHING";
    let values = params![grant.user.as_bytes(), grant.client.as_str(), int(grant.created_at.0), int(grant.cut)];
    change(conn, sql, values).map(drop)
}

/// Sets a grant's last revocation.
pub(super) fn cut(conn: &Connection, user: &UserId, client: &ClientId, number: u64) -> Result<(), StoreError> {
    let sql = "UPDATE grants SET cut = ?3 WHERE user_id = ?1 AND client_id = ?2";
    let values = params![user.as_bytes(), client.as_str(), int(number)];
    change_one(conn, sql, values, "grants", format_args!("{user} {client}"))
}
