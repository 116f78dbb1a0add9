//! What only SQLite has: a file, its write-ahead log, one process beside another, and rows that somebody damaged.

mod backups;
mod corrupt;
mod crashes;
mod opening;
mod unwritable;
mod wal;
mod went_back;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rescind::store::sqlite::{Options, Role, Sqlite, StoreStats};
use rusqlite::Connection;

use super::engine::options;
use super::fixture::Handle;

/// A store in a directory of its own, and what only a test does to it.
struct Opened {
    sqlite: Arc<Sqlite>,
    directory: tempfile::TempDir,
}

impl Opened {
    fn fresh() -> Self {
        Self::with(options(Role::Server))
    }

    fn with(options: Options) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let sqlite = Sqlite::open(directory.path().join("rescind.db"), options).expect("opens");
        Self { sqlite: Arc::new(sqlite), directory }
    }

    fn store(&self) -> Handle {
        self.sqlite.clone()
    }

    fn stats(&self) -> StoreStats {
        self.sqlite.stats()
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("rescind.db")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A connection as another process has one.
    fn raw(&self) -> Connection {
        raw(&self.path())
    }

    /// Closes the store; the directory stays.
    fn close(self) -> tempfile::TempDir {
        drop(Arc::into_inner(self.sqlite).expect("nothing else holds the store"));
        self.directory
    }
}

fn raw(path: &Path) -> Connection {
    Connection::open(path).expect("opens")
}

/// Runs a test as it runs on every engine.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(test);
}
