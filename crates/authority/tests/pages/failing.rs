//! What becomes of a page, and of whoever waits for it, when the server itself fails in the midst of it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::Method;
use axum::http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, RETRY_AFTER, SET_COOKIE};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rescind_domain::boxed::Boxed;
use rescind_domain::store::{EndingJob, ReadJob, Store, StoreError, TransactJob};
use rescind_wire::Position;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::browser::{Browser, SESSION};
use super::harness::Harness;
use super::journal;

/// How a read fails.
#[derive(Clone, Copy)]
enum How {
    Panics,
    IsRefused,
}

/// Which read fails from now on, and how.
type Fault = Arc<Mutex<Option<(&'static str, How)>>>;

/// A store of which one read fails.
struct Failing {
    store: Arc<dyn Store>,
    fault: Fault,
}

impl Store for Failing {
    fn position(&self) -> Boxed<'_, Result<Position, StoreError>> {
        self.store.position()
    }

    fn run_read(&self, name: &'static str, job: ReadJob) -> Boxed<'_, Result<(), StoreError>> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).filter(|(faulty, _)| *faulty == name);
        match fault {
            None => self.store.run_read(name, job),
            Some((_, How::Panics)) => Box::pin(async { panic!("on purpose, with a secret") }),
            Some((_, How::IsRefused)) => {
                Box::pin(async { Err(StoreError::Unavailable("refused on purpose".to_owned())) })
            }
        }
    }

    fn run_transact(&self, name: &'static str, job: TransactJob) -> Boxed<'_, Result<(), StoreError>> {
        self.store.run_transact(name, job)
    }

    fn run_ending(&self, name: &'static str, job: EndingJob) -> Boxed<'_, Result<(), StoreError>> {
        self.store.run_ending(name, job)
    }
}

/// A server whose store fails when it is told to.
async fn failing() -> (Harness, Fault) {
    let fault = Fault::default();
    let told = Arc::clone(&fault);
    let wrap = |store| -> Arc<dyn Store> { Arc::new(Failing { store, fault: told }) };
    (Harness::through(wrap, |_| {}, |_| axum::Router::new()).await, fault)
}

fn set(fault: &Fault, what: Option<(&'static str, How)>) {
    *fault.lock().unwrap_or_else(PoisonError::into_inner) = what;
}

/// Asks for a page over a connection that goes on: its status, its headers and its text.
async fn ask(
    line: &mut SendRequest<Empty<Bytes>>,
    browser: &Browser<'_>,
    path: &str,
    accept: &str,
) -> (axum::http::response::Parts, String) {
    let cookie = format!("{SESSION}={}", browser.session().expect("a session"));
    let request = axum::http::Request::builder()
        .method(Method::GET)
        .uri(path)
        .header(HOST, browser.harness.address.to_string())
        .header(ACCEPT, accept)
        .header(COOKIE, cookie)
        .body(Empty::new())
        .expect("a request");
    line.ready().await.expect("the connection goes on");
    let (parts, body) = line.send_request(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a whole answer").to_bytes();
    (parts, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_panic_while_a_page_is_made_is_a_page_that_tells_nothing_and_the_connection_goes_on() {
    let (harness, fault) = failing().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let stream = TcpStream::connect(harness.address).await.expect("connected");
    let (mut line, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);

    set(&fault, Some(("own_devices", How::Panics)));
    let (head, text) = ask(&mut line, &browser, "/account", "text/html").await;
    assert_eq!(head.status.as_u16(), 500, "{text}");
    assert!(head.headers[CONTENT_TYPE].to_str().is_ok_and(|kind| kind.starts_with("text/html")), "{head:?}");
    assert!(!head.headers.contains_key(SET_COOKIE) && !head.headers.contains_key(RETRY_AFTER), "{head:?}");
    assert!(text.contains(r#"data-problem="internal""#) && text.contains("<html"), "{text}");
    assert!(!text.contains("on purpose") && !text.contains("secret"), "{text}");
    // Whoever is no browser gets a document.
    let (head, text) = ask(&mut line, &browser, "/account", "application/json").await;
    assert_eq!(head.status.as_u16(), 500);
    let document: Value = serde_json::from_str(&text).expect("a document");
    assert_eq!((&document["type"], &document["status"]), (&json!("/problems/internal"), &json!(500)));
    assert!(!text.contains("on purpose"), "{text}");
    let lines = journal::lines();
    let told = |words: &str| lines.lines().filter(|line| line.contains(words)).count();
    assert_eq!(told("a handler panicked"), 2);
    assert!(lines.lines().any(|line| line.contains("/account") && line.contains("status=500")));
    assert_eq!(told("on purpose, with a secret"), 0);

    // The same connection, and the same session.
    set(&fault, None);
    let (head, text) = ask(&mut line, &browser, "/account", "text/html").await;
    assert_eq!(head.status.as_u16(), 200);
    assert!(text.contains("Signed in as"), "{text}");
}

#[tokio::test]
async fn a12_an_ending_whose_enforcement_cannot_be_read_is_done_and_says_that_nothing_more_can_be_told() {
    let (harness, fault) = failing().await;
    let phone = harness.newcomer("ann").await;
    let tablet = harness.sign_in("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let page = browser.visit("/account").await;
    set(&fault, Some(("look_at_nodes", How::IsRefused)));
    let action = format!("/account/sessions/{}/sign-out", phone.session);
    let token = page.form_token(&action);
    let done = browser.post(&action, &[("form_token", &token)]).await;
    let text = browser.visit(done.leads_to()).await.text();
    assert!(text.contains("Done. How many services have confirmed cannot be told at the moment."), "{text}");
    assert!(!text.contains(" services have confirmed ("), "{text}");
    phone.get("/v1/me").expect(401).await;
    // Programs are told no more either.
    let ended = tablet.delete("/v1/sessions/current?wait=enforced&timeout=1s").expect(200).await.json();
    let nothing = json!({
        "enforced": false, "confirmed": 0, "lapsed": 0, "pending": 0, "bound_in_ms": null, "took_ms": 0,
    });
    assert_eq!(ended["enforcement"], nothing);
    tablet.get("/v1/me").expect(401).await;
}
