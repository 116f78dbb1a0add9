//! How a client authenticates (RFC 6749 §2.3.1): by Basic, or in the form, never both.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use data_encoding::BASE64;
use rescind_domain::secret::Secret;
use rescind_wire::ClientId;

use super::refusal::{Code, Refusal};
use crate::http::form::{Form, decode};

/// Who a client says it is. Nothing of it has been checked.
#[derive(Debug)]
pub(super) struct Claimed {
    /// Its id.
    pub(super) client: ClientId,
    /// Its secret; a public client has none.
    pub(super) secret: Option<Secret>,
}

/// Reads it from the header or the form; `None` if neither names a client.
pub(super) fn read(headers: &HeaderMap, form: &mut Form) -> Result<Option<Claimed>, Refusal> {
    let (id, secret) = (form.take("client_id"), form.take("client_secret"));
    if headers.contains_key(AUTHORIZATION) {
        if secret.is_some() {
            return Err(Refusal::new(Code::InvalidRequest, "Authenticate in the header or in the form, not in both."));
        }
        let claimed = from_header(headers)?;
        if id.is_some_and(|id| id != claimed.client.as_str()) {
            return Err(Refusal::new(Code::InvalidRequest, "The header and the form name different clients."));
        }
        return Ok(Some(claimed));
    }
    match (id, secret) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refusal::new(Code::InvalidRequest, "client_id is missing.")),
        (Some(id), secret) => Ok(Some(Claimed {
            client: id.parse().map_err(|_| Refusal::unknown_client())?,
            secret: secret.map(Secret::new),
        })),
    }
}

/// Id and secret were form-encoded before they were joined by a colon.
fn from_header(headers: &HeaderMap) -> Result<Claimed, Refusal> {
    let refused = || Refusal::unknown_client().by_basic();
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Refusal::new(Code::InvalidRequest, "Send one `Authorization` header, not several."));
    };
    let text = value.to_str().map_err(|_| refused())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused());
    }
    let bytes = BASE64.decode(encoded.trim().as_bytes()).map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    let (id, secret) = text.split_once(':').ok_or_else(refused)?;
    let (id, secret) = (decode(id).ok_or_else(refused)?, decode(secret).ok_or_else(refused)?);
    Ok(Claimed { client: id.parse().map_err(|_| refused())?, secret: Some(Secret::new(secret)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(basic: Option<&str>, form: &str) -> Result<Option<(String, Option<String>)>, &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(text) = basic {
            let value = format!("Basic {}", BASE64.encode(text.as_bytes()));
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        let mut form = Form::parse(form.as_bytes(), &[]).unwrap();
        match read(&headers, &mut form) {
            Ok(claimed) => Ok(claimed.map(|claimed| {
                let secret = claimed.secret.map(|secret| secret.expose().to_owned());
                (claimed.client.to_string(), secret)
            })),
            Err(refusal) => Err(refusal.code()),
        }
    }

    #[test]
    fn id_and_secret_come_by_header_or_by_form() {
        let both = |id: &str, secret: &str| Ok(Some((id.to_owned(), Some(secret.to_owned()))));
        assert_eq!(claimed(Some("app:s"), ""), both("app", "s"));
        assert_eq!(claimed(Some("%61pp:s%3A+%2B"), ""), both("app", "s: +"));
        assert_eq!(claimed(Some("app:s:t"), "client_id=app"), both("app", "s:t"));
        assert_eq!(claimed(None, "client_id=app&client_secret=s"), both("app", "s"));
        assert_eq!(claimed(None, "client_id=app"), Ok(Some(("app".to_owned(), None))));
        assert_eq!(claimed(None, ""), Ok(None));
    }

    #[test]
    fn authenticating_twice_or_as_two_clients_is_refused() {
        assert_eq!(claimed(Some("app:s"), "client_id=app&client_secret=s"), Err("invalid_request"));
        assert_eq!(claimed(Some("app:s"), "client_id=other"), Err("invalid_request"));
        assert_eq!(claimed(None, "client_secret=s"), Err("invalid_request"));
    }

    #[test]
    fn what_is_no_header_names_no_client() {
        for text in ["app", "a%zz:s", "a b:s", "\u{e9}:s"] {
            assert_eq!(claimed(Some(text), ""), Err("invalid_client"), "{text}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "Bearer abc".parse().unwrap());
        let mut form = Form::parse(b"", &[]).unwrap();
        assert_eq!(read(&headers, &mut form).unwrap_err().code(), "invalid_client");
    }
}
