//! Sessions, and their lists.

use std::net::IpAddr;

use rescind_domain::clock::Timestamp;
use rescind_domain::session::{Binding, Session};
use rescind_domain::store::{SessionCursor, StoreError};
use rescind_wire::{Scope, SessionId, UserId};

use super::fixture::{
    Handle, advance, at, chain, client_id, end, read, revoke, session, session_id, shown, store_error, try_write,
    user_id, write,
};

conformance! {
    async fn a_session_is_read_back_as_it_was_written(engine) {
        let store = engine.store();
        let v6: IpAddr = "2001:db8::7".parse().expect("an address");
        let sessions = [
            session(1, 1),
            Session { address: Some(v6), binding: Binding::Address(v6), amr: vec![], ..session(1, 2) },
            Session {
                address: None,
                user_agent: None,
                name: None,
                binding: Binding::None,
                metadata: None,
                remembered: false,
                ..session(2, 3)
            },
            Session { name: Some("\u{1f4f1} \"Zo\u{eb}'s\"\n".into()), ..session(2, 4) },
        ];
        for session in sessions {
            let written = session.clone();
            write(&store, move |tx| tx.insert_session(&written)).await;
            assert_eq!(shown(&find(&store, session.user, session.id).await), shown(&Some(session.clone())));
            let id = session.id;
            assert_eq!(shown(&read(&store, move |view| view.session_by_id(&id)).await), shown(&Some(session)));
        }
    }

    async fn a5_a_session_is_found_under_its_own_user_alone(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_session(&session(1, 1))).await;
        assert!(find(&store, user_id(2), session_id(1)).await.is_none());
        assert!(find(&store, user_id(1), session_id(2)).await.is_none());
        assert!(read(&store, |view| view.session_by_id(&session_id(2))).await.is_none());
        assert_eq!(read(&store, |view| view.session_ended(&user_id(2), &session_id(1))).await, None);
    }

    async fn a_session_id_is_used_once(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_session(&session(1, 1))).await;
        for again in [session(1, 1), session(2, 1)] {
            let refused = try_write(&store, move |tx| tx.insert_session(&again)).await;
            assert_eq!(store_error(refused.expect_err("used")), StoreError::Conflict);
        }
    }

    async fn e1_a_users_list_is_complete_ordered_and_paged_whatever_coincides(engine) {
        let store = engine.store();
        advance(&store, 3).await;
        // Many share a position, and many of these a time.
        let mut all = Vec::new();
        for n in 0..60 {
            let time = Timestamp(n / 15 % 2);
            all.push(Session { position: at(n % 4), started_at: time, ..session(1, n) });
        }
        all.push(session(2, 100));
        write(&store, move |tx| all.iter().try_for_each(|session| tx.insert_session(session))).await;

        for limit in [1, 7, 60, 100] {
            let listed = pages(&store, 0, limit).await;
            assert!(listed.windows(2).all(|pair| order(&pair[0]) > order(&pair[1])), "ordered, and none twice");
            assert_eq!(listed.len(), 60);
            assert!(listed.iter().all(|session| session.user == user_id(1)));
        }
        let recent = pages(&store, 2, 7).await;
        assert_eq!(recent.len(), 30);
        assert!(recent.iter().all(|session| session.position.number >= 2));
        assert!(pages(&store, 4, 7).await.is_empty());
    }

    async fn e1_a_users_list_leaves_out_what_has_ended(engine) {
        let store = engine.store();
        write(&store, |tx| (0..10).try_for_each(|n| tx.insert_session(&session(1, n)))).await;
        for n in [0, 4, 9] {
            end(&store, move |tx| revoke(tx, &Scope::Session { user: user_id(1), session: session_id(n) })).await;
        }
        let listed: Vec<SessionId> = pages(&store, 0, 3).await.iter().map(|session| session.id).collect();
        assert_eq!(listed, [8, 7, 6, 5, 3, 2, 1].map(session_id));
    }

    async fn sessions_of_a_client_are_paged_in_order_and_each_comes_once(engine) {
        let store = engine.store();
        write(&store, |tx| {
            for n in 0..12 {
                tx.insert_session(&session(n % 3, n))?;
                tx.insert_chain(&chain(n % 3, n, 1, if n % 2 == 0 { "app" } else { "web" }))?;
                tx.insert_chain(&chain(n % 3, n, 2, "app"))?;
            }
            tx.insert_session(&session(7, 70))
        })
        .await;
        for (client, expected) in [("app", 12), ("web", 6), ("other", 0)] {
            for limit in [1, 5, 100] {
                let mut seen: Vec<(UserId, SessionId)> = Vec::new();
                loop {
                    let after = seen.last().copied();
                    let client = client_id(client);
                    let page = read(&store, move |view| view.sessions_of_client(&client, after, limit)).await;
                    if page.is_empty() {
                        break;
                    }
                    seen.extend(page.iter().map(|row| (row.session.user, row.session.id)));
                    assert!(seen.len() < 1_000, "it goes on for ever");
                }
                assert!(seen.is_sorted() && seen.len() == expected, "{client} {limit} {seen:?}");
            }
        }
    }

    async fn sessions_that_may_still_live_are_paged_in_order_of_expiry(engine) {
        let store = engine.store();
        write(&store, |tx| {
            for n in 0..20 {
                let expires_at = Timestamp(500 + n / 3);
                tx.insert_session(&Session { expires_at, ..session(n % 4, n) })?;
                tx.insert_chain(&chain(n % 4, n, 1, "app"))?;
            }
            Ok(())
        })
        .await;
        end(&store, |tx| revoke(tx, &Scope::Session { user: user_id(3), session: session_id(19) })).await;
        for limit in [1, 4, 100] {
            let mut seen: Vec<(Timestamp, UserId, SessionId)> = Vec::new();
            loop {
                let after = seen.last().map_or((Timestamp(502), None), |(at, user, id)| (*at, Some((*user, *id))));
                let page = read(&store, move |view| view.sessions_expiring(after, limit)).await;
                assert!(page.len() <= limit as usize && page.iter().all(|row| row.held.len() == 1));
                if page.is_empty() {
                    break;
                }
                seen.extend(page.iter().map(|row| (row.session.expires_at, row.session.user, row.session.id)));
                assert!(seen.len() < 1_000, "it goes on for ever");
            }
            // Those that expire at 502 or later, but for the one that was ended.
            assert!(seen.is_sorted() && seen.len() == 13, "{limit} {seen:?}");
        }
    }

    async fn all_sessions_are_paged_in_order_of_user_and_session(engine) {
        let store = engine.store();
        write(&store, |tx| (0..20).try_for_each(|n| tx.insert_session(&session(n % 4, n)))).await;
        end(&store, |tx| revoke(tx, &Scope::Session { user: user_id(1), session: session_id(1) })).await;
        let mut seen: Vec<(UserId, SessionId)> = Vec::new();
        loop {
            let after = seen.last().copied();
            let page = read(&store, move |view| view.sessions_after(after, 3)).await;
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|row| (row.user, row.id)));
            assert!(seen.len() < 1_000, "it goes on for ever");
        }
        assert!(seen.is_sorted() && seen.len() == 20, "{seen:?}");
    }

    async fn e3_a_session_is_last_seen_at_the_later_of_what_was_noted_and_its_latest_rotation(engine) {
        let store = engine.store();
        write(&store, |tx| {
            tx.insert_session(&session(1, 1))?;
            tx.insert_session(&session(1, 2))?;
            tx.insert_chain(&chain(1, 1, 1, "app"))?;
            tx.insert_chain(&chain(1, 1, 2, "web"))
        })
        .await;
        assert_eq!(last_seen(&store).await, 20_001);
        rotate(&store, 1, &[30_000, 500]).await;
        assert_eq!(last_seen(&store).await, 30_000);
        rotate(&store, 2, &[29_000]).await;
        assert_eq!(last_seen(&store).await, 30_000);
        write(&store, |tx| tx.touch_session(&user_id(1), &session_id(1), Timestamp(31_000))).await;
        assert_eq!(last_seen(&store).await, 31_000);
        write(&store, |tx| tx.touch_session(&user_id(1), &session_id(1), Timestamp(20_500))).await;
        assert_eq!(last_seen(&store).await, 31_000);
        let listed = pages(&store, 0, 10).await;
        assert_eq!(listed.iter().map(|session| session.last_seen_at.0).collect::<Vec<_>>(), [20_002, 31_000]);
        assert_eq!(listed[1].started_at, Timestamp(10_001));
    }

    async fn a16_nothing_is_written_to_a_session_that_has_ended(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_session(&session(1, 1))).await;
        end(&store, |tx| revoke(tx, &Scope::Session { user: user_id(1), session: session_id(1) })).await;
        let before = shown(&find(&store, user_id(1), session_id(1)).await);
        write(&store, |tx| {
            let (user, id) = (user_id(1), session_id(1));
            tx.touch_session(&user, &id, Timestamp(99_000))?;
            tx.set_session_data(&user, &id, Some("mine"), None)?;
            tx.set_auth_time(&user, &id, Timestamp(99_000), &["pwd".into()])
        })
        .await;
        assert_eq!(shown(&find(&store, user_id(1), session_id(1)).await), before);
    }

    async fn name_metadata_and_authentication_of_a_live_session_change_alone(engine) {
        let store = engine.store();
        write(&store, |tx| (1..=2).try_for_each(|n| tx.insert_session(&session(1, n)))).await;
        write(&store, |tx| {
            let (user, id) = (user_id(1), session_id(1));
            tx.set_session_data(&user, &id, Some("the attic's"), None)?;
            tx.set_auth_time(&user, &id, Timestamp(77), &["hwk".into()])
        })
        .await;
        let expected = Session {
            name: Some("the attic's".into()),
            metadata: None,
            auth_time: Timestamp(77),
            amr: vec!["hwk".into()],
            ..session(1, 1)
        };
        assert_eq!(shown(&find(&store, user_id(1), session_id(1)).await), shown(&Some(expected)));
        assert_eq!(shown(&find(&store, user_id(1), session_id(2)).await), shown(&Some(session(1, 2))));
    }

    async fn the_end_of_time_can_be_stored(engine) {
        let store = engine.store();
        let eternal = Session { expires_at: Timestamp(u64::MAX), ..session(1, 1) };
        write(&store, move |tx| tx.insert_session(&eternal)).await;
        let found = find(&store, user_id(1), session_id(1)).await.expect("is there");
        assert!(found.expires_at > Timestamp(u64::MAX / 4));
        let beyond = read(&store, |view| view.sessions_from(&user_id(1), u64::MAX, None, 10)).await;
        assert!(beyond.is_empty());
    }
}

