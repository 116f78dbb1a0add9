//! A guard on a socket, asked by nginx as another user.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::guarding::{Guard, bearer};
use crate::scene::{Scene, until};

/// Whoever owns nothing, and a group that nobody is in.
const NOBODY: u32 = 65_534;

/// nginx, killed by its id when dropped.
struct Nginx(Child, SocketAddr);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

impl Nginx {
    /// By the manual's examples, in front of a page that tells the session. As somebody else, where that can be had.
    fn start(folder: &Path, socket: &Path) -> Self {
        let (address, service) = (free(), free());
        let manual = include_str!("../../../../docs/guard.md");
        let mut examples = manual.split("```nginx\n").skip(1).filter_map(|rest| rest.split("```").next());
        let (server, upstream) = (examples.next().expect("a server"), examples.next().expect("an upstream"));
        let replace = |text: &str, from: &str, to: &str| {
            assert!(text.contains(from), "{from} is not in the example");
            text.replace(from, to)
        };
        let server = replace(server, "proxy_pass http://127.0.0.1:7090/;", "proxy_pass http://guard/;");
        let server = replace(&server, "127.0.0.1:8080", &service.to_string());
        let server = replace(&server, "listen 80;", &format!("listen {address};"));
        let upstream = replace(upstream, "/run/rescind/guard.sock", &socket.display().to_string());
        let shown = folder.display();
        let config = format!(
            "daemon off; master_process off; pid {shown}/pid;\nevents {{}}\nhttp {{\naccess_log off; \
             client_body_temp_path {shown}/a; proxy_temp_path {shown}/b; fastcgi_temp_path {shown}/c; \
             uwsgi_temp_path {shown}/d; scgi_temp_path {shown}/e;\n{upstream}\n{server}\n\
             server {{ listen {service}; location / {{ return 200 \"session $http_x_auth_session\"; }} }}\n}}\n"
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, config).expect("written");
        let program = Some("/usr/sbin/nginx").filter(|path| Path::new(path).exists()).unwrap_or("nginx");
        let mut command = Command::new(program);
        if is_root() {
            command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", program]);
        }
        command.arg("-c").arg(path).arg("-e").arg(folder.join("error")).stdout(Stdio::null()).stderr(Stdio::null());
        let nginx = Self(command.spawn().expect("installed: see script/test"), address);
        until(|| TcpStream::connect(address).ok());
        nginx
    }

    /// All of the answer.
    fn ask(&self, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.1).expect("connected");
        write!(stream, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder that others may enter, and that nginx may write to.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("opened");
    if is_root() {
        chown(folder.path(), Some(NOBODY), None).expect("given");
    }
    folder
}

#[test]
fn a_proxy_of_another_user_is_let_in_by_its_group_and_by_nothing_else() {
    let (scene, folder) = (Scene::new(), folder());
    let device = scene.server.sign_in("ann", "Phone");
    let socket = folder.path().join("guard.sock");
    let listen = format!("unix:{}", socket.display());
    let mode = || fs::metadata(&socket).expect("there").mode() & 0o777;
    let nginx = Nginx::start(folder.path(), &socket);

    let alone = Guard::start(&scene, &listen, &["--lease", "4s"]);
    alone.until_heard(&device);
    assert_eq!(mode(), 0o600);
    if is_root() {
        assert!(nginx.ask(&bearer(&device)).starts_with("HTTP/1.1 503 "), "root's own guard is not asked");
    }
    drop(alone);

    let group = if is_root() { NOBODY } else { rustix::process::getgid().as_raw() };
    let open = Guard::start(&scene, &listen, &["--lease", "4s", "--socket-group", &group.to_string()]);
    open.until_heard(&device);
    assert_eq!((mode(), fs::metadata(&socket).expect("there").gid()), (0o660, group));
    let answer = nginx.ask(&bearer(&device));
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&format!("session {}", device.session)),
        "{answer}"
    );
    assert!(nginx.ask("").starts_with("HTTP/1.1 401 "));
    assert_eq!(scene.end(&device, "20s")["enforced"], json!(true));
    assert!(nginx.ask(&bearer(&device)).starts_with("HTTP/1.1 401 "));
    drop(open);

    let refused = ["guard", "--authority", "http://x", "--client", "x", "--secret-file", "x", "--socket-mode", "660"];
    scene.house.run(&refused).failed_with(2).says("are for --listen unix:PATH");
    let help = scene.house.run(&["guard", "--help"]).ok().out;
    assert!(help.contains("--socket-mode") && !help.contains("--data") && !help.contains("--config"), "{help}");
}
