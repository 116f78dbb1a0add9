//! What the token endpoint refuses, in the form of RFC 6749 §5.2.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rescind_domain::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::{Problem, kinds};

/// The error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OAuthErrorCode)]
pub(crate) enum Code {
    /// A parameter is missing, comes twice, or makes no sense.
    InvalidRequest,
    /// The client is unknown, or its secret is wrong.
    InvalidClient,
    /// The refresh token is refused.
    InvalidGrant,
    /// Not a grant that is supported.
    UnsupportedGrantType,
    /// A scope that the client may not have.
    InvalidScope,
    /// An audience that the client may not have (RFC 8707 §2).
    InvalidTarget,
    /// Try again later.
    TemporarilyUnavailable,
    /// Something went wrong inside.
    ServerError,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget => StatusCode::BAD_REQUEST,
        }
    }
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(crate) struct Document {
    /// What kind of error it is.
    error: Code,
    /// What is wrong with this request.
    error_description: Cow<'static, str>,
}

/// A refusal. Boxed, so that results stay small.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Parts>);

#[derive(Debug)]
struct Parts {
    document: Document,
    status: StatusCode,
    headers: HeaderMap,
}

impl Refusal {
    /// A refusal with this code, in these words.
    pub(crate) fn new(code: Code, description: impl Into<Cow<'static, str>>) -> Self {
        let error_description = description.into();
        Self(Box::new(Parts {
            document: Document { error: code, error_description },
            status: code.status(),
            headers: HeaderMap::new(),
        }))
    }

    /// Which half of the credentials is wrong is not told.
    pub(crate) fn unknown_client() -> Self {
        Self::new(Code::InvalidClient, "The client is unknown, or its secret is wrong.")
    }

    /// The client authenticated by Basic, so the answer must say so.
    pub(crate) fn by_basic(mut self) -> Self {
        if self.0.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"rescind\", charset=\"UTF-8\"");
            self.0.headers.insert(WWW_AUTHENTICATE, challenge);
        }
        self
    }

    /// The code as it is sent.
    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        match self.0.document.error {
            Code::InvalidRequest => "invalid_request",
            Code::InvalidClient => "invalid_client",
            other => unreachable!("{other:?}"),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidCredentials => Self::unknown_client(),
            Error::Invalid { field, problem } => {
                let code = match field {
                    "scope" => Code::InvalidScope,
                    "audience" => Code::InvalidTarget,
                    _ => Code::InvalidRequest,
                };
                Self::new(code, format!("{field}: {problem}"))
            }
            Error::Overtaken => Self::new(Code::TemporarilyUnavailable, "Revoked meanwhile; ask again."),
            other => Problem::from(other).into(),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let status = problem.kind().status;
        let code = match status {
            _ if problem.kind().slug == kinds::REFRESH_REFUSED.slug => Code::InvalidGrant,
            _ if problem.text().starts_with("scope:") => Code::InvalidScope,
            StatusCode::SERVICE_UNAVAILABLE => Code::TemporarilyUnavailable,
            _ if status.is_server_error() => Code::ServerError,
            _ => Code::InvalidRequest,
        };
        let mut refusal = Self::new(code, problem.text().to_owned());
        if code == Code::InvalidRequest {
            // Too large, too slow, of another type: the status says more than the code can.
            refusal.0.status = status;
        }
        refusal.0.headers = problem.headers().clone();
        refusal.0.headers.remove(WWW_AUTHENTICATE);
        refusal
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut parts = *self.0;
        parts.headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        (parts.status, parts.headers, Json(parts.document)).into_response()
    }
}
