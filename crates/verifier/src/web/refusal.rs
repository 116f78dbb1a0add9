//! Why a request is not let in, as HTTP says it.

use std::time::Duration;

use http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};

use crate::rejected::Rejected;

/// When it is worth while to ask again where the verifier cannot tell, in seconds.
const AGAIN: HeaderValue = HeaderValue::from_static("1");

/// Why a request is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No token was presented: 401 without an error code (RFC 6750 §3).
    #[error("no access token was presented")]
    NoToken,
    /// More than one token was presented, or something that is none: 400 `invalid_request` (RFC 6750 §3.1).
    #[error("it is not clear which access token is meant")]
    Unclear,
    /// The verifier does not accept the token: 401 `invalid_token`, or 503 where it cannot tell.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The token lacks these scopes, with spaces between them: 403 `insufficient_scope`.
    #[error("the access token lacks the scope {0}")]
    Scope(String),
    /// The person authenticated too long ago: 401 `insufficient_user_authentication` (RFC 9470 §3).
    #[error("a newer authentication is needed")]
    Stale(Duration),
}

impl Refusal {
    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(rejected) if rejected.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Scope(_) => StatusCode::FORBIDDEN,
            Self::Unclear => StatusCode::BAD_REQUEST,
            Self::NoToken | Self::Rejected(_) | Self::Stale(_) => StatusCode::UNAUTHORIZED,
        }
    }

    /// The value of `WWW-Authenticate`; none where the verifier is to blame.
    pub fn challenge(&self) -> Option<String> {
        Some(match self {
            Self::NoToken => "Bearer".to_owned(),
            Self::Unclear => "Bearer error=\"invalid_request\"".to_owned(),
            Self::Rejected(rejected) => format!("Bearer error=\"{}\"", rejected.error_code()?),
            Self::Scope(scope) => {
                let fits = |c: &char| (c.is_ascii_graphic() || *c == ' ') && !"\"\\".contains(*c);
                let shown: String = scope.chars().filter(fits).collect();
                format!("Bearer error=\"insufficient_scope\", scope=\"{shown}\"")
            }
            Self::Stale(age) => {
                format!("Bearer error=\"insufficient_user_authentication\", max_age=\"{}\"", age.as_secs())
            }
        })
    }

    /// The answer, without a body.
    pub fn response<B: Default>(&self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.challenge().and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
            Some(challenge) => headers.insert(WWW_AUTHENTICATE, challenge),
            None => headers.insert(RETRY_AFTER, AGAIN),
        };
        response
    }
}
