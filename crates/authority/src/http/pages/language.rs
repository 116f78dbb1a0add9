//! Choosing a language.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::cookie::{self, Kind};
use super::return_to;
use super::visitor::Visitor;
use crate::http::app::App;
use crate::http::form::Form;

/// How long a choice is kept.
const KEPT: std::time::Duration = std::time::Duration::from_hours(24 * 365);

pub(super) fn routes() -> Router<App> {
    Router::new().route("/language", get(choose))
}

/// Keeps the choice in a cookie, and goes back.
async fn choose(visitor: Visitor) -> Response {
    let query = visitor.target.split_once('?').map_or("", |(_, query)| query);
    let mut form = Form::parse(query.as_bytes(), &[]).unwrap_or_default();
    let place = form.take("return_to").unwrap_or_default();
    let place = return_to::after_choice(&place).to_owned();
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response();
    if let Some(language) = form.take("to").and_then(|tag| visitor.pages().words.named(&tag)) {
        let choice = cookie::set(Kind::Language, visitor.transport(), language.tag, Some(KEPT));
        response.headers_mut().append(SET_COOKIE, choice);
    }
    response
}
