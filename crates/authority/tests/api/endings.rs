//! Logging out, in all its forms.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use super::call::Call;
use super::harness::{Administrator, Device, Harness, PASSWORD, text};
use super::operations::protected;

#[tokio::test]
async fn a3_ending_one_session_leaves_every_other_untouched() {
    let harness = Harness::start().await;
    let mut bob = harness.newcomer("bob").await;
    let (phone, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    phone.delete("/v1/sessions/current").expect(204).await;
    phone.assert_dead().await;
    laptop.assert_alive().await;
    bob.assert_alive().await;
    assert_eq!(laptop.sessions().await, [laptop.session.clone()]);
}

#[tokio::test]
async fn a4_ending_an_own_session_that_has_ended_succeeds_and_writes_nothing() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let target = format!("/v1/sessions/{}", phone.session);
    laptop.delete(&target).expect(204).await;
    let (log, events) = (root.revocations().await.len(), root.events("session_ended").await.len());
    laptop.delete(&target).expect(204).await;
    phone.delete("/v1/sessions/current").expect(204).await;
    phone.delete("/v1/sessions/current").expect(204).await;
    assert_eq!(root.revocations().await.len(), log);
    assert_eq!(root.events("session_ended").await.len(), events);
}

#[tokio::test]
async fn a5_anothers_session_and_one_that_never_was_give_the_identical_404_and_are_audited() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let (ann, bob) = (harness.newcomer("ann").await, harness.newcomer("bob").await);
    let never = format!("ses_{}", "0".repeat(26));
    let mut answers = Vec::new();
    for id in [bob.session.as_str(), &never, "ses_x", "x", "..", "%2e%2e%2f"] {
        let answer = ann.delete(&format!("/v1/sessions/{id}")).expect(404).await.problem("not-found");
        answers.push((answer.status, without_date(answer.headers), answer.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the same bytes");
    for id in [&bob.session, &never] {
        let change = json!({"device_name": "mine now"});
        let answer = ann.patch(&format!("/v1/sessions/{id}")).json(&change).expect(404).await.problem("not-found");
        assert_eq!(answer.body, answers[0].2);
    }
    bob.get("/v1/me").expect(200).await;
    let refused = root.events("session_end_refused").await;
    let audited: Vec<&str> = refused.iter().filter_map(|event| event["detail"].as_str()).collect();
    let malformed = ["no session's id"; 4];
    assert_eq!(audited, [&[bob.session.as_str(), &never][..], &malformed].concat());
}

fn without_date(mut headers: axum::http::HeaderMap) -> axum::http::HeaderMap {
    headers.remove("date");
    headers
}

#[tokio::test]
async fn a6_ending_another_session_needs_a_fresh_authentication_and_the_own_one_needs_nothing() {
    let harness = Harness::start().await;
    let (phone, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    harness.pass(Duration::from_mins(6));
    let target = format!("/v1/sessions/{}", phone.session);
    laptop.delete(&target).expect(401).await.problem("insufficient-user-authentication");
    phone.get("/v1/me").expect(200).await;
    let wrong = json!({"password": "not the one that it is"});
    laptop.post("/v1/reauthenticate").json(&wrong).expect(403).await;
    laptop.delete(&target).expect(401).await.problem("insufficient-user-authentication");
    harness.post("/v1/sessions").json(&json!({"login": "ann", "password": PASSWORD})).expect(201).await;
    laptop.authenticate_again().await;
    laptop.delete(&target).expect(204).await;
    phone.assert_dead().await;
    harness.pass(Duration::from_mins(6));
    laptop.delete(&format!("/v1/sessions/{}", laptop.session)).expect(204).await;
    laptop.assert_dead().await;
}

#[tokio::test]
async fn a7_after_ending_the_others_this_device_goes_on_with_the_tokens_that_it_has() {
    let harness = Harness::start().await;
    let (phone, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let answer = laptop.post("/v1/sessions/end-others").expect(200).await.json();
    let scope = &answer["revocation"]["scope"];
    assert_eq!((&scope["type"], &scope["except"]), (&json!("user"), &json!(laptop.session)));
    phone.assert_dead().await;
    laptop.get("/v1/me").expect(200).await;
    laptop.assert_alive().await;
    assert_eq!(laptop.sessions().await, [laptop.session.clone()]);
}

#[tokio::test]
async fn a8_signing_out_of_all_devices_ends_this_one_too() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    harness.pass(Duration::from_mins(6));
    let body = json!({"password": PASSWORD});
    let answer = laptop.post("/v1/sessions/end-all").json(&body).expect(200).await.json();
    assert_eq!(answer["revocation"]["reason"], "signed out of all devices");
    phone.assert_dead().await;
    laptop.assert_dead().await;
    let mut again = harness.sign_in("ann").await;
    again.assert_alive().await;
}

#[tokio::test]
async fn a9_a10_a_remembered_device_is_listed_ends_like_any_other_and_is_left_alone_otherwise() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let remembered = json!({"login": "ann", "password": PASSWORD, "remember": true});
    let (mut tablet, phone) = (harness.sign_in_with(remembered.clone()).await, harness.sign_in_with(remembered).await);
    let list = ann.get("/v1/sessions").expect(200).await.json();
    let flags: Vec<_> = list["sessions"].as_array().unwrap().iter().map(|session| &session["remembered"]).collect();
    assert_eq!(flags, [true, true, false]);
    phone.delete("/v1/sessions/current").expect(204).await;
    phone.assert_dead().await;
    tablet.assert_alive().await;
    harness.pass(Duration::from_hours(48));
    ann.get("/v1/me").expect(401).await;
    tablet.assert_alive().await;
    tablet.delete(&format!("/v1/sessions/{}", tablet.session)).expect(204).await;
    tablet.assert_dead().await;
}

#[tokio::test]
async fn a11_logging_out_with_an_expired_token_still_ends_the_session() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    harness.clock.sign_in_the_past(Duration::from_hours(2));
    let ann = harness.sign_in("ann").await;
    harness.clock.sign_in_the_past(Duration::ZERO);
    ann.get("/v1/me").expect(401).await.problem("invalid-token");
    ann.delete("/v1/sessions/current").expect(204).await;
    harness.refresh(&ann.refresh).expect(401).await.problem("refresh-refused");
}

#[tokio::test]
async fn a11_logging_out_with_a_forged_or_foreign_token_is_refused_and_ends_nothing() {
    let (harness, other) = (Harness::start().await, Harness::start().await);
    let (mut ann, stranger) = (harness.newcomer("ann").await, other.newcomer("ann").await);
    let mut forged = ann.access.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    for token in [forged.as_str(), &stranger.access, &ann.refresh, "", "x"] {
        let call = harness.call(Method::DELETE, "/v1/sessions/current").bearer(token);
        call.expect(401).await.problem("invalid-token");
    }
    harness.call(Method::DELETE, "/v1/sessions/current").expect(401).await.problem("missing-token");
    ann.assert_alive().await;
}

#[tokio::test]
async fn a12_g2_a_revocation_that_cannot_be_written_is_an_error_and_never_a_silent_success() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    std::fs::remove_file(harness.authority.sqlite.path()).expect("the database is gone");
    ann.delete("/v1/sessions/current").expect(503).await.problem("store-unavailable").retry_after();
    ann.post("/v1/sessions/end-all").expect(503).await.problem("store-unavailable").retry_after();
    harness.get("/readyz").expect(503).await.problem("not-ready");
    harness.get("/healthz").expect(200).await;
}

