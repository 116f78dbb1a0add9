//! The log and the verifiers, as administrators hear of them.

use rescind_verifier::Verifier;
use serde_json::{Value, json};

use super::clients::add_service;
use super::ear::Ear;
use super::harness::{Administrator, Harness, text};

async fn watch(root: &Administrator<'_>) -> Ear {
    let mut ear = Ear::listen(root.get("/v1/admin/changes")).await;
    let first = ear.next().await.expect("the verifiers");
    assert_eq!((first.event.as_str(), &first.data["verifiers"]), ("verifiers", &json!([])));
    ear
}

/// The next revocation; what is said of verifiers in between is passed over.
async fn revocation(ear: &mut Ear) -> Value {
    loop {
        let heard = ear.next().await.expect("it goes on");
        if heard.event == "revocation" {
            return heard.data;
        }
        assert_eq!(heard.event, "verifiers");
    }
}

#[tokio::test]
async fn each_new_revocation_is_told_as_the_log_shows_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    ann.delete("/v1/sessions/current").expect(204).await;
    let mut ear = watch(&root).await;
    let (phone, laptop) = (harness.sign_in("ann").await, harness.sign_in("ann").await);
    root.post("/v1/admin/keys/rotate").expect(200).await;
    phone.delete("/v1/sessions/current").expect(204).await;
    laptop.post("/v1/sessions/end-all").expect(200).await;
    let heard = [revocation(&mut ear).await, revocation(&mut ear).await];
    let log = root.revocations().await;
    assert_eq!(heard[..], log[log.len() - 2..], "and none that was before");
}

#[tokio::test]
async fn a_verifier_that_comes_moves_on_and_goes_is_told() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let mut ear = watch(&root).await;
    let secret = add_service(&root, "shop", json!(["rescind:feed"])).await;
    let issuer = harness.authority.world.policy.issuer.clone();
    let shop =
        Verifier::builder(&issuer).audience("https://api.example").client("shop", &secret).build().expect("set up");
    let seen = async |ear: &mut Ear, wanted: &dyn Fn(&Value) -> bool| {
        loop {
            let heard = ear.next().await.expect("it goes on");
            if heard.event == "verifiers" && wanted(&heard.data) {
                return heard.data;
            }
        }
    };
    let there = seen(&mut ear, &|data| data["verifiers"][0]["lease_left_ms"].is_u64()).await;
    let list = root.get("/v1/admin/verifiers").expect(200).await.json();
    for member in ["id", "name", "client_id", "connected", "position", "lease_ms", "since"] {
        assert_eq!(there["verifiers"][0][member], list["verifiers"][0][member], "{member}");
    }
    let position = there["verifiers"][0]["position"].as_u64().expect("a position");
    harness.newcomer("ann").await.delete("/v1/sessions/current").expect(204).await;
    seen(&mut ear, &|data| data["verifiers"][0]["position"].as_u64() > Some(position)).await;
    shop.leave().await;
    seen(&mut ear, &|data| data["verifiers"] == json!([])).await;
}

#[tokio::test]
async fn whoever_is_no_administrator_any_more_hears_nothing_more() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    ann.get("/v1/admin/changes").expect(403).await.problem("forbidden");
    harness.get("/v1/admin/changes").expect(401).await.problem("missing-token");
    let user = text(&ann.get("/v1/me").expect(200).await.json()["user"]["id"]);
    let change = async |role: &str| {
        root.patch(&format!("/v1/admin/users/{user}")).json(&json!({"role": role})).expect(200).await;
    };
    change("administrator").await;
    let ann = Administrator(harness.sign_in("ann").await);
    let mut ear = watch(&ann).await;
    change("user").await;
    ear.ends_with("refused").await;
    change("administrator").await;
    let ann = Administrator(harness.sign_in("ann").await);
    let mut ear = watch(&ann).await;
    root.delete(&format!("/v1/admin/sessions/{}", ann.session)).expect(204).await;
    ear.ends_with("ended").await;
}

#[tokio::test]
async fn a_service_that_administers_listens_until_its_client_is_cut() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let secret = add_service(&root, "console", json!(["rescind:admin"])).await;
    let form = format!("grant_type=client_credentials&client_id=console&client_secret={secret}");
    let access = text(&harness.post("/oauth/token").form(&form).expect(200).await.json()["access_token"]);
    let mut ear = Ear::listen(harness.get("/v1/admin/changes").bearer(&access)).await;
    assert_eq!(ear.next().await.expect("the verifiers").event, "verifiers");
    root.delete("/v1/admin/clients/console/sessions").expect(200).await;
    ear.ends_with("refused").await;
}

#[tokio::test]
async fn streams_of_administrators_end_at_once_when_the_server_stops() {
    let mut harness = Harness::start().await;
    let root = harness.administrator().await;
    let mut ear = watch(&root).await;
    drop(root);
    let stopped = harness.stop();
    assert_eq!(ear.next().await, None);
    let patience = harness.authority.config.http.request_timeout / 2;
    tokio::time::timeout(patience, stopped).await.expect("nobody waits for streams").unwrap();
}
