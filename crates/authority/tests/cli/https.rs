//! `rescind serve` with a certificate and a key.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::process::Signal;

use crate::certificates::{authorities, curl, done, issue};
use crate::house::House;
use crate::server::Server;

/// Curl's exit code where a certificate is not one to trust.
const NOT_TRUSTED: i32 = 60;

const FLAGS: [&str; 4] = ["--tls-cert", "server.pem", "--tls-key", "server.key"];

/// A house with a certificate for this machine.
fn house() -> House {
    let house = House::of("ann");
    authorities(&house.path(""));
    issue(&house.path(""), "server", "IP:127.0.0.1", 2);
    house
}

/// The serial number of the certificate that is shown.
fn serial(house: &House, server: &Server) -> String {
    let ask =
        format!("openssl s_client -connect {} </dev/null 2>/dev/null | openssl x509 -noout -serial", server.address);
    let output = Command::new("sh").args(["-c", &ask]).current_dir(house.path("")).output().expect("a shell");
    String::from_utf8(output.stdout).expect("text")
}

pub(crate) fn until_logged(server: &Server, what: &str, times: usize) {
    while server.logged().matches(what).count() < times {
        assert!(TcpStream::connect(server.address).is_ok(), "{what}: {}", server.logged());
        std::thread::yield_now();
    }
}

