//! What is told of an enforcement, and when (R8).

use std::io::{Read as _, Write as _};
use std::time::Duration;

use rescind_wire::feed::Message;
use serde_json::{Value, json};

use crate::house::House;
use crate::line::Line;
use crate::scene::{Scene, until};
use crate::server::{Device, request};

/// Longer than a busy machine stalls.
const LEASE: Duration = Duration::from_secs(4);

/// Follows with a lease, and says no more.
fn silent(scene: &Scene, name: &str, lease: Duration) -> Line {
    let (mut line, position) = Line::following(scene, name, lease);
    line.until_echoed(position, 1);
    line
}

#[test]
fn with_nobody_to_wait_for_an_ending_is_enforced_at_once() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let enforcement = scene.end(&device, "10s");
    let told = [&enforcement["enforced"], &enforcement["confirmed"], &enforcement["lapsed"], &enforcement["pending"]];
    assert_eq!(told, [&json!(true), &json!(0), &json!(0), &json!([])], "{enforcement}");
}

#[test]
fn a_verifier_that_says_nothing_is_named_until_its_lease_is_over() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let _line = silent(&scene, "asleep", LEASE);
    let early = scene.end(&device, "1ms");
    assert_eq!(early["enforced"], false, "{early}");
    let pending = &early["pending"][0];
    assert_eq!((&pending["verifier"], &pending["client"]), (&json!("asleep"), &json!("shop")));
    assert!(pending["bound_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    // At most 1.6 times its lease and 50 ms, rounded up.
    assert!(early["bound_in_ms"].as_u64().is_some_and(|millis| (1..=6451).contains(&millis)), "{early}");
    // The same session again: its end is waited for, and no second entry is written.
    let later = scene.end(&device, "20s");
    assert_eq!((&later["enforced"], &later["lapsed"]), (&json!(true), &json!(1)), "{later}");
    assert!(later["took_ms"].is_u64() && later["bound_in_ms"].is_null(), "{later}");
    let listed = scene.administer("GET", "/v1/admin/revocations?limit=1", None).expect(200).json();
    let position = listed["revocations"][0]["position"].as_str().expect("a position");
    let told = scene.administer("GET", &format!("/v1/admin/revocations/{position}"), None).expect(200).json();
    for name in ["enforced", "confirmed", "lapsed", "pending"] {
        assert_eq!(told["enforcement"][name], later[name], "what was told is told again: {told}");
    }
}

#[test]
fn a4_the_end_of_what_had_ended_is_waited_for_where_it_was_ended_whatever_ended_since() {
    let scene = Scene::new();
    let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in("ann", name));
    let (mut line, position) = Line::following(&scene, "shop", Duration::from_secs(30));
    line.until_echoed(position, 1);
    let end = |device: &Device| {
        scene.administer("DELETE", &format!("/v1/admin/sessions/{}", device.session), None).expect(204)
    };
    end(&phone);
    let Message::Entries(frame) = line.hear_ahead() else { panic!("no entries") };
    line.ack(frame.entries[0].number, 1000);
    end(&laptop);
    assert_eq!(scene.end(&laptop, "1ms")["enforced"], false);
    assert_eq!(scene.end(&phone, "20s")["enforced"], true);
    let current = "/v1/sessions/current?wait=enforced&timeout=20s";
    let again = scene.server.request("DELETE", current, Some(&phone.access), None).expect(200).json();
    assert_eq!(again["enforcement"]["enforced"], true, "{again}");
    scene.house.run(&["session", "end", &phone.session, "--wait=20s"]).ok();
    scene.house.run(&["session", "end", &laptop.session, "--wait=1s"]).failed_with(3);
}

#[test]
fn a4_the_end_of_an_account_or_a_client_that_is_gone_is_waited_for_where_it_ended() {
    let scene = Scene::new();
    let ann = scene.server.sign_in("ann", "Phone");
    let me = scene.server.request("GET", "/v1/me", Some(&ann.access), None).expect(200).json();
    let account = format!("/v1/admin/users/{}", me["user"]["id"].as_str().expect("an id"));
    scene.house.run(&["client", "add", "app", "--kind", "native"]).ok();
    let (mut line, position) = Line::following(&scene, "shop", Duration::from_secs(30));
    line.until_echoed(position, 1);
    for (number, target) in (1000..).zip([account.as_str(), "/v1/admin/clients/app"]) {
        let waited = |timeout: &str| {
            let path = format!("{target}?wait=enforced&timeout={timeout}");
            scene.administer("DELETE", &path, None).expect(200).json()
        };
        let (first, again) = (waited("1ms"), waited("1ms"));
        assert_eq!((&first["enforcement"]["enforced"], &first["revocation"]), (&json!(false), &again["revocation"]));
        assert_eq!(again["enforcement"]["pending"][0]["verifier"], "shop", "{again}");
        let entries = loop {
            if let Message::Entries(frame) = line.hear_ahead() {
                break frame.entries;
            }
        };
        line.ack(entries[0].number, number);
        assert_eq!(waited("20s")["enforcement"]["enforced"], true);
    }
}

