//! G1: `kill -9` at any instant. What was acknowledged is there; what was not is whole or absent.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rescind::store::sqlite::{Options, Role, Sqlite};
use rescind_wire::Scope;

use super::run;
use crate::conformance::engine::options;
use crate::conformance::fixture::{Handle, end, read, revoke, session};

fn open(path: &Path) -> Handle {
    let options = Options { wal_pages: 64, ..options(Role::Server) };
    Arc::new(Sqlite::open(path, options).expect("opens"))
}

/// What the test below starts and kills: it ends and ends, and says each number once it has been told that it happened.
#[test]
#[ignore = "killed by the test below; alone it would never end"]
fn child_that_writes_until_it_is_killed() {
    run(async {
        let store = open(Path::new("rescind.db"));
        // Those before this one have not used greater ids.
        let first = store.position().await.expect("a position").number;
        let mut tasks = Vec::new();
        for task in 0..4 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                for n in task * 1_000_000 + first.. {
                    let row = end(&store, move |tx| {
                        tx.insert_session(&session(task, n))?;
                        revoke(tx, &Scope::Everyone { services: false })
                    })
                    .await;
                    let number = row.position.number;
                    writeln!(std::io::stdout().lock(), "{number}").expect("the test listens");
                }
            }));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
    });
}

#[test]
fn g1_what_was_acknowledged_survives_kill_9_and_the_rest_is_whole_or_absent() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("rescind.db");
    let mut before = 0;
    for round in 0..8 {
        let acknowledged = acknowledged_before_kill(directory.path(), 40 + round * 37);
        let number = runtime().block_on(require_whole(&open(&path)));
        assert!(acknowledged > before && number >= acknowledged, "{before} {acknowledged} {number}");
        before = number;
    }
}

/// Starts the child, kills it after that many answers, and tells the greatest that it gave.
fn acknowledged_before_kill(directory: &Path, answers: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "conformance::sqlite::crashes::child_that_writes_until_it_is_killed"])
        .args(["--ignored", "--nocapture"])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut numbers = lines.map_while(Result::ok).filter_map(|line| line.parse::<u64>().ok());
    let mut greatest = numbers.by_ref().take(answers).max().expect("it answers");
    child.kill().expect("is killed");
    // What it said while it was killed counts as well.
    greatest = greatest.max(numbers.max().unwrap_or_default());
    child.wait().expect("ends");
    greatest
}

async fn require_whole(store: &Handle) -> u64 {
    let (head, log, events, sessions) = read(store, |view| {
        Ok((
            view.head()?,
            view.log_after(0, 1 << 20)?,
            view.events(None, 0, 1 << 20)?,
            view.sessions_after(None, 1 << 20)?,
        ))
    })
    .await;
    let number = head.position.number;
    assert!(log.iter().map(|row| row.position.number).eq(1..=number), "dense");
    assert_eq!((log.len(), events.len(), head.everyone_cut), (sessions.len(), sessions.len(), number));
    number
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}
