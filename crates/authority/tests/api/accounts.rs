//! Accounts: one's own.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Harness, PASSWORD, text};

#[tokio::test]
async fn somebody_signs_up_signs_in_and_is_who_they_are() {
    let harness = Harness::start().await;
    let body = json!({"login": " Ann@Example.org ", "password": PASSWORD});
    let user = harness.post("/v1/users").json(&body).expect(201).await.json()["user"].clone();
    assert_eq!((&user["login"], &user["role"]), (&json!("Ann@Example.org"), &json!("user")));
    assert!(text(&user["id"]).starts_with("usr_") && text(&user["id"]).len() == 30);
    let ann = harness.sign_in("ann@example.ORG").await;
    assert_eq!(ann.me().await.json()["user"], user);
}

#[tokio::test]
async fn sign_up_can_be_switched_off_and_administrators_make_accounts_all_the_same() {
    let harness = Harness::with(|config| config.sign_up.enabled = false).await;
    let root = harness.administrator().await;
    let body = json!({"login": "ann", "password": PASSWORD});
    harness.post("/v1/users").json(&body).expect(403).await.problem("sign-up-off");
    root.post("/v1/admin/users").json(&body).expect(201).await;
    harness.sign_in("ann").await;
}

#[tokio::test]
async fn b1_changing_the_password_ends_every_other_session_and_the_one_that_changed_it_stays() {
    let harness = Harness::start().await;
    let (phone, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let change = json!({"current_password": PASSWORD, "new_password": "another fine password"});
    let answer = laptop.put("/v1/me/password").json(&change).expect(200).await.json();
    assert_eq!(answer["revocation"]["reason"], "password changed");
    phone.assert_dead().await;
    laptop.assert_alive().await;
    let old = json!({"login": "ann", "password": PASSWORD});
    harness.post("/v1/sessions").json(&old).expect(401).await.problem("invalid-credentials");
    harness.sign_in_with(json!({"login": "ann", "password": "another fine password"})).await;
}

#[tokio::test]
async fn b1_a_weak_new_password_changes_nothing() {
    let harness = Harness::start().await;
    let (mut phone, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let change = json!({"current_password": PASSWORD, "new_password": "short"});
    let refused = laptop.put("/v1/me/password").json(&change).expect(400).await.problem("weak-password");
    assert_eq!(refused.json()["field"], "new_password");
    phone.assert_alive().await;
    laptop.assert_alive().await;
    harness.sign_in("ann").await;
}

#[tokio::test]
async fn b2_a_password_that_somebody_else_sets_ends_every_session() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let target = format!("/v1/admin/users/{}/password", text(&ann.me().await.json()["user"]["id"]));
    root.put(&target).json(&json!({"password": "another fine password"})).expect(200).await;
    ann.assert_dead().await;
    harness.sign_in_with(json!({"login": "ann", "password": "another fine password"})).await;
}

#[tokio::test]
async fn b5_a_lock_of_ones_own_account_ends_everything_and_runs_out_by_itself() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    laptop.post("/v1/me/lock").expect(200).await;
    phone.assert_dead().await;
    laptop.assert_dead().await;
    let body = json!({"login": "ann", "password": PASSWORD});
    let answer = harness.post("/v1/sessions").json(&body).expect(403).await.problem("account-locked");
    assert!(answer.json()["until"].is_string());
    harness.pass(Duration::from_mins(7));
    harness.sign_in("ann").await;
    phone.assert_dead().await;
}

#[tokio::test]
async fn b5_an_account_that_is_locked_without_an_end_stays_locked_until_it_is_unlocked() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let target = format!("/v1/admin/users/{}/lock", text(&ann.me().await.json()["user"]["id"]));
    let lock = json!({"seconds": 0, "reason": "left the company"});
    root.post(&target).json(&lock).expect(200).await;
    ann.assert_dead().await;
    harness.pass(Duration::from_hours(24 * 300));
    let body = json!({"login": "ann", "password": PASSWORD});
    let answer = harness.post("/v1/sessions").json(&body).expect(403).await.problem("account-locked");
    assert_eq!(answer.json()["until"], Value::Null);
    let root = harness.sign_in("root").await;
    let shown = root.get(target.trim_end_matches("/lock")).expect(200).await.json()["user"]["lock"].clone();
    assert_eq!((&shown["until"], &shown["reason"]), (&Value::Null, &json!("left the company")));
    root.delete(&target).expect(204).await;
    harness.sign_in("ann").await;
}

