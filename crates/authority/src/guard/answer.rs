//! What a guard answers.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, COOKIE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Request, Response};
use rescind_verifier::web::{self, Refusal, Requirement};
use rescind_verifier::{Presented, Verified, Verifier};

const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const SESSION: HeaderName = HeaderName::from_static("x-auth-session");
const CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");

/// The header in which a proxy says which scopes a request needs.
const REQUIRED: HeaderName = HeaderName::from_static("x-auth-required-scope");

type Answer = Response<Empty<Bytes>>;

/// What is asked of a guard.
#[derive(Clone, Debug)]
pub struct Asked {
    verifier: Verifier,
    cookie: Option<String>,
}

impl Asked {
    /// Asks this verifier; the token may be in the cookie of that name.
    pub fn new(verifier: Verifier, cookie: Option<String>) -> Self {
        Self { verifier, cookie }
    }

    /// What the request's token is worth. Body, method and path are not looked at.
    pub fn answer<B>(&self, request: &Request<B>) -> Response<Empty<Bytes>> {
        match self.judge(request) {
            Ok(verified) => admitted(&verified),
            Err(refusal) => bodiless(refusal.response()),
        }
    }

    fn judge<B>(&self, request: &Request<B>) -> Result<Verified, Refusal> {
        let presented = self.presented(request.headers())?;
        let verified = self.verifier.verify(&presented)?;
        let requirement = required(request).into_iter().fold(Requirement::none(), Requirement::scope);
        requirement.check(&self.verifier, &verified)?;
        Ok(verified)
    }

    /// The one token of the request: that of the header, or where there is no header, of the cookie.
    fn presented<'a>(&self, headers: &'a HeaderMap) -> Result<Presented<'a>, Refusal> {
        let name = match &self.cookie {
            Some(name) if !headers.contains_key(AUTHORIZATION) => name,
            _ => return web::presented(headers),
        };
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(known, _)| known == name).map(|(_, token)| token);
        let token = found.next().ok_or(Refusal::NoToken)?;
        // A second one may have been tossed in from a neighbouring domain.
        if found.next().is_some() { Err(Refusal::Unclear) } else { Ok(Presented::bearer(token)) }
    }
}

/// The scopes that the proxy asks for: in the query as `scope`, and in the header. All of them are needed. A client that
/// adds to them asks for less.
fn required<B>(request: &Request<B>) -> Vec<String> {
    let query = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("scope="));
    let query = query.map(|text| text.replace('+', " ").replace("%20", " "));
    let header = request.headers().get_all(REQUIRED).iter().map(|value| value.to_str().unwrap_or("?").to_owned());
    query
        .chain(header)
        .flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .filter(|scope| !scope.is_empty())
        .collect()
}

/// Who it is. Always all of the headers: a proxy that copies them replaces what a client may have smuggled in.
fn admitted(verified: &Verified) -> Answer {
    let mut answer = bodiless(Response::default());
    let headers = answer.headers_mut();
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(SUBJECT, value(&verified.subject().to_string()));
    headers.insert(SESSION, value(&verified.session().map(ToString::to_string).unwrap_or_default()));
    headers.insert(CLIENT, value(verified.client().as_str()));
    headers.insert(SCOPE, value(&verified.claims().scope));
    answer
}

/// Proxies keep the connection: they are told where the answer ends.
fn bodiless(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(cookie: Option<&str>) -> Asked {
        let (verifier, _) = Verifier::builder("https://id.example").audience("api").parts().expect("good settings");
        Asked::new(verifier, cookie.map(str::to_owned))
    }

    fn request(target: &str, headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = Request::get(target).body(()).expect("a request");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().expect("a header"));
        }
        request
    }

    fn token(cookie: Option<&str>, headers: &[(&'static str, &str)]) -> Result<String, u16> {
        let request = request("/", headers);
        let asked = asked(cookie);
        let presented = asked.presented(request.headers());
        presented.map(|presented| presented.token.to_owned()).map_err(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn the_token_is_that_of_the_header_or_of_the_one_cookie() {
        assert_eq!(token(None, &[("authorization", "Bearer abc")]), Ok("abc".into()));
        assert_eq!(token(Some("t"), &[("cookie", "a=b; t=abc; c=d")]), Ok("abc".into()));
        assert_eq!(token(Some("t"), &[("cookie", "t=no"), ("authorization", "bearer abc")]), Ok("abc".into()));
        assert_eq!(token(None, &[("cookie", "t=abc")]), Err(401));
        assert_eq!(token(Some("t"), &[("cookie", "t=abc"), ("cookie", "t=def")]), Err(401), "which of them?");
        assert_eq!(token(None, &[("authorization", "Bearer a"), ("authorization", "Bearer a")]), Err(401));
        assert_eq!(token(None, &[("authorization", "Basic abc")]), Err(401));
    }

    #[test]
    fn scopes_are_asked_for_by_query_and_by_header_and_all_are_needed() {
        let asked = request("/x?a=b&scope=read+write&scope=%20more", &[("x-auth-required-scope", "admin")]);
        assert_eq!(required(&asked), ["read", "write", "more", "admin"]);
        assert_eq!(required(&request("/", &[])), [""; 0]);
    }

    #[test]
    fn what_cannot_be_told_is_503_and_nothing_is_said_about_the_token() {
        let answer = asked(None).answer(&request("/", &[("authorization", "Bearer abc")]));
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert!(!answer.headers().contains_key("www-authenticate"));
    }
}
