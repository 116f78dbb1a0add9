//! Proxies that ask the guard, by the examples of its manual, in front of a service that knows nothing of tokens.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::json;

use crate::guarding::{Guard, bearer, exchange};
use crate::house::{House, PASSWORD};
use crate::scene::{Scene, until};
use crate::server::Device;

/// A service that answers with the identity headers that it was sent.
fn service() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            // As back ends read names that have come through CGI (RFC 3875 §4.1.18).
            let is_identity = |line: &String| line.replace(|c: char| !c.is_alphanumeric(), "-").starts_with("x-auth-");
            let told: Vec<String> = head.iter().map(|line| line.to_ascii_lowercase()).filter(is_identity).collect();
            let body = told.join("\n");
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            drop((&stream).write_all(answer.as_bytes()));
        }
    });
    address
}

/// A proxy, killed by its id when dropped.
pub(crate) struct Proxy(Child, SocketAddr);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

impl Proxy {
    fn start(mut command: Command, address: SocketAddr) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("installed: see script/test");
        let proxy = Self(child, address);
        until(|| TcpStream::connect(address).ok());
        proxy
    }

    fn ask(&self, headers: &str) -> (u16, String) {
        let request =
            format!("GET /thing?scope=its-own HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\r\n", self.1);
        exchange(TcpStream::connect(self.1).expect("connected"), &request)
    }
}

/// A manual's example in that language, with the addresses of this test.
pub(crate) fn example(manual: &str, kind: &str, replaced: &[(&str, String)]) -> String {
    example_of(manual, "", kind, replaced)
}

/// As [`example`], the first one after this heading.
fn example_of(manual: &str, heading: &str, kind: &str, replaced: &[(&str, String)]) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(manual);
    let manual = std::fs::read_to_string(path).expect("the manual");
    let (_, chapter) = manual.split_once(heading).expect("a chapter");
    let (_, rest) = chapter.split_once(&format!("```{kind}\n")).expect("an example");
    let mut text = rest.split("```").next().unwrap_or_default().to_owned();
    for (from, to) in replaced {
        assert!(text.contains(from), "{from} is not in the example");
        text = text.replace(from, to);
    }
    text
}

/// Where a proxy is to listen, and what is behind it.
struct Places {
    proxy: SocketAddr,
    guard: SocketAddr,
    service: SocketAddr,
}

/// How a proxy is started: by the manual's example, which asks for the scope `write` if that is wanted.
type Start = fn(&House, &Places, wants_write: bool) -> Proxy;

/// What must hold with a proxy between the client and a service. `flags` are what its chapter gives the guard.
fn in_front(flags: &[&str], start: Start) {
    let mut scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let guard = Guard::start(&scene, "127.0.0.1:0", &[&["--lease", "4s"], flags].concat());
    guard.until_heard(&device);
    let begin = |wants_write| {
        let places = Places { proxy: free_address(), guard: guard.address(), service: service() };
        let proxy = start(&scene.house, &places, wants_write);
        until(|| (proxy.ask("").0 == 401).then_some(()));
        proxy
    };
    let proxy = begin(false);
    no_identity_is_smuggled_in(&proxy, &device);
    scopes_are_asked_for(&scene, &begin(true), &device);
    assert_eq!(scene.end(&device, "10s")["enforced"], json!(true));
    assert_eq!(proxy.ask(&bearer(&device)).0, 401);
    let other = scene.server.sign_in("ann", "Laptop");
    assert_eq!(proxy.ask(&bearer(&other)).0, 200);
    scene.server.signal(Signal::KILL);
    drop(scene.server.wait());
    let (status, _) = until(|| Some(proxy.ask(&bearer(&other))).filter(|(status, _)| *status != 200));
    assert_eq!(status, 503);
    drop(guard);
    let (status, _) = proxy.ask(&bearer(&other));
    assert!(status >= 500, "nobody is asked, and nobody is let in: {status}");
}

/// What may stand in a header's name and is neither letter, digit nor hyphen (RFC 9110 §5.6.2).
const OTHERS: &str = "!#$%&'*+.^_`|~";

