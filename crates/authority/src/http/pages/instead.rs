//! What is answered instead of the page that was asked for.

use axum::response::{IntoResponse, Response};

use crate::http::problem::Problem;

/// Another page, or a problem, which becomes one.
pub(crate) struct Instead(Box<Response>);

impl From<Response> for Instead {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<Problem> for Instead {
    fn from(problem: Problem) -> Self {
        problem.into_response().into()
    }
}

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        *self.0
    }
}
