//! `?wait=enforced`: an ending that answers once no verifier can accept any more what it ended (R8), or at the caller's
//! time limit. Whatever ends something takes it; handlers say only which entry did.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{Extensions, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use http_body_util::{BodyExt as _, Limited};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::form::decode;
use super::problem::Problem;
use crate::authority::Authority;
use crate::feed;

/// How long is waited unless the caller says, and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

/// The longest answer that an enforcement is added to.
const LONGEST: usize = 1 << 20;

/// In the extensions of an answer: which entry of the log ended what was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended(pub(crate) u64);

/// In the extensions of a request that waits: whether its caller was found to be an administrator, who is told who is
/// missing. Nobody is one until that was found, by what the store said before anything was ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// The caller is an administrator.
    pub(crate) fn is_an_administrators(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn administrator(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How far an enforcement has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Enforcement {
    /// Whether no verifier can accept any more what was revoked.
    pub(crate) enforced: bool,
    /// How many verifiers have applied it.
    pub(crate) confirmed: u64,
    /// How many verifiers had not when their lease ran out.
    pub(crate) lapsed: u64,
    /// Who is missing: a list for administrators, a number for others.
    pub(crate) pending: Missing,
    /// In how many milliseconds the last of them has applied it or accepts nothing any more. Null if nobody is missing, or if
    /// it cannot be told.
    pub(crate) bound_in_ms: Option<u64>,
    /// How long it took, or was waited, in milliseconds.
    pub(crate) took_ms: u64,
}

/// Who is missing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Missing {
    /// How many.
    Count(u64),
    /// Who.
    List(Vec<Pending>),
}

/// Somebody who may still accept what was revoked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pending {
    /// The verifier, or the node if it is not this one.
    verifier: String,
    /// Its client.
    client: Option<String>,
    /// When it is bound to have applied it, or to have stopped accepting.
    bound_at: super::time::Time,
}

impl Enforcement {
    /// As whoever asks may see it.
    pub(crate) fn new(authority: &Authority, found: feed::Enforcement, administrator: bool) -> Self {
        let now = authority.world.clock.wall();
        // Rounded up: not a moment too early.
        let bound_in_ms = found.pending.iter().map(|pending| millis(pending.bound_in) + 1).max();
        let shown = |pending: feed::Pending| Pending {
            verifier: pending.verifier,
            client: pending.client.map(|client| client.to_string()),
            bound_at: super::time::Time(now.after(pending.bound_in)),
        };
        let pending = if administrator {
            Missing::List(found.pending.into_iter().map(shown).collect())
        } else {
            Missing::Count(found.pending.len() as u64)
        };
        let (enforced, confirmed, lapsed) = (found.enforced, found.confirmed, found.lapsed);
        Self { enforced, confirmed, lapsed, pending, bound_in_ms, took_ms: millis(found.took) }
    }
}

/// What a caller asked for, taken out of the query, which handlers read strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(Duration);

/// In the extensions of a request whose query asks for what nobody knows: whoever is let in is told so, and nothing is
/// done. One that meant to wait must not hear that all is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misused {
    /// Something else than these is in the query.
    Unknown(Arc<[String]>),
    /// There is a `timeout`, and no `wait`.
    Alone,
    /// `wait` is not `enforced`.
    Wait,
    /// `timeout` is not a time, or too long.
    Timeout,
    /// `wait` or `timeout` comes twice.
    Twice,
}

