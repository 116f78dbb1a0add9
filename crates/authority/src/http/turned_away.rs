//! Requests that are refused before the router sees them, for how they are written or for want of room. What stands for
//! one of them goes through the router all the same, so that it is counted, logged and answered like any other.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, Uri};
use tower::ServiceExt as _;

use super::problem::{Problem, kinds};

/// In the extensions of what stands for a request: why that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// Its head cannot be read, or says two things.
    Malformed,
    /// Its head is too large, or has too many headers.
    TooLarge,
    /// There are as many requests as there may be.
    NoRoom,
}

impl TurnedAway {
    /// What is answered.
    pub(super) fn problem(self) -> Problem {
        match self {
            Self::Malformed => Problem::invalid("The head of the request is malformed, or says two things at once."),
            Self::TooLarge => Problem::new(kinds::HEAD_TOO_LARGE),
            Self::NoRoom => Problem::new(kinds::BUSY)
                .detail("The server answers as many requests as it can at once. Send it again a little later.")
                .retry_after(Duration::from_secs(1)),
        }
    }

    /// Counts and logs it as a request of this method to no known path, and gives the answer.
    pub(super) async fn note(self, router: Router, method: Method) -> Response<Body> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        // Nothing of what it said is repeated, and no path is like this one.
        *request.uri_mut() = Uri::from_static("/-");
        request.extensions_mut().insert(self);
        let Ok(response) = router.oneshot(request).await;
        response
    }

    /// The same of one whose method nobody knows.
    pub(super) async fn note_unread(self, router: Router) {
        drop(self.note(router, Method::from_bytes(b"-").unwrap_or_default()).await);
    }
}
