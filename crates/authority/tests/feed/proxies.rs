//! Proxies that ask the guard, by the examples of its manual, in front of a service that knows nothing of tokens.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::json;

use crate::guarding::{Guard, bearer, exchange};
use crate::house::House;
use crate::scene::{Scene, until};

/// A service that answers with the identity headers that it was sent.
fn service() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            // As back ends read names that have come through CGI (RFC 3875 §4.1.18).
            let is_identity = |line: &String| line.replace('_', "-").starts_with("x-auth-");
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
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(manual);
    let manual = std::fs::read_to_string(path).expect("the manual");
    let (_, rest) = manual.split_once(&format!("```{kind}\n")).expect("an example");
    let mut text = rest.split("```").next().unwrap_or_default().to_owned();
    for (from, to) in replaced {
        assert!(text.contains(from), "{from} is not in the example");
        text = text.replace(from, to);
    }
    text
}

fn in_front(scene: &mut Scene, start: impl FnOnce(&Scene, SocketAddr, SocketAddr) -> Proxy) {
    let device = scene.server.sign_in("ann", "Phone");
    let guard = Guard::start(scene, "127.0.0.1:0", &["--lease", "4s"]);
    guard.until_heard(&device);
    let proxy = start(scene, guard.address(), service());
    // The second line of each: names that back ends read as the same (RFC 3875 §4.1.18).
    let smuggled = "x-auth-subject: usr_root\r\nx-auth-scope: everything\r\nx-auth-session: ses_x\r\n\
                    X_Auth_subject: usr_root\r\nX-Auth_scope: everything\r\nx_auth_session: ses_x\r\nx-auth-client: y\r\n";
    let (status, answer) = proxy.ask(&format!("{}{smuggled}", bearer(&device)));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(&format!("x-auth-session: {}", device.session)), "{answer}");
    assert!(!answer.contains("usr_root") && !answer.contains("everything") && !answer.contains("ses_x"), "{answer}");
    // What `Connection` names is removed on the way (RFC 9110 §7.6.1): by some proxies after the guard was asked.
    for named in ["X-Auth-Subject, X-Auth-Session", "close, x-auth-subject,x-auth-session", "X_Auth_Subject"] {
        let (status, answer) = proxy.ask(&format!("{}connection: {named}\r\n{smuggled}", bearer(&device)));
        let told = answer.contains(&format!("x-auth-session: {}", device.session));
        assert!(status == 400 || told && answer.contains("x-auth-subject: usr_"), "{named}: {answer}");
        assert!(!answer.contains("usr_root") && !answer.contains("everything"), "{named}: {answer}");
    }
    assert_eq!(proxy.ask(smuggled).0, 401);
    assert_eq!(scene.end(&device, "10s")["enforced"], json!(true));
    assert_eq!(proxy.ask(&bearer(&device)).0, 401);
    let other = scene.server.sign_in("ann", "Laptop");
    assert_eq!(proxy.ask(&bearer(&other)).0, 200);
    scene.server.signal(Signal::KILL);
    drop(scene.server.wait());
    let (status, _) = until(|| Some(proxy.ask(&bearer(&other))).filter(|(status, _)| *status != 200));
    assert_eq!(status, 503);
}

/// nginx, with this in its `http` block.
pub(crate) fn nginx(house: &House, address: SocketAddr, site: &str) -> Proxy {
    let folder = house.path("nginx");
    std::fs::create_dir(&folder).expect("a folder");
    let shown = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {shown}/pid; error_log {shown}/error;\nevents {{}}\nhttp {{\naccess_log off; \
         client_body_temp_path {shown}/a; proxy_temp_path {shown}/b; fastcgi_temp_path {shown}/c; \
         uwsgi_temp_path {shown}/d; scgi_temp_path {shown}/e;\n{site}\n}}\n"
    );
    let path = house.write("nginx.conf", config);
    // Not where everybody looks for programs.
    let program = Some("/usr/sbin/nginx").filter(|path| std::path::Path::new(path).exists());
    let mut command = Command::new(program.unwrap_or("nginx"));
    command.args(["-c", &path, "-e", &format!("{shown}/error")]);
    Proxy::start(command, address)
}

#[test]
fn behind_nginx_a_log_out_is_enforced_and_no_identity_is_smuggled_in() {
    in_front(&mut Scene::new(), |scene, guard, service| {
        let address = free_address();
        let replaced = [
            ("127.0.0.1:7090", guard.to_string()),
            ("127.0.0.1:8080", service.to_string()),
            ("listen 80;", format!("listen {address};")),
        ];
        nginx(&scene.house, address, &example("guard.md", "nginx", &replaced))
    });
}

#[test]
fn behind_caddy_a_log_out_is_enforced_and_no_identity_is_smuggled_in() {
    in_front(&mut Scene::new(), |scene, guard, service| {
        let address = free_address();
        let replaced = [
            ("127.0.0.1:7090", guard.to_string()),
            ("127.0.0.1:8080", service.to_string()),
            ("app.example", format!("http://{address}")),
        ];
        let global = "{\n\tadmin off\n\tauto_https off\n}\n";
        let path = scene.house.write("Caddyfile", format!("{global}{}", example("guard.md", "caddy", &replaced)));
        let mut command = Command::new("caddy");
        command.args(["run", "--config", &path, "--adapter", "caddyfile"]).env("HOME", scene.house.path("home"));
        Proxy::start(command, address)
    });
}
