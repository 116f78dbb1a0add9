//! Events.

use rescind_domain::clock::Timestamp;
use rescind_domain::event::{Event, EventKind, NewEvent};
use rescind_domain::store::StoreError;
use rescind_wire::{ClientId, SessionId, UserId};
use rusqlite::{Connection, Row, params};

use super::cells::{Cells, all, change, int, one};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, at, kind, user_id, session_id, client_id, actor, address, revocation, detail FROM events ",
            $rest
        )
    };
}

/// Events after the event `after`, oldest first; of one user if given. One writer at a time gives the ids, so none is
/// skipped: no transaction that is still open can commit a smaller one.
pub(super) fn after(
    conn: &Connection,
    user: Option<&UserId>,
    after: u64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    match user {
        None => all(conn, select!("WHERE id > ?1 ORDER BY id LIMIT ?2"), params![int(after), limit], event_of),
        Some(user) => {
            let sql = select!("WHERE user_id = ?3 AND id > ?1 ORDER BY id LIMIT ?2");
            all(conn, sql, params![int(after), limit, user.as_bytes()], event_of)
        }
    }
}

const BEFORE: &str = select!("WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
const BEFORE_OF_USER: &str = select!("WHERE user_id = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2");

/// Events before the event `before`, newest first; of one user if given.
pub(super) fn before(
    conn: &Connection,
    user: Option<&UserId>,
    before: u64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    // No id is greater than what an integer of SQLite holds.
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    match user {
        None => all(conn, BEFORE, params![before, limit], event_of),
        Some(user) => all(conn, BEFORE_OF_USER, params![before, limit, user.as_bytes()], event_of),
    }
}

/// The id of the last event that was written, purged as it may be. The engine keeps it, so as to give none out twice.
pub(super) fn last(conn: &Connection) -> Result<u64, StoreError> {
    let found = one(conn, "SELECT name, seq FROM sqlite_sequence WHERE name = 'events'", [], |row| {
        let mut cells = Cells::new(row, "sqlite_sequence", 1);
        cells.text("name")?;
        cells.number("seq")
    })?;
    Ok(found.unwrap_or(0))
}

const CLIENT_REMOVED: &str =
    "SELECT id, revocation FROM events WHERE kind = 'client_removed' AND client_id = ?1 ORDER BY id DESC LIMIT 1";

/// The entry that removed a client, as the last event of that says.
pub(super) fn client_removed(conn: &Connection, id: &ClientId) -> Result<Option<u64>, StoreError> {
    let found = one(conn, CLIENT_REMOVED, [id.as_str()], |row| {
        let mut cells = Cells::new(row, "events", 1);
        cells.number("id")?;
        cells.number_or_null("revocation")
    })?;
    Ok(found.flatten())
}

/// How far ids leap at least where the clock has nothing greater to offer.
const LEAP: u64 = 1 << 20;

/// Has ids go on beyond any that a later state of this store may have given before it was put back. An epoch begins with
/// its time in microseconds: events are never written so fast that the ones of one epoch come to the time at which the next
/// begins, so restoring the same backup twice gives no id twice, either. Microseconds fit what a double holds exactly until
/// the year 2255.
pub(super) fn leap(conn: &Connection, at: Timestamp) -> Result<(), StoreError> {
    let last = last(conn)?.saturating_add(LEAP).max(at.0.saturating_mul(1000));
    let forget = "DELETE FROM sqlite_sequence WHERE name = 'events'";
    change(conn, forget, [])?;
    change(conn, "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?1)", [int(last)]).map(drop)
}

/// Adds an event.
pub(super) fn add(conn: &Connection, event: &NewEvent) -> Result<(), StoreError> {
    let sql = "INSERT INTO events (at, kind, user_id, session_id, client_id, actor, address, revocation, detail) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        int(event.at.0),
        event.kind.as_str(),
        event.user.as_ref().map(UserId::as_bytes),
        event.session.as_ref().map(SessionId::as_bytes),
        event.client.as_ref().map(ClientId::as_str),
        event.actor.to_string(),
        event.address.map(|address| address.to_string()),
        event.revocation.map(int),
        event.detail,
    ];
    change(conn, sql, values).map(drop)
}

fn event_of(row: &Row<'_>) -> Result<Event, StoreError> {
    let mut cells = Cells::new(row, "events", 1);
    Ok(Event {
        id: cells.number("id")?,
        what: NewEvent {
            at: cells.time("at")?,
            kind: read_kind(&mut cells)?,
            user: cells.bytes_or_null("user_id")?.map(UserId::from_bytes),
            session: cells.bytes_or_null("session_id")?.map(SessionId::from_bytes),
            client: cells.parsed_or_null("client_id")?,
            actor: cells.parsed("actor")?,
            address: cells.parsed_or_null("address")?,
            revocation: cells.number_or_null("revocation")?,
            detail: cells.text_or_null("detail")?.map(str::to_owned),
        },
    })
}

fn read_kind(cells: &mut Cells<'_>) -> Result<EventKind, StoreError> {
    let text = cells.text("kind")?;
    let kind = EventKind::ALL.iter().find(|kind| kind.as_str() == text);
    kind.copied().ok_or_else(|| cells.corrupt("kind", format!("{text:?} is no kind of event")))
}

#[cfg(test)]
mod tests {
    use super::super::migrations::plan;
    use super::*;

    #[test]
    fn a_page_of_events_costs_a_page_in_either_direction() {
        assert_eq!(plan(BEFORE), ["SEARCH events USING INTEGER PRIMARY KEY (rowid<?)"]);
        assert_eq!(plan(BEFORE_OF_USER), ["SEARCH events USING INDEX events_user (user_id=? AND id<?)"]);
    }

    #[test]
    fn who_removed_a_client_is_found_without_looking_at_other_events() {
        assert_eq!(plan(CLIENT_REMOVED), ["SEARCH events USING INDEX events_client_removed (client_id=?)"]);
        assert_eq!(EventKind::ClientRemoved.as_str(), "client_removed", "as the index has it");
    }
}