#[test]
fn people_are_told_how_many_are_missing_and_not_who() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let _line = silent(&scene, "asleep", LEASE);
    let path = "/v1/sessions/current?wait=enforced&timeout=1ms";
    let answer = scene.server.request("DELETE", path, Some(&device.access), None).expect(200);
    let enforcement = &answer.json()["enforcement"];
    assert_eq!(enforcement["pending"], 1);
    assert!(enforcement["bound_in_ms"].as_u64().is_some_and(|millis| millis > 0), "{enforcement}");
    assert!(!answer.body.contains("asleep") && !answer.body.contains("shop"), "{}", answer.body);
}

#[test]
fn an_answer_that_has_a_body_keeps_it_and_without_wait_nothing_changes() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let all = json!({ "scope": { "type": "everyone" }, "reason": "a test" });
    let plain = scene.administer("POST", "/v1/admin/revocations", Some(&all)).expect(201).json();
    assert!(plain.get("enforcement").is_none());
    let waited = scene.administer("POST", "/v1/admin/revocations?wait=enforced", Some(&all)).expect(200).json();
    assert_eq!(waited["revocation"]["reason"], "a test");
    assert_eq!(waited["enforcement"]["enforced"], true);
    let position = waited["revocation"]["position"].as_str().expect("a position");
    let told = scene.administer("GET", &format!("/v1/admin/revocations/{position}"), None).expect(200).json();
    assert_eq!(told["enforcement"]["enforced"], true);
    assert_eq!(scene.server.status(&device), 401);
    let refused = scene.administer("POST", "/v1/admin/revocations?wait=soon", Some(&all));
    assert_eq!(refused.status, 400);
}

#[test]
fn g5_a_server_killed_during_a_wait_says_nothing_and_its_successor_waits_until_the_leases_of_the_former_are_over() {
    let mut scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let _line = silent(&scene, "asleep", LEASE);
    let head = scene.house.head();
    let path = format!("/v1/admin/sessions/{}?wait=enforced&timeout=60s", device.session);
    let mut waiting = scene.server.connect();
    waiting.write_all(&request("DELETE", &path, Some(&scene.admin), None)).expect("sent");
    until(|| (scene.house.head() > head).then_some(()));
    scene.server.signal(rustix::process::Signal::KILL);
    drop(scene.server.wait());
    let mut said = Vec::new();
    // Reset, or closed.
    let _ = waiting.read_to_end(&mut said);
    assert_eq!(String::from_utf8_lossy(&said), "", "nothing was known when it was killed");

    scene.server = scene.house.serve(&["--issuer", &scene.issuer()]);
    assert_eq!(scene.house.head(), head + 1, "R6");
    let early = scene.end(&device, "2s");
    assert_eq!(early["enforced"], false, "its verifier may be alive, for all that is known: {early}");
    assert!(early["pending"][0]["verifier"].as_str().is_some_and(|name| name.starts_with("node ")), "{early}");
    let again = scene.end(&device, "1ms");
    let bound =
        |told: &Value| told["pending"][0]["bound_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    // Two seconds were waited in between; what is bound has not moved, but for the reading of two clocks.
    let moved = bound(&again).expect("a time").duration_since(bound(&early).expect("a time"));
    assert!(moved.unsigned_abs() < Duration::from_secs(1), "{early} {again}");
    let later = scene.end(&device, "60s");
    assert_eq!(later["enforced"], true, "{later}");
}

#[test]
fn g7_after_a_restore_nothing_is_enforced_before_the_leases_of_the_lost_history_are_over() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let backup = scene.house.path("backup.db").display().to_string();
    scene.house.run(&["backup", &backup]).ok();
    let _line = silent(&scene, "asleep", LEASE);
    let Scene { house, server, .. } = scene;
    assert!(server.stop().success());
    house.run(&["restore", &backup]).ok();
    let server = house.serve(&[]);
    let added = house.json(&["client", "add", "desk", "--kind", "service", "--scope", "rescind:admin"]);
    let secret = added["client_secret"].as_str().expect("a secret").to_owned();
    let scene = Scene::beside(house, server, &("desk".to_owned(), secret));
    let early = scene.end(&device, "500ms");
    assert_eq!(early["enforced"], false, "{early}");
    assert!(early["pending"].to_string().contains("epoch before"), "{early}");
}

/// A lease that a verifier of the store that is replaced has, and for how long the next server waits, with a shorter lease
/// permitted to its own.
fn waits_after_a_restore(lose: impl FnOnce(&House)) -> Duration {
    let scene = Scene::new();
    let backup = scene.house.path("backup.db").display().to_string();
    scene.house.run(&["backup", &backup]).ok();
    let _line = silent(&scene, "asleep", Duration::from_secs(30));
    let Scene { house, server, .. } = scene;
    assert!(server.stop().success());
    lose(&house);
    house.run(&["restore", &backup]).ok();
    let config = house.write("short.toml", "[feed]\nmax_lease = \"5s\"\n");
    let _server = house.serve(&["--config", &config]);
    let mut stream = std::os::unix::net::UnixStream::connect(house.socket()).expect("a server");
    writeln!(stream, "enforcement 1 0").expect("sent");
    let mut told = String::new();
    stream.read_to_string(&mut told).expect("an answer");
    let found: rescind::feed::Enforcement = serde_json::from_str(&told).expect("an enforcement");
    assert!(!found.enforced, "{found:?}");
    let epoch = found.pending.iter().find(|pending| pending.verifier.contains("epoch before"));
    epoch.unwrap_or_else(|| panic!("{found:?}")).bound_in
}

