//! Your devices.

mod ending;
mod known;
mod live;
mod naming;
pub(super) mod row;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use rescind_domain::clock::Timestamp;
use rescind_domain::store::SessionCursor;
use rescind_domain::verbs::list_sessions;
use rescind_wire::SessionId;
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::StringDeserializer;

use self::known::Known;
use self::row::{Row, Viewer};
use super::again;
use super::frame::{Frame, answer};
use super::instead::Instead;
use super::notice::Notice;
use super::return_to;
use super::visitor::Member;
use crate::http::api::session::next;
use crate::http::app::App;
use crate::http::form::Form;
use crate::http::page::Cursor;
use crate::http::problem::Problem;

/// Devices on a page.
const PAGE: u32 = 50;

/// Sign-ins that are asked about at once. The list marks all of them.
const ASKED: usize = 3;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(async || Redirect::to(return_to::HOME)))
        .route("/account", get(show))
        .route("/account/", get(async || Redirect::to(return_to::HOME)))
        .route("/account/live", get(live::listen))
        .route("/account/sessions/{id}/name", post(naming::rename))
        .route("/account/sessions/{id}/known", post(known::confirm))
        .route("/account/sessions/{id}/sign-out", post(ending::one))
        .route("/account/sessions/{id}/not-me", post(ending::not_me))
        .route("/account/sign-out-others", post(ending::others))
        .route("/account/sign-out-everywhere", post(ending::everywhere))
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
    login: &'a str,
    /// This device; on the first page alone.
    current: Option<Row>,
    others: Vec<Row>,
    /// How many there are in `others` that nobody here has said to know, at most [`ASKED`].
    asked: usize,
    /// What is said of how many others there are, before all of them are signed out.
    others_count: String,
    /// Where this page begins; nothing on the first one.
    after: Option<String>,
    /// Where the next page is.
    more: Option<String>,
}

impl AccountPage<'_> {
    /// The sign-ins to ask about.
    fn news(&self) -> impl Iterator<Item = &Row> {
        self.others.iter().filter(|row| row.is_new).take(self.asked)
    }
}

async fn show(State(app): State<App>, mut member: Member) -> Result<Response, Instead> {
    let query = member.visitor.target.split_once('?').map_or("", |(_, query)| query);
    let place = Place::take(&mut Form::parse(query.as_bytes(), &[])?)?;
    let devices = list_sessions::own_devices(&app.authority.world, &member.acting, place.cursor, PAGE).await;
    let devices = devices.map_err(|error| member.refused(error))?;
    let form_token = member.visitor.form_token();
    let visitor = &member.visitor;
    let w = visitor.words();
    let is_first = place.cursor.is_none();
    let own = &devices.own.session;
    let viewer = Viewer {
        w,
        own,
        known: Known::read(visitor),
        clients: &devices.clients,
        atlas: app.authority.atlas(),
        now: devices.now,
    };
    let others: Vec<Row> = devices.others.sessions.iter().map(|listed| viewer.row(listed)).collect();
    let count = others.len() as u64;
    let is_all = is_first && devices.others.next.is_none();
    let page = AccountPage {
        page: Frame::of(visitor, "devices-title", &devices.user),
        form_token: &form_token,
        login: &devices.user.login,
        current: is_first.then(|| viewer.row(&devices.own)),
        asked: if is_first { ASKED } else { 0 },
        others,
        others_count: if is_all { w.count("others-count", count) } else { w.say("others-many").to_owned() },
        after: place.after,
        more: next(devices.others.next).map(|cursor| format!("/account?after={cursor}")),
    };
    Ok(answer(visitor, StatusCode::OK, &page))
}

/// A page of the list, by where it begins. The first one begins nowhere.
#[derive(Default)]
struct Place {
    cursor: Option<SessionCursor>,
    /// The same as a parameter, which forms bring back.
    after: Option<String>,
}

impl Place {
    /// What a query or a form says.
    fn take(form: &mut Form) -> Result<Self, Problem> {
        let Some(after) = form.take("after") else { return Ok(Self::default()) };
        let text: StringDeserializer<serde::de::value::Error> = after.clone().into_deserializer();
        let read = Cursor::<(u64, Timestamp, SessionId)>::deserialize(text);
        let Cursor((number, started_at, id)) = read.map_err(|error| Problem::invalid(error.to_string()))?;
        Ok(Self { cursor: Some(SessionCursor { number, started_at, id }), after: Some(after) })
    }

    fn path(&self) -> String {
        self.after.as_ref().map_or_else(|| return_to::HOME.to_owned(), |after| format!("/account?after={after}"))
    }

    /// What the form brings again that asks for the password.
    fn fields(&self) -> Vec<(String, String)> {
        self.after.iter().map(|after| ("after".to_owned(), after.clone())).collect()
    }
}

/// Back to the page of the list that it was done on, which says what was done.
fn back(member: &Member, place: &Place, cookie: Option<HeaderValue>, notice: &Notice) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, place.path())]).into_response();
    response.headers_mut().append(SET_COOKIE, notice.leave(&member.visitor));
    again::keep(response, cookie)
}
