//! A collector of traces that takes what it is sent, or does not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rescind::traces;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::harness::Harness;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a collector behaves.
#[derive(Clone, Debug)]
pub(super) enum Manner {
    /// Answers this, again and again from the last one on.
    Answers(Vec<(u16, &'static str)>),
    /// Answers with a body that does not end.
    Endless,
    /// Takes connections, and never says a word.
    Silent,
    /// Says something that is no HTTP.
    Garbage,
}

/// A collector on a free port.
pub(super) struct Collector {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    times: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

/// One span that came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) whole: Value,
}

#[derive(Clone)]
struct Desk {
    heard: Arc<Mutex<Vec<String>>>,
    times: watch::Sender<usize>,
    manner: Manner,
}

impl Collector {
    pub(super) async fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (times, asked) = watch::channel(0);
        let desk = Desk { heard: Arc::clone(&heard), times, manner: manner.clone() };
        let task = tokio::spawn(async move {
            let mut kept = Vec::new();
            match manner {
                Manner::Answers(_) | Manner::Endless => {
                    let router = Router::new().route("/v1/traces", post(take)).with_state(desk);
                    axum_serve(listener, router).await;
                }
                Manner::Silent | Manner::Garbage => loop {
                    let (mut stream, _) = listener.accept().await.expect("accepted");
                    if matches!(manner, Manner::Garbage) {
                        let _ = stream.write_all(b"\0\x16SSH-2.0-what?\r\n\r\n").await;
                    }
                    kept.push(stream);
                },
            }
        });
        Self { address, heard, times: asked, task }
    }

    /// One that takes everything.
    pub(super) async fn good() -> Self {
        Self::open(Manner::Answers(vec![(200, "{}")])).await
    }

    /// Waits until it was asked so often.
    pub(super) async fn asked(&self, times: usize) {
        let mut asked = self.times.clone();
        let enough = asked.wait_for(|asked| *asked >= times);
        tokio::time::timeout(PATIENCE, enough).await.expect("in time").expect("it is open");
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that came, as it came.
    pub(super) fn text(&self) -> String {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Everything that came.
    pub(super) fn spans(&self) -> Vec<Seen> {
        let bodies = self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let bodies = bodies.iter().map(|body| serde_json::from_str::<Value>(body).expect("JSON"));
        bodies.flat_map(|body| list(&body["resourceSpans"][0]["scopeSpans"][0]["spans"])).map(Seen::of).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    fn of(whole: Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let attributes = list(&whole["attributes"]).into_iter().map(|attribute| {
            let value = attribute["value"].as_object().and_then(|value| value.values().next().cloned());
            (text(&attribute["key"]).expect("a key"), value.as_ref().and_then(text).expect("a value"))
        });
        Self {
            name: text(&whole["name"]).expect("a name"),
            trace: text(&whole["traceId"]).expect("a trace"),
            id: text(&whole["spanId"]).expect("an id"),
            parent: text(&whole["parentSpanId"]),
            attributes: attributes.collect(),
            whole,
        }
    }

    pub(super) fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().expect("a list").clone()
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    assert!(headers.get("content-type").is_some_and(|media| media == "application/json"));
    let mut heard = desk.heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.push(String::from_utf8(body.to_vec()).expect("UTF-8"));
    desk.times.send_replace(heard.len());
    match &desk.manner {
        Manner::Answers(answers) => {
            let (status, body) = answers[(heard.len() - 1).min(answers.len() - 1)];
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [("retry-after", "0")], body).into_response()
        }
        _ => Body::from_stream(futures_util::stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'x'; 4096]))
        }))
        .into_response(),
    }
}

async fn axum_serve(listener: TcpListener, router: Router) {
    let limits = rescind::http::server::Limits::from(&rescind::config::Config::default().http);
    rescind::http::server::run(listener, router, limits, std::future::pending()).await.expect("served");
}

/// A server whose traces go to a collector, and the task that sends them.
pub(super) struct Traced {
    pub(super) harness: Harness,
    sender: JoinHandle<()>,
}

impl Traced {
    pub(super) async fn by(url: String, ratio: f64, callers: u32) -> Self {
        let harness = Harness::with(|config| {
            config.traces.endpoint = url;
            (config.traces.ratio, config.traces.callers) = (ratio, callers);
        })
        .await;
        let sender = tokio::spawn(traces::keep(Arc::clone(&harness.authority)));
        Self { harness, sender }
    }

    /// Sends what is left, as a server does that stops.
    pub(super) async fn finish(&self) {
        traces::finish(&self.harness.authority).await;
    }

    /// How many spans came to this.
    pub(super) async fn count(&self, result: &str) -> u64 {
        let page = self.harness.get("/metrics").expect(200).await.text();
        let name = format!("rescind_traces_spans_total{{result=\"{result}\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).expect("it is counted")
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.sender.abort();
    }
}
