//! The list of devices.

use std::time::Duration;

use axum::http::Method;
use rescind::housekeeping;
use rescind_domain::address::IpNet;
use rescind_domain::policy::AtLimit;
use serde_json::{Value, json};

use super::harness::{Device, Harness, PASSWORD, text};

const FIREFOX: &str = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0";

fn credentials() -> Value {
    json!({"login": "ann", "password": PASSWORD})
}

#[tokio::test]
async fn e1_the_list_shows_every_live_session_and_only_live_ones_and_marks_the_current_one() {
    let harness = Harness::start().await;
    harness.newcomer("bob").await;
    let (first, second, third) =
        (harness.newcomer("ann").await, harness.sign_in("ann").await, harness.sign_in("ann").await);
    second.delete("/v1/sessions/current").expect(204).await;
    let list = first.get("/v1/sessions").expect(200).await.json();
    let shown: Vec<_> = list["sessions"].as_array().unwrap().iter().map(|s| (text(&s["id"]), &s["current"])).collect();
    assert_eq!(shown, [(third.session, &json!(false)), (first.session, &json!(true))]);
    assert_eq!(list["next"], Value::Null);
}

#[tokio::test]
async fn e1_devices_whose_refresh_tokens_a_stolen_key_could_have_made_are_not_listed_and_count_no_more() {
    let harness = Harness::with(|config| {
        config.sessions.limit = 1;
        config.sessions.at_limit = AtLimit::Refuse;
    })
    .await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    harness.post("/v1/sessions").json(&credentials()).expect(409).await.problem("too-many-sessions");
    let keys = root.get("/v1/admin/keys").expect(200).await.json();
    let mac = keys["keys"].as_array().unwrap().iter().find(|key| key["purpose"] == "HMAC-SHA256").unwrap();
    let compromise = format!("/v1/admin/keys/{}/compromise", text(&mac["kid"]));
    root.post(&compromise).json(&json!({"reason": "leaked"})).expect(200).await;
    let me = ann.me().await.json();
    let listed = format!("/v1/admin/users/{}/sessions", text(&me["user"]["id"]));
    assert_eq!(root.get(&listed).expect(200).await.json()["sessions"], json!([]));
    harness.refresh(&ann.refresh).expect(401).await.problem("refresh-refused");
    let again = harness.sign_in("ann").await;
    assert_eq!(again.sessions().await, std::slice::from_ref(&again.session));
}

#[tokio::test]
async fn e1_pages_of_the_list_are_complete_and_disjoint() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut all = vec![ann.session.clone()];
    for _ in 0..6 {
        all.insert(0, harness.sign_in("ann").await.session);
    }
    let (mut paged, mut target) = (Vec::new(), "/v1/sessions?limit=3".to_owned());
    loop {
        let page = ann.get(&target).expect(200).await.json();
        let sessions = page["sessions"].as_array().unwrap();
        assert!(sessions.len() <= 3);
        paged.extend(sessions.iter().map(|session| text(&session["id"])));
        let Some(next) = page["next"].as_str() else { break };
        target = format!("/v1/sessions?limit=3&after={next}");
    }
    assert_eq!(paged, all);
    assert_eq!(ann.sessions().await, all);
}

#[tokio::test]
async fn e2_name_browser_system_address_and_times_are_right() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let call = harness.post("/v1/sessions").json(&credentials()).header("user-agent", FIREFOX);
    let tokens = call.expect(201).await.json();
    let phone = Device::new(&harness, &tokens);
    let session = &phone.get("/v1/sessions").expect(200).await.json()["sessions"][0];
    let device = json!({"name": "Firefox on Android", "browser": "Firefox", "os": "Android", "kind": "phone"});
    assert_eq!(session["device"], device);
    assert_eq!((&session["user_agent"], &session["ip"]), (&json!(FIREFOX), &json!("127.0.0.1")));
    assert_eq!((&session["client_id"], &session["amr"]), (&json!("default"), &json!(["pwd"])));
    assert_eq!((&session["remembered"], &session["metadata"]), (&json!(false), &Value::Null));
    for time in ["started_at", "last_seen_at", "expires_at"] {
        let time = text(&session[time]);
        assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[19] == b'.', "{time}");
    }
    assert_eq!(tokens["session"]["device"], device);
    assert_eq!(tokens["refresh_expires_at"], session["expires_at"]);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
}

#[tokio::test]
async fn e2_a_name_that_was_given_is_shown_and_can_be_changed_and_taken_away() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD, "device_name": "Ann's telephone"});
    let ann = harness.sign_in_with(body).await;
    assert_eq!(ann.tokens["session"]["device"]["name"], "Ann's telephone");
    let target = format!("/v1/sessions/{}", ann.session);
    let change = json!({"device_name": "Kitchen", "metadata": {"b": [1, 2.50, {"c": null}], "a": "x"}});
    let session = ann.patch(&target).json(&change).expect(200).await.json()["session"].clone();
    assert_eq!((&session["device"]["name"], &session["current"]), (&json!("Kitchen"), &json!(true)));
    assert_eq!(session["metadata"], change["metadata"]);
    let session = ann.patch(&target).json(&json!({"device_name": null})).expect(200).await.json()["session"].clone();
    assert_eq!(session["device"]["name"], "Unknown device");
    assert_eq!(session["metadata"], change["metadata"], "what is left out stays");
    let session = ann.patch(&target).json(&json!({"metadata": null})).expect(200).await.json()["session"].clone();
    assert_eq!(session["metadata"], Value::Null);
    for bad in [
        json!({"device_name": ""}),
        json!({"device_name": "x".repeat(101)}),
        json!({"metadata": [1]}),
        json!({"metadata": "x"}),
        json!({"metadata": {"x": "y".repeat(5000)}}),
        json!({"name": "x"}),
    ] {
        ann.patch(&target).json(&bad).expect(400).await.problem("invalid-request");
    }
    ann.patch(&target).expect(400).await.problem("invalid-request");
}

