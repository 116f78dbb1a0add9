//! Whoever has the command line: logs somebody out of all devices, again and again, on the folder of a server that is
//! being killed, and is killed with it.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::json;

use super::http::{Connection, Request};
use super::server::{self, Server};

const LOGIN: &str = "somebody";
const PASSWORD: &str = "a long password that nobody has";

/// Exit codes of the command line: done, and done without the server's word for it.
const DONE: [i32; 2] = [0, 3];

#[derive(Default)]
pub(crate) struct Operator {
    /// Tokens of devices whose end was acknowledged.
    dead: Vec<Tokens>,
    /// One whose end was asked for, and never acknowledged.
    in_flight: Option<Tokens>,
    /// Log-outs that were acknowledged.
    pub(crate) done: usize,
}

struct Tokens {
    access: String,
    refresh: String,
}

/// The command that runs, if one does. A handle of it, not its number, which may be another's by then.
#[derive(Default)]
pub(crate) struct Command(Mutex<Option<OwnedFd>>);

impl Command {
    pub(crate) fn kill(&self) {
        if let Some(process) = &*self.0.lock().unwrap() {
            // It may have just ended.
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }
}

impl Operator {
    pub(crate) fn sign_up(server: &Server) -> Self {
        let body = json!({ "login": LOGIN, "password": PASSWORD });
        server.ask(&Request::post("/v1/users", body)).expect(201);
        Self::default()
    }

    /// Signs a device in over HTTP and out by the command line, until the server is gone.
    pub(crate) fn live(&mut self, mut connection: Connection, data: &Path, running: &Command) {
        let body = json!({ "login": LOGIN, "password": PASSWORD });
        while let Ok(answer) = connection.ask(&Request::post("/v1/sessions", body.clone())) {
            let answer = answer.expect(201);
            let token = |name: &str| answer.text(name).to_owned();
            let device = Tokens { access: token("/access_token"), refresh: token("/refresh_token") };
            if !log_out(data, running) {
                self.in_flight = Some(device);
                return;
            }
            self.done += 1;
            self.dead.push(device);
        }
    }

    pub(crate) fn check(&mut self, connection: &mut Connection) {
        if let Some(device) = self.in_flight.take() {
            let (access, refresh) = device.statuses(connection);
            assert!(access == refresh && [200, 401].contains(&access), "half an end: {access}, {refresh}");
        }
        for device in self.dead.iter().rev().take(8) {
            assert_eq!(device.statuses(connection), (401, 401), "acknowledged by the command line, and back");
        }
    }
}

/// Whether the command said that it was done.
fn log_out(data: &Path, running: &Command) -> bool {
    let mut command = server::command(data, &[]);
    command.args(["user", "logout", LOGIN]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    *running.0.lock().unwrap() = Some(pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap());
    let output = child.wait_with_output().unwrap();
    *running.0.lock().unwrap() = None;
    match output.status.code() {
        Some(code) => {
            assert!(DONE.contains(&code), "{output:?}");
            true
        }
        None => false,
    }
}

impl Tokens {
    fn statuses(&self, connection: &mut Connection) -> (u16, u16) {
        let me = Request::get("/v1/me").bearing(&self.access);
        let refresh = Request::post("/v1/sessions/refresh", json!({ "refresh_token": self.refresh }));
        (connection.ask(&me).unwrap().status, connection.ask(&refresh).unwrap().status)
    }
}
