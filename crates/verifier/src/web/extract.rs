//! The extractor for axum.

use std::ops::Deref;

use axum_core::body::Body;
use axum_core::extract::{FromRef, FromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use super::{Refusal, presented};
use crate::foreign::Accepted;
use crate::verified::Verified;
use crate::verifier::Verifier;

/// Whoever presents a good access token: `async fn handler(caller: Authorized)`. The state gives the [`Verifier`].
#[derive(Clone, Debug)]
pub struct Authorized(pub Verified);

impl Deref for Authorized {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.0
    }
}

impl<S> FromRequestParts<S> for Authorized
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let presented = presented(&parts.headers)?;
        Ok(Self(Verifier::from_ref(state).verify(&presented)?))
    }
}

/// Whoever presents a good access token, of the authority or of one of the other issuers whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct AuthorizedAny(pub Accepted);

impl<S> FromRequestParts<S> for AuthorizedAny
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let presented = presented(&parts.headers)?;
        Ok(Self(Verifier::from_ref(state).verify_any(&presented)?))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.response::<Body>()
    }
}
