//! Users.

use rescind_domain::clock::Timestamp;
use rescind_domain::password::PasswordHash;
use rescind_domain::store::StoreError;
use rescind_domain::user::{Lock, Role, User, UserState};
use rescind_wire::{Scope, UserCut};

use super::fixture::{
    Handle, end, is_corrupt, read, revoke, session_id, shown, store_error, try_write, user, user_id, write,
};

conformance! {
    async fn a_user_is_read_back_as_it_was_written(engine) {
        let store = engine.store();
        let lock = Lock { since: Timestamp(5), until: Some(Timestamp(9)), reason: "asked to".into() };
        let cut = UserCut { latest: 9, except: Some(session_id(4)), holds: 3, deleted: false };
        let users = [
            user(1),
            User { role: Role::Administrator, external_id: Some("ext|2".into()), password: None, ..user(2) },
            User { state: UserState::Locked(lock.clone()), metadata: None, cut, ..user(3) },
            User { state: UserState::Locked(Lock { until: None, ..lock }), ..user(4) },
            User { login: "Zo\u{eb}".into(), login_key: "zo\u{eb}".into(), ..user(5) },
        ];
        for user in users {
            let written = user.clone();
            write(&store, move |tx| tx.insert_user(&written)).await;
            let found = find(&store, &user).await.expect("is there");
            assert_eq!(shown(&found), shown(&user));
            assert_eq!(
                found.password.map(|hash| hash.expose().to_owned()),
                user.password.as_ref().map(|hash| hash.expose().to_owned())
            );
            let id = user.id;
            assert_eq!(read(&store, move |view| view.user_cut(&id)).await, Some(user.cut));
            let key = user.login_key.clone();
            let by_login = read(&store, move |view| view.user_by_login(&key)).await;
            assert_eq!(by_login.map(|found| found.id), Some(user.id));
        }
        let by_external = read(&store, |view| view.user_by_external_id("ext|2")).await;
        assert_eq!(by_external.map(|found| found.id), Some(user_id(2)));
    }

    async fn who_is_not_there_is_not_found(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_user(&user(1))).await;
        assert!(find(&store, &user(2)).await.is_none());
        assert_eq!(read(&store, |view| view.user_cut(&user_id(2))).await, None);
        assert!(read(&store, |view| view.user_by_login("User-001@Example.org")).await.is_none());
        assert!(read(&store, |view| view.user_by_login("")).await.is_none());
        assert!(read(&store, |view| view.user_by_external_id("")).await.is_none());
    }

    async fn a_login_name_and_an_external_id_belong_to_one_user(engine) {
        let store = engine.store();
        let first = User { external_id: Some("ext|1".into()), ..user(1) };
        write(&store, move |tx| tx.insert_user(&first)).await;
        let same_login = User { login_key: user(1).login_key, ..user(2) };
        let same_external = User { external_id: Some("ext|1".into()), ..user(3) };
        for taken in [same_login, same_external, user(1)] {
            let id = taken.id;
            let refused = try_write(&store, move |tx| tx.insert_user(&taken)).await;
            assert_eq!(store_error(refused.expect_err("taken")), StoreError::Conflict);
            let found = read(&store, move |view| view.user(&id)).await;
            assert!(found.is_none_or(|found| found.login == user(1).login));
        }
        // Without an external id there is nothing to share.
        write(&store, |tx| tx.insert_user(&user(4))).await;
        write(&store, |tx| tx.insert_user(&user(5))).await;
        let refused = try_write(&store, |tx| tx.set_user_data(&user_id(5), Some("ext|1"), None)).await;
        assert_eq!(store_error(refused.expect_err("taken")), StoreError::Conflict);
    }

    async fn each_change_of_a_user_changes_that_alone(engine) {
        let store = engine.store();
        for n in [1, 2] {
            write(&store, move |tx| tx.insert_user(&user(n))).await;
        }
        let mut expected = user(1);
        write(&store, |tx| tx.set_password(&user_id(1), &PasswordHash::new("$2b$new".into()))).await;
        expected.password = Some(PasswordHash::new("$2b$new".into()));
        assert_eq!(shown(&find(&store, &expected).await), shown(&Some(expected.clone())));

        let lock = UserState::Locked(Lock { since: Timestamp(1), until: None, reason: "why".into() });
        let state = lock.clone();
        write(&store, move |tx| tx.set_user_state(&user_id(1), &state)).await;
        expected.state = lock;
        assert_eq!(shown(&find(&store, &expected).await), shown(&Some(expected.clone())));
        write(&store, |tx| tx.set_user_state(&user_id(1), &UserState::Active)).await;
        expected.state = UserState::Active;

        write(&store, |tx| tx.set_role(&user_id(1), Role::Administrator)).await;
        expected.role = Role::Administrator;
        write(&store, |tx| tx.set_user_data(&user_id(1), Some("ext"), Some("{\"a\":[]}"))).await;
        (expected.external_id, expected.metadata) = (Some("ext".into()), Some("{\"a\":[]}".into()));
        assert_eq!(shown(&find(&store, &expected).await), shown(&Some(expected.clone())));
        write(&store, |tx| tx.set_user_data(&user_id(1), None, None)).await;
        (expected.external_id, expected.metadata) = (None, None);
        assert_eq!(shown(&find(&store, &expected).await), shown(&Some(expected)));
        assert_eq!(shown(&find(&store, &user(2)).await), shown(&Some(user(2))));
    }

    async fn changing_a_user_who_is_not_there_is_an_error_and_no_silent_success(engine) {
        let store = engine.store();
        let refused = [
            try_write(&store, |tx| tx.set_password(&user_id(1), &PasswordHash::new("$2b$".into()))).await,
            try_write(&store, |tx| tx.set_user_state(&user_id(1), &UserState::Active)).await,
            try_write(&store, |tx| tx.set_role(&user_id(1), Role::Administrator)).await,
            try_write(&store, |tx| tx.set_user_data(&user_id(1), None, None)).await,
        ];
        for refused in refused {
            let error = store_error(refused.expect_err("nobody to change"));
            assert!(is_corrupt(&error, "users", "*"), "{error}");
        }
    }

    async fn users_are_searched_by_what_their_login_name_contains_and_paged(engine) {
        let store = engine.store();
        write(&store, |tx| (1..=30).rev().try_for_each(|n| tx.insert_user(&user(n)))).await;
        let logins = |users: Vec<User>| users.into_iter().map(|user| user.login_key).collect::<Vec<_>>();
        let mut seen: Vec<String> = Vec::new();
        loop {
            let after = seen.last().cloned().unwrap_or_default();
            let page = logins(read(&store, move |view| view.users("", &after, 7)).await);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
            assert!(seen.len() < 1_000, "it goes on for ever");
        }
        assert_eq!(seen, (1..=30).map(|n| user(n).login_key).collect::<Vec<_>>());
        let found = logins(read(&store, |view| view.users("-02", "", 100)).await);
        assert_eq!(found, (20..=29).map(|n| user(n).login_key).collect::<Vec<_>>());
        let rest = logins(read(&store, |view| view.users("-02", "user-027@example.org", 100)).await);
        assert_eq!(rest, (28..=29).map(|n| user(n).login_key).collect::<Vec<_>>());
        // Nothing in a query is a pattern.
        for query in ["%", "_", "user-0__", "*", "'"] {
            assert!(read(&store, move |view| view.users(query, "", 100)).await.is_empty(), "{query}");
        }
    }

    async fn users_whose_login_begins_alike_are_paged_by_login(engine) {
        let store = engine.store();
        let named = |n: u64, key: &str| User { login_key: key.into(), ..user(n) };
        let keys = ["ann", "anna", "ann@example.org", "an", "bann", "ann\u{10fffd}", "anz", "\u{e4}nn"];
        write(&store, move |tx| {
            keys.iter().zip(1..).try_for_each(|(key, n)| tx.insert_user(&named(n, key)))
        })
        .await;
        let found = async |prefix: &'static str, after: &'static str, limit| {
            let users = read(&store, move |view| view.users_from(prefix, after, limit)).await;
            users.into_iter().map(|user| user.login_key).collect::<Vec<_>>()
        };
        assert_eq!(found("ann", "", 9).await, ["ann", "ann@example.org", "anna", "ann\u{10fffd}"]);
        assert_eq!(found("ann", "ann", 2).await, ["ann@example.org", "anna"]);
        assert_eq!(found("ann", "anna", 2).await, ["ann\u{10fffd}"]);
        assert_eq!(found("\u{e4}", "", 9).await, ["\u{e4}nn"]);
        assert_eq!(found("", "", 9).await.len(), 8);
        for none in ["%", "an_", "ANN", "annb"] {
            assert!(found(none, "", 9).await.is_empty(), "{none}");
        }
        end(&store, |tx| revoke(tx, &Scope::User { user: user_id(1), except: None, deleted: true })).await;
        assert_eq!(found("ann", "", 1).await, ["ann@example.org"], "the deleted one is gone");
    }

    async fn a_deleted_user_leaves_only_the_id_and_frees_the_login_name(engine) {
        let store = engine.store();
        let first = User { external_id: Some("ext|1".into()), role: Role::Administrator, ..user(1) };
        write(&store, move |tx| tx.insert_user(&first)).await;
        end(&store, |tx| revoke(tx, &Scope::User { user: user_id(1), except: None, deleted: true })).await;

        let gone = find(&store, &user(1)).await.expect("the id stays");
        assert!(matches!(gone.state, UserState::Deleted { .. }), "{:?}", gone.state);
        assert!(gone.password.is_none() && gone.metadata.is_none() && gone.external_id.is_none());
        assert!(!shown(&gone).to_lowercase().contains("user-001"));
        let cut = read(&store, |view| view.user_cut(&user_id(1))).await.expect("a record");
        assert!(cut.deleted && cut.latest == 1);
        assert!(read(&store, |view| view.user_by_login("user-001@example.org")).await.is_none());
        assert!(read(&store, |view| view.user_by_login("")).await.is_none());
        assert!(read(&store, |view| view.user_by_external_id("ext|1")).await.is_none());
        assert!(read(&store, |view| view.users("", "", 10)).await.is_empty());
        assert!(!read(&store, |view| view.has_administrator(Timestamp(1000))).await);

        let again = User { id: user_id(9), external_id: Some("ext|1".into()), ..user(1) };
        write(&store, move |tx| tx.insert_user(&again)).await;
        let found = read(&store, |view| view.user_by_login("user-001@example.org")).await;
        assert_eq!(found.map(|user| user.id), Some(user_id(9)));
        // The id is never used again (R3), and any number of users may be gone.
        let refused = try_write(&store, |tx| tx.insert_user(&User { login_key: "other".into(), ..user(1) })).await;
        assert_eq!(store_error(refused.expect_err("taken for ever")), StoreError::Conflict);
        end(&store, |tx| revoke(tx, &Scope::User { user: user_id(9), except: None, deleted: true })).await;
    }

    async fn an_administrator_counts_while_neither_locked_nor_deleted(engine) {
        let store = engine.store();
        let has = async || read(&store, |view| view.has_administrator(Timestamp(1000))).await;
        write(&store, |tx| tx.insert_user(&user(1))).await;
        assert!(!has().await);
        write(&store, |tx| tx.set_role(&user_id(1), Role::Administrator)).await;
        assert!(has().await);
        let lock = Lock { since: Timestamp(1), until: None, reason: "why".into() };
        write(&store, move |tx| tx.set_user_state(&user_id(1), &UserState::Locked(lock.clone()))).await;
        assert!(!has().await);
        for (until, is_one) in [(1001, false), (1000, true)] {
            let lock = Lock { since: Timestamp(1), until: Some(Timestamp(until)), reason: "why".into() };
            write(&store, move |tx| tx.set_user_state(&user_id(1), &UserState::Locked(lock.clone()))).await;
            assert_eq!(has().await, is_one, "a lock that has run out is none");
        }
        write(&store, |tx| tx.set_user_state(&user_id(1), &UserState::Active)).await;
        assert!(has().await);
        write(&store, |tx| tx.set_user_state(&user_id(1), &UserState::Deleted { at: Timestamp(2) })).await;
        assert!(!has().await);
    }
}

async fn find(store: &Handle, user: &User) -> Option<User> {
    let id = user.id;
    read(store, move |view| view.user(&id)).await
}
