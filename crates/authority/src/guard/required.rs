//! Which scopes a proxy asks for.

use hyper::Request;
use hyper::header::HeaderName;

use crate::http::form::decode;

/// The header in which a proxy says which scopes a request needs.
const HEADER: HeaderName = HeaderName::from_static("x-auth-required-scope");

/// What was asked for cannot be read, or is empty, so nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The scopes that the proxy asks for: in the header, and if `by_query` says so, in the query as `scope`. All of them are
/// needed. A client that adds to them asks for less.
pub(super) fn required<B>(request: &Request<B>, by_query: bool) -> Result<Vec<String>, Unreadable> {
    let mut scopes = Vec::new();
    let query = request.uri().query().filter(|_| by_query).unwrap_or_default();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A name that cannot be read is none of ours: proxies pass on the queries of others.
        if decode(name).is_some_and(|name| name == "scope") {
            add(&decode(value).ok_or(Unreadable)?, &mut scopes)?;
        }
    }
    for value in request.headers().get_all(HEADER) {
        add(value.to_str().map_err(|_| Unreadable)?, &mut scopes)?;
    }
    Ok(scopes)
}

/// Adds the scopes of a list, with spaces between them (RFC 6749 §3.3). One without any is a proxy's variable that was
/// never set, rather than nothing that is needed.
fn add(list: &str, scopes: &mut Vec<String>) -> Result<(), Unreadable> {
    let before = scopes.len();
    for scope in list.split(' ').filter(|scope| !scope.is_empty()) {
        if !scope.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\') {
            return Err(Unreadable);
        }
        scopes.push(scope.to_owned());
    }
    if scopes.len() == before { Err(Unreadable) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(target: &str, headers: &[&[u8]]) -> Request<()> {
        let mut request = Request::get(target).body(()).expect("a request");
        for value in headers {
            request.headers_mut().append(HEADER, hyper::header::HeaderValue::from_bytes(value).expect("a header"));
        }
        request
    }

    fn scopes(target: &str) -> Result<Vec<String>, Unreadable> {
        required(&asked(target, &[]), true)
    }

    #[test]
    fn scopes_are_asked_for_by_query_and_by_header_and_all_are_needed() {
        let asked = asked("/x?a=b&scope=read+write&scope=%20more", &[b"admin", b" all  of"]);
        assert_eq!(required(&asked, true).unwrap(), ["read", "write", "more", "admin", "all", "of"]);
        for target in ["/", "/?", "/?a&b=&scopes"] {
            assert_eq!(scopes(target).unwrap(), [""; 0], "{target}");
        }
    }

    #[test]
    fn what_is_asked_for_and_empty_is_not_the_same_as_nothing() {
        for target in ["/?scope=", "/?scope", "/?scope=+", "/?scope=%20", "/?scope=read&scope=", "/?a=b&%73cope"] {
            assert_eq!(scopes(target), Err(Unreadable), "{target}");
        }
        for value in [&b""[..], b" ", b"  "] {
            assert_eq!(required(&asked("/", &[value]), true), Err(Unreadable), "{value:?}");
            assert_eq!(required(&asked("/", &[b"read", value]), false), Err(Unreadable), "{value:?}");
        }
    }

    #[test]
    fn percent_signs_are_decoded_in_names_and_values_and_in_no_header() {
        for target in
            ["/?scope=orders%3Aread", "/?scope=orders%3aread", "/?%73cope=orders:read", "/?a=%&scope=orders:read"]
        {
            assert_eq!(scopes(target).unwrap(), ["orders:read"], "{target}");
        }
        assert_eq!(scopes("/?scope=a%2520b").unwrap(), ["a%20b"], "once");
        assert_eq!(required(&asked("/", &[b"a%3Ab+c"]), true).unwrap(), ["a%3Ab+c"]);
    }

    #[test]
    fn what_is_no_scope_cannot_be_asked_for() {
        for value in ["%", "orders%3", "orders%zz", "%ff", "a%09b", "a%0d%0ab", "a%22b", "a%5Cb", "%C3%A9", "%00"] {
            assert_eq!(scopes(&format!("/?scope=read&scope={value}")), Err(Unreadable), "{value}");
        }
        for value in [&b"\xff"[..], b"a\tb", b"a\"b"] {
            assert_eq!(required(&asked("/", &[b"read", value]), true), Err(Unreadable), "{value:?}");
        }
    }

    #[test]
    fn a_guard_that_ignores_the_query_asks_by_the_header_alone() {
        let asked = asked("/search?scope=everything&scope=%", &[b"read"]);
        assert_eq!(required(&asked, false).unwrap(), ["read"]);
    }
}
