//! The one way to end anything (R1): the entry, the state that it ends and the event, in one method.

use rescind_domain::clock::Timestamp;
use rescind_domain::event::NewEvent;
use rescind_domain::revocation::{LogRow, StateChange};
use rescind_domain::store::{Head, StoreError};
use rescind_wire::{Epoch, TokenId};
use rusqlite::{Connection, params};

use super::cells::{Cells, change, change_one, int, one};
use super::{client, event, grant, key, log, session, user};

/// Writes one entry of the log, the state that changes with it, and its event.
pub(super) fn write_entry(
    conn: &Connection,
    row: &LogRow,
    state: &StateChange,
    event: &NewEvent,
) -> Result<(), StoreError> {
    let (head, seq) = log::head_and_epoch(conn)?;
    require_next(&head, row)?;
    let number = row.position.number;
    change_one(conn, "UPDATE head SET number = ?1 WHERE id = 1", [int(number)], "head", 1)?;
    log::append(conn, seq, row)?;
    apply(conn, row, state)?;
    event::add(conn, &NewEvent { revocation: Some(number), ..event.clone() })
}

/// Closes the current epoch at the head, and opens `epoch` (R9). Numbers go on.
pub(super) fn begin_epoch(conn: &Connection, epoch: Epoch, at: Timestamp) -> Result<(), StoreError> {
    let (head, seq) = log::head_and_epoch(conn)?;
    let close = "UPDATE epochs SET ended = ?2 WHERE seq = ?1 AND ended IS NULL";
    change_one(conn, close, params![int(seq), int(head.position.number)], "epochs", seq)?;
    let open = "INSERT INTO epochs (seq, epoch, began_at) VALUES (?1, ?2, ?3)";
    change(conn, open, params![int(seq + 1), epoch.as_bytes(), int(at.0)])?;
    change_one(conn, "UPDATE head SET epoch = ?1 WHERE id = 1", [int(seq + 1)], "head", 1)?;
    event::leap(conn, at)
}

/// The entry that ended a token.
pub(super) fn token_ended(conn: &Connection, id: &TokenId) -> Result<Option<u64>, StoreError> {
    one(conn, "SELECT jti, number FROM ended_tokens WHERE jti = ?1", [id.as_bytes()], |row| {
        let mut cells = Cells::new(row, "ended_tokens", 1);
        cells.blob("jti")?;
        cells.number("number")
    })
}

/// Positions are dense (R1): a verifier takes a gap for a loss.
fn require_next(head: &Head, row: &LogRow) -> Result<(), StoreError> {
    let next = head.position.number + 1;
    if row.position.epoch == head.position.epoch && row.position.number == next {
        return Ok(());
    }
    let problem = format!("the log ends at {}: the next entry is number {next} of that epoch", head.position);
    Err(StoreError::Corrupt { table: "log", column: "number", key: row.position.to_string(), problem })
}

fn apply(conn: &Connection, row: &LogRow, state: &StateChange) -> Result<(), StoreError> {
    let number = row.position.number;
    match state {
        StateChange::Everyone { services } => {
            let sql = "UPDATE head SET everyone_cut = ?1, services_cut = iif(?2, ?1, services_cut) WHERE id = 1";
            change_one(conn, sql, params![int(number), services], "head", 1)
        }
        StateChange::Client { client, removed: true } => client::remove(conn, client),
        StateChange::Client { client, removed: false } => client::cut(conn, client, number),
        StateChange::User { user, cut } => {
            user::cut(conn, user, cut)?;
            if cut.deleted { user::bury(conn, user, row.at) } else { Ok(()) }
        }
        StateChange::Grant { user, client } => grant::cut(conn, user, client, number),
        StateChange::Session { user, session } => session::end(conn, user, session, number, row.at),
        StateChange::Token(token) => {
            let sql = "INSERT INTO ended_tokens (jti, number) VALUES (?1, ?2) ON CONFLICT (jti) DO NOTHING";
            change(conn, sql, params![token.as_bytes(), int(number)]).map(drop)
        }
        StateChange::Key(id) => key::revoke(conn, id, number),
        StateChange::Foreign => Ok(()),
        StateChange::AddKey(row) => key::add(conn, row),
    }
}
