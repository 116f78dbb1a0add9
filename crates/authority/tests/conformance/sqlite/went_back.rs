//! R9 within one process: positions never go back unnoticed, and the file is the one that was opened.

use std::fs;
use std::sync::Arc;

use rescind_domain::Error;
use rescind_domain::clock::Timestamp;
use rescind_domain::store::{CallerKey, StoreError, View};
use rescind_wire::{Epoch, Position, Scope};

use super::{Opened, run};
use crate::conformance::fixture::{
    advance, at, client_id, end, event, key_id, read, revoke, session_id, store_error, token_id, user_id,
};

/// What every call answers.
async fn answers(opened: &Opened) -> Vec<Option<StoreError>> {
    let store = opened.store();
    let error = |result: Result<(), Error>| result.err().map(store_error);
    vec![
        store.position().await.err(),
        error(store.read("test", |view| Ok(view.setting("x").map(drop)?)).await),
        error(store.transact("test", |tx| Ok(tx.add_event(&event(1))?)).await),
        error(store.end("test", |tx| Ok(revoke(tx, &Scope::Everyone { services: false }).map(drop)?)).await),
    ]
}

fn went_back(found: u64, seen: u64) -> StoreError {
    StoreError::WentBack { found: at(found), seen: at(seen) }
}

/// Reads what a caller's standing hangs on, the head among it.
fn look_at_caller(view: &dyn View) -> Result<(), StoreError> {
    let (user, session, client, token, key) =
        (user_id(1), session_id(1), client_id("app"), token_id(1), key_id("mac_a"));
    let caller = CallerKey { user: &user, session: &session, client: &client, token: &token, key: &key };
    view.caller(&caller).map(drop)
}

/// Takes the log back to `number`, as a copy of the disk from before does.
fn take_back(opened: &Opened, number: u64) {
    let sql = format!("DELETE FROM log WHERE number > {number}; UPDATE head SET number = {number}");
    opened.raw().execute_batch(&sql).expect("works");
}

#[test]
fn r9_a_log_that_went_back_stops_everything_until_somebody_begins_again() {
    run(async {
        let opened = Opened::fresh();
        advance(&opened.store(), 5).await;
        take_back(&opened, 3);
        assert_eq!(opened.store().position().await, Err(went_back(3, 5)));
        for answer in answers(&opened).await {
            assert_eq!(answer, Some(went_back(3, 5)));
        }
        // Not even when the log has come as far again, by other entries.
        opened.raw().execute_batch("UPDATE head SET number = 9").expect("works");
        for answer in answers(&opened).await {
            assert_eq!(answer, Some(went_back(3, 5)));
        }
        opened.raw().execute_batch("UPDATE head SET number = 3").expect("works");
        opened.sqlite.begin_again();
        let epoch = Epoch::from_bytes([2; 10]);
        end(&opened.store(), move |tx| {
            tx.begin_epoch(epoch, Timestamp(1))?;
            revoke(tx, &Scope::Everyone { services: true })
        })
        .await;
        assert_eq!(opened.store().position().await, Ok(Position { epoch, number: 4 }));
        assert_eq!(read(&opened.store(), |view| view.epochs()).await.former, [(at(0).epoch, 3)]);
    });
}

#[test]
fn r9_whoever_looks_first_notices() {
    run(async {
        for first in 0..5 {
            let opened = Opened::fresh();
            let store = opened.store();
            advance(&store, 2).await;
            take_back(&opened, 1);
            let refused = match first {
                0 => store.position().await.map(drop).map_err(Error::from),
                1 => store.read("test", |view| Ok(view.head().map(drop)?)).await,
                2 => store.transact("test", |tx| Ok(tx.add_event(&event(1))?)).await,
                3 => store.read("test", |view| Ok(look_at_caller(view)?)).await,
                _ => store.end("test", |_| Ok(())).await,
            };
            assert_eq!(refused.map_err(store_error), Err(went_back(1, 2)));
            for answer in answers(&opened).await {
                assert_eq!(answer, Some(went_back(1, 2)));
            }
        }
    });
}

#[test]
fn r9_what_only_the_position_reader_saw_counts_too() {
    run(async {
        let opened = Opened::fresh();
        let other: super::Handle = Arc::new(
            rescind::store::sqlite::Sqlite::open(
                opened.path(),
                crate::conformance::engine::options(rescind::store::sqlite::Role::Tool),
            )
            .expect("opens"),
        );
        advance(&other, 3).await;
        assert_eq!(opened.store().position().await, Ok(at(3)));
        take_back(&opened, 2);
        let refused = opened.store().end("test", |_| Ok(())).await;
        assert_eq!(refused.map_err(store_error), Err(went_back(2, 3)));
    });
}

#[test]
fn r9_an_older_epoch_is_going_back_and_a_newer_one_of_another_process_is_not() {
    run(async {
        let opened = Opened::fresh();
        let store = opened.store();
        advance(&store, 2).await;
        let sql = "UPDATE epochs SET ended = 1 WHERE seq = 1; \
                   INSERT INTO epochs (seq, epoch, began_at) VALUES (2, zeroblob(10), 1); \
                   DELETE FROM log WHERE number > 1; UPDATE head SET epoch = 2, number = 1";
        opened.raw().execute_batch(sql).expect("works");
        let newer = Position { epoch: Epoch::from_bytes([0; 10]), number: 1 };
        assert_eq!(store.position().await, Ok(newer));
        opened.raw().execute_batch("UPDATE head SET epoch = 1, number = 50").expect("works");
        assert_eq!(store.position().await, Err(StoreError::WentBack { found: at(50), seen: newer }));
    });
}

#[test]
fn r9_a_transaction_that_was_rolled_back_raises_nothing() {
    run(async {
        let opened = Opened::fresh();
        let store = opened.store();
        advance(&store, 1).await;
        let refused = store
            .end("test", |tx| {
                revoke(tx, &Scope::Everyone { services: false })?;
                tx.head()?;
                Err::<(), _>(Error::Forbidden)
            })
            .await;
        assert!(matches!(refused, Err(Error::Forbidden)));
        assert_eq!(store.position().await, Ok(at(1)));
        assert!(answers(&opened).await.iter().all(Option::is_none));
    });
}

#[test]
fn g7_a_file_that_was_replaced_or_removed_is_not_written_to() {
    run(async {
        let opened = Opened::fresh();
        advance(&opened.store(), 2).await;
        let other = Opened::fresh();
        advance(&other.store(), 9).await;
        let directory = other.close();
        fs::rename(opened.path(), opened.beside("away")).expect("works");
        for answer in answers(&opened).await {
            let text = answer.expect("refused").to_string();
            assert!(text.contains("removed while the server was running"), "{text}");
        }
        fs::copy(directory.path().join("rescind.db"), opened.path()).expect("works");
        for answer in answers(&opened).await {
            let text = answer.expect("refused").to_string();
            assert!(text.contains("replaced while the server was running: restart"), "{text}");
        }
        fs::rename(opened.beside("away"), opened.path()).expect("works");
        assert!(answers(&opened).await.iter().all(Option::is_none));
    });
}
