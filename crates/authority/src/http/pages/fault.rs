//! What went wrong, as a page: whatever a handler of the pages refuses with a problem document is dressed here.

use std::time::Duration;

use askama::Template;
use askama::filters::Safe;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::cookie::{Brought, Kind};
use super::frame::{self, Frame};
use super::moment::Moment;
use super::visitor::Visitor;
use super::words::Language;
use crate::http::app::App;
use crate::http::html::escape;
use crate::http::problem::kinds::{self, Kind as Problematic};
use crate::http::problem::{Problem, Told};

/// Where the pages are.
const PAGES: [&str; 7] = ["/account", "/admin", "/language", "/setup", "/sign-in", "/sign-out", "/sign-up"];

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: Frame<'a>,
    text: Safe<String>,
    slug: &'static str,
}

/// Turns problems into pages.
pub(super) async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asked = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    if response.extensions().get::<Told>().is_some() { page(&app, asked, response).await } else { response }
}

/// A problem that nobody's handler has: a page for a browser, a document for whoever else asks.
pub(crate) async fn for_whoever_asks(app: &App, request: Request, kind: &'static Problematic) -> Response {
    let response = Problem::new(kind).into_response();
    let (asked, _) = request.into_parts();
    if is_browser(&asked.headers) { page(app, asked, response).await } else { response }
}

