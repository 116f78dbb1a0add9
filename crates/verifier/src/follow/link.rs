//! The way to the authority: TCP or TLS, a token by client credentials (RFC 6749 §4.4), and the WebSocket.

use std::io;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, SEC_WEBSOCKET_PROTOCOL};
use hyper::{Request, StatusCode};
use rescind_wire::feed::{FEED_SCOPE, MAX_MESSAGE, SUBPROTOCOL};
use serde::Deserialize;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use zeroize::Zeroizing;

use super::Following;
use super::counted::Counted;
use super::origin::{BadUrl, Origin};

/// The longest answer of the token endpoint, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A token is not used for longer than this, whatever the authority says of it: the longest lifetime there is.
const LONGEST_USE: Duration = Duration::from_hours(24);

/// Bytes that are read at once. As many are written over before each read: a few make messages of one entry cheap, and a
/// snapshot no slower.
const READ_AT_ONCE: usize = 16 * 1024;

pub(super) type Socket = WebSocketStream<Counted>;

/// Why the authority was not reached.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The network.
    #[error("cannot reach {host}: {error}")]
    Unreachable {
        /// Whom.
        host: String,
        /// Why.
        error: io::Error,
    },
    /// Somebody is there who speaks no TLS.
    #[error("{host} does not speak TLS: does the address begin with http:// rather than https://?")]
    NoTls {
        /// Whom.
        host: String,
    },
    /// The authority gave no token.
    #[error("no token for the feed: {url} answered {status}{}{code}{}", if code.is_empty() { "" } else { " " }, advice(code))]
    NoToken {
        /// Who was asked: host and path.
        url: String,
        /// The status.
        status: u16,
        /// The error code (RFC 6749 §5.2), if it gave one.
        code: String,
    },
    /// The authority did not answer as one.
    #[error("the authority's answer cannot be understood: {0}")]
    Unreadable(String),
    /// The authority refused the feed.
    #[error("the authority refused the feed: {0}")]
    Refused(String),
}

/// What to do about an error code of the token endpoint (RFC 6749 §5.2), for people.
fn advice(code: &str) -> &'static str {
    match code {
        "invalid_client" => ": check the id and the secret of the client, and that it was not removed",
        "invalid_scope" => ": the client lacks the scope rescind:feed",
        "unauthorized_client" => ": the client must be one of the kind service",
        _ => "",
    }
}

/// The way to the authority, and the token of this client.
pub(super) struct Link {
    origin: Origin,
    /// What is before `/v1/feed` in the path.
    base: String,
    credentials: Zeroizing<String>,
    token: Option<Token>,
}

struct Token {
    text: Zeroizing<String>,
    good_until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct NotGranted {
    error: String,
}

impl Link {
    pub(super) fn new(following: &Following, issuer: &str) -> Result<Self, BadUrl> {
        let (origin, url) = Origin::of(following.authority.as_deref().unwrap_or(issuer), &following.roots)?;
        let pair = Zeroizing::new(format!("{}:{}", form(&following.client), form(&following.secret)));
        let credentials = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        let base = url.path().trim_end_matches('/').to_owned();
        Ok(Self { origin, base, credentials, token: None })
    }

    /// Connects to the feed.
    pub(super) async fn connect(&mut self) -> Result<Socket, LinkError> {
        let token = self.token().await?;
        let stream = Counted::new(self.origin.stream().await?);
        let url = format!("ws://{}{}/v1/feed", self.origin.name(), self.base);
        let mut request = url.into_client_request().map_err(|error| LinkError::Unreadable(error.to_string()))?;
        let headers = request.headers_mut();
        let bearer = Zeroizing::new(format!("Bearer {}", *token));
        let Ok(bearer) = bearer.parse() else {
            self.forget_token();
            return Err(LinkError::Unreadable("a token that is no header".into()));
        };
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, hyper::header::HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE))
            .read_buffer_size(READ_AT_ONCE);
        match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(error) => {
                // It may be the token that was refused: the next attempt asks for another one.
                self.forget_token();
                Err(LinkError::Refused(error.to_string()))
            }
        }
    }

    /// The token is of no use any more: the next attempt asks for another one.
    pub(super) fn forget_token(&mut self) {
        self.token = None;
    }

    /// A token that is good for a while.
    async fn token(&mut self) -> Result<Zeroizing<String>, LinkError> {
        if let Some(token) = self.token.as_ref().filter(|token| now() < token.good_until) {
            return Ok(token.text.clone());
        }
        let granted = self.ask().await?;
        // Not to its last second: the feed is connected to afterwards.
        let lifetime = Duration::from_secs(granted.expires_in).min(LONGEST_USE);
        let good_until = now() + lifetime * 4 / 5;
        let text = Zeroizing::new(granted.access_token);
        self.token = Some(Token { text: text.clone(), good_until });
        Ok(text)
    }

    async fn ask(&self) -> Result<Granted, LinkError> {
        let unreadable = |error: &dyn std::fmt::Display| LinkError::Unreadable(error.to_string());
        let body = format!("grant_type=client_credentials&scope={}", form(FEED_SCOPE));
        let path = format!("{}/oauth/token", self.base);
        let request = Request::post(&path)
            .header(HOST, self.origin.name())
            .header(AUTHORIZATION, self.credentials.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| unreadable(&error))?;
        let (status, body) = self.origin.ask(request, LONGEST_ANSWER).await?;
        if status != StatusCode::OK {
            let code = serde_json::from_slice::<NotGranted>(&body).map(|refused| refused.error).unwrap_or_default();
            let url = format!("{}{path}", self.origin.name());
            return Err(LinkError::NoToken { url, status: status.as_u16(), code });
        }
        serde_json::from_slice(&body).map_err(|error| unreadable(&error))
    }
}

/// As `application/x-www-form-urlencoded` writes it, which is how credentials go into Basic (RFC 6749 §2.3.1).
fn form(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*') {
            written.push(char::from(byte));
        } else {
            written.push('%');
            written.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            written.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
        }
    }
    written
}

#[expect(
    clippy::disallowed_methods,
    reason = "when to ask for another token is no matter of safety: the authority judges it"
)]
fn now() -> Instant {
    Instant::now()
}
