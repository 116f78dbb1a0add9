//! SQLite, embedded: one file, one thread that writes, a few that read.
//!
//! Whoever writes hands a job to the `writer`, which commits many of them with one sync. Reads run on threads of their
//! own (`readers`), each inside a transaction, so that it sees one state; those that wait together share one. The head of
//! the log is read by one more thread, for all that wait at once (`position`). All of them ask the `watch` first.

mod backup;
mod caller;
mod cells;
mod chain;
mod checkpoint;
mod client;
mod connection;
mod ending;
mod error;
mod event;
mod grant;
mod idempotency;
mod key;
mod log;
mod migrations;
mod node;
mod position;
mod purge;
mod readers;
mod session;
mod setting;
mod stats;
mod tx;
mod user;
mod watch;
mod writer;

use std::fs::File;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rescind_domain::boxed::Boxed;
use rescind_domain::clock::Timestamp;
use rescind_domain::store::{EndingJob, ReadJob, Store, StoreError, TransactJob};
use rescind_wire::Position;
use rusqlite::Connection;

pub use backup::{BackupError, backup, has_reached, read_setting, restore};
pub use stats::{JobStats, StoreStats};

use checkpoint::Checkpointer;
use connection::{Link, Purpose};
use position::Positions;
use readers::Readers;
use stats::{Counters, Jobs};
use watch::Watch;
use writer::{Work, Writer};

use crate::owner;
use crate::traces::{Step, timed};

/// Who opens a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The server: it stays, and makes checkpoints in the background.
    Server,
    /// The command line: it comes and goes, beside a server or alone.
    Tool,
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who opens it.
    pub role: Role,
    /// How many threads read.
    pub readers: NonZeroUsize,
    /// The most page cache that each connection takes, in bytes. It is taken as it is used.
    pub cache: usize,
    /// How long one attempt waits for the write lock, which another process may hold.
    pub busy_timeout: Duration,
    /// How many attempts there are.
    pub attempts: NonZeroU32,
    /// After how many pages of 4,096 bytes the write-ahead log of a server begins again at its start.
    pub wal_pages: u32,
    /// What a store that is made now begins with.
    pub fresh: Fresh,
}

impl Options {
    /// What suits most.
    pub fn new(role: Role, fresh: Fresh) -> Self {
        let readers = if role == Role::Server { 4 } else { 1 };
        Self {
            role,
            readers: NonZeroUsize::MIN.saturating_add(readers - 1),
            cache: 32 << 20,
            busy_timeout: Duration::from_secs(2),
            attempts: NonZeroU32::MIN.saturating_add(4),
            wal_pages: 4096,
            fresh,
        }
    }
}

/// What a store that is made now begins with. Of no effect on one that is there.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Its first epoch, from a CSPRNG (R9).
    pub epoch: [u8; 10],
    /// When, on the wall clock.
    pub now: Timestamp,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file could not be made or looked at.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A later version of Rescind has been at work.
    #[error(
        "{path}: written by a newer version of Rescind (schema {found}; this one knows {known}): use that version, or \
         restore a backup made by this one"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// It is the database of another program.
    #[error("{path}: not a database of Rescind: choose another path")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("{path}: {source}")]
    Store {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: StoreError,
    },
    /// A thread could not be started.
    #[error("no thread for the store: {0}")]
    Thread(io::Error),
}

impl OpenError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    fn store(path: &Path, source: StoreError) -> Self {
        Self::Store { path: path.to_owned(), source }
    }
}

/// A store in one file.
pub struct Sqlite {
    shared: Arc<Shared>,
    /// Ends when dropped.
    ports: Option<Ports>,
    checkpointer: Option<Arc<Checkpointer>>,
    threads: Vec<JoinHandle<()>>,
    /// Closed after those of the threads: two that close at once each take the other for a user that stays, and neither
    /// puts the write-ahead log away.
    _last: Mutex<Connection>,
}

/// Where work is handed in.
struct Ports {
    writer: Writer,
    readers: Readers,
    positions: Positions,
}

impl Ports {
    fn start(threads: &mut Threads, checkpointer: Option<Arc<Checkpointer>>) -> Result<Self, OpenError> {
        Ok(Self {
            writer: Writer::start(threads, checkpointer)?,
            readers: Readers::start(threads)?,
            positions: Positions::start(threads)?,
        })
    }
}

/// What the threads share.
struct Shared {
    path: PathBuf,
    options: Options,
    watch: Watch,
    counters: Counters,
    /// By name.
    transactions: Jobs,
    reads: Jobs,
}

