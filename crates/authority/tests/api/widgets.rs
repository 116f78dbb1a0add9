//! The scripts for other people's apps.

use axum::http::Method;
use serde_json::json;

use super::harness::Harness;

const SCRIPTS: [&str; 5] = ["session.js", "devices.js", "authority.js", "look.js", "words.js"];

#[tokio::test]
async fn a_page_of_any_origin_may_run_the_scripts() {
    let harness = Harness::start().await;
    for name in SCRIPTS {
        let answer = harness.get(&format!("/widgets/{name}")).header("origin", "https://app.example").expect(200).await;
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
    }
    harness.get("/widgets/other.js").expect(404).await.problem("not-found");
    harness.get("/widgets/..%2Fsession.js").expect(404).await.problem("not-found");
}

#[tokio::test]
async fn a_script_that_has_not_changed_is_not_sent_again() {
    let harness = Harness::start().await;
    let mut tags = Vec::new();
    for name in SCRIPTS {
        let path = format!("/widgets/{name}");
        let tag = harness.get(&path).expect(200).await.header("etag").to_owned();
        let answer = harness.get(&path).header("if-none-match", &tag).expect(304).await;
        assert_eq!((answer.header("etag"), answer.header("access-control-allow-origin")), (tag.as_str(), "*"));
        harness.get(&path).header("if-none-match", "\"other\"").expect(200).await;
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), SCRIPTS.len());
}

#[tokio::test]
async fn a_listed_origin_may_call_whatever_the_widgets_call() {
    const APP: &str = "https://app.example";
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let new = json!({"client_id": "web", "kind": "browser", "origins": [APP]});
    root.post("/v1/admin/clients").json(&new).expect(201).await;
    let calls = [
        ("POST", "/v1/sessions"),
        ("GET", "/v1/sessions?limit=50&after=x"),
        ("GET", "/v1/sessions/changes"),
        ("POST", "/v1/sessions/refresh"),
        ("DELETE", "/v1/sessions/current?wait=enforced"),
        ("DELETE", "/v1/sessions/ses_00000000000000000000000000?wait=enforced"),
        ("PATCH", "/v1/sessions/ses_00000000000000000000000000"),
        ("POST", "/v1/sessions/end-others?wait=enforced"),
        ("POST", "/v1/sessions/end-all?wait=enforced"),
        ("POST", "/v1/reauthenticate"),
    ];
    for (method, path) in calls {
        let asks = harness.call(Method::OPTIONS, path).header("origin", APP);
        let asks = asks.header("access-control-request-method", method);
        let answer = asks.header("access-control-request-headers", "authorization,content-type").expect(204).await;
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{path}");
        let methods = answer.header("access-control-allow-methods").to_owned();
        assert!(methods.split(", ").any(|allowed| allowed == method), "{method} {path}: {methods}");
        let headers = answer.header("access-control-allow-headers");
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{path}: {headers}");
    }
}
