//! Refreshing.

use std::time::Duration;

use axum::http::Method;
use rescind_domain::store::Tx;
use serde_json::json;

use super::harness::{Device, Harness, PASSWORD, text};

#[tokio::test]
async fn c1_a_refresh_gives_a_new_token_and_the_old_one_stops_working_after_the_grace_time() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let tokens = harness.refresh(&ann.refresh).expect(200).await.json();
    let next = Device::new(&harness, &tokens);
    assert_ne!((&next.refresh, &next.access), (&ann.refresh, &ann.access));
    assert_eq!(next.session, ann.session);
    assert!(tokens["session"]["current"].as_bool().unwrap());
    harness.refresh(&next.refresh).expect(200).await;
    // Its successor is in use: a slow tab, refused without further consequence.
    harness.refresh(&ann.refresh).expect(401).await.problem("refresh-refused");
    ann.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn c2_refreshes_at_once_all_get_the_same_successor() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        calls.spawn(harness.refresh(&ann.refresh).send());
    }
    let mut successors: Vec<String> = calls
        .join_all()
        .await
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{answer:?}");
            text(&answer.json()["refresh_token"])
        })
        .collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    harness.refresh(&successors[0]).expect(200).await;
}

#[tokio::test]
async fn c3_a_lost_reply_is_repaired_within_the_grace_time_which_repeating_does_not_extend() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let first = text(&harness.refresh(&ann.refresh).expect(200).await.json()["refresh_token"]);
    for _ in 0..3 {
        harness.pass(Duration::from_secs(3));
        let again = text(&harness.refresh(&ann.refresh).expect(200).await.json()["refresh_token"]);
        assert_eq!(again, first);
    }
    harness.pass(Duration::from_secs(3));
    harness.refresh(&ann.refresh).expect(401).await.problem("refresh-refused");
}

#[tokio::test]
async fn c4_a_token_that_comes_back_after_the_grace_time_ends_that_session_alone_and_is_reported() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let (ann, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let next = Device::new(&harness, &harness.refresh(&ann.refresh).expect(200).await.json());
    harness.pass(Duration::from_mins(1));
    harness.refresh(&ann.refresh).expect(401).await.problem("refresh-refused");
    next.assert_dead().await;
    laptop.assert_alive().await;
    let reused = root.events("refresh_reused").await;
    assert_eq!(reused.len(), 1);
    assert_eq!(reused[0]["session_id"], ann.session.as_str());
}

#[tokio::test]
async fn c4_a_forged_or_altered_token_ends_nothing_and_is_refused_alike() {
    let harness = Harness::start().await;
    let mut ann = harness.newcomer("ann").await;
    let ended = harness.newcomer("bob").await;
    ended.delete("/v1/sessions/current").expect(204).await;
    let revoked = harness.refresh(&ended.refresh).expect(401).await.problem("refresh-refused");
    let altered = |at: usize| {
        let mut bytes = ann.refresh.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let end = ann.refresh.len() - 2;
    for token in [&altered(6), &altered(40), &altered(end), "", "rrt_", "x", &ann.access] {
        let answer = harness.refresh(token).expect(401).await.problem("refresh-refused").challenge("Bearer");
        assert_eq!(answer.body, revoked.body);
    }
    ann.assert_alive().await;
}

#[tokio::test]
async fn c5_scopes_can_be_narrowed_and_never_widened_and_another_clients_token_is_refused() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    for client in ["app", "other"] {
        let new = json!({"client_id": client, "kind": "native", "scopes": ["read", "write"]});
        root.post("/v1/admin/clients").json(&new).expect(201).await;
    }
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD, "client_id": "app"});
    let ann = harness.sign_in_with(body).await;
    assert_eq!(ann.tokens["scope"], "read write");
    let refresh = |token: &str, scope: &str| {
        harness.post("/v1/sessions/refresh").json(&json!({"refresh_token": token, "scope": scope}))
    };
    let narrow = refresh(&ann.refresh, "read").expect(200).await.json();
    assert_eq!(narrow["scope"], "read");
    let next = text(&narrow["refresh_token"]);
    for wider in ["read admin", "rescind:admin", "", "read  write"] {
        let answer = refresh(&next, wider).expect(400).await.problem("invalid-request");
        assert_eq!(answer.json()["field"], "scope");
    }
    let form = |client: &str| format!("grant_type=refresh_token&refresh_token={next}&client_id={client}");
    let answer = harness.post("/oauth/token").form(&form("other")).expect(400).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
    let answer = harness.post("/oauth/token").form(&form("app")).expect(200).await.json();
    assert_eq!(answer["scope"], "read write", "what was granted, not what was asked for last");
}

