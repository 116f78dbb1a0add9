//! The guard, asked as proxies ask it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::scene::{Scene, until};
use crate::server::Device;

/// A guard, killed by its id when dropped.
pub(crate) struct Guard {
    child: Child,
    listen: String,
    log: PathBuf,
}

impl Guard {
    pub(crate) fn start(scene: &Scene, listen: &str, more: &[&str]) -> Self {
        Self::following(&scene.issuer(), scene, listen, more)
    }

    /// One that finds the scene's authority at this URL.
    pub(crate) fn following(authority: &str, scene: &Scene, listen: &str, more: &[&str]) -> Self {
        let secret = scene.house.write("secret", &scene.client.1);
        let mut command = scene.house.command(&["guard", "--authority", authority, "--client", &scene.client.0]);
        command.args(["--secret-file", &secret, "--listen", listen]).args(more);
        let log = scene.house.path("guard.log");
        let file = File::create(&log).expect("a file");
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().expect("started");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let listen = line.trim().strip_prefix("The guard listens on ").expect("where").to_owned();
        Self { child, listen, log }
    }

    /// What it has logged so far.
    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listen.strip_prefix("http://").and_then(|text| text.parse().ok()).expect("an address")
    }

    /// The status, and all of the head.
    pub(crate) fn ask(&self, target: &str, headers: &str) -> (u16, String) {
        let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        match self.listen.strip_prefix("unix:") {
            Some(path) => exchange(UnixStream::connect(path).expect("connected"), &request),
            None => exchange(TcpStream::connect(self.address()).expect("connected"), &request),
        }
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(id, signal).expect("signalled");
    }

    pub(crate) fn until_heard(&self, device: &Device) {
        until(|| (self.ask("/", &bearer(device)).0 == 200).then_some(()));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn exchange(mut stream: impl Read + Write, request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, text.to_ascii_lowercase())
}

pub(crate) fn bearer(device: &Device) -> String {
    format!("authorization: Bearer {}\r\n", device.access)
}

#[test]
fn a_token_is_let_in_with_who_it_is_and_refused_once_it_is_revoked() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let guard = Guard::start(&scene, "127.0.0.1:0", &[]);
    guard.until_heard(&device);
    let (_, head) = guard.ask("/any/path?with=query", &bearer(&device));
    assert!(head.contains("\r\nx-auth-subject: usr_") && head.contains(&format!("x-auth-session: {}", device.session)));
    assert!(head.contains("\r\nx-auth-client: default\r\n") && head.contains("\r\nx-auth-scope: \r\n"), "{head}");
    let (status, head) = guard.ask("/?scope=write", &bearer(&device));
    assert!(status == 403 && head.contains("error=\"insufficient_scope\", scope=\"write\""), "{head}");
    for nothing in ["/?scope=", "/?scope"] {
        assert_eq!(guard.ask(nothing, &bearer(&device)).0, 403, "what is asked for is empty");
    }
    let empty = format!("x-auth-required-scope:\r\n{}", bearer(&device));
    assert_eq!(guard.ask("/", &empty).0, 403, "what is asked for is empty");
    let (status, head) = guard.ask("/?scope=write%3", &bearer(&device));
    assert!(
        status == 403 && head.contains("error_description=\"the proxy asks for a scope that cannot be read"),
        "{head}"
    );
    assert_eq!(guard.ask("/", "x-auth-required-scope: write\r\nauthorization: Bearer x\r\n").0, 401);
    let (status, head) = guard.ask("/", "");
    assert!(status == 401 && head.contains("www-authenticate: bearer\r\n"), "{head}");
    assert_eq!(scene.end(&device, "10s")["confirmed"], 1);
    let (status, head) = guard.ask("/", &bearer(&device));
    assert!(status == 401 && head.contains("error=\"invalid_token\""), "{head}");
}

#[test]
fn a_guard_that_ignores_the_query_asks_by_the_header_and_one_that_has_no_room_says_503() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let guard = Guard::start(&scene, "127.0.0.1:0", &["--ignore-query", "--revocations", "2", "--cache-tokens", "0"]);
    guard.until_heard(&device);
    assert_eq!(guard.ask("/search?scope=its-own&scope=%", &bearer(&device)).0, 200);
    let write = format!("x-auth-required-scope: write\r\n{}", bearer(&device));
    let (status, head) = guard.ask("/", &write);
    assert!(status == 403 && head.contains("scope=\"write\""), "{head}");
    for name in ["Laptop", "Tablet"] {
        let other = scene.server.sign_in("ann", name);
        scene.house.run(&["session", "end", &other.session]).ok();
    }
    until(|| (guard.ask("/", &bearer(&device)).0 == 503).then_some(()));
    until(|| guard.logged().contains("and there is room for 2").then_some(()));
}

/// Somebody who refuses every client, whatever it asks. Ends with the fourth.
fn refusing() -> (SocketAddr, std::thread::JoinHandle<()>) {
    const ANSWER: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 26\r\nconnection: close\r\n\r\n\
                          {\"error\":\"invalid_client\"}";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let refuse = move || {
        for _ in 0..4 {
            let (mut stream, _) = listener.accept().expect("somebody");
            let mut head = Vec::new();
            while !head.ends_with(b"scope=rescind%3Afeed") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a request");
                head.push(byte[0]);
            }
            stream.write_all(ANSWER.as_bytes()).expect("sent");
        }
    };
    (address, std::thread::spawn(refuse))
}

