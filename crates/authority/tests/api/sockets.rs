//! What arrives on a socket need not be HTTP.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Harness, PASSWORD};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends bytes, and reads until the server hangs up.
async fn exchange(harness: &Harness, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(harness.address).await.expect("connected");
    // The server may have seen enough, and hang up, before all of it is written.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    read_all(&mut stream).await
}

pub(super) async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset is one way to hang up.
    let _ = read.expect("the server hangs up");
    String::from_utf8_lossy(&answer).into_owned()
}

pub(super) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn g6_garbage_is_refused_and_the_server_goes_on() {
    let harness = Harness::start().await;
    let garbage: [&[u8]; 8] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1/me HTTP/9.9\r\n\r\n",
        b"GET /v1/me HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n",
    ];
    for bytes in garbage {
        let answer = exchange(&harness, bytes).await;
        assert!(matches!(status(&answer), "400" | "none" | "505"), "{answer}");
    }
    harness.get("/healthz").expect(200).await;
}

#[tokio::test]
async fn g6_any_bytes_at_all_neither_break_the_server_nor_let_anybody_in() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let line = prop_oneof![
        Just(b"GET /v1/me HTTP/1.1\r\n".to_vec()),
        Just(b"Authorization: Bearer ".to_vec()),
        Just(b"\r\n\r\n".to_vec()),
        Just(ann.access.clone().into_bytes()[..40].to_vec()),
        proptest::collection::vec(any::<u8>(), 0..200),
    ];
    let bytes = proptest::collection::vec(line, 1..8).prop_map(|parts| parts.concat());
    for _ in 0..100 {
        let bytes = bytes.new_tree(&mut runner).unwrap().current();
        let answer = exchange(&harness, &bytes).await;
        assert!(!matches!(status(&answer).chars().next(), Some('2' | '5')), "{bytes:?}: {answer}");
    }
    ann.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn heads_are_bounded_in_size_and_number() {
    let harness = Harness::start().await;
    let head = |more: &str| format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
    assert_eq!(status(&exchange(&harness, head("").as_bytes()).await), "200");
    let fits = format!("X: {}\r\n", "y".repeat(16_000));
    assert_eq!(status(&exchange(&harness, head(&fits).as_bytes()).await), "200");
    let large = format!("X: {}\r\n", "y".repeat(64_000));
    assert_eq!(status(&exchange(&harness, head(&large).as_bytes()).await), "431");
    let many = "X: y\r\n".repeat(200);
    assert_eq!(status(&exchange(&harness, head(&many).as_bytes()).await), "431");
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "y".repeat(10_000));
    assert_eq!(status(&exchange(&harness, long.as_bytes()).await), "414");
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_although_nobody_is_asked_what_to_answer() {
    let harness = Harness::start().await;
    let large = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(64_000));
    for bytes in [large.as_bytes(), b"GET\r\n\r\n", b"GET /v1/me HTTP/1.1\r\nno colon\r\n\r\n"] {
        exchange(&harness, bytes).await;
    }
    let told = async {
        loop {
            let metrics = harness.get("/metrics").expect(200).await.text();
            let counted = |status: &str, count: u32| {
                let name =
                    format!("rescind_http_requests_total{{route=\"(none)\",method=\"other\",status=\"{status}\"}}");
                metrics.contains(&format!("{name} {count}\n"))
            };
            if counted("431", 1) && counted("400", 2) {
                break;
            }
        }
    };
    // The answer may be there before it was counted.
    tokio::time::timeout(PATIENCE, told).await.expect("counted");
}

