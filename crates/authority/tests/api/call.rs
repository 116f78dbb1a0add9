//! A request being made, and its answer.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::harness::Secrets;

/// A request being made.
#[derive(Debug)]
#[must_use]
pub(crate) struct Call {
    address: SocketAddr,
    secrets: Secrets,
    request: Request<Full<Bytes>>,
}

impl Call {
    pub(crate) fn new(address: SocketAddr, secrets: Secrets, method: Method, target: &str) -> Self {
        let request = Request::builder().method(method).uri(target).header(HOST, address.to_string());
        Self { address, secrets, request: request.body(Full::default()).expect("a request") }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header");
        let value = HeaderValue::from_str(value).expect("a value");
        // There is one host, and it has a name already.
        if name == HOST {
            self.request.headers_mut().remove(HOST);
        }
        self.request.headers_mut().append(name, value);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.secrets.gather(body);
        self.text("application/json", &body.to_string())
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.text("application/x-www-form-urlencoded", body)
    }

    pub(crate) fn text(mut self, media: &str, body: &str) -> Self {
        *self.request.body_mut() = Full::new(body.to_owned().into());
        self.header(CONTENT_TYPE.as_str(), media)
    }

    /// Sends it over a connection of its own.
    pub(crate) async fn send(self) -> Answer {
        let stream = TcpStream::connect(self.address).await.expect("connected");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        let connection = tokio::spawn(connection);
        let response = sender.send_request(self.request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        drop(sender);
        let _ = connection.await;
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        if let Ok(json) = serde_json::from_slice(&answer.body) {
            self.secrets.gather(&json);
        }
        answer
    }

    /// Sends it over a connection of its own, and hands on the answer's head at once, and its body as it comes.
    pub(crate) async fn open(self) -> (http::response::Parts, Incoming) {
        let stream = TcpStream::connect(self.address).await.expect("connected");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        sender.send_request(self.request).await.expect("an answer").into_parts()
    }

    /// Sends it, and expects this status.
    pub(crate) async fn expect(self, status: u16) -> Answer {
        let what = format!("{} {}", self.request.method(), self.request.uri());
        let answer = self.send().await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
        answer
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header, empty if there is none.
    pub(crate) fn header(&self, name: impl TryInto<HeaderName>) -> &str {
        let name = name.try_into().ok().expect("a header");
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Asserts that it is a problem document of this kind, whole and consistent, and that nobody may keep it.
    #[track_caller]
    pub(crate) fn problem(self, slug: &str) -> Self {
        let document = self.json();
        assert_eq!(document["type"], format!("/problems/{slug}"), "{document}");
        assert_eq!(self.header(CONTENT_TYPE), "application/problem+json");
        assert_eq!(self.header(CACHE_CONTROL), "no-store");
        assert_eq!(document["status"], self.status.as_u16());
        for member in ["title", "detail"] {
            assert!(document[member].as_str().is_some_and(|text| text.len() > 10), "{member}: {document}");
        }
        self
    }

    /// Asserts what `WWW-Authenticate` says.
    #[track_caller]
    pub(crate) fn challenge(self, value: &str) -> Self {
        assert_eq!(self.header(WWW_AUTHENTICATE), value);
        self
    }

    /// Asserts that it says when to try again.
    #[track_caller]
    pub(crate) fn retry_after(self) -> Self {
        let seconds: u64 = self.header("retry-after").parse().expect("whole seconds");
        assert!(seconds >= 1, "{self:?}");
        self
    }
}
