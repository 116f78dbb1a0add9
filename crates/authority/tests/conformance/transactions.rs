//! Transactions: whole or not at all, one after the other, and durable once answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;

use rescind_domain::Error;
use rescind_domain::store::{Store, StoreError, Tx};
use rescind_wire::Scope;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fixture::{Handle, at, end, event, read, revoke, store_error, try_end, try_write, user, user_id, write};

conformance! {
    async fn g1_a_transaction_that_fails_leaves_nothing_whatever_the_reason(engine) {
        let store = engine.store();
        let refused = store
            .transact("test", |tx| {
                fill(tx)?;
                Err::<(), _>(Error::Forbidden)
            })
            .await;
        assert!(matches!(refused, Err(Error::Forbidden)));
        let refused = try_write(&store, |tx| {
            fill(tx)?;
            Err::<(), _>(StoreError::Unavailable("x".into()))
        })
        .await;
        assert_eq!(store_error(refused.expect_err("fails")), StoreError::Unavailable("x".into()));
        let refused = store
            .end("test", |tx| {
                revoke(tx, &Scope::Everyone { services: true })?;
                Err::<(), _>(Error::ExceptionEnded)
            })
            .await;
        assert!(matches!(refused, Err(Error::ExceptionEnded)));
        assert_eq!(nothing(&store).await, (0, 0, 0));
        assert_eq!(read(&store, |view| view.head()).await.services_cut, 0);
    }

    async fn a_transaction_that_panics_leaves_nothing_and_the_store_goes_on(engine) {
        let store = engine.store();
        let refused = try_write(&store, |tx| -> Result<(), StoreError> {
            fill(tx)?;
            panic!("a fault that a test made")
        })
        .await;
        assert!(matches!(store_error(refused.expect_err("fails")), StoreError::Unavailable(_)));
        let refused = store
            .read("test", |view| -> Result<(), Error> {
                view.head()?;
                panic!("a fault that a test made")
            })
            .await;
        assert!(matches!(store_error(refused.expect_err("fails")), StoreError::Unavailable(_)));
        assert_eq!(nothing(&store).await, (0, 0, 0));
        write(&store, |tx| tx.insert_user(&user(1))).await;
        assert!(read(&store, |view| view.user(&user_id(1))).await.is_some());
    }

    async fn one_that_fails_does_not_disturb_those_that_commit_with_it(engine) {
        let store = engine.store();
        let parked = park(&store).await;
        let mut waiting = Vec::new();
        for n in 0..30_u64 {
            waiting.push(
                enqueue(&store, move |tx| {
                    tx.insert_user(&user(n))?;
                    tx.add_event(&event(n))?;
                    match n % 3 {
                        0 => Ok(()),
                        1 => Err(Error::Forbidden),
                        _ => panic!("a fault that a test made"),
                    }
                })
                .await,
            );
        }
        parked.release().await;
        for (n, waiting) in (0..).zip(waiting) {
            let answer = waiting.await.expect("no panic");
            assert!(
                match n % 3 {
                    0 => answer.is_ok(),
                    1 => matches!(answer, Err(Error::Forbidden)),
                    _ => matches!(answer, Err(Error::Store(StoreError::Unavailable(_)))),
                },
                "{n}"
            );
            let there = read(&store, move |view| view.user(&user_id(n))).await.is_some();
            assert_eq!(there, n % 3 == 0, "{n}");
        }
        assert_eq!(read(&store, |view| view.events(None, 0, 100)).await.len(), 10);
    }

    async fn a_conflict_is_tried_again_by_the_store_itself(engine) {
        let store = engine.store();
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        let answer = write(&store, move |tx| {
            fill(tx)?;
            let run = counted.fetch_add(1, SeqCst);
            if run == 0 { Err(StoreError::Conflict) } else { Ok(run) }
        })
        .await;
        assert_eq!(answer, 1);
        assert_eq!(read(&store, |view| view.events(None, 0, 9)).await.len(), 1, "the first run left nothing");
    }

    async fn a_conflict_that_stays_is_answered_in_the_end(engine) {
        let store = engine.store();
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        let refused = try_end(&store, move |tx| -> Result<(), StoreError> {
            fill(tx)?;
            counted.fetch_add(1, SeqCst);
            Err(StoreError::Conflict)
        })
        .await;
        assert_eq!(store_error(refused.expect_err("always in the way")), StoreError::Conflict);
        assert!((2..100).contains(&runs.load(SeqCst)));
        assert_eq!(nothing(&store).await, (0, 0, 0));
    }

    async fn no_increment_of_64_at_once_is_lost(engine) {
        let (one, other) = (engine.store(), engine.other());
        let mut tasks = Vec::new();
        for n in 0..64 {
            let store = if n % 4 == 0 { other.clone() } else { one.clone() };
            tasks.push(tokio::spawn(async move { write(&store, increment).await }));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(read(&one, |view| view.setting("count")).await.as_deref(), Some("64"));
    }

    async fn those_that_wait_at_once_share_commits(engine) {
        let store = engine.store();
        let parked = park(&store).await;
        let before = engine.counted().commits;
        let mut waiting = Vec::new();
        for _ in 0..64 {
            waiting.push(enqueue(&store, |tx| Ok(increment(tx)?)).await);
        }
        parked.release().await;
        for waiting in waiting {
            waiting.await.expect("no panic").expect("commits");
        }
        let commits = engine.counted().commits - before;
        assert!((1..=16).contains(&commits), "{commits}");
        assert_eq!(read(&store, |view| view.setting("count")).await.as_deref(), Some("64"));
    }

    async fn r6_what_was_answered_is_seen_by_everybody_at_once(engine) {
        let (one, other) = (engine.store(), engine.other());
        for n in 1..=20 {
            end(&one, |tx| revoke(tx, &Scope::Everyone { services: false })).await;
            assert_eq!(read(&other, |view| view.head()).await.position, at(n));
            write(&other, move |tx| tx.insert_user(&user(n))).await;
            assert!(read(&one, move |view| view.user(&user_id(n))).await.is_some());
        }
    }

    async fn a_read_sees_one_state_whatever_is_written_meanwhile(engine) {
        let (store, other) = (engine.store(), engine.other());
        let (looked, has_looked) = oneshot::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let reader = {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .read("test", move |view| {
                        let before = (view.head()?, view.user(&user_id(1))?.is_some(), view.setting("count")?);
                        looked.send(()).expect("the test waits");
                        may_go_on.recv().expect("the test goes on");
                        let events = view.events(None, 0, 9)?.len();
                        let after = (view.head()?, view.user(&user_id(1))?.is_some(), view.setting("count")?);
                        Ok((before, events, after))
                    })
                    .await
            })
        };
        has_looked.await.expect("the reader looks");
        for handle in [&store, &other] {
            end(handle, |tx| {
                fill(tx)?;
                revoke(tx, &Scope::Everyone { services: true })
            })
            .await;
            write(handle, |tx| tx.set_setting("user", None)).await;
        }
        go_on.send(()).expect("the reader waits");
        let (before, events, after) = reader.await.expect("no panic").expect("reads");
        assert_eq!(before, after);
        assert_eq!((before.0.position.number, before.1, before.2, events), (0, false, None, 0));
        let head = read(&store, |view| view.head()).await;
        assert_eq!(head.position.number, 2);
    }

    async fn nobody_sees_what_is_not_committed_and_the_transaction_sees_its_own(engine) {
        let (store, other) = (engine.store(), engine.other());
        let (wrote, has_written) = oneshot::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let mut wrote = Some(wrote);
        let writer = {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .end("test", move |tx| {
                        revoke(tx, &Scope::Everyone { services: false })?;
                        tx.insert_user(&user(1))?;
                        let own = (tx.head()?.position.number, tx.user(&user_id(1))?.is_some());
                        if let Some(wrote) = wrote.take() {
                            wrote.send(()).expect("the test waits");
                            may_go_on.recv().expect("the test goes on");
                        }
                        Ok(own)
                    })
                    .await
            })
        };
        has_written.await.expect("the writer writes");
        for handle in [&store, &other] {
            assert_eq!(handle.position().await, Ok(at(0)));
            assert!(read(handle, |view| view.user(&user_id(1))).await.is_none());
        }
        assert!(!writer.is_finished());
        go_on.send(()).expect("the writer waits");
        assert_eq!(writer.await.expect("no panic").expect("commits"), (1, true));
        assert_eq!(other.position().await, Ok(at(1)));
    }

    async fn nothing_is_done_for_whoever_has_gone_before_it_began(engine) {
        let store = engine.store();
        let parked = park(&store).await;
        let gone = enqueue(&store, |tx| Ok(increment(tx)?)).await;
        let stays = enqueue(&store, |tx| Ok(increment(tx)?)).await;
        gone.abort();
        assert!(gone.await.expect_err("was aborted").is_cancelled());
        parked.release().await;
        stays.await.expect("no panic").expect("commits");
        assert_eq!(read(&store, |view| view.setting("count")).await.as_deref(), Some("1"));
    }

    async fn r6_what_was_answered_is_there_after_opening_again(engine) {
        let store = engine.store();
        for n in 1..=5 {
            end(&store, move |tx| {
                tx.insert_user(&user(n))?;
                revoke(tx, &Scope::Everyone { services: false })
            })
            .await;
        }
        let log = read(&store, |view| view.log_after(0, 100)).await;
        drop(store);
        engine.reopen();
        let store = engine.store();
        assert_eq!(store.position().await, Ok(at(5)));
        assert_eq!(read(&store, |view| view.log_after(0, 100)).await, log);
        for n in 1..=5 {
            assert!(read(&store, move |view| view.user(&user_id(n))).await.is_some());
        }
        // Numbers go on where they stopped, and what a fresh store begins with is not made again.
        end(&store, |tx| revoke(tx, &Scope::Everyone { services: false })).await;
        assert_eq!(store.position().await, Ok(at(6)));
        assert_eq!(read(&store, |view| view.clients("", 9)).await.len(), 1);
    }
}

