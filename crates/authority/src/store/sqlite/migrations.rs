//! The schema, embedded. Migrations only go forward, each once, and several processes may start at the same time: all
//! of it happens in one transaction that holds the write lock.

use std::path::Path;

use rescind_domain::client::{Client, DEFAULT_CLIENT};
use rescind_domain::store::StoreError;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params};

use super::cells::int;
use super::error::refused;
use super::{Fresh, OpenError, client};

/// "Rscd": what `file` and SQLite's tools show of a database of ours.
pub(super) const APPLICATION_ID: i64 = 0x5273_6364;

/// The schema that this program writes.
pub(super) const VERSION: u32 = 5;

/// Migration n brings a database from version n to n + 1.
const MIGRATIONS: [&str; VERSION as usize] = [
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_nodes.sql"),
    include_str!("migrations/0003_expiry.sql"),
    include_str!("migrations/0004_removals.sql"),
    include_str!("migrations/0005_issuer.sql"),
];

/// How often another process may be in the way of switching to the WAL before that is given up.
const ATTEMPTS: u32 = 100;

/// Whose database this is, and how old its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// An empty file.
    Empty,
    /// Ours, with this many migrations.
    Ours(u32),
    /// Something else's.
    Foreign,
}

/// Brings the database up to date.
pub(super) fn apply(conn: &mut Connection, path: &Path, fresh: &Fresh) -> Result<(), OpenError> {
    let failed = |error| OpenError::store(path, refused(error));
    if pending(conn, path)? == 0 {
        return use_wal(conn).map_err(failed);
    }
    use_wal(conn).map_err(failed)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Another process may have done it while this one waited for the lock.
    let pending = pending(&tx, path)?;
    for script in &MIGRATIONS[MIGRATIONS.len() - pending..] {
        tx.execute_batch(script).map_err(failed)?;
    }
    if pending == MIGRATIONS.len() {
        seed(&tx, fresh).map_err(|error| OpenError::store(path, error))?;
    }
    if pending > 0 {
        let stamp = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}");
        tx.execute_batch(&stamp).map_err(failed)?;
    }
    tx.commit().map_err(failed)
}

/// Whose database this is, all of it read at one moment: another process may be making it.
pub(super) fn state(conn: &Connection) -> rusqlite::Result<State> {
    let moment = if conn.is_autocommit() { Some(conn.unchecked_transaction()?) } else { None };
    let pragma = |name: &str| conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let (id, version) = (pragma("application_id")?, u32::try_from(pragma("user_version")?).unwrap_or(u32::MAX));
    let objects: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    drop(moment);
    Ok(match (id, version, objects) {
        (APPLICATION_ID, 1.., _) => State::Ours(version),
        (0, 0, 0) => State::Empty,
        _ => State::Foreign,
    })
}

/// How many migrations are missing.
fn pending(conn: &Connection, path: &Path) -> Result<usize, OpenError> {
    match state(conn).map_err(|error| OpenError::store(path, refused(error)))? {
        State::Empty => Ok(MIGRATIONS.len()),
        State::Ours(version @ ..=VERSION) => Ok((VERSION - version) as usize),
        State::Ours(found) => Err(OpenError::Newer { path: path.to_owned(), found, known: VERSION }),
        State::Foreign => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

/// Switches to the write-ahead log, which stays so. SQLite does not wait by itself for another process that does the
/// same; taking the write lock does.
fn use_wal(conn: &Connection) -> rusqlite::Result<()> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mode = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, String>(0));
        match mode("PRAGMA journal_mode")
            .and_then(|now| if now == "wal" { Ok(now) } else { mode("PRAGMA journal_mode = WAL") })
        {
            Ok(now) if now == "wal" => return Ok(()),
            Err(error) if !is_busy(&error) => return Err(error),
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Ok(_) if attempt == ATTEMPTS => return Err(rusqlite::Error::QueryReturnedNoRows),
            Ok(_) | Err(_) => {}
        }
        match conn.execute_batch("BEGIN IMMEDIATE; COMMIT") {
            Err(error) if !is_busy(&error) => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What a store has from its first moment: an epoch that begins at 0, and the client of first-party sign-ins.
fn seed(conn: &Connection, fresh: &Fresh) -> Result<(), StoreError> {
    let sql = "INSERT INTO epochs (seq, epoch, began_at) VALUES (1, ?1, ?2)";
    conn.execute(sql, params![fresh.epoch, int(fresh.now.0)]).map_err(refused)?;
    let sql = "INSERT INTO head (id, epoch, number, floor, everyone_cut, services_cut) VALUES (1, 1, 0, 0, 0, 0)";
    conn.execute(sql, []).map_err(refused)?;
    client::insert(conn, &Client::own(DEFAULT_CLIENT, fresh.now, 0))
}

/// How SQLite would run a query on this schema, one step a line.
#[cfg(test)]
pub(super) fn plan(sql: &str) -> Vec<String> {
    let conn = Connection::open_in_memory().expect("memory");
    for script in MIGRATIONS {
        conn.execute_batch(script).expect("the schema");
    }
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a query");
    // Whatever the values are, the plan is the same.
    let values: Vec<Option<i64>> = vec![None; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).expect("a plan");
    steps.map(|step| step.expect("a step")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_that_keep_the_issuer_by_its_name_keep_it_as_what_it_is_afterwards() {
        let conn = Connection::open_in_memory().expect("memory");
        let run = |script: &str| conn.execute_batch(script).expect("it runs");
        MIGRATIONS[..4].iter().for_each(|script| run(script));
        let mine = "https://id.example";
        let before = [
            vec![mine],
            vec!["https://a.example", mine, "https://orders.example"],
            vec!["", mine],
            vec!["https://id.example/"],
            vec![""],
        ];
        // What cannot be read keeps nobody from opening the store.
        let unreadable = "[\"https://id.example\"".to_owned();
        let names = before.iter().map(|names| serde_json::to_string(names).expect("JSON")).chain([unreadable.clone()]);
        for (idx, names) in (0_i64..).zip(names) {
            let sql = "INSERT INTO chains VALUES (x'', x'', ?1, 'app', 1, 0, 0, x'', 1, x'', NULL, x'', '', ?2)";
            conn.execute(sql, params![idx, names]).expect("a row");
        }
        let kept = || {
            let mut query = conn.prepare("SELECT audiences FROM chains ORDER BY idx").expect("a query");
            let rows = query.query_map([], |row| row.get::<_, String>(0)).expect("rows");
            rows.map(|row| row.expect("a row")).collect::<Vec<_>>()
        };
        let unchanged = kept();
        run(MIGRATIONS[4]);
        assert_eq!(kept(), unchanged, "where no server has said yet what it is called");
        run(
            "INSERT INTO settings (name, value) VALUES ('issuer', 'https://id.example'), ('other', 'https://a.example')",
        );
        run(MIGRATIONS[4]);
        let orders = r#"["","https://a.example","https://orders.example"]"#;
        assert_eq!(kept(), [r#"[""]"#, orders, r#"[""]"#, r#"["https://id.example/"]"#, r#"[""]"#, &unreadable]);
    }
}
