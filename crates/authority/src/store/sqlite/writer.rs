//! The one thread that writes. What waits is committed together: many transactions, one sync.
//!
//! Each job runs inside a savepoint of its own, so that one that fails leaves nothing behind and the others go on. All
//! are answered after the commit, refusals too: what a job refused because of, another job of the same batch may have
//! written.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rescind_domain::store::{Attempt, EndingJob, StoreError, TransactJob};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::{Checkpointer, Reset};
use super::connection::{Link, Purpose};
use super::error::{panicked, refused, shut_down, unconfirmed};
use super::tx::SqliteTx;
use super::watch::Admission;
use super::{OpenError, Shared, Threads, log};

/// Most jobs, and most changed rows, of one batch: whoever comes next waits for at most one batch, heartbeats too.
const MOST_JOBS: usize = 512;
const MOST_ROWS: u64 = 4096;

/// How many may wait; more wait for a place to wait in.
const QUEUE: usize = 4096;

/// How often a job that says that another transaction was in the way is run.
const RUNS: u32 = 3;

/// What is done inside a transaction. Both kinds hold the write lock, and with it the head of the log, from their first
/// statement (R1).
pub(super) enum Work {
    Transact(TransactJob),
    End(EndingJob),
}

type Outcome = Result<(), StoreError>;

struct Job {
    name: &'static str,
    work: Work,
    answer: oneshot::Sender<Outcome>,
}

/// The way to the thread that writes.
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn start(threads: &mut Threads, checkpointer: Option<Arc<Checkpointer>>) -> Result<Self, OpenError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let limit = threads.shared.options.wal_pages;
        let link = threads.link(Purpose::Write { wal_pages: checkpointer.is_some().then_some(limit) })?;
        let reset = checkpointer.map(|checkpointer| Reset::new(checkpointer, limit));
        let shared = Arc::clone(&threads.shared);
        let thread = Thread { shared: Arc::clone(&shared), link, reset };
        threads.spawn("store-writer", move || thread.run(jobs))?;
        Ok(Self { queue, shared })
    }

    /// Runs a job, and answers once what it wrote is durable, or nothing of it is there.
    pub(super) async fn run(&self, name: &'static str, work: Work) -> Outcome {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Job { name, work, answer }).await.map_err(|_| shut_down())?;
        self.shared.counters.queued.add(1);
        answered.await.unwrap_or_else(|_| Err(shut_down()))
    }
}

struct Thread {
    shared: Arc<Shared>,
    link: Link,
    /// Only a server makes its own checkpoints.
    reset: Option<Reset>,
}

impl Thread {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = VecDeque::new();
        loop {
            if jobs.is_empty() {
                let Some(job) = queue.blocking_recv() else { return };
                jobs.push_back(job);
            }
            while jobs.len() < MOST_JOBS
                && let Ok(job) = queue.try_recv()
            {
                jobs.push_back(job);
            }
            self.batch(&mut jobs);
        }
    }

    /// Runs what fits into one transaction, and answers it. What does not fit stays in `jobs`.
    fn batch(&mut self, jobs: &mut VecDeque<Job>) {
        let mut batch = Batch { shared: &self.shared, ran: Vec::with_capacity(jobs.len()), unavailable: false };
        let committed = self.shared.watch.admit().and_then(|admission| batch.run(self.link.get()?, &admission, jobs));
        if committed.is_err() && batch.ran.is_empty() {
            // It did not even begin.
            batch.ran.extend(jobs.drain(..).map(|job| (job.answer, Ok(()))));
        }
        let failed = committed.is_err() || batch.unavailable;
        batch.answer(&committed);
        if failed {
            self.link.forget();
        } else if let (Some(reset), Ok(conn)) = (&mut self.reset, self.link.get()) {
            reset.after_commit(&self.shared, conn);
        }
    }
}

/// One transaction of many jobs.
struct Batch<'a> {
    shared: &'a Shared,
    ran: Vec<(oneshot::Sender<Outcome>, Outcome)>,
    unavailable: bool,
}

