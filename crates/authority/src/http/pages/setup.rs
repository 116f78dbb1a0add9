//! Setting up: the first administrator, made with the one-time link that the server printed as it started.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use axum::routing::get;
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::secret::Secret;
use rescind_domain::verbs::set_up;

use super::frame::{Frame, answer};
use super::new_password::Wrong;
use super::notice::Notice;
use super::posted::Posted;
use super::visitor::Visitor;
use super::{return_to, sign_in};
use crate::http::app::App;
use crate::http::form::Form;
use crate::http::idempotency;
use crate::http::problem::{Problem, kinds};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/setup", get(show).post(submit))
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetUpPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
    /// The token of the link.
    token: &'a str,
    login: &'a str,
    wrong: &'a Wrong,
}

async fn show(State(app): State<App>, mut visitor: Visitor) -> Result<Response, Problem> {
    let query = visitor.target.split_once('?').map(|(_, query)| query.as_bytes().to_vec());
    let token = query.and_then(|query| Form::parse(&query, &[]).ok()?.take("token")).unwrap_or_default();
    visitor.target = here(&token);
    if !set_up::is_open(&app.authority.world).await? {
        return Err(Problem::new(kinds::SET_UP_REFUSED));
    }
    Ok(form(visitor, StatusCode::OK, &token, "", &Wrong::default()))
}

/// The page with the link's token, which whoever chooses a language comes back with.
fn here(token: &str) -> String {
    if token.is_empty() { "/setup".to_owned() } else { format!("/setup?token={}", return_to::encode(token)) }
}

async fn submit(State(app): State<App>, posted: Posted) -> Result<Response, Problem> {
    let Posted { mut visitor, form: mut filled, form_token } = posted;
    let mut field = |name| filled.take(name).unwrap_or_default();
    let (token, login, password) = (field("token"), field("login"), field("password"));
    visitor.target = here(&token);
    let made = match Password::new(password) {
        Ok(password) => {
            let secret = Secret::new(token.clone());
            let (world, address) = (&app.authority.world, visitor.device.address);
            let caller = idempotency::set_up(&app.authority, &secret);
            let key = idempotency::of_form(&app.authority, caller, &form_token, [&login, password.expose()]);
            set_up::set_up(world, secret, &login, password.clone(), address, Some(key)).await.map(|_| password)
        }
        Err(weak) => Err(weak.into()),
    };
    match made {
        Ok(password) => {
            let mut response = sign_in::at_once(&visitor, login, password, false, return_to::HOME).await?;
            response.headers_mut().append(SET_COOKIE, Notice::Said("set-up").leave(&visitor));
            Ok(response)
        }
        // What the same form made with other words is there, and the link is not good twice.
        Err(Error::Forbidden | Error::IdempotencyMismatch) => {
            let said = visitor.words().say("problem-set-up-refused").to_owned();
            let wrong = Wrong { form: Some(said), ..Wrong::default() };
            Ok(form(visitor, kinds::SET_UP_REFUSED.status, &token, &login, &wrong))
        }
        Err(error @ (Error::WeakPassword(_) | Error::LoginTaken | Error::Invalid { .. })) => {
            let wrong = Wrong::of(visitor.words(), &error);
            let status = Problem::from(error).kind().status;
            Ok(form(visitor, status, &token, &login, &wrong))
        }
        Err(error) => Err(error.into()),
    }
}

fn form(mut visitor: Visitor, status: StatusCode, token: &str, login: &str, wrong: &Wrong) -> Response {
    let form_token = visitor.form_token();
    let page = SetUpPage { page: Frame::new(&visitor, "setup-title"), form_token: &form_token, token, login, wrong };
    answer(&visitor, status, &page)
}
