//! What a guard answers.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, COOKIE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Request, Response, StatusCode};
use rescind_verifier::web::{self, Refusal, Requirement};
use rescind_verifier::{Presented, Verified, Verifier};

use super::required::{Unreadable, required};

const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const SESSION: HeaderName = HeaderName::from_static("x-auth-session");
const CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");

/// What is said where the scopes that were asked for cannot be read. 403, for proxies make an error of their own of 400.
const UNREADABLE: HeaderValue = HeaderValue::from_static(
    "Bearer error=\"insufficient_scope\", error_description=\"the proxy asks for a scope that cannot be read\"",
);

type Answer = Response<Empty<Bytes>>;

/// What is asked of a guard.
#[derive(Clone, Debug)]
pub struct Asked {
    verifier: Verifier,
    cookie: Option<String>,
    by_query: bool,
}

/// Why a request is not let in.
enum Denied {
    Refused(Refusal),
    Unreadable,
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unreadable> for Denied {
    fn from(_: Unreadable) -> Self {
        Self::Unreadable
    }
}

impl Asked {
    /// Asks this verifier; the token may be in the cookie of that name, and `by_query` says whether scopes are asked for by
    /// the query, too.
    pub fn new(verifier: Verifier, cookie: Option<String>, by_query: bool) -> Self {
        Self { verifier, cookie, by_query }
    }

    /// What the request's token is worth. Body, method and path are not looked at.
    pub fn answer<B>(&self, request: &Request<B>) -> Response<Empty<Bytes>> {
        match self.judge(request) {
            Ok(verified) => admitted(&verified),
            Err(Denied::Refused(refusal)) => refused(&refusal),
            Err(Denied::Unreadable) => unreadable(),
        }
    }

    fn judge<B>(&self, request: &Request<B>) -> Result<Verified, Denied> {
        let presented = self.presented(request.headers())?;
        let verified = self.verifier.verify(&presented).map_err(Refusal::from)?;
        let scopes = required(request, self.by_query)?;
        let requirement = scopes.into_iter().fold(Requirement::none(), Requirement::scope);
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

/// 401 in place of 400: proxies know of 401 and 403 alone, and make an error of their own of anything else.
fn refused(refusal: &Refusal) -> Answer {
    let mut answer = bodiless(refusal.response());
    if answer.status() == StatusCode::BAD_REQUEST {
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
    }
    answer
}

fn unreadable() -> Answer {
    let mut answer = bodiless(Response::default());
    *answer.status_mut() = StatusCode::FORBIDDEN;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(WWW_AUTHENTICATE, UNREADABLE);
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
        Asked::new(verifier, cookie.map(str::to_owned), true)
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
        assert_eq!(token(Some("t"), &[("cookie", "t=abc"), ("cookie", "t=def")]), Err(400), "which of them?");
        assert_eq!(token(None, &[("authorization", "Bearer a"), ("authorization", "Bearer a")]), Err(400));
        let unclear = request("/", &[("authorization", "Bearer a"), ("authorization", "Bearer a")]);
        assert_eq!(asked(None).answer(&unclear).status(), 401, "proxies make an error of their own of 400");
        assert_eq!(token(None, &[("authorization", "Basic abc")]), Err(401));
    }

    #[test]
    fn what_cannot_be_told_is_503_and_nothing_is_said_about_the_token() {
        let answer = asked(None).answer(&request("/", &[("authorization", "Bearer abc")]));
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert!(!answer.headers().contains_key("www-authenticate"));
    }
}
