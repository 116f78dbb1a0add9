//! Answers that go on: server-sent events (HTML Standard §9.2). They end at once when the server stops, and are dropped with
//! a reader who does not read: what waits for it is bounded, and its connection is hung up on (`patience.rs`).

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header::CACHE_CONTROL};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use rescind_domain::entropy::Entropy;
use rescind_domain::verbs::watch_sessions::{Change, Watcher};
use serde::Serialize;
use tokio::sync::watch;

use super::api::device::Session;
use super::passive::Passive;
use super::problem::{Problem, kinds};
use crate::authority::Authority;
use crate::live::{Denied, Full, Listener, Word};

/// A comment is sent this often, so that proxies do not take the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When to come again after the stream has ended, in milliseconds: at least, and how much more for each step of a byte, so
/// that not everybody comes at once after a restart.
const RETRY: (u64, u64) = (1000, 12);

/// When to try again where there are as many streams as there may be: as [`RETRY`], but seldom. Whoever looks meanwhile asks
/// for the page again as often.
const RETRY_FULL: (u64, u64) = (60_000, 240);

/// The same for whoever asks over the API.
const LATER: Duration = Duration::from_mins(1);

/// nginx hands on what it has gathered, unless told so.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// In the extensions of a request: resolves when the server is asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(pub(crate) Option<watch::Receiver<()>>);

impl Stopping {
    async fn asked(&mut self) {
        match &mut self.0 {
            // Nothing is ever sent: the sender is dropped.
            Some(stopping) => while stopping.changed().await.is_ok() {},
            None => std::future::pending().await,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Stopping {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or(Self(None)))
    }
}

/// Something that is heard bit by bit.
pub(crate) trait Source: Send + 'static {
    /// What to say next; nothing once that was all.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

/// Answers with `hello`, then with what the source says, until it or the server ends.
pub(crate) fn answer(entropy: &dyn Entropy, source: impl Source, stopping: Stopping) -> Response {
    let hello = last("hello").retry(spread(entropy, RETRY));
    let events = stream::unfold((Some(hello), source, stopping), async |(hello, mut source, mut stopping)| {
        let event = if hello.is_some() {
            hello
        } else {
            tokio::select! {
                biased;
                () = pin!(stopping.asked()) => None,
                event = source.next() => event,
            }
        };
        event.map(|event| (Ok::<_, Infallible>(event), (None, source, stopping)))
    });
    finish(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Answers a page that there are as many streams as there may be, and when to come again. It is a stream of that one word: what
/// makes pages listen keeps the status and the headers of a refusal to itself, and would not come again by itself.
pub(crate) fn full(entropy: &dyn Entropy) -> Response {
    let word = last("full").retry(spread(entropy, RETRY_FULL));
    finish(Sse::new(stream::iter([Ok::<_, Infallible>(word)])))
}

/// Opening a stream is no activity: scripts do so whenever one has ended.
fn finish(stream: impl IntoResponse) -> Response {
    let mut response = stream.into_response();
    response.extensions_mut().insert(Passive);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// A time between the bounds that differs each time.
fn spread(entropy: &dyn Entropy, (least, step): (u64, u64)) -> Duration {
    let [byte] = entropy.bytes();
    Duration::from_millis(least + step * u64::from(byte))
}

/// An event of this name, with JSON.
pub(crate) fn event(name: &str, data: &impl Serialize) -> Event {
    // Strings, numbers and JSON: nothing of it can fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}

/// There are as many streams as there may be.
impl From<Full> for Problem {
    fn from(_: Full) -> Self {
        Self::new(kinds::TOO_MANY_STREAMS).retry_after(LATER)
    }
}

/// The sessions of one user, as they change: an answer of `text/event-stream`. A [`Watcher`] says whose sessions, from which of
/// them, and whether that one may still hear: it is asked before the answer begins, where a refusal is this function's, and
/// again before each event.
///
/// Events are `hello`, after which nothing is missed, so that is when to load the list; `changed`; and a last one, after
/// which the stream closes: `ended` (the session is over: lead to sign-in), `refused` (it goes on, but what was shown for it
/// does not: come again with something newer) or `replaced` (somebody else needed the place: do not come again soon).
/// Without a last one, come again. Neither opening nor listening counts as activity.
pub(crate) async fn sessions(
    authority: &Arc<Authority>,
    watcher: Watcher,
    stopping: Stopping,
) -> Result<Response, Problem> {
    let viewer = watcher.session;
    let listener = Listener::begin(Arc::clone(authority), watcher).await.map_err(|denied| match denied {
        Denied::Full => Problem::from(Full),
        Denied::Refused(error) => error.into(),
    })?;
    let source = Sessions { authority: Arc::clone(authority), listener, viewer };
    Ok(answer(&*authority.world.entropy, source, stopping))
}

struct Sessions {
    authority: Arc<Authority>,
    listener: Listener,
    viewer: rescind_wire::SessionId,
}

impl Source for Sessions {
    async fn next(&mut self) -> Option<Event> {
        Some(match self.listener.next().await? {
            Word::Changed(change) => event("changed", &self.show(*change)),
            Word::Ended => last("ended"),
            Word::Refused => last("refused"),
            Word::Replaced => last("replaced"),
        })
    }
}

/// A word that says all by its name.
pub(crate) fn last(name: &str) -> Event {
    Event::default().event(name).data("{}")
}

/// What happened to one's sessions.
#[derive(Serialize)]
struct Changed {
    kind: &'static str,
    /// Which session; none if it is not one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// The session as the list shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
}

impl Sessions {
    fn show(&self, change: Change) -> Changed {
        let now = self.authority.world.now();
        Changed {
            kind: change.kind.as_str(),
            session_id: change.session.map(|id| id.to_string()),
            session: change
                .listed
                .map(|listed| Session::seen_by(Some(self.viewer), now, self.authority.atlas(), listed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::ambient::SystemEntropy;

    /// Nothing happens.
    struct Silence;

    impl Source for Silence {
        async fn next(&mut self) -> Option<Event> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_on_which_nothing_happens_says_a_comment_every_fifteen_seconds() {
        let mut body = answer(&SystemEntropy, Silence, Stopping(None)).into_body();
        let began = Instant::now();
        for (seconds, said) in [(0, "event: hello"), (15, ":"), (30, ":")] {
            let frame = timeout(KEEP_ALIVE * 2, body.frame()).await.expect("something is said");
            let data = frame.expect("it goes on").expect("readable").into_data().expect("data");
            let text = std::str::from_utf8(&data).expect("UTF-8");
            assert!(text.starts_with(said) && text.ends_with("\n\n"), "{text:?}");
            assert_eq!(began.elapsed().as_secs(), seconds, "{text:?}");
        }
    }
}
