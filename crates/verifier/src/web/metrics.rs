//! The counters, over HTTP.

use std::convert::Infallible;
use std::future::{Ready, ready};

use axum_core::extract::{FromRef, FromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;

use crate::counters::Health;
use crate::verifier::Verifier;

/// Answers with the counters of the [`Verifier`] that the state gives, as Prometheus reads them:
/// `Router::new().route("/metrics", get(rescind_verifier::web::metrics))`. For operators: mount it where they alone reach
/// it.
pub fn metrics(page: Metrics) -> Ready<Metrics> {
    ready(page)
}

/// The counters of a verifier as a page: [`Health::exposition`].
#[derive(Clone, Debug)]
pub struct Metrics(pub String);

impl<S> FromRequestParts<S> for Metrics
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(Verifier::from_ref(state).health().exposition()))
    }
}

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Health::EXPOSITION_TYPE));
        response
    }
}
