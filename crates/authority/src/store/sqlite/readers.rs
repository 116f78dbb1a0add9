//! The threads that read. Each job runs inside one transaction, so that all it reads is one state.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use rescind_domain::store::{ReadJob, StoreError};
use rescind_domain::verbs::keep_house::FIND_DEAD_SESSIONS;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Link, Purpose};
use super::error::{panicked, refused, shut_down};
use super::tx::SqliteTx;
use super::{OpenError, Shared, Threads};

/// How many may wait for a thread; more wait for a place to wait in.
const QUEUE: usize = 1024;

/// Gives back the memory of pages that were read: those of a look through a whole table are not read again soon.
const FORGET: &str = "PRAGMA shrink_memory";

struct Job {
    name: &'static str,
    read: ReadJob,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The way to the threads that read.
pub(super) struct Readers(mpsc::Sender<Job>);

impl Readers {
    pub(super) fn start(threads: &mut Threads) -> Result<Self, OpenError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads.shared.options.readers.get() {
            let (shared, jobs, link) = (Arc::clone(&threads.shared), Arc::clone(&jobs), threads.link(Purpose::Read)?);
            threads.spawn("store-reader", move || run(&shared, link, &jobs))?;
        }
        Ok(Self(queue))
    }

    pub(super) async fn run(&self, name: &'static str, read: ReadJob) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Job { name, read, answer }).await.map_err(|_| shut_down())?;
        answered.await.unwrap_or_else(|_| Err(shut_down()))
    }
}

fn run(shared: &Shared, mut link: Link, queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // The lock is held while waiting: one thread waits for a job, the others for the lock, and none for a read.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = next else { return };
        if job.answer.is_closed() {
            shared.counters.skipped.add(1);
            continue;
        }
        shared.counters.reads.add(1);
        // Whoever has gone needs no answer.
        drop(job.answer.send(read(shared, &mut link, job.name, job.read)));
    }
}

fn read(shared: &Shared, link: &mut Link, name: &'static str, job: ReadJob) -> Result<(), StoreError> {
    let admission = shared.watch.admit()?;
    let conn = link.get()?;
    begin(conn)?;
    let view = SqliteTx::reading(conn, &shared.watch, admission);
    // The panic hook has reported it; nothing in here is left half done, since nothing was written.
    let went = catch_unwind(AssertUnwindSafe(|| job(&view)));
    let unavailable = view.was_unavailable();
    if unavailable || end(conn).is_err() || name == FIND_DEAD_SESSIONS && conn.execute_batch(FORGET).is_err() {
        link.forget();
    }
    went.map_err(|_| {
        shared.counters.panics.add(1);
        panicked(name)
    })
}

/// The state is that of the first statement after this one.
fn begin(conn: &Connection) -> Result<(), StoreError> {
    conn.prepare_cached("BEGIN DEFERRED").and_then(|mut begin| begin.execute([])).map(drop).map_err(refused)
}

fn end(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached("COMMIT")?.execute([]).map(drop)
}
