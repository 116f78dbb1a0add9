//! The engines, and how a test runs on each of them.

use std::path::PathBuf;
use std::sync::Arc;

use rescind::store::sqlite::{Fresh, Options, Role, Sqlite};
use rescind_domain::clock::Timestamp;
use rescind_domain::store::Store;

/// The epoch that a fresh store begins with here.
pub(crate) const FIRST_EPOCH: [u8; 10] = *b"first-one!";

/// One store of an engine, made for one test.
pub(crate) trait Engine: Sized {
    /// An empty store.
    fn fresh() -> Self;
    /// The store.
    fn store(&self) -> Arc<dyn Store>;
    /// Another handle on the same data, as another process or node has one.
    fn other(&self) -> Arc<dyn Store>;
    /// Closes the store, and opens the same data again.
    fn reopen(&mut self);
    /// What the store has done since it was opened.
    fn counted(&self) -> Counted;
}

/// What a store has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Commits.
    pub(crate) commits: u64,
    /// Rows inserted, changed or deleted.
    pub(crate) rows: u64,
    /// Reads of the head for `position`.
    pub(crate) position_reads: u64,
}

/// Defines tests, each of which runs on every engine, on a store of its own.
macro_rules! conformance {
    ($($(#[$meta:meta])* async fn $name:ident($engine:ident) $body:block)*) => {
        $(
            $(#[$meta])*
            async fn $name<E: $crate::conformance::engine::Engine>($engine: &mut E) $body
        )*
        engines!($($name)*);
    };
}

/// Names every engine.
macro_rules! engines {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                $crate::conformance::engine::run(super::$name::<$crate::conformance::engine::SqliteEngine>);
            })*
        }
    };
}

/// Runs one test on a store of its own.
pub(crate) fn run<E: Engine>(test: impl AsyncFnOnce(&mut E)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(test(&mut E::fresh()));
}

/// SQLite, in a directory of its own.
pub(crate) struct SqliteEngine {
    /// None only while it is opened again.
    store: Option<Arc<Sqlite>>,
    directory: tempfile::TempDir,
}

impl SqliteEngine {
    fn path(&self) -> PathBuf {
        self.directory.path().join("rescind.db")
    }

    fn open(&self) -> &Arc<Sqlite> {
        self.store.as_ref().expect("open")
    }
}

impl Engine for SqliteEngine {
    fn fresh() -> Self {
        let mut engine = Self { store: None, directory: tempfile::tempdir().expect("a directory") };
        engine.reopen();
        engine
    }

    fn store(&self) -> Arc<dyn Store> {
        self.open().clone()
    }

    fn other(&self) -> Arc<dyn Store> {
        Arc::new(Sqlite::open(self.path(), options(Role::Tool)).expect("opens beside the first"))
    }

    fn reopen(&mut self) {
        if let Some(store) = self.store.take() {
            drop(Arc::into_inner(store).expect("nothing else holds the store"));
        }
        self.store = Some(Arc::new(Sqlite::open(self.path(), options(Role::Server)).expect("opens")));
    }

    fn counted(&self) -> Counted {
        let stats = self.open().stats();
        Counted { commits: stats.commits, rows: stats.rows, position_reads: stats.position_reads }
    }
}

pub(crate) fn options(role: Role) -> Options {
    Options::new(role, Fresh { epoch: FIRST_EPOCH, now: Timestamp(1_000) })
}
