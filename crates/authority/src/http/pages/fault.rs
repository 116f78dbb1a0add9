//! What went wrong, as a page: whatever a handler of the pages refuses with a problem document is dressed here.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use super::cookie::{Brought, Kind};
use super::frame::{self, Frame};
use super::words::Language;
use crate::http::app::App;
use crate::http::problem::Told;

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
    let tag = language(&app, &parts).tag;
    let response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions().get::<Told>() {
        Some(told) => page(&app, tag, told, &response),
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
    dressed
}

fn language<'a>(app: &'a App, parts: &Parts) -> &'a Language {
    let words = &app.pages.words;
    let chosen = Brought::read(&parts.headers, Kind::Language, app.pages.transport).one();
    let header = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    chosen.and_then(|tag| words.named(tag)).unwrap_or_else(|| words.liked(header.unwrap_or_default()))
}
