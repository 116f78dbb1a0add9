//! The scripts for other people's apps.

use std::io::Read as _;

use axum::http::Method;
use flate2::read::GzDecoder;
use serde_json::json;

use super::harness::Harness;

const ENTRIES: [&str; 2] = ["session.js", "devices.js"];

/// The paths of all scripts: those that apps name, and whatever is imported from there.
async fn scripts(harness: &Harness) -> Vec<String> {
    let mut paths = ENTRIES.map(|name| format!("/widgets/{name}")).to_vec();
    let mut seen = 0;
    while let Some(path) = paths.get(seen) {
        let text = harness.get(path).expect(200).await.text();
        let folder = path.rsplit_once('/').unwrap().0;
        let imported = text.split("\"./").skip(1).map(|rest| format!("{folder}/{}", rest.split('"').next().unwrap()));
        for found in imported.collect::<Vec<_>>() {
            if !paths.contains(&found) {
                paths.push(found);
            }
        }
        seen += 1;
    }
    paths
}

#[tokio::test]
async fn a_page_of_any_origin_may_run_the_scripts() {
    let harness = Harness::start().await;
    let paths = scripts(&harness).await;
    assert_eq!(paths.len(), 8, "{paths:?}");
    for path in paths {
        let answer = harness.get(&path).header("origin", "https://app.example").expect(200).await;
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    for path in ["other.js", "authority.js", "..%2Fsession.js", "x/session.js", "x/other.js"] {
        harness.get(&format!("/widgets/{path}")).expect(404).await.problem("not-found");
    }
}

#[tokio::test]
async fn what_apps_name_is_asked_for_again_and_what_that_imports_is_kept() {
    let harness = Harness::start().await;
    let mut tags = Vec::new();
    for path in scripts(&harness).await {
        let entry = ENTRIES.iter().any(|name| path == format!("/widgets/{name}"));
        let keep = if entry { "no-cache" } else { "public, max-age=31536000, immutable" };
        for coding in ["identity", "gzip"] {
            let get = || harness.get(&path).header("accept-encoding", coding);
            let answer = get().expect(200).await;
            assert_eq!((answer.header("cache-control"), answer.header("vary")), (keep, "accept-encoding"), "{path}");
            let tag = answer.header("etag").to_owned();
            let answer = get().header("if-none-match", &tag).expect(304).await;
            assert_eq!((answer.header("etag"), answer.header("access-control-allow-origin")), (tag.as_str(), "*"));
            assert_eq!(answer.header("cache-control"), keep);
            get().header("if-none-match", "\"other\"").expect(200).await;
            tags.push(tag);
        }
    }
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count, "each form of each script has its own");
}

#[tokio::test]
async fn scripts_are_packed_for_whoever_takes_that() {
    let harness = Harness::start().await;
    for path in scripts(&harness).await {
        let plain = harness.get(&path).expect(200).await;
        assert_eq!(plain.header("content-encoding"), "");
        let packed = harness.get(&path).header("accept-encoding", "gzip, deflate, br").expect(200).await;
        assert_eq!(packed.header("content-encoding"), "gzip");
        assert!(packed.body.len() < plain.body.len(), "{path}");
        let mut text = String::new();
        GzDecoder::new(packed.body.as_ref()).read_to_string(&mut text).expect("gzip");
        assert_eq!(text, plain.text());
    }
}

#[tokio::test]
async fn pages_of_another_release_get_what_they_load_late_and_nothing_else() {
    let harness = Harness::start().await;
    let paths = scripts(&harness).await;
    for path in paths.iter().filter(|path| path.matches('/').count() == 3) {
        let name = path.rsplit_once('/').unwrap().1;
        let former = format!("/widgets/0123456789/{name}");
        if ["authority.js", "look.js", "words.js"].contains(&name) {
            harness.get(&former).expect(404).await.problem("not-found");
            continue;
        }
        let answer = harness.get(&former).header("origin", "https://app.example").expect(307).await;
        assert_eq!(format!("/widgets/{}", answer.header("location").strip_prefix("../").unwrap()), *path);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
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
