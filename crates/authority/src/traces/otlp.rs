//! Spans as OTLP writes them in JSON (OpenTelemetry Protocol 1.x, "JSON Protobuf Encoding"): ids in hexadecimal, enums as
//! numbers, 64-bit integers as text. Names and attributes are those of OpenTelemetry's semantic conventions where these have
//! one. `url.path`, which they ask for, is left out: it holds ids. So is who called.

use std::time::Duration;

use axum::http::Uri;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use super::span::{Asked, Finished, Step, What};

/// `SpanKind`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;

/// `SpanFlags`: sampled; it is known whether the parent is elsewhere; and it is.
const SAMPLED: u32 = 1;
const KNOWS_REMOTE: u32 = 1 << 8;
const IS_REMOTE: u32 = 1 << 9;

/// Who speaks: what is the same of all spans.
pub(super) struct Resource {
    attributes: Value,
    scheme: &'static str,
    host: String,
    port: Option<u16>,
}

impl Resource {
    /// A server that is called `service`, whose clients know it as `issuer`. The instance tells its runs apart.
    pub(super) fn new(service: &str, issuer: &str, instance: [u8; 16]) -> Self {
        let issuer = issuer.parse::<Uri>().unwrap_or_default();
        let scheme = if issuer.scheme_str() == Some("http") { "http" } else { "https" };
        let host = issuer.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let attributes = attributes([
            ("service.name", text(service)),
            ("service.version", text(env!("CARGO_PKG_VERSION"))),
            ("service.instance.id", text(&HEXLOWER.encode(&instance))),
        ]);
        Self { attributes, scheme, host, port: issuer.port_u16() }
    }

    /// The body of one request to a collector.
    pub(super) fn write(&self, spans: &[Finished]) -> String {
        let spans: Vec<Value> = spans.iter().map(|span| self.span(span)).collect();
        json!({ "resourceSpans": [{
            "resource": { "attributes": self.attributes },
            "scopeSpans": [{
                "scope": { "name": "rescind", "version": env!("CARGO_PKG_VERSION") },
                "spans": spans,
            }],
        }] })
        .to_string()
    }

    fn span(&self, span: &Finished) -> Value {
        let remote = if span.is_remote { IS_REMOTE } else { 0 };
        let mut written = json!({
            "traceId": HEXLOWER.encode(&span.trace),
            "spanId": HEXLOWER.encode(&span.span),
            "flags": SAMPLED | KNOWS_REMOTE | remote,
            "startTimeUnixNano": nanos(span.began),
            "endTimeUnixNano": nanos(span.ended),
        });
        let (name, kind, attributes, failed) = match &span.what {
            What::Request(asked) => (name_of(asked), SERVER, self.of_request(asked), has_failed(asked)),
            What::Step(step, failed) => (step.name(), INTERNAL, step.attributes(), *failed),
        };
        if let Value::Object(written) = &mut written {
            let parent = span.parent.map(|parent| ("parentSpanId", HEXLOWER.encode(&parent)));
            let state = span.state.as_ref().map(|state| ("traceState", state.text.to_string()));
            written.extend(parent.into_iter().chain(state).map(|(key, text)| (key.to_owned(), Value::from(text))));
            written.insert("name".to_owned(), name.into());
            written.insert("kind".to_owned(), kind.into());
            written.insert("attributes".to_owned(), attributes);
            // `STATUS_CODE_ERROR`
            written.insert("status".to_owned(), if failed { json!({ "code": 2 }) } else { json!({}) });
        }
        written
    }

    fn of_request(&self, asked: &Asked) -> Value {
        let status = asked.status.map(|status| status.as_u16());
        let always = [
            ("http.request.method", Some(text(asked.method))),
            ("url.scheme", Some(text(self.scheme))),
            ("network.protocol.version", Some(text(asked.version))),
            ("server.address", Some(text(&self.host))),
            ("server.port", self.port.map(|port| whole(port.into()))),
            ("http.route", asked.route.as_deref().map(text)),
            ("http.response.status_code", status.map(|status| whole(status.into()))),
            ("error.type", status.filter(|_| has_failed(asked)).map(|status| text(&status.to_string()))),
            ("rescind.position", asked.position.map(whole)),
        ];
        attributes(always.into_iter().filter_map(|(key, value)| Some((key, value?))))
    }
}

/// `GET /v1/me`: the method, and the route if there is one.
fn name_of(asked: &Asked) -> String {
    let method = if asked.method == "_OTHER" { "HTTP" } else { asked.method };
    asked.route.as_ref().map_or_else(|| method.to_owned(), |route| format!("{method} {route}"))
}

/// Only what is the server's fault is an error of the server's span.
fn has_failed(asked: &Asked) -> bool {
    asked.status.is_some_and(|status| status.is_server_error())
}

impl Step {
    fn name(self) -> String {
        match self {
            Self::Position => "read position".to_owned(),
            Self::Read(name) => format!("read {name}"),
            Self::Transact(name) => format!("transact {name}"),
            Self::End(name) => format!("end {name}"),
            Self::HashQueue => "wait for a hashing thread".to_owned(),
            Self::Hash => "hash a password".to_owned(),
            Self::Append(_) => "append to the feed".to_owned(),
            Self::Enforcement(_) => "wait for enforcement".to_owned(),
        }
    }

