//! A running server, and a client for it that speaks just enough HTTP.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::house::PASSWORD;

/// A server, killed by its id when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    out: Option<BufReader<ChildStdout>>,
    /// What it said when it was ready.
    pub(crate) first_lines: Vec<String>,
    pub(crate) address: SocketAddr,
    err: PathBuf,
}

/// What a device was given when it signed in.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) session: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Server {
    /// Starts the command, and waits for the line that says that it is ready.
    pub(crate) fn start(mut command: Command, err: PathBuf) -> Self {
        let log = File::create(&err).expect("a file for standard error");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().expect("started");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut first = String::new();
        out.read_line(&mut first).expect("a line");
        // What is written at once is read at once: the set-up link, where there is one.
        let rest = String::from_utf8(out.buffer().to_vec()).expect("UTF-8");
        out.consume(rest.len());
        let first_lines: Vec<String> = format!("{first}{rest}").lines().map(str::to_owned).collect();
        let url = first.trim().strip_prefix("Rescind listens on http");
        let address = url.and_then(|url| url.trim_start_matches('s').strip_prefix("://")?.parse().ok());
        let Some(address) = address else {
            let _ = child.wait();
            panic!("{first:?}\n{}", fs::read_to_string(&err).unwrap_or_default());
        };
        Self { child, out: Some(out), first_lines, address, err }
    }

    /// What it has logged so far.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(&self.err).expect("the log")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(id, signal).expect("signalled");
    }

    /// Waits for its end; answers what it said since it was ready, too. One that does not end fails the test.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let (tell, told) = mpsc::channel();
        let mut out = self.out.take().expect("waited for once");
        // Its output ends when it does.
        thread::spawn(move || {
            let mut rest = String::new();
            let _ = out.read_to_string(&mut rest).map(|_| tell.send(rest));
        });
        let rest = told.recv_timeout(Duration::from_mins(1)).expect("it did not end within a minute");
        (self.child.wait().expect("ended"), rest)
    }

    /// Stops it as an operator does, and waits for its end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait().0
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).expect("connected")
    }

    pub(crate) fn request(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
        let mut stream = self.connect();
        stream.write_all(&request(method, path, token, body)).expect("sent");
        answer(stream)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, None, Some(body))
    }

    /// Signs somebody in on a device of this name.
    pub(crate) fn sign_in(&self, login: &str, device: &str) -> Device {
        let body = json!({ "login": login, "password": PASSWORD, "device_name": device });
        Device::of(&self.post("/v1/sessions", &body).expect(201).json())
    }

    pub(crate) fn try_sign_in(&self, login: &str, password: &str) -> u16 {
        self.post("/v1/sessions", &json!({ "login": login, "password": password })).status
    }

    /// One number of its metrics.
    pub(crate) fn gauge(&self, name: &str) -> Option<u64> {
        let metrics = self.request("GET", "/metrics", None, None).expect(200).body;
        metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    pub(crate) fn refresh(&self, token: &str) -> Answer {
        self.post("/v1/sessions/refresh", &json!({ "refresh_token": token }))
    }

    /// The status that an access token gets.
    pub(crate) fn status(&self, device: &Device) -> u16 {
        self.request("GET", "/v1/me", Some(&device.access), None).status
    }
}

impl Device {
    pub(crate) fn of(answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Self {
            session: text(&answer["session"]["id"]),
            access: text(&answer["access_token"]),
            refresh: text(&answer["refresh_token"]),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request; the connection is closed after its answer.
pub(crate) fn request(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nuser-agent: curl/8.0\r\n");
    if let Some(token) = token {
        let _ = write!(head, "authorization: Bearer {token}\r\n");
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        let _ = write!(head, "content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    format!("{head}\r\n{body}").into_bytes()
}

/// Reads one answer to its end.
pub(crate) fn answer(mut stream: TcpStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, body: body.to_owned() }
}
