//! `rescind serve`: from the first line that it prints to the last thing that it writes down.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;
use serde_json::json;

use crate::house::{House, PASSWORD, finish};
use crate::server::{Server, answer, request};

#[test]
fn the_first_line_says_where_it_listens_and_the_second_how_to_begin() {
    let house = House::new();
    let server = house.serve(&[]);
    let url = format!("http://{}", server.address);
    assert_eq!(server.first_lines[0], format!("Rescind listens on {url}"));
    let link = server.first_lines[1].strip_prefix("Set-up link (valid for one hour): ").expect("a link");
    let token = link.strip_prefix(&format!("{url}/setup?token=")).expect("the link's form");
    assert!(token.starts_with("stp_") && server.first_lines.len() == 2);
    let body = json!({ "token": token, "login": "root", "password": PASSWORD });
    server.post("/v1/setup", &body).expect(201);
    assert_eq!(house.json(&["user", "show", "root"])["user"]["role"], "administrator");
    server.stop();
    assert_eq!(house.serve(&[]).first_lines.len(), 1);
}

#[test]
fn where_there_are_no_pages_no_link_is_printed_and_the_log_says_why() {
    let house = House::new();
    let server = house.serve(&["--issuer", "http://id.example"]);
    assert_eq!(server.first_lines[1], "To make the first administrator: rescind user add LOGIN --admin");
    assert_eq!(server.first_lines.len(), 2);
    assert_eq!(server.logged().matches("the pages are off").count(), 1, "{}", server.logged());
    server.stop();
    let server = house.serve(&[]);
    assert!(server.first_lines[1].starts_with("Set-up link"), "{:?}", server.first_lines);
    assert!(!server.logged().contains("the pages are off"), "{}", server.logged());
}

#[test]
fn a_proxy_that_nobody_named_is_a_warning_once() {
    let house = House::of("ann");
    let forwarded = |server: &Server| {
        let mut stream = server.connect();
        let body = json!({ "login": "ann", "password": "not that one" }).to_string();
        let head = "POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: 192.0.2.1\r\n\
                    content-type: application/json\r\nconnection: close\r\n";
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("sent");
        answer(stream).expect(401);
    };
    let warnings = |server: &Server| server.logged().matches("if a proxy is in front, name it").count();
    let server = house.serve(&[]);
    server.sign_in("ann", "Laptop");
    assert_eq!(warnings(&server), 0, "{}", server.logged());
    forwarded(&server);
    forwarded(&server);
    assert_eq!(warnings(&server), 1, "{}", server.logged());
    server.stop();
    let server = house.serve(&["--proxies-trusted", "127.0.0.1"]);
    forwarded(&server);
    assert_eq!(warnings(&server), 0, "{}", server.logged());
}

#[test]
fn a_second_server_on_the_folder_or_the_port_is_refused_and_harms_nothing() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    house.refuses_to_serve(&["--listen", "127.0.0.1:0"]).failed_with(7).says("stop it first");
    let other = House::new();
    let taken = server.address.to_string();
    other.refuses_to_serve(&["--listen", &taken]).failed_with(7).says(&taken);
    assert!(house.socket().exists());
    assert_eq!(house.json(&["user", "logout", "ann"])["server"], "applied");
}

#[test]
fn a_signal_ends_it_with_0_and_leaves_no_socket() {
    for signal in [Signal::TERM, Signal::INT] {
        let house = House::of("ann");
        let mut server = house.serve(&[]);
        let device = server.sign_in("ann", "Laptop");
        assert_eq!(server.status(&device), 200);
        assert!(house.socket().exists());
        server.signal(signal);
        let (status, rest) = server.wait();
        assert_eq!((status.code(), rest.as_str()), (Some(0), ""), "{}", server.logged());
        assert!(!house.socket().exists());
        assert_eq!(house.json(&["user", "sessions", "ann"])[0]["id"], device.session.as_str());
    }
}

#[test]
fn a_request_under_way_is_finished_and_new_connections_are_refused() {
    let house = House::of("ann");
    let mut server = house.serve(&[]);
    let body = json!({ "login": "ann", "password": PASSWORD });
    let bytes = request("POST", "/v1/sessions", None, Some(&body));
    let (first, last) = bytes.split_at(bytes.len() - 1);
    let mut stream = server.connect();
    stream.write_all(first).expect("sent");
    // Once another request was answered, the first one has arrived as well: it was accepted before.
    assert_eq!(server.try_sign_in("ann", PASSWORD), 201);
    server.signal(Signal::TERM);
    while TcpStream::connect(server.address).is_ok() {}
    stream.write_all(last).expect("sent");
    answer(stream).expect(201);
    assert_eq!(server.wait().0.code(), Some(0));
    assert_eq!(house.json(&["user", "sessions", "ann"]).as_array().map(Vec::len), Some(2));
}

#[test]
fn e3_when_a_device_was_last_seen_is_written_down_before_it_ends() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    for _ in 0..20 {
        assert_eq!(server.status(&device), 200);
    }
    server.stop();
    let listed = house.json(&["user", "sessions", "ann"]);
    assert!(listed[0]["last_seen_at"].as_str() > listed[0]["started_at"].as_str(), "{listed}");
}

#[test]
fn a13_what_was_signed_in_before_a_restart_goes_on_and_what_was_ended_stays_ended() {
    let house = House::of("ann");
    let flags = ["--issuer", "http://localhost"];
    let server = house.serve(&flags);
    let (laptop, phone) = (server.sign_in("ann", "Laptop"), server.sign_in("ann", "Phone"));
    house.run(&["session", "end", &phone.session]).ok();
    server.stop();
    let server = house.serve(&flags);
    assert_eq!((server.status(&laptop), server.status(&phone)), (200, 401));
    assert_eq!((server.refresh(&laptop.refresh).status, server.refresh(&phone.refresh).status), (200, 401));
}