impl Misused {
    /// Refuses the request, if it is one.
    pub(crate) fn refuse(extensions: &Extensions) -> Result<(), Problem> {
        match extensions.get::<Self>() {
            None => Ok(()),
            Some(Self::Unknown(known)) if known.is_empty() => Err(Problem::invalid("There is no query here.")),
            Some(Self::Unknown(known)) => {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                Err(Problem::invalid(format!("The query takes nothing but {}.", names.join(", "))))
            }
            Some(Self::Alone) => {
                Err(Problem::invalid("`timeout` belongs to `wait=enforced` in the query.").field("timeout"))
            }
            Some(Self::Wait) => Err(Problem::invalid("`wait` takes `enforced`.").field("wait")),
            Some(Self::Timeout) => {
                let detail = "`timeout` is a time of at most 60 s, like `5s` or `500ms`.";
                Err(Problem::invalid(detail).field("timeout"))
            }
            Some(Self::Twice) => Err(Problem::invalid("`wait` and `timeout` come once each.")),
        }
    }
}

impl Wait {
    /// Takes `wait` and `timeout` out of a request. Nothing if it does not ask to wait. `known` is all that its query may
    /// hold, if that is said.
    pub(crate) fn take(request: &mut Request, known: Option<&Arc<[String]>>) -> Option<Self> {
        let asked = Self::split(request, known);
        let (wait, target) = match asked {
            Ok(asked) => asked?,
            Err(misused) => {
                request.extensions_mut().insert(misused);
                return None;
            }
        };
        // What was a target is still one with less in its query.
        *request.uri_mut() = target.parse::<Uri>().ok()?;
        Some(wait)
    }

    fn split(request: &Request, known: Option<&Arc<[String]>>) -> Result<Option<(Self, String)>, Misused> {
        let Some(query) = request.uri().query() else { return Ok(None) };
        let read = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        let name = |pair: &str| read(pair).0;
        let count = |wanted| query.split('&').filter(|pair| name(pair).as_deref() == Some(wanted)).count();
        if let Some(known) = known {
            let mut names = query.split('&').map(name).filter(|name| name.as_deref() != Some(""));
            if !names.all(|name| name.is_some_and(|name| known.contains(&name))) {
                return Err(Misused::Unknown(Arc::clone(known)));
            }
        }
        if *request.method() == Method::GET {
            return Ok(None);
        }
        if count("wait") == 0 {
            return if known.is_some() && count("timeout") > 0 { Err(Misused::Alone) } else { Ok(None) };
        }
        if count("wait") > 1 || count("timeout") > 1 {
            return Err(Misused::Twice);
        }
        let (mut rest, mut patience) = (Vec::new(), PATIENCE.0);
        for pair in query.split('&') {
            let (name, value) = read(pair);
            match (name.as_deref(), value.as_deref()) {
                (Some("wait"), Some("enforced")) => {}
                (Some("wait"), _) => return Err(Misused::Wait),
                (Some("timeout"), text) => patience = timeout(text.unwrap_or_default())?,
                _ => rest.push(pair),
            }
        }
        let path = request.uri().path();
        let target = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
        Ok(Some((Self(patience), target)))
    }

    /// Waits, and adds the enforcement to the answer. One that ended nothing stays as it is.
    pub(crate) async fn finish(self, authority: &Authority, response: Response, waiting: &Waiting) -> Response {
        let administrator = waiting.administrator();
        let Some(Ended(number)) = response.extensions().get().copied() else { return response };
        if !response.status().is_success() {
            return response;
        }
        let enforcement = match authority.enforcement(number, self.0).await {
            Ok(found) => Enforcement::new(authority, found, administrator),
            Err(error) => {
                tracing::warn!(%error, number, "whether a revocation is enforced cannot be told");
                unknown(administrator)
            }
        };
        let (mut parts, body) = response.into_parts();
        let read = Limited::new(body, LONGEST).collect().await.map(http_body_util::Collected::to_bytes);
        let said = read.ok().and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok());
        let mut said = said.unwrap_or_default();
        said.insert("enforcement".to_owned(), serde_json::to_value(enforcement).unwrap_or_default());
        parts.status = StatusCode::OK;
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Response::from_parts(parts, Body::from(serde_json::to_vec(&said).unwrap_or_default()))
    }
}