fn no_identity_is_smuggled_in(proxy: &Proxy, device: &Device) {
    let smuggled =
        "x-auth-subject: usr_root\r\nx-auth-scope: everything\r\nx-auth-session: ses_x\r\nx-auth-client: y\r\n";
    let assert_own = |status: u16, answer: &str| {
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains(&format!("x-auth-session: {}", device.session)), "{answer}");
        let foreign = ["usr_root", "everything", "ses_x"].iter().any(|smuggled| answer.contains(smuggled));
        assert!(!foreign && answer.contains("x-auth-subject: usr_"), "{answer}");
    };
    let (status, answer) = proxy.ask(&format!("{}{smuggled}", bearer(device)));
    assert_own(status, &answer);
    for other in OTHERS.chars() {
        let names = format!("X{other}Auth{other}Subject: usr_root\r\nX{other}Auth-scope: everything\r\n");
        let names = format!("{names}X-Auth{other}session: ses_x\r\n{}", smuggled.replace('-', &other.to_string()));
        let (status, answer) = proxy.ask(&format!("{}{names}", bearer(device)));
        assert_own(status, &answer);
    }
    // What `Connection` names is removed on the way (RFC 9110 §7.6.1): by some proxies after the guard was asked.
    for named in ["X-Auth-Subject, X-Auth-Session", "close, x-auth-subject,x-auth-session", "X_Auth_Subject"] {
        let (status, answer) = proxy.ask(&format!("{}connection: {named}\r\n{smuggled}", bearer(device)));
        if status != 400 {
            assert_own(status, &answer);
        }
    }
    assert_eq!(proxy.ask(smuggled).0, 401);
}

fn scopes_are_asked_for(scene: &Scene, proxy: &Proxy, without: &Device) {
    assert_eq!(proxy.ask(&bearer(without)).0, 403);
    scene.house.run(&["client", "add", "app", "--kind", "native", "--scope", "write"]).ok();
    let body = json!({ "login": "ann", "password": PASSWORD, "client_id": "app" });
    let with = Device::of(&scene.server.post("/v1/sessions", &body).expect(201).json());
    let (status, answer) = proxy.ask(&bearer(&with));
    assert!(
        status == 200 && answer.contains("x-auth-scope: write") && answer.contains("x-auth-client: app"),
        "{answer}"
    );
}

/// nginx, with this in its `http` block.
pub(crate) fn nginx(house: &House, address: SocketAddr, site: &str) -> Proxy {
    let name = format!("nginx-{}", address.port());
    let folder = house.path(&name);
    std::fs::create_dir(&folder).expect("a folder");
    let shown = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {shown}/pid; error_log {shown}/error;\nevents {{}}\nhttp {{\naccess_log off; \
         client_body_temp_path {shown}/a; proxy_temp_path {shown}/b; fastcgi_temp_path {shown}/c; \
         uwsgi_temp_path {shown}/d; scgi_temp_path {shown}/e;\n{site}\n}}\n"
    );
    let path = house.write(&format!("{name}.conf"), config);
    // Not where everybody looks for programs.
    let program = Some("/usr/sbin/nginx").filter(|path| std::path::Path::new(path).exists());
    let mut command = Command::new(program.unwrap_or("nginx"));
    command.args(["-c", &path, "-e", &format!("{shown}/error")]);
    Proxy::start(command, address)
}

#[test]
fn behind_nginx_a_log_out_is_enforced_and_no_identity_is_smuggled_in() {
    in_front(&[], |house, places, wants_write| {
        let write = if wants_write { "/?scope=write;" } else { "/;" };
        let replaced = [
            ("127.0.0.1:7090/;", format!("{}{write}", places.guard)),
            ("127.0.0.1:8080", places.service.to_string()),
            ("listen 80;", format!("listen {};", places.proxy)),
        ];
        nginx(house, places.proxy, &example("guard.md", "nginx", &replaced))
    });
}

#[test]
fn behind_caddy_a_log_out_is_enforced_and_no_identity_is_smuggled_in() {
    in_front(&[], |house, places, wants_write| {
        let replaced = [
            ("127.0.0.1:7090", places.guard.to_string()),
            ("127.0.0.1:8080", places.service.to_string()),
            ("app.example", format!("http://{}", places.proxy)),
            ("uri /?", if wants_write { "uri /?scope=write" } else { "uri /?" }.to_owned()),
        ];
        let global = "{\n\tadmin off\n\tauto_https off\n}\n";
        let config = format!("{global}{}", example("guard.md", "caddy", &replaced));
        let path = house.write(&format!("Caddyfile-{wants_write}"), config);
        let mut command = Command::new("caddy");
        command.args(["run", "--config", &path, "--adapter", "caddyfile"]).env("HOME", house.path("home"));
        Proxy::start(command, places.proxy)
    });
}