#[tokio::test]
async fn b5_a_lock_is_shown_until_it_runs_out_and_only_who_names_a_time_shortens_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let account = format!("/v1/admin/users/{}", text(&harness.newcomer("ann").await.me().await.json()["user"]["id"]));
    let lock = async |body: Value| {
        root.post(&format!("{account}/lock")).json(&body).expect(200).await;
        root.get(&account).expect(200).await.json()["user"]["lock"].clone()
    };
    let usual = lock(json!({})).await["until"].clone();
    let long = lock(json!({"seconds": 86_400})).await["until"].clone();
    assert!(text(&long) > text(&usual), "{long} {usual}");
    assert_eq!(lock(json!({})).await["until"], long);
    assert_eq!(lock(json!({"seconds": 0})).await["until"], Value::Null);
    assert_eq!(lock(json!({"reason": "again"})).await["until"], Value::Null);
    assert!(lock(json!({"seconds": 60})).await["until"].is_string());
    harness.pass(Duration::from_secs(61));
    let ann = harness.sign_in("ann").await;
    assert_eq!(ann.me().await.json()["user"]["lock"], Value::Null);
    assert_eq!(root.get(&account).expect(200).await.json()["user"]["lock"], Value::Null);
    let listed = root.get("/v1/admin/users?query=ann").expect(200).await.json();
    assert_eq!(listed["users"][0]["lock"], Value::Null);
}

#[tokio::test]
async fn b5_whether_an_account_is_locked_is_told_only_to_who_knows_its_password() {
    let harness = Harness::start().await;
    harness.newcomer("ann").await.post("/v1/me/lock").expect(200).await;
    let body = json!({"login": "ann", "password": "not the one that it is"});
    harness.post("/v1/sessions").json(&body).expect(401).await.problem("invalid-credentials");
}

#[tokio::test]
async fn b5_deleting_ones_account_ends_everything_for_good_and_frees_the_name() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let id = text(&laptop.me().await.json()["user"]["id"]);
    laptop.post("/v1/me/delete").json(&json!({"password": PASSWORD})).expect(200).await;
    phone.assert_dead().await;
    laptop.assert_dead().await;
    let body = json!({"login": "ann", "password": PASSWORD});
    harness.post("/v1/sessions").json(&body).expect(401).await.problem("invalid-credentials");
    assert_ne!(harness.sign_up("ann").await, id, "an id is never used again");
    phone.assert_dead().await;
}

#[tokio::test]
async fn b9_two_sign_ins_at_the_same_moment_do_not_disturb_each_other() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD});
    let call = || harness.post("/v1/sessions").json(&body).expect(201);
    let (one, two) = tokio::join!(call(), call());
    let mut one = super::harness::Device::new(&harness, &one.json());
    let mut two = super::harness::Device::new(&harness, &two.json());
    assert_ne!(one.session, two.session);
    one.assert_alive().await;
    two.assert_alive().await;
}

#[tokio::test]
async fn tokens_are_for_the_audience_that_was_asked_for_and_the_client_may_have() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let new = json!({"client_id": "app", "kind": "mobile", "audiences": [{"name": "https://api.example"}]});
    root.post("/v1/admin/clients").json(&new).expect(201).await;
    harness.sign_up("ann").await;
    let ask = |audience: Value| json!({"login": "ann", "password": PASSWORD, "client_id": "app", "audience": audience});
    let elsewhere = harness.sign_in_with(ask(json!("https://api.example"))).await;
    elsewhere.get("/v1/me").expect(401).await.problem("invalid-token");
    let issuer = harness.authority.world.policy.issuer.clone();
    let both = harness.sign_in_with(ask(json!(["https://api.example", issuer]))).await;
    both.get("/v1/me").expect(200).await;
    let answer = harness.post("/v1/sessions").json(&ask(json!("https://evil.example"))).expect(400).await;
    assert_eq!(answer.problem("invalid-request").json()["field"], "audience");
    let unknown = json!({"login": "ann", "password": PASSWORD, "client_id": "nobody"});
    harness.post("/v1/sessions").json(&unknown).expect(400).await.problem("invalid-request");
}
