//! Authenticating again in place: what was asked for waits in the form that asks for the password, and is done with it.

use askama::Template;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::verbs::reauthenticate;
use rescind_domain::verbs::sign_in::SignedIn;

use super::cookie::{self, Kind};
use super::frame::{Frame, answer};
use super::visitor::{Member, Visitor};
use crate::http::form::Form;
use crate::http::problem::Problem;

#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
    /// Where the form goes: where it was sent to before.
    action: &'a str,
    /// What was filled in.
    fields: &'a [(String, String)],
    /// What is about to be done, in words.
    what: &'a str,
    problem: Option<&'a str>,
}

/// What became of a form that may bring a password.
pub(crate) enum Standing {
    /// It brought none, or a right one; the cookie that takes the place of the former one, if so.
    Go(Option<HeaderValue>),
    /// It brought a wrong one.
    Wrong(Problem),
}

/// Authenticates again if the form brings a password. A wrong one changes nothing (A6).
pub(crate) async fn renew(member: &Member, form: &mut Form) -> Result<Standing, Problem> {
    let Some(password) = form.take("password") else { return Ok(Standing::Go(None)) };
    let app = &member.visitor.app;
    let renewed = match Password::new(password) {
        Ok(password) => reauthenticate::reauthenticate(&app.authority.world, &member.acting, password).await,
        // No password that anybody has.
        Err(_) => Err(Error::WrongPassword),
    };
    match renewed {
        Ok(signed_in) => Ok(Standing::Go(Some(replace(&member.visitor, &signed_in)))),
        Err(error @ (Error::WrongPassword | Error::Throttled { .. } | Error::Busy { .. })) => {
            Ok(Standing::Wrong(error.into()))
        }
        Err(error) => Err(error.into()),
    }
}

/// An answer with the cookie that takes the place of the former one, if there is one: without it the browser would be left
/// with one that is no longer good.
pub(crate) fn keep(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    // Whoever was signed out meanwhile has no use for one.
    if let Some(cookie) = cookie.filter(|_| !response.headers().contains_key("clear-site-data")) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The cookie of a session that was begun or authenticated again; what this browser held before is forgotten.
pub(crate) fn replace(visitor: &Visitor, signed_in: &SignedIn) -> HeaderValue {
    if let Some(former) = &visitor.cookie {
        visitor.app.authority.cookies.retire(former, signed_in.session.id);
    }
    let session = &signed_in.session;
    let left = session.expires_at.since(visitor.app.authority.world.now());
    let age = left.filter(|_| session.remembered);
    cookie::set(Kind::Session, visitor.transport(), signed_in.refresh.expose(), age)
}

/// Asks for the password. `fields` are what the form brought, but for password and form token.
pub(crate) fn ask(
    member: &mut Member,
    action: &str,
    fields: &[(String, String)],
    what: &str,
    problem: Option<&Problem>,
) -> Response {
    let form_token = member.visitor.form_token();
    let visitor = &member.visitor;
    let w = visitor.words();
    let key = problem.map(|problem| format!("problem-{}", problem.kind().slug));
    let said = key.as_deref().map(|key| w.find(key).unwrap_or_else(|| problem.map_or("", Problem::text)));
    let page = AgainPage {
        page: Frame::new(visitor, "again-title"),
        form_token: &form_token,
        action,
        fields,
        what,
        problem: said,
    };
    let status = problem.map_or(StatusCode::OK, |problem| problem.kind().status);
    answer(visitor, status, &page)
}