#[test]
fn g7_after_a_restore_the_longest_lease_that_this_folder_ever_permitted_is_waited_for() {
    // 3.75 x 30 s, and what has passed since.
    let wait = waits_after_a_restore(|_| {});
    assert!((Duration::from_secs(50)..Duration::from_secs(113)).contains(&wait), "{wait:?}");
}

#[test]
fn g7_after_a_restore_the_longest_lease_that_the_replaced_store_knew_of_is_waited_for() {
    let wait = waits_after_a_restore(|house| {
        std::fs::remove_file(house.data().join("longest-lease")).expect("there");
    });
    assert!((Duration::from_secs(50)..Duration::from_secs(113)).contains(&wait), "{wait:?}");
}

#[test]
fn g7_after_a_restore_where_nothing_is_known_the_longest_lease_that_may_be_configured_is_waited_for() {
    let wait = waits_after_a_restore(|house| {
        for file in ["longest-lease", "rescind.db", "rescind.db-wal", "rescind.db-shm"] {
            let _ = std::fs::remove_file(house.data().join(file));
        }
    });
    assert!(wait > Duration::from_mins(74), "{wait:?}");
}

#[test]
fn g7_a_tag_of_an_entry_that_the_store_lost_begins_a_new_epoch() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let (issuer, phone) = (format!("http://{}", server.address), server.sign_in("ann", "Phone"));
    assert!(server.stop().success());
    let copy = std::fs::read(house.data().join("rescind.db")).expect("the database");
    house.run(&["session", "end", &phone.session]).ok();
    let shown = house.json_lines(&["log"]).pop().expect("an entry");
    let tag = tag_of(&house.data().join("rescind.db"));
    // Behind everybody's back, and then written to again.
    std::fs::write(house.data().join("rescind.db"), copy).expect("written");
    house.run(&["user", "logout", "ann"]).ok();
    let server = house.serve(&["--issuer", &issuer]);
    let scene = Scene::around(house, server);
    let mut line = Line::new(&scene);
    let held = json!({ "position": shown["position"], "tag": tag });
    line.say_text(&json!({ "type": "hello", "verifier": "witness", "lease_ms": 5000, "held": held }).to_string());
    assert_eq!(line.until_closed(), "epoch");
    let last = scene.house.json_lines(&["log"]);
    assert!(last.iter().any(|row| row["reason"].to_string().contains("the store went back")), "{last:?}");
    assert_eq!(scene.server.status(&phone), 401);
}

/// The tag of the log's last entry, as the feed carries it.
fn tag_of(database: &std::path::Path) -> String {
    let sql = "SELECT hex(tag) FROM log ORDER BY number DESC LIMIT 1";
    let said = std::process::Command::new("sqlite3").arg(database).arg(sql).output().expect("installed");
    let hex = String::from_utf8(said.stdout).expect("text");
    let bytes = data_encoding::HEXUPPER.decode(hex.trim().as_bytes()).expect("a tag");
    data_encoding::BASE64URL_NOPAD.encode(&bytes)
}

#[test]
fn verifiers_are_listed_and_evicted() {
    let scene = Scene::new();
    let mut line = silent(&scene, "shop one", LEASE);
    let listed = scene.until_listed("shop one");
    assert_eq!(
        (&listed["client_id"], &listed["lease_ms"], &listed["ip"]),
        (&json!("shop"), &json!(4000), &json!("127.0.0.1"))
    );
    let path = format!("/v1/admin/verifiers/{}", listed["id"].as_str().expect("an id"));
    scene.administer("DELETE", &path, None).expect(204);
    assert_eq!(line.until_closed(), "evicted");
    let events = scene.house.json_lines(&["events"]);
    let told: Vec<&Value> = events.iter().filter(|event| event["kind"] == "verifier_evicted").collect();
    let [event] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&event["client_id"], &event["detail"]), (&json!("shop"), &json!("shop one")), "{event}");
    assert_eq!(event["actor"], "client console", "{event}");
    until(|| {
        let list = scene.administer("GET", "/v1/admin/verifiers", None).expect(200).json();
        (list["verifiers"] == Value::Array(Vec::new())).then_some(())
    });
    scene.administer("DELETE", &path, None).expect(404);
    let device = scene.server.sign_in("ann", "Phone");
    let answer = scene.server.request("GET", "/v1/admin/verifiers", Some(&device.access), None);
    assert_eq!(answer.status, 403);
}
