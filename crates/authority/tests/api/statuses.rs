//! The statuses that the API promises, one by one.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::harness::{Harness, PASSWORD, text};

#[tokio::test]
async fn without_a_token_the_answer_is_401_and_has_no_error_code() {
    let harness = Harness::start().await;
    let answer = harness.get("/v1/me").expect(401).await.problem("missing-token").challenge("Bearer");
    assert_eq!(answer.json()["error"], Value::Null);
    let basic = harness.get("/v1/me").header("authorization", "Basic YTpi").expect(401).await;
    basic.problem("missing-token").challenge("Bearer");
    let cookie = harness.get("/v1/me").header("cookie", "access_token=abc; session=abc").expect(401).await;
    cookie.problem("missing-token").challenge("Bearer");
    harness.get("/v1/me?access_token=abc").expect(401).await.problem("missing-token");
}

#[tokio::test]
async fn a_bad_an_expired_and_a_revoked_token_are_401_invalid_token_and_look_alike() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    harness.clock.sign_in_the_past(Duration::from_hours(1));
    let expired = harness.sign_in("ann").await;
    harness.clock.sign_in_the_past(Duration::ZERO);
    let revoked = harness.sign_in("ann").await;
    revoked.delete("/v1/sessions/current").expect(204).await;
    let (rest, last) = ann.access.split_at(ann.access.len() - 1);
    let altered = format!("{rest}{}", if last == "A" { "Q" } else { "A" });
    let tokens = ["", "abc", "a.b.c", &altered, &ann.refresh, &expired.access, &revoked.access];
    let mut bodies = Vec::new();
    for token in tokens {
        let answer = harness.get("/v1/me").bearer(token).expect(401).await.problem("invalid-token");
        let answer = answer.challenge("Bearer error=\"invalid_token\"");
        assert_eq!(answer.json()["error"], "invalid_token");
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "a2: nothing is told about what was wrong");
    let bound = harness.get("/v1/me").header("authorization", &format!("DPoP {}", ann.access));
    bound.expect(401).await.problem("invalid-token");
    let twice = ann.get("/v1/me").bearer(&ann.access).expect(400).await.problem("invalid-request");
    twice.challenge("Bearer error=\"invalid_request\"");
    ann.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn too_old_an_authentication_is_401_and_says_how_fresh_it_must_be() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    harness.pass(Duration::from_mins(6));
    let target = format!("/v1/sessions/{}", phone.session);
    let answer = laptop.delete(&target).expect(401).await.problem("insufficient-user-authentication");
    let answer = answer.challenge("Bearer error=\"insufficient_user_authentication\", max_age=\"300\"");
    assert_eq!(answer.json()["max_age"], 300);
    assert_eq!(answer.json()["error"], "insufficient_user_authentication");
    for path in ["/v1/sessions/end-others", "/v1/sessions/end-all", "/v1/me/lock"] {
        laptop.post(path).expect(401).await.problem("insufficient-user-authentication");
    }
    phone.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn a_wrong_password_is_403_for_whoever_is_signed_in_and_401_for_whoever_is_not() {
    let harness = Harness::start().await;
    let mut ann = harness.newcomer("ann").await;
    let wrong = json!({"password": "not the one that it is"});
    for path in ["/v1/reauthenticate", "/v1/me/delete", "/v1/sessions/end-all", "/v1/sessions/end-others"] {
        ann.post(path).json(&wrong).expect(403).await.problem("wrong-password");
    }
    let change = json!({"current_password": "not the one that it is", "new_password": "another fine password"});
    ann.put("/v1/me/password").json(&change).expect(403).await.problem("wrong-password");
    ann.assert_alive().await;
    let credentials = json!({"login": "ann", "password": "not the one that it is"});
    let answer = harness.post("/v1/sessions").json(&credentials).expect(401).await;
    answer.problem("invalid-credentials").challenge("Bearer");
}

#[tokio::test]
async fn a_login_name_that_is_taken_is_409_in_any_spelling() {
    let harness = Harness::start().await;
    harness.sign_up("ann@example.org").await;
    for login in ["ann@example.org", "  ANN@EXAMPLE.ORG ", "\u{ff21}nn@example.org"] {
        let body = json!({"login": login, "password": PASSWORD});
        harness.post("/v1/users").json(&body).expect(409).await.problem("login-taken");
    }
}

