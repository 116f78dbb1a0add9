//! Whoever calls: all that their standing hangs on, read in one look.

use rescind_domain::clock::Timestamp;
use rescind_domain::grant::Grant;
use rescind_domain::key::MacKeyId;
use rescind_domain::store::{CallerKey, CallerRows, HeldSession, StoreError, View};
use rescind_wire::{ClientId, KeyId, Scope, SessionId, TokenId, UserId};

use super::fixture::{
    Handle, at, chain, client, client_id, end, key_id, mac_key, read, revoke, session, session_id, shown, token_id,
    user, user_id, write,
};

/// What is asked for.
#[derive(Clone)]
struct Caller {
    user: UserId,
    session: SessionId,
    client: ClientId,
    token: TokenId,
    key: KeyId,
}

impl Caller {
    fn of(number: u64, client: &str, key: &str) -> Self {
        let (user, session, token) = (user_id(number), session_id(number), token_id(number));
        Self { user, session, client: client_id(client), token, key: key_id(key) }
    }

    fn in_one_look(&self, view: &dyn View) -> Result<CallerRows, StoreError> {
        let Self { user, session, client, token, key } = self;
        view.caller(&CallerKey { user, session, client, token, key })
    }

    fn one_by_one(&self, view: &dyn View) -> Result<CallerRows, StoreError> {
        Ok(CallerRows {
            head: view.head()?,
            user: view.user(&self.user)?,
            session: view.session(&self.user, &self.session)?,
            client_cut: view.client_cut(&self.client)?,
            grant_cut: view.grant(&self.user, &self.client)?.map(|grant| grant.cut),
            token_ended: view.token_ended(&self.token)?,
            key_revoked: view.key_revoked(&self.key)?,
        })
    }
}

