//! What other systems know accounts by, and the data that applications attach to them.

use serde_json::{Value, json};

use super::harness::{Administrator, Harness, PASSWORD, text};

impl Administrator<'_> {
    async fn add(&self, login: &str, more: Value) -> Value {
        let mut new = json!({"login": login, "password": PASSWORD});
        new.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        self.post("/v1/admin/users").json(&new).expect(201).await.json()["user"].clone()
    }

    async fn change(&self, user: &Value, change: Value) -> Value {
        self.patch(&target(user)).json(&change).expect(200).await.json()["user"].clone()
    }

    /// The details of all events of a kind about an account, oldest first.
    async fn details(&self, user: &Value, kind: &str) -> Vec<Value> {
        let of_user = |event: &Value| event["user_id"] == user["id"];
        self.events(kind).await.iter().filter(|event| of_user(event)).map(|event| event["detail"].clone()).collect()
    }
}

fn target(user: &Value) -> String {
    format!("/v1/admin/users/{}", text(&user["id"]))
}

/// Id and data.
fn data(user: &Value) -> (&Value, &Value) {
    (&user["external_id"], &user["metadata"])
}

#[tokio::test]
async fn an_account_is_made_with_an_external_id_and_metadata_and_shown_with_them_everywhere() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let (id, metadata) = ("crm|42 ß", json!({"plan": "pro", "seats": [1, 2.5, null]}));
    let made = root.add("ann", json!({"external_id": id, "metadata": metadata})).await;
    assert_eq!(data(&made), (&json!(id), &metadata));
    assert_eq!(data(&root.add("bob", json!({"metadata": null})).await), (&Value::Null, &Value::Null));
    assert_eq!(root.get(&target(&made)).expect(200).await.json()["user"], made);
    let listed = root.get("/v1/admin/users?query=ann").expect(200).await.json();
    assert_eq!(listed["users"], json!([made]));
    let found = root.get("/v1/admin/users?external_id=crm%7C42%20%C3%9F").expect(200).await.json();
    assert_eq!(found, json!({"users": [made]}));
    for other in ["crm", "crm%7C42%20%C3%9F%20", "CRM%7C42%20%C3%9F"] {
        let found = root.get(&format!("/v1/admin/users?external_id={other}")).expect(200).await.json();
        assert_eq!(found, json!({"users": []}), "{other}: it is found by exactly that id");
    }
    for both in ["external_id=x&query=a", "external_id=x&prefix=a", "prefix=a&query=a"] {
        root.get(&format!("/v1/admin/users?{both}")).expect(400).await.problem("invalid-request");
    }
    let ann = harness.sign_in("ann").await;
    assert_eq!(data(&ann.me().await.json()["user"]), (&json!(id), &metadata));
}

#[tokio::test]
async fn what_a_change_leaves_out_stays_null_goes_and_metadata_is_replaced_as_a_whole() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = root.add("ann", json!({"external_id": "1", "metadata": {"plan": "pro", "seats": 3}})).await;
    let changed = root.change(&ann, json!({"metadata": {"plan": "free"}})).await;
    assert_eq!(data(&changed), (&json!("1"), &json!({"plan": "free"})));
    assert_eq!(root.get(&target(&ann)).expect(200).await.json()["user"], changed);
    let changed = root.change(&ann, json!({"external_id": "2", "role": "administrator"})).await;
    assert_eq!((&changed["role"], data(&changed)), (&json!("administrator"), (&json!("2"), &json!({"plan": "free"}))));
    let changed = root.change(&ann, json!({"external_id": null, "metadata": null})).await;
    assert_eq!((&changed["role"], data(&changed)), (&json!("administrator"), (&Value::Null, &Value::Null)));
    assert_eq!(root.change(&ann, json!({})).await, changed);
    assert_eq!(root.get("/v1/admin/users?external_id=2").expect(200).await.json(), json!({"users": []}));
}

#[tokio::test]
async fn each_change_is_one_event_that_names_what_changed_and_never_what_it_was() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = root.add("ann", json!({"external_id": "1"})).await;
    for change in [
        json!({"external_id": "1"}),
        json!({"external_id": "2", "metadata": {"a": 1}}),
        json!({"metadata": {"a": 2}}),
        json!({"external_id": null, "role": "administrator"}),
        json!({"role": "administrator"}),
    ] {
        root.change(&ann, change).await;
    }
    assert_eq!(
        root.details(&ann, "user_changed").await,
        [json!("external_id, metadata"), json!("metadata"), json!("external_id")]
    );
    assert_eq!(root.details(&ann, "role_changed").await, [json!("administrator")]);
    let told = harness.sign_in("ann").await.get("/v1/me/events").expect(200).await.json();
    let kinds: Vec<_> = told["events"].as_array().unwrap().iter().map(|event| text(&event["kind"])).collect();
    assert_eq!(kinds, ["signed_in", "role_changed", "user_created"], "an application's data is no matter of safety");
}

