//! The log, its head, its epochs, the floor, and positions.

use std::time::Duration;

use rescind_domain::clock::Timestamp;
use rescind_domain::revocation::{Actor, LogRow, StateChange};
use rescind_domain::store::{Head, Lifetime};
use rescind_wire::{Change, Epoch, Epochs, Position, Scope};

use super::engine::FIRST_EPOCH;
use super::fixture::{
    advance, append, at, client, client_id, end, epoch, event, is_corrupt, jwk, key_id, next_row, read, revoke,
    session, session_id, signing_key, store_error, token_id, try_end, user, user_id, write,
};

conformance! {
    async fn r9_a_fresh_store_begins_at_zero_with_one_epoch_and_the_first_partys_client(engine) {
        let store = engine.store();
        let (head, epochs, log, client) = read(&store, |view| {
            Ok((view.head()?, view.epochs()?, view.log_after(0, 10)?, view.client(&client_id("default"))?))
        })
        .await;
        assert_eq!(head, Head { position: at(0), floor: 0, everyone_cut: 0, services_cut: 0 });
        assert_eq!(epochs, Epochs::first(Epoch::from_bytes(FIRST_EPOCH)));
        assert!(log.is_empty());
        let client = client.expect("made with the store");
        assert_eq!((client.name.as_str(), client.kind.as_str(), client.cut), ("Rescind", "browser", 0));
        assert!(client.audiences.is_empty() && client.secret.is_none());
        assert_eq!(store.position().await, Ok(at(0)));
    }

    async fn every_kind_of_entry_is_read_back_as_it_was_written(engine) {
        let store = engine.store();
        prepare(&store).await;
        let mut written = Vec::new();
        for scope in scopes() {
            written.push(end(&store, move |tx| revoke(tx, &scope)).await);
        }
        written.push(
            end(&store, |tx| {
                append(tx, Change::AddKey(jwk("next")), &StateChange::AddKey(Box::new(signing_key("next", 9_000))))
            })
            .await,
        );
        let count = written.len() as u64;
        assert_eq!(read(&store, |view| view.log_after(0, 100)).await, written);
        for row in &written {
            let number = row.position.number;
            assert_eq!(read(&store, move |view| view.log_entry(number)).await.as_ref(), Some(row));
        }
        assert_eq!(read(&store, move |view| view.log_entry(count + 1)).await, None);
        assert_eq!(read(&store, |view| view.log_entry(0)).await, None);
        assert_eq!(store.position().await, Ok(at(count)));
    }

    async fn the_actor_and_the_reason_of_an_entry_are_kept(engine) {
        let store = engine.store();
        let actors = [
            Actor::User { user: user_id(1), session: session_id(2) },
            Actor::Client(client_id("robot")),
            Actor::CommandLine,
            Actor::System,
            Actor::Anonymous,
        ];
        for actor in actors {
            let row = end(&store, move |tx| {
                let next = next_row(tx, Change::Revoke(Scope::Everyone { services: true }))?;
                let row = LogRow { actor: actor.clone(), reason: "a \"reason\"\n\u{1f512}".into(), ..next };
                tx.write_entry(&row, &StateChange::Everyone { services: true }, &event(1))?;
                Ok(row)
            })
            .await;
            let number = row.position.number;
            assert_eq!(read(&store, move |view| view.log_entry(number)).await, Some(row));
        }
    }

    async fn r1_positions_are_dense_so_a_gap_a_repetition_or_another_epoch_is_refused(engine) {
        let store = engine.store();
        advance(&store, 3).await;
        let wrong = [at(5), at(3), at(0), Position { epoch: Epoch::from_bytes([9; 10]), number: 4 }];
        for position in wrong {
            let refused = try_end(&store, move |tx| {
                let next = next_row(tx, Change::Revoke(Scope::Everyone { services: true }))?;
                tx.write_entry(&LogRow { position, ..next }, &StateChange::Everyone { services: true }, &event(1))
            })
            .await;
            let error = store_error(refused.expect_err("not the next position"));
            assert!(is_corrupt(&error, "log", "number"), "{error}");
        }
        let (head, log, events) =
            read(&store, |view| Ok((view.head()?, view.log_after(0, 10)?, view.events(None, 0, 10)?))).await;
        assert_eq!((head.position, head.services_cut, log.len(), events.len()), (at(3), 0, 3, 3));
    }

    async fn the_log_is_paged_forwards_and_backwards(engine) {
        let store = engine.store();
        advance(&store, 7).await;
        let numbers = |rows: Vec<LogRow>| rows.iter().map(|row| row.position.number).collect::<Vec<_>>();
        assert_eq!(numbers(read(&store, |view| view.log_after(0, 3)).await), [1, 2, 3]);
        assert_eq!(numbers(read(&store, |view| view.log_after(3, 3)).await), [4, 5, 6]);
        assert_eq!(numbers(read(&store, |view| view.log_after(6, 3)).await), [7]);
        assert_eq!(numbers(read(&store, |view| view.log_after(7, 3)).await), [0; 0]);
        assert_eq!(numbers(read(&store, |view| view.log_before(u64::MAX, 3)).await), [7, 6, 5]);
        assert_eq!(numbers(read(&store, |view| view.log_before(5, 3)).await), [4, 3, 2]);
        assert_eq!(numbers(read(&store, |view| view.log_before(2, 3)).await), [1]);
    }

    async fn r9_a_new_epoch_ends_the_former_one_at_the_head_and_numbers_go_on(engine) {
        let store = engine.store();
        advance(&store, 2).await;
        let second = Epoch::from_bytes([2; 10]);
        end(&store, move |tx| tx.begin_epoch(second, Timestamp(5))).await;
        assert_eq!(store.position().await, Ok(Position { epoch: second, number: 2 }));
        advance(&store, 1).await;
        let third = Epoch::from_bytes([3; 10]);
        let row = end(&store, move |tx| {
            tx.begin_epoch(third, Timestamp(6))?;
            revoke(tx, &Scope::Everyone { services: true })
        })
        .await;
        assert_eq!(row.position, Position { epoch: third, number: 4 });
        let epochs = read(&store, |view| view.epochs()).await;
        assert_eq!(epochs, Epochs { former: vec![(epoch(), 2), (second, 3)], current: third });
        let log = read(&store, |view| view.log_after(0, 10)).await;
        let positions: Vec<Position> = log.iter().map(|row| row.position).collect();
        let of = |epoch, number| Position { epoch, number };
        assert_eq!(positions, [of(epoch(), 1), of(epoch(), 2), of(second, 3), of(third, 4)]);
    }

    async fn r9_things_of_former_epochs_keep_their_position(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_session(&session(1, 1))).await;
        end(&store, |tx| tx.begin_epoch(Epoch::from_bytes([2; 10]), Timestamp(5))).await;
        let found = read(&store, |view| view.session(&user_id(1), &session_id(1))).await.expect("is there");
        assert_eq!(found.position, at(0));
        let unlisted = Position { epoch: Epoch::from_bytes([8; 10]), number: 0 };
        let stray = rescind_domain::session::Session { position: unlisted, ..session(1, 2) };
        let refused = super::fixture::try_write(&store, move |tx| tx.insert_session(&stray)).await;
        let error = store_error(refused.expect_err("this log never had that epoch"));
        assert!(is_corrupt(&error, "epochs", "ended"), "{error}");
    }

    async fn r10_the_floor_rises_and_never_falls(engine) {
        let store = engine.store();
        advance(&store, 5).await;
        for (floor, then) in [(3, 3), (2, 3), (0, 3), (5, 5), (4, 5)] {
            write(&store, move |tx| tx.raise_floor(floor)).await;
            assert_eq!(read(&store, |view| view.head()).await.floor, then);
        }
    }

    async fn r10_one_lifetime_is_in_force_and_the_former_ones_say_until_when_they_were(engine) {
        let store = engine.store();
        let (short, long) = (Duration::from_mins(5), Duration::from_mins(15));
        let lifetime = |lifetime, until: Option<u64>| Lifetime { lifetime, until: until.map(Timestamp) };
        assert_eq!(read(&store, |view| view.lifetimes()).await, []);
        write(&store, move |tx| tx.set_lifetime(short, Timestamp(1))).await;
        write(&store, move |tx| tx.set_lifetime(short, Timestamp(2))).await;
        assert_eq!(read(&store, |view| view.lifetimes()).await, [lifetime(short, None)]);
        write(&store, move |tx| tx.set_lifetime(long, Timestamp(3))).await;
        assert_eq!(read(&store, |view| view.lifetimes()).await, [lifetime(short, Some(3)), lifetime(long, None)]);
        write(&store, move |tx| tx.set_lifetime(short, Timestamp(4))).await;
        assert_eq!(read(&store, |view| view.lifetimes()).await, [lifetime(short, None), lifetime(long, Some(4))]);
    }

    async fn r2_a_position_is_read_from_the_store_and_never_from_what_a_handle_remembers(engine) {
        let (one, other) = (engine.store(), engine.other());
        for number in 1..=20 {
            let (writing, reading) = if number % 2 == 0 { (&one, &other) } else { (&other, &one) };
            end(writing, |tx| revoke(tx, &Scope::Everyone { services: false })).await;
            assert_eq!(reading.position().await, Ok(at(number)));
            assert_eq!(read(reading, |view| view.head()).await.position, at(number));
        }
    }

    async fn r2_callers_that_wait_at_once_share_a_read_of_the_head(engine) {
        let store = engine.store();
        let before = engine.counted().position_reads;
        let mut callers = Vec::new();
        for _ in 0..2_000 {
            let store = store.clone();
            callers.push(tokio::spawn(async move { store.position().await }));
        }
        for caller in callers {
            assert_eq!(caller.await.expect("no panic"), Ok(at(0)));
        }
        let reads = engine.counted().position_reads - before;
        assert!((1..=2_000).contains(&reads), "{reads}");
    }
}

/// What the scopes below name.
async fn prepare(store: &super::fixture::Handle) {
    write(store, |tx| {
        tx.insert_user(&user(1))?;
        tx.insert_session(&session(1, 1))?;
        tx.insert_client(&client("app"))?;
        let client = client_id("app");
        tx.ensure_grant(&rescind_domain::grant::Grant { user: user_id(1), client, created_at: Timestamp(1), cut: 0 })?;
        tx.add_mac_key(&super::fixture::mac_key("mac_a", 1))
    })
    .await;
}

/// One of every kind.
fn scopes() -> Vec<Scope> {
    let (user, session, client) = (user_id(1), session_id(1), client_id("app"));
    vec![
        Scope::Everyone { services: false },
        Scope::Everyone { services: true },
        Scope::Client { client: client.clone() },
        Scope::User { user, except: None, deleted: false },
        Scope::User { user, except: Some(session), deleted: false },
        Scope::Grant { user, client },
        Scope::Session { user, session },
        Scope::Token { token: token_id(1) },
        Scope::Key { key: key_id("mac_a") },
        Scope::User { user, except: None, deleted: true },
    ]
}
