//! The latest cookie of a session, for a browser that shows the one before: the answer that brought it was lost, and without
//! it the browser would be signed out once the former one is over. So it comes with whatever is answered next.

use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{Extensions, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use rescind_domain::clock::Timestamp;
use rescind_domain::verbs::present_cookie::Successor;

use super::cookie::{self, Kind};
use crate::http::app::App;

/// Where a request leaves the cookie for its answer.
#[derive(Clone, Default)]
struct Latest(Arc<OnceLock<HeaderValue>>);

/// Leaves it to the answer.
pub(super) fn leave(app: &App, extensions: &Extensions, lost: &Successor) {
    if let Some(Latest(place)) = extensions.get() {
        let _ = place.set(of_session(app, lost.cookie.expose(), lost.expires_at, lost.remembered));
    }
}

/// The `Set-Cookie` header of a session: it lasts as long as a session that stays signed in, or until the browser is closed.
pub(super) fn of_session(app: &App, value: &str, expires_at: Timestamp, remembered: bool) -> HeaderValue {
    let left = expires_at.since(app.authority.world.now());
    cookie::set(Kind::Session, app.pages.transport, value, left.filter(|_| remembered))
}

/// Adds what was left to the answer, unless that says something of the session's cookie by itself.
pub(super) async fn hand_out(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let latest = Latest::default();
    request.extensions_mut().insert(latest.clone());
    let mut response = next.run(request).await;
    let Some(cookie) = latest.0.get() else { return response };
    let own = format!("{}=", Kind::Session.name(app.pages.transport));
    let mut said = response.headers().get_all(SET_COOKIE).iter();
    if !said.any(|other| other.as_bytes().starts_with(own.as_bytes())) {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    response
}
