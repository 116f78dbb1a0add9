//! HTTP/2, as browsers speak it, and as those do who mean harm.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::request::Builder;
use axum::http::{Method, Request, Response, StatusCode};
use futures_util::future::join_all;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rescind::http::server::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

use super::clients::add_service;
use super::encrypted::Door;
use super::harness::{Device, Harness, PASSWORD, text};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_mins(1);

const BROWSER: &[&str] = &["h2", "http/1.1"];

/// What the server is called.
const NAME: &str = "https://id.example";

/// A connection of HTTP/2.
struct Line {
    sender: SendRequest<Body>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Line {
    async fn open(door: &Door) -> Self {
        let stream = TokioIo::new(door.client_that_speaks(BROWSER).await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
        Self { sender, connection: tokio::spawn(connection) }
    }

    async fn send(&self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        let mut sender = self.sender.clone();
        sender.ready().await?;
        sender.send_request(request).await
    }

    /// The status, the headers and the text of an answer.
    async fn ask(&self, request: Request<Body>) -> Response<String> {
        let (head, body) = self.send(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        Response::from_parts(head, String::from_utf8(body.to_vec()).expect("UTF-8"))
    }

    /// Waits until the server ends the connection, which may be rude: the client has more to say.
    async fn ends(self) {
        let Self { sender, connection } = self;
        let _ = tokio::time::timeout(PATIENCE, connection).await.expect("the server hangs up");
        drop(sender);
    }
}

fn request(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(format!("{NAME}{path}"))
}

fn get(path: &str) -> Request<Body> {
    request(Method::GET, path).body(Body::empty()).expect("a request")
}

fn get_as(device: &Device<'_>, path: &str) -> Request<Body> {
    let request = request(Method::GET, path).header("authorization", format!("Bearer {}", device.access));
    request.body(Body::empty()).expect("a request")
}

/// A body that is sent bit by bit.
fn slowly() -> (mpsc::Sender<Bytes>, Body) {
    let (send, parts) = mpsc::channel::<Bytes>(1);
    let parts = stream::unfold(parts, async |mut parts| {
        let part = parts.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(part), parts))
    });
    (send, Body::from_stream(parts))
}

async fn named() -> Harness {
    Harness::with(|config| NAME.clone_into(&mut config.issuer)).await
}

/// Whether the server still answers, on a connection of its own.
async fn is_well(door: &Door) {
    assert_eq!(Line::open(door).await.ask(get("/healthz")).await.status(), 200);
}

#[tokio::test]
async fn clients_get_http_2_if_they_offer_it_and_http_1_1_otherwise() {
    let door = Door::open(|_| {}).await;
    let spoken = async |offered: &[&str]| {
        let client = door.client_that_speaks(offered).await;
        client.get_ref().1.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned())
    };
    assert_eq!(spoken(BROWSER).await.as_deref(), Some("h2"));
    assert_eq!(spoken(&["http/1.1"]).await.as_deref(), Some("http/1.1"));
    assert_eq!(spoken(&[]).await, None, "as verifiers do");
    let answer = Line::open(&door).await.ask(get("/healthz")).await;
    assert_eq!((answer.status(), answer.body().as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
    assert_eq!(answer.headers()["content-length"], "15");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn people_sign_in_on_pages_whose_cookies_come_in_a_header_each() {
    let door = Door::of(named().await, |_| {}).await;
    door.harness.sign_up("ann").await;
    let line = Line::open(&door).await;
    let page = line.ask(get("/sign-in")).await;
    let mut cookies = kept(&page);
    cookies.insert(0, "theme=dark".to_owned());
    let token = page.body().split_once("name=\"form_token\" value=\"").expect("a form").1;
    let token = token.split('"').next().expect("a token");
    let post = async |origin: &str| {
        let form = format!("form_token={token}&login=ann&password={}", PASSWORD.replace(' ', "+"));
        let request = request(Method::POST, "/sign-in").header(ORIGIN, origin);
        let request = cookies.iter().fold(request, |request, cookie| request.header(COOKIE, cookie));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        line.ask(request.body(Body::from(form)).expect("a request")).await
    };
    let foreign = post("https://evil.example").await;
    assert!(foreign.status() == 403 && kept(&foreign).is_empty(), "{foreign:?}");
    let answer = post(NAME).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()[LOCATION]), (303, &"/account".parse().expect("a value")));
    let mine = cookies
        .iter()
        .chain(&kept(&answer))
        .fold(request(Method::GET, "/account"), |request, cookie| request.header(COOKIE, cookie));
    let account = line.ask(mine.body(Body::empty()).expect("a request")).await;
    assert_eq!(account.status(), 200, "{}", account.body());
    assert_eq!(line.ask(get("/account")).await.status(), 303, "whoever brings no cookie is nobody");
}

/// The cookies that an answer sets, as they come back.
fn kept(answer: &Response<String>) -> Vec<String> {
    let all = answer.headers().get_all(SET_COOKIE).iter();
    let pairs = all.filter_map(|value| value.to_str().ok()?.split(';').next().map(str::to_owned));
    pairs.filter(|pair| !pair.ends_with('=')).collect()
}

#[tokio::test]
async fn a_stream_that_lives_and_other_requests_share_one_connection() {
    let door = Door::open(|_| {}).await;
    let ann = door.harness.newcomer("ann").await;
    let line = Line::open(&door).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut body = line.send(get_as(&ann, "/v1/sessions/changes")).await.expect("an answer").into_body();
        until(&mut body, "event: hello").await;
        streams.push(body);
    }
    for _ in 0..20 {
        assert_eq!(line.ask(get_as(&ann, "/v1/me")).await.status(), 200);
    }
    door.harness.sign_in("ann").await;
    for body in &mut streams {
        until(body, "event: changed").await;
    }
    assert_eq!(line.ask(get_as(&ann, "/v1/me")).await.status(), 200);
}

