//! Scripts of other origins.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use super::call::{Answer, Call};
use super::harness::{Administrator, Harness, PASSWORD};

const APP: &str = "https://app.example";

async fn add(root: &Administrator<'_>, origin: &str) {
    add_client(root, "web", &[origin]).await;
}

async fn add_client(root: &Administrator<'_>, id: &str, origins: &[&str]) {
    let new = json!({"client_id": id, "kind": "browser", "origins": origins});
    root.post("/v1/admin/clients").json(&new).expect(201).await;
}

fn preflight(harness: &Harness, path: &str, origin: &str) -> Call {
    let call = harness.call(Method::OPTIONS, path).header("origin", origin);
    call.header("access-control-request-method", "DELETE").header("access-control-request-headers", "authorization")
}

#[track_caller]
fn withheld(answer: &Answer) {
    let allowed = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(allowed.count(), 0, "{answer:?}");
}

#[tokio::test]
async fn without_a_listed_origin_no_script_may_read_anything() {
    let harness = Harness::start().await;
    for origin in [APP, "null", "http://127.0.0.1:7080", "*", ""] {
        let answer = preflight(&harness, "/v1/me", origin).expect(403).await.problem("origin-refused");
        withheld(&answer);
        let answer = harness.get("/v1/me").header("origin", origin).expect(401).await;
        withheld(&answer);
        assert_eq!(answer.header("vary"), "Origin");
    }
    assert_eq!(harness.get("/v1/me").expect(401).await.header("vary"), "Origin");
}

#[tokio::test]
async fn a_listed_origin_is_allowed_exactly_and_never_with_credentials() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    add(&root, APP).await;
    let device = harness.sign_in_with(json!({"login": "root", "password": PASSWORD, "client_id": "web"})).await;
    let answer = preflight(&harness, "/v1/sessions/current", APP).expect(204).await;
    assert_eq!(answer.header("access-control-allow-origin"), APP);
    assert!(answer.header("access-control-allow-methods").contains("DELETE"));
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert!(answer.header("access-control-max-age").parse::<u64>().unwrap() <= 10);
    assert_eq!((answer.header("vary"), answer.header("access-control-allow-credentials")), ("Origin", ""));
    for call in [
        device.get("/v1/me"),
        harness.get("/v1/me"),
        harness.post("/oauth/token"),
        harness.get("/.well-known/jwks.json"),
    ] {
        let answer = call.header("origin", APP).send().await;
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{answer:?}");
        assert_eq!((answer.header("vary"), answer.header("access-control-allow-credentials")), ("Origin", ""));
        assert!(answer.header("access-control-expose-headers").contains("www-authenticate"));
    }
    for other in
        ["https://app.example.evil.example", "http://app.example", "https://APP.example", "https://app.example/"]
    {
        withheld(&preflight(&harness, "/v1/me", other).expect(403).await);
        withheld(&root.get("/v1/me").header("origin", other).expect(200).await);
    }
    for path in ["/sign-in", "/metrics", "/docs", "/healthz"] {
        withheld(&harness.get(path).header("origin", APP).expect(200).await);
        preflight(&harness, path, APP).expect(405).await;
    }
}

#[tokio::test]
async fn our_own_origin_needs_no_leave_although_a_client_lists_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let own = harness.authority.world.policy.issuer.clone();
    add(&root, &own).await;
    let body = json!({"login": "root", "password": PASSWORD});
    let answer = harness.post("/v1/sessions").json(&body).header("origin", &own).expect(201).await;
    withheld(&answer);
}

#[tokio::test]
async fn a_removed_origin_stops_working_within_seconds() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    preflight(&harness, "/v1/me", APP).expect(403).await;
    add(&root, APP).await;
    harness.pass(Duration::from_secs(2));
    preflight(&harness, "/v1/me", APP).expect(204).await;
    root.delete("/v1/admin/clients/web").expect(200).await;
    harness.pass(Duration::from_secs(2));
    preflight(&harness, "/v1/me", APP).expect(403).await.problem("origin-refused");
    withheld(&harness.get("/v1/me").header("origin", APP).expect(401).await);
}

