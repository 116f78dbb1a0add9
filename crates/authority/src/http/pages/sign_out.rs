//! Signing out on this device.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rescind_domain::verbs::log_out;

use super::cookie::{self, Kind};
use super::frame::{Frame, answer};
use super::notice::Notice;
use super::posted::Posted;
use super::visitor::{Member, Visitor};
use crate::http::app::App;
use crate::http::problem::Problem;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/sign-out", get(show).post(submit))
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
}

/// Asks: a link alone signs nobody out.
async fn show(mut member: Member) -> Response {
    let form_token = member.visitor.form_token();
    let admin = member.visitor.is_administrator().await;
    let page = Frame { admin, ..Frame::new(&member.visitor, "sign-out-title") };
    let page = SignOutPage { page, form_token: &form_token };
    answer(&member.visitor, StatusCode::OK, &page)
}

async fn submit(State(app): State<App>, posted: Posted) -> Result<Response, Problem> {
    let visitor = posted.visitor;
    if let Some(caller) = &visitor.caller {
        let receipt = log_out::log_out(&app.authority.world, caller.verified().claims(), caller.address()).await?;
        if let Some(receipt) = receipt {
            app.authority.enforced_here(&receipt).await;
        }
    }
    Ok(leave(&visitor, &Notice::Said("signed-out")))
}

/// The way out: to the sign-in page, which says what was done. Nothing of the session is left in the browser.
pub(super) fn leave(visitor: &Visitor, notice: &Notice) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, "/sign-in")]).into_response();
    let headers = response.headers_mut();
    for kind in [Kind::Session, Kind::Known] {
        headers.append(SET_COOKIE, cookie::remove(kind, visitor.transport()));
    }
    headers.append(SET_COOKIE, notice.leave(visitor));
    headers.insert("clear-site-data", super::CLEAR);
    response
}
