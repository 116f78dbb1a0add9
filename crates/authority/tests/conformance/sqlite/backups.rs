//! Backups under constant writes, and restoring them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use rescind::store::sqlite::{BackupError, Role, Sqlite, backup, restore};
use rescind_wire::Scope;

use super::{Opened, raw, run};
use crate::conformance::engine::options;
use crate::conformance::fixture::{Handle, advance, at, end, read, revoke, session, user_id, write};

fn open(path: &Path) -> Handle {
    Arc::new(Sqlite::open(path, options(Role::Server)).expect("opens"))
}

/// Sessions and entries are always written together here, so a state in which they differ never was.
async fn require_one_state(store: &Handle) -> u64 {
    let (head, log, events, sessions) = read(store, |view| {
        Ok((
            view.head()?,
            view.log_after(0, 100_000)?,
            view.events(None, 0, 100_000)?,
            view.sessions_after(None, 100_000)?,
        ))
    })
    .await;
    let number = head.position.number;
    assert!(log.iter().map(|row| row.position.number).eq(1..=number));
    assert_eq!((log.len(), events.len(), head.everyone_cut), (sessions.len(), sessions.len(), number));
    number
}

#[test]
fn a_backup_under_constant_writes_is_one_state_and_restores_to_it() {
    run(async {
        let opened = Opened::fresh();
        let done = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (store, done) = (opened.store(), done.clone());
                tokio::spawn(async move {
                    let mut n = writer * 1_000_000;
                    while !done.load(SeqCst) {
                        end(&store, move |tx| {
                            tx.insert_session(&session(writer, n))?;
                            revoke(tx, &Scope::Everyone { services: false })
                        })
                        .await;
                        n += 1;
                    }
                })
            })
            .collect();
        let mut numbers = Vec::new();
        for n in 0..5 {
            let (sqlite, dest) = (opened.sqlite.clone(), opened.beside(&format!("{n}.backup")));
            let before = opened.store().position().await.expect("a position").number;
            tokio::task::spawn_blocking(move || sqlite.backup(dest)).await.expect("no panic").expect("is made");
            numbers.push((before, opened.store().position().await.expect("a position").number));
        }
        done.store(true, SeqCst);
        for writer in writers {
            writer.await.expect("no panic");
        }
        for (n, (before, after)) in numbers.into_iter().enumerate() {
            let (from, to) = (opened.beside(&format!("{n}.backup")), opened.beside(&format!("{n}.db")));
            assert_eq!(fs::metadata(&from).expect("is there").permissions().mode() & 0o777, 0o600);
            restore(&from, &to).expect("is restored");
            assert_eq!(fs::metadata(&to).expect("is there").permissions().mode() & 0o777, 0o600);
            let number = require_one_state(&open(&to)).await;
            assert!((before..=after).contains(&number), "{before} {number} {after}");
        }
        assert!(!fs::exists(opened.beside("0.db.partial")).expect("known"));
    });
}

#[test]
fn g7_restoring_replaces_a_store_and_what_was_in_its_wal() {
    run(async {
        let opened = Opened::fresh();
        advance(&opened.store(), 2).await;
        opened.sqlite.backup(opened.beside("two")).expect("is made");
        write(&opened.store(), |tx| tx.insert_session(&session(1, 1))).await;
        advance(&opened.store(), 3).await;
        // As after a crash: the log of the old one is still beside it.
        let path = opened.beside("crashed.db");
        for suffix in ["", "-wal"] {
            let from = opened.beside(&format!("rescind.db{suffix}"));
            fs::copy(from, opened.beside(&format!("crashed.db{suffix}"))).expect("copies");
        }
        assert!(fs::metadata(opened.beside("crashed.db-wal")).expect("is there").len() > 0);
        restore(opened.beside("two"), &path).expect("is restored");
        let store = open(&path);
        assert_eq!(store.position().await, Ok(at(2)));
        assert!(read(&store, |view| view.sessions_after(None, 9)).await.is_empty());
        assert_eq!(read(&store, |view| view.user(&user_id(1))).await.map(|user| user.id), None);
    });
}

#[test]
fn a_store_that_is_in_use_is_not_replaced() {
    run(async {
        let opened = Opened::fresh();
        opened.sqlite.backup(opened.beside("zero")).expect("is made");
        advance(&opened.store(), 2).await;
        let refused = restore(opened.beside("zero"), opened.path());
        assert!(matches!(refused, Err(BackupError::InUse(_))), "{refused:?}");
        assert_eq!(opened.store().position().await, Ok(at(2)));
        let (path, zero) = (opened.path(), opened.beside("zero"));
        let directory = opened.close();
        restore(zero, &path).expect("is restored");
        assert_eq!(open(&path).position().await, Ok(at(0)));
        drop(directory);
    });
}

#[test]
fn a_backup_overwrites_nothing() {
    run(async {
        let opened = Opened::fresh();
        let dest = opened.beside("precious");
        fs::write(&dest, "precious").expect("writes");
        let refused = opened.sqlite.backup(&dest);
        assert!(matches!(refused, Err(BackupError::Exists(_))), "{refused:?}");
        assert_eq!(fs::read_to_string(&dest).expect("is there"), "precious");
        assert!(matches!(backup(opened.path(), opened.path()), Err(BackupError::Exists(_))));
        assert!(matches!(opened.sqlite.backup(opened.beside("no/such")), Err(BackupError::File { .. })));
        assert!(matches!(backup(opened.beside("none"), opened.beside("x")), Err(BackupError::Unusable { .. })));
        assert!(!fs::exists(opened.beside("x")).expect("known"));
    });
}

#[test]
fn what_is_no_whole_backup_is_refused_and_the_store_stays() {
    run(async {
        let opened = Opened::fresh();
        write(&opened.store(), |tx| (0..500).try_for_each(|n| tx.insert_session(&session(1, n)))).await;
        advance(&opened.store(), 2).await;
        let whole = opened.beside("whole");
        opened.sqlite.backup(&whole).expect("is made");
        let path = opened.path();
        let directory = opened.close();
        let bytes = fs::read(&whole).expect("is there");
        let bad = directory.path().join("bad");
        let mut damaged = bytes.clone();
        damaged[4096 * 20..4096 * 21].fill(0xaa);
        for wrong in [&b""[..], b"text", &bytes[..bytes.len() / 2], &damaged] {
            fs::write(&bad, wrong).expect("writes");
            let refused = restore(&bad, &path);
            assert!(matches!(refused, Err(BackupError::Unusable { .. })), "{refused:?}");
        }
        fs::write(&bad, &bytes).expect("writes");
        raw(&bad).execute_batch("PRAGMA user_version = 99").expect("works");
        let refused = restore(&bad, &path).expect_err("newer").to_string();
        assert!(refused.contains("newer version of Rescind"), "{refused}");
        assert!(matches!(restore(directory.path().join("none"), &path), Err(BackupError::Unusable { .. })));
        let store = open(&path);
        assert_eq!(store.position().await, Ok(at(2)));
        assert_eq!(read(&store, |view| view.sessions_after(None, 1_000)).await.len(), 500);
    });
}