#[tokio::test]
async fn a15_every_ending_writes_exactly_one_event() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let end = async |device: &Device<'_>, call: Call| {
        let _ = device;
        let before = root.get("/v1/admin/events?limit=100").expect(200).await.json()["events"].clone();
        call.send().await;
        let after = root.get("/v1/admin/events?limit=100").expect(200).await.json()["events"].clone();
        let new = &after.as_array().unwrap()[before.as_array().unwrap().len()..];
        let ended: Vec<_> = new.iter().filter(|event| !event["revocation"].is_null()).cloned().collect();
        assert_eq!(ended.len(), 1, "{new:?}");
        ended[0]["kind"].as_str().unwrap().to_owned()
    };
    let ann = harness.newcomer("ann").await;
    assert_eq!(end(&ann, ann.delete("/v1/sessions/current")).await, "session_ended");
    let ann = harness.sign_in("ann").await;
    assert_eq!(end(&ann, ann.post("/v1/sessions/end-others")).await, "sessions_ended");
    let change = json!({"current_password": PASSWORD, "new_password": "another fine password"});
    assert_eq!(end(&ann, ann.put("/v1/me/password").json(&change)).await, "password_changed");
    assert_eq!(end(&ann, ann.post("/v1/me/lock")).await, "user_locked");
}

#[tokio::test]
async fn administrators_hear_who_is_missing_wherever_they_wait_and_others_how_many() {
    let harness = Harness::start().await;
    let mut root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let missing = async |device: &Device<'_>, target: &str| {
        let method = if target.ends_with("current") { Method::DELETE } else { Method::POST };
        let call = device.call(method, &format!("{target}?wait=enforced&timeout=60s"));
        call.expect(200).await.json()["enforcement"]["pending"].clone()
    };
    assert_eq!(missing(&ann, "/v1/sessions/end-others").await, 0);
    assert_eq!(missing(&ann, "/v1/sessions/current").await, 0);
    assert_eq!(missing(&root, "/v1/sessions/end-others").await, json!([]));
    assert_eq!(missing(&root, "/v1/sessions/current").await, json!([]), "although the session is over then");
    assert_eq!(missing(&root, "/v1/sessions/current").await, 0, "a token that is over is nobody's");
    harness.clock.sign_in_the_past(Duration::from_hours(2));
    let past = harness.sign_in("root").await;
    harness.clock.sign_in_the_past(Duration::ZERO);
    assert_eq!(missing(&past, "/v1/sessions/current").await, 0, "nor is one that has expired");
    root.0 = harness.sign_in("root").await;
    let ann = harness.sign_in("ann").await;
    let id = |me: &serde_json::Value| text(&me["user"]["id"]);
    let role = |role: &str| json!({"role": role});
    let target = format!("/v1/admin/users/{}", id(&ann.me().await.json()));
    root.patch(&target).json(&role("administrator")).expect(200).await;
    assert_eq!(missing(&ann, "/v1/sessions/end-others").await, json!([]));
    root.patch(&target).json(&role("user")).expect(200).await;
    assert_eq!(missing(&ann, "/v1/sessions/end-others").await, 0, "the store says who is one, not the token");
}

