//! Every kind of problem that the API answers with. Slugs are stable; tests hold them.

use axum::http::StatusCode;

/// One kind of problem (RFC 9457 §3.1.1).
#[derive(Debug)]
pub(crate) struct Kind {
    /// The last part of its `type`.
    pub(crate) slug: &'static str,
    /// The status that goes with it.
    pub(crate) status: StatusCode,
    /// What it is, in one line.
    pub(crate) title: &'static str,
    /// What to do about it.
    pub(crate) advice: &'static str,
}

impl Kind {
    /// Its `type`: a relative reference, which leads to its line of the documentation.
    pub(crate) fn uri(&self) -> String {
        format!("/problems/{}", self.slug)
    }
}

macro_rules! kinds {
    ($($name:ident = $status:ident $slug:literal, $title:literal, $advice:literal;)*) => {
        $(
            #[doc = $title]
            pub(crate) const $name: &Kind = &Kind {
                slug: $slug,
                status: StatusCode::$status,
                title: $title,
                advice: $advice,
            };
        )*

        /// Every kind there is.
        pub(crate) const ALL: &[&Kind] = &[$($name,)*];
    };
}

kinds! {
    INVALID_REQUEST = BAD_REQUEST "invalid-request",
        "The request cannot be understood",
        "Correct what `detail` names, and send it again.";
    WEAK_PASSWORD = BAD_REQUEST "weak-password",
        "The new password is refused",
        "Ask the person for another one; `detail` says what is wrong with this one.";
    MISSING_TOKEN = UNAUTHORIZED "missing-token",
        "An access token is needed",
        "Sign in, and send the access token as `Authorization: Bearer …`.";
    INVALID_TOKEN = UNAUTHORIZED "invalid-token",
        "The access token is not accepted",
        "It is malformed, expired or revoked. Refresh once; if that is refused too, sign in again.";
    STALE_AUTHENTICATION = UNAUTHORIZED "insufficient-user-authentication",
        "A fresh authentication is needed",
        "Ask for the password, call `POST /v1/reauthenticate`, and repeat the request with the new access token.";
    INVALID_CREDENTIALS = UNAUTHORIZED "invalid-credentials",
        "Login name or password is wrong",
        "Check both. Which of them is wrong is not told.";
    REFRESH_REFUSED = UNAUTHORIZED "refresh-refused",
        "The refresh token is refused",
        "Sign in again. Whether it is unknown, used, expired or revoked is not told.";
    WRONG_PASSWORD = FORBIDDEN "wrong-password",
        "The password is wrong",
        "Ask for the password again. The session goes on.";
    FORBIDDEN = FORBIDDEN "forbidden",
        "This is not allowed",
        "Use an account or a client that may do this.";
    INSUFFICIENT_SCOPE = FORBIDDEN "insufficient-scope",
        "The access token does not allow this",
        "Ask for a token with the scope that `detail` names.";
    SET_UP_REFUSED = FORBIDDEN "set-up-refused",
        "The set-up link is refused",
        "It is good once and for an hour, and only while there is no administrator. Start the server again for a new one.";
    SIGN_UP_OFF = FORBIDDEN "sign-up-off",
        "Sign-up is switched off",
        "Ask an administrator for an account.";
    ACCOUNT_LOCKED = FORBIDDEN "account-locked",
        "The account is locked",
        "Wait until the lock runs out, if `until` is given, or ask an administrator.";
    ORIGIN_REFUSED = FORBIDDEN "origin-refused",
        "This origin may not call the API",
        "Add the origin to the client that the script belongs to.";
    NOT_FOUND = NOT_FOUND "not-found",
        "There is no such thing",
        "Check the id. What belongs to somebody else is not found either.";
    NO_SUCH_PATH = NOT_FOUND "no-such-path",
        "There is no such path",
        "`/docs` lists all paths.";
    HTTPS_REQUIRED = FORBIDDEN "https-required",
        "Pages need HTTPS",
        "Give the server an `issuer` that begins with https://, and `--tls-cert` and `--tls-key` or a proxy in front. Over plain \
         HTTP pages answer on this machine only.";
    FOREIGN_FORM = FORBIDDEN "foreign-form",
        "The form does not come from a page of this server",
        "Open the page here, and send its form.";
    FORM_EXPIRED = FORBIDDEN "form-expired",
        "The form is out of date",
        "Load the page again, and send its form.";
    COOKIES_NEEDED = FORBIDDEN "cookies-needed",
        "The form came without the cookie that it belongs to",
        "Let the browser keep this server's cookies, load the page again, and send its form.";
    DOUBLED_COOKIE = BAD_REQUEST "doubled-cookie",
        "The cookie of the session comes twice",
        "Which of the two is ours cannot be told. Remove this site's cookies, and sign in again.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED "method-not-allowed",
        "The path does not know this method",
        "Use one of the methods that the `Allow` header lists.";
    TOO_SLOW = REQUEST_TIMEOUT "request-too-slow",
        "The request took too long to arrive",
        "Send it again, at once.";
    LOGIN_TAKEN = CONFLICT "login-taken",
        "The login name is taken",
        "Choose another one.";
    EXTERNAL_ID_TAKEN = CONFLICT "external-id-taken",
        "The external id is taken",
        "Each external id belongs to one account.";
    CLIENT_TAKEN = CONFLICT "client-taken",
        "The client id is taken",
        "Choose another one.";
    LAST_ADMINISTRATOR = CONFLICT "last-administrator",
        "The last administrator must stay one, and unlocked",
        "Make another one first.";
    TOO_MANY_SESSIONS = CONFLICT "too-many-sessions",
        "The account has as many sessions as it may",
        "Sign out on another device first.";
    OVERTAKEN = CONFLICT "signed-out-meanwhile",
        "A log-out overtook this sign-in",
        "Sign in again.";
    EXCEPTION_ENDED = CONFLICT "session-ended",
        "The session that was to go on has itself ended",
        "Nothing was done. Sign in again.";
    NOT_IN_LOG = GONE "not-in-log",
        "This log has no such position, or no longer",
        "The store was put back to an earlier state, or it is another one. Read again from the beginning, without `after`, and \
         compare with what you have.";
    BODY_TOO_LARGE = PAYLOAD_TOO_LARGE "body-too-large",
        "The body is too large",
        "Send a smaller one.";
    URI_TOO_LONG = URI_TOO_LONG "uri-too-long",
        "The path or query is too long",
        "Send a shorter one.";
    HEAD_TOO_LARGE = REQUEST_HEADER_FIELDS_TOO_LARGE "head-too-large",
        "The head of the request is too large",
        "Send fewer or shorter headers: 100 and 32 KiB at most.";
    UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE "unsupported-media-type",
        "The body is of another type than expected",
        "Send it with the `Content-Type` that `detail` names.";
    KEY_REUSED = UNPROCESSABLE_ENTITY "idempotency-key-reused",
        "The idempotency key was used for another request",
        "Make a new key for each request; repeat one only with the very same request.";
    UPGRADE_REQUIRED = UPGRADE_REQUIRED "upgrade-required",
        "The feed is a WebSocket",
        "Ask for an upgrade (RFC 6455) to the subprotocol `rescind.feed.v1`.";
    THROTTLED = TOO_MANY_REQUESTS "throttled",
        "Too many failed attempts",
        "Wait as long as `Retry-After` says.";
    BUSY = SERVICE_UNAVAILABLE "busy",
        "Too many passwords are being checked",
        "Wait as long as `Retry-After` says, and send the request again.";
    TOO_MANY_STREAMS = SERVICE_UNAVAILABLE "too-many-streams",
        "There are as many streams of changes as there may be",
        "Wait as long as `Retry-After` says, or ask for the list again and again.";
    CANNOT_TELL = SERVICE_UNAVAILABLE "cannot-tell",
        "Whether the access token is good cannot be told now",
        "Keep the token, wait as long as `Retry-After` says, and send the request again.";
    STORE_UNAVAILABLE = SERVICE_UNAVAILABLE "store-unavailable",
        "The store cannot be reached",
        "Nothing was done. Wait as long as `Retry-After` says, and send the request again.";
    UNCONFIRMED = SERVICE_UNAVAILABLE "unconfirmed",
        "Whether it was done is not known",
        "Look whether it was, or send the request again with the same `Idempotency-Key`.";
    TIMED_OUT = SERVICE_UNAVAILABLE "timed-out",
        "The request took too long",
        "Whether it was done is not known. Look, or send it again with the same `Idempotency-Key`.";
    NOT_READY = SERVICE_UNAVAILABLE "not-ready",
        "The server is not ready",
        "`detail` says why. Send no requests until it is.";
    INTERNAL = INTERNAL_SERVER_ERROR "internal",
        "Something went wrong inside the server",
        "Tell the operator, who finds the reason in the server's log.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;

    #[test]
    fn every_problem_has_a_slug_of_its_own_and_says_what_to_do() {
        let slugs: BTreeSet<_> = ALL.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), ALL.len());
        for kind in ALL {
            assert!(kind.slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", kind.slug);
            assert!(kind.advice.ends_with('.') && !kind.title.ends_with('.'), "{}", kind.slug);
        }
    }
}
