//! R7: what cannot be read is said to be so, by table, column and key. It is never guessed at, and nothing panics.

use std::fs;
use std::sync::Arc;

use rescind::store::sqlite::{Role, Sqlite};
use rescind_domain::clock::Timestamp;
use rescind_domain::grant::Grant;
use rescind_domain::idempotency::Remembered;
use rescind_domain::store::{CallerKey, StoreError, View};
use rescind_wire::Scope;

use super::{Opened, run};
use crate::conformance::engine::options;
use crate::conformance::fixture::{
    Handle, chain, client, client_id, end, event, is_corrupt, key_id, mac_key, read, revoke, session, session_id,
    store_error, token_id, user, user_id, write,
};

/// One row of everything.
async fn fill(store: &Handle) {
    write(store, |tx| {
        tx.insert_user(&user(1))?;
        tx.insert_session(&session(1, 1))?;
        tx.insert_chain(&chain(1, 1, 1, "app"))?;
        tx.insert_client(&client("app"))?;
        tx.ensure_grant(&Grant { user: user_id(1), client: client_id("app"), created_at: Timestamp(1), cut: 0 })?;
        tx.add_mac_key(&mac_key("mac_a", 1))?;
        tx.add_event(&event(1).user(user_id(1)).session(session_id(1)).client(client_id("app")))?;
        tx.remember("a", "k", &Remembered { fingerprint: [0; 32], answer: "{}".into(), at: Timestamp(1) })?;
        tx.set_setting("issuer", Some("x"))?;
        tx.set_audience(&rescind_domain::client::AudienceRow {
            name: "api".into(),
            algorithm: rescind_wire::Algorithm::EdDSA,
        })?;
        tx.set_lifetime(std::time::Duration::from_mins(5), Timestamp(1))
    })
    .await;
    end(store, |tx| revoke(tx, &Scope::Token { token: token_id(1) })).await;
}

/// Everything that can be read, in the order of the tables below.
fn read_all(view: &dyn View) -> Vec<Result<(), StoreError>> {
    let (user, session) = (user_id(1), session_id(1));
    let key = chain(1, 1, 1, "app").key;
    let (client, token, mac) = (client_id("app"), token_id(1), key_id("mac_a"));
    let caller = CallerKey { user: &user, session: &session, client: &client, token: &token, key: &mac };
    vec![
        view.head().map(drop),
        view.epochs().map(drop),
        view.log_after(0, 9).map(drop),
        view.log_before(9, 9).map(drop),
        view.log_entry(1).map(drop),
        view.lifetimes().map(drop),
        view.user(&user).map(drop),
        view.user_by_login("user-001@example.org").map(drop),
        view.user_by_external_id("x").map(drop),
        view.users("", "", 9).map(drop),
        view.users_from("", "", 9).map(drop),
        view.user_cut(&user).map(drop),
        view.has_administrator(Timestamp(0)).map(drop),
        view.caller(&caller).map(drop),
        view.caller_at_home(&caller, 9).map(drop),
        view.session(&user, &session).map(drop),
        view.session_by_id(&session).map(drop),
        view.session_ended(&user, &session).map(drop),
        view.sessions_from(&user, 0, None, 9).map(drop),
        view.sessions_of_client(&client_id("app"), None, 9).map(drop),
        view.sessions_expiring((Timestamp(0), None), 9).map(drop),
        view.sessions_after(None, 9).map(drop),
        view.chain(&key).map(drop),
        view.chains(&user, &session).map(drop),
        view.holdings(&user, &session).map(drop),
        view.client(&client_id("app")).map(drop),
        view.client_cut(&client_id("app")).map(drop),
        view.clients("", 9).map(drop),
        view.audiences().map(drop),
        view.grant(&user, &client_id("app")).map(drop),
        view.keys().map(drop),
        view.key_revoked(&"mac_a".parse().expect("a key id")).map(drop),
        view.token_ended(&token_id(1)).map(drop),
        view.events(None, 0, 9).map(drop),
        view.events_before(None, u64::MAX, 9).map(drop),
        view.events(Some(&user), 0, 9).map(drop),
        view.setting("issuer").map(drop),
        view.remembered("a", "k").map(drop),
    ]
}

/// What somebody may have written, and what can then not be read. A bad text is one that is not UTF-8.
const DAMAGES: [(&str, &str, &str); 51] = [
    ("users", "login", "CAST(x'ff' AS TEXT)"),
    ("users", "password", "CAST(x'c328' AS TEXT)"),
    ("users", "role", "'root'"),
    ("users", "state", "'asleep'"),
    ("users", "state", "'locked'"),
    ("users", "locked_since", "-1"),
    ("users", "metadata", "'{'"),
    ("users", "created_at", "-1"),
    ("users", "cut_latest", "-5"),
    ("users", "cut_except", "x'00'"),
    ("users", "cut_holds", "-1"),
    ("users", "cut_deleted", "2"),
    ("sessions", "epoch", "77"),
    ("sessions", "number", "-1"),
    ("sessions", "started_at", "-1"),
    ("sessions", "expires_at", "-1"),
    ("sessions", "idle_lifetime", "-1"),
    ("sessions", "address", "'300.1.1.1'"),
    ("sessions", "user_agent", "CAST(x'ff' AS TEXT)"),
    ("sessions", "amr", "'[1]'"),
    ("sessions", "amr", "'[\"a\"'"),
    ("sessions", "auth_time", "-1"),
    ("sessions", "remembered", "7"),
    ("sessions", "bound_address", "'home'"),
    ("sessions", "metadata", "'}'"),
    ("sessions", "ended", "1"),
    ("chains", "idx", "70000"),
    ("chains", "client_id", "'no client'"),
    ("chains", "epoch", "77"),
    ("chains", "number", "-1"),
    ("chains", "counter", "-1"),
    ("chains", "salt", "x'0011'"),
    ("chains", "token_epoch", "77"),
    ("chains", "mac_key", "x''"),
    ("chains", "rotated_at", "-1"),
    ("chains", "earlier", "x'00112233445566'"),
    ("chains", "earlier", "x'0011223344556677'"),
    ("chains", "audiences", "'{}'"),
    ("clients", "kind", "'toaster'"),
    ("clients", "policy", "'{\"unknown\":1}'"),
    ("clients", "secret", "x'00'"),
    ("clients", "cut", "-1"),
    ("grants", "cut", "-1"),
    ("keys", "purpose", "'HS256'"),
    ("keys", "public", "'{}'"),
    ("keys", "revoked", "-1"),
    ("audiences", "algorithm", "'none'"),
    ("lifetimes", "until", "-1"),
    ("ended_tokens", "number", "-1"),
    ("remembered", "fingerprint", "zeroblob(31)"),
    ("settings", "value", "CAST(x'ff' AS TEXT)"),
];