#[tokio::test]
async fn an_external_id_belongs_to_one_account_until_that_gives_it_up_or_is_deleted() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = root.add("ann", json!({"external_id": "1"})).await;
    let bob = root.add("bob", json!({})).await;
    let new = json!({"login": "eve", "password": PASSWORD, "external_id": "1"});
    root.post("/v1/admin/users").json(&new).expect(409).await.problem("external-id-taken");
    let both = json!({"external_id": "1", "role": "administrator", "metadata": {}});
    let refused = root.patch(&target(&bob)).json(&both).expect(409).await.problem("external-id-taken");
    assert_eq!(refused.json()["field"], "external_id");
    assert_eq!(root.get(&target(&bob)).expect(200).await.json()["user"], bob, "all of it or nothing");
    root.change(&ann, json!({"external_id": "one"})).await;
    assert_eq!(root.change(&bob, json!({"external_id": "1"})).await["external_id"], "1");
    root.delete(&target(&bob)).expect(200).await;
    assert_eq!(root.add("eve", json!({"external_id": "1"})).await["external_id"], "1");
}

#[tokio::test]
async fn what_is_no_external_id_and_no_small_object_is_refused_and_changes_nothing() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = root.add("ann", json!({"external_id": "1", "metadata": {"a": 1}})).await;
    let (deep, long) = ("[".repeat(17) + &"]".repeat(17), "x".repeat(4096));
    let bad = [
        json!({"external_id": ""}).to_string(),
        json!({"external_id": "a\u{7}"}).to_string(),
        json!({"external_id": "x".repeat(256)}).to_string(),
        json!({"external_id": 1}).to_string(),
        json!({"metadata": []}).to_string(),
        json!({"metadata": "x"}).to_string(),
        json!({"metadata": {"a": long}}).to_string(),
        format!(r#"{{"metadata":{{"a":{deep}}}}}"#),
        r#"{"metadata":{"a":1,"a":2}}"#.to_owned(),
        json!({"role": null}).to_string(),
        json!({"login": "other"}).to_string(),
    ];
    for body in bad {
        let call = root.patch(&target(&ann)).text("application/json", &body);
        call.expect(400).await.problem("invalid-request");
        let rest = &body[1..];
        if body.contains("role") || body.contains("login") {
            continue;
        }
        let new = format!(r#"{{"login":"bob","password":"{PASSWORD}",{rest}"#);
        root.post("/v1/admin/users").text("application/json", &new).expect(400).await.problem("invalid-request");
    }
    assert_eq!(root.get(&target(&ann)).expect(200).await.json()["user"], ann);
    let most = json!({"external_id": "ß".repeat(255), "metadata": {"a": "x".repeat(4088)}});
    assert_eq!(root.change(&ann, most.clone()).await["metadata"], most["metadata"]);
}

#[tokio::test]
async fn only_administrators_change_accounts_and_a_repeated_request_makes_one_with_its_data() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let user = ann.me().await.json()["user"].clone();
    // Whoever may not is told so, whatever it is that they ask for.
    for change in [json!({"external_id": "1"}), json!({"external_id": ""})] {
        ann.patch(&target(&user)).json(&change).expect(403).await.problem("forbidden");
    }
    let new = json!({"login": "bob", "password": PASSWORD, "external_id": "2", "metadata": {"a": 1}});
    let make = || root.post("/v1/admin/users").header("idempotency-key", "once").json(&new);
    let first = make().expect(201).await.json();
    assert_eq!(data(&first["user"]), (&json!("2"), &json!({"a": 1})));
    assert_eq!(make().expect(201).await.json(), first);
}

#[tokio::test]
async fn an_account_is_named_by_its_id_or_its_login_name_whatever_an_administrator_does_to_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let made = root.add("ann", json!({})).await;
    for name in [text(&made["id"]), "ann".to_owned()] {
        let target = format!("/v1/admin/users/{name}");
        assert_eq!(root.get(&target).expect(200).await.json()["user"], made);
        root.get(&format!("{target}/sessions")).expect(200).await;
        root.patch(&target).json(&json!({"role": "user"})).expect(200).await;
        root.put(&format!("{target}/password")).json(&json!({"password": "another fine password"})).expect(200).await;
        root.delete(&format!("{target}/sessions")).expect(200).await;
        root.post(&format!("{target}/lock")).expect(200).await;
        root.delete(&format!("{target}/lock")).expect(204).await;
    }
    root.delete("/v1/admin/users/ann").expect(200).await;
    for gone in ["ann".to_owned(), text(&made["id"])] {
        root.delete(&format!("/v1/admin/users/{gone}")).expect(404).await.problem("not-found");
    }
}

#[tokio::test]
async fn the_last_administrator_is_neither_demoted_nor_deleted_nor_locked_but_may_lock_their_own_account() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let own = "/v1/admin/users/root";
    root.patch(own).json(&json!({"role": "user"})).expect(409).await.problem("last-administrator");
    root.delete(own).expect(409).await.problem("last-administrator");
    root.post(&format!("{own}/lock")).expect(409).await.problem("last-administrator");
    root.post(&format!("{own}/lock")).json(&json!({"seconds": 0})).expect(409).await.problem("last-administrator");
    root.get("/v1/me").expect(200).await;
    root.post("/v1/me/lock").expect(200).await;
    root.assert_dead().await;
}
