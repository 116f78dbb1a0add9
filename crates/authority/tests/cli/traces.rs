//! A server that is told where its traces go.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::house::House;
use crate::server::Server;

/// Listens on a free port, and hands on the first body that is sent there.
fn collector() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("accepted");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a number");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        reader.get_mut().write_all(answer).expect("answered");
        tell.send(String::from_utf8(body).expect("UTF-8")).expect("somebody waits");
    });
    (format!("http://{address}"), told)
}

#[test]
fn a_server_that_is_stopped_sends_what_it_has_traced() {
    let (url, body) = collector();
    let house = House::of("ann");
    let mut command = house.command(&["serve", "--listen", "127.0.0.1:0", "--traces-service", "front door"]);
    command.env("RESCIND_TRACES_ENDPOINT", &url);
    let server = Server::start(command, house.path("stderr"));
    server.sign_in("ann", "phone");
    assert_eq!(server.stop().code(), Some(0));
    let body = body.recv_timeout(Duration::from_mins(1)).expect("it was sent");
    assert!(body.contains("\"front door\"") && body.contains("\"POST /v1/sessions\""), "{body}");
}

#[test]
fn a_collector_that_is_none_is_refused_and_the_variables_of_others_are_not_read() {
    let house = House::new();
    house.refuses_to_serve(&["--traces-endpoint", "127.0.0.1:4318"]).failed_with(2).says("traces.endpoint");
    house.refuses_to_serve(&["--traces-ratio", "1.5"]).failed_with(2).says("must be a number, 0 to 1");
    let mut command = house.command(&["config", "show"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let output = command.output().expect("it ran");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("4318"));
}
