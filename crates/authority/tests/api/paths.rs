//! Every path of the API, as its own description lists them: who is let in, and who is not.

use axum::http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::harness::{Device, Harness, PASSWORD};

/// An operation that needs an access token.
struct Operation {
    id: String,
    method: Method,
    path: String,
    takes_a_body: bool,
}

impl Operation {
    /// All of them, but for logging out, which an expired token may do (A11).
    async fn all(harness: &Harness) -> Vec<Self> {
        let document = harness.get("/openapi.json").expect(200).await.json();
        let mut all = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let bearer = json!([{"bearer": []}]);
                if operation["security"] != bearer || operation["operationId"] == "signOut" {
                    continue;
                }
                all.push(Self {
                    id: operation["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.clone(),
                    takes_a_body: operation["requestBody"].is_object(),
                });
            }
        }
        assert!(all.len() >= 34, "{}", all.len());
        all
    }

    /// A request that lacks nothing but, maybe, the right to make it.
    fn call(&self, harness: &Harness) -> Call {
        let user = format!("usr_{}", "0".repeat(26));
        let id = match self.path.as_str() {
            path if path.contains("/users/") => user.clone(),
            path if path.contains("/clients/") => "app".to_owned(),
            path if path.contains("/revocations/") => format!("{}.1", "0".repeat(16)),
            _ => format!("ses_{}", "0".repeat(26)),
        };
        let path = self.path.replace("{id}", &id).replace("{position}", &id).replace("{kid}", "key_x");
        let query = if self.id == "previewRevocation" { "?scope=everyone" } else { "" };
        let call = harness.call(self.method.clone(), &format!("{path}{query}"));
        if self.takes_a_body { call.json(&self.body(&user)) } else { call }
    }

    fn body(&self, user: &str) -> Value {
        match self.id.as_str() {
            "changePassword" => json!({"current_password": PASSWORD, "new_password": "another fine password"}),
            "deleteMe" | "reauthenticate" | "setPassword" => json!({"password": "another fine password"}),
            "createUser" => json!({"login": "eve", "password": PASSWORD}),
            "changeUser" => json!({"role": "administrator"}),
            "addClient" => json!({"client_id": "app", "kind": "native"}),
            "compromiseKey" => json!({"reason": "x"}),
            "revoke" => json!({"scope": {"type": "user", "user": user}, "reason": "x"}),
            _ => json!({}),
        }
    }
}

async fn assert_refused_everywhere(harness: &Harness, device: &Device<'_>) {
    for operation in Operation::all(harness).await {
        let answer = operation.call(harness).bearer(&device.access).expect(401).await;
        answer.problem("invalid-token").challenge("Bearer error=\"invalid_token\"");
    }
    harness.refresh(&device.refresh).expect(401).await.problem("refresh-refused");
    let form = format!("grant_type=refresh_token&client_id=default&refresh_token={}", device.refresh);
    let answer = harness.post("/oauth/token").form(&form).expect(400).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a1_a_session_that_was_ended_is_refused_by_every_path() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ended = harness.sign_in("root").await;
    ended.delete("/v1/sessions/current").expect(204).await;
    assert_refused_everywhere(&harness, &ended).await;
    let other = harness.sign_in("root").await;
    root.post("/v1/sessions/end-others").expect(200).await;
    assert_refused_everywhere(&harness, &other).await;
    root.post("/v1/sessions/end-all").expect(200).await;
    assert_refused_everywhere(&harness, &root).await;
}

#[tokio::test]
async fn a2_an_unknown_malformed_or_foreign_token_is_refused_like_a_revoked_one_by_every_path() {
    let (harness, elsewhere) = (Harness::start().await, Harness::start().await);
    let (ann, stranger) = (harness.newcomer("ann").await, elsewhere.newcomer("ann").await);
    ann.delete("/v1/sessions/current").expect(204).await;
    for operation in Operation::all(&harness).await {
        let revoked = operation.call(&harness).bearer(&ann.access).expect(401).await;
        for token in [&stranger.access, "x", "a.b.c"] {
            let answer = operation.call(&harness).bearer(token).expect(401).await;
            assert_eq!((&answer.body, answer.status), (&revoked.body, revoked.status), "{}", operation.id);
        }
        let none = operation.call(&harness).expect(401).await;
        none.problem("missing-token").challenge("Bearer");
    }
}

#[tokio::test]
async fn what_is_for_administrators_is_refused_to_everybody_else_and_changes_nothing() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let before = root.revocations().await.len();
    let all = Operation::all(&harness).await;
    let administration: Vec<_> = all.iter().filter(|operation| operation.path.starts_with("/v1/admin/")).collect();
    assert!(administration.len() >= 24, "{}", administration.len());
    for operation in administration {
        // An id that is none is not looked for at all, so nothing is told by that.
        if operation.id == "findRevocation" {
            continue;
        }
        operation.call(&harness).bearer(&ann.access).expect(403).await.problem("forbidden");
    }
    assert_eq!(root.revocations().await.len(), before);
    let users = root.get("/v1/admin/users").expect(200).await.json();
    let names: Vec<_> = users["users"].as_array().unwrap().iter().map(|user| (&user["login"], &user["role"])).collect();
    assert_eq!(names, [(&json!("ann"), &json!("user")), (&json!("root"), &json!("administrator"))]);
}

#[tokio::test]
async fn a_role_is_read_from_the_store_and_not_from_the_token() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let id = ann.me().await.json()["user"]["id"].clone();
    let target = format!("/v1/admin/users/{}", id.as_str().unwrap());
    ann.get("/v1/admin/users").expect(403).await;
    root.patch(&target).json(&json!({"role": "administrator"})).expect(200).await;
    ann.get("/v1/admin/users").expect(200).await;
    root.patch(&target).json(&json!({"role": "user"})).expect(200).await;
    ann.get("/v1/admin/users").expect(403).await;
    let own = root.me().await.json()["user"]["id"].clone();
    let last = root.patch(&format!("/v1/admin/users/{}", own.as_str().unwrap())).json(&json!({"role": "user"}));
    last.expect(409).await.problem("last-administrator");
}