async fn find(store: &Handle, user: UserId, id: SessionId) -> Option<Session> {
    read(store, move |view| view.session(&user, &id)).await
}

/// The whole list of user 1, page by page.
async fn pages(store: &Handle, number: u64, limit: u32) -> Vec<Session> {
    let mut listed: Vec<Session> = Vec::new();
    loop {
        let after = listed.last().map(|last| SessionCursor {
            number: last.position.number,
            started_at: last.started_at,
            id: last.id,
        });
        let page = read(store, move |view| view.sessions_from(&user_id(1), number, after, limit)).await;
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            return listed;
        }
        listed.extend(page.into_iter().map(|row| row.session));
        assert!(listed.len() < 1_000, "it goes on for ever");
    }
}

fn order(session: &Session) -> (u64, Timestamp, SessionId) {
    (session.position.number, session.started_at, session.id)
}

async fn last_seen(store: &Handle) -> u64 {
    find(store, user_id(1), session_id(1)).await.expect("is there").last_seen_at.0
}

async fn rotate(store: &Handle, index: u16, times: &'static [u64]) {
    write(store, move |tx| {
        let mut chain = chain(1, 1, index, "app");
        chain.rotations = times.iter().copied().map(Timestamp).collect();
        tx.rotate_chain(&chain)
    })
    .await;
}
