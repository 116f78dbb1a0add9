//! The service that the verifier's README shows, as it stands there: in a process of its own, called before and after a
//! log-out.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::house::bare;
use crate::scene::{Scene, until};
use crate::server::Device;

#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "written as those would who embed the verifier")]
mod service {
    include!("service.rs");

    pub(super) fn run() {
        main().expect("served");
    }
}

/// The variable that makes this program the service.
const SERVE: &str = "SERVE_WHAT_THE_README_SHOWS";

/// The service, killed by its id when dropped.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    /// This program again, with what it needs to know in its environment.
    fn start(scene: &Scene) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut command = bare(&this.display().to_string(), &scene.house.path(""));
        command.args(["--exact", "--nocapture", "readme::the_service_of_the_readme_accepts_until_the_log_out"]);
        command.env("ISSUER", scene.issuer()).env("AUDIENCE", scene.issuer());
        command.env("CLIENT_ID", &scene.client.0).env("CLIENT_SECRET", &scene.client.1);
        Self::of(command.env("LISTEN", "127.0.0.1:0").env(SERVE, "yes"))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("started");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let mut said = lines.filter_map(|line| line.strip_prefix("listening on http://").map(str::to_owned));
        let address = said.next().expect("where it listens");
        Self { child, address }
    }

    /// Status and all of the answer.
    fn ask(&self, device: Option<&Device>) -> (u16, String) {
        let token = device.map(|device| format!("authorization: Bearer {}\r\n", device.access)).unwrap_or_default();
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        write!(stream, "GET /orders HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, text)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "asks whether it is the service, started by itself")]
fn the_service_of_the_readme_accepts_until_the_log_out() {
    if std::env::var_os(SERVE).is_some() {
        return service::run();
    }
    let scene = Scene::new();
    let (phone, laptop) = (scene.server.sign_in("ann", "Phone"), scene.server.sign_in("ann", "Laptop"));
    let service = Service::start(&scene);
    let (_, answer) = until(|| Some(service.ask(Some(&phone))).filter(|(status, _)| *status == 200));
    assert!(answer.contains("\r\n\r\nthe orders of usr_"), "{answer}");
    assert_eq!(scene.end(&phone, "10s")["confirmed"], 1);
    let (status, answer) = service.ask(Some(&phone));
    assert!(status == 401 && answer.contains("error=\"invalid_token\""), "{answer}");
    assert_eq!((service.ask(Some(&laptop)).0, service.ask(None).0), (200, 401));
}

#[test]
fn the_service_that_runs_is_the_one_of_the_readme_and_has_twenty_lines() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier/README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    let (_, rest) = readme.split_once("```rust,no_run\n").expect("a service");
    let shown = rest.split("```").next().unwrap_or_default();
    assert_eq!(shown, include_str!("service.rs"));
    assert!(shown.lines().count() <= 20, "{} lines", shown.lines().count());
}