/// Adds one event and one user.
fn fill<T: Tx + ?Sized>(tx: &mut T) -> Result<(), StoreError> {
    if tx.user(&user_id(1))?.is_none() {
        tx.insert_user(&user(1))?;
    }
    tx.add_event(&event(1))
}

fn increment(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let count: u64 = tx.setting("count")?.map_or(0, |text| text.parse().expect("a number"));
    tx.set_setting("count", Some(&(count + 1).to_string()))
}

/// The head, and how many events and users there are.
async fn nothing(store: &Handle) -> (u64, usize, usize) {
    read(store, |view| {
        let users = view.users("", "", 9)?.len();
        Ok((view.head()?.position.number, view.events(None, 0, 9)?.len(), users))
    })
    .await
}

/// A transaction that is open, and keeps all others waiting.
struct Parked {
    go_on: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

impl Parked {
    async fn release(self) {
        self.go_on.send(()).expect("it waits");
        self.task.await.expect("no panic");
    }
}

async fn park(store: &Handle) -> Parked {
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let mut begun = Some(begun);
    let store = store.clone();
    let task = tokio::spawn(async move {
        write(&store, move |_| {
            if let Some(begun) = begun.take() {
                begun.send(()).expect("the test waits");
                may_go_on.recv().expect("the test goes on");
            }
            Ok(())
        })
        .await;
    });
    has_begun.await.expect("it begins");
    Parked { go_on, task }
}

/// Hands a transaction in behind a parked one: returns once it waits for nothing but its turn.
async fn enqueue<F>(store: &Handle, body: F) -> JoinHandle<Result<(), Error>>
where
    F: FnMut(&mut dyn Tx) -> Result<(), Error> + Send + 'static,
{
    let store = store.clone();
    let (polled, was_polled) = oneshot::channel();
    let task = tokio::spawn(async move {
        let mut transact = std::pin::pin!(async { (&*store as &dyn Store).transact("test", body).await });
        let mut polled = Some(polled);
        std::future::poll_fn(move |context| {
            let state = transact.as_mut().poll(context);
            if let Some(polled) = polled.take() {
                // The test may have gone on already.
                let _ = polled.send(());
            }
            state
        })
        .await
    });
    was_polled.await.expect("it is handed in");
    task
}
