//! Who is cut while its hello is awaited: the token was good as the connection was made.

use std::time::Duration;

use serde_json::json;

use crate::line::Line;
use crate::rotation::kid;
use crate::scene::Scene;

/// Connects, is cut, and says hello.
#[track_caller]
fn says_hello_after(cut: impl FnOnce(&Scene, &str)) {
    let scene = Scene::new();
    let token = scene.feed_token();
    let mut line = Line::connect(scene.server.address, &token).expect("a good token");
    cut(&scene, &token);
    line.hello("ghost", Duration::from_secs(4));
    assert_eq!(line.until_closed(), "evicted");
}

#[test]
fn a1_a_client_that_was_removed_before_its_hello_does_not_follow() {
    says_hello_after(|scene, _| drop(scene.house.run(&["client", "remove", "shop"]).ok()));
}

#[test]
fn a1_a_client_that_was_cut_before_its_hello_does_not_follow() {
    says_hello_after(|scene, _| drop(scene.house.run(&["revoke", "client", "shop", "--reason", "a test"]).ok()));
}

#[test]
fn a1_a_client_whose_token_was_ended_before_its_hello_does_not_follow() {
    says_hello_after(|scene, token| drop(scene.house.run(&["revoke", "token", token, "--reason", "a test"]).ok()));
}

#[test]
fn a1_a_client_whose_key_was_revoked_before_its_hello_does_not_follow() {
    says_hello_after(|scene, token| drop(scene.house.run(&["revoke", "key", &kid(token), "--reason", "a test"]).ok()));
}

#[test]
fn a1_a_client_that_was_cut_with_all_services_before_its_hello_does_not_follow() {
    let all = ["revoke", "everyone", "--services", "--reason", "a test"];
    says_hello_after(|scene, _| drop(scene.house.run(&all).ok()));
}

#[test]
fn what_was_cut_before_a_token_was_given_does_not_keep_its_client_from_following() {
    let scene = Scene::new();
    let body = json!({ "scope": { "type": "client", "client": "shop" }, "reason": "a test" });
    scene.administer("POST", "/v1/admin/revocations", Some(&body)).expect(201);
    scene.house.run(&["revoke", "everyone", "--services", "--reason", "a test"]).ok();
    let (mut line, position) = Line::following(&scene, "shop", Duration::from_secs(4));
    line.until_echoed(position, 1);
}
