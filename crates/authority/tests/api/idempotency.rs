//! Requests that are sent twice and done once.

use std::collections::BTreeSet;
use std::time::Duration;

use rescind_domain::verbs::set_up;
use serde_json::{Value, json};

use super::call::Call;
use super::harness::{Device, Harness, PASSWORD, text};

/// What the description of the API says that takes a key. All that makes an account or revokes by a POST has to.
async fn described(harness: &Harness) -> BTreeSet<String> {
    let document = harness.get("/openapi.json").expect(200).await.json();
    let posts =
        document["paths"].as_object().unwrap().values().map(|item| &item["post"]).filter(|post| !post.is_null());
    let mut keyed = BTreeSet::new();
    for post in posts {
        let operation = text(&post["operationId"]);
        let (made, done) = (post["responses"]["201"].to_string(), post["responses"].to_string());
        let due = done.contains("/Revoked\"") || made.contains("/UserAnswer\"");
        let takes = post["parameters"].to_string().contains("\"Idempotency-Key\"");
        assert!(takes || !due, "{operation} takes no key");
        keyed.extend(takes.then_some(operation));
    }
    keyed
}

/// Sends a request twice, then another one with the same key.
struct Twice<'h> {
    harness: &'h Harness,
    tried: BTreeSet<String>,
}

impl Twice<'_> {
    async fn send(&mut self, operation: &str, token: Option<&str>, target: &str, body: Value) -> Value {
        let call = |body: &Value| -> Call {
            let call = self.harness.post(target).json(body).header("idempotency-key", operation);
            token.into_iter().fold(call, Call::bearer)
        };
        let (first, again) = (call(&body).send().await, call(&body).send().await);
        assert!(first.status.is_success(), "{operation}: {first:?}");
        assert_eq!((again.status, again.json()), (first.status, first.json()), "{operation}");
        let mut other = body;
        other["another"] = json!(1);
        // Whoever ended their own session by the first one is told no more than that.
        let other = call(&other).send().await;
        assert!([401, 422, 400].contains(&other.status.as_u16()), "{operation}: {other:?}");
        self.tried.insert(operation.to_owned());
        first.json()
    }
}

#[tokio::test]
async fn a7_the_same_words_from_another_device_are_no_repetition() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let others =
        |device: &Device| device.post("/v1/sessions/end-others").json(&json!({})).header("idempotency-key", "1");
    others(&phone).expect(200).await;
    laptop.get("/v1/me").expect(401).await;
    let laptop = harness.sign_in("ann").await;
    others(&laptop).expect(422).await.problem("idempotency-key-reused");
    phone.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn whatever_makes_an_account_or_revokes_takes_a_key_and_does_it_once() {
    let harness = Harness::start().await;
    let mut twice = Twice { harness: &harness, tried: BTreeSet::new() };
    let setting_up = set_up::offer(&harness.authority.world).await.unwrap().unwrap();
    let account = |login: &str| json!({"login": login, "password": PASSWORD});
    let token = json!({"token": setting_up.expose(), "login": "root", "password": PASSWORD});
    twice.send("setUp", None, "/v1/setup", token).await;
    let root = harness.sign_in("root").await;
    let admin = Some(root.access.as_str());
    twice.send("signUp", None, "/v1/users", account("ann")).await;
    let user = twice.send("createUser", admin, "/v1/admin/users", account("bob")).await;
    let user = text(&user["user"]["id"]);
    let lock = format!("/v1/admin/users/{user}/lock");
    twice.send("lockUser", admin, &lock, json!({"reason": "lost"})).await;
    let scope = json!({"scope": {"type": "user", "user": user}, "reason": "lost"});
    twice.send("revoke", admin, "/v1/admin/revocations", scope).await;

    let device = harness.sign_in("ann").await;
    let password = || json!({"password": PASSWORD});
    let own = Some(device.access.as_str());
    twice.send("endOtherSessions", own, "/v1/sessions/end-others", json!({})).await;
    twice.send("endAllSessions", own, "/v1/sessions/end-all", password()).await;
    let device = harness.sign_in("ann").await;
    twice.send("lockMe", Some(&device.access), "/v1/me/lock", json!({})).await;
    harness.pass(Duration::from_mins(7));
    let device = harness.sign_in("ann").await;
    twice.send("deleteMe", Some(&device.access), "/v1/me/delete", password()).await;

    harness.pass(Duration::from_mins(1));
    let root = harness.sign_in("root").await;
    let keys = root.get("/v1/admin/keys").expect(200).await.json();
    let named = |purpose: &str| {
        let mut keys = keys["keys"].as_array().unwrap().iter();
        text(&keys.find(|key| key["purpose"] == purpose && key["state"] == "current").unwrap()["kid"])
    };
    let compromise = format!("/v1/admin/keys/{}/compromise", named("HMAC-SHA256"));
    twice.send("compromiseKey", Some(&root.access), &compromise, json!({"reason": "leaked"})).await;
    assert_eq!(twice.tried, described(&harness).await);
}

#[tokio::test]
async fn a_key_that_is_revoked_by_its_scope_twice_is_revoked_once_and_its_successor_lives() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let keys = async || root.get("/v1/admin/keys").expect(200).await.json()["keys"].as_array().unwrap().clone();
    let before = keys().await;
    let mac = before.iter().find(|key| key["purpose"] == "HMAC-SHA256").unwrap();
    let revoke = |reason: &str| {
        let body = json!({"scope": {"type": "key", "key": mac["kid"]}, "reason": reason});
        root.post("/v1/admin/revocations").json(&body).header("idempotency-key", "k")
    };
    let first = revoke("leaked").expect(201).await.json();
    assert_eq!(revoke("leaked").expect(201).await.json(), first);
    revoke("another").expect(422).await.problem("idempotency-key-reused");
    assert_eq!(keys().await.len(), before.len() + 1);
}