/// It was done; nothing more can be told.
fn unknown(administrator: bool) -> Enforcement {
    let pending = if administrator { Missing::List(Vec::new()) } else { Missing::Count(0) };
    Enforcement { enforced: false, confirmed: 0, lapsed: 0, pending, bound_in_ms: None, took_ms: 0 }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX - 1)
}

/// Seconds, with `s` or without, or milliseconds with `ms`.
fn timeout(text: &str) -> Result<Duration, Misused> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').unwrap_or(text), 1000),
    };
    // A number may begin with a plus sign; a time does not.
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let millis = digits.and_then(|digits| digits.parse::<u64>().ok()).and_then(|number| number.checked_mul(unit));
    let patience = millis.map(Duration::from_millis).filter(|patience| *patience <= PATIENCE.1);
    patience.ok_or(Misused::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(target: &str) -> (Option<Wait>, String, Option<Misused>) {
        let mut request = Request::delete(target).body(Body::empty()).expect("a request");
        let wait = Wait::take(&mut request, None);
        (wait, request.uri().to_string(), request.extensions().get().cloned())
    }

    #[test]
    fn what_belongs_to_the_waiting_is_taken_out_of_the_query_and_nothing_else() {
        let wait = |millis, left: &str| (Some(Wait(Duration::from_millis(millis))), left.to_owned(), None);
        assert_eq!(taken("/a?wait=enforced"), wait(5000, "/a"));
        assert_eq!(taken("/a?reason=x&wait=enforced&timeout=1500ms&y=%20"), wait(1500, "/a?reason=x&y=%20"));
        assert_eq!(taken("/a?timeout=60s&wait=enforced"), wait(60_000, "/a"));
        assert_eq!(taken("/a?%77ait=%65nforced&timeout=5%73&y=%2"), wait(5000, "/a?y=%2"));
        assert_eq!(taken("/a?timeout=7"), (None, "/a?timeout=7".into(), None));
    }

    #[test]
    fn what_is_not_said_of_a_query_is_refused_and_a_time_limit_without_waiting_too() {
        let refused = |target: &str, known: &[&str]| {
            let mut request = Request::delete(target).body(Body::empty()).expect("a request");
            let known: Arc<[String]> = known.iter().map(|name| (*name).to_owned()).collect();
            let wait = Wait::take(&mut request, Some(&known));
            let misused = request.extensions().get::<Misused>().cloned();
            assert!(wait.is_none() || misused.is_none());
            misused.map(|misused| if misused == Misused::Unknown(known) { "unknown" } else { "alone" })
        };
        let ending = ["reason", "wait", "timeout"];
        for (target, expected) in [
            ("/a?wait=enforced&timeout=1s&reason=x", None),
            ("/a?reason=x", None),
            ("/a?", None),
            ("/a?timeout=5s", Some("alone")),
            ("/a?Wait=enforced", Some("unknown")),
            ("/a?%77ait=enforced", None),
            ("/a?%57ait=enforced", Some("unknown")),
            ("/a?%=enforced", Some("unknown")),
            ("/a?wait=enforced&x=1", Some("unknown")),
        ] {
            assert_eq!(refused(target, &ending), expected, "{target}");
        }
        assert_eq!(refused("/a?wait=enforced", &[]), Some("unknown"), "where nothing is ended");
    }

    #[test]
    fn a_time_limit_that_is_none_or_too_long_is_refused() {
        for bad in ["wait=soon", "wait", "wait=%"] {
            assert_eq!(taken(&format!("/a?{bad}")).2, Some(Misused::Wait), "{bad}");
        }
        for twice in ["wait=enforced&wait=enforced", "wait=enforced&timeout=1&%74imeout=1"] {
            assert_eq!(taken(&format!("/a?{twice}")).2, Some(Misused::Twice), "{twice}");
        }
        for bad in ["61", "-1", "+5s", "%2B5s", "", "5m", "1e3"] {
            assert_eq!(taken(&format!("/a?wait=enforced&timeout={bad}")).2, Some(Misused::Timeout), "{bad}");
        }
    }
}
