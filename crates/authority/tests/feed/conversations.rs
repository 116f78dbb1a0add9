//! What a verifier may say, what it may not, and what it is told.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use rescind_wire::feed::{Message, Request};
use serde_json::json;

use crate::line::Line;
use crate::scene::{Scene, until};
use crate::server::request;

const LEASE: Duration = Duration::from_secs(5);

#[test]
fn a_snapshot_comes_first_then_every_entry_in_order_and_echoes_name_the_acknowledgement() {
    let scene = Scene::new();
    let (mut line, position) = Line::following(&scene, "by hand", LEASE);
    let first = line.until_echoed(position, 1);
    let device = scene.server.sign_in("ann", "Phone");
    scene.house.run(&["session", "end", &device.session]).ok();
    let entries = loop {
        if let Message::Entries(frame) = line.hear()
            && !frame.entries.is_empty()
        {
            break frame.entries;
        }
    };
    assert_eq!(entries[0].number, position + 1);
    // This one advances the position; the next one is for the lease.
    line.ack(position + 1, first + 1);
    let echoed = line.until_echoed(position + 1, first + 2);
    assert!(echoed > first, "{echoed} after {first}");
}

#[test]
fn whoever_has_most_of_it_is_sent_what_is_missing_only() {
    let scene = Scene::new();
    let (mut line, position) = Line::following(&scene, "by hand", LEASE);
    line.say(&Request::Goodbye);
    assert!(line.hear_or_end().is_none());
    let epoch = scene.house.json_lines(&["log"])[0]["position"].as_str().expect("a position").to_owned();
    let epoch = epoch.split('.').next().expect("an epoch").to_owned();
    let device = scene.server.sign_in("ann", "Phone");
    scene.house.run(&["session", "end", &device.session]).ok();
    let mut line = Line::new(&scene);
    let held = json!({ "position": format!("{epoch}.{position}") });
    line.say_text(&json!({ "type": "hello", "verifier": "again", "lease_ms": 5000, "held": held }).to_string());
    assert!(matches!(line.hear(), Message::Resume(_)));
    let Message::Entries(frame) = line.hear() else { panic!("no entries") };
    assert_eq!(frame.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [position + 1]);
}

#[test]
fn whoever_resumes_may_acknowledge_what_it_has_before_it_is_sent_what_is_missing() {
    let scene = Scene::new();
    let held = scene.house.json_lines(&["log"])[0]["position"].clone();
    let number = held.as_str().and_then(|held| held.split_once('.')).expect("a position").1;
    let number: u64 = number.parse().expect("a number");
    let device = scene.server.sign_in("ann", "Phone");
    scene.house.run(&["session", "end", &device.session]).ok();
    // Who is faster is a matter of luck.
    for _ in 0..20 {
        let mut line = Line::new(&scene);
        let held = json!({ "position": held });
        line.say_text(&json!({ "type": "hello", "verifier": "quick", "lease_ms": 5000, "held": held }).to_string());
        assert!(matches!(line.hear(), Message::Resume(_)));
        line.ack(number, 1);
        assert!(matches!(line.hear(), Message::Entries(_)));
        line.until_echoed(number + 1, 2);
    }
}

#[test]
fn whoever_is_ahead_or_of_another_epoch_is_sent_a_snapshot() {
    let scene = Scene::new();
    for held in ["0000000000000000.3", "0000000000000000.9223372036854775807"] {
        let mut line = Line::new(&scene);
        let held = json!({ "position": held });
        line.say_text(&json!({ "type": "hello", "verifier": "lost", "lease_ms": 5000, "held": held }).to_string());
        assert!(matches!(line.hear(), Message::Snapshot(_)));
    }
}

#[test]
fn r9_a_tag_that_was_not_made_here_is_refused() {
    let scene = Scene::new();
    let position = scene.house.json_lines(&["log"])[0]["position"].clone();
    for tag in ["", "AAAA", &"A".repeat(54), &format!("{}=", "A".repeat(53))] {
        let mut line = Line::new(&scene);
        let held = json!({ "position": position, "tag": tag });
        line.say_text(&json!({ "type": "hello", "verifier": "forger", "lease_ms": 5000, "held": held }).to_string());
        assert_eq!(line.until_closed(), "forged_tag", "{tag:?}");
    }
}

