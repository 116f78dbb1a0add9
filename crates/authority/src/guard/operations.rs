//! What a guard says of itself to operators, at the paths where the authority says it: alive, ready, counters.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use rescind_verifier::{Health, Verifier};
use serde_json::{Value, json};

type Answer = Response<Full<Bytes>>;

/// `/healthz`, `/readyz` and `/metrics`; the body of the request is not looked at.
pub(super) fn answer<B>(verifier: &Verifier, request: &Request<B>) -> Answer {
    let answer = match request.uri().path() {
        "/healthz" => json(&json!({ "status": "ok" })),
        "/readyz" => readiness(&verifier.health()),
        "/metrics" => page(Health::EXPOSITION_TYPE, verifier.health().exposition()),
        _ => refused(StatusCode::NOT_FOUND),
    };
    if answer.status() != StatusCode::NOT_FOUND && !matches!(*request.method(), Method::GET | Method::HEAD) {
        return with(refused(StatusCode::METHOD_NOT_ALLOWED), ALLOW, "GET, HEAD");
    }
    with(answer, CACHE_CONTROL, "no-store")
}

/// Ready is a guard that can tell good tokens from bad ones: one that is stale answers 503, here as to proxies.
fn readiness(health: &Health) -> Answer {
    let Some(reason) = health.unavailable else { return json(&json!({ "status": "ready" })) };
    let mut answer = json(&json!({ "status": "not ready", "detail": reason.to_string() }));
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    with(answer, RETRY_AFTER, "1")
}

fn json(value: &Value) -> Answer {
    page("application/json", value.to_string())
}

fn page(kind: &'static str, text: String) -> Answer {
    with(Response::new(Full::new(Bytes::from(text))), CONTENT_TYPE, kind)
}

fn refused(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn with(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}
