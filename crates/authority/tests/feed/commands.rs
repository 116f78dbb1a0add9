//! The command line waits, too, and says who is missing.

use std::time::Duration;

use serde_json::json;

use crate::house::House;
use crate::line::Line;
use crate::scene::Scene;

/// Longer than a busy machine stalls.
const LEASE: Duration = Duration::from_secs(5);

#[test]
fn a15_an_ending_from_the_command_line_waits_for_the_verifiers_of_the_running_server() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let (mut line, position) = Line::following(&scene, "asleep", LEASE);
    line.until_echoed(position, 1);
    let early = scene.house.run(&["session", "end", &device.session, "--wait=1s"]).failed_with(3);
    assert!(
        early.out.contains("not enforced yet") && early.out.contains("asleep of client shop, bound by "),
        "{early:?}"
    );
    assert!(early.out.contains("applied by the running server"), "by itself, which the verifiers are not: {early:?}");
    early.says("not enforced in time");
    // It had ended before, and its end is waited for all the same.
    let later = scene.house.json(&["session", "end", &device.session, "--wait=20s"]);
    assert_eq!((&later["revocation"], &later["enforcement"]["enforced"]), (&json!(null), &json!(true)), "{later}");
}

#[test]
fn a4_the_end_of_an_account_or_a_client_that_is_gone_is_waited_for_where_it_was_ended() {
    let scene = Scene::with(&["--feed-max-lease", "5m"]);
    let house = &scene.house;
    let ann = house.json(&["user", "show", "ann"])["user"]["id"].as_str().expect("an id").to_owned();
    house.run(&["client", "add", "app", "--kind", "native"]).ok();
    let (mut line, position) = Line::following(&scene, "asleep", Duration::from_mins(5));
    line.until_echoed(position, 1);
    let deleted = house.run(&["user", "delete", "ann", "--wait=0", "--json"]).failed_with(3).json();
    let removed = house.run(&["client", "remove", "app", "--wait=0", "--json"]).failed_with(3).json();
    let head = house.head();
    let [delete, revoke] = [&["user", "delete", &ann][..], &["revoke", "user", &ann, "--reason", "a test"]];
    let remove = &["client", "remove", "app"][..];
    for (command, first) in [(delete, &deleted), (revoke, &deleted), (remove, &removed)] {
        house.run(command).failed_with(4);
        let again = house.run(&[command, &["--wait=0", "--json"]].concat()).failed_with(3).json();
        assert_eq!(again["revocation"], first["revocation"]);
    }
    house.run(&["user", "delete", "ann", "--wait"]).failed_with(4).says("is waited for by its id");
    house.run(&["client", "remove", "never", "--wait"]).failed_with(4);
    assert_eq!(house.head(), head, "nothing was written");
    line.try_ack(head, 1000);
    for command in [delete, revoke, remove] {
        assert_eq!(house.json(&[command, &["--wait=20s"]].concat())["enforcement"]["enforced"], true);
    }
}

#[test]
fn without_a_server_the_command_line_observes_what_nodes_have_promised() {
    let house = House::of("ann");
    let alone = house.run(&["user", "logout", "ann", "--wait"]).ok();
    assert!(alone.out.contains("enforced: 0 of 0 verifiers have confirmed"), "{alone:?}");
    let mut server = house.serve(&[]);
    server.signal(rustix::process::Signal::KILL);
    drop(server.wait());
    let killed = house.run(&["user", "logout", "ann", "--wait=1s", "--json"]).failed_with(3).json();
    let pending = &killed["enforcement"]["pending"][0];
    assert!(pending["verifier"].as_str().is_some_and(|name| name.starts_with("node ")), "{killed}");
}

#[test]
fn the_verifiers_of_the_running_server_are_listed() {
    let scene = Scene::new();
    let (mut line, position) = Line::following(&scene, "shop one", LEASE);
    line.until_echoed(position, 1);
    let listed = scene.house.json(&["verifiers"]);
    assert_eq!((&listed[0]["name"], &listed[0]["client_id"]), (&json!("shop one"), &json!("shop")), "{listed}");
    let shown = scene.administer("GET", "/v1/admin/verifiers", None).expect(200).json();
    assert_eq!((&listed[0]["since"], &listed[0]["head"]), (&shown["verifiers"][0]["since"], &shown["head"]), "{shown}");
    let manual = include_str!("../../../../docs/cli.md");
    let members: Vec<String> =
        listed[0].as_object().expect("an object").keys().map(|member| format!("`{member}`")).collect();
    assert!(manual.contains(&format!("| verifier | {} |", members.join(", "))), "{members:?}");
    let table = scene.house.run(&["verifiers"]).ok().out;
    assert!(table.starts_with("NAME") && table.contains("shop one  shop    127.0.0.1  "), "{table}");
    assert!(scene.server.stop().success());
    scene.house.run(&["verifiers"]).failed_with(4).says("no server runs");
}