#[tokio::test]
async fn whoever_does_not_finish_a_head_or_stays_idle_is_hung_up_on() {
    let harness = Harness::with(|config| config.http.header_timeout = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost:").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(matches!(status(&answer), "none" | "408"), "{answer}");
    let mut idle = TcpStream::connect(harness.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(status(&read_all(&mut idle).await), "200");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408_and_one_that_breaks_off_is_nothing() {
    let harness = Harness::with(|config| config.http.request_timeout = Duration::from_secs(1)).await;
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    let head = "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert_eq!(status(&answer), "408");
    assert!(answer.contains("/problems/request-too-slow"), "{answer}");
    let answer = exchange(&harness, head.as_bytes()).await;
    assert!(matches!(status(&answer), "400" | "none"), "{answer}");
    harness.get("/healthz").expect(200).await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_503_and_says_that_it_may_have_been_done() {
    let harness = Harness::with(|config| {
        config.http.request_timeout = Duration::from_millis(400);
        // One hash takes longer than that.
        config.passwords.memory_kib = 65_536;
        config.passwords.iterations = 40;
    })
    .await;
    let body = json!({"login": "ann", "password": PASSWORD});
    let answer = harness.post("/v1/users").json(&body).expect(503).await.problem("timed-out").retry_after();
    assert!(answer.text().contains("Idempotency-Key"));
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let harness = Harness::start().await;
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    let head = "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\
                Expect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert_eq!(status(&answer), "413", "no 100 Continue");
}

#[tokio::test]
async fn a_chunked_body_is_bounded_too() {
    let harness = Harness::start().await;
    let head =
        "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.split();
    let send = async {
        // Until the server has had enough.
        while write.write_all(chunk.as_bytes()).await.is_ok() {}
    };
    let mut answer = [0; 64];
    let receive = tokio::time::timeout(PATIENCE, read.read(&mut answer));
    let received = tokio::select! { received = receive => received.unwrap().unwrap(), () = send => read.read(&mut answer).await.unwrap_or(0) };
    let answer = String::from_utf8_lossy(&answer[..received]).into_owned();
    assert!(matches!(status(&answer), "413" | "none"), "{answer}");
    harness.get("/healthz").expect(200).await;
}

#[tokio::test]
async fn connections_are_kept_and_requests_on_them_answered_in_order() {
    let harness = Harness::start().await;
    let one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    stream.write_all(format!("{one}{last}").as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    let statuses: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "{answer}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let harness = Harness::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = rescind::http::router(harness.authority.clone());
    let limits = rescind::http::server::Limits {
        connections: 2,
        ..rescind::http::server::Limits::from(&harness.authority.config.http)
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(rescind::http::server::run(listener, router, limits, async { drop(stopped.await) }));
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let (mut one, mut two, mut three) = (
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
    );
    let mut buffer = [0; 1024];
    for stream in [&mut one, &mut two] {
        stream.write_all(request).await.unwrap();
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
    }
    three.write_all(request).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), three.read(&mut buffer)).await;
    assert!(early.is_err(), "served although there was no room");
    drop(one);
    let late = tokio::time::timeout(PATIENCE, three.read(&mut buffer)).await;
    assert!(late.unwrap().unwrap() > 0);
    drop((two, three, stop));
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_shutdown_lets_requests_in_flight_finish_and_takes_no_new_ones() {
    let mut harness = Harness::start().await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD}).to_string();
    let length = body.len();
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    let mut idle = TcpStream::connect(harness.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut buffer = [0; 1024];
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    stream.write_all(head.as_bytes()).await.unwrap();
    let read = stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 100"), "the request is in flight");
    let stopped = harness.stop();
    assert_eq!(read_all(&mut idle).await, "", "an idle connection is closed");
    stream.write_all(body.as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert_eq!(status(&answer), "201", "{answer}");
    stopped.await.unwrap();
    assert!(TcpStream::connect(harness.address).await.is_err());
}

#[tokio::test]
async fn whoever_asks_and_never_reads_is_hung_up_on() {
    let harness = Harness::with(|config| config.http.request_timeout = Duration::from_secs(1)).await;
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    let request = b"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200);
    let hung_up = async {
        // Answers fill the socket's buffers; then the server waits for them to be read, and at last for nothing more.
        while stream.write_all(&request).await.is_ok() {}
    };
    tokio::time::timeout(PATIENCE, hung_up).await.expect("the server hangs up");
    harness.get("/healthz").expect(200).await;
}