#[tokio::test]
async fn who_ended_their_own_session_hears_of_it_again_and_nobody_else_does() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let tablet = harness.sign_in("ann").await;
    let end = |device: &Device<'_>, key: &str| device.post("/v1/sessions/end-all").header("idempotency-key", key);
    let first = end(&phone, "k").expect(200).await.json();
    let mut between = harness.sign_in("ann").await;
    assert_eq!(end(&phone, "k").expect(200).await.json(), first);
    // Not with another key, without one, by another request, or from another session that it ended.
    end(&phone, "l").expect(401).await.problem("invalid-token");
    phone.post("/v1/sessions/end-all").expect(401).await.problem("invalid-token");
    phone.post("/v1/me/lock").header("idempotency-key", "k").expect(401).await.problem("invalid-token");
    end(&tablet, "k").expect(401).await.problem("invalid-token");
    // Nothing was done again.
    between.assert_alive().await;
    harness.pass(Duration::from_hours(25));
    end(&phone, "k").expect(401).await.problem("invalid-token");
}

#[tokio::test]
async fn a_sign_up_that_is_sent_twice_makes_one_account_and_gives_one_answer() {
    let harness = Harness::start().await;
    let body = json!({"login": "ann", "password": PASSWORD});
    let call = || harness.post("/v1/users").json(&body).header("idempotency-key", "a-1");
    let first = call().expect(201).await.json();
    assert_eq!(call().expect(201).await.json(), first);
    harness.post("/v1/users").json(&body).expect(409).await.problem("login-taken");
    harness.pass(Duration::from_hours(25));
    call().expect(409).await.problem("login-taken");
}

#[tokio::test]
async fn a_key_that_is_used_for_another_request_is_refused() {
    let harness = Harness::start().await;
    let call = |password: &str| {
        let body = json!({"login": "ann", "password": password});
        harness.post("/v1/users").json(&body).header("idempotency-key", "a-1")
    };
    call(PASSWORD).expect(201).await;
    call("another fine password").expect(422).await.problem("idempotency-key-reused");
}

#[tokio::test]
async fn keys_of_different_callers_never_meet() {
    let harness = Harness::start().await;
    for login in ["ann", "bob"] {
        let body = json!({"login": login, "password": PASSWORD});
        harness.post("/v1/users").json(&body).header("idempotency-key", "1").expect(201).await;
    }
    let (ann, bob) = (harness.sign_in("ann").await, harness.sign_in("bob").await);
    let end = async |device: &super::harness::Device<'_>| {
        let call = device.post("/v1/sessions/end-others").header("idempotency-key", "1");
        text(&call.expect(200).await.json()["revocation"]["position"])
    };
    assert_ne!(end(&ann).await, end(&bob).await);
    let target = ann.put("/v1/me/password");
    drop(target);
    assert_eq!(end(&ann).await, end(&ann).await);
}

#[tokio::test]
async fn a_revocation_that_is_sent_twice_is_written_once_and_spares_what_came_between() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let body = json!({"scope": {"type": "user", "user": user}, "reason": "lost"});
    let call = || root.post("/v1/admin/revocations").json(&body).header("idempotency-key", "x");
    let first = call().expect(201).await.json();
    ann.assert_dead().await;
    let mut between = harness.sign_in("ann").await;
    assert_eq!(call().expect(201).await.json(), first);
    between.assert_alive().await;
    let lock = || root.post(&format!("/v1/admin/users/{user}/lock")).header("idempotency-key", "x");
    lock().expect(422).await.problem("idempotency-key-reused");
    let lock = || root.post(&format!("/v1/admin/users/{user}/lock")).header("idempotency-key", "y");
    let first = lock().expect(200).await.json();
    assert_eq!(lock().expect(200).await.json(), first);
}

#[tokio::test]
async fn many_at_once_with_one_key_make_one_account() {
    let harness = Harness::start().await;
    let body = json!({"login": "ann", "password": PASSWORD});
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..6 {
        calls.spawn(harness.post("/v1/users").json(&body).header("idempotency-key", "k").send());
    }
    let mut bodies: Vec<_> = calls.join_all().await.into_iter().map(|answer| (answer.status, answer.body)).collect();
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(bodies[0].0, 201);
}

#[tokio::test]
async fn a_key_must_be_one_short_text() {
    let harness = Harness::start().await;
    let body = json!({"login": "ann", "password": PASSWORD});
    let call = || harness.post("/v1/users").json(&body);
    call().header("idempotency-key", &"k".repeat(256)).expect(400).await.problem("invalid-request");
    let twice = call().header("idempotency-key", "a").header("idempotency-key", "b");
    twice.expect(400).await.problem("invalid-request");
}

#[tokio::test]
async fn what_is_remembered_of_a_request_helps_nobody_to_guess_its_password() {
    let harness = Harness::start().await;
    let body = json!({"login": "ann", "password": PASSWORD}).to_string();
    let call = harness.post("/v1/users").text("application/json", &body).header("idempotency-key", "a-1");
    call.expect(201).await;
    let digest = |text: &str| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref().to_vec();
    let file = std::fs::read(harness.authority.sqlite.path()).unwrap();
    let log = std::fs::read(harness.authority.sqlite.path().with_extension("db-wal")).unwrap();
    for guess in [digest(&body), digest(&format!("POST/v1/users{body}")), PASSWORD.as_bytes().to_vec()] {
        for bytes in [&file, &log] {
            assert!(!bytes.windows(guess.len()).any(|window| window == guess));
        }
    }
}