/// Reads until this comes.
async fn until(body: &mut Incoming, what: &str) {
    let mut heard = String::new();
    while !heard.contains(what) {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("something comes");
        let data = frame.expect("it goes on").expect("no error").into_data().expect("data");
        heard.push_str(std::str::from_utf8(&data).expect("UTF-8"));
    }
}

#[tokio::test]
async fn a_server_that_stops_ends_streams_lets_requests_finish_and_hangs_up() {
    let mut door = Door::open(|_| {}).await;
    let ann = door.harness.newcomer("ann").await.access;
    let line = Line::open(&door).await;
    let watch = request(Method::GET, "/v1/sessions/changes").header("authorization", format!("Bearer {ann}"));
    let mut events = line.send(watch.body(Body::empty()).expect("a request")).await.expect("an answer").into_body();
    until(&mut events, "event: hello").await;
    let (send, body) = slowly();
    let sign_in = request(Method::POST, "/v1/sessions").header("content-type", "application/json");
    let mut sender = line.sender.clone();
    let signing_in = tokio::spawn(sender.send_request(sign_in.body(body).expect("a request")));
    // What was asked after it is answered, so it is in flight.
    assert_eq!(line.ask(get("/healthz")).await.status(), 200);
    drop(door.stop.take());
    let rest = tokio::time::timeout(PATIENCE, events.collect()).await.expect("it ends").expect("in order");
    assert!(rest.to_bytes().is_empty());
    let whole = json!({"login": "ann", "password": PASSWORD}).to_string();
    send.send(whole.into()).await.expect("somebody reads");
    drop(send);
    assert_eq!(signing_in.await.expect("no panic").expect("an answer").status(), 201);
    line.ends().await;
    drop(sender);
    tokio::time::timeout(PATIENCE, &mut door.server).await.expect("it stops").expect("without a panic");
}

#[tokio::test]
async fn a_thousand_requests_at_once_are_all_answered() {
    let door = Door::open(|_| {}).await;
    let line = Line::open(&door).await;
    let all = join_all((0..1000).map(|_| line.ask(get("/healthz")))).await;
    assert!(all.iter().all(|answer| answer.status() == 200 && answer.body().contains("ok")));
}

#[tokio::test]
async fn requests_that_there_is_no_place_for_are_told_to_come_again() {
    let door = Door::open(|limits| limits.requests = 2).await;
    let ann = door.harness.newcomer("ann").await;
    let (one, other) = (Line::open(&door).await, Line::open(&door).await);
    let watch = async |line: &Line| line.send(get_as(&ann, "/v1/sessions/changes")).await.expect("an answer");
    let held = [watch(&one).await, watch(&other).await];
    let answer = other.ask(get("/healthz")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().expect("a value")));
    assert!(answer.body().contains("/problems/busy"), "{}", answer.body());
    drop((held, one));
    let room = async { while other.ask(get("/healthz")).await.status() != 200 {} };
    tokio::time::timeout(PATIENCE, room).await.expect("there is room again");
}

