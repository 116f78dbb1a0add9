//! `rescind serve` as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use tempfile::NamedTempFile;

use super::http::{Answer, Connection, Request};

/// What every server here calls itself, whatever port it gets: the tokens of one are good at the next.
const ISSUER: &str = "http://rescind.test";

/// A server, killed by its id when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    log: NamedTempFile,
    /// Open until the end, so that the server can always write.
    _stdout: BufReader<ChildStdout>,
}

/// A server that did not start.
#[derive(Debug)]
pub(crate) struct Failed {
    status: ExitStatus,
    log: String,
}

impl Failed {
    /// What it said, if it ended as a command does that failed.
    #[track_caller]
    pub(crate) fn reason(self) -> String {
        let in_order = !self.status.success() && self.status.code().is_some() && !self.log.contains("panicked");
        assert!(in_order, "{self:?}");
        self.log
    }
}

impl Server {
    /// Starts one on a data folder with these settings, and waits until it says that it listens.
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::try_start(data, settings).unwrap_or_else(|failed| panic!("{}", failed.reason()))
    }

    pub(crate) fn try_start(data: &Path, settings: &[(&str, &str)]) -> Result<Self, Failed> {
        let log = NamedTempFile::new().unwrap();
        let mut command = command(data, settings);
        command.args(["serve", "--listen", "127.0.0.1:0"]).stderr(log.reopen().unwrap());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Rescind listens on http://").and_then(|text| text.parse().ok());
        match address {
            Some(address) => Ok(Self { child, address, log, _stdout: stdout }),
            None => Err(Failed { status: child.wait().unwrap(), log: fs::read_to_string(log).unwrap() }),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address).unwrap()
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, request: &Request) -> Answer {
        self.connect().ask(request).unwrap()
    }

    /// Everything that it has logged.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// SIGKILL. Its end is waited for by [`Server::wait`].
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Waits until the process is gone.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// SIGTERM; the server ends in order.
    pub(crate) fn stop(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.wait().success(), "{}", self.logged());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command line on a data folder, with these settings and nothing of this process's own.
pub(crate) fn command(data: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rescind"));
    // Tests keep connections for as long as they like.
    command.env_clear().env("RESCIND_ISSUER", ISSUER).env("RESCIND_HTTP_HEADER_TIMEOUT", "1m");
    command.envs(settings.iter().copied());
    command.current_dir(data.parent().unwrap()).arg("--data").arg(data);
    command
}
