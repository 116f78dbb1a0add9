//! Request bodies: strict JSON of a known shape, bounded in size, depth and time.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rescind_wire::json;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::app::App;
use super::expected;
use super::problem::{Problem, kinds};
use super::waiting::Misused;

/// How deep a body may nest: a session's metadata may nest 16 deep, and stands two levels down.
const DEPTH: u8 = 18;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body that may be left out; it counts as `{}` then.
pub(crate) struct Optional<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        Misused::refuse(&parts.extensions)?;
        let bytes = read_json(&parts.headers, body, app).await?;
        if bytes.is_empty() {
            return Err(Problem::invalid("The body is missing."));
        }
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Optional<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        Misused::refuse(&parts.extensions)?;
        let bytes = read_json(&parts.headers, body, app).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads a body that, if there is one, says that it is JSON.
pub(crate) async fn read_json(headers: &HeaderMap, body: Body, app: &App) -> Result<Bytes, Problem> {
    let bytes = read(headers, body, app).await?;
    if bytes.is_empty() || is(headers, "application/json") {
        return Ok(bytes);
    }
    Err(Problem::new(kinds::UNSUPPORTED_MEDIA_TYPE).detail("Send JSON, with `Content-Type: application/json`."))
}

/// Reads a body that says that it is a form (RFC 6749 §3.2, HTML).
pub(crate) async fn read_form(headers: &HeaderMap, body: Body, app: &App) -> Result<Bytes, Problem> {
    if is(headers, "application/x-www-form-urlencoded") {
        return read(headers, body, app).await;
    }
    let detail = "Send a form, with `Content-Type: application/x-www-form-urlencoded`.";
    Err(Problem::new(kinds::UNSUPPORTED_MEDIA_TYPE).detail(detail))
}

/// Makes a `T` of strict JSON; nothing counts as `{}`.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    match json::from_slice::<Object<T>>(bytes, DEPTH) {
        Ok(Object(value)) => Ok(value),
        Err(_) => Err(expected::of_body::<Object<T>>(bytes, DEPTH)),
    }
}

/// Reads an optional member that has a usual value: null counts as left out, as it does for those that have none.
pub(crate) fn or_usual<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A `T` that is written as an object. What serde derives would take an array of the members' values as well, which
/// nobody means to send.
pub(crate) struct Object<T>(pub(crate) T);

impl<T: Default> Default for Object<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// A member that may be left out, which is not the same as null (RFC 7396 §1).
#[derive(Default)]
pub(crate) enum Given<T> {
    /// It was left out: what is there stays.
    #[default]
    Not,
    /// It is null: what is there goes.
    Null,
    /// It takes the place of what is there.
    Value(T),
}

impl<T> Given<T> {
    /// The same, of another value.
    pub(crate) fn map<U>(self, with: impl FnOnce(T) -> U) -> Given<U> {
        match self {
            Self::Not => Given::Not,
            Self::Null => Given::Null,
            Self::Value(value) => Given::Value(with(value)),
        }
    }

    /// What there is to change, if anything: `Some(None)` takes away.
    #[expect(clippy::option_option, reason = "left out, null and a value are three things")]
    pub(crate) fn changed(self) -> Option<Option<T>> {
        match self {
            Self::Not => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// Reads a body of bounded size within half the time that the request may take: a body that trickles in is its sender's
/// fault, and told so before the request as a whole times out.
async fn read(headers: &HeaderMap, body: Body, app: &App) -> Result<Bytes, Problem> {
    let http = &app.authority.config.http;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > http.body_limit) {
        return Err(too_large(http.body_limit));
    }
    let patience: Duration = http.request_timeout / 2;
    let Ok(read) = tokio::time::timeout(patience, Limited::new(body, http.body_limit).collect()).await else {
        return Err(Problem::new(kinds::TOO_SLOW));
    };
    match read {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(http.body_limit)),
        Err(_) => Err(Problem::invalid("The body broke off.")),
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(kinds::BODY_TOO_LARGE).detail(format!("A body may have at most {limit} bytes."))
}

/// Whether the one `Content-Type` is `essence`; parameters such as `charset=utf-8` change nothing.
fn is(headers: &HeaderMap, essence: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence_of = |text: &str| text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(essence);
    value.to_str().is_ok_and(essence_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[serde(default)]
        _login: String,
    }

    fn refusal(text: &str) -> String {
        parse::<Shape>(text.as_bytes()).unwrap_err().text().to_owned()
    }

    #[test]
    fn an_unknown_member_is_named() {
        assert!(refusal(r#"{"logn":"a"}"#).contains("`logn` is not known here; known: `_login`"));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_not_repeated() {
        let said = refusal(r#"{"_login":12345678}"#);
        assert!(said == "`_login` must be a string." && !said.contains("12345678"), "{said}");
        let said = refusal(r#""hunter2, expected x""#);
        assert!(!said.contains("hunter2") && said == "The body must be an object.", "{said}");
    }

    #[test]
    fn the_values_of_the_members_without_their_names_are_no_object() {
        assert_eq!(refusal(r#"["ann"]"#), "The body must be an object.");
        assert!(serde_json::from_str::<Shape>(r#"["ann"]"#).is_ok(), "what serde would have taken");
    }

    #[test]
    fn a_missing_body_is_an_empty_object() {
        assert!(parse::<Shape>(b"").is_ok());
    }

    #[test]
    fn duplicates_and_depth_are_refused() {
        assert!(refusal(r#"{"_login":"a","_login":"b"}"#).contains("comes twice"));
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert!(refusal(&format!(r#"{{"x":{deep}}}"#)).contains("nested too deeply"));
    }

    #[test]
    fn the_type_may_have_parameters_but_must_be_one() {
        let mut headers = HeaderMap::new();
        assert!(!is(&headers, "application/json"));
        headers.append(CONTENT_TYPE, "application/JSON; charset=utf-8".parse().unwrap());
        assert!(is(&headers, "application/json"));
        headers.append(CONTENT_TYPE, "application/json".parse().unwrap());
        assert!(!is(&headers, "application/json"));
    }
}
