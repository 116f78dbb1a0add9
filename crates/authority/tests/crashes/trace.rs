//! `strace`: what a process asked of the system, and in which order.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::tracer::Tracer;

/// One system call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// Everything between its parentheses.
    pub(crate) arguments: String,
    /// Where it began and ended, in lines of the trace.
    pub(crate) began: usize,
    pub(crate) ended: usize,
    /// What it returned; none if it never did.
    pub(crate) result: Option<i64>,
}

/// Waits until the process that is traced has ended, and reads the trace.
pub(crate) fn finish(mut tracer: Tracer, trace: &Path) -> Vec<Call> {
    tracer.child.wait().unwrap();
    parse(&fs::read_to_string(trace).unwrap())
}

/// Makes the tracer run what `plain` would run, in the same environment.
pub(crate) fn run(tracer: &mut Command, plain: &Command) {
    // Where the tracer itself is found.
    tracer.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for (name, value) in plain.get_envs() {
        tracer.env(name, value.unwrap_or_default());
    }
    tracer.arg(plain.get_program()).args(plain.get_args());
    tracer.current_dir(plain.get_current_dir().unwrap());
}

/// The calls in the order in which they began. A call during which others were seen is on two lines.
pub(crate) fn parse(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    for (line, text) in text.lines().enumerate() {
        let (thread, what) = text.split_once(' ').unwrap();
        let what = what.trim_start();
        if let Some(resumed) = what.strip_prefix("<... ") {
            let rest = resumed.split_once(" resumed>").unwrap().1;
            let Some(at) = unfinished.remove(thread) else { continue };
            let (arguments, result) = split_result(rest);
            calls[at].arguments.push_str(arguments);
            (calls[at].ended, calls[at].result) = (line, result);
        } else if let Some((name, rest)) = what.split_once('(') {
            let open = rest.strip_suffix(" <unfinished ...>");
            let (arguments, result) = open.map_or_else(|| split_result(rest), |arguments| (arguments, None));
            if open.is_some() {
                unfinished.insert(thread, calls.len());
            }
            let (name, arguments) = (name.to_owned(), arguments.to_owned());
            calls.push(Call { name, arguments, began: line, ended: line, result });
        }
    }
    for at in unfinished.into_values() {
        calls[at].ended = usize::MAX;
    }
    calls
}

fn split_result(text: &str) -> (&str, Option<i64>) {
    let Some((arguments, result)) = text.rsplit_once(" = ") else { return (text, None) };
    let number = result.split([' ', '<']).next().unwrap();
    (arguments.trim_end().trim_end_matches(')'), number.parse().ok())
}

impl Call {
    /// What its file descriptor stands for: a path, or the two ends of a connection.
    pub(crate) fn file(&self) -> &str {
        let inside = self.arguments.split_once('<').map_or("", |(_, rest)| rest);
        // A connection's name has an arrow in it.
        let end = inside.find(">,").or_else(|| inside.rfind('>')).unwrap_or(0);
        &inside[..end]
    }

    /// The first bytes that it read or wrote.
    pub(crate) fn data(&self) -> &str {
        self.arguments.split('"').nth(1).unwrap_or("")
    }

    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.result == Some(0)
    }

    pub(crate) fn is_write(&self) -> bool {
        matches!(self.name.as_str(), "write" | "writev" | "pwrite64" | "sendto" | "sendmsg")
    }

    pub(crate) fn is_read(&self) -> bool {
        matches!(self.name.as_str(), "read" | "recvfrom")
    }
}

#[test]
fn a_trace_is_read_whole_whatever_threads_did_between() {
    let text = "\
7 pwrite64(19</d/x.db-wal>, \"\\0\\7\"..., 24, 32) = 24
8 recvfrom(14<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"POST /v1/a = b HTTP/1.1\\r\\n\"..., 8192, 0, NULL, NULL) = 190
7 fsync(19</d/x.db-wal> <unfinished ...>
8 read(3<anon_inode:[eventfd]>, 0x7f, 8) = -1 EAGAIN (Resource temporarily unavailable)
7 <... fsync resumed>)              = 0 (DELAYED)
8 writev(14<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base=\"HTTP/1.1 201 Created\\r\\n\"..., iov_len=285}], 2) = 300
9 fsync(19</d/x.db-wal> <unfinished ...>
7 +++ exited with 0 +++
";
    let calls = parse(text);
    let shown: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.file(), call.result)).collect();
    assert_eq!(
        shown,
        [
            ("pwrite64", "/d/x.db-wal", Some(24)),
            ("recvfrom", "TCP:[127.0.0.1:1->127.0.0.1:2]", Some(190)),
            ("fsync", "/d/x.db-wal", Some(0)),
            ("read", "anon_inode:[eventfd]", Some(-1)),
            ("writev", "TCP:[127.0.0.1:1->127.0.0.1:2]", Some(300)),
            ("fsync", "/d/x.db-wal", None),
        ]
    );
    assert_eq!((calls[2].began, calls[2].ended, calls[2].is_sync()), (2, 4, true));
    assert_eq!((calls[5].ended, calls[5].is_sync()), (usize::MAX, false));
    assert_eq!(calls[4].data(), "HTTP/1.1 201 Created\\r\\n");
}
