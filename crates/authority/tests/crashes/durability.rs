//! What was acknowledged is on the disk (R6): seen in the order of system calls, since nobody can pull the plug here.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::http::{Answer, Connection, Request};
use super::server::{self, Server};
use super::trace::{self, Call, parse};
use super::tracer::{Tracer, strace};

const PASSWORD: &str = "a long password that nobody has";
const DEVICES: usize = 8;
const REFRESHES: usize = 8;

/// How long each sync is held up.
const HELD_UP: Duration = Duration::from_millis(5);

#[test]
fn r6_no_acknowledgement_leaves_before_its_commit_is_synced() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("trace");
    let server = Server::start(&home.path().join("data"), &[]);
    server.ask(&Request::post("/v1/users", json!({ "login": "ann", "password": PASSWORD }))).expect(201);
    let tracer = match Tracer::attach(server.id(), &file, HELD_UP) {
        Ok(tracer) => tracer,
        Err(reason) => return eprintln!("SKIPPED: strace cannot attach here: {reason}"),
    };
    let mut acknowledged = one_after_the_other(&mut server.connect());
    acknowledged += all_at_once(&server);
    server.stop();
    let calls = trace::finish(tracer, &file);
    let examined = check_acknowledgements(&calls);
    eprintln!("{examined} acknowledgements examined among {} calls", calls.len());
    assert!(acknowledged > 0);
    assert_eq!(examined, acknowledged, "acknowledgements that are not in the trace");
}

#[test]
fn r6_the_command_line_says_nothing_before_its_commit_is_synced_nor_a_new_folder_before_its_names_are() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let making = traced(&home.path().join("trace"), &data, &["user", "add", "ann", "--password-stdin"]);
    let said = answer_at(&making);
    let before = |call: &&Call| call.ended < said;
    check_commit(&making, 0, said).unwrap();
    let renamed = making.iter().filter(before).find(|call| call.name == "rename").expect("the root key has its name");
    let root_key = making.iter().find(|call| call.is_sync() && call.file().ends_with("root.key.new"));
    assert!(root_key.is_some_and(|sync| sync.ended < renamed.began), "the root key has its name before its content");
    let log_made = making.iter().find(|call| call.name == "openat" && call.arguments.contains("rescind.db-wal"));
    for made in [renamed, log_made.expect("the log is made")] {
        let synced = |call: &Call| call.is_sync() && call.began > made.ended && Path::new(call.file()) == data;
        assert!(making.iter().filter(before).any(synced), "a name in the folder is not durable: {made:?}");
    }
    let ending = traced(&home.path().join("trace"), &data, &["user", "logout", "ann"]);
    check_commit(&ending, 0, answer_at(&ending)).unwrap();
}

/// Signs in, refreshes, ends something: each request waits for the answer to the one before. How many were acknowledged.
fn one_after_the_other(connection: &mut Connection) -> usize {
    let mut device = sign_in(connection);
    for _ in 0..REFRESHES {
        device = refresh(connection, &device);
    }
    let access = device.text("/access_token");
    let others = Request::post("/v1/sessions/end-others", json!({})).bearing(access);
    connection.ask(&others).unwrap().expect(200);
    connection.ask(&Request::delete("/v1/sessions/current").bearing(access)).unwrap().expect(204);
    1 + REFRESHES + 2
}

/// Several devices refresh and log out at the same time, so that commits are shared.
fn all_at_once(server: &Server) -> usize {
    let devices: Vec<Answer> = (0..DEVICES).map(|_| sign_in(&mut server.connect())).collect();
    thread::scope(|scope| {
        for mut device in devices {
            let mut connection = server.connect();
            scope.spawn(move || {
                for _ in 0..REFRESHES {
                    device = refresh(&mut connection, &device);
                }
                let access = device.text("/access_token");
                connection.ask(&Request::delete("/v1/sessions/current").bearing(access)).unwrap().expect(204);
            });
        }
    });
    DEVICES * (1 + REFRESHES + 1)
}

fn sign_in(connection: &mut Connection) -> Answer {
    let body = json!({ "login": "ann", "password": PASSWORD });
    connection.ask(&Request::post("/v1/sessions", body)).unwrap().expect(201)
}

fn refresh(connection: &mut Connection, device: &Answer) -> Answer {
    let body = json!({ "refresh_token": device.text("/refresh_token") });
    connection.ask(&Request::post("/v1/sessions/refresh", body)).unwrap().expect(200)
}

/// Checks every answer that says that something was done, and counts them.
fn check_acknowledgements(calls: &[Call]) -> usize {
    let mut examined = 0;
    for answer in calls.iter().filter(|call| call.is_write() && call.data().starts_with("HTTP/1.1 2")) {
        let mut before = calls.iter().filter(|call| call.ended < answer.began && call.file() == answer.file());
        let request = before.rfind(|call| call.is_read() && call.result > Some(0)).expect("the request");
        if request.data().starts_with("GET ") {
            continue;
        }
        check_commit(calls, request.ended, answer.began).unwrap_or_else(|error| panic!("{error}: {request:?}"));
        examined += 1;
    }
    examined
}

/// Between these two, something was written to the log, and after that the log was synced.
fn check_commit(calls: &[Call], from: usize, to: usize) -> Result<(), &'static str> {
    let log = |call: &&Call| call.file().ends_with("rescind.db-wal");
    let between = || calls.iter().filter(log).filter(|call| call.began > from && call.ended < to);
    let written = between().find(|call| call.is_write()).ok_or("acknowledged, and nothing was written")?;
    let synced = between().find(|call| call.is_sync() && call.began > written.ended);
    let synced = synced.ok_or("acknowledged, and what was written was not synced")?;
    // All that its thread had written until then, it had synced.
    let torn = between().any(|call| call.is_write() && call.began < synced.began && call.ended > synced.began);
    if torn { Err("acknowledged, and only some of what was written was synced") } else { Ok(()) }
}

/// Runs a command of the command line under the tracer to its end.
fn traced(file: &Path, data: &Path, arguments: &[&str]) -> Vec<Call> {
    let mut traced = strace(file);
    trace::run(&mut traced, &server::command(data, &[]));
    let mut child = traced.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    parse(&std::fs::read_to_string(file).unwrap())
}

/// Where the command said what it had done.
fn answer_at(calls: &[Call]) -> usize {
    let answer = calls.iter().find(|call| call.is_write() && call.arguments.starts_with("1<"));
    answer.expect("an answer on standard output").began
}