#[test]
fn with_a_certificate_it_speaks_https_and_calls_itself_so() {
    let house = house();
    let server = house.serve(&FLAGS);
    let url = format!("https://{}", server.address);
    assert_eq!(server.first_lines[0], format!("Rescind listens on {url}"));
    assert!(server.first_lines[1].contains(&format!(": {url}/setup?token=")), "{:?}", server.first_lines);
    for version in ["1.2", "1.3"] {
        let (code, body) = curl(&house.path(""), &["--tlsv1.2", "--tls-max", version, &format!("{url}/healthz")]);
        assert_eq!((code, body.as_str()), (0, r#"{"status":"ok"}"#), "TLS {version}");
    }
    for (asked, spoken) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let flags = [asked, "--output", "/dev/null", "--write-out", "%{http_version}", &format!("{url}/sign-in")];
        assert_eq!(curl(&house.path(""), &flags), (0, spoken.to_owned()));
    }
    assert_eq!(house.json(&["user", "logout", "ann"])["server"], "applied");
    let logged = server.logged();
    assert!(logged.contains(&format!("issuer=\"{url}\"")) && !logged.contains("WARN"), "{logged}");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn whoever_speaks_plain_http_to_https_is_told_so() {
    let house = house();
    let server = house.serve(&FLAGS);
    let (code, body) = curl(&house.path(""), &[&format!("http://{}/v1/me", server.address)]);
    assert_eq!((code, body.as_str()), (0, "This port speaks HTTPS: the URL begins with https.\n"));
}

#[test]
fn the_set_up_link_names_the_issuer_for_which_the_certificate_is() {
    let house = house();
    let server = house.serve(&[&FLAGS[..], &["--issuer", "https://id.example"]].concat());
    assert!(server.first_lines[0].ends_with(&format!("https://{}", server.address)));
    assert!(server.first_lines[1].contains(": https://id.example/setup?token="), "{:?}", server.first_lines);
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_made() {
    let house = House::new();
    authorities(&house.path(""));
    issue(&house.path(""), "server", "IP:127.0.0.1", 2);
    house.write("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    house.write("long.pem", "x".repeat(1024 * 1024 + 1));
    let mut encrypt = Command::new("openssl");
    encrypt.args(["pkcs8", "-topk8", "-in", "server.key", "-out", "encrypted.key", "-passout", "pass:secret"]);
    done(&house.path(""), &mut encrypt);
    for (cert, key, said) in [
        ("none.pem", "server.key", "none.pem cannot be read: No such file"),
        (".", "server.key", ". cannot be read: Is a directory"),
        ("server.pem", "none.key", "none.key cannot be read"),
        ("server.pem", "ca.key", "the private key in ca.key is not that of the first certificate in server.pem"),
        ("server.key", "server.key", "server.key holds no certificate in PEM"),
        ("server.pem", "server.pem", "server.pem holds no private key in PEM"),
        ("garbage.pem", "server.key", "the certificate in garbage.pem cannot be used"),
        ("server.pem", "encrypted.key", "the private key in encrypted.key is encrypted"),
        ("long.pem", "server.key", "long.pem is longer than 1 MiB"),
    ] {
        house.refuses_to_serve(&["--tls-cert", cert, "--tls-key", key]).failed_with(2).says(said);
        house.run(&["config", "check", "--tls-cert", cert, "--tls-key", key]).failed_with(2);
    }
    house.refuses_to_serve(&["--tls-cert", "server.pem"]).failed_with(2).says("tls.cert is set and tls.key is not");
    house.refuses_to_serve(&["--tls-key", "server.key"]).failed_with(2).says("tls.key is set and tls.cert is not");
    assert!(!house.data().exists());
    house.run(&["config", "check", "--tls-cert", "server.pem", "--tls-key", "server.key"]).ok();
}

#[test]
fn of_an_expired_certificate_and_a_key_that_all_can_read_the_log_and_the_check_speak() {
    let house = house();
    issue(&house.path(""), "old", "IP:127.0.0.1", -1);
    fs::set_permissions(house.path("old.key"), fs::Permissions::from_mode(0o644)).expect("changed");
    let flags = ["--tls-cert", "old.pem", "--tls-key", "old.key"];
    let server = house.serve(&flags);
    let logged = server.logged();
    let of_level = |level: &str, what: &str| logged.lines().any(|line| line.contains(level) && line.contains(what));
    assert!(of_level("ERROR", "the certificate expired at 20"), "{logged}");
    assert!(of_level("WARN", "every user of this machine can read the private key"), "{logged}");
    assert_eq!(curl(&house.path(""), &[&format!("https://{}/healthz", server.address)]).0, NOT_TRUSTED);
    let check = [&["config", "check"][..], &flags].concat();
    let checked = house.run(&check).ok().out;
    assert!(checked.contains("warning: --tls-cert: the certificate expired at 20"), "{checked}");
    assert!(checked.contains("warning: --tls-key: every user of this machine can read the private key: chmod 600"));
    let checked = house.json(&check);
    assert_eq!((&checked["valid"], checked["warnings"].as_array().map(Vec::len)), (&true.into(), Some(2)), "{checked}");
}

#[test]
fn at_sighup_a_new_certificate_is_taken_and_a_bad_one_is_not() {
    let house = house();
    let server = house.serve(&FLAGS);
    let first = serial(&house, &server);
    assert!(first.starts_with("serial="), "{first}");
    issue(&house.path(""), "server", "IP:127.0.0.1", 2);
    server.signal(Signal::HUP);
    until_logged(&server, "the certificate was read anew", 1);
    let second = serial(&house, &server);
    assert_ne!(first, second);
    let key = fs::read(house.path("server.key")).expect("a key");
    house.write("server.key", "nonsense");
    server.signal(Signal::HUP);
    until_logged(&server, "no new certificate was taken; the one in use goes on", 1);
    assert_eq!(serial(&house, &server), second);
    house.write("server.key", key);
    server.signal(Signal::HUP);
    until_logged(&server, "the certificate was read anew", 2);
    assert_eq!(curl(&house.path(""), &[&format!("https://{}/healthz", server.address)]).0, 0);
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn outside_a_terminal_a_hangup_ends_no_server_whatever_there_is_to_read_again() {
    let house = House::new();
    let server = house.serve(&[]);
    server.signal(Signal::HUP);
    // As `systemctl reload` does.
    house.run(&["user", "list"]).ok();
    assert_eq!(server.stop().code(), Some(0));
}
