//! Scripts of other origins (CORS, Fetch §3.2): refused, unless a client lists the origin exactly; never with
//! credentials, for `/v1` reads no cookie.
//!
//! What an origin may call the API for is the clients that list it. Where it is known whose token or name a request
//! presents, and that client does not list the origin, the request is refused before anything is done, and a log-out, which
//! is never refused, done without an answer that the script may read. An origin that no client lists is no matter of CORS:
//! it is the authority's own, or no browser's.
//!
//! The list is read from the store when a request with an `Origin` comes and what is known is older than
//! [`KNOWN_FOR`]. So requests without an `Origin`, which are those of every back end, never cause a read, one with it
//! causes at most one read in that time for all, and an origin that is removed stops working within
//! [`KNOWN_FOR`] and [`PREFLIGHT_SECONDS`] together. A list that cannot be read lets nobody in (R7).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rescind_domain::clock::Timestamp;
use rescind_domain::verbs::list_origins;
use rescind_wire::ClientId;
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
    origins: Arc<HashMap<String, Arc<BTreeSet<ClientId>>>>,
    read_at: Timestamp,
}

/// The script that asks, if it is of an origin that some client lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Option<Arc<Listed>>);

#[derive(Debug)]
struct Listed {
    origin: HeaderValue,
    clients: Arc<BTreeSet<ClientId>>,
    /// Whether it presented something of another client's.
    is_strange: AtomicBool,
}

impl Script {
    fn new(origin: HeaderValue, clients: Arc<BTreeSet<ClientId>>) -> Self {
        Self(Some(Arc::new(Listed { origin, clients, is_strange: AtomicBool::new(false) })))
    }

    /// The script that sends this request.
    pub(crate) fn of(request: &Extensions) -> Self {
        request.get::<Self>().cloned().unwrap_or_default()
    }

    /// The clients that it may speak for; all of them if it is no such script.
    pub(crate) fn clients(&self) -> Option<Arc<BTreeSet<ClientId>>> {
        self.0.as_ref().map(|listed| Arc::clone(&listed.clients))
    }

    /// Refuses to act for a client that does not list its origin, and withholds the answer.
    pub(crate) fn check(&self, client: &ClientId) -> Result<(), Problem> {
        if self.0.as_ref().is_none_or(|listed| listed.clients.contains(client)) {
            return Ok(());
        }
        self.withhold();
        Err(Problem::other_origin(&format!("The client {client}")))
    }

    /// Withholds the answer from it.
    pub(crate) fn withhold(&self) {
        if let Some(listed) = &self.0 {
            listed.is_strange.store(true, Relaxed);
        }
    }

    /// Lets it read the answer, and the headers that say what to do next.
    pub(crate) fn allow(&self, headers: &mut HeaderMap) {
        if let Some(listed) = self.0.as_ref().filter(|listed| !listed.is_strange.load(Relaxed)) {
            allow(headers, &listed.origin);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Script {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.extensions))
    }
}

/// What a request's origin means for it.
pub(crate) enum Verdict {
    /// It has none.
    None,
    /// Its script may read the answer, unless that is for another client's.
    Allowed(Script),
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
        // Our own scripts need no leave, whoever else lists where they are.
        if origin.as_bytes() == origin_of(&authority.world.policy.issuer).as_bytes() {
            return Verdict::None;
        }
        let origin = origin.clone();
        let listed = match origin.to_str() {
            Ok(text) => self.list(authority).await.get(text).map(Arc::clone),
            Err(_) => None,
        };
        let asks = *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        match (asks, listed) {
            // Whose token or name will come is not known yet.
            (true, Some(_)) => Verdict::Preflight(Box::new(permission(&origin))),
            (true, None) => Verdict::Preflight(Box::new(Problem::new(kinds::ORIGIN_REFUSED).into_response())),
            (false, Some(clients)) => Verdict::Allowed(Script::new(origin, clients)),
            (false, None) => Verdict::Refused,
        }
    }

    /// The list; whoever comes while it is being read waits for that read.
    async fn list(&self, authority: &Authority) -> Arc<HashMap<String, Arc<BTreeSet<ClientId>>>> {
        let mut known = self.known.lock().await;
        let now = authority.world.now();
        let is_young = |known: &&Known| now.since(known.read_at).is_some_and(|age| age < KNOWN_FOR);
        if let Some(known) = known.as_ref().filter(is_young) {
            return Arc::clone(&known.origins);
        }
        let origins = match list_origins::list_origins(&authority.world).await {
            Ok(origins) => Arc::new(origins.into_iter().map(|(origin, clients)| (origin, Arc::new(clients))).collect()),
            Err(error) => {
                tracing::warn!(%error, "the origins of clients cannot be read: no script of another origin may call");
                Arc::default()
            }
        };
        *known = Some(Known { origins: Arc::clone(&origins), read_at: now });
        origins
    }
}

/// Scheme, host and port of an issuer (RFC 6454 §6.2).
pub(crate) fn origin_of(issuer: &str) -> String {
    let parts: Vec<&str> = issuer.splitn(4, '/').take(3).collect();
    parts.join("/")
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
fn allow(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let names = HeaderValue::from_static("www-authenticate, retry-after");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
}

/// Says that the answer depends on the origin, also where there was none: a cache must not give one to the other.
pub(crate) fn vary(headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
}
