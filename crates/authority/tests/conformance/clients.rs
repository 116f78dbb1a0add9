//! Clients, audiences and grants.

use rescind_domain::client::{AudienceRow, Client, ClientKind, ClientPolicy};
use rescind_domain::clock::Timestamp;
use rescind_domain::event::{EventKind, NewEvent};
use rescind_domain::grant::Grant;
use rescind_domain::policy::AtLimit;
use rescind_domain::revocation::StateChange;
use rescind_domain::secret::SecretHash;
use rescind_domain::store::StoreError;
use rescind_wire::{Algorithm, Change, Scope};

use super::fixture::{
    Handle, advance, append, client, client_id, end, event, is_corrupt, next_row, read, revoke, shown, store_error,
    try_write, user_id, write,
};

conformance! {
    async fn a_client_is_read_back_as_it_was_written(engine) {
        let store = engine.store();
        let full = ClientPolicy {
            session_limit: Some(1),
            at_limit: Some(AtLimit::Refuse),
            fresh_seconds: Some(60),
            session_seconds: Some(2),
            idle_seconds: Some(3),
            remember: Some(false),
            bind_address: true,
        };
        let kinds = [ClientKind::Browser, ClientKind::Native, ClientKind::Mobile, ClientKind::Service];
        for (n, kind) in (0..).zip(kinds) {
            let written = Client { kind, policy: full.clone(), cut: n, ..client(&format!("app-{n}")) };
            let expected = written.clone();
            write(&store, move |tx| tx.insert_client(&written)).await;
            let found = find(&store, expected.id.as_str()).await.expect("is there");
            assert_eq!(shown(&found), shown(&expected));
            assert_eq!(found.secret.map(|hash| hash.0), Some([9; 32]));
            let id = expected.id.clone();
            assert_eq!(read(&store, move |view| view.client_cut(&id)).await, Some(n));
        }
        let bare = Client { secret: None, origins: vec![], policy: ClientPolicy::default(), ..client("bare") };
        let expected = shown(&Some(bare.clone()));
        write(&store, move |tx| tx.insert_client(&bare)).await;
        assert_eq!(shown(&find(&store, "bare").await), expected);
        assert!(find(&store, "other").await.is_none());
        assert_eq!(read(&store, |view| view.client_cut(&client_id("other"))).await, None);
    }

    async fn a_client_id_belongs_to_one_client(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_client(&client("app"))).await;
        let refused = try_write(&store, |tx| tx.insert_client(&client("app"))).await;
        assert_eq!(store_error(refused.expect_err("taken")), StoreError::Conflict);
    }

    async fn changing_a_client_leaves_its_birth_and_cut_alone(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_client(&client("app"))).await;
        end(&store, |tx| revoke(tx, &Scope::Client { client: client_id("app") })).await;
        let changed = Client {
            name: "Another".into(),
            kind: ClientKind::Service,
            audiences: vec![],
            scopes: vec!["x".into()],
            secret: Some(SecretHash([1; 32])),
            origins: vec![],
            policy: ClientPolicy::default(),
            created_at: Timestamp(999),
            cut: 0,
            ..client("app")
        };
        let expected = Client { created_at: client("app").created_at, cut: 1, ..changed.clone() };
        write(&store, move |tx| tx.update_client(&changed)).await;
        let found = find(&store, "app").await.expect("is there");
        assert_eq!(shown(&found), shown(&expected));
        assert_eq!(found.secret.map(|hash| hash.0), Some([1; 32]));
        let refused = try_write(&store, |tx| tx.update_client(&client("other"))).await;
        let error = store_error(refused.expect_err("nothing to change"));
        assert!(is_corrupt(&error, "clients", "*"), "{error}");
    }

    async fn clients_are_paged_by_id(engine) {
        let store = engine.store();
        write(&store, |tx| (0..9).rev().try_for_each(|n| tx.insert_client(&client(&format!("app-{n}"))))).await;
        let mut seen: Vec<String> = Vec::new();
        loop {
            let after = seen.last().cloned().unwrap_or_default();
            let page = read(&store, move |view| view.clients(&after, 4)).await;
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 4);
            seen.extend(page.into_iter().map(|client| client.id.to_string()));
            assert!(seen.len() < 1_000, "it goes on for ever");
        }
        assert!(seen.is_sorted() && seen.len() == 10, "{seen:?}");
    }

    async fn an_audience_has_one_algorithm_the_last_that_was_set(engine) {
        let store = engine.store();
        let row = |name: &str, algorithm| AudienceRow { name: name.into(), algorithm };
        assert_eq!(read(&store, |view| view.audiences()).await, []);
        let sets = [row("b", Algorithm::ES256), row("a", Algorithm::EdDSA), row("b", Algorithm::RS256)];
        write(&store, move |tx| sets.iter().try_for_each(|row| tx.set_audience(row))).await;
        let expected = [row("a", Algorithm::EdDSA), row("b", Algorithm::RS256)];
        assert_eq!(read(&store, |view| view.audiences()).await, expected);
    }

    async fn an_audience_that_no_client_names_any_more_is_forgotten(engine) {
        let store = engine.store();
        let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let clients = [("b", named(&["shared", "own"])), ("a", named(&["shared"])), ("c", vec![])];
        for (id, audiences) in clients {
            let client = Client { audiences, ..client(id) };
            write(&store, move |tx| tx.insert_client(&client)).await;
        }
        let naming = async |name: &'static str, limit| read(&store, move |view| view.clients_naming(name, limit)).await;
        assert_eq!(naming("shared", 9).await, [client_id("a"), client_id("b")]);
        assert_eq!(naming("shared", 1).await, [client_id("a")]);
        assert_eq!(naming("own", 9).await, [client_id("b")]);
        assert_eq!(naming("share", 9).await, []);
        let row = |name: &str| AudienceRow { name: name.into(), algorithm: Algorithm::ES256 };
        let rows = [row("own"), row("gone"), row("shared")];
        write(&store, move |tx| rows.iter().try_for_each(|row| tx.set_audience(row))).await;
        write(&store, |tx| tx.forget_audiences()).await;
        assert_eq!(read(&store, |view| view.audiences()).await, [row("own"), row("shared")]);
        end(&store, |tx| {
            let state = StateChange::Client { client: client_id("b"), removed: true };
            append(tx, Change::Revoke(Scope::Client { client: client_id("b") }), &state)
        })
        .await;
        write(&store, |tx| tx.forget_audiences()).await;
        assert_eq!(read(&store, |view| view.audiences()).await, [row("shared")]);
    }

    async fn the_entry_that_removed_a_client_last_is_told_by_its_event_for_as_long_as_that_is_kept(engine) {
        let store = engine.store();
        let removed = async |id: &'static str| read(&store, move |view| view.client_removed(&client_id(id))).await;
        assert_eq!(removed("app").await, None);
        for number in [2, 5] {
            write(&store, |tx| tx.insert_client(&client("app"))).await;
            end(&store, |tx| revoke(tx, &Scope::Client { client: client_id("app") })).await;
            assert_ne!(removed("app").await, Some(number));
            end(&store, |tx| {
                let client = client_id("app");
                let row = next_row(tx, Change::Revoke(Scope::Client { client: client.clone() }))?;
                let event = NewEvent { kind: EventKind::ClientRemoved, ..event(1) }.client(client.clone());
                tx.write_entry(&row, &StateChange::Client { client, removed: true }, &event)
            })
            .await;
            advance(&store, 1).await;
            assert_eq!((removed("app").await, removed("ap").await), (Some(number), None));
        }
        write(&store, |tx| tx.purge_events(Timestamp(2), 100)).await;
        assert_eq!(removed("app").await, None);
    }

    async fn a18_a_grant_that_is_there_keeps_its_birth_and_its_cut(engine) {
        let store = engine.store();
        advance(&store, 2).await;
        let first = grant(1, 10);
        let written = first.clone();
        write(&store, move |tx| tx.ensure_grant(&written)).await;
        write(&store, |tx| tx.ensure_grant(&grant(2, 20))).await;
        assert_eq!(find_grant(&store).await, Some(first));
        end(&store, |tx| revoke(tx, &Scope::Grant { user: user_id(1), client: client_id("app") })).await;
        write(&store, |tx| tx.ensure_grant(&grant(0, 30))).await;
        assert_eq!(find_grant(&store).await, Some(grant(3, 10)));
        assert_eq!(read(&store, |view| view.grant(&user_id(2), &client_id("app"))).await, None);
        assert_eq!(read(&store, |view| view.grant(&user_id(1), &client_id("web"))).await, None);
    }
}

fn grant(cut: u64, created_at: u64) -> Grant {
    Grant { user: user_id(1), client: client_id("app"), created_at: Timestamp(created_at), cut }
}

async fn find_grant(store: &Handle) -> Option<Grant> {
    read(store, |view| view.grant(&user_id(1), &client_id("app"))).await
}

async fn find(store: &Handle, id: &str) -> Option<Client> {
    let id = client_id(id);
    read(store, move |view| view.client(&id)).await
}
