//! What surrounds every request: its bounds, CORS, the headers of every answer, counters, and the access log.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::caller::{Seen, Who};
use super::cors::{self, Script, Verdict};
use super::pages::fault;
use super::passive::{Passive, is_passive};
use super::problem::{Problem, kinds};
use super::turned_away::TurnedAway;
use super::waiting::{Ended, Wait, Waiting};
use crate::traces::{self, Root};

/// The longest request target, in bytes. The longest that the API has use for is a page's cursor.
pub(crate) const LONGEST_URI: usize = 4096;

/// What the log and the counters call a path that is not routed: what was asked for is never repeated.
const UNROUTED: &str = "(none)";

/// Surrounds a request.
pub(crate) async fn envelope(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = app.authority.clock.boottime();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut root = trace(&app, &request, route.as_ref());
    let for_scripts = cors::is_for_scripts(request.uri().path());
    let seen = Seen::default();
    request.extensions_mut().insert(seen.clone());
    let is_passive = is_passive(request.headers());
    let (mut request, browser) = fault::for_a_browser(request);

    let answered = async {
        let known = route.as_ref().and_then(|route| app.published.query(&method, route.as_str()));
        match Wait::take(&mut request, known) {
            None => answer(&app, &method, for_scripts, request, next).await,
            Some(wait) => {
                let waiting = Waiting::default();
                request.extensions_mut().insert(waiting.clone());
                let response = answer(&app, &method, for_scripts, request, next).await;
                wait.finish(&app.authority, response, &waiting).await
            }
        }
    };
    let mut response = traces::within(root.as_ref().map(Root::trace), answered).await;
    if let Some(asked) = browser {
        response = fault::dress_late(&app, asked, response).await;
    }

    finish(response.headers_mut(), for_scripts);
    let is_activity = !is_passive && response.extensions().get::<Passive>().is_none();
    note(&app, &seen, is_activity && response.status().is_success());
    let took = app.authority.clock.boottime().saturating_sub(began);
    let route = route.as_ref().map_or(UNROUTED, MatchedPath::as_str);
    app.meter.count_request(&method, route, response.status(), took);
    let trace_id = root.as_ref().map(Root::id);
    log(&method, route, response.status().as_u16(), took, trace_id.as_deref());
    if let Some(root) = &mut root {
        root.answered(response.status(), response.extensions().get().map(|Ended(position)| *position));
    }
    response
}

/// Begins its trace, if it is sampled.
fn trace(app: &App, request: &Request, route: Option<&MatchedPath>) -> Option<Root> {
    let tracer = app.authority.traces.as_ref()?;
    tracer.request(request.method(), route.map(MatchedPath::as_str), request.version(), request.headers())
}

async fn answer(app: &App, method: &Method, for_scripts: bool, mut request: Request, next: Next) -> Response {
    if let Some(away) = request.extensions().get::<TurnedAway>() {
        return away.problem().into_response();
    }
    let length = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if length > LONGEST_URI {
        let detail = format!("A path with its query may have at most {LONGEST_URI} bytes.");
        return Problem::new(kinds::URI_TOO_LONG).detail(detail).into_response();
    }
    let verdict =
        if for_scripts { app.origins.judge(&app.authority, method, request.headers()).await } else { Verdict::None };
    let script = match verdict {
        Verdict::Preflight(response) => return *response,
        Verdict::Allowed(script) => {
            request.extensions_mut().insert(script.clone());
            script
        }
        Verdict::None | Verdict::Refused => Script::default(),
    };
    let limit = app.authority.config.http.request_timeout;
    let mut response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(kinds::TIMED_OUT).retry_after(Duration::from_secs(1)).into_response(),
    };
    script.allow(response.headers_mut());
    response
}

/// Counts who was let in, and notes that their device is there if that is what the request shows.
fn note(app: &App, seen: &Seen, is_there: bool) {
    let Some(who) = seen.who() else { return };
    app.count_accepted();
    if is_there && let Who::Device(user, session) = who {
        app.authority.activity.seen(user, session, app.authority.world.now());
    }
}

/// Nothing is kept unless its handler says so, nothing is taken for what it is not, and no answer is a page that
/// scripts or frames could do anything with.
fn finish(headers: &mut HeaderMap, for_scripts: bool) {
    let unless_said = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in unless_said {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if for_scripts {
        cors::vary(headers);
    }
}

/// One line for each request, without path, query, token or body: errors always, refusals at `info`, the rest at
/// `debug`, since writing a line costs more than most requests.
fn log(method: &Method, route: &str, status: u16, took: Duration, trace_id: Option<&str>) {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match status {
        500.. => tracing::warn!(target: "rescind::access", %method, route, status, millis, trace_id, "answered"),
        400.. => tracing::info!(target: "rescind::access", %method, route, status, millis, trace_id, "answered"),
        _ => tracing::debug!(target: "rescind::access", %method, route, status, millis, trace_id, "answered"),
    }
}
