//! One's own security: password, lock, deletion, and what happened lately.

mod closing;
mod happened;
mod password;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use rescind_domain::verbs::{administer_users, list_own_events};

use self::happened::{Happened, Viewer};
use super::fault;
use super::frame::{Frame, answer};
use super::instead::Instead;
use super::visitor::Member;
use crate::http::app::App;
use crate::http::form::Form;
use crate::http::problem::Problem;

/// Where it is.
const HERE: &str = "/account/security";

/// Events on a page.
const PAGE: u32 = 20;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(HERE, get(show))
        .route("/account/security/password", post(password::change))
        .route("/account/security/lock", post(closing::lock))
        .route("/account/security/delete", post(closing::delete))
}

#[derive(Template)]
#[template(path = "security.html")]
struct SecurityPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
    login: &'a str,
    wrong: &'a Wrong,
    /// How long a lock lasts.
    lock: String,
    happened: Vec<Happened>,
    /// Where older events are.
    more: Option<String>,
}

/// What was wrong with a form of the page, where it was, and the status that goes with it.
#[derive(Default)]
struct Wrong {
    status: StatusCode,
    current: Option<String>,
    new: Option<String>,
    delete: Option<String>,
}

async fn show(member: Member) -> Result<Response, Instead> {
    page(member, Wrong::default()).await
}

/// The page, with what was wrong with a form of it.
async fn page(mut member: Member, wrong: Wrong) -> Result<Response, Instead> {
    let app = member.visitor.app.clone();
    let world = &app.authority.world;
    if !member.visitor.target.starts_with(HERE) {
        HERE.clone_into(&mut member.visitor.target);
    }
    let before = before(&member.visitor.target)?;
    let read = administer_users::who_am_i(world, &member.acting).await;
    let user = read.map_err(|error| member.refused(error))?;
    let read = list_own_events::list_own_events(world, &member.acting, before, PAGE).await;
    let events = read.map_err(|error| member.refused(error))?;
    let form_token = member.visitor.form_token();
    let visitor = &member.visitor;
    let w = visitor.words();
    let viewer = Viewer { w, now: world.now(), user: user.id, own: member.session, atlas: app.authority.atlas() };
    let page = SecurityPage {
        page: Frame::of(visitor, "security-title", &user),
        form_token: &form_token,
        login: &user.login,
        wrong: &wrong,
        lock: w.about("lock-what", &w.span(world.policy.lock)),
        happened: events.events.iter().map(|event| viewer.happened(event)).collect(),
        more: events.next.map(|before| format!("{HERE}?before={before}#events")),
    };
    Ok(answer(visitor, wrong.status, &page))
}

/// Before which event the page begins.
fn before(target: &str) -> Result<Option<u64>, Problem> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let Some(text) = Form::parse(query.as_bytes(), &[])?.take("before") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Problem::invalid("before is the number of an event."))
}

/// The page, with a problem that a form of it had.
async fn refuse(member: Member, problem: &Problem, at: impl FnOnce(&mut Wrong, String)) -> Result<Response, Instead> {
    let mut wrong = Wrong { status: problem.kind().status, ..Wrong::default() };
    at(&mut wrong, fault::said(member.visitor.words(), problem));
    Ok(fault::told(page(member, wrong).await?, problem))
}
