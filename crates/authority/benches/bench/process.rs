//! Servers as processes of their own: what is measured shares no runtime and no heap with whoever measures.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::load::{Answer, Connection, Load, Visitor, Window, drive};
use crate::place::SETTINGS;
use crate::stopwatch::{millis_since, now};
use crate::{Outcome, stand_in};

/// A server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From its start until it said that it is ready and answered so, in milliseconds.
    pub(crate) ready_after: f64,
    /// Held open: a stand-in runs until its input ends, and nobody may be told that its output is closed.
    _pipes: (Option<ChildStdin>, BufReader<ChildStdout>),
}

impl Server {
    /// `rescind serve` on a data folder, on any free port.
    pub(crate) async fn rescind(folder: &Path) -> Outcome<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rescind"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
        Self::start(command, None, Some("/readyz")).await
    }

    /// This program as another server, which is handed `input`.
    pub(crate) async fn stand_in(kind: &str, input: &str) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([stand_in::ARGUMENT, kind]);
        Self::start(command, Some(input), None).await
    }

    async fn start(mut command: Command, input: Option<&str>, ready: Option<&str>) -> Outcome<Self> {
        command.env_clear().envs(SETTINGS).stdout(Stdio::piped()).stderr(Stdio::null());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let began = now();
        let mut child = Killed(Some(command.spawn()?));
        let process = child.process()?;
        let mut stdin = process.stdin.take();
        if let (Some(stdin), Some(input)) = (&mut stdin, input) {
            writeln!(stdin, "{input}")?;
        }
        let mut stdout = BufReader::new(process.stdout.take().ok_or("a server without an output")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.trim().rsplit('/').next().unwrap_or_default();
        let address: SocketAddr = address.parse().map_err(|_| format!("a server did not start: {line:?}"))?;
        if let Some(path) = ready {
            get(address, path).await?;
        }
        let ready_after = millis_since(began);
        let child = child.0.take().ok_or("a server that is gone")?;
        Ok(Self { child, address, ready_after, _pipes: (stdin, stdout) })
    }

    /// Lets visitors ask ([`drive`]), and counts what the server's processors do meanwhile.
    pub(crate) async fn drive<V: Visitor + 'static>(
        &self,
        visitors: Vec<V>,
        window: Window,
    ) -> Outcome<(Load, f64, Vec<V>)> {
        let before = self.processor_nanos()?;
        let (load, visitors) = drive(self.address, visitors, window).await?;
        let micros = (self.processor_nanos()? - before) as f64 / 1e3 / load.answers as f64;
        Ok((load, micros, visitors))
    }

    /// How long all threads together have run, in nanoseconds.
    pub(crate) fn processor_nanos(&self) -> Outcome<u64> {
        processor_nanos(self.child.id())
    }

    /// What the process holds in memory, in KiB.
    pub(crate) fn resident_kib(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// A counter of its `/metrics`.
    pub(crate) async fn counter(&self, name: &str) -> Outcome<f64> {
        let page = get(self.address, "/metrics").await?;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.ok_or_else(|| format!("no counter {name}"))?.trim().parse()?)
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(id.ok_or("no process")?, rustix::process::Signal::TERM)?;
        for _ in 0..1000 {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("a server does not stop".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has stopped already cannot be killed, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long all threads of a process together have run, in nanoseconds.
pub(crate) fn processor_nanos(process: u32) -> Outcome<u64> {
    let mut nanos = 0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let times = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanos += times.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanos)
}

/// A process that is not a server yet; killed when dropped.
struct Killed(Option<Child>);

impl Killed {
    fn process(&mut self) -> Outcome<&mut Child> {
        self.0.as_mut().ok_or_else(|| "a server that is gone".into())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Asks once, over a connection of its own, for what must be there.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Outcome<String> {
    let mut once = Once { path, body: String::new() };
    Connection::open(address).await?.call(&mut once).await?;
    Ok(once.body)
}

struct Once<'a> {
    path: &'a str,
    body: String,
}

impl Visitor for Once<'_> {
    fn ask(&mut self, request: &mut Vec<u8>) {
        request.extend_from_slice(format!("GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", self.path).as_bytes());
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(200)?;
        self.body = String::from_utf8(answer.body.to_vec())?;
        Ok(())
    }
}