#[test]
fn what_stays_wrong_with_a_client_is_said_once_with_what_to_do_about_it() {
    let mut scene = Scene::new();
    let (address, done) = refusing();
    let guard = Guard::following(&format!("http://{address}"), &scene, "127.0.0.1:0", &[]);
    done.join().expect("it came four times");
    let logged = guard.logged();
    let told = format!("no token for the feed: {address}/oauth/token answered 401 invalid_client: check the id");
    assert_eq!(logged.matches(&told).count(), 1, "{logged}");
    drop(guard);
    let added = scene.house.json(&["client", "add", "deaf", "--kind", "service", "--scope", "rescind:admin"]);
    scene.client = ("deaf".into(), added["client_secret"].as_str().expect("a secret").into());
    let guard = Guard::start(&scene, "127.0.0.1:0", &[]);
    until(|| guard.logged().contains("invalid_scope: the client lacks the scope rescind:feed").then_some(()));
}

#[test]
fn a_guard_listens_on_a_socket_takes_a_cookie_and_says_503_when_it_is_stale() {
    let mut scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let path = scene.house.path("guard.sock").display().to_string();
    let guard = Guard::start(&scene, &format!("unix:{path}"), &["--cookie", "session", "--lease", "4s"]);
    guard.until_heard(&device);
    let cookie = format!("cookie: a=b; session={}\r\n", device.access);
    assert_eq!(guard.ask("/", &cookie).0, 200);
    scene.server.signal(Signal::KILL);
    drop(scene.server.wait());
    let (_, head) = until(|| Some(guard.ask("/", &cookie)).filter(|(status, _)| *status != 200));
    assert!(head.starts_with("http/1.1 503") && head.contains("\r\nretry-after: 1\r\n"), "{head}");
}

#[test]
fn a_guard_tells_operators_whether_it_is_ready_and_what_it_counted_at_an_address_of_their_own() {
    let mut scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let path = scene.house.path("operations.sock");
    let operations = format!("unix:{}", path.display());
    let guard = Guard::start(&scene, "127.0.0.1:0", &["--lease", "4s", "--operations", &operations]);
    let operator = |target: &str| {
        let request = format!("{target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        exchange(UnixStream::connect(&path).expect("connected"), &request)
    };
    guard.until_heard(&device);
    scene.end(&device, "10s");
    assert_eq!(guard.ask("/", &bearer(&device)).0, 401);
    assert_eq!(operator("GET /healthz").0, 200);
    assert_eq!(operator("GET /readyz").0, 200);
    let (status, page) = operator("GET /metrics");
    assert!(status == 200 && page.contains("content-type: text/plain; version=0.0.4"), "{page}");
    let value = |name: &str| {
        let mut lines = page.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
        lines.next().unwrap_or_else(|| panic!("{name} is not in {page}"))
    };
    for (name, expected) in [("ready", 1.0), ("connected", 1.0), ("reconnects_total", 0.0), ("entries", 1.0)] {
        assert!((value(&format!("rescind_verifier_{name}")) - expected).abs() < 1e-9, "{name}");
    }
    assert!(value("rescind_verifier_refused_total{reason=\"revoked\"}") >= 1.0);
    assert!(value("rescind_verifier_heard_seconds") < 4.0 && value("rescind_verifier_cache_hits_total") >= 1.0);
    assert!(!page.contains("usr_") && !page.contains(&device.session));
    assert_eq!((operator("GET /").0, operator("POST /metrics").0), (404, 405));
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(guard.ask(path, "").0, 401, "to a proxy every path is a question about a token");
    }
    scene.server.signal(Signal::KILL);
    drop(scene.server.wait());
    let (_, head) = until(|| Some(operator("GET /readyz")).filter(|(status, _)| *status != 200));
    assert!(head.starts_with("http/1.1 503") && head.contains("\"status\":\"not ready\""), "{head}");
    assert_eq!(operator("GET /healthz").0, 200, "it is alive");
}

#[test]
fn g4_a_process_that_was_stopped_accepts_nothing_on_continuing_that_was_revoked_meanwhile() {
    let scene = Scene::new();
    let (phone, laptop) = (scene.server.sign_in("ann", "Phone"), scene.server.sign_in("ann", "Laptop"));
    let guard = Guard::start(&scene, "127.0.0.1:0", &["--lease", "1s"]);
    guard.until_heard(&phone);
    guard.signal(Signal::STOP);
    let told = scene.end(&phone, "20s");
    assert_eq!(
        (&told["enforced"], &told["confirmed"], &told["lapsed"]),
        (&json!(true), &json!(0), &json!(1)),
        "{told}"
    );
    guard.signal(Signal::CONT);
    for _ in 0..200 {
        let (status, head) = guard.ask("/", &bearer(&phone));
        assert!(matches!(status, 401 | 503), "{head}");
    }
    guard.until_heard(&laptop);
    assert_eq!(guard.ask("/", &bearer(&phone)).0, 401);
}