#[tokio::test]
async fn a_weak_password_and_an_impossible_login_are_400_and_say_why() {
    let harness = Harness::start().await;
    for (password, word) in [("tiny", "short"), ("password123", "common"), ("ann-marie", "login")] {
        let body = json!({"login": "ann-marie", "password": password});
        let answer = harness.post("/v1/users").json(&body).expect(400).await.problem("weak-password");
        assert!(answer.text().contains(word) && !answer.text().contains(password), "{}", answer.text());
    }
    let root = harness.administrator().await;
    let long = "long ".repeat(205);
    let password = json!({"password": long});
    let new = json!({"login": "bob", "password": long});
    let change = json!({"current_password": PASSWORD, "new_password": long});
    for (refused, field) in [
        (harness.post("/v1/users").json(&new), "password"),
        (root.post("/v1/admin/users").json(&new), "password"),
        (root.put("/v1/admin/users/root/password").json(&password), "password"),
        (root.put("/v1/me/password").json(&change), "new_password"),
    ] {
        let answer = refused.expect(400).await.problem("weak-password");
        assert!(answer.json()["field"] == field && !answer.text().contains("long long"), "{}", answer.text());
    }
    for login in ["", "a b", "ann\u{0}"] {
        let body = json!({"login": login, "password": PASSWORD});
        let answer = harness.post("/v1/users").json(&body).expect(400).await.problem("invalid-request");
        assert_eq!(answer.json()["field"], "login");
    }
}

#[tokio::test]
async fn nobody_signs_up_under_another_accounts_id() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let id = text(&root.me().await.json()["user"]["id"]);
    for login in [id.clone(), id.to_uppercase()] {
        let body = json!({"login": login, "password": PASSWORD});
        let answer = harness.post("/v1/users").json(&body).expect(400).await.problem("invalid-request");
        assert_eq!(answer.json()["field"], "login");
        assert!(answer.text().contains("the form of an id"), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_wrong_method_405_with_those_that_are_right() {
    let harness = Harness::start().await;
    for path in ["/v1", "/v1/", "/v2/me", "/v1/me/", "/favicon.ico", "/v1/sessions/a/b"] {
        harness.get(path).expect(404).await.problem("no-such-path");
    }
    for (method, path, allowed) in [
        (Method::PUT, "/v1/sessions", "GET,HEAD,POST"),
        (Method::GET, "/v1/sessions/refresh", "POST"),
        (Method::OPTIONS, "/v1/me", "GET,HEAD"),
        (Method::POST, "/v1/sessions/current", "DELETE"),
    ] {
        let answer = harness.call(method, path).expect(405).await.problem("method-not-allowed");
        let mut methods: Vec<&str> = answer.header("allow").split(',').collect();
        methods.sort_unstable();
        assert_eq!(methods.join(","), allowed, "{path}");
    }
}

#[tokio::test]
async fn every_answer_forbids_guessing_its_type_and_keeping_it() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let calls = [
        harness.get("/v1/me"),
        harness.get("/nothing"),
        harness.get("/healthz"),
        harness.get("/metrics"),
        ann.get("/v1/me"),
        ann.get("/v1/sessions"),
        harness.refresh(&ann.refresh),
        ann.delete("/v1/sessions/current"),
    ];
    for call in calls {
        let answer = call.send().await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{answer:?}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{answer:?}");
        assert_eq!(answer.header("set-cookie"), "", "{answer:?}");
    }
}

#[tokio::test]
async fn a_full_hashing_queue_is_503_with_the_time_after_which_to_come_back() {
    let harness = Harness::with(|config| {
        config.passwords.threads = 1;
        config.passwords.queue = 1;
    })
    .await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..12 {
        // Each with a name of its own, so that no throttle is in the way.
        let body = json!({"login": format!("user{number}"), "password": PASSWORD});
        calls.spawn(harness.post("/v1/sessions").json(&body).send());
    }
    let answers = calls.join_all().await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 401);
    assert!(!served.is_empty() && !refused.is_empty(), "{} served", served.len());
    for answer in refused {
        assert_eq!(answer.status, 503);
        answer.problem("busy").retry_after();
    }
}

#[tokio::test]
async fn the_stated_media_type_and_size_of_a_body_are_held_to() {
    let harness = Harness::start().await;
    let body = json!({"login": "ann", "password": PASSWORD}).to_string();
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let answer = harness.post("/v1/users").text(media, &body).expect(415).await;
        answer.problem("unsupported-media-type");
    }
    let media = "application/json; charset=utf-8";
    harness.post("/v1/users").text(media, &body).expect(201).await;
    let large = json!({"login": "b", "password": "x".repeat(70_000)});
    harness.post("/v1/users").json(&large).expect(413).await.problem("body-too-large");
    let long = format!("/v1/me?x={}", "y".repeat(5000));
    harness.get(&long).expect(414).await.problem("uri-too-long");
}
