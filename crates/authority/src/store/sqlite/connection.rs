//! Connections, and what each kind of them is set to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rescind_domain::store::StoreError;
use rusqlite::config::DbConfig::{
    SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_DQS_DDL, SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_ENABLE_QPSG,
    SQLITE_DBCONFIG_TRUSTED_SCHEMA,
};
use rusqlite::{Connection, OpenFlags};

use super::error::refused;
use super::{Options, Shared};

/// More than there are different statements, so that none is prepared twice.
const STATEMENTS: usize = 256;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The one that writes; `wal_pages` as in [`Options`](super::Options), none for a tool, which leaves the WAL to
    /// SQLite's own checkpoints.
    Write {
        /// After how many pages the WAL begins again.
        wal_pages: Option<u32>,
    },
    /// One that reads.
    Read,
    /// The one that makes checkpoints in the background.
    Checkpoint,
}

/// A connection that is opened again after it failed: one that was opened while the file could not be written would
/// never write.
pub(super) struct Link {
    shared: Arc<Shared>,
    purpose: Purpose,
    conn: Option<Connection>,
}

impl Link {
    /// Opens a connection.
    pub(super) fn open(shared: Arc<Shared>, purpose: Purpose) -> Result<Self, StoreError> {
        let mut link = Self { shared, purpose, conn: None };
        link.get()?;
        Ok(link)
    }

    /// The connection.
    pub(super) fn get(&mut self) -> Result<&Connection, StoreError> {
        let conn = if let Some(conn) = self.conn.take() {
            conn
        } else {
            let conn = self.connect().map_err(refused)?;
            // Between being let in and this, it may have become a connection to another file.
            self.shared.watch.require_same_file()?;
            conn
        };
        Ok(self.conn.insert(conn))
    }

    /// Opens it anew before it is next used.
    pub(super) fn forget(&mut self) {
        self.conn = None;
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let Options { busy_timeout, cache, .. } = self.shared.options;
        let conn = raw(&self.shared.path, busy_timeout)?;
        // A negative size is one in KiB.
        conn.execute_batch(&format!("PRAGMA cache_size = -{}", (cache / 1024).max(64)))?;
        match self.purpose {
            Purpose::Write { wal_pages: Some(pages) } => {
                // A transaction that made the WAL much longer than it should be does not leave it so.
                let limit = u64::from(pages) * 4096 * 2;
                conn.execute_batch(&format!("PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {limit}"))?;
            }
            Purpose::Write { wal_pages: None } => {}
            Purpose::Read => conn.execute_batch("PRAGMA query_only = ON")?,
            Purpose::Checkpoint => conn.execute_batch("PRAGMA wal_autocheckpoint = 0")?,
        }
        Ok(conn)
    }
}

/// A connection to a file that exists, with what all of them are set to.
pub(super) fn raw(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // The file may have been in strangers' hands: nothing that its schema says is carried out, every cell is checked.
    conn.set_db_config(SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(SQLITE_DBCONFIG_DQS_DML, false)?;
    conn.set_db_config(SQLITE_DBCONFIG_DQS_DDL, false)?;
    // A plan that may depend on the values is made anew for each of them, which costs ten times the query.
    conn.set_db_config(SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // FULL: what was answered survives power loss (R6).
    conn.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY",
    )?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use rescind_domain::clock::Timestamp;
    use rescind_wire::{SessionId, UserId};
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::sqlite::{Fresh, Options, Role, Sqlite, session};

    fn opened() -> (tempfile::TempDir, Sqlite) {
        let directory = tempfile::tempdir().expect("a directory");
        let fresh = Fresh { epoch: [1; 10], now: Timestamp(1) };
        let sqlite = Sqlite::open(directory.path().join("db"), Options::new(Role::Server, fresh)).expect("opens");
        (directory, sqlite)
    }

    fn setting(conn: &Connection, name: &str) -> String {
        conn.query_row(&format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"), [], |row| row.get(0))
            .expect("a value")
    }

    #[test]
    fn r6_the_connection_that_writes_waits_for_the_disk_and_leaves_checkpoints_to_others() {
        let (_directory, sqlite) = opened();
        let mut writer = Link::open(Arc::clone(&sqlite.shared), Purpose::Write { wal_pages: Some(64) }).expect("opens");
        let conn = writer.get().expect("a connection");
        assert_eq!(setting(conn, "journal_mode"), "wal");
        assert_eq!(setting(conn, "synchronous"), "2", "FULL");
        let automatic: i64 = conn.query_row("PRAGMA wal_autocheckpoint", [], |row| row.get(0)).expect("a value");
        assert_eq!(automatic, 0);
        let mut tool = Link::open(Arc::clone(&sqlite.shared), Purpose::Write { wal_pages: None }).expect("opens");
        assert_eq!(setting(tool.get().expect("a connection"), "synchronous"), "2", "FULL");
    }

    #[test]
    fn every_connection_takes_the_page_cache_that_was_configured() {
        let directory = tempfile::tempdir().expect("a directory");
        let fresh = Fresh { epoch: [1; 10], now: Timestamp(1) };
        let options = Options { cache: 5 << 20, ..Options::new(Role::Server, fresh) };
        let sqlite = Sqlite::open(directory.path().join("db"), options).expect("opens");
        for purpose in [Purpose::Read, Purpose::Write { wal_pages: Some(64) }, Purpose::Checkpoint] {
            let mut link = Link::open(Arc::clone(&sqlite.shared), purpose).expect("opens");
            assert_eq!(setting(link.get().expect("a connection"), "cache_size"), "-5120", "KiB");
        }
    }

    #[test]
    fn no_statement_is_prepared_again_for_other_values() {
        let (_directory, sqlite) = opened();
        let conn = raw(&sqlite.shared.path, Duration::ZERO).expect("opens");
        for n in 0..3 {
            session::find(&conn, &UserId::from_bytes([n; 16]), &SessionId::from_bytes([n; 16])).expect("reads");
        }
        let statement = conn.prepare_cached(session::FIND).expect("a query");
        assert_eq!(statement.get_status(StatementStatus::Run), 3);
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
