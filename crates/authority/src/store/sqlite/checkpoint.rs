//! Checkpoints: moving what was committed from the write-ahead log into the database, and making the log begin again.
//!
//! A PASSIVE checkpoint never does the latter while others write, so the log would grow for ever. It runs in the
//! background and moves most of the pages; once the log is as long as it may be, the writer moves the rest between two
//! transactions, when nothing can be added, waits for the readers of old states, and begins again at the start.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{Link, Purpose};
use super::{OpenError, Shared, Threads};

/// How many pages may wait in the log before the background moves them.
const PASSIVE_AT: u32 = 1000;

/// How often the background looks whether anything was committed since.
const EVERY: Duration = Duration::from_secs(3);

/// How long the writer waits for the readers of old states. Heartbeats wait behind it.
const PATIENCE: Duration = Duration::from_millis(50);

/// The background thread, as the writer sees it.
pub(super) struct Checkpointer {
    poke: SyncSender<()>,
    stopping: AtomicBool,
    /// Whoever makes a checkpoint holds this: SQLite admits one at a time, and refuses the other without waiting.
    at_work: Mutex<()>,
    /// The writer waits to make one itself.
    writer_waits: AtomicBool,
}

impl Checkpointer {
    pub(super) fn start(threads: &mut Threads) -> Result<Arc<Self>, OpenError> {
        let (poke, poked) = sync_channel(1);
        let this = Arc::new(Self {
            poke,
            stopping: AtomicBool::new(false),
            at_work: Mutex::default(),
            writer_waits: AtomicBool::new(false),
        });
        let (background, shared, link) =
            (Arc::clone(&this), Arc::clone(&threads.shared), threads.link(Purpose::Checkpoint)?);
        threads.spawn("store-checkpoint", move || background.run(&shared, link, &poked))?;
        Ok(this)
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.stopping.store(true, SeqCst);
        self.poke();
    }

    /// A checkpoint is due. If one is asked for already, that one will do.
    fn poke(&self) {
        let _ = self.poke.try_send(());
    }

    fn run(&self, shared: &Shared, mut link: Link, poked: &Receiver<()>) {
        let mut seen = 0;
        loop {
            let asked = poked.recv_timeout(EVERY);
            if self.stopping.load(SeqCst) || asked == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            let commits = shared.counters.commits.get();
            if asked.is_err() && commits == seen {
                continue;
            }
            seen = commits;
            let _at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.writer_waits.load(SeqCst) {
                passive(shared, &mut link);
            }
        }
    }
}

/// The writer's share of it.
pub(super) struct Reset {
    checkpointer: Arc<Checkpointer>,
    /// How many pages the log may have.
    limit: u32,
    /// At how many it is next made to begin again: later than `limit` while a reader keeps it from doing so.
    next: u32,
}

impl Reset {
    pub(super) fn new(checkpointer: Arc<Checkpointer>, limit: u32) -> Self {
        Self { checkpointer, limit, next: limit }
    }

    /// Between two transactions of the writer, does what is due. Failing is no harm to what was committed: the log
    /// grows, and the next one tries again.
    pub(super) fn after_commit(&mut self, shared: &Shared, conn: &Connection) {
        match pragma(conn, "PRAGMA wal_checkpoint(NOOP)") {
            Ok(Log { pages, .. }) if pages >= self.next => self.begin_again(shared, conn, pages),
            Ok(Log { pages, moved, .. }) => {
                if pages < self.limit {
                    self.next = self.limit;
                }
                if pages - moved > PASSIVE_AT.min(self.limit / 2) {
                    self.checkpointer.poke();
                }
            }
            Err(error) => tracing::warn!(%error, "the write-ahead log cannot be looked at"),
        }
    }

    fn begin_again(&mut self, shared: &Shared, conn: &Connection, pages: u32) {
        let checkpointer = &self.checkpointer;
        checkpointer.writer_waits.store(true, SeqCst);
        let at_work = checkpointer.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let done = restart(conn, shared.options.busy_timeout);
        drop(at_work);
        checkpointer.writer_waits.store(false, SeqCst);
        match done {
            Ok(Log { busy: false, .. }) => {
                self.next = self.limit;
                shared.counters.resets.add(1);
            }
            Ok(Log { busy: true, .. }) => {
                self.next = pages.saturating_add(self.limit / 4);
                shared.counters.blocked_resets.add(1);
            }
            Err(error) => {
                self.next = pages.saturating_add(self.limit / 4);
                tracing::warn!(%error, "no checkpoint: the write-ahead log grows");
            }
        }
    }
}

/// The write-ahead log as a checkpoint found it.
struct Log {
    /// Another checkpoint, or a reader, was in the way.
    busy: bool,
    /// How many pages it has.
    pages: u32,
    /// How many of them are in the database.
    moved: u32,
}

fn passive(shared: &Shared, link: &mut Link) {
    let moved = link
        .get()
        .map_err(|error| error.to_string())
        .and_then(|conn| pragma(conn, "PRAGMA wal_checkpoint(PASSIVE)").map_err(|error| error.to_string()));
    match moved {
        Ok(_) => shared.counters.checkpoints.add(1),
        Err(error) => {
            link.forget();
            tracing::warn!(error, "no checkpoint in the background: the write-ahead log grows");
        }
    }
}

fn restart(conn: &Connection, busy_timeout: Duration) -> rusqlite::Result<Log> {
    conn.busy_timeout(PATIENCE.min(busy_timeout))?;
    let done = pragma(conn, "PRAGMA wal_checkpoint(RESTART)");
    conn.busy_timeout(busy_timeout)?;
    done
}

fn pragma(conn: &Connection, sql: &str) -> rusqlite::Result<Log> {
    conn.prepare_cached(sql)?.query_row([], |row| {
        // -1 where the database has no write-ahead log.
        let pages = |at| row.get(at).map(|pages: i64| u32::try_from(pages).unwrap_or_default());
        Ok(Log { busy: row.get(0)?, pages: pages(1)?, moved: pages(2)? })
    })
}
