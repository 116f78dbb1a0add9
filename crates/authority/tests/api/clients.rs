//! Clients, and tokens for those that act for themselves.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::harness::{Administrator, Harness, PASSWORD, text};

pub(crate) async fn add_service(root: &Administrator<'_>, id: &str, scopes: Value) -> String {
    let audiences = json!([{"name": "https://api.example"}]);
    let new = json!({"client_id": id, "kind": "service", "scopes": scopes, "audiences": audiences});
    let answer = root.post("/v1/admin/clients").json(&new).expect(201).await.json();
    assert_eq!((&answer["client"]["client_id"], &answer["client"]["confidential"]), (&json!(id), &json!(true)));
    text(&answer["client_secret"])
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes()))
}

fn token(harness: &Harness, form: &str) -> Call {
    harness.post("/oauth/token").form(form)
}

/// RFC 6749 §5.2.
#[track_caller]
fn refused(answer: &Answer, error: &str) {
    let body = answer.json();
    assert_eq!(body["error"], error, "{body}");
    assert!(body["error_description"].is_string());
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn a_service_gets_a_token_for_itself_by_basic_and_by_form() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let secret = add_service(&root, "back-end", json!(["rescind:admin", "read"])).await;
    let call = token(&harness, "grant_type=client_credentials");
    let answer = call.header("authorization", &basic("back-end", &secret)).expect(200).await;
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert_eq!((&body["scope"], &body["refresh_token"]), (&json!("rescind:admin read"), &Value::Null));
    let form = format!("grant_type=client_credentials&client_id=back-end&client_secret={secret}&scope=rescind:admin");
    let by_form = token(&harness, &form).expect(200).await.json();
    assert_eq!(by_form["scope"], "rescind:admin");
    for body in [body, by_form] {
        let access = text(&body["access_token"]);
        harness.get("/v1/admin/users").bearer(&access).expect(200).await;
        harness.get("/v1/me").bearer(&access).expect(403).await.problem("forbidden");
        harness.get("/v1/sessions").bearer(&access).expect(403).await.problem("forbidden");
    }
}

#[tokio::test]
async fn a_service_without_the_scope_is_no_administrator() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let secret = add_service(&root, "back-end", json!(["rescind:admin", "read"])).await;
    let form = format!("grant_type=client_credentials&client_id=back-end&client_secret={secret}&scope=read");
    let access = text(&token(&harness, &form).expect(200).await.json()["access_token"]);
    harness.get("/v1/admin/users").bearer(&access).expect(403).await.problem("forbidden");
}

#[tokio::test]
async fn the_token_endpoint_refuses_in_the_form_of_oauth() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let secret = add_service(&root, "back-end", json!(["read"])).await;
    let good = format!("client_id=back-end&client_secret={secret}");
    let cases = [
        (good.clone(), 400, "invalid_request"),
        (format!("grant_type=password&{good}"), 400, "unsupported_grant_type"),
        (format!("grant_type=client_credentials&grant_type=client_credentials&{good}"), 400, "invalid_request"),
        (format!("grant_type=client_credentials&scope=read&scope=read&{good}"), 400, "invalid_request"),
        (format!("grant_type=client_credentials&scope=write&{good}"), 400, "invalid_scope"),
        (format!("grant_type=client_credentials&resource=https://evil.example&{good}"), 400, "invalid_target"),
        ("grant_type=client_credentials".to_owned(), 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=back-end".to_owned(), 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=nobody&client_secret=x".to_owned(), 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=back-end&client_secret=x".to_owned(), 401, "invalid_client"),
        ("grant_type=client_credentials&client_secret=x".to_owned(), 400, "invalid_request"),
        ("grant_type=client_credentials&client_id=a%zzb".to_owned(), 400, "invalid_request"),
        ("grant_type=refresh_token&client_id=default".to_owned(), 400, "invalid_request"),
        ("grant_type=refresh_token&refresh_token=x".to_owned(), 400, "invalid_request"),
        ("grant_type=refresh_token&client_id=default&refresh_token=x".to_owned(), 400, "invalid_grant"),
        (
            "grant_type=refresh_token&client_id=default&client_secret=x&refresh_token=x".to_owned(),
            401,
            "invalid_client",
        ),
    ];
    for (form, status, error) in cases {
        let answer = token(&harness, &form).expect(status).await;
        refused(&answer, error);
        assert_eq!(answer.header("www-authenticate"), "", "{form}");
    }
    let json = harness.post("/oauth/token").json(&json!({"grant_type": "client_credentials"})).expect(415).await;
    refused(&json, "invalid_request");
}

