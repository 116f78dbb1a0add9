//! Scripts of other origins.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use super::call::{Answer, Call};
use super::harness::{Administrator, Harness};

const APP: &str = "https://app.example";

async fn add(root: &Administrator<'_>, origin: &str) {
    let new = json!({"client_id": "web", "kind": "browser", "origins": [origin]});
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
    let answer = preflight(&harness, "/v1/sessions/current", APP).expect(204).await;
    assert_eq!(answer.header("access-control-allow-origin"), APP);
    assert!(answer.header("access-control-allow-methods").contains("DELETE"));
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert!(answer.header("access-control-max-age").parse::<u64>().unwrap() <= 10);
    assert_eq!((answer.header("vary"), answer.header("access-control-allow-credentials")), ("Origin", ""));
    for call in
        [root.get("/v1/me"), harness.get("/v1/me"), harness.post("/oauth/token"), harness.get("/.well-known/jwks.json")]
    {
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
    for path in ["/setup", "/metrics", "/docs", "/healthz"] {
        withheld(&harness.get(path).header("origin", APP).expect(200).await);
        preflight(&harness, path, APP).expect(405).await;
    }
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
