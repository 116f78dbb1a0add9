//! The write-ahead log stays bounded under constant writes and reads, and other processes' locks are waited for.

use std::fs;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use rescind::store::sqlite::{Options, Role};
use rescind_domain::Error;
use rescind_domain::store::StoreError;
use tokio::sync::oneshot;

use super::{Opened, raw, run};
use crate::conformance::engine::options;
use crate::conformance::fixture::{Handle, event, read, session, session_id, user_id, write};

const PAGES: u32 = 128;
const BOUND: u64 = 4 * PAGES as u64 * 4096;

fn wal(opened: &Opened) -> u64 {
    fs::metadata(opened.beside("rescind.db-wal")).map_or(0, |file| file.len())
}

fn small() -> Opened {
    Opened::with(Options { wal_pages: PAGES, ..options(Role::Server) })
}

#[test]
fn the_wal_stays_bounded_under_constant_writes_with_constant_readers() {
    run(async {
        let opened = small();
        let done = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (store, done) = (opened.store(), done.clone());
                tokio::spawn(async move {
                    let mut reads = 0_u64;
                    while !done.load(SeqCst) {
                        read(&store, |view| Ok((view.head()?, view.sessions_after(None, 20)?.len()))).await;
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        let mut largest = 0;
        for n in 0..2_000 {
            write(&opened.store(), move |tx| {
                tx.insert_session(&session(n % 50, n))?;
                tx.add_event(&event(n))
            })
            .await;
            largest = largest.max(wal(&opened));
        }
        done.store(true, SeqCst);
        for reader in readers {
            assert!(reader.await.expect("no panic") > 0);
        }
        let stats = opened.stats();
        assert!(largest < BOUND, "{largest} bytes, {stats:?}");
        // What was written is many times as long, so it began again many times.
        assert!(stats.commits >= 2_000 && stats.resets > 20, "{stats:?}");
    });
}

#[test]
fn one_reader_of_an_old_state_keeps_nobody_from_writing_and_the_wal_shrinks_once_it_has_gone() {
    run(async {
        let opened = small();
        let raw = opened.raw();
        raw.execute_batch("BEGIN; SELECT * FROM head").expect("reads");
        let mut n = 0;
        while opened.stats().blocked_resets < 2 {
            fill(&opened.store(), &mut n).await;
            assert!(n < 1_000_000, "{:?}", opened.stats());
        }
        assert!(wal(&opened) > u64::from(PAGES) * 4096);
        raw.execute_batch("COMMIT").expect("ends");
        let before = opened.stats().resets;
        while opened.stats().resets < before + 2 {
            fill(&opened.store(), &mut n).await;
            assert!(n < 1_000_000, "{:?}", opened.stats());
        }
        assert!(wal(&opened) < BOUND);
        let last = n - 1;
        assert!(read(&opened.store(), move |view| view.session(&user_id(1), &session_id(last))).await.is_some());
    });
}

async fn fill(store: &Handle, n: &mut u64) {
    let first = *n;
    write(store, move |tx| (first..first + 50).try_for_each(|n| tx.insert_session(&session(1, n)))).await;
    *n += 50;
}

#[test]
fn a_write_waits_for_another_process_that_holds_the_lock() {
    run(async {
        let patient = NonZeroU32::new(100_000).expect("not zero");
        let busy_timeout = Duration::from_millis(1);
        let opened = Opened::with(Options { attempts: patient, busy_timeout, ..options(Role::Server) });
        let raw = opened.raw();
        raw.execute_batch("BEGIN IMMEDIATE; UPDATE head SET floor = 0").expect("locks");
        let store = opened.store();
        let writer = tokio::spawn(async move { write(&store, |tx| tx.add_event(&event(1))).await });
        while opened.stats().conflicts < 2 {
            tokio::task::yield_now().await;
        }
        assert!(!writer.is_finished());
        // Reads do not wait.
        assert!(read(&opened.store(), |view| view.events(None, 0, 9)).await.is_empty());
        assert!(opened.store().position().await.is_ok());
        raw.execute_batch("COMMIT").expect("ends");
        writer.await.expect("no panic");
        assert_eq!(read(&opened.store(), |view| view.events(None, 0, 9)).await.len(), 1);
    });
}

#[test]
fn g2_a_lock_that_is_never_given_back_is_an_error_that_says_so() {
    run(async {
        let (attempts, busy_timeout) = (NonZeroU32::new(2).expect("not zero"), Duration::from_millis(1));
        let opened = Opened::with(Options { attempts, busy_timeout, ..options(Role::Server) });
        let raw = opened.raw();
        raw.execute_batch("BEGIN IMMEDIATE").expect("locks");
        let refused = opened.store().transact("test", |tx| Ok(tx.add_event(&event(1))?)).await;
        let Err(Error::Store(StoreError::Unavailable(text))) = refused else { panic!("{refused:?}") };
        assert!(text.contains("another process"), "{text}");
        raw.execute_batch("COMMIT").expect("ends");
        write(&opened.store(), |tx| tx.add_event(&event(1))).await;
        assert_eq!(read(&opened.store(), |view| view.events(None, 0, 9)).await.len(), 1);
    });
}

/// The last owner of a store may be a job, on the thread that ran it; that thread must not wait for its own end.
#[test]
fn a_store_whose_last_owner_is_a_job_of_its_own_closes() {
    struct Last {
        _store: Handle,
        _closed: mpsc::Sender<()>,
    }
    run(async {
        let opened = Opened::fresh();
        let (closed, was_closed) = mpsc::channel();
        let (begun, has_begun) = oneshot::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let last = Last { _store: opened.store(), _closed: closed };
        let mut begun = Some(begun);
        let store = opened.store();
        let task = tokio::spawn(async move {
            write(&store, move |tx| {
                let _last = &last;
                if let Some(begun) = begun.take() {
                    begun.send(()).expect("the test waits");
                    may_go_on.recv().expect("the test goes on");
                }
                tx.add_event(&event(1))
            })
            .await;
        });
        has_begun.await.expect("it begins");
        task.abort();
        assert!(task.await.expect_err("was aborted").is_cancelled());
        let Opened { sqlite, directory } = opened;
        drop(sqlite);
        go_on.send(()).expect("it waits");
        // The other half of the channel goes after the store has.
        assert!(was_closed.recv().is_err());
        // What had begun is done all the same.
        let raw = raw(&directory.path().join("rescind.db"));
        let mut events = raw.prepare("SELECT count(*) FROM events").expect("a query");
        let committed =
            (0..1_000_000).any(|_| events.query_row([], |row| row.get::<_, i64>(0)).expect("a number") == 1);
        assert!(committed);
    });
}
