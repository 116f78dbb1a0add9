//! The pool: its bound, who is skipped, and what an unknown user costs.

use std::collections::BTreeSet;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rescind_domain::password::{HashingError, PasswordHash, Passwords, Stored, Verdict};
use rescind_domain::throttle::{Throttle, ThrottleOptions};

use super::{QUICK, options, password};
use crate::passwords::decoys::{self, Decoys};
use crate::passwords::{Cost, Counts, Entropy, HashingPool, PoolOptions, recognise, worker};

const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
const PBKDF2: &str = "pbkdf2_sha256$1000$pinkSalt1234567890ABCD$qzb6V2cqf7HPrMjNex+Z74AFgXhzR07HsdXj3NqKh1o=";
const SCRYPT: &str = "$scrypt$ln=4,r=8,p=1$AQIDBAUGBwgJCgsMDQ4PEA$uRmJ+TMvzIjLXpqUwZJIyRO5wgioWck/zoHOgr162cM";

fn known(encoded: &str) -> Stored {
    Stored::Known(PasswordHash::new(encoded.to_owned()))
}

fn unknown(login: &str) -> Stored {
    Stored::Unknown { login: login.to_owned() }
}

fn cost(encoded: &str) -> Cost {
    recognise(encoded).expect("understood").cost()
}

