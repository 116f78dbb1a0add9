//! Named values of the deployment's.

use rescind_domain::store::StoreError;
use rusqlite::Connection;

use super::cells::{Cells, change, one};

/// A named value.
pub(super) fn find(conn: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    one(conn, "SELECT name, value FROM settings WHERE name = ?1", [name], |row| {
        let mut cells = Cells::new(row, "settings", 1);
        cells.text("name")?;
        cells.text("value").map(str::to_owned)
    })
}

/// Sets a named value, or removes it.
pub(super) fn set(conn: &Connection, name: &str, value: Option<&str>) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    match value {
        Some(value) => change(conn, sql, [name, value]),
        None => change(conn, "DELETE FROM settings WHERE name = ?1", [name]),
    }
    .map(drop)
}
