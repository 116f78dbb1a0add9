//! A server that stops keeps nobody waiting for an enforcement: no verifier can follow it any more.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::line::Line;
use crate::scene::{PATIENCE, Scene, until};
use crate::server::{answer, request};

/// Asks on the socket in the data folder, as the command line does.
fn ask(scene: &Scene, question: &str) -> BufReader<UnixStream> {
    let mut stream = UnixStream::connect(scene.house.socket()).expect("a server");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    writeln!(stream, "{question}").expect("sent");
    BufReader::new(stream)
}

fn told(mut asked: BufReader<UnixStream>) -> Value {
    let mut line = String::new();
    asked.read_line(&mut line).expect("an answer");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

#[test]
fn g5_a_server_that_stops_tells_those_who_wait_what_is_known_and_no_more() {
    let mut scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    // Its lease ends after all patience has.
    let (mut line, position) = Line::following(&scene, "asleep", Duration::from_secs(30));
    line.until_echoed(position, 1);
    let head = scene.house.head();
    let mut waiting = scene.server.connect();
    let path = format!("/v1/admin/sessions/{}?wait=enforced&timeout=60s", device.session);
    waiting.write_all(&request("DELETE", &path, Some(&scene.admin), None)).expect("sent");
    until(|| (scene.house.head() > head).then_some(()));
    let asked = ask(&scene, &format!("enforcement {} 60000", head + 1));
    // They are let in in turn: the one before this one was.
    assert_eq!(told(ask(&scene, "verifiers"))[0]["name"], "asleep");
    scene.server.signal(Signal::TERM);
    assert_eq!(line.until_closed(), "stopping");
    let answered = answer(waiting).expect(200).json();
    assert_eq!(answered["enforcement"]["enforced"], false, "{answered}");
    assert_eq!(answered["enforcement"]["pending"][0]["verifier"], "asleep", "{answered}");
    let answered = told(asked);
    assert_eq!(answered["enforced"], false, "{answered}");
    assert!(scene.server.wait().0.success());
}
