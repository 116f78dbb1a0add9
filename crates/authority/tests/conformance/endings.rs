//! The one way to end things: state, entry and event together (R1, R5).

use rescind_domain::clock::Timestamp;
use rescind_domain::event::{EventKind, NewEvent};
use rescind_domain::grant::Grant;
use rescind_domain::revocation::{Actor, StateChange};
use rescind_domain::session::Ended;
use rescind_domain::store::{StoreError, View};
use rescind_wire::{Change, Scope, UserCut};

use super::fixture::{
    Handle, append, client, client_id, end, event, is_corrupt, mac_key, next_row, read, revoke, session, session_id,
    store_error, token_id, try_end, user, user_id, write,
};

conformance! {
    async fn a3_a14_each_scope_cuts_what_it_covers_and_nothing_else(engine) {
        let store = engine.store();
        prepare(&store).await;
        let mut expected = cuts(&store).await;
        let user = user_id(1);
        let session = session_id(1);

        end(&store, |tx| revoke(tx, &Scope::Everyone { services: false })).await;
        expected.everyone = 1;
        assert_eq!(cuts(&store).await, expected);
        end(&store, |tx| revoke(tx, &Scope::Everyone { services: true })).await;
        (expected.everyone, expected.services) = (2, 2);
        assert_eq!(cuts(&store).await, expected);
        end(&store, |tx| revoke(tx, &Scope::Client { client: client_id("app") })).await;
        expected.clients[0] = Some(3);
        assert_eq!(cuts(&store).await, expected);
        end(&store, move |tx| revoke(tx, &Scope::Grant { user, client: client_id("app") })).await;
        expected.grants[0] = Some(4);
        assert_eq!(cuts(&store).await, expected);
        end(&store, move |tx| revoke(tx, &Scope::Session { user, session })).await;
        expected.sessions[0] = Some(5);
        assert_eq!(cuts(&store).await, expected);
        end(&store, |tx| revoke(tx, &Scope::Token { token: token_id(1) })).await;
        expected.tokens[0] = Some(6);
        assert_eq!(cuts(&store).await, expected);
        end(&store, move |tx| revoke(tx, &Scope::User { user, except: Some(session), deleted: false })).await;
        expected.users[0] = Some(UserCut { latest: 7, except: Some(session), holds: 0, deleted: false });
        assert_eq!(cuts(&store).await, expected);
        end(&store, move |tx| revoke(tx, &Scope::User { user, except: None, deleted: false })).await;
        expected.users[0] = Some(UserCut { latest: 8, except: None, holds: 0, deleted: false });
        assert_eq!(cuts(&store).await, expected);
    }

    async fn r3_the_record_of_a_user_is_stored_as_it_folds(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_user(&user(1))).await;
        let mut expected = UserCut::born(0);
        for (number, except) in (1..).zip([Some(1), Some(1), None, Some(2), Some(1), Some(1), None]) {
            let except = except.map(session_id);
            end(&store, move |tx| revoke(tx, &Scope::User { user: user_id(1), except, deleted: false })).await;
            expected = expected.then(number, except, false);
            assert_eq!(read(&store, |view| view.user_cut(&user_id(1))).await, Some(expected));
            let user = read(&store, |view| view.user(&user_id(1))).await.expect("is there");
            assert_eq!(user.cut, expected);
        }
    }

    async fn a15_every_ending_writes_exactly_one_event_which_names_its_entry(engine) {
        let store = engine.store();
        prepare(&store).await;
        let before = read(&store, |view| view.events(None, 0, 100)).await.len();
        let kinds = [EventKind::SessionEnded, EventKind::Revoked, EventKind::KeyRevoked];
        for (number, kind) in (1..).zip(kinds) {
            end(&store, move |tx| {
                let row = next_row(tx, Change::Revoke(Scope::Everyone { services: false }))?;
                // Even if the caller left the entry out, or named another one.
                let wrong = if number == 1 { None } else { Some(99) };
                let event =
                    NewEvent { revocation: wrong, ..NewEvent::new(Timestamp(number), kind, Actor::CommandLine) };
                tx.write_entry(&row, &StateChange::Everyone { services: false }, &event)
            })
            .await;
            let events = read(&store, |view| view.events(None, 0, 100)).await;
            let last = events.last().expect("an event");
            assert_eq!(events.len() as u64, before as u64 + number);
            assert_eq!((last.what.kind, last.what.revocation), (kind, Some(number)));
        }
    }

    async fn a4_what_has_ended_stays_ended_where_it_did(engine) {
        let store = engine.store();
        prepare(&store).await;
        for _ in 0..2 {
            end(&store, |tx| revoke(tx, &Scope::Session { user: user_id(1), session: session_id(1) })).await;
            end(&store, |tx| revoke(tx, &Scope::Token { token: token_id(1) })).await;
        }
        let session = read(&store, |view| view.session(&user_id(1), &session_id(1))).await.expect("is there");
        assert_eq!(session.ended, Some(Ended { number: 1, at: Timestamp(50_001) }));
        assert_eq!(read(&store, |view| view.token_ended(&token_id(1))).await, Some(2));
        assert_eq!(read(&store, |view| view.token_ended(&token_id(2))).await, None);
    }

    async fn a18_a_client_that_was_removed_is_gone_and_can_be_added_again(engine) {
        let store = engine.store();
        prepare(&store).await;
        end(&store, |tx| {
            let state = StateChange::Client { client: client_id("app"), removed: true };
            append(tx, Change::Revoke(Scope::Client { client: client_id("app") }), &state)
        })
        .await;
        assert!(read(&store, |view| view.client(&client_id("app"))).await.is_none());
        assert_eq!(read(&store, |view| view.client_cut(&client_id("app"))).await, None);
        assert_eq!(read(&store, |view| view.client_cut(&client_id("web"))).await, Some(0));
        write(&store, |tx| tx.insert_client(&rescind_domain::client::Client { cut: 1, ..client("app") })).await;
        assert_eq!(read(&store, |view| view.client_cut(&client_id("app"))).await, Some(1));
    }

    async fn ending_what_is_not_there_is_refused_and_writes_nothing(engine) {
        let store = engine.store();
        let (user, session, client) = (user_id(1), session_id(1), client_id("none"));
        let missing = [
            (StateChange::Session { user, session }, "sessions"),
            (StateChange::User { user, cut: UserCut::born(1) }, "users"),
            (StateChange::Grant { user, client: client.clone() }, "grants"),
            (StateChange::Client { client: client.clone(), removed: false }, "clients"),
            (StateChange::Client { client, removed: true }, "clients"),
        ];
        for (state, table) in missing {
            let change = Change::Revoke(Scope::Everyone { services: false });
            let refused = try_end(&store, move |tx| append(tx, change.clone(), &state)).await;
            let error = store_error(refused.expect_err("nothing to end"));
            assert!(is_corrupt(&error, table, "*"), "{error}");
        }
        let (head, log, events) =
            read(&store, |view| Ok((view.head()?, view.log_after(0, 9)?, view.events(None, 0, 9)?))).await;
        assert_eq!((head.position.number, head.everyone_cut, log.len(), events.len()), (0, 0, 0, 0));
    }

    async fn several_endings_of_one_transaction_take_positions_in_order(engine) {
        let store = engine.store();
        let numbers = end(&store, |tx| {
            let scope = Scope::Everyone { services: false };
            let mut numbers = Vec::new();
            for _ in 0..5 {
                numbers.push(revoke(tx, &scope)?.position.number);
            }
            tx.add_event(&event(7))?;
            Ok(numbers)
        })
        .await;
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!(store.position().await.expect("a position").number, 5);
        assert_eq!(read(&store, |view| view.events(None, 0, 100)).await.len(), 6);
    }

    async fn f1_ending_a_user_of_100_000_sessions_writes_as_many_rows_as_one_of_one(engine) {
        let store = engine.store();
        write(&store, |tx| {
            tx.insert_user(&user(1))?;
            tx.insert_user(&user(2))?;
            tx.insert_session(&session(2, 900_000))
        })
        .await;
        for part in 0..100 {
            write(&store, move |tx| (0..1_000).try_for_each(|n| tx.insert_session(&session(1, part * 1_000 + n))))
                .await;
        }
        let mut rows = Vec::new();
        for n in [1, 2] {
            let before = engine.counted().rows;
            end(&store, move |tx| revoke(tx, &Scope::User { user: user_id(n), except: None, deleted: false })).await;
            rows.push(engine.counted().rows - before);
        }
        // Head, entry, user, event.
        assert_eq!(rows, [4, 4]);
    }

    async fn r1_an_ending_sees_what_was_committed_before_it_and_holds_the_head(engine) {
        let (one, other) = (engine.store(), engine.other());
        let mut tasks = Vec::new();
        for n in 0..40 {
            let store = if n % 2 == 0 { one.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                end(&store, |tx| Ok(revoke(tx, &Scope::Everyone { services: false })?.position.number)).await
            }));
        }
        let mut numbers = Vec::new();
        for task in tasks {
            numbers.push(task.await.expect("no panic"));
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
        let log = read(&one, |view| view.log_after(0, 100)).await;
        assert!(log.iter().map(|row| row.position.number).eq(1..=40));
    }
}