/// Asserts that a script is refused what it asks for, and may not even read that.
async fn refused(call: Call) {
    let answer = call.header("origin", APP).expect(403).await.problem("origin-refused");
    withheld(&answer);
}

async fn readable(call: Call, status: u16) -> Answer {
    let answer = call.header("origin", APP).expect(status).await;
    assert_eq!(answer.header("access-control-allow-origin"), APP, "{answer:?}");
    answer
}

#[tokio::test]
async fn an_origin_signs_people_in_with_the_clients_that_list_it_alone() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    add(&root, APP).await;
    add_client(&root, "both", &["https://other.example", APP]).await;
    add_client(&root, "other", &["https://other.example"]).await;
    let ann = harness.newcomer("ann").await;
    let with = |client: Option<&str>| {
        harness.post("/v1/sessions").json(&json!({"login": "ann", "password": PASSWORD, "client_id": client}))
    };
    for client in [None, Some("default"), Some("other"), Some("nobody")] {
        refused(with(client)).await;
    }
    assert_eq!(ann.sessions().await.len(), 1);
    for client in ["web", "both"] {
        readable(with(Some(client)), 201).await;
    }
    // Whoever sends no origin, or one that no client lists, is no script of another origin.
    with(None).expect(201).await;
    let own = with(None).header("origin", &format!("http://{}", harness.address)).expect(201).await;
    withheld(&own);
    // Where no client is known, any that is listed may read what is wrong.
    let wrong = json!({"login": "ann", "password": PASSWORD, "client_id": 5});
    readable(harness.post("/v1/sessions").json(&wrong), 400).await;
    readable(harness.post("/v1/users").json(&json!({"login": "bob", "password": PASSWORD})), 201).await;
}

#[tokio::test]
async fn an_origin_does_nothing_with_a_token_of_a_client_that_does_not_list_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    add(&root, APP).await;
    let ann = harness.newcomer("ann").await;
    refused(ann.get("/v1/sessions")).await;
    refused(ann.get("/v1/sessions/changes")).await;
    refused(root.get("/v1/admin/users")).await;
    let name = json!({"device_name": "Mine now"});
    refused(ann.patch(&format!("/v1/sessions/{}", ann.session)).json(&name)).await;
    let list = ann.get("/v1/sessions").expect(200).await.json();
    assert_ne!(list["sessions"][0]["name"], "Mine now");
    withheld(&ann.get("/v1/sessions").header("origin", "https://unlisted.example").expect(200).await);
    readable(harness.get("/v1/sessions").bearer("not.a.token"), 401).await;
    // A log-out is refused to nobody.
    withheld(&ann.delete("/v1/sessions/current").header("origin", APP).expect(204).await);
    ann.assert_dead().await;
}

#[tokio::test]
async fn an_origin_refreshes_nothing_of_a_client_that_does_not_list_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    add(&root, APP).await;
    let ann = harness.newcomer("ann").await;
    refused(harness.refresh(&ann.refresh)).await;
    let form = format!("grant_type=refresh_token&client_id=default&refresh_token={}", ann.refresh);
    withheld(&harness.post("/oauth/token").form(&form).header("origin", APP).expect(403).await);
    let web = harness.sign_in_with(json!({"login": "ann", "password": PASSWORD, "client_id": "web"})).await;
    let form = format!("grant_type=refresh_token&client_id=web&refresh_token={}", web.refresh);
    readable(harness.post("/oauth/token").form(&form), 200).await;
    readable(harness.refresh(&web.refresh), 200).await;
    readable(harness.refresh("not a token"), 401).await;
    // Nothing was used up, and what proves a copy does so wherever it comes from.
    let next = harness.refresh(&ann.refresh).expect(200).await.json();
    harness.pass(Duration::from_secs(11));
    readable(harness.refresh(&ann.refresh), 401).await;
    harness.refresh(next["refresh_token"].as_str().unwrap()).expect(401).await;
}
