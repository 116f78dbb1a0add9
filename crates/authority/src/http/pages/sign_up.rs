//! Making an account for oneself.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::verbs::sign_up::{self, SignUp};

use super::frame::{Frame, answer};
use super::new_password::Wrong;
use super::posted::Posted;
use super::visitor::Visitor;
use super::{return_to, sign_in};
use crate::http::app::App;
use crate::http::idempotency;
use crate::http::problem::{Problem, kinds};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/sign-up", get(show).post(submit))
}

#[derive(Template)]
#[template(path = "sign_up.html")]
struct SignUpPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
    login: &'a str,
    remember: bool,
    return_to: &'a str,
    wrong: &'a Wrong,
}

async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    allowed(&app)?;
    let place = return_to::asked(&visitor.target);
    if visitor.caller.is_some() {
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response());
    }
    Ok(form(visitor, StatusCode::OK, "", false, &place, &Wrong::default()))
}

fn allowed(app: &App) -> Result<(), Problem> {
    if app.authority.config.sign_up.enabled { Ok(()) } else { Err(Problem::new(kinds::SIGN_UP_OFF)) }
}

async fn submit(State(app): State<App>, posted: Posted) -> Result<Response, Problem> {
    allowed(&app)?;
    let Posted { mut visitor, mut form, form_token } = posted;
    "/sign-up".clone_into(&mut visitor.target);
    let mut field = |name| form.take(name).unwrap_or_default();
    let (login, password, remember) = (field("login"), field("password"), field("remember") == "yes");
    let asked = field("return_to");
    let place = return_to::after_sign_in(&asked);
    let made = match Password::new(password) {
        Ok(password) => {
            let caller = idempotency::newcomer(&app.authority, &login);
            let key = idempotency::of_form(&app.authority, caller, &form_token, [&login, password.expose()]);
            let request = SignUp {
                login: login.clone(),
                password: password.clone(),
                address: visitor.device.address,
                idempotency: Some(key),
            };
            sign_up::sign_up(&app.authority.world, request).await.map(|_| password)
        }
        Err(weak) => Err(weak.into()),
    };
    match made {
        Ok(password) => {
            let mut response = sign_in::at_once(&visitor, login, password, remember, place).await?;
            let notice = super::notice::Notice::Said("account-made").leave(&visitor);
            response.headers_mut().append(SET_COOKIE, notice);
            Ok(response)
        }
        // The same form with another password: the name is taken, by whoever sent it first.
        Err(Error::IdempotencyMismatch) => {
            let wrong = Wrong::of(visitor.words(), &Error::LoginTaken);
            Ok(self::form(visitor, kinds::LOGIN_TAKEN.status, &login, remember, place, &wrong))
        }
        Err(error @ (Error::WeakPassword(_) | Error::LoginTaken | Error::Invalid { .. })) => {
            let wrong = Wrong::of(visitor.words(), &error);
            let status = Problem::from(error).kind().status;
            Ok(self::form(visitor, status, &login, remember, place, &wrong))
        }
        Err(error) => Err(error.into()),
    }
}

fn form(mut visitor: Visitor, status: StatusCode, login: &str, remember: bool, place: &str, wrong: &Wrong) -> Response {
    let form_token = visitor.form_token();
    let page = SignUpPage {
        page: Frame::new(&visitor, "sign-up-title"),
        form_token: &form_token,
        login,
        remember,
        return_to: place,
        wrong,
    };
    answer(&visitor, status, &page)
}