/// The same for what everything reads.
const MORE: [(&str, &str, &str); 13] = [
    ("events", "kind", "'party'"),
    ("events", "user_id", "x'00'"),
    ("events", "client_id", "''"),
    ("events", "actor", "'somebody'"),
    ("events", "address", "'nowhere'"),
    ("events", "revocation", "-1"),
    ("log", "epoch", "77"),
    ("log", "kind", "'session'"),
    ("log", "change", "'{\"revoke\":{\"type\":\"tenant\",\"tenant\":\"a\"}}'"),
    ("log", "actor", "''"),
    ("log", "at", "-1"),
    ("log", "tag", "zeroblob(39)"),
    ("head", "epoch", "77"),
];

#[test]
fn r7_a_value_that_cannot_be_read_names_its_table_and_column_and_is_not_guessed_at() {
    run(async {
        for (table, column, value) in DAMAGES.into_iter().chain(MORE) {
            let opened = Opened::fresh();
            let store = opened.store();
            fill(&store).await;
            opened.raw().execute(&format!("UPDATE {table} SET {column} = {value}"), []).expect("is written");
            let results = read(&store, |view| Ok(read_all(view))).await;
            let found: Vec<&StoreError> = results.iter().filter_map(|result| result.as_ref().err()).collect();
            assert!(!found.is_empty(), "{table}.{column} = {value} is read as if nothing were");
            for error in &found {
                assert!(is_corrupt(error, table, column), "{table}.{column} = {value}: {error}");
                let StoreError::Corrupt { key, problem, .. } = error else { unreachable!() };
                assert!(!key.is_empty() && !problem.is_empty());
            }
            assert_eq!(opened.stats().panics, 0);
        }
    });
}

#[test]
fn r7_a_head_that_is_not_there_is_an_error_everywhere() {
    run(async {
        let opened = Opened::fresh();
        let store = opened.store();
        opened.raw().execute("DELETE FROM head", []).expect("works");
        assert!(is_corrupt(&store.position().await.expect_err("no head"), "head", "id"));
        let refused = store.transact("test", |tx| Ok(tx.add_event(&event(1))?)).await;
        assert!(is_corrupt(&store_error(refused.expect_err("no head")), "head", "id"));
        let refused = store.read("test", |view| Ok(view.head()?)).await;
        assert!(is_corrupt(&store_error(refused.expect_err("no head")), "head", "id"));
    });
}

#[test]
fn r7_epochs_that_do_not_follow_each_other_are_an_error() {
    run(async {
        for damage in [
            "UPDATE epochs SET ended = 5",
            "INSERT INTO epochs (seq, epoch, began_at) VALUES (2, zeroblob(10), 1)",
            "UPDATE epochs SET epoch = zeroblob(11)",
        ] {
            let opened = Opened::fresh();
            opened.raw().execute(damage, []).expect("works");
            let refused = opened.store().read("test", |view| Ok(view.epochs()?)).await;
            let error = store_error(refused.expect_err("cannot be"));
            assert!(matches!(&error, StoreError::Corrupt { table: "epochs", .. }), "{error}");
        }
    });
}

/// Bytes of the file itself, wherever they are: an index, a page's header, a free page.
#[test]
fn r7_bytes_that_somebody_changed_never_make_it_panic() {
    run(async {
        let opened = Opened::fresh();
        fill(&opened.store()).await;
        let directory = opened.close();
        let path = directory.path().join("rescind.db");
        let whole = fs::read(&path).expect("is there");
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..150 {
            let mut damaged = whole.clone();
            for _ in 0..8 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = usize::try_from(random >> 33).expect("31 bits") % damaged.len();
                damaged[place] = random.to_be_bytes()[4];
            }
            for suffix in ["-wal", "-shm"] {
                drop(fs::remove_file(directory.path().join(format!("rescind.db{suffix}"))));
            }
            fs::write(&path, &damaged).expect("writes");
            let Ok(sqlite) = Sqlite::open(&path, options(Role::Tool)) else { continue };
            let sqlite = Arc::new(sqlite);
            let store: Handle = sqlite.clone();
            // Whatever it answers: each is a value or an error.
            drop(store.position().await);
            drop(store.read("test", |view| Ok(read_all(view))).await);
            drop(store.end("test", |tx| Ok(revoke(tx, &Scope::Everyone { services: false })?)).await);
            assert_eq!(sqlite.stats().panics, 0);
        }
    });
}
