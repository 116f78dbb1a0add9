//! Queries and path parameters, strictly.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::expected;
use super::problem::Problem;

/// The query, of a known shape: a parameter that nobody knows, or that comes twice, is an error.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(expected::of_query(&rejection.body_text())),
        }
    }
}

/// What a path names: its text, and what sort of thing it should be.
pub(crate) struct Named(String);

impl Named {
    /// The id in the path. What is no id names nothing: the same answer as for one that never was (A5).
    pub(crate) fn id<T: FromStr>(&self, what: &'static str) -> Result<T, Problem> {
        self.0.parse().map_err(|_| Problem::not_found(what))
    }

    /// The text in the path.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(_) => Err(Problem::invalid("The path is not UTF-8.")),
        }
    }
}
