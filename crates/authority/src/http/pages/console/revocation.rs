//! The revocation log, newest first, and how far its last entry is enforced.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use rescind_domain::verbs::read_log::{self, Revocation};

use super::PAGE;
use super::desk::{Chrome, Desk, Missing, Room};
use super::row::{Covered, Doer, Names};
use crate::http::app::App;
use crate::http::pages::frame::Frame;
use crate::http::pages::instead::Instead;
use crate::http::pages::moment::Moment;
use crate::http::pages::words::Language;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/revocations", get(list))
}

/// An entry of the log, as pages show it.
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) position: String,
    pub(super) covered: Covered,
    pub(super) reason: String,
    pub(super) doer: Doer,
    pub(super) at: Moment,
}

impl Row {
    pub(super) fn new(revocation: Revocation, names: &Names, w: &Language) -> Self {
        let row = revocation.row;
        Self {
            number: row.position.number,
            position: row.position.to_string(),
            covered: Covered::new(&revocation.scope, names, w),
            doer: Doer::new(&row.actor, names, w),
            reason: row.reason,
            at: Moment::exact(row.at),
        }
    }
}

#[derive(Template)]
#[template(path = "console/revocations.html")]
struct RevocationsPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    rows: Vec<Row>,
    /// Who may still accept what the newest one revoked; nobody once it is enforced.
    missing: Option<Missing>,
    /// Whether the log is shown from its end, where new entries come.
    is_newest: bool,
    next: Option<String>,
}

async fn list(desk: Desk) -> Result<Response, Instead> {
    let before = desk.query().take("before").and_then(|text| text.parse().ok());
    let (rows, more) = latest(&desk, before.unwrap_or(u64::MAX), PAGE).await?;
    let newest = rows.first().map(|row| row.number).filter(|_| before.is_none());
    let missing = match newest {
        Some(number) => desk.missing(number).await?,
        None => None,
    };
    let next = rows.last().filter(|_| more).map(|row| format!("/admin/revocations?before={}", row.number));
    let (page, chrome) = (desk.frame("console-revocations"), desk.chrome(Room::Revocations));
    Ok(desk.answer(&RevocationsPage { page, chrome, rows, missing, is_newest: before.is_none(), next }))
}

/// Entries before `before`, and whether there are more.
pub(super) async fn latest(desk: &Desk, before: u64, limit: u32) -> Result<(Vec<Row>, bool), Instead> {
    let found = read_log::latest_revocations(&desk.app().authority.world, &desk.admin, before, limit).await;
    let (found, more) = found.map_err(|error| desk.refused(error))?;
    let people = found.iter().flat_map(|revocation| {
        [Covered::user(&revocation.scope), Doer::user(&revocation.row.actor)].into_iter().flatten()
    });
    let names = desk.names(people).await?;
    let w = desk.words();
    Ok((found.into_iter().map(|revocation| Row::new(revocation, &names, w)).collect(), more))
}
