//! Processes that a measurement sets to work together: verifiers that follow a feed, and what they are compared with. Each
//! takes its orders, one line each, over a connection of its own to whoever measures.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::{Outcome, process, stand_in};

/// How long anything that they are told may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What one process is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Verifiers.
    Follow(Follow),
    /// Sockets that a bare sender writes to.
    Receive {
        /// Where the sender is.
        address: SocketAddr,
        /// How many.
        count: usize,
        /// What goes over each of them.
        sizes: Sizes,
    },
    /// The bare sender.
    Send {
        /// How many sockets it writes to.
        count: usize,
        /// What goes over each of them.
        sizes: Sizes,
    },
}

/// Verifiers of one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Follow {
    /// The authority.
    pub(crate) address: SocketAddr,
    /// The client as which all of them follow, and its secret.
    pub(crate) client: (String, String),
    /// What the first of them is called; the next numbers follow.
    pub(crate) first: usize,
    /// How many.
    pub(crate) count: usize,
}

/// Bytes of one message, and of the answer to it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Sizes {
    /// The message.
    pub(crate) frame: usize,
    /// The answer.
    pub(crate) ack: usize,
}

/// What a process is handed as it starts: where its orders come from, and what it is for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Contract {
    pub(crate) control: SocketAddr,
    pub(crate) work: Work,
}

/// One process; killed when dropped.
pub(crate) struct Member {
    process: Process,
    control: BufReader<TcpStream>,
}

impl Member {
    /// Starts one.
    pub(crate) async fn start(work: Work) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let contract = serde_json::to_string(&Contract { control: listener.local_addr()?, work })?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([stand_in::ARGUMENT, "member"]).env_clear();
        let mut process = Process(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?);
        let mut input = process.0.stdin.take().ok_or("a process without an input")?;
        writeln!(input, "{contract}")?;
        let (control, _) = within(async { Ok(listener.accept().await?) }).await?;
        control.set_nodelay(true)?;
        Ok(Self { process, control: BufReader::new(control) })
    }

    /// Gives an order.
    pub(crate) async fn tell(&mut self, order: &str) -> Outcome<()> {
        Ok(self.control.get_mut().write_all(format!("{order}\n").as_bytes()).await?)
    }

    /// What it says next.
    pub(crate) async fn hear<T: serde::de::DeserializeOwned>(&mut self) -> Outcome<T> {
        let mut line = String::new();
        within(async { Ok(self.control.read_line(&mut line).await?) }).await?;
        serde_json::from_str(&line).map_err(|_| format!("a process failed: {line:?}").into())
    }

    /// What the process holds in memory, in KiB: now, and at most so far.
    pub(crate) fn resident_kib(&self) -> Outcome<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id()))?;
        let of = |name: &str| -> Outcome<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line of the status")?;
            Ok(line.trim().trim_end_matches("kB").trim().parse()?)
        };
        Ok((of("VmRSS:")?, of("VmHWM:")?))
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has stopped already cannot be killed, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All of them get an order, and say what became of it.
pub(crate) async fn all<T: serde::de::DeserializeOwned>(crew: &mut [Member], order: &str) -> Outcome<Vec<T>> {
    for member in &mut *crew {
        member.tell(order).await?;
    }
    hear_all(crew).await
}

/// What all of them say next.
pub(crate) async fn hear_all<T: serde::de::DeserializeOwned>(crew: &mut [Member]) -> Outcome<Vec<T>> {
    let mut said = Vec::new();
    for member in crew {
        said.push(member.hear().await?);
    }
    Ok(said)
}

/// How long all threads of all of them together have run, in nanoseconds.
pub(crate) fn processor_nanos(crew: &[Member]) -> Outcome<u64> {
    crew.iter().map(|member| process::processor_nanos(member.process.0.id())).sum()
}

async fn within<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| "a process takes too long")?
}

/// Lets this process, and those that it starts, have this many files open.
pub(crate) fn allow_open_files(needed: u64) -> Outcome<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < needed) {
        let maximum = maximum.unwrap_or_default();
        return Err(format!("a process may open {maximum} files, {needed} are needed: raise it (ulimit -Hn)").into());
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })?)
}
