//! The sign-in page.

use askama::Template;
use askama::filters::Safe;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::verbs::sign_in::{self, SignIn, SignedIn};

use super::cookie::{self, Kind};
use super::frame::{Frame, answer};
use super::posted::Posted;
use super::visitor::{self, Visitor};
use super::{again, fault, return_to};
use crate::http::app::App;
use crate::http::form::Form;
use crate::http::problem::{Problem, kinds};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/sign-in", get(show).post(submit))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
    login: &'a str,
    remember: bool,
    return_to: &'a str,
    sign_up: bool,
    problem: Option<&'a Problem>,
}

impl SignInPage<'_> {
    /// What was wrong.
    fn said(&self, problem: &Problem) -> Safe<String> {
        fault::shown(self.page.w, problem)
    }

    /// Where an account is made, with the way on.
    fn sign_up_instead(&self) -> String {
        return_to::with_place("/sign-up", self.return_to)
    }
}

/// The form. Whoever is signed in already goes where it would have led.
async fn show(mut visitor: Visitor) -> Response {
    let query = visitor.target.split_once('?').map_or("", |(_, query)| query);
    let mut query = Form::parse(query.as_bytes(), &[]).unwrap_or_default();
    let asked = query.take("return_to").unwrap_or_default();
    let place = return_to::after_sign_in(&asked);
    if visitor.caller.is_some() {
        return (StatusCode::SEE_OTHER, [(LOCATION, place.to_owned())]).into_response();
    }
    // Of several tabs only one could be told by a cookie.
    let Some(ended) = query.take("ended") else { return form(visitor, StatusCode::OK, "", false, place, None) };
    visitor.say(match ended.as_str() {
        _ if visitor.is_elsewhere => "other-address",
        "here" => "signed-out",
        _ => "signed-out-elsewhere",
    });
    let former = visitor.was_signed_out().then(|| visitor::forget(&visitor));
    let mut response = form(visitor, StatusCode::OK, "", false, place, None);
    response.headers_mut().extend(former.into_iter().flatten());
    response
}

async fn submit(State(app): State<App>, posted: Posted) -> Result<Response, Problem> {
    let Posted { mut visitor, mut form, .. } = posted;
    "/sign-in".clone_into(&mut visitor.target);
    let mut field = |name| form.take(name).unwrap_or_default();
    let (login, password, remember) = (field("login"), field("password"), field("remember") == "yes");
    let asked = field("return_to");
    let place = return_to::after_sign_in(&asked);
    let outcome = match Password::new(password) {
        Ok(password) => {
            let request = request(&visitor, login.clone(), password, remember);
            begin(&visitor, request).await
        }
        Err(_) => Err(Error::InvalidCredentials),
    };
    let outcome = outcome.map_err(Problem::from);
    app.count_sign_in(outcome.as_ref().map_or_else(|problem| problem.kind().slug, |_| crate::http::meter::OK));
    match outcome {
        Ok(signed_in) => {
            let mut response = signed_in_at(&visitor, &signed_in, place);
            // What was left to be said of the former session would be said of this one.
            response.headers_mut().append(SET_COOKIE, cookie::remove(Kind::Notice, visitor.transport()));
            Ok(response)
        }
        Err(problem) if problem.kind().status.is_client_error() || problem.kind().slug == kinds::BUSY.slug => {
            Ok(self::form(visitor, status(&problem), &login, remember, place, Some(&problem)))
        }
        Err(problem) => Err(problem),
    }
}

/// The status of the form that comes again. 401 would have to say by which scheme of HTTP to authenticate (RFC 9110 §11.6.1),
/// and there is none: what was given in the form is not enough (§15.5.4).
fn status(problem: &Problem) -> StatusCode {
    match problem.kind().status {
        StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
        other => other,
    }
}

/// Signs somebody in whose account was made this moment. Where that is not possible now, it leads to the form.
pub(super) async fn at_once(
    visitor: &Visitor,
    login: String,
    password: Password,
    remember: bool,
    place: &str,
) -> Result<Response, Problem> {
    let app = &visitor.app;
    let request = request(visitor, login, password, remember);
    let outcome = begin(visitor, request).await.map_err(Problem::from);
    app.count_sign_in(outcome.as_ref().map_or_else(|problem| problem.kind().slug, |_| crate::http::meter::OK));
    match outcome {
        Ok(signed_in) => Ok(signed_in_at(visitor, &signed_in, place)),
        Err(_) => Ok((StatusCode::SEE_OTHER, [(LOCATION, "/sign-in")]).into_response()),
    }
}

/// Signs in. Whoever does so over a session that this browser has ends that one with it.
async fn begin(visitor: &Visitor, request: SignIn) -> Result<SignedIn, Error> {
    let authority = &visitor.app.authority;
    let Some(former) = visitor.former() else { return sign_in::sign_in_by_cookie(&authority.world, request).await };
    let (signed_in, ended) = sign_in::sign_in_over(&authority.world, request, former).await?;
    if let Some(receipt) = ended {
        authority.enforced_here(&receipt).await;
    }
    Ok(signed_in)
}

fn request(visitor: &Visitor, login: String, password: Password, remember: bool) -> SignIn {
    SignIn {
        login,
        password,
        device_name: None,
        remember,
        client: None,
        audiences: Vec::new(),
        address: visitor.device.address,
        user_agent: visitor.device.user_agent.clone(),
    }
}

/// On to `place`, with the cookie of the session.
fn signed_in_at(visitor: &Visitor, signed_in: &SignedIn, place: &str) -> Response {
    visitor.app.authority.live.poke();
    let response = (StatusCode::SEE_OTHER, [(LOCATION, place.to_owned())]).into_response();
    again::keep(response, Some(again::replace(visitor, signed_in)))
}

fn form(
    mut visitor: Visitor,
    status: StatusCode,
    login: &str,
    remember: bool,
    place: &str,
    problem: Option<&Problem>,
) -> Response {
    let form_token = visitor.form_token();
    let page = SignInPage {
        page: Frame::new(&visitor, "sign-in-title"),
        form_token: &form_token,
        login,
        remember,
        return_to: place,
        sign_up: visitor.app.authority.config.sign_up.enabled,
        problem,
    };
    let response = answer(&visitor, status, &page);
    match problem {
        Some(problem) => fault::told(response, problem),
        None => response,
    }
}
