//! The description of the API and the page made from it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::harness::Harness;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// What other programs rely on.
const PROMISED: &[(&str, &str)] = &[
    ("POST", "/v1/users"),
    ("GET", "/v1/me"),
    ("GET", "/v1/me/events"),
    ("PUT", "/v1/me/password"),
    ("POST", "/v1/me/lock"),
    ("POST", "/v1/me/delete"),
    ("POST", "/v1/reauthenticate"),
    ("POST", "/v1/sessions"),
    ("GET", "/v1/sessions"),
    ("GET", "/v1/sessions/changes"),
    ("POST", "/v1/sessions/refresh"),
    ("PATCH", "/v1/sessions/{id}"),
    ("DELETE", "/v1/sessions/{id}"),
    ("DELETE", "/v1/sessions/current"),
    ("POST", "/v1/sessions/end-others"),
    ("POST", "/v1/sessions/end-all"),
    ("POST", "/oauth/token"),
    ("GET", "/v1/admin/users"),
    ("POST", "/v1/admin/users"),
    ("GET", "/v1/admin/users/{id}"),
    ("PATCH", "/v1/admin/users/{id}"),
    ("DELETE", "/v1/admin/users/{id}"),
    ("PUT", "/v1/admin/users/{id}/password"),
    ("GET", "/v1/admin/users/{id}/sessions"),
    ("DELETE", "/v1/admin/users/{id}/sessions"),
    ("POST", "/v1/admin/users/{id}/lock"),
    ("DELETE", "/v1/admin/users/{id}/lock"),
    ("GET", "/v1/admin/clients"),
    ("POST", "/v1/admin/clients"),
    ("GET", "/v1/admin/clients/{id}"),
    ("DELETE", "/v1/admin/clients/{id}"),
    ("GET", "/v1/admin/clients/{id}/sessions"),
    ("DELETE", "/v1/admin/clients/{id}/sessions"),
    ("DELETE", "/v1/admin/sessions/{id}"),
    ("GET", "/v1/admin/keys"),
    ("POST", "/v1/admin/keys/rotate"),
    ("POST", "/v1/admin/keys/{kid}/compromise"),
    ("POST", "/v1/admin/revocations"),
    ("GET", "/v1/admin/revocations"),
    ("GET", "/v1/admin/revocations/{position}"),
    ("GET", "/v1/admin/revocations/preview"),
    ("GET", "/v1/admin/events"),
    ("GET", "/v1/admin/verifiers"),
    ("GET", "/v1/admin/changes"),
    ("GET", "/v1/admin/history"),
    ("DELETE", "/v1/admin/verifiers/{id}"),
    ("GET", "/v1/feed"),
    ("POST", "/v1/setup"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/problems/{slug}"),
    ("GET", "/widgets/{name}"),
    ("GET", "/widgets/{release}/{name}"),
];

async fn document(harness: &Harness) -> Value {
    harness.get("/openapi.json").expect(200).await.json()
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

#[tokio::test]
async fn every_routed_path_is_described_and_every_described_path_is_routed() {
    let harness = Harness::start().await;
    let document = document(&harness).await;
    let described: BTreeSet<_> = operations(&document).map(|(method, path, _)| (method, path)).collect();
    let promised: BTreeSet<_> = PROMISED.iter().map(|(method, path)| ((*method).to_owned(), *path)).collect();
    assert_eq!(described, promised);
    for (method, path) in described {
        let answer = harness.call(method.parse().unwrap(), &path.replace(['{', '}'], "")).send().await;
        let unrouted = answer.status == 405 || answer.text().contains("\"/problems/no-such-path\"");
        assert!(!unrouted, "{method} {path}: {answer:?}");
    }
    // A path is routed with its description or not at all: nothing here routes by hand, but for the pages, which are
    // for people.
    let api = sources().into_iter().filter(|(name, _)| !name.contains("src/http/pages/"));
    let by_hand = api.filter(|(_, text)| text.contains("    .route(") || text.contains(".nest"));
    assert_eq!(by_hand.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<String>::new());
}

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http"), &mut found);
    assert!(found.len() > 30);
    found
}

#[tokio::test]
async fn every_operation_takes_in_its_query_what_is_described_and_nothing_else() {
    let harness = Harness::start().await;
    let document = document(&harness).await;
    let root = harness.administrator().await;
    let log = root.revocations().await.len();
    let own = operations(&document).filter(|(_, path, _)| path.starts_with("/v1/"));
    let mut refused = 0;
    for (method, path, operation) in own {
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        let waits = parameters.any(|parameter| parameter["name"] == "wait");
        let mut wrong = vec!["x=1", "Wait=enforced", "wait=enforced&x=1", "timeout=5s"];
        wrong.extend(if waits { ["wait=soon", "wait=enforced&timeout=1h"].as_slice() } else { &["wait=enforced"] });
        for query in wrong {
            let target = format!("{}?{query}", path.replace(['{', '}'], ""));
            // What is not refused may be a stream, which does not end.
            let answer = tokio::time::timeout(PATIENCE, root.call(method.parse().unwrap(), &target).send()).await;
            let answer = answer.unwrap_or_else(|_| panic!("{method} {target} is not refused"));
            let detail = answer.json()["detail"].to_string();
            let said = ["query", "`wait` takes", "`timeout` is"].iter().any(|said| detail.contains(said));
            assert!(answer.status == 400 && said, "{method} {target}: {answer:?}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused}");
    assert_eq!(root.revocations().await.len(), log, "nothing was done");
    root.get("/v1/me?").expect(200).await;
    harness.get("/healthz?x=1").expect(200).await;
    harness.get("/.well-known/jwks.json?x=1").expect(200).await;
}

#[tokio::test]
async fn the_description_is_whole() {
    let harness = Harness::start().await;
    let document = document(&harness).await;
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    for (method, path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("500") && responses.contains_key("503"), "{method} {path}");
        let signed_in = operation["security"] == serde_json::json!([{"bearer": []}]);
        assert_eq!(signed_in, (path.starts_with("/v1/admin") || responses.contains_key("403") && signed_in), "{path}");
        let in_path = path.matches('{').count();
        let named = operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "path").count();
        assert_eq!(named, in_path, "{method} {path}");
    }
}

#[tokio::test]
async fn bodies_in_the_description_allow_no_unknown_members() {
    let harness = Harness::start().await;
    let document = document(&harness).await;
    for (method, path, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let found = schema.to_string();
        let Some(name) = found.split("#/components/schemas/").nth(1) else { continue };
        let name = name.split('"').next().unwrap();
        let shape = &document["components"]["schemas"][name];
        assert_eq!(shape["additionalProperties"], false, "{method} {path}: {name}");
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_problem_and_fetches_nothing() {
    let harness = Harness::start().await;
    let document = document(&harness).await;
    let answer = harness.get("/docs").expect(200).await;
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let policy = answer.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let page = answer.text();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.contains(&format!("id=\"{id}\"")), "{method} {path}");
        assert!(page.contains(&format!("</span> {path}</code>")), "{method} {path}");
    }
    for outside in ["<script", "<link", "<img", "<iframe", " src=", "url(", "@import", "//cdn", "http-equiv"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let links = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for link in links {
        assert!(link == "/openapi.json" || link.starts_with('#'), "{link}");
        if let Some(anchor) = link.strip_prefix('#') {
            assert!(page.contains(&format!("id=\"{anchor}\"")), "{link}");
        }
    }
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_explanation() {
    let harness = Harness::start().await;
    let kind = harness.get("/v1/me").expect(401).await.json()["type"].as_str().unwrap().to_owned();
    let answer = harness.get(&kind).expect(303).await;
    let anchor = answer.header("location").strip_prefix("/docs#").unwrap().to_owned();
    assert!(harness.get("/docs").expect(200).await.text().contains(&format!("id=\"{anchor}\"")));
    harness.get("/problems/nothing").expect(404).await.problem("not-found");
}

#[tokio::test]
async fn the_slugs_of_problems_are_stable() {
    let harness = Harness::start().await;
    let page = harness.get("/docs").expect(200).await.text();
    let slugs: Vec<_> = page.split("id=\"problem-").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let stable = [
        "invalid-request",
        "weak-password",
        "missing-token",
        "invalid-token",
        "insufficient-user-authentication",
        "invalid-credentials",
        "refresh-refused",
        "wrong-password",
        "forbidden",
        "insufficient-scope",
        "set-up-refused",
        "sign-up-off",
        "account-locked",
        "origin-refused",
        "not-found",
        "no-such-path",
        "https-required",
        "foreign-form",
        "form-expired",
        "cookies-needed",
        "doubled-cookie",
        "method-not-allowed",
        "request-too-slow",
        "login-taken",
        "external-id-taken",
        "client-taken",
        "last-administrator",
        "too-many-sessions",
        "signed-out-meanwhile",
        "session-ended",
        "not-in-log",
        "body-too-large",
        "uri-too-long",
        "head-too-large",
        "unsupported-media-type",
        "idempotency-key-reused",
        "upgrade-required",
        "throttled",
        "busy",
        "too-many-streams",
        "cannot-tell",
        "store-unavailable",
        "unconfirmed",
        "timed-out",
        "not-ready",
        "internal",
    ];
    assert_eq!(slugs, stable);
}