#[tokio::test]
async fn e2_an_untrusted_forwarded_address_is_ignored_and_a_trusted_one_believed() {
    let signed_in_from = async |harness: &Harness, header: &str| {
        let call = harness.post("/v1/sessions").json(&credentials()).header("x-forwarded-for", header);
        text(&call.expect(201).await.json()["session"]["ip"])
    };
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    assert_eq!(signed_in_from(&harness, "198.51.100.7").await, "127.0.0.1");
    let behind = Harness::with(|config| {
        config.proxies.trusted = vec![IpNet::parse("127.0.0.0/8").unwrap(), IpNet::parse("10.0.0.0/8").unwrap()];
    })
    .await;
    behind.sign_up("ann").await;
    assert_eq!(signed_in_from(&behind, "198.51.100.7").await, "198.51.100.7");
    assert_eq!(signed_in_from(&behind, "1.2.3.4, 198.51.100.7, 10.0.0.9").await, "198.51.100.7");
    assert_eq!(signed_in_from(&behind, "garbage, 10.0.0.9").await, "10.0.0.9");
    assert_eq!(signed_in_from(&behind, "2001:db8::1").await, "2001:db8::1");
}

#[tokio::test]
async fn e2_storing_addresses_can_be_switched_off() {
    let harness = Harness::with(|config| config.addresses.store = false).await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    assert_eq!(ann.tokens["session"]["ip"], Value::Null);
    let events = root.get("/v1/admin/events").expect(200).await.json();
    assert!(events["events"].as_array().unwrap().iter().all(|event| event["ip"].is_null()));
}

#[tokio::test]
async fn e3_last_active_follows_what_a_device_does_and_costs_no_write_per_request() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let last_seen = async || {
        let list = laptop.get("/v1/sessions").expect(200).await.json();
        let sessions = list["sessions"].as_array().unwrap().clone();
        let phone = sessions.iter().find(|session| session["id"] == phone.session.as_str()).unwrap().clone();
        (text(&phone["started_at"]), text(&phone["last_seen_at"]))
    };
    let (started, seen) = last_seen().await;
    assert_eq!(started, seen);
    harness.pass(Duration::from_mins(2));
    let before = harness.authority.sqlite.stats().transactions;
    for _ in 0..20 {
        phone.get("/v1/me").expect(200).await;
    }
    assert_eq!(harness.authority.sqlite.stats().transactions, before);
    housekeeping::tidy(&harness.authority).await.unwrap();
    let (_, seen) = last_seen().await;
    assert!(seen > started, "{started} {seen}");
}

#[tokio::test]
async fn e3_an_expired_session_does_not_revive_itself_by_asking() {
    let harness = Harness::with(|config| config.tokens.idle_lifetime = Duration::from_mins(2)).await;
    let ann = harness.newcomer("ann").await;
    harness.pass(Duration::from_mins(3));
    ann.get("/v1/me").expect(401).await.problem("invalid-token");
    housekeeping::tidy(&harness.authority).await.unwrap();
    ann.get("/v1/me").expect(401).await.problem("invalid-token");
    harness.refresh(&ann.refresh).expect(401).await.problem("refresh-refused");
}

#[tokio::test]
async fn e4_a_limit_of_sessions_holds_under_sign_ins_at_the_same_moment() {
    let harness = Harness::with(|config| config.sessions.limit = 2).await;
    harness.sign_up("ann").await;
    let mut calls = tokio::task::JoinSet::new();
    // As many as the throttle lets try at once.
    for _ in 0..5 {
        calls.spawn(harness.post("/v1/sessions").json(&credentials()).send());
    }
    let answers = calls.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let devices: Vec<_> = answers.iter().map(|answer| Device::new(&harness, &answer.json())).collect();
    let mut alive = Vec::new();
    for device in &devices {
        let status = device.me().await.status;
        if status == 200 {
            alive.push(device);
        }
    }
    assert_eq!(alive.len(), 2);
    assert_eq!(alive[0].sessions().await.len(), 2);
}

#[tokio::test]
async fn e4_one_session_too_many_is_refused_where_the_deployment_says_so() {
    let harness = Harness::with(|config| {
        config.sessions.limit = 1;
        config.sessions.at_limit = AtLimit::Refuse;
    })
    .await;
    let mut ann = harness.newcomer("ann").await;
    harness.post("/v1/sessions").json(&credentials()).expect(409).await.problem("too-many-sessions");
    ann.assert_alive().await;
    ann.call(Method::DELETE, "/v1/sessions/current").expect(204).await;
    harness.sign_in("ann").await;
}

#[tokio::test]
async fn a_name_that_nobody_can_see_or_that_turns_the_text_around_it_is_refused() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    harness.sign_up("ann").await;
    for name in ["\u{200B}", "Phone \u{202E}enohp"] {
        let body = json!({"login": "ann", "password": PASSWORD, "device_name": name});
        harness.post("/v1/sessions").json(&body).expect(400).await.problem("invalid-request");
        let new = json!({"client_id": "shop", "kind": "browser", "name": name});
        root.post("/v1/admin/clients").json(&new).expect(400).await.problem("invalid-request");
    }
}