impl Batch<'_> {
    fn run(&mut self, conn: &Connection, admission: &Admission, jobs: &mut VecDeque<Job>) -> Outcome {
        begin(self.shared, conn)?;
        let rows = conn.total_changes();
        let done = self.run_jobs(conn, admission, jobs).and_then(|()| commit(self.shared, conn, admission));
        self.shared.counters.rows.add(conn.total_changes() - rows);
        if done.is_err() && !conn.is_autocommit() {
            // Should this fail too, the connection is closed next, which rolls back as well.
            drop(execute(conn, "ROLLBACK"));
        }
        done
    }

    /// An error gives up the whole transaction.
    fn run_jobs(&mut self, conn: &Connection, admission: &Admission, jobs: &mut VecDeque<Job>) -> Outcome {
        self.shared.watch.observe(admission, log::mark(conn)?)?;
        let rows = conn.total_changes();
        while conn.total_changes() - rows < MOST_ROWS
            && let Some(job) = jobs.pop_front()
        {
            if job.answer.is_closed() {
                self.shared.counters.skipped.add(1);
                continue;
            }
            let Job { name, mut work, answer } = job;
            match self.run_job(conn, name, &mut work) {
                Ok(outcome) => self.ran.push((answer, outcome)),
                Err(lost) => {
                    self.ran.push((answer, Ok(())));
                    return Err(lost);
                }
            }
        }
        Ok(())
    }

    /// Runs one job: what it answers if all goes well, or what ended the whole transaction.
    fn run_job(&mut self, conn: &Connection, name: &'static str, work: &mut Work) -> Result<Outcome, StoreError> {
        for run in 1.. {
            execute(conn, "SAVEPOINT job").map_err(refused)?;
            let mut tx = SqliteTx::writing(conn);
            // The panic hook has reported it; what was half done is rolled back.
            let went = self.shared.transactions.run(name, || {
                catch_unwind(AssertUnwindSafe(|| match work {
                    Work::Transact(job) => job(&mut tx),
                    Work::End(job) => job(&mut tx),
                }))
            });
            self.unavailable |= tx.was_unavailable();
            if conn.is_autocommit() {
                return Err(rolled_back(went.ok()));
            }
            if matches!(went, Ok(Attempt::Commit)) {
                return execute(conn, "RELEASE job").map_err(refused).map(Ok);
            }
            execute(conn, "ROLLBACK TO job").and_then(|()| execute(conn, "RELEASE job")).map_err(refused)?;
            match went {
                Ok(Attempt::Failed(StoreError::Conflict)) if run < RUNS => self.shared.counters.conflicts.add(1),
                Ok(Attempt::Failed(error)) => return Ok(Err(error)),
                Ok(Attempt::Abort | Attempt::Commit) => return Ok(Ok(())),
                Err(_) => {
                    self.shared.counters.panics.add(1);
                    return Ok(Err(panicked(name)));
                }
            }
        }
        unreachable!("the last run answers")
    }

    fn answer(self, committed: &Outcome) {
        self.shared.counters.transactions.add(self.ran.len() as u64);
        for (answer, outcome) in self.ran {
            // Whoever has gone needs no answer.
            drop(answer.send(committed.clone().and(outcome)));
        }
    }
}

/// Takes the write lock. Another process may hold it for a while, but not for ever.
fn begin(shared: &Shared, conn: &Connection) -> Outcome {
    for _ in 0..shared.options.attempts.get() {
        match execute(conn, "BEGIN IMMEDIATE").map_err(refused) {
            Err(StoreError::Conflict) => shared.counters.conflicts.add(1),
            done => return done,
        }
    }
    let waited = shared.options.busy_timeout * shared.options.attempts.get();
    let problem = format!("another process has been writing to the database for {waited:?}: let it finish, or end it");
    Err(StoreError::Unavailable(problem))
}

fn commit(shared: &Shared, conn: &Connection, admission: &Admission) -> Outcome {
    let head = log::mark(conn)?;
    execute(conn, "COMMIT").map_err(unconfirmed)?;
    shared.counters.commits.add(1);
    shared.watch.raise(admission, head);
    Ok(())
}

/// What a job is told whose transaction SQLite gave up as it ran, as it does when the disk is full.
fn rolled_back(went: Option<Attempt>) -> StoreError {
    match went {
        Some(Attempt::Failed(error)) => error,
        _ => StoreError::Unavailable("SQLite rolled the transaction back; nothing was done".into()),
    }
}

fn execute(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests;
