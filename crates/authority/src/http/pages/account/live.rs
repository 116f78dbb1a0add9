//! What happens to the devices while one looks: the stream of `GET /v1/sessions/changes`, for a cookie.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rescind_domain::verbs::watch_sessions::Watcher;

use crate::http::app::App;
use crate::http::pages::visitor::Visitor;
use crate::http::problem::{Problem, kinds};
use crate::http::stream::{self, Stopping};

/// Answers with the stream. Whoever is not signed in, or as somebody else than the page says, is told so and nothing else:
/// the page that listens asks for itself again then, and is led to the sign-in page as any page is.
pub(super) async fn listen(State(app): State<App>, visitor: Visitor, stopping: Stopping) -> Result<Response, Problem> {
    let Some(caller) = visitor.listener() else { return Ok(StatusCode::UNAUTHORIZED.into_response()) };
    let cookie = visitor.cookie.clone().unwrap_or_default();
    // By the cookie, and not by the token that stays here: one that was replaced hears no more, whoever holds it.
    let watcher = Watcher::by_cookie(cookie, caller.address(), caller.acting().person()?)?;
    match stream::sessions(&app.authority, watcher, stopping).await {
        Err(problem) if problem.kind().slug == kinds::TOO_MANY_STREAMS.slug => {
            Ok(stream::full(&*app.authority.world.entropy))
        }
        other => other,
    }
}
