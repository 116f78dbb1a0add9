//! The `Idempotency-Key` header: a POST that may be sent again without being done again.
//!
//! The answer is remembered for 24 hours under the caller and the key, with a fingerprint of method, path and body. For
//! whoever is signed in, the caller is the subject of the token. Whoever signs up is nobody yet; their keys are kept
//! apart by the login name that they ask for, so that two people whose programs both count "1, 2, 3" never meet, and one
//! who moves to another network between two tries still finds the first. Whoever sets up is told apart by the token.
//!
//! The forms that make an account say their token instead of a key: whoever clicks twice has made one account, not failed.
//!
//! Who ends their own session, and does not hear of it, comes back with a token that is over by then. [`Returning`] lets
//! them in so far that they hear the answer again, and no further. Who administers and ends their own session that way
//! is refused: what the log says can be read after the next sign-in.

use aws_lc_rs::hmac;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use data_encoding::BASE64URL_NOPAD;
use rescind_domain::acting::Acting;
use rescind_domain::idempotency::{self, Idempotency, MAX_KEY};
use rescind_domain::revocation::Receipt;
use rescind_domain::secret::Secret;
use rescind_domain::{Error, World};
use rescind_wire::AccessClaims;
use serde::de::DeserializeOwned;

use super::app::App;
use super::body;
use super::caller::{Caller, Leaving, Refusal};
use super::problem::{Problem, kinds};
use super::waiting::Misused;
use crate::authority::Authority;

/// The header.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// A JSON body, and the key that it may have been sent with.
pub(crate) struct Keyed<T> {
    /// The body.
    pub(crate) body: T,
    /// The key.
    pub(crate) key: Option<Key>,
}

/// A key, not yet its caller's.
pub(crate) struct Key {
    key: String,
    fingerprint: [u8; 32],
}

impl Key {
    /// The key as `caller` says it.
    pub(crate) fn said_by(self, caller: String) -> Idempotency {
        Idempotency { caller, session: None, key: self.key, fingerprint: self.fingerprint }
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        Misused::refuse(&parts.extensions)?;
        let key = key_of(&parts.headers)?;
        let bytes = body::read_json(&parts.headers, body, app).await?;
        let key = match key {
            None => None,
            Some(key) => {
                let (method, path) = (parts.method.as_str().as_bytes(), parts.uri.path().as_bytes());
                let fingerprint = mac(&app.authority, &[b"request", method, path, &bytes]);
                Some(Key { key, fingerprint })
            }
        };
        let body = body::parse(&bytes)?;
        Ok(Self { body, key })
    }
}

/// Whoever calls, or did so before the request that they repeat ended their session.
pub(crate) enum Returning {
    /// Whoever calls.
    Caller(Caller),
    /// Whoever has a token that is over, and a key.
    Former {
        /// What the token says.
        claims: Box<AccessClaims>,
        /// What they are told unless the request was answered before.
        refusal: Problem,
    },
}

impl Returning {
    /// The caller, as verbs want it.
    pub(crate) fn acting(&self) -> Option<Acting> {
        match self {
            Self::Caller(caller) => Some(caller.acting()),
            Self::Former { .. } => None,
        }
    }

    /// The key, as they say it.
    pub(crate) fn says(&self, key: Key) -> Idempotency {
        let claims = match self {
            Self::Caller(caller) => caller.verified().claims(),
            Self::Former { claims, .. } => claims,
        };
        Idempotency { session: claims.sid, ..key.said_by(claims.sub.to_string()) }
    }

    /// What they are told: what the verb answers, where they may ask it; else what it answered before, if it did.
    pub(crate) async fn told(
        self,
        world: &World,
        done: Option<Result<Receipt, Error>>,
        key: Option<Idempotency>,
    ) -> Result<Receipt, Problem> {
        let refusal = match (done, self) {
            (Some(Err(over @ Error::SignedOut(_))), _) => over.into(),
            (Some(done), _) => return Ok(done?),
            (None, Self::Former { refusal, .. }) => refusal,
            (None, Self::Caller(_)) => Problem::new(kinds::INTERNAL),
        };
        let before = match key {
            Some(key) => idempotency::repeated(world, key).await?,
            None => None,
        };
        before.ok_or(refusal)
    }
}

impl FromRequestParts<App> for Returning {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let refused = match Caller::from_request_parts(parts, app).await {
            Ok(caller) => return Ok(Self::Caller(caller)),
            Err(refused) => refused,
        };
        if !refused.is_of_a_token() || !parts.headers.contains_key(HEADER) {
            return Err(refused);
        }
        match Leaving::from_request_parts(parts, app).await {
            Ok(leaving) => {
                Ok(Self::Former { claims: Box::new(leaving.authentic.claims().clone()), refusal: refused.into() })
            }
            Err(_) => Err(refused),
        }
    }
}

/// The caller of a set-up.
pub(crate) fn set_up(authority: &Authority, token: &Secret) -> String {
    let mac = mac(authority, &[b"set-up", token.expose().as_bytes()]);
    format!("set-up {}", BASE64URL_NOPAD.encode(&mac))
}

/// The caller of a sign-up.
pub(crate) fn newcomer(authority: &Authority, login: &str) -> String {
    let mac = mac(authority, &[b"sign-up", login.trim().as_bytes()]);
    format!("sign-up {}", BASE64URL_NOPAD.encode(&mac))
}

/// What a form of the pages says by its token, so that one that is sent twice is done once. What was `filled` in is the
/// request.
pub(crate) fn of_form(authority: &Authority, caller: String, form_token: &str, filled: [&str; 2]) -> Idempotency {
    let key = BASE64URL_NOPAD.encode(&mac(authority, &[b"form", form_token.as_bytes()]));
    let fingerprint = mac(authority, &[b"filled", filled[0].as_bytes(), filled[1].as_bytes()]);
    Idempotency { caller, session: None, key, fingerprint }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|text| (1..=MAX_KEY).contains(&text.len()));
    if let (Some(text), None) = (text, values.next()) {
        return Ok(Some(text.to_owned()));
    }
    let detail = format!("Idempotency-Key: send one, of 1 to {MAX_KEY} visible ASCII characters.");
    Err(Problem::invalid(detail).field("Idempotency-Key"))
}

/// Keyed, not a bare hash: bodies hold passwords, and what is stored must not help anybody to guess them. The key comes from
/// the root key, so that a request that revokes a MAC key is still known when it comes again.
fn mac(authority: &Authority, parts: &[&[u8]]) -> [u8; 32] {
    let root = hmac::Key::new(hmac::HMAC_SHA256, authority.form_root.as_ref());
    let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"rescind idempotency v1").as_ref());
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut mac = [0; 32];
    mac.copy_from_slice(context.sign().as_ref());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (HEADER, value.parse().unwrap())).collect()
    }

    #[test]
    fn a_key_is_one_short_text() {
        assert_eq!(key_of(&headers(&[])).unwrap(), None);
        assert_eq!(key_of(&headers(&["a b"])).unwrap().as_deref(), Some("a b"));
        assert!(key_of(&headers(&["a", "a"])).is_err());
        assert!(key_of(&headers(&[""])).is_err());
        assert!(key_of(&headers(&[&"k".repeat(MAX_KEY)])).is_ok());
        assert!(key_of(&headers(&[&"k".repeat(MAX_KEY + 1)])).is_err());
    }
}
