//! What pages for people and for administrators ask: who begins like this, what happened, what would end.

use rescind_wire::{SessionId, UserId};
use serde_json::{Value, json};

use super::harness::{Device, Harness, PASSWORD, text};

async fn id_of(device: &Device<'_>) -> String {
    text(&device.me().await.json()["user"]["id"])
}

/// One member of each thing on a list.
fn each(list: &Value, of: &str, member: &str) -> Vec<String> {
    list[of].as_array().expect("a list").iter().map(|thing| text(&thing[member])).collect()
}

/// All pages of a list of events, which is asked for two at a time.
async fn events(device: &Device<'_>, path: &str) -> Vec<Value> {
    let (mut all, mut target) = (Vec::new(), format!("{path}limit=2"));
    loop {
        let page = device.get(&target).expect(200).await.json();
        all.extend(page["events"].as_array().expect("a list").clone());
        assert!(all.len() < 100, "it goes on for ever");
        let Some(next) = page["next"].as_str() else { return all };
        target = format!("{path}limit=2&after={next}");
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().expect("a kind")).collect()
}

#[tokio::test]
async fn accounts_are_found_by_the_beginning_of_their_name_in_any_spelling_and_by_id() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    for login in ["annette", "ann", "joann", "ann@example.org"] {
        harness.sign_up(login).await;
    }
    let found = async |query: &str| {
        let list = root.get(&format!("/v1/admin/users?{query}")).expect(200).await.json();
        each(&list, "users", "login")
    };
    assert_eq!(found("prefix=ann").await, ["ann", "ann@example.org", "annette"]);
    assert_eq!(found("prefix=%EF%BC%A1NN").await, ["ann", "ann@example.org", "annette"], "a full-width A");
    assert_eq!(found("prefix=ann%40").await, ["ann@example.org"]);
    assert!(found("prefix=%25").await.is_empty());
    let first = root.get("/v1/admin/users?prefix=ann&limit=2").expect(200).await.json();
    assert_eq!(each(&first, "users", "login"), ["ann", "ann@example.org"]);
    let rest = format!("prefix=ann&limit=2&after={}", text(&first["next"]));
    assert_eq!(found(&rest).await, ["annette"]);
    let id = text(&first["users"][0]["id"]);
    assert_eq!(found(&format!("prefix={id}")).await, ["ann"]);
    root.delete(&format!("/v1/admin/users/{id}")).expect(200).await;
    assert!(found(&format!("prefix={id}")).await.is_empty());
    root.get("/v1/admin/users?prefix=a&query=b").expect(400).await.problem("invalid-request");
    let bob = harness.newcomer("bob").await;
    bob.get("/v1/admin/users?prefix=a").expect(403).await.problem("forbidden");
}

#[tokio::test]
async fn the_audit_log_is_read_from_either_end() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    ann.post("/v1/sessions/end-others").expect(200).await;
    for path in ["/v1/admin/events?".to_owned(), format!("/v1/admin/events?user={}&", id_of(&ann).await)] {
        let oldest = events(&root, &path).await;
        let mut newest = events(&root, &format!("{path}order=newest&")).await;
        assert_eq!(newest[0]["kind"], "sessions_ended");
        newest.reverse();
        assert_eq!(newest, oldest, "{path}");
    }
    root.get("/v1/admin/events?order=latest").expect(400).await.problem("invalid-request");
}

#[tokio::test]
async fn lists_of_sessions_tell_what_their_application_is_called_and_administrators_whose_they_are() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let new = json!({"client_id": "app", "name": "The App", "kind": "native"});
    root.post("/v1/admin/clients").json(&new).expect(201).await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD, "client_id": "app"});
    let ann = harness.sign_in_with(body).await;
    for path in [format!("/v1/admin/users/{}/sessions", id_of(&ann).await), "/v1/admin/clients/app/sessions".to_owned()]
    {
        let list = root.get(&path).expect(200).await.json();
        assert_eq!(each(&list, "sessions", "client_name"), ["The App"], "{path}");
    }
    let own = ann.get("/v1/sessions").expect(200).await.json();
    assert_eq!(
        (&own["sessions"][0]["client_id"], &own["sessions"][0]["client_name"]),
        (&json!("app"), &json!("The App"))
    );
    assert_eq!(own["sessions"][0]["user_id"], Value::Null);
}

#[tokio::test]
async fn a_preview_counts_what_a_revocation_would_end_and_ends_nothing() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    root.post("/v1/admin/clients").json(&json!({"client_id": "app", "kind": "native"})).expect(201).await;
    let (one, _two) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let in_app = json!({"login": "ann", "password": PASSWORD, "client_id": "app"});
    let three = harness.sign_in_with(in_app).await;
    let bob = harness.newcomer("bob").await;
    let (ann, entries) = (id_of(&one).await, root.revocations().await.len());
    let count = async |query: &str| {
        let found = root.get(&format!("/v1/admin/revocations/preview?scope={query}")).expect(200).await.json();
        assert_eq!(found["exact"], true);
        found["sessions"].as_u64().expect("a number")
    };
    assert_eq!(count("everyone").await, 5);
    assert_eq!(count("client&client=app").await, 1);
    assert_eq!(count("client&client=default").await, 4);
    assert_eq!(count(&format!("user&user={ann}")).await, 3);
    assert_eq!(count(&format!("user&user={ann}&except={}", one.session)).await, 2);
    assert_eq!(count(&format!("grant&user={ann}&client=app")).await, 1);
    assert_eq!(root.revocations().await.len(), entries);
    three.get("/v1/me").expect(200).await;

    one.post("/v1/sessions/end-others").expect(200).await;
    assert_eq!(count(&format!("user&user={ann}")).await, 1, "the one that was excepted");
    assert_eq!(count("client&client=app").await, 0);
    bob.delete("/v1/sessions/current").expect(204).await;
    assert_eq!(count("everyone").await, 2);
}

