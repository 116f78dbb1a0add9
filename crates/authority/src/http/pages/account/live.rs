//! What happens to the devices while one looks: the stream of `GET /v1/sessions/changes`, for a cookie.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rescind_domain::World;
use rescind_domain::store::View;
use rescind_domain::verbs::present_cookie;
use rescind_domain::verbs::watch_sessions::Watcher;

use crate::http::app::App;
use crate::http::pages::visitor::Visitor;
use crate::http::problem::Problem;
use crate::http::stream::{self, Stopping};

/// Answers with the stream. Whoever is not signed in is told so and nothing else: the page that listens asks for itself
/// again then, and is led to the sign-in page as any page is.
pub(super) async fn listen(State(app): State<App>, visitor: Visitor, stopping: Stopping) -> Result<Response, Problem> {
    let Some(caller) = &visitor.caller else { return Ok(StatusCode::UNAUTHORIZED.into_response()) };
    let watcher = Watcher::by_token(caller.acting())?;
    let (by_token, cookie, address) = (watcher.judge, visitor.cookie.clone().unwrap_or_default(), caller.address());
    // Not only the token that stays here: a cookie that was replaced hears no more, whoever holds it.
    let judge = Arc::new(move |view: &dyn View, world: &World| {
        present_cookie::check(view, world, &cookie, address)?;
        by_token(view, world)
    });
    stream::sessions(&app.authority, Watcher { judge, ..watcher }, stopping).await
}
