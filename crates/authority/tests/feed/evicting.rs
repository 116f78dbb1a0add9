//! An administrator closes a verifier's connection, and takes away its client.

use std::time::Duration;

use rescind_verifier::{Reason, Rejected};
use serde_json::{Value, json};

use crate::guarding::Guard;
use crate::line::Line;
use crate::scene::{Scene, check, runtime, until, until_accepted};

const LEASE: Duration = Duration::from_secs(4);

fn evict(scene: &Scene, name: &str) -> String {
    let id = scene.until_listed(name)["id"].as_str().expect("an id").to_owned();
    scene.administer("DELETE", &format!("/v1/admin/verifiers/{id}"), None).expect(204);
    id
}

#[test]
fn g5_a_verifier_that_was_evicted_is_waited_for_until_its_lease_is_over_and_no_longer() {
    let scene = Scene::new();
    let phone = scene.server.sign_in("ann", "Phone");
    let (mut line, position) = Line::following(&scene, "unwanted", LEASE);
    line.until_echoed(position, 1);
    let id = evict(&scene, "unwanted");
    assert_eq!(line.until_closed(), "evicted");
    until(|| (scene.until_listed("unwanted")["connected"] == false).then_some(()));
    scene.administer("DELETE", &format!("/v1/admin/verifiers/{id}"), None).expect(204);
    let events = scene.administer("GET", "/v1/admin/events?limit=100", None).expect(200).json();
    let evicted =
        events["events"].as_array().expect("a list").iter().filter(|event| event["kind"] == "verifier_evicted");
    assert_eq!(evicted.count(), 1, "nothing was closed the second time: {events}");
    let early = scene.end(&phone, "1ms");
    assert_eq!((&early["enforced"], &early["pending"][0]["verifier"]), (&json!(false), &json!("unwanted")), "{early}");
    let late = scene.end(&phone, "30s");
    assert_eq!((&late["enforced"], &late["lapsed"]), (&json!(true), &json!(1)), "{late}");
}

#[test]
fn a_verifier_that_was_evicted_comes_again_by_itself_while_its_client_may() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", Duration::from_secs(10));
    let phone = scene.server.sign_in("ann", "Phone");
    until_accepted(&verifier, &phone);
    let former = evict(&scene, "shop");
    until(|| {
        let listed = scene.administer("GET", "/v1/admin/verifiers", None).expect(200).json();
        let mut listed = listed["verifiers"].as_array().expect("a list").clone();
        listed.retain(|verifier| verifier["connected"] == true && verifier["id"] != former.as_str());
        (listed.len() == 1 && !listed[0]["lease_left_ms"].is_null()).then_some(())
    });
    assert!(check(&verifier, &phone).is_ok(), "its lease went on meanwhile");
    assert_eq!(scene.end(&phone, "30s")["enforced"], true);
    assert!(matches!(check(&verifier, &phone), Err(Rejected::Revoked { scope: "session", .. })));
}

#[test]
fn a14_a_verifier_whose_client_was_removed_is_cut_off_and_does_not_come_again() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", LEASE);
    let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in("ann", name));
    until_accepted(&verifier, &phone);
    scene.until_listed("shop");
    scene.house.run(&["client", "remove", "shop"]).ok();
    let late = scene.end(&phone, "30s");
    // At this instant: its lease was what was waited for.
    let (ended, other) = (check(&verifier, &phone).err(), check(&verifier, &laptop).err());
    let stale = Some(Rejected::Unavailable { reason: Reason::Stale });
    assert_eq!((&late["enforced"], ended, other), (&json!(true), stale, stale), "{late}");
    let listed = scene.administer("GET", "/v1/admin/verifiers", None).expect(200).json();
    assert_eq!(listed["verifiers"], json!([]));
    until(|| scene.server.logged().contains("evicted").then_some(()));
}

#[test]
fn a_verifier_whose_token_was_cut_asks_for_another_one_before_it_connects_again() {
    let scene = Scene::new();
    let phone = scene.server.sign_in("ann", "Phone");
    let guard = Guard::start(&scene, "127.0.0.1:0", &["--name", "shop", "--lease", "10s"]);
    guard.until_heard(&phone);
    let former = scene.until_listed("shop")["id"].clone();
    let body = json!({ "scope": { "type": "client", "client": "shop" }, "reason": "a test" });
    scene.administer("POST", "/v1/admin/revocations", Some(&body)).expect(201);
    until(|| {
        let listed = scene.administer("GET", "/v1/admin/verifiers", None).expect(200).json();
        let is_back = |verifier: &Value| verifier["connected"] == true && verifier["id"] != former;
        listed["verifiers"].as_array().expect("a list").iter().any(is_back).then_some(())
    });
    let logged = guard.logged();
    assert!(logged.contains("the authority closed the feed (evicted)"), "{logged}");
    assert!(!logged.contains("refused the feed"), "it came with the token that was cut: {logged}");
}