conformance! {
    async fn a_caller_in_one_look_is_what_its_parts_are_one_by_one(engine) {
        let store = engine.store();
        write(&store, |tx| {
            tx.insert_client(&client("app"))?;
            tx.add_mac_key(&mac_key("mac_a", 1))?;
            tx.add_mac_key(&mac_key("mac_b", 2))?;
            for number in 1..=2 {
                tx.insert_user(&user(number))?;
                tx.insert_session(&session(number, number))?;
                let mut rotated = chain(number, number, 1, "app");
                rotated.rotations = vec![Timestamp(70_000)];
                tx.insert_chain(&rotated)?;
            }
            for (client, cut) in [("aaa", 2), ("app", 3)] {
                let (user, client) = (user_id(1), client_id(client));
                tx.ensure_grant(&Grant { user, client, created_at: Timestamp(1), cut })?;
            }
            Ok(())
        })
        .await;
        let nothing = expect_alike(&store, Caller::of(9, "none", "mac_c")).await;
        assert!(nothing.user.is_none() && nothing.session.is_none() && nothing.client_cut.is_none());
        assert_eq!((nothing.grant_cut, nothing.token_ended, nothing.key_revoked), (None, None, None));

        let first = Caller::of(1, "app", "mac_a");
        let before = expect_alike(&store, first.clone()).await;
        assert_eq!(before.session.expect("a session").last_seen_at, Timestamp(70_000), "rotated since");
        for scope in [
            Scope::Session { user: first.user, session: first.session },
            Scope::Token { token: first.token },
            Scope::Key { key: first.key.clone() },
            Scope::Grant { user: first.user, client: first.client.clone() },
            Scope::Client { client: first.client.clone() },
            Scope::User { user: first.user, except: Some(first.session), deleted: false },
        ] {
            end(&store, move |tx| revoke(tx, &scope)).await;
        }
        let after = expect_alike(&store, first).await;
        assert_eq!(after.session.expect("a session").ended.map(|ended| ended.number), Some(1));
        assert_eq!((after.token_ended, after.key_revoked, after.grant_cut, after.client_cut), (Some(2), Some(3), Some(4), Some(5)));
        assert_eq!(after.user.expect("a user").cut.latest, 6);
        // Of the other one there is less, and none of it is the first one's.
        let other = expect_alike(&store, Caller::of(2, "app", "mac_b")).await;
        assert_eq!((other.grant_cut, other.token_ended, other.key_revoked, other.client_cut), (None, None, None, Some(5)));
        // A session is found under its own user alone.
        let strange = Caller { user: user_id(2), ..Caller::of(1, "app", "mac_a") };
        assert!(expect_alike(&store, strange).await.session.is_none());
    }

    async fn a_caller_at_home_comes_with_all_sessions_of_the_user_if_they_are_no_more_rows_than_asked_for(engine) {
        let store = engine.store();
        write(&store, |tx| {
            tx.insert_user(&user(1))?;
            for number in 1..=5 {
                // None, one and several chains; those of the last were rotated.
                tx.insert_session(&session(1, number))?;
                for index in 1..number.min(4) {
                    let mut chain = chain(1, number, u16::try_from(index).expect("few"), ["app", "web"][usize::from(index == 2)]);
                    chain.rotations = (number == 5).then_some(Timestamp(90_000 + index)).into_iter().collect();
                    tx.insert_chain(&chain)?;
                }
            }
            // Other people's, on both sides.
            for of in [0, 2] {
                tx.insert_session(&session(of, 10 + of))?;
                tx.insert_chain(&chain(of, 10 + of, 1, "app"))?;
            }
            Ok(())
        })
        .await;
        // One row for the session without a chain, then as many as there are chains: 1 + 1 + 2 + 3 + 3.
        for (most, known) in [(0, false), (1, false), (9, false), (10, true), (11, true), (1_000, true)] {
            let sessions = at_home(&store, Caller::of(1, "app", "mac_a"), most).await;
            assert_eq!(sessions.is_some(), known, "{most}");
            assert_eq!(sessions.map_or(5, |all| all.len()), 5, "{most}");
        }
        // Of one that has ended nothing more is told than that.
        let scope = Scope::Session { user: user_id(1), session: session_id(3) };
        end(&store, move |tx| revoke(tx, &scope)).await;
        let sessions = at_home(&store, Caller::of(1, "app", "mac_a"), 9).await.expect("one row less");
        let ended = sessions.iter().find(|held| held.session.id == session_id(3)).expect("is there");
        assert_eq!(ended.session.ended.map(|ended| ended.number), Some(1));
        // Whoever has ended, whoever is a stranger, and whoever has no session are callers, too.
        assert_eq!(at_home(&store, Caller::of(3, "app", "mac_a"), 9).await.map(|all| all.len()), Some(0));
        let of_ended = Caller { session: session_id(3), ..Caller::of(1, "app", "mac_a") };
        for most in [0, 100] {
            at_home(&store, of_ended.clone(), most).await;
            at_home(&store, Caller { user: user_id(2), ..of_ended.clone() }, most).await;
        }
    }

    async fn what_clients_hold_under_a_session_is_told_in_the_order_of_its_chains(engine) {
        let store = engine.store();
        write(&store, |tx| {
            for (session, index, client) in [(1, 2, "web"), (1, 1, "app"), (2, 1, "web")] {
                let mut chain = chain(1, session, index, client);
                chain.position = at(0);
                chain.mac_key = MacKeyId([u8::try_from(index).unwrap(); 8]);
                tx.insert_chain(&chain)?;
            }
            Ok(())
        })
        .await;
        let held = read(&store, |view| view.holdings(&user_id(1), &session_id(1))).await;
        let told = held.iter().map(|holding| (holding.client.as_str(), holding.position, holding.key.0));
        assert_eq!(told.collect::<Vec<_>>(), [("app", at(0), [1; 8]), ("web", at(0), [2; 8])]);
        assert!(read(&store, |view| view.holdings(&user_id(2), &session_id(1))).await.is_empty());
    }

    async fn a_listed_session_comes_with_its_last_rotation_and_with_what_is_held_under_it(engine) {
        let store = engine.store();
        write(&store, |tx| {
            for number in 1..=3 {
                tx.insert_session(&session(1, number))?;
            }
            for (number, index, rotations) in [(1, 1, vec![]), (2, 1, vec![90_000, 80_000]), (2, 2, vec![70_000])] {
                let mut chain = chain(1, number, index, "app");
                chain.rotations = rotations.into_iter().map(Timestamp).collect();
                tx.insert_chain(&chain)?;
            }
            Ok(())
        })
        .await;
        let of_user = read(&store, |view| view.sessions_from(&user_id(1), 0, None, 10)).await;
        assert_eq!(of_user.len(), 3);
        let of_client = read(&store, |view| view.sessions_of_client(&client_id("app"), None, 10)).await;
        assert_eq!(of_client.len(), 2);
        for listed in of_user.into_iter().chain(of_client) {
            let id = listed.session.id;
            let found = read(&store, move |view| {
                Ok((view.session(&user_id(1), &id)?, view.holdings(&user_id(1), &id)?))
            })
            .await;
            assert_eq!(shown(&(Some(listed.session), listed.held)), shown(&found));
        }
    }
}

async fn expect_alike(store: &Handle, caller: Caller) -> CallerRows {
    let asked = caller.clone();
    let parts = read(store, move |view| asked.one_by_one(view)).await;
    let found = read(store, move |view| caller.in_one_look(view)).await;
    assert_eq!(shown(&found), shown(&parts));
    found
}

/// The sessions of a caller at home, and expects that caller and sessions are what they are when they are read by
/// themselves.
async fn at_home(store: &Handle, caller: Caller, most: u32) -> Option<Vec<HeldSession>> {
    let (parts, found) = read(store, move |view| {
        let Caller { user, session, client, token, key } = &caller;
        let key = CallerKey { user, session, client, token, key };
        Ok(((caller.one_by_one(view)?, held_by(view, user)?), view.caller_at_home(&key, most)?))
    })
    .await;
    assert_eq!(shown(&found.caller), shown(&parts.0));
    if let Some(found) = &found.sessions {
        let mut found = found.clone();
        found.sort_by_key(|held| held.session.id);
        assert_eq!(shown(&found), shown(&parts.1));
    }
    found.sessions
}

/// All sessions of a user, read one by one.
fn held_by(view: &dyn View, user: &UserId) -> Result<Vec<HeldSession>, StoreError> {
    let all = view.sessions_after(None, 1_000)?.into_iter().filter(|session| session.user == *user);
    let held = all.map(|session| {
        let held = if session.ended.is_none() { view.holdings(user, &session.id)? } else { Vec::new() };
        Ok(HeldSession { session, held })
    });
    held.collect()
}
