//! A data folder of a test's own, and the program run on it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::Server;

/// The password of everybody in these tests.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A hash of [`PASSWORD`] that costs little to check.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";

/// The program.
pub(crate) const RESCIND: &str = env!("CARGO_BIN_EXE_rescind");

/// A folder with a data folder in it.
pub(crate) struct House {
    dir: TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    /// The words of the command line, for messages.
    what: String,
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl House {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder") }
    }

    /// A house with one user, and no administrator.
    pub(crate) fn of(login: &str) -> Self {
        let house = Self::new();
        house.add(login);
        house
    }

    pub(crate) fn add(&self, login: &str) {
        self.run_with(&["user", "add", login, "--password-stdin"], PASSWORD).ok();
    }

    /// Makes many accounts at once.
    pub(crate) fn import(&self, logins: &[String]) {
        let line = |login: &String| format!("{}\n", serde_json::json!({ "login": login, "password_hash": HASH }));
        self.run_with(&["import", "-"], &logins.iter().map(line).collect::<String>()).ok();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.data().join("rescind.sock")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// The program on this house's data folder, without anything of the environment that could change what it does.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(RESCIND, self.dir.path());
        command.args(arguments).arg("--data").arg(self.data());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    /// Runs the program to its end, with this on its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        finish(self.command(arguments), arguments, input)
    }

    /// The answer for programs, which is one JSON value.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--json"]].concat()).ok();
        said.json()
    }

    /// The answer for programs, which is one JSON value on each line.
    pub(crate) fn json_lines(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.run(&[arguments, &["--json"]].concat()).ok();
        said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The number of the log's last entry.
    pub(crate) fn head(&self) -> u64 {
        self.json_lines(&["log"]).last().and_then(|row| row["number"].as_u64()).unwrap_or_default()
    }

    /// Starts a server that must not start. One that does would run for ever: it is stopped, and the test fails.
    #[track_caller]
    pub(crate) fn refuses_to_serve(&self, flags: &[&str]) -> Said {
        let mut command = self.command(&[&["serve"], flags].concat());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("UTF-8");
        if !first.is_empty() {
            child.kill().expect("killed");
        }
        let ended = said(child, flags);
        assert_eq!(first, "", "it started: {flags:?}");
        ended
    }

    /// Starts a server on any free port, and waits until it is ready.
    pub(crate) fn serve(&self, flags: &[&str]) -> Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(flags);
        Server::start(command, self.path("stderr"))
    }
}

impl Said {
    /// Fails unless the command did what it was asked.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.failed_with(0)
    }

    /// Fails unless the exit code is this one.
    #[track_caller]
    pub(crate) fn failed_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}{}", self.what, self.out, self.err);
        self
    }

    /// Fails unless what was said on standard error contains this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{}: {:?} is not in {:?}", self.what, text, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.out))
    }
}

/// A command with an empty environment, but for where programs are.
pub(crate) fn bare(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(folder);
    command
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command, arguments: &[&str], input: &str) -> Said {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    // Whoever does not read it has ended already, which the exit code tells.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    said(child, arguments)
}

/// Waits for the end. A process that was killed has no exit code.
fn said(child: Child, arguments: &[&str]) -> Said {
    let Output { status, stdout, stderr } = child.wait_with_output().expect("ended");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { what: arguments.join(" "), code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}