#[tokio::test]
async fn c6_refreshing_pushes_idle_expiry_back_and_never_absolute_expiry() {
    let harness = Harness::with(|config| {
        config.tokens.session_lifetime = Duration::from_mins(10);
        config.tokens.idle_lifetime = Duration::from_mins(4);
    })
    .await;
    let mut ann = harness.newcomer("ann").await;
    let expires = ann.tokens["refresh_expires_at"].clone();
    for _ in 0..3 {
        harness.pass(Duration::from_mins(3));
        ann = Device::new(&harness, &harness.refresh(&ann.refresh).expect(200).await.json());
        assert_eq!(ann.tokens["refresh_expires_at"], expires);
    }
    assert!(ann.tokens["expires_in"].as_u64().unwrap() <= 60, "no access token outlives its session");
    harness.pass(Duration::from_mins(3));
    ann.assert_dead().await;
    let idle = harness.sign_in("ann").await;
    harness.pass(Duration::from_mins(5));
    idle.assert_dead().await;
}

#[tokio::test]
async fn c8_a_refresh_token_outlives_its_access_token_and_is_ended_by_a_log_out() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    harness.clock.sign_in_the_past(Duration::from_hours(3));
    let (phone, laptop) = (harness.sign_in("ann").await, harness.sign_in("ann").await);
    harness.clock.sign_in_the_past(Duration::ZERO);
    phone.get("/v1/me").expect(401).await;
    let phone = Device::new(&harness, &harness.refresh(&phone.refresh).expect(200).await.json());
    phone.get("/v1/me").expect(200).await;
    phone.post("/v1/sessions/end-all").expect(200).await;
    laptop.assert_dead().await;
    phone.assert_dead().await;
}

#[tokio::test]
async fn authenticating_again_keeps_the_session_and_replaces_its_refresh_token() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut again = ann.clone();
    again.authenticate_again().await;
    assert_eq!(again.session, ann.session);
    assert_ne!(again.refresh, ann.refresh);
    again.assert_alive().await;
}

#[tokio::test]
async fn a_browser_session_that_is_bound_to_its_address_is_refused_from_another() {
    let harness = Harness::with(|config| {
        config.proxies.trusted = vec![rescind_domain::address::IpNet::parse("127.0.0.1").unwrap()];
    })
    .await;
    let root = harness.administrator().await;
    let new = json!({"client_id": "web", "kind": "browser", "policy": {"bind_address": true}});
    root.post("/v1/admin/clients").json(&new).expect(201).await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD, "client_id": "web"});
    let here = ("x-forwarded-for", "198.51.100.7");
    let tokens = harness.post("/v1/sessions").json(&body).header(here.0, here.1).expect(201).await.json();
    let ann = Device::new(&harness, &tokens);
    ann.get("/v1/me").header(here.0, here.1).expect(200).await;
    for path in ["/v1/me", "/v1/sessions/changes"] {
        ann.get(path).header(here.0, "198.51.100.8").expect(401).await.problem("invalid-token");
    }
    let elsewhere = harness.refresh(&ann.refresh).header(here.0, "198.51.100.8");
    elsewhere.expect(401).await.problem("refresh-refused");
    harness.refresh(&ann.refresh).header(here.0, here.1).expect(200).await;
    let call = harness.call(Method::DELETE, "/v1/sessions/current").bearer(&ann.access);
    call.header(here.0, "198.51.100.8").expect(204).await;
}

#[tokio::test]
async fn e2_where_addresses_are_not_stored_no_session_is_bound_to_one() {
    let harness = Harness::with(|config| config.addresses.store = false).await;
    let root = harness.administrator().await;
    let new = json!({"client_id": "web", "kind": "browser", "policy": {"bind_address": true}});
    let refused = root.post("/v1/admin/clients").json(&new).expect(400).await.problem("invalid-request");
    assert_eq!(refused.json()["field"], "policy");
    // As if it had been added before storing was switched off.
    let new = json!({"client_id": "web", "kind": "browser"});
    root.post("/v1/admin/clients").json(&new).expect(201).await;
    let bind = |tx: &mut dyn Tx| {
        let mut client = tx.client(&"web".parse().unwrap())?.unwrap();
        client.policy.bind_address = true;
        Ok(tx.update_client(&client)?)
    };
    harness.authority.world.store.transact("bind", bind).await.unwrap();
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD, "client_id": "web"});
    let refused = harness.post("/v1/sessions").json(&body).expect(400).await.problem("invalid-request");
    assert_eq!(refused.json()["field"], "client_id");
}

#[tokio::test]
async fn a_device_goes_on_where_the_server_calls_itself_something_else_after_a_restart() {
    let harness = Harness::start().await;
    let former = harness.newcomer("ann").await;
    let (access, refresh) = (former.access.clone(), former.refresh.clone());
    let harness = harness.moved().await;
    harness.get("/v1/me").bearer(&access).expect(401).await.problem("invalid-token");
    let tokens = harness.refresh(&refresh).expect(200).await.json();
    let mut device = Device::new(&harness, &tokens);
    device.get("/v1/me").expect(200).await;
    device.authenticate_again().await;
    device.assert_alive().await;
    device.delete("/v1/sessions/current").expect(204).await;
    device.assert_dead().await;
}
