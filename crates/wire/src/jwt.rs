//! The compact form of a signed JWT (RFC 7515 §7.1), taken apart without believing any of it, and put together.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::id::KeyId;
use crate::json;
use crate::key::Algorithm;

/// The longest token that is looked at, in bytes. Ours have about 600.
pub const MAX_TOKEN: usize = 8 * 1024;
/// The longest header that is looked at, in base64url characters.
const MAX_HEADER: usize = 1024;
/// How deep a header or a claim set may nest.
pub(crate) const DEPTH: u8 = 8;

/// `typ` of an access token (RFC 9068 §2.1). ID tokens, logout tokens and security events carry another one, and are
/// refused for it.
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// Why a text is no signed JWT of ours. Nothing of this depends on a key.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Longer than [`MAX_TOKEN`], or the header longer than 1,024 characters.
    #[error("too long")]
    TooLong,
    /// Not three parts.
    #[error("not three parts")]
    Parts,
    /// Not base64url without padding, or a second spelling of the same bytes.
    #[error("not canonical base64url")]
    Base64,
    /// Header or claims are not strict JSON of the expected shape.
    #[error(transparent)]
    Json(#[from] json::InvalidJson),
    /// The header asks for an extension to be understood (`crit`, RFC 7515 §4.1.11); there is none.
    #[error("unknown critical extension")]
    Critical,
    /// The header says another type than `at+jwt`.
    #[error("not an access token")]
    Type,
    /// The header names no key.
    #[error("no key id")]
    NoKey,
}

/// What a header may say that we look at. `jku`, `x5u`, `x5c` and `jwk` are not looked at: keys are pinned. `alg` is
/// compared with the pinned key's algorithm, never chosen by.
#[derive(Debug, Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    typ: Option<Cow<'a, str>>,
    #[serde(default)]
    kid: Option<KeyId>,
    #[serde(default)]
    crit: Option<json::Ignored>,
}

/// A token that was taken apart. Nothing in it has been verified.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// The key that it claims to be signed with.
    pub unverified_kid: KeyId,
    /// The algorithm that it claims; to be compared with the key's own.
    pub unverified_alg: String,
    /// The claims as bytes: strict JSON, unless it came from [`take_apart_jws`].
    pub unverified_claims: Vec<u8>,
    /// What the signature is over.
    pub signing_input: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
}

/// Takes an access token apart: bounded sizes, exactly three parts, canonical base64url, strict JSON, `typ: at+jwt`, no
/// `crit`, a `kid`.
pub fn take_apart(token: &str) -> Result<Unverified<'_>, Malformed> {
    take_apart_of_type(token, Some(ACCESS_TOKEN_TYPE))
}

/// Takes a signed JWT apart whose `typ` must be `expected`, or may be anything (`None`).
pub fn take_apart_of_type<'a>(token: &'a str, expected: Option<&str>) -> Result<Unverified<'a>, Malformed> {
    let parts = take_apart_jws(token, expected)?;
    json::check(&parts.unverified_claims, DEPTH)?;
    Ok(parts)
}

/// Takes any JWS in compact form apart, whatever bytes its payload has; the rest is as strict as for a token. `typ` is
/// compared as [`is_type`] does.
pub fn take_apart_jws<'a>(token: &'a str, expected: Option<&str>) -> Result<Unverified<'a>, Malformed> {
    take_apart_if(token, |typ| expected.is_none_or(|expected| typ.is_some_and(|typ| is_type(typ, expected))))
}

/// Takes a token of another issuer apart, as strictly as one of ours. Where `untyped`, a `typ` of `JWT` or none is as good
/// as `at+jwt`: that is what those make who do not follow RFC 9068.
pub fn take_apart_foreign(token: &str, untyped: bool) -> Result<Unverified<'_>, Malformed> {
    let parts = take_apart_if(token, |typ| match typ {
        Some(typ) => is_type(typ, ACCESS_TOKEN_TYPE) || (untyped && is_type(typ, "JWT")),
        None => untyped,
    })?;
    json::check(&parts.unverified_claims, DEPTH)?;
    Ok(parts)
}

fn take_apart_if(token: &str, accepts: impl Fn(Option<&str>) -> bool) -> Result<Unverified<'_>, Malformed> {
    if token.len() > MAX_TOKEN {
        return Err(Malformed::TooLong);
    }
    let (signing_input, signature) = token.rsplit_once('.').ok_or(Malformed::Parts)?;
    let (header, payload) = signing_input.split_once('.').ok_or(Malformed::Parts)?;
    if payload.contains('.') {
        return Err(Malformed::Parts);
    }
    if header.len() > MAX_HEADER {
        return Err(Malformed::TooLong);
    }
    let header = decode(header)?;
    let header: Header<'_> = json::from_slice(&header, DEPTH)?;
    if header.crit.is_some() {
        return Err(Malformed::Critical);
    }
    if !accepts(header.typ.as_deref()) {
        return Err(Malformed::Type);
    }
    Ok(Unverified {
        unverified_kid: header.kid.ok_or(Malformed::NoKey)?,
        unverified_alg: header.alg.into_owned(),
        unverified_claims: decode(payload)?,
        signing_input: signing_input.as_bytes(),
        signature: decode(signature)?,
    })
}

