//! The `Idempotency-Key` header: a POST that may be sent again without being done again.
//!
//! The answer is remembered for 24 hours under the caller and the key, with a fingerprint of method, path and body. For
//! whoever is signed in, the caller is the subject of the token. Whoever signs up is nobody yet; their keys are kept
//! apart by the login name that they ask for, so that two people whose programs both count "1, 2, 3" never meet, and one
//! who moves to another network between two tries still finds the first.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, Method};
use data_encoding::BASE64URL_NOPAD;
use rescind_domain::idempotency::{Idempotency, MAX_KEY};
use rescind_domain::{Error, World};
use serde::de::DeserializeOwned;

use super::app::App;
use super::body;
use super::problem::Problem;

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
        Idempotency { caller, key: self.key, fingerprint: self.fingerprint }
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let key = key_of(&parts.headers)?;
        let bytes = body::read_json(&parts.headers, body, app).await?;
        let key = match key {
            None => None,
            Some(key) => {
                let fingerprint = fingerprint(&app.authority.world, &parts.method, parts.uri.path(), &bytes)?;
                Some(Key { key, fingerprint })
            }
        };
        let body = body::parse(&bytes)?;
        Ok(Self { body, key })
    }
}

/// The caller of a sign-up.
pub(crate) fn newcomer(world: &World, login: &str) -> Result<String, Error> {
    let mac = world.keyring.current_mac()?.sign(&[b"rescind sign-up v1", login.trim().as_bytes()]);
    Ok(format!("sign-up {}", BASE64URL_NOPAD.encode(&mac)))
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

/// Keyed, not a bare hash: bodies hold passwords, and what is stored must not help anybody to guess them. A key that is
/// replaced within the 24 hours turns a repetition into a refusal, never into a second deed.
fn fingerprint(world: &World, method: &Method, path: &str, body: &[u8]) -> Result<[u8; 32], Error> {
    let length = |text: &str| (text.len() as u64).to_be_bytes();
    let (method, lengths) = (method.as_str(), [length(method.as_str()), length(path)].concat());
    let parts: [&[u8]; 5] = [b"rescind request v1", &lengths, method.as_bytes(), path.as_bytes(), body];
    Ok(world.keyring.current_mac()?.sign(&parts))
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
