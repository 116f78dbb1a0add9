//! Every way to end something from the command line, beside a running server and without one.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::house::{House, PASSWORD, RESCIND, bare, finish};
use crate::server::{Device, Server};

/// One way to end ann's phone: the command, given her laptop and her phone.
struct Ending {
    name: &'static str,
    command: fn(&Device, &Device) -> Vec<String>,
    /// What it leaves alone: her laptop, and bob's.
    spares: (bool, bool),
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn kid_of(device: &Device) -> String {
    let head = device.access.split('.').next().expect("a header");
    let head = data_encoding::BASE64URL_NOPAD.decode(head.as_bytes()).expect("base64url");
    let head: Value = serde_json::from_slice(&head).expect("JSON");
    head["kid"].as_str().expect("a key").to_owned()
}

const ENDINGS: [Ending; 14] = [
    Ending {
        name: "session end",
        command: |_, phone| words(&["session", "end", &phone.session, "--reason", "phone stolen"]),
        spares: (true, true),
    },
    Ending {
        name: "revoke session",
        command: |_, phone| words(&["revoke", "session", &phone.session, "--reason", "phone stolen"]),
        spares: (true, true),
    },
    Ending { name: "user logout", command: |_, _| words(&["user", "logout", "ann"]), spares: (false, true) },
    Ending {
        name: "user logout --except",
        command: |laptop, _| words(&["user", "logout", "ann", "--except", &laptop.session]),
        spares: (true, true),
    },
    Ending {
        name: "revoke user",
        command: |_, _| words(&["revoke", "user", "ann", "--reason", "x"]),
        spares: (false, true),
    },
    Ending {
        name: "revoke user --except",
        command: |laptop, _| words(&["revoke", "user", "ann", "--except", &laptop.session, "--reason", "x"]),
        spares: (true, true),
    },
    Ending {
        name: "revoke grant",
        command: |_, _| words(&["revoke", "grant", "ann", "default", "--reason", "x"]),
        spares: (false, true),
    },
    Ending {
        name: "revoke token",
        command: |_, phone| words(&["revoke", "token", &phone.access, "--reason", "x"]),
        spares: (true, true),
    },
    Ending { name: "user lock", command: |_, _| words(&["user", "lock", "ann", "--for", "1h"]), spares: (false, true) },
    Ending { name: "user delete", command: |_, _| words(&["user", "delete", "ann"]), spares: (false, true) },
    Ending {
        name: "revoke client",
        command: |_, _| words(&["revoke", "client", "default", "--reason", "x"]),
        spares: (false, false),
    },
    Ending {
        name: "revoke everyone",
        command: |_, _| words(&["revoke", "everyone", "--reason", "x"]),
        spares: (false, false),
    },
    Ending {
        name: "revoke key",
        command: |_, phone| words(&["revoke", "key", &kid_of(phone), "--reason", "x"]),
        spares: (false, false),
    },
    Ending {
        name: "key compromise",
        command: |_, phone| words(&["key", "compromise", &kid_of(phone), "--reason", "x"]),
        spares: (false, false),
    },
];

/// Those that end what others are given too.
const BROAD: usize = 4;

fn status(spared: bool) -> u16 {
    if spared { 200 } else { 401 }
}

/// The three devices of one ending, and what becomes of them.
struct Devices {
    laptop: Device,
    phone: Device,
    other: Device,
}

impl Devices {
    /// Ann and bob of this ending sign in.
    fn sign_in(server: &Server, number: usize) -> Self {
        let (ann, bob) = (format!("ann-{number}"), format!("bob-{number}"));
        Self {
            laptop: server.sign_in(&ann, "Laptop"),
            phone: server.sign_in(&ann, "Phone"),
            other: server.sign_in(&bob, "Laptop"),
        }
    }

    /// Runs the command of this ending.
    fn end(&self, house: &House, number: usize, ending: &Ending) -> String {
        let ann = format!("ann-{number}");
        let command = (ending.command)(&self.laptop, &self.phone);
        let words: Vec<&str> = command.iter().map(|word| if word == "ann" { &ann } else { word.as_str() }).collect();
        house.run(&words).ok().out
    }

