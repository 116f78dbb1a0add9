//! Two machines and a cable between them: network namespaces, where the system permits them.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The addresses of the two (RFC 5737).
pub(crate) const ADDRESSES: [&str; 2] = ["192.0.2.1", "192.0.2.2"];

/// The cable's ends, and an address that no machine has.
const ENDS: [&str; 2] = ["02:00:00:00:00:01", "02:00:00:00:00:02"];
const NOBODY: &str = "02:00:00:00:00:03";

/// Two machines, taken apart when dropped.
pub(crate) struct Machines {
    names: [String; 2],
}

impl Machines {
    /// Nothing where namespaces are not permitted, which is said aloud; continuous integration that runs as root must
    /// permit them.
    pub(crate) fn new() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = |side| format!("rescind-{}-{made}-{side}", std::process::id());
        let machines = Self { names: [name("a"), name("b")] };
        if let Err(refusal) = machines.connect() {
            let reason = format!("network namespaces are not permitted here: {refusal}");
            assert!(!must_run(), "{reason}");
            // Not by the macro, whose words the test runner keeps to itself.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: {reason}");
            return None;
        }
        machines.heal();
        Some(machines)
    }

    fn connect(&self) -> Result<(), String> {
        let [a, b] = &self.names;
        ip(&["netns", "add", a])?;
        ip(&["netns", "add", b])?;
        let cable = ["link", "add", "cable", "address", ENDS[0], "netns", a, "type", "veth", "peer", "name", "cable"];
        ip(&[&cable[..], &["address", ENDS[1], "netns", b]].concat())?;
        for (name, address) in self.names.iter().zip(ADDRESSES) {
            ip(&["-n", name, "address", "add", &format!("{address}/24"), "dev", "cable"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", "cable", "up"])?;
        }
        Ok(())
    }

    /// From now on packets vanish, both ways: nobody is told anything.
    pub(crate) fn cut(&self) {
        self.point_at([NOBODY, NOBODY]);
    }

    /// From now on packets arrive.
    pub(crate) fn heal(&self) {
        self.point_at(ENDS);
    }

    /// Whom each machine sends to what is for the other one.
    fn point_at(&self, ends: [&str; 2]) {
        for (here, there) in [(0, 1), (1, 0)] {
            let to =
                ["neighbour", "replace", ADDRESSES[there], "lladdr", ends[there], "dev", "cable", "nud", "permanent"];
            ip(&[&["-n", self.names[here].as_str()], &to[..]].concat()).expect("a cable");
        }
    }

    /// Runs something on one of the machines. What it connects and starts stays there.
    pub(crate) fn on<T: Send>(&self, machine: usize, run: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.names[machine]);
        std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                let namespace = File::open(path).expect("the namespace");
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("moved");
                run()
            });
            there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&["netns", "del", name]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    // Not where everybody looks for programs.
    let output = Command::new("ip").args(arguments).env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").output();
    let output = output.map_err(|error| format!("{error}: is iproute2 installed?"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "what continuous integration says of itself is no setting of the program"
)]
fn must_run() -> bool {
    std::env::var_os("CI").is_some() && rustix::process::geteuid().is_root()
}