#[tokio::test]
async fn whoever_follows_the_feed_over_http_2_is_told_to_use_http_1_1() {
    let door = Door::open(|_| {}).await;
    let root = door.harness.administrator().await;
    let secret = add_service(&root, "shop", json!(["rescind:feed"])).await;
    let form = format!("grant_type=client_credentials&client_id=shop&client_secret={secret}&scope=rescind:feed");
    let token = text(&door.harness.post("/oauth/token").form(&form).expect(200).await.json()["access_token"]);
    let ask = request(Method::GET, "/v1/feed").header("authorization", format!("Bearer {token}"));
    let answer = Line::open(&door).await.ask(ask.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status(), 426);
    assert!(answer.body().contains("/problems/upgrade-required"), "{}", answer.body());
    assert!(answer.body().contains("HTTP/1.1"), "{}", answer.body());
}

#[tokio::test]
async fn heads_over_http_2_are_bounded_in_size_and_number() {
    let door = Door::open(|_| {}).await;
    let line = Line::open(&door).await;
    let with = |name: String, value: String| request(Method::GET, "/healthz").header(name, value);
    let fits = with("x".into(), "y".repeat(16_000)).body(Body::empty()).expect("a request");
    assert_eq!(line.ask(fits).await.status(), 200);
    let many = (0..200).fold(request(Method::GET, "/healthz"), |request, n| request.header(format!("x-{n}"), "y"));
    let answer = line.ask(many.body(Body::empty()).expect("a request")).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (431, &"application/problem+json".parse().expect("a value"))
    );
    assert!(answer.body().contains("/problems/head-too-large"), "{}", answer.body());
    let metrics = line.ask(get("/metrics")).await;
    let counted = "rescind_http_requests_total{route=\"(none)\",method=\"GET\",status=\"431\"} 1";
    assert!(metrics.body().contains(counted), "{}", metrics.body());
    let large = with("x".into(), "y".repeat(64_000)).body(Body::empty()).expect("a request");
    let answered = line.send(large).await.map(|answer| answer.status().as_u16());
    assert!(matches!(answered, Ok(431) | Err(_)), "{answered:?}");
    is_well(&door).await;
}

#[tokio::test]
async fn whoever_says_nothing_or_idles_over_http_2_is_hung_up_on() {
    let door = Door::open(|limits| limits.header_timeout = Duration::from_secs(4)).await;
    let mut silent = door.client_that_speaks(BROWSER).await;
    let mut half = begun(&door, &[]).await;
    // A head that does not end.
    half.write_all(&frame(HEADERS, 0, 1, &[0x82])).await.expect("sent");
    let line = Line::open(&door).await;
    assert_eq!(line.ask(get("/healthz")).await.status(), 200);
    let idle = async { tokio::time::timeout(PATIENCE, line.connection).await.expect("the server hangs up") };
    let (idle, (), ()) = tokio::join!(idle, ended(&mut silent), ended(&mut half));
    idle.expect("no panic").expect("in order");
}

#[tokio::test]
async fn g6_whoever_takes_nothing_of_an_answer_is_hung_up_on() {
    let door = Door::open(|limits| limits.request_timeout = Duration::from_secs(2)).await;
    // It answers pings, and lets a hundred bytes of each answer come.
    let stream = TokioIo::new(door.client_that_speaks(BROWSER).await);
    let mut greedy = http2::Builder::new(TokioExecutor::new());
    let (sender, connection) = greedy.initial_stream_window_size(100).handshake(stream).await.expect("HTTP/2");
    let line = Line { sender, connection: tokio::spawn(connection) };
    let mut kept = Vec::new();
    for _ in 0..5 {
        kept.push(line.send(get("/docs")).await.expect("an answer"));
    }
    line.ends().await;
    drop(kept);
    is_well(&door).await;
}

#[tokio::test]
async fn g6_streams_that_are_reset_as_soon_as_they_begin_end_the_connection() {
    let door = Door::open(|_| {}).await;
    let mut rapid = begun(&door, &[]).await;
    let cancel = frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    for stream in 0..20_000 {
        let mut reset = cancel.clone();
        reset[5..9].copy_from_slice(&(stream * 2 + 1_u32).to_be_bytes());
        let begin = frame(HEADERS, END_STREAM | END_HEADERS, stream * 2 + 1, &head("/openapi.json"));
        if rapid.write_all(&[begin, reset].concat()).await.is_err() {
            break;
        }
    }
    ended(&mut rapid).await;
    is_well(&door).await;
}