    fn look(&self, server: &Server, ending: &Ending) {
        let expected = (401, status(ending.spares.0), status(ending.spares.1));
        let found = (server.status(&self.phone), server.status(&self.laptop), server.status(&self.other));
        assert_eq!(found, expected, "{}: phone, laptop, bob's", ending.name);
    }
}

/// A house with an ann and a bob for every ending.
fn inhabited() -> House {
    let house = House::new();
    let logins: Vec<String> = (0..ENDINGS.len()).flat_map(|n| [format!("ann-{n}"), format!("bob-{n}")]).collect();
    house.import(&logins);
    house
}

#[test]
fn a1_a3_whatever_the_command_line_ended_the_running_server_refuses_as_it_answers_and_nothing_else() {
    let house = inhabited();
    let server = house.serve(&[]);
    for (number, ending) in ENDINGS.iter().enumerate() {
        let devices = Devices::sign_in(&server, number);
        assert_eq!(server.status(&devices.phone), 200, "{}", ending.name);
        let said = devices.end(&house, number, ending);
        // At once: no waiting, no second try.
        devices.look(&server, ending);
        assert!(said.ends_with("applied by the running server\n"), "{}: {said}", ending.name);
    }
}

#[test]
fn a1_whenever_an_ending_answers_the_servers_own_verifier_has_applied_it() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    for refused in 1..=25 {
        let phone = server.sign_in("ann", "Phone");
        let ended = house.json(&["user", "logout", "ann"]);
        // Without a read of the store: what the verifier knows in memory, and what it refuses by that.
        let position = server.gauge("rescind_verifier_position").expect("a position");
        let number = ended["revocation"]["position"].as_str().and_then(|text| text.rsplit('.').next()?.parse().ok());
        assert!(Some(position) >= number, "{position}: {ended}");
        assert_eq!(server.status(&phone), 401);
        assert_eq!(server.gauge("rescind_verifier_refused_total{reason=\"revoked\"}"), Some(refused));
    }
}

#[test]
fn a1_a14_a15_whatever_was_ended_while_no_server_ran_is_one_entry_one_event_and_refused_by_the_next_server() {
    const FLAGS: [&str; 2] = ["--issuer", "http://localhost"];
    let (narrow, broad) = ENDINGS.split_at(ENDINGS.len() - BROAD);
    for group in std::iter::once(narrow).chain(broad.chunks(1)) {
        let house = inhabited();
        let server = house.serve(&FLAGS);
        let devices: Vec<Devices> = (0..group.len()).map(|number| Devices::sign_in(&server, number)).collect();
        server.stop();
        for (number, ending) in group.iter().enumerate() {
            let head = house.head();
            let said = devices[number].end(&house, number, ending);
            assert_eq!(said.lines().count(), 1, "{}: {said}", ending.name);
            one_entry_and_one_event(&house, head, ending.name);
        }
        let server = house.serve(&FLAGS);
        devices.iter().zip(group).for_each(|(devices, ending)| devices.look(&server, ending));
    }
}

/// A key that is revoked has a successor, which takes a position of its own and ends nothing.
fn one_entry_and_one_event(house: &House, head: u64, name: &str) {
    let entries = house.json_lines(&["log", "--after", &head.to_string()]);
    let ended: Vec<&Value> = entries.iter().filter(|entry| !entry["scope"].is_null()).collect();
    assert_eq!(ended.len(), 1, "{name}: {entries:?}");
    assert_eq!(ended[0]["actor"], "command line", "{name}");
    let events = house.json_lines(&["events"]);
    let about: Vec<&Value> = events.iter().filter(|event| event["revocation"] == ended[0]["number"]).collect();
    assert_eq!(about.len(), 1, "{name}: {about:?}");
    assert_eq!(about[0]["actor"], "command line", "{name}");
}

#[test]
fn a4_ending_a_session_that_has_ended_succeeds_and_writes_nothing() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let phone = server.sign_in("ann", "Phone");
    house.run(&["session", "end", &phone.session]).ok();
    let head = house.head();
    for command in [["session", "end"], ["revoke", "session"]] {
        let said = house.run(&[&command[..], &[&phone.session, "--reason", "again"]].concat()).ok();
        assert_eq!(said.out, format!("session {} had ended before\n", phone.session));
    }
    assert_eq!(house.json(&["session", "end", &phone.session]), json!({ "revocation": null, "server": null }));
    assert_eq!(house.head(), head);
}