/// Everything that a revocation can cut.
#[derive(Debug, PartialEq)]
struct Cuts {
    everyone: u64,
    services: u64,
    users: [Option<UserCut>; 2],
    clients: [Option<u64>; 2],
    grants: [Option<u64>; 2],
    sessions: [Option<u64>; 2],
    tokens: [Option<u64>; 2],
    keys: [Option<u64>; 2],
}

async fn cuts(store: &Handle) -> Cuts {
    read(store, |view| read_cuts(view)).await
}

fn read_cuts(view: &dyn View) -> Result<Cuts, StoreError> {
    let head = view.head()?;
    let grant = |client: &str| Ok(view.grant(&user_id(1), &client_id(client))?.map(|grant| grant.cut));
    Ok(Cuts {
        everyone: head.everyone_cut,
        services: head.services_cut,
        users: [view.user_cut(&user_id(1))?, view.user_cut(&user_id(2))?],
        clients: [view.client_cut(&client_id("app"))?, view.client_cut(&client_id("web"))?],
        grants: [grant("app")?, grant("web")?],
        sessions: [view.session_ended(&user_id(1), &session_id(1))?, view.session_ended(&user_id(1), &session_id(2))?],
        tokens: [view.token_ended(&token_id(1))?, view.token_ended(&token_id(2))?],
        keys: [view.key_revoked(&"mac_a".parse().expect("a key id"))?, None],
    })
}

async fn prepare(store: &Handle) {
    write(store, |tx| {
        for n in [1, 2] {
            tx.insert_user(&user(n))?;
            tx.insert_session(&session(1, n))?;
        }
        for name in ["app", "web"] {
            tx.insert_client(&client(name))?;
            let client = client_id(name);
            tx.ensure_grant(&Grant { user: user_id(1), client, created_at: Timestamp(1), cut: 0 })?;
        }
        tx.add_mac_key(&mac_key("mac_a", 1))
    })
    .await;
}