#[test]
fn g6_what_is_no_request_or_not_in_its_turn_closes_the_connection() {
    let scene = Scene::new();
    let hello = json!({ "type": "hello", "verifier": "x", "lease_ms": 5000 }).to_string();
    let ack = |position: u64, number: u64| json!({ "type": "ack", "position": position, "number": number }).to_string();
    let nameless = json!({ "type": "hello", "verifier": "", "lease_ms": 5000 }).to_string();
    let bad: [&[&str]; 9] = [
        &["{}"],
        &["not json"],
        &[r#"{"type":"unheard of"}"#],
        &[&ack(1, 1)],
        &[&nameless],
        &[&hello, &hello],
        &[&hello, &ack(1_000_000, 1)],
        &[&hello, &ack(0, 1), &ack(0, 1)],
        &[&hello, r#"{"type":"ack","position":-1,"number":1}"#],
    ];
    for said in bad {
        let mut line = Line::new(&scene);
        for text in said {
            line.say_text(text);
        }
        assert_eq!(line.until_closed(), "protocol", "{said:?}");
    }
    let (mut line, position) = Line::following(&scene, "fine", LEASE);
    line.until_echoed(position, 1);
}

#[test]
fn a_lease_that_is_too_short_or_too_long_is_refused() {
    let scene = Scene::with(&["--feed-max-lease", "10s"]);
    for lease in [999, 10_001] {
        let mut line = Line::new(&scene);
        line.hello("x", Duration::from_millis(lease));
        assert_eq!(line.until_closed(), "lease", "{lease} ms");
    }
    Line::following(&scene, "x", Duration::from_secs(10));
}

#[test]
fn a_client_has_as_many_connections_as_it_may() {
    let scene = Scene::with(&["--feed-connections", "2"]);
    let _two = [Line::following(&scene, "one", LEASE), Line::following(&scene, "two", LEASE)];
    let mut line = Line::new(&scene);
    line.hello("three", LEASE);
    assert_eq!(line.until_closed(), "too_many");
}

#[test]
fn a14_whose_client_is_cut_is_closed() {
    let scene = Scene::new();
    let (mut line, position) = Line::following(&scene, "shop", LEASE);
    line.until_echoed(position, 1);
    scene.house.run(&["revoke", "client", "shop", "--reason", "a test"]).ok();
    assert_eq!(line.until_closed(), "evicted");
}

#[test]
fn the_feed_is_for_clients_with_its_scope_and_is_a_web_socket() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    assert_eq!(Line::connect(scene.server.address, &device.access).err(), Some(403));
    assert_eq!(Line::connect(scene.server.address, &scene.admin).err(), Some(403));
    assert_eq!(Line::connect(scene.server.address, "nonsense").err(), Some(401));
    let plain = scene.server.request("GET", "/v1/feed", Some(&scene.feed_token()), None);
    assert_eq!(plain.status, 426, "{plain:?}");
    // RFC 9110 §15.5.22.
    let mut stream = scene.server.connect();
    stream.write_all(&request("GET", "/v1/feed", Some(&scene.feed_token()), None)).expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("an answer");
    let head = said.split("\r\n\r\n").next().expect("a head").to_lowercase();
    assert!(head.lines().any(|line| line == "upgrade: websocket"), "{head}");
    assert!(head.lines().any(|line| line.starts_with("connection:") && line.contains("upgrade")), "{head}");
}

#[test]
fn operators_see_who_follows_who_lags_and_how_long_enforcements_take() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    assert_eq!(scene.server.gauge("rescind_feed_verifiers"), Some(0));
    let (mut line, position) = Line::following(&scene, "shop", Duration::from_secs(30));
    line.until_echoed(position, 1);
    let gauge = |name: &str| scene.server.gauge(&format!("rescind_feed_{name}")).expect("a number");
    assert_eq!((gauge("verifiers"), gauge("position"), gauge("lagging")), (1, position, 0));
    let before = gauge("enforcement_seconds_count");
    assert_eq!(scene.end(&device, "1ms")["enforced"], false);
    assert_eq!((gauge("position"), gauge("lagging")), (position + 1, 1));
    line.ack(position + 1, 1000);
    assert_eq!(scene.end(&device, "20s")["enforced"], true);
    assert_eq!(gauge("lagging"), 0);
    until(|| (gauge("enforcement_seconds_count") == before + 1).then_some(()));
}