#[test]
fn an_ending_says_to_programs_where_it_stands_and_what_the_server_said() {
    let house = House::of("ann");
    let mut said = house.json(&["user", "logout", "ann", "--reason", "lost everything"]);
    let revocation = said["revocation"].take();
    assert_eq!(said["server"], "none");
    assert_eq!(revocation["reason"], "lost everything");
    assert_eq!(revocation["scope"]["type"], "user");
    let position = revocation["position"].as_str().expect("a position");
    assert_eq!(position.rsplit('.').next().and_then(|number| number.parse().ok()), Some(house.head()));
    let _server = house.serve(&[]);
    assert_eq!(house.json(&["user", "logout", "ann"])["server"], "applied");
}

#[test]
fn a_server_that_does_not_answer_makes_an_ending_late_and_it_counts_all_the_same() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let phone = server.sign_in("ann", "Phone");
    server.signal(Signal::STOP);
    house.run(&["user", "logout", "ann"]).failed_with(3).says("has not confirmed within 1 s");
    let said = house.run(&["user", "logout", "ann", "--json"]).failed_with(3);
    assert_eq!(said.json()["server"], "late");
    server.signal(Signal::CONT);
    // It polls the log, hint or none.
    assert!((0..10_000).any(|_| server.status(&phone) == 401));
}

#[test]
fn a_socket_that_a_killed_server_left_behind_is_nobody() {
    let house = House::of("ann");
    let mut server = house.serve(&[]);
    server.signal(Signal::KILL);
    server.wait();
    assert!(house.socket().exists());
    assert_eq!(house.json(&["user", "logout", "ann"])["server"], "none");
    let server = house.serve(&[]);
    assert_eq!(house.json(&["user", "logout", "ann"])["server"], "applied");
    server.stop();
}

#[test]
fn a_server_whose_socket_is_gone_is_not_nobody_and_makes_an_ending_late() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    std::fs::remove_file(house.socket()).expect("removed");
    let said = house.run(&["user", "logout", "ann", "--json"]).failed_with(3);
    assert_eq!(said.json()["server"], "late");
    house.run(&["verifiers"]).failed_with(1).says("the running server does not answer");
    server.stop();
    assert_eq!(house.json(&["user", "logout", "ann"])["server"], "none");
}

#[test]
fn an_enforcement_that_was_waited_for_and_reached_is_a_success_though_the_server_said_nothing() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    std::fs::remove_file(house.socket()).expect("removed");
    let said = house.run(&["revoke", "user", "ann", "--reason", "lost", "--wait=20s", "--json"]).ok();
    assert_eq!((&said.json()["server"], &said.json()["enforcement"]["enforced"]), (&json!("late"), &json!(true)));
    server.stop();
}

#[test]
fn an_enforcement_is_seen_in_the_store_while_a_server_holds_the_question_and_says_nothing() {
    let house = House::of("ann");
    // In place of a server: it takes every question and answers none.
    let silent = std::os::unix::net::UnixListener::bind(house.socket()).expect("bound");
    let said = house.run(&["revoke", "user", "ann", "--reason", "lost", "--wait=20s", "--json"]).ok();
    assert_eq!((&said.json()["server"], &said.json()["enforcement"]["enforced"]), (&json!("late"), &json!(true)));
    drop(silent);
}

#[test]
fn a_server_that_is_stopped_and_goes_on_in_time_is_waited_for() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    server.signal(Signal::STOP);
    let head = house.head();
    let said = std::thread::scope(|scope| {
        let said = scope.spawn(|| house.run(&["revoke", "user", "ann", "--reason", "lost", "--wait=20s", "--json"]));
        // It is asked, and has not answered.
        while house.head() == head {
            std::thread::yield_now();
        }
        server.signal(Signal::CONT);
        said.join().expect("answered")
    });
    assert_eq!(said.ok().json()["enforcement"]["enforced"], true);
    server.signal(Signal::STOP);
    let said = house.run(&["revoke", "user", "ann", "--reason", "lost", "--wait=1s", "--json"]).failed_with(3);
    let told = said.json();
    assert_eq!((&told["server"], &told["enforcement"]["enforced"]), (&json!("late"), &json!(false)));
    assert!(told["enforcement"]["pending"][0]["verifier"].as_str().is_some_and(|name| name.starts_with("node ")));
    server.signal(Signal::CONT);
    server.stop();
}