#[tokio::test]
async fn who_authenticates_by_basic_is_challenged_by_basic() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let secret = add_service(&root, "back-end", json!([])).await;
    let call = |value: &str| token(&harness, "grant_type=client_credentials").header("authorization", value);
    for value in [&basic("back-end", "wrong"), &basic("nobody", &secret), "Basic !!!", "Bearer x"] {
        let answer = call(value).expect(401).await;
        refused(&answer, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="), "{value}");
    }
    let both = format!("grant_type=client_credentials&client_id=back-end&client_secret={secret}");
    let answer = token(&harness, &both).header("authorization", &basic("back-end", &secret)).expect(400).await;
    refused(&answer, "invalid_request");
}

#[tokio::test]
async fn a_service_asks_for_its_audiences_by_either_name() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let secret = add_service(&root, "back-end", json!([])).await;
    let ask = |more: &str| {
        let form = format!("grant_type=client_credentials&client_id=back-end&client_secret={secret}{more}");
        token(&harness, &form)
    };
    let issuer = harness.authority.world.policy.issuer.clone();
    let both = ask(&format!("&resource=https://api.example&resource={issuer}")).expect(200).await.json();
    harness.get("/v1/me").bearer(&text(&both["access_token"])).expect(403).await;
    let one = ask("&audience=https%3A%2F%2Fapi.example").expect(200).await.json();
    harness.get("/v1/me").bearer(&text(&one["access_token"])).expect(401).await.problem("invalid-token");
}

#[tokio::test]
async fn a14_everyone_spares_services_unless_they_are_named_too() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let secret = add_service(&root, "back-end", json!(["rescind:admin"])).await;
    let form = format!("grant_type=client_credentials&client_id=back-end&client_secret={secret}");
    let access = text(&token(&harness, &form).expect(200).await.json()["access_token"]);
    let revoke = |services: bool| {
        let scope = json!({"type": "everyone", "services": services});
        harness.post("/v1/admin/revocations").bearer(&access).json(&json!({"scope": scope, "reason": "drill"}))
    };
    revoke(false).expect(201).await;
    root.assert_dead().await;
    harness.get("/v1/admin/users").bearer(&access).expect(200).await;
    revoke(true).expect(201).await;
    harness.get("/v1/admin/users").bearer(&access).expect(401).await.problem("invalid-token");
}

#[tokio::test]
async fn a18_removing_and_adding_a_client_again_revives_nothing() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let secret = add_service(&root, "back-end", json!(["rescind:admin"])).await;
    let form = format!("grant_type=client_credentials&client_id=back-end&client_secret={secret}");
    let access = text(&token(&harness, &form).expect(200).await.json()["access_token"]);
    let new = json!({"client_id": "app", "kind": "native"});
    root.post("/v1/admin/clients").json(&new).expect(201).await;
    harness.sign_up("ann").await;
    let ann = harness.sign_in_with(json!({"login": "ann", "password": PASSWORD, "client_id": "app"})).await;
    for client in ["app", "back-end"] {
        root.delete(&format!("/v1/admin/clients/{client}")).expect(200).await;
        root.get(&format!("/v1/admin/clients/{client}")).expect(404).await.problem("not-found");
    }
    ann.assert_dead().await;
    harness.get("/v1/admin/users").bearer(&access).expect(401).await;
    refused(&token(&harness, &form).expect(401).await, "invalid_client");
    root.post("/v1/admin/clients").json(&new).expect(201).await;
    assert_ne!(add_service(&root, "back-end", json!(["rescind:admin"])).await, secret);
    ann.assert_dead().await;
    harness.get("/v1/admin/users").bearer(&access).expect(401).await;
    refused(&token(&harness, &form).expect(401).await, "invalid_client");
}

