//! Authenticating again in place: what was asked for waits in the form that asks for the password, and is done with it.

use std::sync::Arc;

use askama::Template;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::store::StoreError;
use rescind_domain::verbs::reauthenticate::{self, ShownCookie};
use rescind_domain::verbs::sign_in::SignedIn;

use super::frame::{Frame, answer};
use super::visitor::{Member, Visitor};
use super::{fault, latest};
use crate::http::app::App;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::traces;

#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
    asked: &'a Asked<'a>,
    problem: Option<&'a str>,
}

/// What waits for the password.
pub(crate) struct Asked<'a> {
    /// Where the form goes: where it was sent to before.
    pub(crate) action: &'a str,
    /// What it brought, but for password and form token.
    pub(crate) fields: &'a [(String, String)],
    /// What is about to be done, in words.
    pub(crate) what: &'a str,
    /// The page that it was on.
    pub(crate) back: &'a str,
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
        Ok(password) => to_its_end(anew(member, password)).await,
        // No password that anybody has.
        Err(_) => Err(Error::WrongPassword),
    };
    match renewed {
        Ok(signed_in) => Ok(Standing::Go(Some(set(app, &signed_in)))),
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

/// Authenticates again, and takes what the browser holds out of use. To be done [`to_its_end`]: in between, a copy of the
/// former cookie would go on by memory.
pub(crate) fn anew(
    member: &Member,
    password: Password,
) -> impl Future<Output = Result<SignedIn, Error>> + Send + use<> {
    let (app, acting, session) = (member.visitor.app.clone(), member.acting.clone(), member.session);
    let former = member.visitor.cookie.clone().unwrap_or_default();
    async move {
        let authority = Arc::clone(&app.authority);
        let has_come = Arc::new(move |cookie: &str| authority.cookies.has_come(cookie));
        let shown = ShownCookie { cookie: former.clone(), has_come };
        let renewed = reauthenticate::by_cookie(&app.authority.world, &acting, password, shown).await;
        // An error of the store, or one that comes after it, does not say that nothing was done.
        if matches!(renewed, Ok(_) | Err(Error::Store(_) | Error::TooLate | Error::Key(_))) {
            let latest = renewed.as_ref().ok().map(|signed_in| signed_in.refresh.expose());
            app.authority.cookies.retire(&former, session, latest);
        }
        renewed
    }
}

/// Does what must not be left half done, whether whoever asked for it is still there or not.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let lost = || Error::Store(StoreError::Unconfirmed("the task that did it was lost".to_owned()));
    tokio::spawn(traces::carried(work)).await.unwrap_or_else(|_| Err(lost()))
}

/// The cookie of a session that was begun; what this browser held before is forgotten.
pub(crate) fn replace(visitor: &Visitor, signed_in: &SignedIn) -> HeaderValue {
    if let Some(former) = &visitor.cookie {
        visitor.app.authority.cookies.retire(former, signed_in.session.id, None);
    }
    set(&visitor.app, signed_in)
}

/// The cookie of a session that was begun or authenticated again.
pub(crate) fn set(app: &App, signed_in: &SignedIn) -> HeaderValue {
    let session = &signed_in.session;
    latest::of_session(app, signed_in.refresh.expose(), session.expires_at, session.remembered)
}

/// Asks for the password.
pub(crate) async fn ask(member: &mut Member, asked: &Asked<'_>, problem: Option<&Problem>) -> Response {
    asked.back.clone_into(&mut member.visitor.target);
    let admin = member.visitor.is_administrator().await;
    let form_token = member.visitor.form_token();
    let visitor = &member.visitor;
    let said = problem.map(|problem| fault::said(visitor.words(), problem));
    let page = AgainPage {
        page: Frame { admin, ..Frame::new(visitor, "again-title") },
        form_token: &form_token,
        asked,
        problem: said.as_deref(),
    };
    match problem {
        Some(problem) => fault::told(answer(visitor, problem.kind().status, &page), problem),
        None => answer(visitor, StatusCode::OK, &page),
    }
}
