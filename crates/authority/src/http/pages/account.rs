//! Your devices.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rescind_domain::Error;
use rescind_domain::clock::Timestamp;
use rescind_domain::device::{Device, DeviceKind};
use rescind_domain::verbs::list_sessions::Listed;
use rescind_domain::verbs::{end_session, list_sessions};
use rescind_wire::SessionId;

use super::again::{self, Standing};
use super::frame::{Frame, answer};
use super::instead::Instead;
use super::notice::Notice;
use super::posted::Posted;
use super::visitor::Member;
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::http::time::Time;

/// Devices on a page.
const PAGE: u32 = 50;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/account", get(show)).route("/account/sessions/{id}/sign-out", post(end))
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    page: Frame<'a>,
    form_token: &'a str,
    login: &'a str,
    current: Option<Row>,
    others: Vec<Row>,
}

/// One device, as the page shows it.
struct Row {
    id: String,
    icon: &'static str,
    name: String,
    browser: Option<String>,
    os: Option<String>,
    address: Option<String>,
    since: Time,
    seen: Time,
    seen_words: String,
    client: String,
}

async fn show(State(app): State<App>, mut member: Member) -> Result<Response, Instead> {
    let devices = list_sessions::own_devices(&app.authority.world, &member.acting, None, PAGE).await;
    let devices = devices.map_err(|error| member.refused(error))?;
    let form_token = member.visitor.form_token();
    let (visitor, own) = (&member.visitor, member.session);
    let w = visitor.words();
    let (mut current, mut others) = (None, Vec::new());
    for listed in devices.page.sessions {
        let is_own = listed.session.id == own;
        let mut row = Row::new(listed, devices.now, w);
        if is_own {
            w.say("ago-now").clone_into(&mut row.seen_words);
            current = Some(row);
        } else {
            others.push(row);
        }
    }
    let page = AccountPage {
        page: Frame::new(visitor, "devices-title"),
        form_token: &form_token,
        login: &devices.user.login,
        current,
        others,
    };
    Ok(answer(visitor, StatusCode::OK, &page))
}

async fn end(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Response, Instead> {
    let (mut member, mut form) = posted.member()?;
    let session: SessionId = id.parse().map_err(|_| Problem::not_found("session"))?;
    let action = format!("/account/sessions/{session}/sign-out");
    let renewed = again::renew(&member, &mut form).await?;
    let what = member.visitor.words().say("again-for-device").to_owned();
    let cookie = match renewed {
        Standing::Go(cookie) => cookie,
        Standing::Wrong(problem) => return Ok(again::ask(&mut member, &action, &[], &what, Some(&problem))),
    };
    match end_session::end_own(&app.authority.world, &member.acting, session).await {
        Ok(Some(receipt)) => {
            app.authority.enforced_here(&receipt).await;
            let notice = Notice::of(&app, receipt.position.number).await;
            Ok(back(&member, cookie, &notice))
        }
        Ok(None) => Ok(back(&member, cookie, &Notice::Said("signed-out"))),
        Err(Error::StaleAuthentication { .. }) => Ok(again::ask(&mut member, &action, &[], &what, None)),
        Err(error) => Err(member.refused(error)),
    }
}

/// Back to the list, which says what was done.
fn back(member: &Member, cookie: Option<axum::http::HeaderValue>, notice: &Notice) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, "/account")]).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response.headers_mut().append(SET_COOKIE, notice.leave(&member.visitor));
    response
}

impl Row {
    fn new(listed: Listed, now: Timestamp, w: &super::words::Language) -> Self {
        let session = listed.session;
        let device = Device::from_user_agent(session.user_agent.as_deref().unwrap_or_default());
        Self {
            id: session.id.to_string(),
            icon: icon(device.kind),
            name: session.name.unwrap_or(device.name),
            browser: device.browser,
            os: device.os,
            address: session.address.map(|address| address.to_string()),
            since: Time(session.started_at),
            seen: Time(session.last_seen_at),
            seen_words: w.ago(now, session.last_seen_at),
            client: listed.client.to_string(),
        }
    }
}

/// The picture for a kind of device.
fn icon(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Desktop => "desktop",
        DeviceKind::Phone => "phone",
        DeviceKind::Tablet => "tablet",
        DeviceKind::Tv => "tv",
        DeviceKind::Console => "console",
        DeviceKind::Bot | DeviceKind::Program => "program",
        DeviceKind::Unknown => "unknown",
    }
}
