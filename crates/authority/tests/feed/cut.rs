//! Who is cut while it follows, and while its hello is awaited: the token was good as the connection was made.

use std::time::Duration;

use rescind_wire::feed::Message;
use serde_json::json;

use crate::line::Line;
use crate::rotation::kid;
use crate::scene::{Scene, runtime, until_accepted};

/// Far longer than anybody waits here: no lease is over by then.
const LEASE: Duration = Duration::from_secs(25);

/// What cuts one of two verifiers, or both, is enforced once they have said that they applied it.
#[track_caller]
fn is_confirmed_by_both(ending: impl FnOnce(&Scene) -> Vec<String>) {
    let mut scene = Scene::new();
    let runtime = runtime();
    let _inside = runtime.enter();
    let phone = scene.server.sign_in("ann", "Phone");
    let ending = ending(&scene);
    let one = scene.verifier("one", LEASE);
    let added = scene.house.json(&["client", "add", "desk", "--kind", "service", "--scope", "rescind:feed"]);
    scene.client = ("desk".into(), added["client_secret"].as_str().expect("a secret").to_owned());
    let two = scene.verifier("two", LEASE);
    for (verifier, name) in [(&one, "one"), (&two, "two")] {
        until_accepted(verifier, &phone);
        scene.until_listed(name);
    }
    let mut command: Vec<&str> = ending.iter().map(String::as_str).collect();
    command.push("--wait=15s");
    let told = scene.house.json(&command)["enforcement"].clone();
    assert_eq!(
        [&told["enforced"], &told["confirmed"], &told["lapsed"]],
        [&json!(true), &json!(2), &json!(0)],
        "{told}"
    );
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn r8_a_compromised_key_is_enforced_as_soon_as_all_whom_it_cuts_have_applied_that() {
    is_confirmed_by_both(|scene| words(&["key", "compromise", &kid(&scene.feed_token()), "--reason", "a test"]));
}

#[test]
fn r8_the_end_of_everything_services_too_is_enforced_as_soon_as_all_have_applied_it() {
    is_confirmed_by_both(|_| words(&["revoke", "everyone", "--services", "--reason", "a test"]));
}

#[test]
fn r8_the_removal_of_a_verifiers_client_is_enforced_as_soon_as_it_and_the_others_have_applied_it() {
    is_confirmed_by_both(|_| words(&["client", "remove", "shop"]));
}

#[test]
fn a1_a_client_that_was_cut_is_told_that_and_nothing_of_what_ends_after_it() {
    let scene = Scene::new();
    let phone = scene.server.sign_in("ann", "Phone");
    let (mut line, position) = Line::following(&scene, "shop", LEASE);
    line.until_echoed(position, 1);
    let cut = scene.house.json(&["client", "remove", "shop"])["revocation"]["position"].clone();
    scene.house.run(&["session", "end", &phone.session]).ok();
    let mut told = Vec::new();
    let reason = loop {
        match line.hear() {
            Message::Entries(frame) => told.extend(frame.entries.iter().map(|entry| entry.number)),
            Message::Close { reason, .. } => break reason.as_str(),
            _ => {}
        }
    };
    assert_eq!(reason, "evicted", "though it never acknowledged it");
    assert!(cut.as_str().expect("a position").ends_with(&format!(".{}", told.last().expect("one"))), "{cut} {told:?}");
}

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
