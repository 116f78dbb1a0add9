//! Events, settings, and answers that are remembered.

use std::net::IpAddr;

use rescind_domain::Error;
use rescind_domain::clock::Timestamp;
use rescind_domain::event::{Event, EventKind, NewEvent};
use rescind_domain::idempotency::Remembered;
use rescind_domain::revocation::Actor;
use rescind_wire::Epoch;

use super::fixture::{Handle, client_id, end, event, read, session_id, shown, user_id, write};

conformance! {
    async fn every_kind_of_event_is_read_back_as_it_was_written(engine) {
        let store = engine.store();
        let addresses: [Option<IpAddr>; 3] = [None, "192.0.2.1".parse().ok(), "2001:db8::1".parse().ok()];
        let mut written = Vec::new();
        for (n, kind) in EventKind::ALL.iter().enumerate() {
            let actor = Actor::User { user: user_id(1), session: session_id(1) };
            let bare = NewEvent::new(Timestamp(n as u64), *kind, if n % 2 == 0 { Actor::Anonymous } else { actor });
            let full = bare.clone().user(user_id(1)).session(session_id(2)).client(client_id("app"));
            let full = NewEvent { revocation: Some(7), ..full.from(addresses[n % 3]).detail("a \"few\" words\n") };
            written.extend([bare, full]);
        }
        let events = written.clone();
        write(&store, move |tx| events.iter().try_for_each(|event| tx.add_event(event))).await;
        let found = read(&store, |view| view.events(None, 0, 1_000)).await;
        let what: Vec<NewEvent> = found.iter().map(|event| event.what.clone()).collect();
        assert_eq!(shown(&what), shown(&written));
        assert!(found.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(found[0].id > 0);
    }

    async fn events_are_paged_in_commit_order_for_all_and_for_one_user(engine) {
        let store = engine.store();
        write(&store, |tx| {
            for n in 0..30 {
                let event = event(100 - n);
                tx.add_event(&if n % 5 == 4 { event } else { event.user(user_id(n % 3)) })?;
            }
            Ok(())
        })
        .await;
        let all = pages(&store, None, 7).await;
        assert_eq!(all.iter().map(|event| event.what.at.0).collect::<Vec<_>>(), (71..=100).rev().collect::<Vec<_>>());
        for user in [0, 1, 2] {
            let expected: Vec<u64> =
                all.iter().filter(|event| event.what.user == Some(user_id(user))).map(|event| event.id).collect();
            let found: Vec<u64> = pages(&store, Some(user), 3).await.iter().map(|event| event.id).collect();
            assert_eq!(found, expected);
        }
        assert!(pages(&store, Some(9), 3).await.is_empty());
    }

    async fn events_are_paged_backwards_too(engine) {
        let store = engine.store();
        write(&store, |tx| (0..30).try_for_each(|n| tx.add_event(&event(n).user(user_id(n % 3))))).await;
        for (of, limit) in [(None, 7), (None, 100), (Some(1), 3), (Some(9), 3)] {
            let user = of.map(user_id);
            let (mut before, mut seen) = (u64::MAX, Vec::new());
            loop {
                let page = read(&store, move |view| view.events_before(user.as_ref(), before, limit)).await;
                assert!(page.len() <= limit as usize && seen.len() < 1_000, "it goes on for ever");
                let Some(last) = page.last() else { break };
                before = last.id;
                seen.extend(page.iter().map(|event| event.id));
            }
            seen.reverse();
            let forward: Vec<u64> = pages(&store, of, 30).await.iter().map(|event| event.id).collect();
            assert_eq!(seen, forward, "{of:?} {limit}");
        }
    }

    async fn the_id_of_an_event_is_never_used_again(engine) {
        let store = engine.store();
        write(&store, |tx| (0..5).try_for_each(|n| tx.add_event(&event(n)))).await;
        let last = read(&store, |view| view.events(None, 0, 10)).await.last().expect("an event").id;
        let purged = write(&store, |tx| tx.purge_events(Timestamp(100), 10)).await;
        assert_eq!(purged, 5);
        write(&store, |tx| tx.add_event(&event(7))).await;
        let events = read(&store, move |view| view.events(None, last, 10)).await;
        assert_eq!(events.len(), 1, "whoever goes on after the last id it saw misses nothing");
    }

    async fn r9_the_events_of_a_new_epoch_have_greater_ids_than_a_later_state_of_the_store_can_have_given(engine) {
        let store = engine.store();
        let begin = async |n: u8, at: u64| {
            let before = read(&store, |view| view.last_event()).await;
            end(&store, move |tx| tx.begin_epoch(Epoch::from_bytes([n; 10]), Timestamp(at))).await;
            write(&store, |tx| (0..3).try_for_each(|n| tx.add_event(&event(n)))).await;
            let after = read(&store, move |view| view.events(None, before, 10)).await;
            assert_eq!(after.len(), 3, "whoever goes on after the last id that it saw misses nothing");
            (before, after[0].id)
        };
        let (_, first) = begin(2, 1_800_000_000_000).await;
        assert!((1_800_000_000_000_000..1_800_000_000_001_000).contains(&first), "{first}");
        let (last, second) = begin(3, 1_800_000_000_000).await;
        assert!(second > last + 1_000_000, "{last} {second}");
        // A clock that was set back does not set ids back.
        let (last, third) = begin(4, 5).await;
        assert!(third > last + 1_000_000, "{last} {third}");
        let (_, fourth) = begin(5, 1_800_000_060_000).await;
        assert!(fourth >= 1_800_000_060_000_000, "{fourth}");
    }

    async fn the_last_event_is_known_also_when_it_was_undone_or_purged(engine) {
        let store = engine.store();
        let last = async || read(&store, |view| view.last_event()).await;
        assert_eq!(last().await, 0);
        write(&store, |tx| (0..5).try_for_each(|n| tx.add_event(&event(n)))).await;
        let ids: Vec<u64> = read(&store, |view| view.events(None, 0, 10)).await.iter().map(|event| event.id).collect();
        assert_eq!(Some(last().await), ids.last().copied());
        let undone = store.transact("undone", |tx| {
            tx.add_event(&event(6))?;
            Err::<(), _>(Error::Forbidden)
        });
        undone.await.expect_err("undone");
        assert_eq!(Some(last().await), ids.last().copied(), "what was not committed is no event");
        write(&store, |tx| tx.purge_events(Timestamp(100), 10)).await;
        assert_eq!(Some(last().await), ids.last().copied(), "whoever has seen it is not ahead of the store");
        write(&store, |tx| tx.add_event(&event(7))).await;
        assert!(Some(last().await) > ids.last().copied());
    }

    async fn a_setting_has_the_value_that_was_set_last(engine) {
        let store = engine.store();
        let find = async || read(&store, |view| view.setting("issuer")).await;
        assert_eq!(find().await, None);
        for value in [Some("https://a.example"), Some("https://b.example"), None, None, Some("")] {
            write(&store, move |tx| tx.set_setting("issuer", value)).await;
            assert_eq!(find().await.as_deref(), value);
        }
        assert_eq!(read(&store, |view| view.setting("Issuer")).await, None);
    }

    async fn an_answer_is_remembered_under_its_callers_key(engine) {
        let store = engine.store();
        let answer = |n: u8| Remembered { fingerprint: [n; 32], answer: format!("[{n}]"), at: Timestamp(n.into()) };
        write(&store, move |tx| {
            tx.remember("alice", "k", &answer(1))?;
            tx.remember("bob", "k", &answer(2))?;
            tx.remember("alice", "l", &answer(3))
        })
        .await;
        for (caller, key, expected) in [
            ("alice", "k", Some(1)),
            ("bob", "k", Some(2)),
            ("alice", "l", Some(3)),
            ("bob", "l", None),
            ("", "k", None),
        ] {
            let found = read(&store, move |view| view.remembered(caller, key)).await;
            assert_eq!(found, expected.map(answer), "{caller} {key}");
        }
        // What was remembered too long ago makes room.
        write(&store, move |tx| tx.remember("alice", "k", &answer(9))).await;
        assert_eq!(read(&store, |view| view.remembered("alice", "k")).await, Some(answer(9)));
    }
}

async fn pages(store: &Handle, user: Option<u64>, limit: u32) -> Vec<Event> {
    let user = user.map(user_id);
    let mut seen: Vec<Event> = Vec::new();
    loop {
        let after = seen.last().map_or(0, |event| event.id);
        let page = read(store, move |view| view.events(user.as_ref(), after, limit)).await;
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            return seen;
        }
        seen.extend(page);
        assert!(seen.len() < 1_000, "it goes on for ever");
    }
}
