//! What only the disk can bring about: it is full, or the commit fails.

use rescind_domain::clock::Timestamp;
use rescind_domain::event::{EventKind, NewEvent};
use rescind_domain::revocation::Actor;
use rescind_domain::store::Tx;
use tokio::sync::oneshot::Receiver;

use super::super::{Fresh, Options, Role, Sqlite};
use super::*;

struct Fixture {
    thread: Thread,
    jobs: VecDeque<Job>,
    _sqlite: Sqlite,
    _directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let fresh = Fresh { epoch: [1; 10], now: Timestamp(1) };
        let sqlite = Sqlite::open(directory.path().join("db"), Options::new(Role::Tool, fresh)).expect("opens");
        let shared = Arc::clone(&sqlite.shared);
        let link = Link::open(Arc::clone(&shared), Purpose::Write { wal_pages: None }).expect("opens");
        let thread = Thread { shared, link, reset: None };
        Self { thread, jobs: VecDeque::new(), _sqlite: sqlite, _directory: directory }
    }

    fn conn(&mut self) -> &Connection {
        self.thread.link.get().expect("a connection")
    }

    fn count(&mut self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.conn().query_row(&sql, [], |row| row.get(0)).expect("a number")
    }

    fn enqueue(&mut self, job: fn(&mut dyn Tx) -> Outcome) -> Receiver<Outcome> {
        let (answer, answered) = oneshot::channel();
        let work = Work::Transact(Box::new(move |tx| match job(tx) {
            Ok(()) => Attempt::Commit,
            Err(error) => Attempt::Failed(error),
        }));
        self.jobs.push_back(Job { name: "test", work, answer });
        answered
    }

    fn batch(&mut self) {
        self.thread.batch(&mut self.jobs);
    }
}

fn small(tx: &mut dyn Tx) -> Outcome {
    tx.add_event(&NewEvent::new(Timestamp(1), EventKind::SignedIn, Actor::System))
}

fn large(tx: &mut dyn Tx) -> Outcome {
    let detail = "x".repeat(1_000_000);
    tx.add_event(&NewEvent::new(Timestamp(1), EventKind::SignedIn, Actor::System).detail(detail))
}

fn is_full(answer: &Outcome) -> bool {
    matches!(answer, Err(StoreError::Unavailable(text)) if text.contains("the disk is full"))
}

#[test]
fn g2_when_the_disk_is_full_nobody_of_the_batch_is_told_that_it_happened() {
    let mut fixture = Fixture::new();
    let pages: i64 = fixture.conn().query_row("PRAGMA page_count", [], |row| row.get(0)).expect("a number");
    let limit = format!("PRAGMA max_page_count = {}", pages + 20);
    fixture.conn().query_row(&limit, [], |row| row.get::<_, i64>(0)).expect("is set");
    let mut before = fixture.enqueue(small);
    let mut full = fixture.enqueue(large);
    let mut after = fixture.enqueue(small);
    fixture.batch();
    // SQLite gave the whole transaction up, with what the first had written.
    assert!(is_full(&before.try_recv().expect("an answer")));
    assert!(is_full(&full.try_recv().expect("an answer")));
    assert_eq!(fixture.count("events"), 0);
    // The one that had not begun runs next, on a connection of its own.
    assert!(after.try_recv().is_err());
    fixture.batch();
    assert_eq!(after.try_recv(), Ok(Ok(())));
    assert_eq!(fixture.count("events"), 1);
}

#[test]
fn r6_when_the_commit_fails_everybody_of_the_batch_is_told_so_and_nothing_stays() {
    let mut fixture = Fixture::new();
    // A constraint that is looked at by COMMIT alone.
    let sql = "CREATE TABLE nowhere (x TEXT PRIMARY KEY); DROP TABLE settings; \
               CREATE TABLE settings \
                   (name TEXT PRIMARY KEY, value TEXT REFERENCES nowhere DEFERRABLE INITIALLY DEFERRED); \
               PRAGMA foreign_keys = ON";
    fixture.conn().execute_batch(sql).expect("works");
    let mut before = fixture.enqueue(small);
    let mut failing = fixture.enqueue(|tx| tx.set_setting("a", Some("b")));
    let mut refused = fixture.enqueue(|_| Err(StoreError::Conflict));
    let commits = fixture.thread.shared.counters.commits.get();
    fixture.batch();
    for answered in [&mut before, &mut failing, &mut refused] {
        let answer = answered.try_recv().expect("an answer");
        assert!(matches!(&answer, Err(StoreError::Unavailable(text)) if text.contains("FOREIGN KEY")), "{answer:?}");
    }
    assert_eq!((fixture.count("events"), fixture.count("settings")), (0, 0));
    assert_eq!(fixture.thread.shared.counters.commits.get(), commits);
    let mut next = fixture.enqueue(small);
    fixture.batch();
    assert_eq!(next.try_recv(), Ok(Ok(())));
    assert_eq!(fixture.count("events"), 1);
}

#[test]
fn one_batch_is_bounded_in_rows_so_that_heartbeats_never_wait_for_long() {
    let mut fixture = Fixture::new();
    let many = |tx: &mut dyn Tx| (0..MOST_ROWS).try_for_each(|_| small(tx));
    let mut first = fixture.enqueue(many);
    let mut second = fixture.enqueue(small);
    fixture.batch();
    assert_eq!(first.try_recv(), Ok(Ok(())));
    assert!(second.try_recv().is_err());
    fixture.batch();
    assert_eq!(second.try_recv(), Ok(Ok(())));
}