impl Sqlite {
    /// Opens the store at `path`, and makes it if there is none: readable and writable by the owner alone.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let path = std::path::absolute(path.as_ref()).map_err(|error| OpenError::file(path.as_ref(), error))?;
        create_if_missing(&path).map_err(|error| OpenError::file(&path, error))?;
        let file = watch::file_id(&path).map_err(|error| OpenError::file(&path, error))?;
        let failed = |error| OpenError::store(&path, error::refused(error));
        let mut first = connection::raw(&path, options.busy_timeout).map_err(failed)?;
        migrations::apply(&mut first, &path, &options.fresh)?;
        let watch = Watch::new(path.clone(), file);
        let counters = Counters::default();
        let (transactions, reads) = (Jobs::default(), Jobs::default());
        Self::start(Arc::new(Shared { path, options, watch, counters, transactions, reads }), first)
    }

    /// What it has done since it was opened.
    pub fn stats(&self) -> StoreStats {
        self.shared.counters.read()
    }

    /// What the transactions and the reads of each name have come to.
    pub fn jobs(&self) -> (Vec<JobStats>, Vec<JobStats>) {
        (self.shared.transactions.read(), self.shared.reads.read())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Forgets how far the log had come. For whoever begins a new epoch after [`StoreError::WentBack`], which every
    /// call answers until then (R9).
    pub fn begin_again(&self) {
        self.shared.watch.begin_again();
    }

    /// Copies the store, as it is at one moment, to a new file. Blocks the thread for as long as copying takes; writing
    /// goes on meanwhile.
    pub fn backup(&self, dest: impl AsRef<Path>) -> Result<(), BackupError> {
        backup(&self.shared.path, dest)
    }

    fn start(shared: Arc<Shared>, first: Connection) -> Result<Self, OpenError> {
        let mut threads = Threads { shared: Arc::clone(&shared), handles: Vec::new() };
        let checkpointer = match shared.options.role {
            Role::Server => Some(Checkpointer::start(&mut threads)?),
            Role::Tool => None,
        };
        let ports = Ports::start(&mut threads, checkpointer.clone());
        let mut this = Self { shared, ports: None, checkpointer, threads: threads.handles, _last: Mutex::new(first) };
        // Where this fails, dropping `this` ends the threads that were started.
        this.ports = Some(ports?);
        Ok(this)
    }

    fn ports(&self) -> Result<&Ports, StoreError> {
        self.ports.as_ref().ok_or_else(error::shut_down)
    }
}

impl Store for Sqlite {
    fn position(&self) -> Boxed<'_, Result<Position, StoreError>> {
        Box::pin(timed(Step::Position, async move { self.ports()?.positions.read().await }))
    }

    fn run_read(&self, name: &'static str, job: ReadJob) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(timed(Step::Read(name), async move { self.ports()?.readers.run(name, job).await }))
    }

    fn run_transact(&self, name: &'static str, job: TransactJob) -> Boxed<'_, Result<(), StoreError>> {
        let done = async move { self.ports()?.writer.run(name, Work::Transact(job)).await };
        Box::pin(timed(Step::Transact(name), done))
    }

    fn run_ending(&self, name: &'static str, job: EndingJob) -> Boxed<'_, Result<(), StoreError>> {
        let done = async move { self.ports()?.writer.run(name, Work::End(job)).await };
        Box::pin(timed(Step::End(name), done))
    }
}

impl Drop for Sqlite {
    /// Waits until what was handed in is done and the file is closed.
    fn drop(&mut self) {
        self.ports = None;
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.stop();
        }
        let this = thread::current().id();
        // The last owner may be a job, which is dropped by the thread that ran it; that one cannot wait for itself.
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != this) {
            // A thread that panicked has said so; there is nothing left to wait for.
            drop(thread.join());
        }
    }
}

/// Threads as they are started.
struct Threads {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    fn link(&self, purpose: Purpose) -> Result<Link, OpenError> {
        Link::open(Arc::clone(&self.shared), purpose).map_err(|error| OpenError::store(&self.shared.path, error))
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let handle = thread::Builder::new().name(name.to_owned()).spawn(run).map_err(OpenError::Thread)?;
        self.handles.push(handle);
        Ok(())
    }
}

/// Nobody else may read what is in it, not even before it is there. The name is made durable, too: SQLite does that for
/// the files beside it alone (R6).
fn create_if_missing(path: &Path) -> io::Result<()> {
    match owner::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|_| sync_directory_of(path)),
    }
}

/// Makes durable what names the directory of `path` holds.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    File::open(owner::folder_of(path))?.sync_all()
}
