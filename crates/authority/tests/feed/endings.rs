//! Logging out, as a verifier elsewhere sees it through the feed.

use std::time::Duration;

use rescind_verifier::{Rejected, Verifier};
use rescind_wire::feed::Message;
use rescind_wire::{Change, Entry};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::house::PASSWORD;
use crate::line::Line;
use crate::scene::{Scene, check, runtime, until, until_accepted};
use crate::server::{Device, Server};

/// Longer than a busy machine stalls.
const LEASE: Duration = Duration::from_secs(10);

/// The devices of one person.
struct Devices {
    login: String,
    phone: Device,
    laptop: Device,
}

/// A way to end the phone, which answers once that is enforced.
struct Way {
    name: &'static str,
    end: fn(&Scene, &Devices),
    /// What its entry covers.
    scope: &'static str,
    spares_the_laptop: bool,
}

const fn way(name: &'static str, end: fn(&Scene, &Devices), scope: &'static str, spares_the_laptop: bool) -> Way {
    Way { name, end, scope, spares_the_laptop }
}

const WAYS: [Way; 13] = [
    way("its own log-out", |s, d| call(s, &d.phone, "DELETE", "/v1/sessions/current", None), "session", true),
    way(
        "the other device",
        |s, d| call(s, &d.laptop, "DELETE", &format!("/v1/sessions/{}", d.phone.session), None),
        "session",
        true,
    ),
    way("all others", |s, d| call(s, &d.laptop, "POST", "/v1/sessions/end-others", None), "user", true),
    way("all", |s, d| call(s, &d.laptop, "POST", "/v1/sessions/end-all", None), "user", false),
    way(
        "another password",
        |s, d| {
            let body = json!({ "current_password": PASSWORD, "new_password": "another good horse battery" });
            call(s, &d.laptop, "PUT", "/v1/me/password", Some(&body));
        },
        "user",
        true,
    ),
    way("a lock", |s, d| call(s, &d.laptop, "POST", "/v1/me/lock", None), "user", false),
    way(
        "the account's end",
        |s, d| call(s, &d.laptop, "POST", "/v1/me/delete", Some(&json!({ "password": PASSWORD }))),
        "user",
        false,
    ),
    way("an administrator", |s, d| assert_eq!(s.end(&d.phone, "20s")["enforced"], true), "session", true),
    way("user logout", |s, d| run(s, &["user", "logout", &d.login, "--except", &d.laptop.session]), "user", true),
    way("revoke token", |s, d| run(s, &["revoke", "token", &d.phone.access, "--reason", "test"]), "token", true),
    way("revoke grant", |s, d| run(s, &["revoke", "grant", &d.login, "default", "--reason", "test"]), "grant", false),
    way("revoke client", |s, _| run(s, &["revoke", "client", "default", "--reason", "test"]), "client", false),
    way("revoke everyone", |s, _| run(s, &["revoke", "everyone", "--reason", "test"]), "everyone", false),
];

fn call(scene: &Scene, device: &Device, method: &str, path: &str, body: Option<&Value>) {
    let path = format!("{path}?wait=enforced&timeout=20s");
    let answer = scene.server.request(method, &path, Some(&device.access), body).expect(200).json();
    assert_eq!(answer["enforcement"]["enforced"], true, "{answer}");
}

fn run(scene: &Scene, arguments: &[&str]) {
    let answer = scene.house.json(&[arguments, &["--wait=20s"]].concat());
    assert_eq!(answer["enforcement"]["enforced"], true, "{answer}");
}

/// What comes over the feed until this entry has.
fn heard(line: &mut Line, last: u64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    while entries.last().is_none_or(|entry| entry.number < last) {
        if let Message::Entries(frame) = line.hear() {
            entries.extend(frame.entries);
        }
    }
    entries
}

