//! The threads that read. Each job runs inside a transaction, so that all it reads is one state; jobs that wait together
//! share one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use rescind_domain::store::{ReadJob, StoreError};
use rescind_domain::verbs::keep_house::FIND_DEAD_SESSIONS;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::connection::{Link, Purpose};
use super::error::{panicked, refused, shut_down};
use super::tx::SqliteTx;
use super::watch::Admission;
use super::{OpenError, Shared, Threads};

/// How many may wait for a thread; more wait for a place to wait in.
const QUEUE: usize = 1024;

/// How many jobs share a transaction at most: one that stays open keeps the write-ahead log from beginning again.
const TOGETHER: usize = 16;

/// Gives back the memory of pages that were read: those of a look through a whole table are not read again soon.
const FORGET: &str = "PRAGMA shrink_memory";

struct Job {
    name: &'static str,
    read: ReadJob,
    answer: oneshot::Sender<Result<(), StoreError>>,
    _place: OwnedSemaphorePermit,
}

/// The way to the threads that read.
pub(super) struct Readers(Arc<Queue>);

impl Readers {
    pub(super) fn start(threads: &mut Threads) -> Result<Self, OpenError> {
        // Closes the queue where a thread cannot be started, so that those that were end.
        let this = Self(Arc::new(Queue::new()));
        for _ in 0..threads.shared.options.readers.get() {
            let (shared, queue, link) =
                (Arc::clone(&threads.shared), Arc::clone(&this.0), threads.link(Purpose::Read)?);
            threads.spawn("store-reader", move || run(&shared, link, &queue))?;
        }
        Ok(this)
    }