#[test]
fn a_changed_issuer_is_a_warning_that_names_both_whatever_is_logged() {
    let house = House::new();
    let first = house.serve(&["--issuer", "http://localhost"]);
    assert!(!first.logged().contains("the issuer was"), "{}", first.logged());
    first.stop();
    for (filter, former, issuer) in
        [("info", "http://localhost", "http://a.localhost"), ("off", "http://a.localhost", "http://b.localhost")]
    {
        let server = house.serve(&["--issuer", issuer, "--log-filter", filter]);
        let expected = format!("the issuer was {former}, and is {issuer} now");
        assert!(server.logged().contains(&expected), "{}", server.logged());
        server.stop();
    }
    let again = house.serve(&["--issuer", "http://b.localhost"]);
    assert!(!again.logged().contains("the issuer was"), "{}", again.logged());
}

#[test]
fn nothing_that_is_logged_holds_a_secret() {
    let house = House::of("ann");
    let server = house.serve(&["--log-filter", "trace", "--log-format", "json"]);
    let device = server.sign_in("ann", "Laptop");
    assert_eq!(server.status(&device), 200);
    let next = server.refresh(&device.refresh).expect(200).json();
    assert_eq!(server.try_sign_in("ann", "not the password"), 401);
    let set_up = server.first_lines[1].rsplit('=').next().expect("a token");
    server
        .post("/v1/setup", &json!({ "token": set_up, "login": "root", "password": "an unusual passphrase" }))
        .expect(201);
    let added = house.json(&["client", "add", "jobs", "--kind", "service"]);
    crate::endings::service_token(&server, &added);
    let key = fs::read_to_string(house.data().join("root.key")).expect("the key");
    let log = server.logged();
    assert!(log.lines().count() > 1 && log.lines().all(|line| line.starts_with('{')), "{log}");
    let answered = next["refresh_token"].as_str().expect("a token");
    let secret = added["client_secret"].as_str().expect("a secret");
    for (what, secret) in [
        ("password", PASSWORD),
        ("wrong password", "not the password"),
        ("new password", "an unusual passphrase"),
        ("access token", &device.access),
        ("refresh token", &device.refresh),
        ("next refresh token", answered),
        ("set-up token", set_up),
        ("client secret", secret),
        ("root key", key.trim()),
    ] {
        assert!(!log.contains(secret), "the log holds the {what}");
    }
}

#[test]
fn a_configuration_that_is_wrong_starts_nothing() {
    let house = House::new();
    house.refuses_to_serve(&["--listen", "nowhere"]).failed_with(2).says("--listen");
    house.refuses_to_serve(&["--lisen", "127.0.0.1:0"]).failed_with(2).says("--listen");
    let file = house.write("bad.toml", "lisen = 'x'\n[tokens]\nskew = '1y'\n");
    let said = house.refuses_to_serve(&["--config", &file]).failed_with(2);
    said.says("did you mean listen?").says("bad.toml:3: tokens.skew");
    assert!(!house.data().exists());
}

#[test]
fn a_program_is_told_where_it_listens_too() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let house = House::new();
    let mut command = house.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    child.kill().and_then(|()| child.wait()).expect("ended");
    let said: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let url = said["url"].as_str().expect("a URL");
    assert!(said["set_up"].as_str().is_some_and(|link| link.starts_with(&format!("{url}/setup?token=stp_"))), "{said}");
}

#[test]
fn the_configuration_is_shown_with_where_each_value_came_from_and_checked() {
    let house = House::new();
    let file = house.write("rescind.toml", "[tokens]\nskew = '1s'\n");
    let mut command = house.command(&["config", "show", "--config", &file, "--listen", "[::1]:1", "--json"]);
    command.env("RESCIND_LOG_FORMAT", "json");
    let shown = finish(command, &["config", "show"], "").ok().json();
    let from = |key: &str| {
        let mut settings = shown["settings"].as_array().expect("a list").iter();
        let setting = settings.find(|setting| setting["key"] == key).expect("a setting");
        (setting["value"].clone(), setting["from"]["source"].clone())
    };
    assert_eq!(from("tokens.skew"), (json!("1s"), json!("file")));
    assert_eq!(from("listen"), (json!("[::1]:1"), json!("flag")));
    assert_eq!(from("log.format"), (json!("json"), json!("environment")));
    assert_eq!(from("data").1, "flag");
    assert!(house.run(&["config", "show"]).ok().out.starts_with("SETTING "));
    assert_eq!(house.json(&["config", "check"])["valid"], true);
    let bad = house.write("bad.toml", "lisen = 'x'");
    let checked = house.run(&["config", "check", "--config", &bad, "--json"]).failed_with(2);
    assert_eq!(checked.json()["valid"], false);
    house.run(&["config", "show", "--config", &bad]).failed_with(2).says("did you mean listen?");
    house.run(&["user", "list", "--config", &bad]).failed_with(2).says("did you mean listen?");
    house.run(&["config", "show", "--config", "gone.toml"]).failed_with(2).says("gone.toml");
    assert!(!house.data().exists());
}

#[test]
fn a_port_that_is_taken_by_somebody_else_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let house = House::new();
    house.refuses_to_serve(&["--listen", &address]).failed_with(7).says(&format!("{address} is in use"));
    assert!(!house.socket().exists());
}