#[test]
fn a_folder_with_too_long_a_path_for_a_socket_has_no_server_and_says_so() {
    let house = House::new();
    let base = house.path("").as_os_str().len();
    let folder = house.path(&"x".repeat(159 - base)).display().to_string();
    let in_folder = |arguments: &[&str], input: &str| {
        let mut command = bare(RESCIND, &house.path(""));
        command.args(arguments).arg("--data").arg(&folder);
        finish(command, arguments, input)
    };
    in_folder(&["user", "add", "ann", "--password-stdin"], PASSWORD).ok();
    let said = in_folder(&["user", "logout", "ann", "--json"], "").ok();
    assert_eq!(said.json()["server"], "none");
    let refused = in_folder(&["serve", "--listen", "127.0.0.1:0"], "").failed_with(1);
    refused.says("is too long for a socket: choose a data folder whose path has at most");
}

#[test]
fn what_is_not_there_or_makes_no_sense_is_refused_and_ends_nothing() {
    let house = House::of("ann");
    house.add("bob");
    let server = house.serve(&[]);
    let (ann, bob) = (server.sign_in("ann", "Phone"), server.sign_in("bob", "Phone"));
    let head = house.head();
    let nobody = "ses_00000000000000000000000000";
    for (command, code) in [
        (&["session", "end", nobody][..], 4),
        (&["session", "end", "phone"], 2),
        (&["user", "logout", "carol"], 4),
        (&["user", "logout", "ann", "--except", nobody], 4),
        (&["user", "logout", "ann", "--except", &bob.session], 4),
        (&["revoke", "client", "gone", "--reason", "x"], 4),
        (&["revoke", "grant", "ann", "gone", "--reason", "x"], 4),
        (&["revoke", "session", nobody, "--reason", "x"], 4),
        (&["revoke", "key", "key_gone", "--reason", "x"], 4),
        (&["revoke", "token", "garbage", "--reason", "x"], 6),
        (&["revoke", "everyone"], 2),
        (&["revoke", "everyone", "--reason", &"x".repeat(501)], 2),
        (&["client", "remove", "default"], 2),
    ] {
        house.run(command).failed_with(code);
    }
    assert_eq!(house.head(), head);
    assert_eq!((server.status(&ann), server.status(&bob)), (200, 200));
}

#[test]
fn a17_an_exception_that_has_itself_ended_is_refused_and_ends_nothing() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let (laptop, phone) = (server.sign_in("ann", "Laptop"), server.sign_in("ann", "Phone"));
    house.run(&["user", "logout", "ann", "--except", &laptop.session]).ok();
    let refused = house.run(&["user", "logout", "ann", "--except", &phone.session]).failed_with(5);
    refused.says("nothing was ended");
    assert_eq!((server.status(&laptop), server.status(&phone)), (200, 401));
}

#[test]
fn everyone_spares_services_unless_they_are_named_too() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let added = house.json(&["client", "add", "jobs", "--kind", "service", "--scope", "rescind:admin"]);
    let token = service_token(&server, &added);
    let status = || server.request("GET", "/v1/admin/users", Some(&token), None).status;
    assert_eq!(status(), 200);
    house.run(&["revoke", "everyone", "--reason", "x"]).ok();
    assert_eq!(status(), 200);
    house.run(&["revoke", "everyone", "--services", "--reason", "x"]).ok();
    assert_eq!(status(), 401);
}

/// A token of a client that acts for itself.
pub(crate) fn service_token(server: &Server, added: &Value) -> String {
    use std::io::Write as _;
    let (id, secret) =
        (added["client"]["id"].as_str().expect("an id"), added["client_secret"].as_str().expect("a secret"));
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let mut stream = server.connect();
    let head = "POST /oauth/token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/x-www-form-urlencoded\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let answer = crate::server::answer(stream).expect(200);
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}
