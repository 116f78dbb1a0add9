//! Whoever listens to server-sent events.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use super::call::Call;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream that is listened to.
#[derive(Debug)]
pub(crate) struct Ear {
    pub(crate) headers: HeaderMap,
    body: Incoming,
    heard: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) event: String,
    pub(crate) data: Value,
    pub(crate) retry: Option<String>,
}

impl Ear {
    /// Listens, and expects `hello` first.
    pub(crate) async fn listen(call: Call) -> Self {
        let (head, body) = call.open().await;
        assert_eq!(head.status.as_u16(), 200, "{head:?}");
        let mut ear = Self { headers: head.headers, body, heard: String::new() };
        let hello = ear.next().await.expect("hello");
        assert_eq!(hello.event, "hello");
        let retry: u64 = hello.retry.expect("when to come again").parse().expect("milliseconds");
        assert!((1000..=4060).contains(&retry), "{retry}");
        ear
    }

    /// The next event; nothing if the stream has ended. Comments, which keep it going, are no events.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        tokio::time::timeout(PATIENCE, self.listen_on()).await.expect("something happens")
    }

    async fn listen_on(&mut self) -> Option<Heard> {
        loop {
            if let Some(end) = self.heard.find("\n\n") {
                let text: String = self.heard.drain(..end + 2).collect();
                if let Some(heard) = read(&text) {
                    return Some(heard);
                }
                continue;
            }
            let Some(Ok(frame)) = self.body.frame().await else { return None };
            self.heard.push_str(std::str::from_utf8(frame.data_ref().expect("data")).expect("UTF-8"));
        }
    }

    /// What happened to the account's sessions: the kind, and the session if there is one.
    pub(crate) async fn change(&mut self) -> (String, Option<String>) {
        let Heard { event, data, .. } = self.next().await.expect("it goes on");
        assert_eq!(event, "changed", "{data}");
        (data["kind"].as_str().expect("a kind").to_owned(), data["session_id"].as_str().map(str::to_owned))
    }

    /// Expects this as the last word, and the end after it.
    pub(crate) async fn ends_with(&mut self, event: &str) {
        let heard = self.next().await.expect("a last word");
        assert_eq!(heard.event, event, "{heard:?}");
        assert_eq!(self.next().await, None);
    }
}

/// Reads one event (HTML Standard §9.2.6); a comment is none.
fn read(text: &str) -> Option<Heard> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut fields: BTreeMap<&str, &str> = lines.map(|(name, value)| (name, value.trim_start())).collect();
    let event = fields.remove("event")?.to_owned();
    let data = serde_json::from_str(fields.remove("data").expect("data")).expect("JSON");
    let retry = fields.remove("retry").map(str::to_owned);
    Some(Heard { event, data, retry })
}
