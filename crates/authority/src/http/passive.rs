//! What nobody asked for: a page's script that reads a list again after a change, or listens. It shows that a page is open, and
//! not that anybody is there, so it keeps no session alive.

use axum::http::{HeaderMap, HeaderName};

/// What a script sends with what it asks for by itself: `?1` (RFC 9651 §3.3.6). Whoever says so only loses by it, so anybody
/// may be believed.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("rescind-passive");

/// In the extensions of an answer: asking for it was no activity, whatever the request says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passive;

/// Whether a request says that nobody asked for it.
pub(crate) fn is_passive(headers: &HeaderMap) -> bool {
    headers.get(HEADER).is_some_and(|value| value == "?1")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_says_so_is_passive() {
        for (value, passive) in [(Some("?1"), true), (Some("?0"), false), (Some("1"), false), (None, false)] {
            let headers = value.map(|value| (HEADER, HeaderValue::from_static(value))).into_iter().collect();
            assert_eq!(is_passive(&headers), passive, "{value:?}");
        }
    }
}
