//! Problem documents (RFC 9457): how everything that goes wrong is told.

pub(crate) mod kinds;
mod mapping;

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use rescind_domain::clock::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::time::Time;
use kinds::Kind;

/// The media type of a problem document (RFC 9457 §6.1).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, ready to be answered. Boxed, so that results stay small.
#[derive(Debug)]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: &'static Kind,
    document: Document,
    headers: HeaderMap,
}

/// The document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// What kind of problem it is: a relative reference, stable.
    #[serde(rename = "type")]
    #[schema(pattern = "^/problems/[a-z-]+$")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: Cow<'static, str>,
    /// The error code of the `WWW-Authenticate` header, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// The member or parameter that is not acceptable.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Cow<'static, str>>,
    /// How old an authentication may be, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    /// When it is worth while to try again, in seconds; also in the `Retry-After` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Until when it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
}

impl Problem {
    /// A problem of this kind, which says what its kind says.
    pub(crate) fn new(kind: &'static Kind) -> Self {
        let document = Document {
            kind: kind.uri(),
            title: kind.title,
            status: kind.status.as_u16(),
            detail: Cow::Borrowed(kind.advice),
            error: None,
            field: None,
            max_age: None,
            retry_after: None,
            until: None,
        };
        Self(Box::new(Parts { kind, document, headers: HeaderMap::new() }))
    }

    /// Says this of the request at hand.
    pub(crate) fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.document.detail = detail.into();
        self
    }

    /// Names the member or parameter.
    pub(crate) fn field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.0.document.field = Some(field.into());
        self
    }

    /// Something about the request that is not acceptable.
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(kinds::INVALID_REQUEST).detail(detail)
    }

    /// There is no such `what`. The same bytes whatever the reason.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(kinds::NOT_FOUND).detail(format!("There is no such {what}. {}", kinds::NOT_FOUND.advice))
    }

    /// Says when to try again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        // Rounded up: whoever comes a moment early is refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let seconds = seconds.max(1);
        self.0.document.retry_after = Some(seconds);
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds the challenge of RFC 6750 §3. Without a code it says only that a token is needed.
    pub(crate) fn challenge(mut self, error: Option<&'static str>) -> Self {
        self.0.document.error = error;
        let text = match (error, self.0.document.max_age) {
            (None, _) => Cow::Borrowed("Bearer"),
            (Some(code), None) => Cow::Owned(format!("Bearer error=\"{code}\"")),
            (Some(code), Some(age)) => Cow::Owned(format!("Bearer error=\"{code}\", max_age=\"{age}\"")),
        };
        match HeaderValue::from_str(&text) {
            Ok(value) => self.header(WWW_AUTHENTICATE, value),
            Err(_) => self,
        }
    }

    /// Adds the challenge of RFC 6750 §3.1 that names a scope.
    pub(crate) fn challenge_scope(mut self, scope: &'static str) -> Self {
        self.0.document.error = Some("insufficient_scope");
        match HeaderValue::from_str(&format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")) {
            Ok(value) => self.header(WWW_AUTHENTICATE, value),
            Err(_) => self,
        }
    }

    /// Says which protocol is wanted (RFC 9110 §15.5.22). Whoever sends `Upgrade` lists it in `Connection` (§7.8).
    pub(crate) fn upgrade(self, protocol: &'static str) -> Self {
        self.header(UPGRADE, HeaderValue::from_static(protocol)).header(CONNECTION, HeaderValue::from_static("upgrade"))
    }

    fn max_age(mut self, age: Duration) -> Self {
        self.0.document.max_age = Some(age.as_secs());
        self
    }

    fn until(mut self, until: Option<Timestamp>) -> Self {
        self.0.document.until = until.map(Time);
        self
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Its kind, for counters and for answers of another shape.
    pub(crate) fn kind(&self) -> &'static Kind {
        self.0.kind
    }

    /// What it says of the request.
    pub(crate) fn text(&self) -> &str {
        &self.0.document.detail
    }

    /// When it is worth while to try again, in seconds, if that is known.
    pub(crate) fn wait(&self) -> Option<u64> {
        self.0.document.retry_after
    }

    /// What pages say of it.
    pub(crate) fn told(&self) -> Told {
        let Document { detail, retry_after, until, .. } = &self.0.document;
        let until = until.as_ref().map(|until| until.0);
        Told { kind: self.0.kind, detail: detail.clone(), retry_after: *retry_after, until }
    }

    /// The headers that go with it.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }
}

/// In the extensions of an answer that tells a problem: which.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) kind: &'static Kind,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) until: Option<Timestamp>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let told = self.told();
        let Parts { kind, document, mut headers } = *self.0;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (kind.status, headers, body).into_response();
        response.extensions_mut().insert(told);
        response
    }
}