fn poll<T>(answer: &mut Pin<Box<dyn Future<Output = T> + Send + '_>>) -> Poll<T> {
    answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Holds a hashing thread where it asks for a salt.
struct Gate {
    reached: Receiver<()>,
    open: Sender<()>,
}

impl Gate {
    fn new() -> (Self, Entropy) {
        let (reach, reached) = channel();
        let (open, opened) = channel::<()>();
        let opened = Mutex::new(opened);
        let entropy: Entropy = Arc::new(move |salt: &mut [u8]| {
            salt.fill(7);
            reach.send(()).expect("the test waits");
            opened.lock().expect("one thread").recv().expect("the test opens");
        });
        (Self { reached, open }, entropy)
    }
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once_and_loses_nobody_who_waits() {
    let (gate, entropy) = Gate::new();
    let pool = HashingPool::new(PoolOptions { entropy, ..options(QUICK) }).expect("a pool");
    let mut running = pool.hash(password("the one that runs"));
    assert!(poll(&mut running).is_pending());
    gate.reached.recv().expect("the thread has taken it");
    let mut waiting = [pool.verify(known(BCRYPT), password("a")), pool.verify(unknown("nobody"), password("b"))];
    assert!(waiting.iter_mut().all(|answer| poll(answer).is_pending()));
    assert_eq!(pool.queued(), 2);

    let mut refused = pool.verify(known(BCRYPT), password("one too many"));
    let Poll::Ready(Err(HashingError::Busy { retry_after })) = poll(&mut refused) else { panic!("not refused") };
    assert_eq!(retry_after, Duration::from_secs(1));
    assert_eq!((pool.counts().refused, pool.queued()), (1, 2));

    gate.open.send(()).expect("the thread waits");
    assert!(running.await.is_ok());
    for answer in waiting {
        assert_eq!(answer.await, Ok(Verdict::Wrong));
    }
    assert_eq!(pool.counts(), Counts { argon2: 2, bcrypt: 1, refused: 1, ..pool.counts() });
    assert_eq!(pool.queued(), 0);
}

#[tokio::test]
async fn a_waiter_that_hung_up_is_skipped_without_hashing() {
    let (gate, entropy) = Gate::new();
    let pool = HashingPool::new(PoolOptions { entropy, ..options(QUICK) }).expect("a pool");
    let mut running = pool.hash(password("the one that runs"));
    assert!(poll(&mut running).is_pending());
    gate.reached.recv().expect("the thread has taken it");
    let mut hung_up = pool.verify(known(BCRYPT), password("a"));
    let mut stays = pool.verify(known(PBKDF2), password("b"));
    assert!(poll(&mut hung_up).is_pending() && poll(&mut stays).is_pending());
    drop(hung_up);
    gate.open.send(()).expect("the thread waits");
    assert_eq!(stays.await, Ok(Verdict::Wrong));
    assert!(running.await.is_ok());
    assert_eq!(pool.counts(), Counts { argon2: 1, bcrypt: 0, pbkdf2: 1, skipped: 1, ..pool.counts() });
}

#[tokio::test]
async fn a_place_is_free_once_its_password_was_hashed_or_skipped_and_not_before() {
    let (gate, entropy) = Gate::new();
    let pool = HashingPool::new(PoolOptions { entropy, ..options(QUICK) }).expect("a pool");
    let options = ThrottleOptions { address_sign_ups: 2, all_sign_ups: 2, ..ThrottleOptions::default() };
    let throttle = Throttle::new(options, [1; 16]);
    let place = || throttle.begin_sign_up(None);
    let mut running = pool.hash_at(password("the one that runs"), place().expect("one"));
    let mut hung_up = pool.hash_at(password("a"), place().expect("the other"));
    assert!(poll(&mut running).is_pending());
    gate.reached.recv().expect("the thread has taken it");
    assert!(poll(&mut hung_up).is_pending());
    drop(hung_up);
    assert!(place().is_none(), "what it has in the queue stays there");
    gate.open.send(()).expect("the thread waits");
    assert!(running.await.is_ok());
    assert!(place().is_some(), "whoever has the answer has no place");
    assert!(pool.verify(known(PBKDF2), password("b")).await.is_ok());
    let both = (place(), place());
    assert!(both.0.is_some() && both.1.is_some() && pool.counts().skipped == 1);
}

#[test]
fn retry_after_is_the_work_that_waits_over_the_threads_within_a_second_and_a_minute() {
    let threads = NonZeroUsize::new(4).expect("not zero");
    for (backlog, seconds) in [(0, 1), (3_000_000, 1), (20_000_000, 5), (u64::MAX, 60)] {
        assert_eq!(worker::drained_after(backlog, threads), Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn the_threads_end_with_the_pool() {
    let (alive, ended) = channel::<()>();
    let entropy: Entropy = Arc::new(move |_| drop(alive.clone()));
    let threads = NonZeroUsize::new(3).expect("not zero");
    let pool = HashingPool::new(PoolOptions { threads, entropy, ..options(QUICK) }).expect("a pool");
    assert!(pool.hash(password("something")).await.is_ok());
    drop(pool);
    // The threads share the last copies of `alive`: this returns when all of them are gone.
    assert!(ended.recv().is_err());
}

#[tokio::test]
async fn a_panic_costs_its_own_job_only() {
    let first = Mutex::new(true);
    let entropy: Entropy = Arc::new(move |_| {
        let first = std::mem::take(&mut *first.lock().expect("not held while panicking"));
        assert!(!first, "on purpose");
    });
    let pool = HashingPool::new(PoolOptions { entropy, ..options(QUICK) }).expect("a pool");
    assert_eq!(pool.hash(password("something")).await, Err(worker::LOST));
    assert!(pool.hash(password("something")).await.is_ok());
    assert_eq!(pool.queued(), 0);
}

/// The counters before and after a check, subtracted.
async fn spent(pool: &HashingPool, stored: Stored, text: &str) -> (Counts, Result<Verdict, HashingError>) {
    let before = pool.counts();
    let answer = pool.verify(stored, password(text)).await;
    let after = pool.counts();
    let spent = Counts {
        argon2: after.argon2 - before.argon2,
        bcrypt: after.bcrypt - before.bcrypt,
        scrypt: after.scrypt - before.scrypt,
        pbkdf2: after.pbkdf2 - before.pbkdf2,
        work_micros: after.work_micros - before.work_micros,
        ..Counts::default()
    };
    (spent, answer)
}

#[tokio::test]
async fn b8_an_unknown_user_costs_what_a_wrong_password_costs_and_gets_the_same_answer() {
    let pool = HashingPool::new(options(QUICK)).expect("a pool");
    let own = pool.hash(password("correct horse")).await.expect("hashed");
    // Composed and decomposed text: the latter is tried in two forms, for everybody.
    for wrong in ["battery staple", "cafe\u{301} au lait", "", &"x".repeat(1024)] {
        let stranger = spent(&pool, unknown("nobody"), wrong).await;
        assert_eq!(spent(&pool, Stored::Known(own.clone()), wrong).await, stranger);
        assert_eq!(stranger.1, Ok(Verdict::Wrong));
        assert!(stranger.0.argon2 > 0);
    }
}

#[tokio::test]
async fn b8_where_all_hashes_are_imported_an_unknown_user_costs_what_they_cost() {
    for imported in [BCRYPT, PBKDF2, SCRYPT] {
        let pool = HashingPool::new(options(QUICK)).expect("a pool");
        pool.set_decoys([(cost(imported), 1)]);
        let stranger = spent(&pool, unknown("nobody"), "wrong").await;
        assert_eq!(spent(&pool, known(imported), "wrong").await, stranger, "{imported}");
        assert_eq!((stranger.0.argon2, stranger.1), (0, Ok(Verdict::Wrong)));
    }
}

#[tokio::test]
async fn b8_not_even_the_password_of_a_decoy_is_right() {
    let pool = HashingPool::new(options(QUICK)).expect("a pool");
    for guess in ["", "\0", "nobody"] {
        assert_eq!(spent(&pool, unknown("nobody"), guess).await.1, Ok(Verdict::Wrong));
    }
}

#[tokio::test]
async fn b8_a_hash_that_cannot_be_read_costs_a_hash_too_and_names_its_scheme() {
    let pool = HashingPool::new(options(QUICK)).expect("a pool");
    let stranger = spent(&pool, unknown("nobody"), "wrong").await.0;
    for (damaged, scheme) in [("$2b$31$abc", "bcrypt"), ("$argon2id$v=19", "argon2id"), ("plain text", "unrecognised")]
    {
        let (cost, answer) = spent(&pool, known(damaged), "wrong").await;
        assert_eq!(cost, stranger);
        assert_eq!(answer, Err(HashingError::Unreadable { scheme: scheme.to_owned() }));
    }
}

#[test]
fn b8_decoys_are_shared_out_as_the_users_hashes_are_and_stay_with_their_login() {
    let (key, configured) = (decoys::key(&[9; 32]), QUICK.cost().expect("possible"));
    let logins: Vec<String> = (0..2_000).map(|number| format!("user{number}@example.org")).collect();
    let with_bcrypt = |bcrypt: u64, own: u64| -> BTreeSet<&String> {
        let decoys =
            Decoys::new(configured, [(configured, own), (cost(BCRYPT), bcrypt / 2), (cost(BCRYPT), bcrypt / 2)]);
        logins.iter().filter(|login| decoys.choose(&key, login).cost() == cost(BCRYPT)).collect()
    };
    let (none, few, most, all) = (with_bcrypt(0, 9), with_bcrypt(20, 80), with_bcrypt(80, 20), with_bcrypt(4, 0));
    assert_eq!((none.len(), all.len()), (0, logins.len()));
    assert!((350..450).contains(&few.len()) && (1_550..1_650).contains(&most.len()), "{} {}", few.len(), most.len());
    // As users are upgraded, strangers move to the configured cost and none moves back.
    assert!(few.is_subset(&most));
}