#[tokio::test]
async fn clients_are_listed_shown_and_checked() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let new = json!({
        "client_id": "web", "name": "The web", "kind": "browser", "origins": ["https://app.example"],
        "audiences": [{"name": "https://api.example", "algorithm": "ES256"}], "scopes": ["read"],
        "policy": {
            "session_limit": 3, "at_limit": "refuse", "idle_seconds": 600, "fresh_seconds": 60, "bind_address": true
        },
    });
    let added = root.post("/v1/admin/clients").json(&new).expect(201).await.json();
    assert_eq!(added["client_secret"], Value::Null);
    let shown = root.get("/v1/admin/clients/web").expect(200).await.json()["client"].clone();
    assert_eq!(shown, added["client"]);
    assert_eq!((&shown["policy"], &shown["origins"]), (&new["policy"], &new["origins"]));
    assert_eq!(shown["audiences"], json!(["https://api.example"]));
    assert_eq!(shown["algorithms"], json!({"https://api.example": "ES256"}));
    let list = root.get("/v1/admin/clients?limit=1").expect(200).await.json();
    assert_eq!(list["clients"][0]["client_id"], "default");
    let rest = format!("/v1/admin/clients?after={}", text(&list["next"]));
    assert_eq!(root.get(&rest).expect(200).await.json()["clients"], json!([shown]));
    root.post("/v1/admin/clients").json(&new).expect(409).await.problem("client-taken");
    for bad in [
        json!({"client_id": "usr_x", "kind": "native"}),
        json!({"client_id": "x", "kind": "toaster"}),
        json!({"client_id": "x", "kind": "browser", "confidential": true}),
        json!({"client_id": "x", "kind": "native", "origins": ["https://app.example/"]}),
        json!({"client_id": "x", "kind": "native", "origins": ["*"]}),
        json!({"client_id": "x", "kind": "native", "policy": {"session_limit": 0}}),
        json!({"client_id": "x", "kind": "native", "policy": {"idle": 5}}),
        json!({"client_id": "x", "kind": "native", "policy": {"at_limit": "end-newest"}}),
        json!({"client_id": "x", "kind": "native", "policy": {"fresh_seconds": 9}}),
        json!({"client_id": "x", "kind": "native", "policy": {"fresh_seconds": 86_401}}),
        json!({"client_id": "x", "kind": "native", "policy": {"session_seconds": 34_560_001}}),
        json!({"client_id": "x", "kind": "native", "policy": {"session_seconds": 59}}),
        json!({"client_id": "x", "kind": "native", "policy": {"idle_seconds": 59}}),
        json!({"client_id": "x", "kind": "native", "policy": [5]}),
        json!({"client_id": "x", "kind": "service", "scopes": ["rescind:nope"]}),
        json!({"client_id": "x", "kind": "service", "scopes": ["rescind:"]}),
        json!({"client_id": "x", "kind": "service", "origins": ["https://app.example"]}),
        json!({"client_id": "x", "kind": "native", "audiences": [["https://api.example"]]}),
        json!({"client_id": "x", "kind": "native", "audiences": [{"name": "https://api.example", "algorithm": "EdDSA"}]}),
    ] {
        root.post("/v1/admin/clients").json(&bad).expect(400).await.problem("invalid-request");
    }
    root.delete("/v1/admin/clients/default").expect(400).await.problem("invalid-request");
}

#[tokio::test]
async fn a15_wrong_secrets_of_a_client_are_one_event_a_minute_with_their_number() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    add_service(&root, "back-end", json!(["read"])).await;
    let guess =
        |client: &str| token(&harness, &format!("grant_type=client_credentials&client_id={client}&client_secret=x"));
    for _ in 0..3 {
        guess("back-end").expect(401).await;
        guess("nobody").expect(401).await;
    }
    let told = root.events("client_authentication_failed").await;
    assert_eq!(
        (told.len(), &told[0]["client_id"], &told[0]["detail"]),
        (1, &json!("back-end"), &Value::Null),
        "{told:?}"
    );
    harness.pass(Duration::from_mins(1));
    guess("back-end").expect(401).await;
    let told = root.events("client_authentication_failed").await;
    assert_eq!((told.len(), &told[1]["detail"]), (2, &json!("3 times since the last such event")), "{told:?}");
}
