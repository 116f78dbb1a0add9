//! Requests: from their headers to a verdict, and from a verdict to an answer (RFC 6750).

#[cfg(feature = "axum")]
mod extract;
mod layer;
#[cfg(feature = "axum")]
mod metrics;
mod refusal;

use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;

#[cfg(feature = "axum")]
pub use extract::{Authorized, AuthorizedAny};
pub use layer::{HangUp, Verify, VerifyLayer, Watched};
#[cfg(feature = "axum")]
pub use metrics::{Metrics, metrics};
pub use refusal::Refusal;

use crate::presented::{Presented, Scheme};
use crate::verified::Verified;
use crate::verifier::Verifier;

/// The token of the one `Authorization` header.
pub fn presented(headers: &HeaderMap) -> Result<Presented<'_>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::NoToken)?;
    let text = value.to_str().map_err(|_| Refusal::Unclear)?;
    if values.next().is_some() {
        return Err(Refusal::Unclear);
    }
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
        _ if scheme.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
        _ => return Err(Refusal::NoToken),
    };
    Ok(Presented { scheme, ..Presented::bearer(token.trim_start_matches(' ')) })
}

/// What a route asks of a token beside that it is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    scopes: Vec<String>,
    max_age: Option<Duration>,
}

impl Requirement {
    /// Nothing.
    pub const fn none() -> Self {
        Self { scopes: Vec::new(), max_age: None }
    }

    /// This scope, too. Without it: 403, which names all that are missing (RFC 6750 §3.1).
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// The person authenticated at most this long ago. Otherwise: 401 `insufficient_user_authentication` (RFC 9470).
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Checks a token that was just verified by that verifier.
    pub fn check(&self, by: &Verifier, verified: &Verified) -> Result<(), Refusal> {
        let missing: Vec<&str> =
            self.scopes.iter().map(String::as_str).filter(|scope| !verified.allows(scope)).collect();
        if !missing.is_empty() {
            return Err(Refusal::Scope(missing.join(" ")));
        }
        let Some(age) = self.max_age else { return Ok(()) };
        let fresh = verified.claims().auth_time.is_some_and(|at| by.wall_seconds().saturating_sub(at) <= age.as_secs());
        if fresh { Ok(()) } else { Err(Refusal::Stale(age)) }
    }
}
