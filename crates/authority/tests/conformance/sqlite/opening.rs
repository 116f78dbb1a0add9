//! Opening: permissions, versions, strangers' files, two processes at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use rescind::store::sqlite::{Fresh, OpenError, Options, Role, Sqlite};
use rescind_domain::clock::Timestamp;
use rescind_domain::store::StoreError;
use rescind_wire::Scope;

use super::{Opened, raw, run};
use crate::conformance::engine::options;
use crate::conformance::fixture::{at, end, read, revoke};

#[test]
fn the_file_and_those_beside_it_are_for_the_owner_alone() {
    run(async {
        let opened = Opened::fresh();
        end(&opened.store(), |tx| revoke(tx, &Scope::Everyone { services: false })).await;
        for name in ["rescind.db", "rescind.db-wal", "rescind.db-shm"] {
            let mode = fs::metadata(opened.beside(name)).expect("is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    });
}

#[test]
fn a_database_of_a_newer_version_is_refused_by_name_and_left_as_it_is() {
    let directory = Opened::fresh().close();
    let path = directory.path().join("rescind.db");
    raw(&path).execute_batch("PRAGMA user_version = 99").expect("works");
    let before = fs::read(&path).expect("is there");
    let Err(error) = Sqlite::open(&path, options(Role::Server)) else { panic!("opens") };
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("newer version of Rescind") && text.contains("schema 99"), "{text}");
    assert_eq!(fs::read(&path).expect("is there"), before);
}

#[test]
fn another_programs_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("other.db");
    for sql in ["CREATE TABLE t (x)", "PRAGMA application_id = 7; CREATE TABLE t (x)", "PRAGMA user_version = 1"] {
        drop(fs::remove_file(&path));
        raw(&path).execute_batch(sql).expect("works");
        let before = fs::read(&path).expect("is there");
        let Err(error) = Sqlite::open(&path, options(Role::Server)) else { panic!("opens") };
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(&path).expect("is there"), before);
    }
}

#[test]
fn what_is_no_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("rescind.db");
    let text = "a text that is long enough to be taken for the header of a database ".repeat(20);
    fs::write(&path, &text).expect("writes");
    let Err(error) = Sqlite::open(&path, options(Role::Server)) else { panic!("opens") };
    assert!(matches!(&error, OpenError::Store { source: StoreError::Unavailable(_), .. }), "{error}");
    assert!(error.to_string().contains("not a database"), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("is there"), text);
    let missing = directory.path().join("no/such/folder/rescind.db");
    let Err(error) = Sqlite::open(&missing, options(Role::Server)) else { panic!("opens") };
    assert!(matches!(error, OpenError::File { .. }), "{error}");
}

#[test]
fn many_that_open_a_new_store_at_once_agree_on_one_beginning() {
    let directory = tempfile::tempdir().expect("a directory");
    for round in 0..5 {
        let path = directory.path().join(format!("{round}.db"));
        let positions: Vec<_> = thread::scope(|scope| {
            let open = |n| {
                let path = &path;
                scope.spawn(move || position_of(path, n))
            };
            let threads: Vec<_> = (0..8).map(open).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(positions.windows(2).all(|pair| pair[0] == pair[1]), "{positions:?}");
    }
}

/// Opens the store at `path` with an epoch of one's own, and says where its log begins.
fn position_of(path: &Path, n: u8) -> rescind_wire::Position {
    let role = if n.is_multiple_of(2) { Role::Server } else { Role::Tool };
    let fresh = Fresh { epoch: [n; 10], now: Timestamp(1) };
    let sqlite = Sqlite::open(path, Options::new(role, fresh)).expect("opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(rescind_domain::store::Store::position(&sqlite)).expect("a position")
}

#[test]
fn opening_again_changes_nothing() {
    run(async {
        let opened = Opened::fresh();
        end(&opened.store(), |tx| revoke(tx, &Scope::Everyone { services: false })).await;
        let path = opened.path();
        let directory = opened.close();
        // Closing puts everything into the one file.
        assert_eq!(fs::read_dir(directory.path()).expect("is there").count(), 1);
        let before = fs::read(&path).expect("is there");
        let fresh = Fresh { epoch: [99; 10], now: Timestamp(7) };
        let sqlite = Sqlite::open(&path, Options::new(Role::Server, fresh)).expect("opens");
        let store: super::Handle = std::sync::Arc::new(sqlite);
        assert_eq!(store.position().await, Ok(at(1)));
        assert_eq!(read(&store, |view| view.log_after(0, 9)).await.len(), 1);
        drop(store);
        assert_eq!(fs::read(&path).expect("is there"), before);
        drop(directory);
    });
}

#[test]
fn a_path_that_looks_like_an_address_is_a_path() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file:x?mode=memory");
    drop(Sqlite::open(&path, options(Role::Tool)).expect("opens"));
    assert!(fs::metadata(&path).expect("is there").len() > 0);
}
