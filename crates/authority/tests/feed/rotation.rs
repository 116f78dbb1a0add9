//! A new key signs once every live verifier has acknowledged it or lapsed, and after a compromise at once.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rescind_wire::feed::Message;
use rescind_wire::{Change, KeyId};
use serde_json::{Value, json};

use crate::line::Line;
use crate::scene::{Scene, until};

/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(30);

/// The key that signed a token.
pub(crate) fn kid(token: &str) -> String {
    let header = BASE64URL_NOPAD.decode(token.split('.').next().expect("a header").as_bytes()).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    header["kid"].as_str().expect("a key").to_owned()
}

/// The key that signs now.
fn signing(scene: &Scene) -> String {
    kid(&scene.feed_token())
}

fn rotate(scene: &Scene) {
    scene.administer("POST", "/v1/admin/keys/rotate", Some(&json!({ "purpose": "EdDSA" }))).expect(200);
}

/// Hears of a new key: its entry's number, and its name.
fn hear_key(line: &mut Line) -> (u64, KeyId) {
    loop {
        let Message::Entries(frame) = line.hear_ahead() else { continue };
        for entry in frame.entries {
            if let Change::AddKey(key) = entry.change {
                return (entry.number, key.kid);
            }
        }
    }
}

#[test]
fn a_new_key_signs_once_the_last_verifier_that_lives_has_acknowledged_it() {
    let scene = Scene::new();
    let old = signing(&scene);
    let [mut quick, mut slow] = ["quick", "slow"].map(|name| {
        let (mut line, position) = Line::following(&scene, name, LONG);
        line.until_echoed(position, 1);
        line
    });
    rotate(&scene);
    let (number, new) = hear_key(&mut quick);
    assert_eq!(hear_key(&mut slow), (number, new.clone()));
    quick.ack(number, 1000);
    until(|| (scene.until_listed("quick")["position"] == number).then_some(()));
    // Whatever the server does when it has read the log, it has done by now.
    scene.house.run(&["user", "logout", "ann"]).ok();
    assert_eq!(signing(&scene), old, "one of them would not know the new key");
    slow.ack(number, 1000);
    until(|| (signing(&scene) == new.as_str()).then_some(()));
}

#[test]
fn a_new_key_does_not_wait_for_a_verifier_whose_lease_is_over() {
    let scene = Scene::new();
    let old = signing(&scene);
    let (mut line, position) = Line::following(&scene, "asleep", Duration::from_secs(1));
    line.until_echoed(position, 1);
    rotate(&scene);
    until(|| (signing(&scene) != old).then_some(()));
}

#[test]
fn a_new_key_signs_at_once_where_nobody_follows() {
    let scene = Scene::new();
    let old = signing(&scene);
    scene.house.run(&["key", "rotate"]).ok();
    assert_ne!(signing(&scene), old);
}

#[test]
fn g8_after_a_compromise_neither_that_key_nor_the_one_before_it_signs_whoever_has_not_heard_of_the_new_one() {
    let scene = Scene::new();
    let first = signing(&scene);
    scene.house.run(&["key", "rotate"]).ok();
    let second = signing(&scene);
    let (mut line, position) = Line::following(&scene, "silent", LONG);
    line.until_echoed(position, 1);
    scene.house.run(&["key", "compromise", &second, "--reason", "a test"]).ok();
    let third = signing(&scene);
    assert!(third != first && third != second, "{first}, {second}, {third}");
    // The line's token is dead with its key; its lease is not.
    assert_eq!(line.until_closed(), "evicted");
    assert_eq!(signing(&scene), third);
}
