//! What went wrong, as a page: whatever a handler of the pages refuses with a problem document is dressed here.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, RETRY_AFTER, SET_COOKIE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::cookie::{Brought, Kind};
use super::frame::{self, Frame};
use super::words::Language;
use crate::http::app::App;
use crate::http::problem::kinds::Kind as Problematic;
use crate::http::problem::{Problem, Told};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: Frame<'a>,
    text: &'a str,
    slug: &'static str,
}

/// Turns problems into pages.
pub(super) async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let tag = language(&app, &parts.headers).tag;
    let response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions().get::<Told>() {
        Some(told) => page(&app, tag, told, &response),
        None => response,
    }
}

/// A problem that nobody's handler has: a page for a browser, a document for whoever else asks.
pub(crate) fn for_whoever_asks(app: &App, request: &Request, kind: &'static Problematic) -> Response {
    let response = Problem::new(kind).into_response();
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_browser = accepted.split(',').any(|range| range.trim_start().starts_with("text/html"));
    match response.extensions().get::<Told>().filter(|_| is_browser) {
        Some(told) => page(app, language(app, request.headers()).tag, told, &response),
        None => response,
    }
}

/// The page for a problem.
pub(crate) fn page(app: &App, tag: &str, told: &Told, response: &Response) -> Response {
    let words = &app.pages.words;
    let w = words.named(tag).unwrap_or_else(|| &words.all()[0]);
    let key = format!("problem-{}", told.kind.slug);
    let text = w.find(&key).unwrap_or(&told.detail);
    let page = ErrorPage { page: Frame::bare(&app.pages, w, "error-title"), text, slug: told.kind.slug };
    let mut dressed = frame::bare(w, response.status(), &page);
    if let Some(wait) = response.headers().get(RETRY_AFTER) {
        dressed.headers_mut().insert(RETRY_AFTER, wait.clone());
    }
    for cookie in response.headers().get_all(SET_COOKIE) {
        dressed.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    dressed
}

fn language<'a>(app: &'a App, headers: &HeaderMap) -> &'a Language {
    let words = &app.pages.words;
    let chosen = Brought::read(headers, Kind::Language, app.pages.transport).one();
    let header = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    chosen.and_then(|tag| words.named(tag)).unwrap_or_else(|| words.liked(header.unwrap_or_default()))
}
