//! The log, its head, its epochs, and the lifetimes that its floor waits for.

use std::time::Duration;

use rescind_domain::clock::Timestamp;
use rescind_domain::revocation::{LogRow, Tag};
use rescind_domain::store::{Head, Lifetime, StoreError};
use rescind_wire::{Change, Epoch, Epochs, Position};
use rusqlite::{Connection, Row, params};

use super::cells::{Cells, all, change, change_one, int, json, millis, one};
use super::watch::Mark;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT l.number, e.epoch, l.kind, l.change, l.reason, l.actor, l.at, l.tag \
             FROM log l LEFT JOIN epochs e ON e.seq = l.epoch ",
            $rest
        )
    };
}

/// What [`read_head`] reads, of `head h` and `epochs p`.
macro_rules! head_columns {
    () => {
        "h.id, h.epoch, p.epoch, h.number, h.floor, h.everyone_cut, h.services_cut"
    };
}
pub(super) use head_columns;

/// The head, and the ordinal of its epoch.
pub(super) fn head_and_epoch(conn: &Connection) -> Result<(Head, u64), StoreError> {
    let sql = concat!("SELECT ", head_columns!(), " FROM head h LEFT JOIN epochs p ON p.seq = h.epoch WHERE h.id = 1");
    let read = one(conn, sql, [], |row| read_head(&mut Cells::new(row, "head", 1)))?;
    read.ok_or_else(|| no_head("no row"))
}

/// The head and the ordinal of its epoch, of the cells that come next.
pub(super) fn read_head(cells: &mut Cells<'_>) -> Result<(Head, u64), StoreError> {
    cells.number("id")?;
    let seq = cells.number("epoch")?;
    let epoch = Epoch::from_bytes(cells.bytes("epoch")?);
    let head = Head {
        position: Position { epoch, number: cells.number("number")? },
        floor: cells.number("floor")?,
        everyone_cut: cells.number("everyone_cut")?,
        services_cut: cells.number("services_cut")?,
    };
    Ok((head, seq))
}

/// How far the log has come.
pub(super) fn mark(conn: &Connection) -> Result<Mark, StoreError> {
    let (head, seq) = head_and_epoch(conn)?;
    Ok(Mark { seq, position: head.position })
}

/// All epochs.
pub(super) fn epochs(conn: &Connection) -> Result<Epochs, StoreError> {
    let rows = all(conn, "SELECT seq, epoch, ended FROM epochs ORDER BY seq", [], |row| {
        let mut cells = Cells::new(row, "epochs", 1);
        cells.number("seq")?;
        Ok((Epoch::from_bytes(cells.bytes("epoch")?), cells.number_or_null("ended")?))
    })?;
    let mut former = Vec::with_capacity(rows.len());
    let mut rows = rows.into_iter().peekable();
    while let Some((epoch, ended)) = rows.next() {
        match (ended, rows.peek()) {
            (None, None) => return Ok(Epochs { former, current: epoch }),
            (Some(ended), Some(_)) => former.push((epoch, ended)),
            (None, Some(_)) => return Err(bad_epoch(epoch, "a former epoch without an end")),
            (Some(_), None) => return Err(bad_epoch(epoch, "the last epoch has ended")),
        }
    }
    Err(no_head("no epochs"))
}

/// The ordinal of a listed epoch.
pub(super) fn epoch_seq(conn: &Connection, epoch: Epoch) -> Result<i64, StoreError> {
    let seq = one(conn, "SELECT seq FROM epochs WHERE epoch = ?1", [epoch.as_bytes()], |row| {
        Cells::new(row, "epochs", 1).number("seq")
    })?;
    seq.map(int).ok_or_else(|| bad_epoch(epoch, "not listed"))
}

/// Entries after `number`, oldest first.
pub(super) fn after(conn: &Connection, number: u64, limit: u32) -> Result<Vec<LogRow>, StoreError> {
    all(conn, select!("WHERE l.number > ?1 ORDER BY l.number LIMIT ?2"), params![int(number), limit], entry_of)
}

