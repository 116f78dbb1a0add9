//! Answers that are remembered.

use rescind_domain::idempotency::Remembered;
use rescind_domain::store::StoreError;
use rusqlite::{Connection, params};

use super::cells::{Cells, change, int, one};

/// What was answered to a request with this key.
pub(super) fn find(conn: &Connection, caller: &str, key: &str) -> Result<Option<Remembered>, StoreError> {
    let sql = "SELECT caller, key, fingerprint, answer, at FROM remembered WHERE caller = ?1 AND key = ?2";
    one(conn, sql, [caller, key], |row| {
        let mut cells = Cells::new(row, "remembered", 2);
        cells.text("caller")?;
        cells.text("key")?;
        Ok(Remembered {
            fingerprint: cells.bytes("fingerprint")?,
            answer: cells.text("answer")?.to_owned(),
            at: cells.time("at")?,
        })
    })
}

/// Remembers what was answered, in place of what has become too old.
pub(super) fn remember(conn: &Connection, caller: &str, key: &str, what: &Remembered) -> Result<(), StoreError> {
    let sql = "INSERT INTO remembered (caller, key, fingerprint, answer, at) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (caller, key) DO UPDATE SET fingerprint = excluded.fingerprint, answer = excluded.answer, \
               at = excluded.at";
    change(conn, sql, params![caller, key, what.fingerprint, what.answer, int(what.at.0)]).map(drop)
}
