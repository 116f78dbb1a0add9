//! Requests that are sent twice and done once.

use std::time::Duration;

use serde_json::json;

use super::harness::{Harness, PASSWORD, text};

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
