//! What people and programs read: logs, pages of the manual, scripts, and what happens when nobody reads on.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::house::House;

#[test]
fn the_log_says_what_by_whom_and_why() {
    let house = House::of("ann");
    house.run(&["user", "logout", "ann", "--reason", "lost\u{1b}[31m everything"]).ok();
    let rows = house.json_lines(&["log"]);
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["scope"], &rows[0]["key"]["alg"]), (&json!(null), &json!("EdDSA")));
    let plain = ["number", "key", "reason", "actor"].map(|name| rows[1][name].clone());
    assert_eq!(json!(plain), json!([2, null, "lost\u{1b}[31m everything", "command line"]));
    assert_eq!(rows[1]["scope"]["type"], "user");
    let text = house.run(&["log"]).ok().out;
    assert!(text.starts_with("NUMBER  TIME "), "{text}");
    // Whatever somebody wrote there does not act on the terminal.
    assert!(
        !text.contains('\u{1b}') && text.contains("revoked user usr_") && text.contains("the command line"),
        "{text}"
    );
    assert_eq!(house.json_lines(&["log", "--after", "1"]), rows[1..]);
    assert_eq!(house.run(&["log", "--after", "2"]).ok().out, "");
}

#[test]
fn a_log_that_is_followed_shows_each_entry_as_it_commits() {
    let house = House::of("ann");
    let mut command = house.command(&["log", "--follow", "--json", "--after", "1"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    for number in 2..5 {
        house.run(&["user", "logout", "ann"]).ok();
        let row: Value = serde_json::from_str(&lines.next().expect("a line").expect("UTF-8")).expect("JSON");
        assert_eq!(row["number"], number);
    }
    child.kill().and_then(|()| child.wait()).expect("ended");
}

#[test]
fn events_are_listed_for_all_or_for_one_user() {
    let house = House::of("ann");
    house.add("bob");
    house.run(&["user", "logout", "bob"]).ok();
    let all = house.json_lines(&["events"]);
    let kinds: Vec<&str> = all.iter().filter_map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["key_added", "key_added", "user_created", "user_created", "sessions_ended"]);
    let bob = house.json(&["user", "show", "bob"])["user"]["id"].clone();
    let his: Vec<Value> = all.iter().filter(|event| event["user_id"] == bob).cloned().collect();
    assert_eq!(house.json_lines(&["events", "--user", "bob"]), his);
    let third = all[2]["id"].as_str().expect("an id");
    assert_eq!(third, "evt_3");
    assert_eq!(house.json_lines(&["events", "--after", third]), all[3..]);
    let last = all.last().expect("an event");
    let names: Vec<&str> = last.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = ["actor", "at", "client_id", "detail", "id", "ip", "kind", "revocation", "session_id", "user_id"];
    assert_eq!(names, expected);
    assert!(house.run(&["events", "--user", "bob"]).ok().out.contains("the command line"));
    house.run(&["events", "--user", "carol"]).failed_with(4);
}

#[test]
fn a_reader_that_stops_reading_ends_it_quietly() {
    let house = House::new();
    let lines: Vec<String> = (0..2000).map(|n| format!("{{\"login\":\"user-{n:04}\"}}\n")).collect();
    house.run_with(&["import", "-"], &lines.concat()).ok();
    for arguments in [&["user", "list"][..], &["events"], &["events", "--json"], &["completions", "bash"], &["--help"]]
    {
        let mut command = house.command(arguments);
        if arguments[0] == "--help" {
            command = crate::house::bare(crate::house::RESCIND, &house.path(""));
            command.arg("--help");
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("ended");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!((ended.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn every_shell_has_completions_and_every_command_a_man_page() {
    let house = House::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = house.run(&["completions", shell]).ok().out;
        assert!(script.contains("rescind") && script.contains("logout"), "{shell}");
    }
    house.run(&["completions", "tcsh"]).failed_with(2);
    let page = house.run(&["man"]).ok().out;
    assert!(page.contains(".TH rescind 1") && page.contains("the token is ours, and not alive"), "{page}");
    let folder = house.path("");
    house.run(&["man", "--dir", &folder.display().to_string()]).ok();
    for name in ["rescind.1", "rescind-serve.1", "rescind-user-logout.1", "rescind-revoke-everyone.1"] {
        assert!(house.path(name).exists(), "{name}");
    }
    house.run(&["man", "--dir", "gone"]).failed_with(1).says("gone");
}

#[test]
fn help_and_version_are_answers_and_nonsense_is_wrong_usage() {
    let house = House::new();
    let help = house.run(&["--help"]).ok().out;
    assert!(help.contains("Exit codes:") && help.contains("  3  done, but the running server"), "{help}");
    assert!(house.run(&["--version"]).ok().out.starts_with("rescind "));
    assert!(house.run(&["serve", "--help"]).ok().out.contains("--tokens-access-lifetime"));
    assert!(house.run(&["import", "--help"]).ok().out.contains("\"password_hash\""));
    house.run(&["frobnicate"]).failed_with(2);
    house.run(&["user", "lgout", "ann"]).failed_with(2).says("logout");
}

#[test]
fn what_ends_nothing_cannot_be_waited_for() {
    let house = House::of("ann");
    for reading in [&["user", "list"][..], &["log"], &["key", "rotate"], &["user", "unlock", "ann"], &["verify", "x"]] {
        let said = house.run(&[reading, &["--wait"]].concat()).failed_with(2).says("'--wait'");
        assert!(!said.err.contains("--wait=5s"), "{}", said.err);
    }
    for apart in [["user", "logout", "ann", "--wait", "5s"], ["user", "logout", "--wait", "5s", "ann"]] {
        house.run(&apart).failed_with(2).says("the time is written right after it: --wait=5s");
    }
    let typo = house.run(&["user", "logout", "ann", "--wate"]).failed_with(2);
    assert!(!typo.err.contains("right after it"), "{}", typo.err);
}

#[test]
fn an_ending_needs_a_reason_that_says_something() {
    let house = House::of("ann");
    let head = house.head();
    for ending in [&["revoke", "everyone"][..], &["user", "logout", "ann"], &["user", "delete", "ann"]] {
        for nothing in ["", "  "] {
            house.run(&[ending, &["--reason", nothing]].concat()).failed_with(2).says("say why");
        }
    }
    assert_eq!(house.head(), head);
}

#[test]
fn a_file_in_the_place_of_the_data_folder_is_called_that() {
    let house = House::new();
    fs::write(house.data(), "").expect("written");
    house.run(&["user", "list"]).failed_with(1).says("is no folder: name another one with --data");
    house.refuses_to_serve(&[]).failed_with(1).says("is no folder");
}

#[test]
fn one_device_is_counted_as_one() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    for counted in ["0 devices", "1 device", "2 devices"] {
        let shown = house.run(&["user", "show", "ann"]).ok().out;
        assert!(shown.contains(&format!("signed in on  {counted}\n")), "{shown}");
        server.sign_in("ann", "Laptop");
    }
}

#[test]
fn the_manual_names_every_member_of_every_answer() {
    let manual =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md")).expect("docs/cli.md");
    let listed = |object: &str| -> Vec<String> {
        let begins = format!("| {object} | ");
        let row = manual.lines().find_map(|line| line.strip_prefix(&begins)).expect("a row");
        row.trim_end_matches(" |").split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
    };
    let members = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    let ending = house.json(&["session", "end", &server.sign_in("ann", "Phone").session]);
    for (object, value) in [
        ("user", &house.json(&["user", "list"])[0]),
        ("session", &house.json(&["user", "sessions", "ann"])[0]),
        ("ending", &ending),
        ("revocation", &ending["revocation"]),
        ("key", &house.json(&["key", "list"])[0]),
        ("client", &house.json(&["client", "list"])[0]),
        ("report", &house.json(&["verify", &device.access])),
        ("entry", &house.json_lines(&["log"])[0]),
        ("event", &house.json_lines(&["events"])[0]),
    ] {
        assert_eq!(listed(object), members(value), "{object}");
    }
}

#[test]
fn what_only_looks_answers_the_same_beside_a_server_and_alone() {
    let house = House::of("ann");
    house.add("bob");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    house.run(&["user", "logout", "bob"]).ok();
    let kid = house.json(&["key", "list"])[0]["kid"].as_str().expect("a key").to_owned();
    let looking = [
        &["user", "list"][..],
        &["user", "show", "ann"],
        &["user", "sessions", "ann"],
        &["key", "list"],
        &["client", "list"],
        &["client", "show", "default"],
        &["verify", &device.refresh],
        &["log"],
        &["events", "--user", "bob"],
        &["config", "show"],
        &["config", "check"],
    ];
    let look =
        || looking.map(|command| (house.run(command).ok().out, house.run(&[command, &["--json"]].concat()).ok().out));
    let beside = look();
    server.stop();
    assert_eq!(look(), beside);
    assert!(beside.iter().any(|(text, _)| text.contains(&kid)));
}

#[test]
fn what_changes_something_works_alone_too() {
    let house = House::of("ann");
    house.add("bob");
    let commands = [
        &["user", "role", "ann", "administrator"][..],
        &["user", "role", "bob", "administrator"],
        &["user", "lock", "ann", "--for", "1h", "--reason", "x"],
        &["user", "unlock", "ann"],
        &["user", "logout", "ann"],
        &["revoke", "user", "ann", "--reason", "x"],
        &["revoke", "everyone", "--services", "--reason", "x"],
        &["revoke", "client", "default", "--reason", "x"],
        &["client", "add", "shop", "--kind", "mobile", "--audience", "orders=RS256"],
        &["client", "remove", "shop"],
        &["key", "rotate"],
        &["user", "delete", "ann"],
    ];
    for command in commands {
        let said = house.run(command).ok();
        assert!(!said.out.is_empty() && !said.out.contains("running server") && said.err.is_empty(), "{said:?}");
    }
    let kinds: Vec<Value> = house.json_lines(&["events"]).iter().map(|event| event["kind"].clone()).collect();
    for kind in
        ["role_changed", "user_locked", "user_unlocked", "sessions_ended", "revoked", "client_added", "client_removed"]
    {
        assert!(kinds.contains(&json!(kind)), "{kind}");
    }
}