    pub(super) async fn run(&self, name: &'static str, read: ReadJob) -> Result<(), StoreError> {
        let place = Arc::clone(&self.0.places).acquire_owned().await.map_err(|_| shut_down())?;
        let (answer, answered) = oneshot::channel();
        self.0.push(Job { name, read, answer, _place: place });
        answered.await.unwrap_or_else(|_| Err(shut_down()))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Jobs in the order in which they came.
struct Queue {
    waiting: Mutex<Waiting>,
    places: Arc<Semaphore>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// How many have been taken out, since the beginning.
    taken: u64,
    /// Threads that have nothing to do. The last to come is the first to go: its pages are still in the processor's caches.
    idle: Vec<Thread>,
    closed: bool,
}

impl Waiting {
    fn take(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.taken += 1;
        Some(job)
    }

    /// The number of the last job that has come.
    fn last(&self) -> u64 {
        self.taken + self.jobs.len() as u64
    }
}

impl Queue {
    fn new() -> Self {
        Self { waiting: Mutex::default(), places: Arc::new(Semaphore::new(QUEUE)) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) {
        let mut waiting = self.lock();
        waiting.jobs.push_back(job);
        let idle = waiting.idle.pop();
        drop(waiting);
        if let Some(thread) = idle {
            thread.unpark();
        }
    }

    fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.idle.drain(..).for_each(|thread| thread.unpark());
        self.places.close();
    }

    /// The next job once there is one, and the number of the last that has come until now; `None` after the last of all.
    fn next(&self) -> Option<(Job, u64)> {
        let mut waiting = self.lock();
        if waiting.jobs.is_empty() && !waiting.closed {
            drop(waiting);
            // Who is just about to hand in a job gets to do so: waking this thread would cost more than the job.
            thread::yield_now();
            waiting = self.lock();
        }
        loop {
            if let Some(job) = waiting.take() {
                return Some((job, waiting.last()));
            }
            if waiting.closed {
                return None;
            }
            let this = thread::current();
            waiting.idle.push(this.clone());
            drop(waiting);
            thread::park();
            waiting = self.lock();
            // It may have been woken for no reason.
            waiting.idle.retain(|thread| thread.id() != this.id());
        }
    }

    /// The next job, if it is one of the first `last`.
    fn next_until(&self, last: u64) -> Option<Job> {
        let mut waiting = self.lock();
        if waiting.taken < last { waiting.take() } else { None }
    }
}

fn run(shared: &Shared, mut link: Link, queue: &Queue) {
    while let Some((first, last)) = queue.next() {
        let next = || queue.next_until(last);
        if serve(shared, &mut link, first, next) == Connected::No {
            link.forget();
        }
    }
}

/// Whether a connection may be used again.
#[derive(PartialEq, Eq)]
enum Connected {
    Yes,
    No,
}

/// Runs `first`, and those that came before this began, in one transaction.
fn serve(shared: &Shared, link: &mut Link, first: Job, mut next: impl FnMut() -> Option<Job>) -> Connected {
    let (conn, admission) = match begin(shared, link) {
        Ok(begun) => begun,
        Err(error) => {
            // Whoever has gone needs no answer.
            drop(first.answer.send(Err(error)));
            return Connected::Yes;
        }
    };
    let (mut job, mut far) = (Some(first), false);
    for left in (0..TOGETHER).rev() {
        let Some(Job { name, read, answer, _place }) = job else { break };
        if answer.is_closed() {
            shared.counters.skipped.add(1);
        } else {
            shared.counters.reads.add(1);
            far |= name == FIND_DEAD_SESSIONS;
            let view = SqliteTx::reading(conn, &shared.watch, admission);
            // The panic hook has reported it; nothing in here is left half done, since nothing was written.
            let went = shared.reads.run(name, || catch_unwind(AssertUnwindSafe(|| read(&view))));
            // Whoever has gone needs no answer.
            drop(answer.send(went.map_err(|_| {
                shared.counters.panics.add(1);
                panicked(name)
            })));
            if view.was_unavailable() {
                return Connected::No;
            }
        }
        job = if left > 0 { next() } else { None };
    }
    let ended = end(conn).is_ok() && (!far || conn.execute_batch(FORGET).is_ok());
    if ended { Connected::Yes } else { Connected::No }
}

/// The state is that of the first statement after this.
fn begin<'l>(shared: &Shared, link: &'l mut Link) -> Result<(&'l Connection, Admission), StoreError> {
    let admission = shared.watch.admit()?;
    let conn = link.get()?;
    conn.prepare_cached("BEGIN DEFERRED").and_then(|mut begin| begin.execute([])).map_err(refused)?;
    Ok((conn, admission))
}

fn end(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached("COMMIT")?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::mpsc;

    use rescind_domain::clock::Timestamp;
    use rescind_domain::store::{Store, Tx, View};

    use super::*;
    use crate::store::sqlite::{Fresh, Options, Role, Sqlite};

    /// A store that one thread reads.
    fn opened() -> (tempfile::TempDir, Arc<dyn Store>) {
        let directory = tempfile::tempdir().expect("a directory");
        let fresh = Fresh { epoch: [1; 10], now: Timestamp(1) };
        let options = Options { readers: NonZeroUsize::MIN, ..Options::new(Role::Server, fresh) };
        let sqlite = Sqlite::open(directory.path().join("db"), options).expect("opens");
        (directory, Arc::new(sqlite))
    }

    async fn setting(store: &dyn Store) -> Option<String> {
        store.read("setting", |view| Ok(view.setting("name")?)).await.expect("reads")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn r2_a_read_sees_what_was_committed_before_it_was_asked_for_whatever_others_are_reading() {
        let (_directory, store) = opened();
        for round in 0..3 {
            // Somebody's read began before the commit, and goes on.
            let (reads, reading) = mpsc::channel();
            let (go_on, told) = mpsc::channel::<()>();
            let before = tokio::spawn({
                let store = Arc::clone(&store);
                async move {
                    let job = move |view: &dyn View| {
                        let found = view.setting("name")?;
                        reads.send(()).expect("the test waits");
                        told.recv().expect("the test goes on");
                        assert_eq!(view.setting("name")?, found, "one state");
                        Ok(())
                    };
                    store.read("before", job).await
                }
            });
            reading.recv().expect("it reads");
            let name = format!("name {round}");
            let written = name.clone();
            let write = move |tx: &mut dyn Tx| Ok(tx.set_setting("name", Some(&written))?);
            store.transact("write", write).await.expect("commits");
            let mut after = std::pin::pin!(setting(&*store));
            tokio::select! {
                biased;
                early = &mut after => panic!("the one thread is busy: {early:?}"),
                () = std::future::ready(()) => {}
            }
            go_on.send(()).expect("it waits");
            before.await.expect("no panic").expect("reads");
            assert_eq!(after.await, Some(name));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_that_panics_takes_none_of_those_that_wait_with_it_down() {
        let (_directory, store) = opened();
        let asked = (0..50).map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let job = move |view: &dyn View| {
                    assert!(number % 7 != 3, "as the test wants it");
                    Ok(view.head()?.position.number)
                };
                (number, store.read("maybe", job).await)
            })
        });
        for asked in asked.collect::<Vec<_>>() {
            let (number, answered) = asked.await.expect("no panic");
            assert_eq!(answered.is_err(), number % 7 == 3, "{number}: {answered:?}");
        }
        assert_eq!(setting(&*store).await, None);
    }
}