/// Of a browser's request for one of our pages, what it takes to say on a page that something went wrong outside of its
/// handler: it took too long, or broke off, or was never asked.
pub(crate) fn for_a_browser(request: Request) -> (Request, Option<Parts>) {
    let path = request.uri().path();
    let is_page =
        PAGES.iter().any(|page| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    if !is_page || !is_browser(request.headers()) {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    let asked = parts.clone();
    (Request::from_parts(parts, body), Some(asked))
}

/// The page for a problem that no handler of the pages has told.
pub(crate) async fn dress_late(app: &App, asked: Parts, response: Response) -> Response {
    if response.extensions().get::<Told>().is_some() { page(app, asked, response).await } else { response }
}

fn is_browser(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|range| range.trim_start().starts_with("text/html"))
}

/// The page for a problem. Who is signed in finds the way on, and out, on it (ASVS 5.0 §7.4.4).
async fn page(app: &App, mut asked: Parts, response: Response) -> Response {
    // Where the server itself fails, nothing more is asked of it; and no link repeats what is too long.
    let status = response.status();
    let visitor = if status.is_server_error() || status == StatusCode::URI_TOO_LONG {
        None
    } else {
        Visitor::from_request_parts(&mut asked, app).await.ok()
    };
    let Some(told) = response.extensions().get::<Told>() else { return response };
    let w = language(app, &asked.headers);
    let frame = match &visitor {
        // What the page before left to be said waits for a page that went well.
        Some(visitor) => {
            let admin = visitor.is_administrator().await;
            Frame { notice: None, admin, ..Frame::new(visitor, "error-title") }
        }
        None => Frame::bare(&app.pages, w, "error-title"),
    };
    let text = markup(w, told);
    let page = ErrorPage { page: frame, text, slug: told.kind.slug };
    let mut dressed = frame::bare(w, response.status(), &page);
    if let Some(wait) = response.headers().get(RETRY_AFTER) {
        dressed.headers_mut().insert(RETRY_AFTER, wait.clone());
    }
    for cookie in response.headers().get_all(SET_COOKIE) {
        dressed.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    dressed
}

/// What went wrong, as markup, in which a moment is one.
pub(crate) fn shown(w: &Language, problem: &Problem) -> Safe<String> {
    markup(w, &problem.told())
}

fn markup(w: &Language, told: &Told) -> Safe<String> {
    match told.until {
        Some(until) if told.kind.slug == kinds::ACCOUNT_LOCKED.slug => {
            w.around_moment("problem-account-locked-until", &Moment::exact(until))
        }
        _ => Safe(escape(&in_words(w, told.kind, &told.detail, told.retry_after))),
    }
}

/// What went wrong, in words, for a page of a handler's own.
pub(crate) fn said(w: &Language, problem: &Problem) -> String {
    in_words(w, problem.kind(), problem.text(), problem.wait())
}

/// A page that tells a problem, with what its header says of when to try again (RFC 9110 §10.2.3).
pub(crate) fn told(mut page: Response, problem: &Problem) -> Response {
    if let Some(wait) = problem.headers().get(RETRY_AFTER) {
        page.headers_mut().insert(RETRY_AFTER, wait.clone());
    }
    page
}

/// A problem in words, and when to try again, or to look, if that is known.
fn in_words(w: &Language, kind: &Problematic, detail: &str, wait: Option<u64>) -> String {
    let text = w.find(&format!("problem-{}", kind.slug)).unwrap_or(detail);
    let Some(seconds) = wait else { return text.to_owned() };
    let span = w.span(Duration::from_secs(seconds));
    // It may have been done.
    let is_open = [kinds::UNCONFIRMED.slug, kinds::TIMED_OUT.slug].contains(&kind.slug);
    let then = if is_open { w.about("wait-and-look", &span) } else { w.about("wait-and-try", &span) };
    format!("{text} {then}")
}

fn language<'a>(app: &'a App, headers: &HeaderMap) -> &'a Language {
    let words = &app.pages.words;
    let chosen = Brought::read(headers, Kind::Language, app.pages.transport).one();
    let header = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    chosen.and_then(|tag| words.named(tag)).unwrap_or_else(|| words.liked(header.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::words::Words;

    #[test]
    fn when_to_try_again_is_said_in_the_largest_unit_that_is_no_shorter() {
        let words = Words::load();
        let say = |tag, kind, seconds| in_words(words.named(tag).unwrap(), kind, "", seconds);
        let throttled = |seconds| say("en", kinds::THROTTLED, Some(seconds));
        assert_eq!(throttled(1), "Too many failed attempts. Please wait 1 second, then try again.");
        assert_eq!(throttled(59), "Too many failed attempts. Please wait 59 seconds, then try again.");
        assert_eq!(throttled(61), "Too many failed attempts. Please wait 2 minutes, then try again.");
        assert_eq!(throttled(3600), "Too many failed attempts. Please wait 1 hour, then try again.");
        assert!(
            say("de", kinds::BUSY, Some(2))
                .ends_with("Bitte warten Sie 2 Sekunden und versuchen Sie es dann noch einmal.")
        );
        assert!(say("ar", kinds::BUSY, Some(2)).ends_with("انتظر ثانيتين ثم حاول مرة أخرى."));
        assert!(say("en", kinds::UNCONFIRMED, Some(1)).ends_with("Please wait 1 second, then look."));
        assert_eq!(say("en", kinds::WRONG_PASSWORD, None), "The password is wrong. Nothing was changed.");
    }

    #[test]
    fn a_browser_that_asks_for_a_page_is_known() {
        let asks = |path: &str, accept: &'static str| {
            let request =
                axum::http::Request::get(path).header(ACCEPT, accept).body(axum::body::Body::empty()).unwrap();
            for_a_browser(request).1.is_some()
        };
        let html = "application/xhtml+xml, text/html;q=0.9";
        for page in ["/account", "/account/sessions/x/name", "/admin?x=y", "/sign-in"] {
            assert!(asks(page, html) && !asks(page, "*/*") && !asks(page, "text/event-stream"), "{page}");
        }
        for other in ["/v1/me", "/accounts", "/assets/page.css", "/docs", "/"] {
            assert!(!asks(other, html), "{other}");
        }
    }

    #[test]
    fn whatever_a_page_or_a_form_can_meet_has_its_words_in_every_language() {
        let never = ["missing-token", "invalid-token", "insufficient-user-authentication", "refresh-refused"];
        let of_programs =
            ["weak-password", "insufficient-scope", "origin-refused", "external-id-taken", "client-taken"];
        let of_the_api = ["idempotency-key-reused", "not-in-log", "upgrade-required"];
        for language in Words::load().all() {
            for kind in kinds::ALL {
                let others = never.iter().chain(&of_programs).chain(&of_the_api);
                let key = format!("problem-{}", kind.slug);
                let (said, english) = (language.find(&key), Words::load().all()[0].find(&key).map(str::to_owned));
                let is_said = said.is_some() && (language.tag == "en" || said != english.as_deref());
                assert_ne!(is_said, others.clone().any(|slug| *slug == kind.slug), "{}: {}", language.tag, kind.slug);
            }
        }
    }

    #[test]
    fn what_is_known_to_pass_has_its_words_in_every_language() {
        for language in Words::load().all() {
            for kind in kinds::ALL.iter().filter(|kind| [429, 503].contains(&kind.status.as_u16())) {
                assert!(language.find(&format!("problem-{}", kind.slug)).is_some(), "{}: {}", language.tag, kind.slug);
            }
        }
    }
}
