//! Scripts of other origins (CORS, Fetch §3.2): refused, unless a client lists the origin exactly; never with
//! credentials, for `/v1` reads no cookie.
//!
//! The list is read from the store when a request with an `Origin` comes and what is known is older than
//! [`KNOWN_FOR`]. So requests without an `Origin`, which are those of every back end, never cause a read, one with it
//! causes at most one read in that time for all, and an origin that is removed stops working within
//! [`KNOWN_FOR`] and [`PREFLIGHT_SECONDS`] together. A list that cannot be read lets nobody in (R7).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rescind_domain::clock::Timestamp;
use rescind_domain::verbs::list_origins;
use tokio::sync::Mutex;

use super::problem::{Problem, kinds};
use crate::authority::Authority;

/// How long the list of origins is believed.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(2);

/// How long a browser may remember the answer to a preflight. Short: it is how long a removed origin may go on sending.
pub(crate) const PREFLIGHT_SECONDS: u64 = 5;

/// The origins that clients list, as last read.
#[derive(Default)]
pub(crate) struct Origins {
    known: Mutex<Option<Known>>,
}

struct Known {
    origins: Arc<HashSet<String>>,
    read_at: Timestamp,
}

/// What a request's origin means for it.
pub(crate) enum Verdict {
    /// It has none.
    None,
    /// Its script may read the answer.
    Allowed(HeaderValue),
    /// Its script may not. The request goes on: browsers withhold the answer.
    Refused,
    /// It asks for permission only; this is the answer.
    Preflight(Box<Response>),
}

impl Origins {
    /// Judges a request to a path that [is for scripts](is_for_scripts). Costs nothing where there is no `Origin`.
    pub(crate) async fn judge(&self, authority: &Authority, method: &Method, headers: &HeaderMap) -> Verdict {
        let Some(origin) = headers.get(ORIGIN) else {
            return Verdict::None;
        };
        let origin = origin.clone();
        let listed = match origin.to_str() {
            Ok(text) => self.list(authority).await.contains(text),
            Err(_) => false,
        };
        let asks = *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        match (asks, listed) {
            (true, true) => Verdict::Preflight(Box::new(permission(&origin))),
            (true, false) => Verdict::Preflight(Box::new(Problem::new(kinds::ORIGIN_REFUSED).into_response())),
            (false, true) => Verdict::Allowed(origin),
            (false, false) => Verdict::Refused,
        }
    }

    /// The list; whoever comes while it is being read waits for that read.
    async fn list(&self, authority: &Authority) -> Arc<HashSet<String>> {
        let mut known = self.known.lock().await;
        let now = authority.world.now();
        let is_young = |known: &&Known| now.since(known.read_at).is_some_and(|age| age < KNOWN_FOR);
        if let Some(known) = known.as_ref().filter(is_young) {
            return Arc::clone(&known.origins);
        }
        let origins = match list_origins::list_origins(&authority.world).await {
            Ok(origins) => Arc::new(origins),
            Err(error) => {
                tracing::warn!(%error, "the origins of clients cannot be read: no script of another origin may call");
                Arc::default()
            }
        };
        *known = Some(Known { origins: Arc::clone(&origins), read_at: now });
        origins
    }
}

/// Whether scripts of other origins may have business there at all.
pub(crate) fn is_for_scripts(path: &str) -> bool {
    ["/v1/", "/oauth/", "/.well-known/"].iter().any(|prefix| path.starts_with(prefix))
}

/// The answer to a preflight of a listed origin.
fn permission(origin: &HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    allow(headers, origin);
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = HeaderValue::from_static("authorization, content-type, idempotency-key, rescind-passive");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_SECONDS));
    response
}

/// Lets the script of `origin` read the answer, and the headers that say what to do next.
pub(crate) fn allow(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let names = HeaderValue::from_static("www-authenticate, retry-after");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
}

/// Says that the answer depends on the origin, also where there was none: a cache must not give one to the other.
pub(crate) fn vary(headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
}