/// Compares a `typ` as a media type: without regard to case, `application/` may be there (RFC 7515 §4.1.9).
pub fn is_type(typ: &str, expected: &str) -> bool {
    let typ = match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ,
    };
    typ.eq_ignore_ascii_case(expected)
}

fn decode(part: &str) -> Result<Vec<u8>, Malformed> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Malformed::Base64)
}

/// What is signed: header and claims, each base64url, joined by a dot.
pub fn signing_input<T: Serialize>(kid: &KeyId, alg: Algorithm, typ: &str, claims: &T) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Made<'a> {
        alg: Algorithm,
        typ: &'a str,
        kid: &'a KeyId,
    }
    let header = serde_json::to_vec(&Made { alg, typ, kid })?;
    let claims = serde_json::to_vec(claims)?;
    let mut text = String::with_capacity((header.len() + claims.len()) * 4 / 3 + 128);
    BASE64URL_NOPAD.encode_append(&header, &mut text);
    text.push('.');
    BASE64URL_NOPAD.encode_append(&claims, &mut text);
    Ok(text)
}

/// The whole token: the signing input, a dot, the signature.
pub fn with_signature(mut signing_input: String, signature: &[u8]) -> String {
    signing_input.push('.');
    BASE64URL_NOPAD.encode_append(signature, &mut signing_input);
    signing_input
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.AAAA", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(claims.as_bytes()))
    }

    const GOOD: &str = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k"}"#;

    #[test]
    fn only_an_access_token_that_asks_for_nothing_is_taken_apart() {
        assert!(take_apart(&token(GOOD, "{}")).is_ok());
        assert!(take_apart(&token(&GOOD.replace("at+jwt", "application/AT+jwt"), "{}")).is_ok());
        for bad in ["JWT", "logout+jwt", "secevent+jwt", "application/", ""] {
            assert!(matches!(take_apart(&token(&GOOD.replace("at+jwt", bad), "{}")), Err(Malformed::Type)), "{bad}");
        }
        assert!(matches!(take_apart(&token(r#"{"alg":"EdDSA","kid":"k"}"#, "{}")), Err(Malformed::Type)));
        assert!(matches!(take_apart(&token(r#"{"alg":"EdDSA","typ":"at+jwt"}"#, "{}")), Err(Malformed::NoKey)));
        let critical = GOOD.replace("{\"alg\"", "{\"crit\":[\"exp\"],\"alg\"");
        assert!(matches!(take_apart(&token(&critical, "{}")), Err(Malformed::Critical)));
    }

    #[test]
    fn a_foreign_token_may_lack_the_type_only_where_that_is_asked_for() {
        let typed = |typ: &str| token(&GOOD.replace("at+jwt", typ), "{}");
        let none = token(r#"{"alg":"RS256","kid":"k"}"#, "{}");
        for untyped in [false, true] {
            assert!(take_apart_foreign(&typed("at+jwt"), untyped).is_ok());
            assert_eq!(take_apart_foreign(&typed("jwt"), untyped).is_ok(), untyped);
            assert_eq!(take_apart_foreign(&none, untyped).is_ok(), untyped);
            for bad in ["logout+jwt", "secevent+jwt", "dpop+jwt", ""] {
                assert!(matches!(take_apart_foreign(&typed(bad), untyped), Err(Malformed::Type)), "{bad}");
            }
        }
        assert!(matches!(take_apart_foreign(&token(GOOD, "{\"a\":1,\"a\":1}"), true), Err(Malformed::Json(_))));
    }

    #[test]
    fn duplicates_trailing_data_second_spellings_and_excess_are_refused() {
        assert!(matches!(take_apart(&token(&GOOD.replace('}', ",\"kid\":\"l\"}"), "{}")), Err(Malformed::Json(_))));
        assert!(matches!(take_apart(&token(GOOD, r#"{"a":1,"a":1}"#)), Err(Malformed::Json(_))));
        assert!(matches!(take_apart(&token(GOOD, "{}{}")), Err(Malformed::Json(_))));
        assert!(matches!(take_apart(&token(GOOD, &"[".repeat(100))), Err(Malformed::Json(_))));
        let good = token(GOOD, "{}");
        assert!(matches!(take_apart(&format!("{good}=")), Err(Malformed::Base64)));
        assert!(matches!(take_apart(&format!("{good}.AAAA")), Err(Malformed::Parts)));
        assert!(matches!(take_apart("a.b"), Err(Malformed::Parts)));
        let second_spelling = good.replace(".e30.", ".e31.");
        assert_ne!(good, second_spelling);
        assert!(matches!(take_apart(&second_spelling), Err(Malformed::Base64)));
        assert!(matches!(take_apart(&"a".repeat(MAX_TOKEN + 1)), Err(Malformed::TooLong)));
        assert!(matches!(take_apart(&token(&GOOD.replace("k\"}", &"k".repeat(1000)), "{}")), Err(Malformed::TooLong)));
    }
}