/// Entries before `number`, newest first.
pub(super) fn before(conn: &Connection, number: u64, limit: u32) -> Result<Vec<LogRow>, StoreError> {
    all(conn, select!("WHERE l.number < ?1 ORDER BY l.number DESC LIMIT ?2"), params![int(number), limit], entry_of)
}

/// The entry at `number`.
pub(super) fn entry(conn: &Connection, number: u64) -> Result<Option<LogRow>, StoreError> {
    one(conn, select!("WHERE l.number = ?1"), [int(number)], entry_of)
}

/// Appends an entry.
pub(super) fn append(conn: &Connection, seq: u64, row: &LogRow) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO log (number, epoch, kind, change, reason, actor, at, tag) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![
        int(row.position.number),
        int(seq),
        kind(&row.change),
        json(&row.change, "log", "change")?,
        row.reason,
        row.actor.to_string(),
        int(row.at.0),
        row.tag.0,
    ];
    change(conn, sql, values).map(drop)
}

/// Raises the floor; it never falls (R10).
pub(super) fn raise_floor(conn: &Connection, floor: u64) -> Result<(), StoreError> {
    let sql = "UPDATE head SET floor = max(floor, ?1) WHERE id = 1";
    change_one(conn, sql, [int(floor)], "head", 1)
}

/// Lifetimes of access tokens that were ever in force.
pub(super) fn lifetimes(conn: &Connection) -> Result<Vec<Lifetime>, StoreError> {
    all(conn, "SELECT lifetime, until FROM lifetimes ORDER BY lifetime", [], |row| {
        let mut cells = Cells::new(row, "lifetimes", 1);
        Ok(Lifetime { lifetime: cells.millis("lifetime")?, until: cells.time_or_null("until")? })
    })
}

/// Records that tokens of this lifetime are signed from now on, and none of another (R10).
pub(super) fn set_lifetime(conn: &Connection, lifetime: Duration, now: Timestamp) -> Result<(), StoreError> {
    let lifetime = millis(lifetime);
    let others = "UPDATE lifetimes SET until = ?2 WHERE lifetime <> ?1 AND until IS NULL";
    change(conn, others, params![lifetime, int(now.0)])?;
    let this = "INSERT INTO lifetimes (lifetime, until) VALUES (?1, NULL) \
                ON CONFLICT (lifetime) DO UPDATE SET until = NULL";
    change(conn, this, [lifetime]).map(drop)
}

fn entry_of(row: &Row<'_>) -> Result<LogRow, StoreError> {
    let mut cells = Cells::new(row, "log", 1);
    let number = cells.number("number")?;
    let epoch = Epoch::from_bytes(cells.bytes("epoch")?);
    let written = cells.text("kind")?;
    let change: Change = cells.json("change")?;
    if kind(&change) != written {
        return Err(cells.corrupt("kind", format!("{written:?} is not the kind of the change beside it")));
    }
    Ok(LogRow {
        position: Position { epoch, number },
        change,
        reason: cells.text("reason")?.to_owned(),
        actor: cells.parsed("actor")?,
        at: cells.time("at")?,
        tag: Tag(cells.bytes("tag")?),
    })
}

/// What people filter by.
fn kind(change: &Change) -> &'static str {
    match change {
        Change::Revoke(scope) => scope.kind(),
        Change::AddKey(_) => "add_key",
    }
}

/// There is no head to read.
pub(super) fn no_head(problem: &str) -> StoreError {
    StoreError::Corrupt { table: "head", column: "id", key: "1".into(), problem: problem.into() }
}

fn bad_epoch(epoch: Epoch, problem: &str) -> StoreError {
    StoreError::Corrupt { table: "epochs", column: "ended", key: epoch.to_string(), problem: problem.into() }
}