#[test]
fn a1_a3_a15_every_ending_is_one_entry_of_the_feed_and_one_event_and_refused_as_soon_as_it_is_said_to_be_enforced() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let logins: Vec<String> = (0..WAYS.len()).map(|number| format!("ann-{number}")).collect();
    scene.house.import(&logins);
    let verifier = scene.verifier("shop", LEASE);
    // One that listens, and holds no lease.
    let (mut line, mut head) = Line::following(&scene, "witness", LEASE);
    let first = head + 1;
    for (way, login) in WAYS.iter().zip(logins) {
        let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in(&login, name));
        let devices = Devices { login, phone, laptop };
        until_accepted(&verifier, &devices.phone);
        until_accepted(&verifier, &devices.laptop);
        (way.end)(&scene, &devices);
        // At once, for that is what was said.
        let refused = check(&verifier, &devices.phone).expect_err(way.name);
        head += 1;
        assert_eq!(refused, Rejected::Revoked { scope: way.scope, number: head }, "{}", way.name);
        assert_eq!(check(&verifier, &devices.laptop).is_ok(), way.spares_the_laptop, "{}", way.name);
        let entries = heard(&mut line, head);
        let [Entry { number, change: Change::Revoke(scope), .. }] = &entries[..] else {
            panic!("{}: {entries:?}", way.name)
        };
        assert_eq!((*number, scope.kind()), (head, way.scope), "{}", way.name);
    }
    assert_eq!(scene.house.head(), head);
    let events = scene.house.json_lines(&["events"]);
    for (way, number) in WAYS.iter().zip(first..) {
        let about = events.iter().filter(|event| event["revocation"] == json!(number)).count();
        assert_eq!(about, 1, "{}: {events:?}", way.name);
    }
}

/// Until the verifier accepts one token, it must not accept the other one, whatever it is through meanwhile.
fn until_accepted_and_never(verifier: &Verifier, good: &Device, ended: &Device) {
    until(|| {
        assert!(check(verifier, ended).is_err());
        check(verifier, good).ok()
    });
    assert!(matches!(check(verifier, ended), Err(Rejected::Revoked { .. })));
}

/// The server again, where it was and as it was called.
fn again(scene: &Scene, address: &str, issuer: &str) -> Server {
    let command = scene.house.command(&["serve", "--listen", address, "--issuer", issuer]);
    Server::start(command, scene.house.path("stderr"))
}

#[test]
fn a13_nothing_that_ended_is_revived_by_a_new_verifier_a_killed_authority_or_a_connection_that_broke() {
    let (mut scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let (address, issuer) = (scene.server.address.to_string(), scene.issuer());
    let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in("ann", name));
    let first = scene.verifier("first", LEASE);
    until_accepted(&first, &phone);
    assert_eq!(scene.end(&phone, "20s")["enforced"], true);
    assert!(matches!(check(&first, &phone), Err(Rejected::Revoked { scope: "session", .. })));

    let second = scene.verifier("second", LEASE);
    until_accepted_and_never(&second, &laptop, &phone);
    let named = scene.until_listed("first");
    let path = format!("/v1/admin/verifiers/{}", named["id"].as_str().expect("an id"));
    scene.administer("DELETE", &path, None).expect(204);
    until_accepted_and_never(&first, &laptop, &phone);

    scene.server.signal(Signal::KILL);
    drop(scene.server.wait());
    scene.server = again(&scene, &address, &issuer);
    let third = scene.verifier("third", LEASE);
    for verifier in [&first, &second, &third] {
        until_accepted_and_never(verifier, &laptop, &phone);
    }
    for name in ["first", "second", "third"] {
        scene.until_listed(name);
    }
    // They follow the server that came after, too.
    scene.house.run(&["session", "end", &laptop.session]).ok();
    for verifier in [&first, &second, &third] {
        until(|| check(verifier, &laptop).is_err_and(|refused| !refused.is_unavailable()).then_some(()));
    }
}

#[test]
fn a13_g7_a_restored_authority_begins_another_epoch_which_its_verifiers_follow_and_nothing_of_the_former_is_accepted() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let (address, issuer) = (scene.server.address.to_string(), scene.issuer());
    let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in("ann", name));
    let backup = scene.house.path("backup.db").display().to_string();
    scene.house.run(&["backup", &backup]).ok();
    let verifier = scene.verifier("shop", LEASE);
    until_accepted(&verifier, &laptop);
    assert_eq!(scene.end(&phone, "20s")["enforced"], true);
    let former = verifier.position().expect("it follows");

    let Scene { house, server, client, .. } = scene;
    assert!(server.stop().success());
    // In the backup, the phone is signed in.
    house.run(&["restore", &backup]).ok();
    let command = house.command(&["serve", "--listen", &address, "--issuer", &issuer]);
    let server = Server::start(command, house.path("stderr"));
    let scene = Scene { house, server, client, admin: String::new() };
    let newcomer = scene.server.sign_in("ann", "New phone");
    until(|| {
        assert!(check(&verifier, &phone).is_err());
        check(&verifier, &newcomer).ok()
    });
    assert_ne!(verifier.position().expect("it follows").epoch, former.epoch);
    for device in [&phone, &laptop] {
        let refused = check(&verifier, device).expect_err("of a history that was lost");
        assert!(!refused.is_unavailable(), "{refused}");
    }
}