#[tokio::test]
async fn a_preview_of_what_is_not_there_or_makes_no_sense_is_refused() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let nobody = format!("usr_{}", "0".repeat(26));
    for (query, status) in [
        ("scope=client&client=nothing".to_owned(), 404),
        (format!("scope=user&user={nobody}"), 404),
        (format!("scope=grant&user={nobody}&client=default"), 404),
        ("scope=user".to_owned(), 400),
        ("scope=client".to_owned(), 400),
        ("scope=everyone&client=default".to_owned(), 400),
        (format!("scope=grant&user={nobody}"), 400),
        ("scope=key".to_owned(), 400),
        (String::new(), 400),
    ] {
        root.get(&format!("/v1/admin/revocations/preview?{query}")).expect(status).await;
    }
    ann.get("/v1/admin/revocations/preview?scope=everyone").expect(403).await.problem("forbidden");
}

#[tokio::test]
async fn people_see_what_happened_to_their_own_account_newest_first() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let mut ann = harness.newcomer("ann").await;
    let wrong = json!({"login": "ann", "password": "not the password"});
    harness.post("/v1/sessions").json(&wrong).expect(401).await;
    let phone = harness.sign_in("ann").await;
    let change = json!({"current_password": PASSWORD, "new_password": "five even finer words here"});
    ann.put("/v1/me/password").json(&change).expect(200).await;
    let seen = events(&ann, "/v1/me/events?").await;
    let expected = ["password_changed", "signed_in", "sign_in_failed", "signed_in", "user_created"];
    assert_eq!(kinds(&seen), expected);
    assert_eq!((&seen[1]["session_id"], &seen[1]["by"]), (&json!(phone.session), &json!("owner")));
    assert_eq!(
        (&seen[2]["by"], &seen[2]["ip"], &seen[2]["place"]),
        (&json!("unknown"), &json!("127.0.0.1"), &Value::Null)
    );

    let device = json!({
        "name": "Unknown device", "browser": null, "os": null, "kind": "unknown", "ip": "127.0.0.1", "place": null,
    });
    assert_eq!((&seen[1]["device"], &seen[2]["device"]), (&device, &Value::Null));
    let (user, gone): (UserId, SessionId) = (id_of(&ann).await.parse().unwrap(), phone.session.parse().unwrap());
    let purge = move |tx: &mut dyn rescind_domain::store::Tx| Ok(tx.purge_sessions(&[(user, gone)])?);
    harness.authority.world.store.transact("purge", purge).await.expect("purged");
    let seen = events(&ann, "/v1/me/events?").await;
    assert_eq!((&seen[1]["device"], &seen[1]["session_id"]), (&Value::Null, &json!(phone.session)));
    assert_eq!(seen[1]["ip"], "127.0.0.1");

    root.delete(&format!("/v1/admin/users/{}/sessions", id_of(&ann).await)).expect(200).await;
    let again = json!({"login": "ann", "password": "five even finer words here"});
    ann = harness.sign_in_with(again).await;
    let seen = events(&ann, "/v1/me/events?").await;
    assert_eq!(kinds(&seen)[..2], ["signed_in", "sessions_ended"]);
    assert_eq!((&seen[1]["by"], &seen[1]["ip"]), (&json!("administrator"), &Value::Null), "not where it was done");
    assert!(seen[1].get("detail").is_none() && seen[1].get("actor").is_none());
}

#[tokio::test]
async fn what_does_not_concern_a_person_is_passed_over_and_costs_no_page() {
    let harness = Harness::start().await;
    let mut ann = harness.newcomer("ann").await;
    let bob = harness.newcomer("bob").await;
    let first = ann.refresh.clone();
    for _ in 0..2 {
        let tokens = harness.refresh(&ann.refresh).expect(200).await.json();
        ann = Device::new(&harness, &tokens);
    }
    for _ in 0..7 {
        // That of a slow tab: refused, and nothing else.
        harness.refresh(&first).expect(401).await.problem("refresh-refused");
    }
    harness.sign_in("bob").await;
    assert_eq!(kinds(&events(&ann, "/v1/me/events?").await), ["signed_in", "user_created"]);
    assert_eq!(kinds(&events(&bob, "/v1/me/events?").await), ["signed_in", "signed_in", "user_created"]);
    harness.get("/v1/me/events").expect(401).await.problem("missing-token");
    ann.get("/v1/me/events?after=x").expect(400).await.problem("invalid-request");
}
