//! Deleting what is dead (R5, F2).

use rescind_domain::clock::Timestamp;
use rescind_domain::idempotency::Remembered;
use rescind_wire::Scope;

use super::fixture::{chain, end, event, read, revoke, session, session_id, token_id, user_id, write};

conformance! {
    async fn f2_only_the_sessions_that_are_named_go_and_their_chains_with_them(engine) {
        let store = engine.store();
        write(&store, |tx| {
            for n in 0..6 {
                tx.insert_session(&session(n % 2, n))?;
                tx.insert_chain(&chain(n % 2, n, 1, "app"))?;
                tx.insert_chain(&chain(n % 2, n, 2, "web"))?;
            }
            Ok(())
        })
        .await;
        let named = [(0, 0), (1, 3), (0, 5), (1, 77)].map(|(user, n)| (user_id(user), session_id(n)));
        // The sixth belongs to user 1, so naming it under user 0 names nothing.
        assert_eq!(write(&store, move |tx| tx.purge_sessions(&named)).await, 2);
        for n in 0..6 {
            let (user, id) = (user_id(n % 2), session_id(n));
            let (session, chains) =
                read(&store, move |view| Ok((view.session(&user, &id)?, view.chains(&user, &id)?))).await;
            let there = n != 0 && n != 3;
            assert_eq!((session.is_some(), chains.len()), (there, if there { 2 } else { 0 }), "{n}");
        }
        assert_eq!(write(&store, |tx| tx.purge_sessions(&[])).await, 0);
    }

    async fn f2_no_call_deletes_more_than_1_000_rows_or_than_it_is_told(engine) {
        let store = engine.store();
        write(&store, |tx| {
            for n in 0..1_200 {
                tx.insert_session(&session(1, n))?;
                tx.add_event(&event(n))?;
                tx.remember("a", &n.to_string(), &remembered(n))?;
            }
            Ok(())
        })
        .await;
        let named: Vec<_> = (0..1_200).map(|n| (user_id(1), session_id(n))).collect();
        let purged = write(&store, move |tx| {
            Ok([
                tx.purge_sessions(&named)?,
                tx.purge_events(Timestamp(5_000), 5_000)?,
                tx.purge_remembered(Timestamp(5_000), 5_000)?,
            ])
        })
        .await;
        assert_eq!(purged, [1_000; 3]);
        let purged = write(&store, |tx| {
            Ok([tx.purge_events(Timestamp(5_000), 30)?, tx.purge_remembered(Timestamp(5_000), 30)?])
        })
        .await;
        assert_eq!(purged, [30; 2]);
        assert_eq!(read(&store, |view| view.sessions_after(None, 5_000)).await.len(), 200);
        assert_eq!(read(&store, |view| view.events(None, 0, 5_000)).await.len(), 170);
    }

    async fn f2_what_is_as_old_as_the_limit_or_younger_stays(engine) {
        let store = engine.store();
        // Not in the order of time: a clock may have stepped.
        write(&store, |tx| {
            for n in [5, 1, 9, 3, 7] {
                tx.add_event(&event(n))?;
                tx.remember("a", &n.to_string(), &remembered(n))?;
            }
            Ok(())
        })
        .await;
        assert_eq!(write(&store, |tx| tx.purge_events(Timestamp(5), 100)).await, 2);
        assert_eq!(write(&store, |tx| tx.purge_remembered(Timestamp(5), 100)).await, 2);
        let events = read(&store, |view| view.events(None, 0, 100)).await;
        assert_eq!(events.iter().map(|event| event.what.at.0).collect::<Vec<_>>(), [5, 9, 7]);
        for n in [5, 1, 9, 3, 7] {
            let found = read(&store, move |view| view.remembered("a", &n.to_string())).await;
            assert_eq!(found.is_some(), n >= 5, "{n}");
        }
    }

    async fn r10_ended_tokens_go_once_the_floor_has_passed_their_entry(engine) {
        let store = engine.store();
        for n in 1..=6 {
            end(&store, move |tx| revoke(tx, &Scope::Token { token: token_id(n) })).await;
        }
        assert_eq!(write(&store, |tx| tx.purge_tokens(0, 100)).await, 0);
        assert_eq!(write(&store, |tx| tx.purge_tokens(4, 3)).await, 3);
        assert_eq!(write(&store, |tx| tx.purge_tokens(4, 3)).await, 1);
        assert_eq!(write(&store, |tx| tx.purge_tokens(4, 3)).await, 0);
        for n in 1..=6 {
            let expected = (n > 4).then_some(n);
            assert_eq!(read(&store, move |view| view.token_ended(&token_id(n))).await, expected);
        }
        assert_eq!(read(&store, |view| view.log_after(0, 10)).await.len(), 6, "the log keeps its entries");
    }
}

fn remembered(at: u64) -> Remembered {
    Remembered { fingerprint: [0; 32], answer: "{}".into(), at: Timestamp(at) }
}
