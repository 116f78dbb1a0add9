//! `strace`, attached to a process that runs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What is looked at: everything that writes, syncs, reads or gives a name.
const CALLS: &str = "trace=fdatasync,fsync,write,writev,sendto,sendmsg,pwrite64,read,recvfrom,rename,openat";

/// Detached when dropped; the process goes on.
pub(crate) struct Tracer {
    pub(crate) child: Child,
}

impl Tracer {
    /// Attaches to a process and all its threads. Each sync is held up for so long, so that whoever does not wait for it
    /// is seen to be early. Says why if that is not allowed here.
    pub(crate) fn attach(process: u32, trace: &Path, delay: Duration) -> Result<Self, String> {
        let mut command = strace(trace);
        command.arg("-e").arg(format!("inject=fsync,fdatasync:delay_enter={}", delay.as_micros()));
        command.args(["-p", &process.to_string()]).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("strace: {error}; `script/test` installs it"));
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let this = Self { child };
        if !line.contains("attached") {
            return Err(line);
        }
        // New threads are announced too; somebody must read it.
        std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(drop));
        Ok(this)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // It has ended, if the process has.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The tracer, all threads followed, file descriptors shown with what they stand for, written to `trace`.
pub(crate) fn strace(trace: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-yy", "-s", "48", "-e", "signal=none", "-e", CALLS, "-o"]).arg(trace);
    command.stdin(Stdio::null());
    command
}
