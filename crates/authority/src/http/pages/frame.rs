//! What surrounds every page, and the headers that go with it.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE, VARY,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rescind_domain::user::{Role, User};

use super::Pages;
use super::cookie::{self, Kind, Transport};
use super::notice::Notice;
use super::return_to;
use super::visitor::Visitor;
use super::words::Language;

/// Nothing but our own files; no frame may hold a page; forms go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every template has at hand.
pub(crate) struct Frame<'a> {
    /// The words.
    pub(crate) w: &'a Language,
    /// All languages, to choose from.
    pub(crate) languages: &'a [Language],
    /// The page's title.
    pub(crate) title: &'a str,
    /// What the place is called.
    pub(crate) brand: &'a str,
    /// Where the operator's logo is.
    pub(crate) logo: Option<&'a str>,
    /// Where the style sheet is.
    pub(crate) style: &'a str,
    /// Where the operator's style sheet is.
    pub(crate) brand_style: Option<&'a str>,
    /// Where the script is.
    pub(crate) live: &'a str,
    /// Whether the page came over plain HTTP.
    pub(crate) plain_http: bool,
    /// Whether somebody is signed in, so that there is something to navigate.
    pub(crate) signed_in: bool,
    /// Whether it is an administrator, as far as the page has looked.
    pub(crate) admin: bool,
    /// Where the page listens for what happens to the account, if somebody is signed in; the console listens elsewhere.
    pub(crate) stream: Option<String>,
    /// Where this page is, for what leads back to it.
    pub(crate) target: &'a str,
    /// What the page before left to be said.
    pub(crate) notice: Option<String>,
}

impl<'a> Frame<'a> {
    /// For whoever asks for a page.
    pub(crate) fn new(visitor: &'a Visitor, title: &'a str) -> Self {
        let w = visitor.words();
        let notice = visitor.notice().and_then(Notice::read).map(|notice| notice.say(w));
        let signed_in = visitor.caller.is_some();
        let stream = signed_in.then(|| visitor.stream("/account/live"));
        Self { signed_in, notice, stream, target: &visitor.target, ..Self::bare(visitor.pages(), w, title) }
    }

    /// Whether this page is the one at `path`, or below it.
    pub(crate) fn is_below(&self, path: &str) -> bool {
        self.target.starts_with(path)
    }

    /// Whether this is the page at `path`.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.target.split('?').next() == Some(path)
    }

    /// Where this page is, as a value of a query.
    pub(crate) fn here(&self) -> String {
        return_to::encode(self.target)
    }

    /// For somebody whose account was read.
    pub(crate) fn of(visitor: &'a Visitor, title: &'a str, user: &User) -> Self {
        Self { admin: user.role == Role::Administrator, ..Self::new(visitor, title) }
    }

    /// For whoever could not be looked at.
    pub(crate) fn bare(pages: &'a Pages, w: &'a Language, title: &'a str) -> Self {
        Self {
            w,
            languages: pages.words.all(),
            title: w.find(title).unwrap_or(title),
            brand: &pages.brand,
            logo: pages.assets.logo(),
            brand_style: pages.assets.brand(),
            style: pages.assets.style(),
            live: pages.assets.live(),
            plain_http: pages.transport == Transport::Loopback,
            signed_in: false,
            admin: false,
            stream: None,
            target: "/account",
            notice: None,
        }
    }
}

/// Answers with a page.
pub(crate) fn answer(visitor: &Visitor, status: StatusCode, page: &impl Template) -> Response {
    let mut response = bare(visitor.words(), status, page);
    let headers = response.headers_mut();
    let transport = visitor.transport();
    if let Some(browser) = visitor.new_browser() {
        headers.append(SET_COOKIE, cookie::set(Kind::Form, transport, browser, None));
    }
    if visitor.takes_notice() {
        headers.append(SET_COOKIE, cookie::remove(Kind::Notice, transport));
    }
    response
}

/// Answers with a page that belongs to nobody.
pub(crate) fn bare(w: &Language, status: StatusCode, page: &impl Template) -> Response {
    let Ok(text) = page.render() else {
        tracing::error!("a page could not be made");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    protect(headers);
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(w.tag));
    response
}

/// The headers of every page.
fn protect(headers: &mut HeaderMap) {
    let all: [(HeaderName, &'static str); 8] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        // Not `no-referrer`: browsers would then send `Origin: null` with our own forms (Fetch §3.2.2).
        (REFERRER_POLICY, "same-origin"),
        (X_FRAME_OPTIONS, "DENY"),
        (VARY, "Cookie, Accept-Language"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
