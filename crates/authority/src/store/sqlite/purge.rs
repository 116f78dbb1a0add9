//! Deleting what is dead, in small batches (R5).

use rescind_domain::clock::Timestamp;
use rescind_domain::store::StoreError;
use rescind_wire::{KeyId, SessionId, UserId};
use rusqlite::{Connection, params};

use super::cells::{change, int};

/// Most rows that one call deletes, whatever it is asked: the sign-ins that wait behind it must not wait long.
const MOST: u32 = 1000;

/// Deletes these sessions with their chains, and answers how many sessions there were.
pub(super) fn sessions(conn: &Connection, sessions: &[(UserId, SessionId)]) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for (user, session) in sessions.iter().take(MOST as usize) {
        let key = [user.as_bytes(), session.as_bytes()];
        change(conn, "DELETE FROM chains WHERE user_id = ?1 AND session_id = ?2", key)?;
        deleted += change(conn, "DELETE FROM sessions WHERE user_id = ?1 AND id = ?2", key)? as u64;
    }
    Ok(deleted)
}

/// Deletes up to `limit` events before `before`, and answers how many.
pub(super) fn events(conn: &Connection, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let sql = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ?1 ORDER BY at LIMIT ?2)";
    delete(conn, sql, before.0, limit)
}

/// Deletes up to `limit` remembered answers before `before`, and answers how many.
pub(super) fn remembered(conn: &Connection, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let sql = "DELETE FROM remembered WHERE (caller, key) IN \
               (SELECT caller, key FROM remembered WHERE at < ?1 ORDER BY at LIMIT ?2)";
    delete(conn, sql, before.0, limit)
}

/// Deletes up to `limit` ended token ids whose entry is at most `floor`, and answers how many.
pub(super) fn tokens(conn: &Connection, floor: u64, limit: u32) -> Result<u64, StoreError> {
    let sql = "DELETE FROM ended_tokens WHERE jti IN \
               (SELECT jti FROM ended_tokens WHERE number <= ?1 ORDER BY number LIMIT ?2)";
    delete(conn, sql, floor, limit)
}

/// Deletes those of these keys that are revoked, and answers how many.
pub(super) fn keys(conn: &Connection, keys: &[KeyId]) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for key in keys.iter().take(MOST as usize) {
        deleted += change(conn, "DELETE FROM keys WHERE id = ?1 AND revoked IS NOT NULL", [key.as_str()])? as u64;
    }
    Ok(deleted)
}

fn delete(conn: &Connection, sql: &str, bound: u64, limit: u32) -> Result<u64, StoreError> {
    Ok(change(conn, sql, params![int(bound), limit.min(MOST)])? as u64)
}