#[test]
fn behind_traefik_a_log_out_is_enforced_and_no_identity_is_smuggled_in() {
    if is_missing("traefik") {
        return;
    }
    in_front(&[], |house, places, wants_write| {
        let write = if wants_write { "/?scope=write" } else { "/" };
        let replaced = [("127.0.0.1:7090/", format!("{}{write}", places.guard))];
        let mut config = example_of("guard.md", "\n## Traefik\n", "yaml", &replaced);
        assert!(config.starts_with("http:\n"), "{config}");
        config += "  routers:\n    app: {rule: PathPrefix(`/`), middlewares: [guard], service: app}\n";
        let _ = writeln!(
            config,
            "  services:\n    app: {{loadBalancer: {{servers: [{{url: 'http://{}'}}]}}}}",
            places.service
        );
        let routes = house.write(&format!("routes-{wants_write}.yaml"), config);
        let replaced = [("address: :80", format!("address: '{}'", places.proxy))];
        let mut config = example_of("guard.md", "and, in the static configuration", "yaml", &replaced);
        config += "global: {checkNewVersion: false, sendAnonymousUsage: false}\n";
        let _ = writeln!(config, "providers: {{file: {{filename: '{routes}'}}}}");
        let path = house.write(&format!("traefik-{wants_write}.yaml"), config);
        let mut command = Command::new("traefik");
        command.arg(format!("--configFile={path}"));
        Proxy::start(command, places.proxy)
    });
}

/// Whether a program is not installed, which is said aloud; where it has to be, the test fails.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where programs are, and what must be there")]
fn is_missing(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&folders).any(|folder| folder.join(program).is_file()) {
        return false;
    }
    let reason = format!("{program} is not on the PATH: `script/soak -h` says where to get it");
    assert!(std::env::var_os("RESCIND_PROXIES").is_none(), "{reason}");
    // Not by the macro, whose words the test runner keeps to itself.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {reason}");
    true
}

/// What is around the settings of the connection manager that the manual shows.
fn around(places: &Places, manager: &str) -> String {
    let address =
        |place: SocketAddr| format!("{{socket_address: {{address: {}, port_value: {}}}}}", place.ip(), place.port());
    let cluster = |name: &str, place: SocketAddr| {
        let endpoints = format!("[{{lb_endpoints: [{{endpoint: {{address: {}}}}}]}}]", address(place));
        format!("    - {{name: {name}, load_assignment: {{cluster_name: {name}, endpoints: {endpoints}}}}}\n")
    };
    let indent = " ".repeat(14);
    let manager = format!("{indent}{}\n", manager.trim_end().replace('\n', &format!("\n{indent}")));
    format!(
        r#"static_resources:
  listeners:
    - address: {}
      filter_chains:
        - filters:
          - name: envoy.filters.network.http_connection_manager
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: app
              route_config: {{virtual_hosts: [{{name: app, domains: ["*"], routes: [{{match: {{prefix: /}}, route: {{cluster: app}}}}]}}]}}
{manager}  clusters:
{}{}"#,
        address(places.proxy),
        cluster("guard", places.guard),
        cluster("app", places.service),
    )
}

#[test]
fn behind_envoy_a_log_out_is_enforced_and_no_identity_is_smuggled_in() {
    if is_missing("envoy") {
        return;
    }
    in_front(&["--ignore-query"], |house, places, wants_write| {
        let write =
            "        authorization_request:\n          headers_to_add: [{key: x-auth-required-scope, value: write}]\n";
        let kept = if wants_write { write } else { "" };
        let replaced = [("127.0.0.1:7090", places.guard.to_string()), (write, kept.to_owned())];
        let text = around(places, &example_of("guard.md", "\n## Envoy\n", "yaml", &replaced));
        let path = house.write(&format!("envoy-{wants_write}.yaml"), text);
        let mut command = Command::new("envoy");
        command.args(["--config-path", &path, "--disable-hot-restart", "--concurrency", "1"]);
        Proxy::start(command, places.proxy)
    });
}