    fn attributes(self) -> Value {
        match self {
            Self::Read(name) | Self::Transact(name) | Self::End(name) => of_store(name),
            Self::Position => of_store("position"),
            Self::HashQueue | Self::Hash => attributes([]),
            Self::Append(position) | Self::Enforcement(position) => attributes([("rescind.position", whole(position))]),
        }
    }
}

fn of_store(name: &str) -> Value {
    attributes([("db.system.name", text("sqlite")), ("db.operation.name", text(name))])
}

fn attributes(all: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    all.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

fn text(text: &str) -> Value {
    json!({ "stringValue": text })
}

fn whole(number: u64) -> Value {
    json!({ "intValue": number.to_string() })
}

fn nanos(time: Duration) -> String {
    time.as_nanos().to_string()
}

/// How many of the spans that were sent a collector says that it would not have (`ExportTracePartialSuccess`). What is not
/// understood counts as nothing said.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let answer = serde_json::from_slice::<Map<String, Value>>(answer).unwrap_or_default();
    let said = answer.get("partialSuccess").and_then(|partial| partial.get("rejectedSpans"));
    said.and_then(|said| said.as_u64().or_else(|| said.as_str()?.parse().ok())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, StatusCode, Version};

    use super::super::queue::Queue;
    use super::*;

    fn finished(what: What) -> Finished {
        Finished {
            trace: [0xab; 16],
            span: [1; 8],
            parent: None,
            is_remote: false,
            state: None,
            began: Duration::new(1_700_000_000, 5),
            ended: Duration::new(1_700_000_001, 0),
            what,
        }
    }

    fn written(span: Finished) -> Value {
        let resource = Resource::new("my rescind", "https://id.example:8443/x", [7; 16]);
        let body: Value = serde_json::from_str(&resource.write(&[span])).expect("JSON");
        body["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone()
    }

    #[test]
    fn a_request_is_written_as_the_conventions_have_it() {
        let mut asked = Asked::new(&Method::GET, Some("/v1/sessions/{id}"), Version::HTTP_2);
        (asked.status, asked.position) = (Some(StatusCode::SERVICE_UNAVAILABLE), Some(9));
        let span = Finished {
            parent: Some([2; 8]),
            is_remote: true,
            state: Queue::new().0.keep("a=1".into()),
            ..finished(What::Request(asked))
        };
        let attribute = |key: &str, value: Value| json!({ "key": key, "value": value });
        assert_eq!(
            written(span),
            json!({
                "traceId": "ab".repeat(16),
                "spanId": "01".repeat(8),
                "parentSpanId": "02".repeat(8),
                "traceState": "a=1",
                "flags": 0x301,
                "name": "GET /v1/sessions/{id}",
                "kind": 2,
                "startTimeUnixNano": "1700000000000000005",
                "endTimeUnixNano": "1700000001000000000",
                "attributes": [
                    attribute("http.request.method", json!({ "stringValue": "GET" })),
                    attribute("url.scheme", json!({ "stringValue": "https" })),
                    attribute("network.protocol.version", json!({ "stringValue": "2" })),
                    attribute("server.address", json!({ "stringValue": "id.example" })),
                    attribute("server.port", json!({ "intValue": "8443" })),
                    attribute("http.route", json!({ "stringValue": "/v1/sessions/{id}" })),
                    attribute("http.response.status_code", json!({ "intValue": "503" })),
                    attribute("error.type", json!({ "stringValue": "503" })),
                    attribute("rescind.position", json!({ "intValue": "9" })),
                ],
                "status": { "code": 2 },
            })
        );
    }

    #[test]
    fn methods_and_paths_that_nobody_foresaw_are_not_repeated() {
        let odd = Method::from_bytes(b"BREW-MY-SECRET").expect("a method");
        let text = written(finished(What::Request(Asked::new(&odd, None, Version::HTTP_11)))).to_string();
        assert!(text.contains(r#""name":"HTTP""#) && text.contains("_OTHER") && !text.contains("SECRET"), "{text}");
    }

    #[test]
    fn a_refusal_is_no_failure_of_the_server() {
        let mut asked = Asked::new(&Method::GET, None, Version::HTTP_11);
        asked.status = Some(StatusCode::FORBIDDEN);
        let span = written(finished(What::Request(asked)));
        assert_eq!(span["status"], json!({}));
        assert!(!span.to_string().contains("error.type"));
        assert_eq!(written(finished(What::Step(Step::Hash, true)))["status"], json!({ "code": 2 }));
    }

    #[test]
    fn what_a_collector_would_not_have_is_counted_and_garbage_is_not() {
        for (answer, expected) in [
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":4}}"#, 4),
            (r#"{"partialSuccess":{}}"#, 0),
            ("{}", 0),
            ("", 0),
            ("<html>", 0),
            (r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#, 0),
            ("[1]", 0),
        ] {
            assert_eq!(rejected(answer.as_bytes()), expected, "{answer}");
        }
    }
}