#[tokio::test]
async fn a17_all_but_this_one_asked_from_a_session_that_ended_is_refused() {
    let harness = Harness::start().await;
    let (phone, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    laptop.post("/v1/sessions/end-others").expect(200).await;
    phone.post("/v1/sessions/end-others").expect(401).await.problem("invalid-token");
    laptop.assert_alive().await;
    phone.assert_dead().await;
}

#[tokio::test]
async fn d1_a_sign_in_right_after_signing_out_everywhere_works_at_once() {
    let harness = Harness::start().await;
    let mut ann = harness.newcomer("ann").await;
    for _ in 0..5 {
        ann.post("/v1/sessions/end-all").expect(200).await;
        ann.assert_dead().await;
        ann = harness.sign_in("ann").await;
        ann.get("/v1/me").expect(200).await;
    }
    ann.assert_alive().await;
}

/// What a device, or an administrator, does to end the session of a device.
type Ending = (&'static str, fn(&Administrator<'_>, &Device<'_>, &str) -> Call);

const ENDINGS: [Ending; 11] = [
    ("sign out", |_, ann, _| ann.delete("/v1/sessions/current")),
    ("end by id", |_, ann, _| ann.delete(&format!("/v1/sessions/{}", ann.session))),
    ("end all", |_, ann, _| ann.post("/v1/sessions/end-all")),
    ("lock", |_, ann, _| ann.post("/v1/me/lock")),
    ("delete", |_, ann, _| ann.post("/v1/me/delete").json(&json!({"password": PASSWORD}))),
    ("end any", |root, ann, _| root.delete(&format!("/v1/admin/sessions/{}", ann.session))),
    ("end all of a user", |root, _, user| root.delete(&format!("/v1/admin/users/{user}/sessions"))),
    ("set the password", |root, _, user| {
        root.put(&format!("/v1/admin/users/{user}/password")).json(&json!({"password": PASSWORD}))
    }),
    ("lock a user", |root, _, user| root.post(&format!("/v1/admin/users/{user}/lock"))),
    ("delete a user", |root, _, user| root.delete(&format!("/v1/admin/users/{user}"))),
    ("revoke", |root, _, user| {
        let scope = json!({"type": "grant", "user": user, "client": "default"});
        root.post("/v1/admin/revocations").json(&json!({"scope": scope, "reason": "x"}))
    }),
];

#[tokio::test]
async fn a1_every_ending_answers_only_once_the_servers_own_verifier_refuses_what_it_covers() {
    let harness = Harness::beside(|_| {}, protected).await;
    let root = harness.administrator().await;
    for (number, (name, end)) in ENDINGS.into_iter().enumerate() {
        let ann = harness.newcomer(&format!("ann{number}")).await;
        let user = text(&ann.me().await.json()["user"]["id"]);
        ann.get("/protected").expect(204).await;
        assert!(end(&root, &ann, &user).send().await.status.is_success(), "{name}");
        // No store is asked here: had the answer come a moment too early, this would still be let in.
        assert_eq!(ann.get("/protected").send().await.status, 401, "{name}");
    }
}

#[tokio::test]
async fn a1_whatever_ends_something_by_the_way_answers_after_it_is_refused_too() {
    let harness = Harness::beside(|config| config.sessions.limit = 1, protected).await;
    let first = harness.newcomer("ann").await;
    let second = harness.sign_in("ann").await;
    first.get("/protected").expect(401).await;
    let next = Device::new(&harness, &harness.refresh(&second.refresh).expect(200).await.json());
    next.get("/protected").expect(204).await;
    harness.pass(Duration::from_mins(1));
    harness.refresh(&second.refresh).expect(401).await.problem("refresh-refused");
    next.get("/protected").expect(401).await;
}

#[tokio::test]
async fn b1_a_change_of_password_answers_after_the_other_devices_are_refused() {
    let harness = Harness::beside(|_| {}, protected).await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let change = json!({"current_password": PASSWORD, "new_password": "another fine password"});
    laptop.put("/v1/me/password").json(&change).expect(200).await;
    phone.get("/protected").expect(401).await;
    laptop.get("/protected").expect(204).await;
    let third = harness.sign_in_with(json!({"login": "ann", "password": "another fine password"})).await;
    laptop.post("/v1/sessions/end-others").expect(200).await;
    third.get("/protected").expect(401).await;
    laptop.get("/protected").expect(204).await;
}