#[tokio::test]
async fn g6_whoever_breaks_off_one_request_after_the_other_is_hung_up_on() {
    let door = Door::open(|_| {}).await;
    let ann = door.harness.newcomer("ann").await;
    let line = Line::open(&door).await;
    let mut broken_off = 0;
    while broken_off < 1000
        && let Ok(answer) = line.send(get_as(&ann, "/v1/sessions/changes")).await
    {
        drop(answer);
        broken_off += 1;
    }
    assert!((90..1000).contains(&broken_off), "{broken_off}");
    line.ends().await;
    is_well(&door).await;
}

#[tokio::test]
async fn g6_streams_that_the_client_makes_the_server_reset_end_the_connection() {
    let door = Door::open(|_| {}).await;
    let mut sly = begun(&door, &[]).await;
    for stream in 0..20_000 {
        let begin = frame(HEADERS, END_STREAM | END_HEADERS, stream * 2 + 1, &head("/openapi.json"));
        // A window that grows by nothing is an error of the stream (RFC 9113 §6.9).
        let wrong = frame(WINDOW_UPDATE, 0, stream * 2 + 1, &[0, 0, 0, 0]);
        if sly.write_all(&[begin, wrong].concat()).await.is_err() {
            break;
        }
    }
    ended(&mut sly).await;
    is_well(&door).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g6_floods_of_small_frames_cost_whoever_sends_them_the_connection() {
    let short = |limits: &mut Limits| {
        (limits.header_timeout, limits.request_timeout) = (Duration::from_secs(4), Duration::from_secs(2));
    };
    let door = Door::open(short).await;
    let long = frame(CONTINUATION, 0, 1, &[b'x'; 16_000]);
    let ping = frame(PING, 0, 0, &[7; 8]);
    let settings = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]);
    let begin = frame(HEADERS, 0, 1, &[0x82]);
    let mut floods = Vec::new();
    for (first, flood) in [(vec![], ping), (vec![], settings), (begin, long)] {
        let mut rude = door.client_with_little_room(BROWSER).await;
        floods.push(async move {
            let _ = rude.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &first].concat()).await;
            let many = flood.repeat(100);
            // Nothing of what the server says is read: neither does it hear an answer, nor can it say more in the end.
            let cut_off = async { while rude.write_all(&many).await.is_ok() {} };
            tokio::time::timeout(PATIENCE, cut_off).await.expect("the server hangs up");
        });
    }
    join_all(floods).await;
    is_well(&door).await;
}

#[tokio::test]
async fn g6_garbage_instead_of_http_2_is_hung_up_on() {
    let door = Door::open(|_| {}).await;
    let mut connect = vec![0x02, 7];
    connect.extend(b"CONNECT");
    for garbage in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        vec![0; 1000],
        [PREFACE.to_vec(), frame(SETTINGS, 0, 7, &[])].concat(),
        [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[]), frame(HEADERS, END_HEADERS, 2, &head("/"))].concat(),
        [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[]), frame(HEADERS, END_HEADERS, 1, &[0xff; 90])].concat(),
        [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[]), vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]].concat(),
    ] {
        let mut client = door.client_that_speaks(BROWSER).await;
        let _ = client.write_all(&garbage).await;
        ended(&mut client).await;
    }
    is_well(&door).await;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames and their flags (RFC 9113 §6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection that has begun with these settings, and on which anything may be said.
async fn begun(door: &Door, settings: &[u8]) -> TlsStream<TcpStream> {
    let mut client = door.client_that_speaks(BROWSER).await;
    client.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat()).await.expect("sent");
    client
}

fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
}

/// The head of a `GET`, as HPACK writes it: three fields of the static table, and a path (RFC 7541 §6).
fn head(path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).expect("short");
    let mut head = vec![0x82, 0x87, 0x01, 1, b'x', 0x04, length];
    head.extend(path.as_bytes());
    head
}

/// Reads to the end of the connection, which may be a rude one.
async fn ended(client: &mut TlsStream<TcpStream>) {
    let mut heard = [0; 4096];
    let end = async { while client.read(&mut heard).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(PATIENCE, end).await.expect("the server hangs up");
}
