//! A first start that is cut off (G1): at any write, any sync and any change of a name, the next start finds something
//! that it can go on with.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use super::database;
use super::http::Request;
use super::kills;
use super::server::{self, Server};
use super::trace::run;
use super::tracer::strace;

/// The calls that a start is cut off at.
const CALLS: [&str; 5] = ["pwrite64", "write", "fsync", "rename", "ftruncate"];

/// Cuts for each of them, unless `RESCIND_KILLS` says otherwise; each is further along than the one before.
const CUTS: u64 = 3;

#[test]
fn g1_a_first_start_that_is_cut_off_at_any_call_is_made_good_by_the_next() {
    let home = tempfile::tempdir().unwrap();
    let every = kills::number("RESCIND_KILLS").is_some();
    let mut cuts = 0;
    for call in CALLS {
        let mut number = 1;
        for cut in 0.. {
            let data = home.path().join(format!("{call}-{number}"));
            match cut_off(&home.path().join("trace"), &data, call, number) {
                Cut::Off => cuts += 1,
                Cut::TooLate => break,
                Cut::NotHere(reason) => return eprintln!("SKIPPED: strace cannot run here: {reason}"),
            }
            goes_on(&data);
            if !every && cut + 1 == CUTS {
                break;
            }
            number += if every { 1 } else { number + cut };
        }
    }
    eprintln!("{cuts} first starts cut off");
    assert!(cuts >= CALLS.len(), "nothing was cut off");
}

enum Cut {
    Off,
    /// There are not so many of these calls.
    TooLate,
    NotHere(String),
}

/// Starts a server that is killed as a thread of it is about to make this call for the nth time.
fn cut_off(trace: &Path, data: &Path, call: &str, number: u64) -> Cut {
    let mut traced = strace(trace);
    // The server stays this process's child, and the tracer goes when it does.
    traced.args(["-D", "-e", &format!("inject={call}:signal=KILL:when={number}")]);
    run(&mut traced, &server::command(data, &[("RESCIND_LOG_FILTER", "off")]));
    traced.args(["serve", "--listen", "127.0.0.1:0"]);
    let mut child = traced.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if line.is_empty() {
        let output = child.wait_with_output().unwrap();
        return match output.status.signal() {
            Some(9) => Cut::Off,
            _ => Cut::NotHere(String::from_utf8_lossy(&output.stderr).into_owned()),
        };
    }
    child.kill().unwrap();
    child.wait().unwrap();
    Cut::TooLate
}

fn goes_on(data: &Path) {
    let server = Server::start(data, &[]);
    let account = json!({ "login": "ann", "password": "a long password that nobody has" });
    server.ask(&Request::post("/v1/users", account.clone())).expect(201);
    server.ask(&Request::post("/v1/sessions", account)).expect(201);
    database::check(&data.join("rescind.db"));
    server.stop();
}
