//! The one mapping from what the domain and the verifier refuse to what HTTP answers.

use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::store::StoreError;
use rescind_verifier::Rejected;

use super::{Problem, kinds};

/// When to try again where nobody can know.
const SOON: Duration = Duration::from_secs(1);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidCredentials => Self::new(kinds::INVALID_CREDENTIALS).challenge(None),
            Error::WrongPassword => Self::new(kinds::WRONG_PASSWORD),
            Error::WeakPassword(problem) => {
                Self::new(kinds::WEAK_PASSWORD).detail(problem.to_string()).field("password")
            }
            Error::Locked { until } => Self::new(kinds::ACCOUNT_LOCKED).until(until),
            Error::SignUpOff => Self::new(kinds::SIGN_UP_OFF),
            Error::LoginTaken => Self::new(kinds::LOGIN_TAKEN).field("login"),
            Error::ExternalIdTaken => Self::new(kinds::EXTERNAL_ID_TAKEN).field("external_id"),
            Error::ClientTaken => Self::new(kinds::CLIENT_TAKEN).field("client_id"),
            Error::Throttled { retry_after } => Self::new(kinds::THROTTLED).retry_after(retry_after),
            Error::Busy { retry_after } => Self::new(kinds::BUSY).retry_after(retry_after),
            Error::NotFound(what) => Self::not_found(what),
            Error::NotInLog(_) => Self::new(kinds::NOT_IN_LOG).field("after"),
            // Whoever copied a token learns nothing of where it is good.
            Error::SignedOut(_) | Error::OtherAddress => {
                Self::new(kinds::INVALID_TOKEN).challenge(Some("invalid_token"))
            }
            Error::StaleAuthentication { max_age } => stale(max_age),
            Error::Overtaken => Self::new(kinds::OVERTAKEN),
            // Which refusal it was is for the audit log alone.
            Error::RefreshRefused(_) => Self::new(kinds::REFRESH_REFUSED).challenge(None),
            Error::TooManySessions { limit } => Self::new(kinds::TOO_MANY_SESSIONS)
                .detail(format!("At most {limit} at a time. {}", kinds::TOO_MANY_SESSIONS.advice)),
            Error::LastAdministrator => Self::new(kinds::LAST_ADMINISTRATOR),
            Error::ExceptionEnded => Self::new(kinds::EXCEPTION_ENDED),
            Error::Forbidden => Self::new(kinds::FORBIDDEN),
            Error::IdempotencyMismatch => Self::new(kinds::KEY_REUSED),
            Error::OtherOrigin => Self::other_origin("The client that this was given to"),
            Error::Invalid { field, problem } => Self::invalid(format!("{field}: {problem}")).field(field),
            Error::TooLate => Self::new(kinds::TIMED_OUT).retry_after(SOON),
            Error::Store(error) => store(&error),
            Error::Key(error) => internal(&error),
            Error::MustEnd | Error::HashReplaced => internal(&error),
        }
    }
}

impl Problem {
    /// Whether a token or a cookie is good cannot be told now.
    pub(crate) fn cannot_tell() -> Self {
        Self::new(kinds::CANNOT_TELL).retry_after(SOON)
    }

    /// A script of an origin that `whose` does not list.
    pub(crate) fn other_origin(whose: &str) -> Self {
        let detail = format!("{whose} does not list this origin. {}", kinds::ORIGIN_REFUSED.advice);
        Self::new(kinds::ORIGIN_REFUSED).detail(detail)
    }
}

/// RFC 9470 §3.
fn stale(max_age: Duration) -> Problem {
    Problem::new(kinds::STALE_AUTHENTICATION).max_age(max_age).challenge(Some("insufficient_user_authentication"))
}

fn store(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable(_) | StoreError::Conflict | StoreError::WentBack { .. } => {
            tracing::warn!(%error, "a request was refused");
            Problem::new(kinds::STORE_UNAVAILABLE).retry_after(SOON)
        }
        StoreError::Unconfirmed(_) => {
            tracing::warn!(%error, "a request may have been done");
            Problem::new(kinds::UNCONFIRMED).retry_after(SOON)
        }
        StoreError::Corrupt { .. } => internal(error),
    }
}

/// The reason is for the operator alone.
fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a request failed");
    Problem::new(kinds::INTERNAL)
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        match rejected.error_code() {
            // The token may be good (R7): neither 401 nor a reason to throw it away.
            None => Self::cannot_tell(),
            // Why it is refused says nothing to whoever holds it, not even whether it ever existed (A2).
            Some(code) => Self::new(kinds::INVALID_TOKEN).challenge(Some(code)),
        }
    }
}
