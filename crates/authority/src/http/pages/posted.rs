//! Forms that come back: only from our own pages (ASVS 5.0 §3.5.1 to §3.5.3), told by where the browser says that they come
//! from and by the token that we put into them.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use super::cookie::Transport;
use super::instead::Instead;
use super::visitor::{Member, Visitor, to_sign_in};
use crate::http::app::App;
use crate::http::body::read_form;
use crate::http::form::Form;
use crate::http::problem::{Problem, kinds};

/// Where the forms are that need nobody to be signed in.
const STRANGERS: [&str; 3] = ["/sign-in", "/sign-up", "/setup"];

/// A form of ours, and who sent it.
pub(crate) struct Posted {
    /// Who.
    pub(crate) visitor: Visitor,
    /// What was filled in.
    pub(crate) form: Form,
    /// The token that was in it: it came with one page, to one browser.
    pub(crate) form_token: String,
}

impl FromRequest<App> for Posted {
    type Rejection = Instead;

    async fn from_request(request: Request, app: &App) -> Result<Self, Instead> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        if !is_our_own(&parts.headers, &app.pages.origin, app.pages.transport) {
            return Err(Problem::new(kinds::FOREIGN_FORM).into());
        }
        let bytes = read_form(&parts.headers, body, app).await?;
        let mut form = Form::parse(&bytes, &[])?;
        let form_token = form.take("form_token").unwrap_or_default();
        if !visitor.owns(&form_token, parts.uri.path()) {
            return Err(not_theirs(&visitor, parts.uri.path()));
        }
        Ok(Self { visitor, form, form_token })
    }
}

/// What is answered to a form whose token is not that of whoever sent it.
fn not_theirs(visitor: &Visitor, path: &str) -> Instead {
    // A form of a session that has ended, here or in another tab: what it says of itself is why nobody is signed in.
    if visitor.caller.is_none() && (visitor.cookie.is_some() || !STRANGERS.contains(&path)) {
        return to_sign_in(visitor, false).into();
    }
    let kind = if visitor.has_cookies() { kinds::FORM_EXPIRED } else { kinds::COOKIES_NEEDED };
    Problem::new(kind).into()
}

impl Posted {
    /// The form of somebody who is signed in; everybody else is led to the sign-in page.
    pub(crate) fn member(self) -> Result<(Member, Form), Instead> {
        Ok((Member::of(self.visitor, false)?, self.form))
    }
}

/// Whether a browser says that one of our pages sent the request. It names the origin with every `POST` (Fetch §3.2.2), and
/// `Sec-Fetch-Site` says the same where it is sent. On this machine the pages may go by several names; that of the request
/// counts then.
fn is_our_own(headers: &HeaderMap, origin: &str, transport: Transport) -> bool {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    if text(axum::http::HeaderName::from_static("sec-fetch-site")).is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(from) = text(ORIGIN) else { return false };
    let here = || text(HOST).is_some_and(|host| from.strip_prefix("http://") == Some(host));
    from == origin || (transport == Transport::Loopback && here())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(transport: Transport, headers: &[(&'static str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        is_our_own(&headers.collect(), "https://a.example", transport)
    }

    #[test]
    fn a_form_comes_from_our_own_origin_or_is_refused() {
        let own = ("origin", "https://a.example");
        assert!(ours(Transport::Secure, &[own]));
        assert!(ours(Transport::Secure, &[own, ("sec-fetch-site", "same-origin")]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!ours(Transport::Secure, &[own, ("sec-fetch-site", site)]), "{site}");
        }
        for other in ["null", "https://b.example", "http://a.example", "https://a.example.evil", "https://a.example:1"]
        {
            assert!(!ours(Transport::Secure, &[("origin", other)]), "{other}");
        }
        assert!(!ours(Transport::Secure, &[]), "a browser says where a form comes from");
    }

    #[test]
    fn the_name_of_the_request_counts_on_this_machine_alone() {
        let headers = [("origin", "http://localhost:1"), ("host", "localhost:1")];
        assert!(ours(Transport::Loopback, &headers));
        assert!(!ours(Transport::Secure, &headers));
        assert!(!ours(Transport::Loopback, &[("origin", "http://localhost:2"), ("host", "localhost:1")]));
    }
}
