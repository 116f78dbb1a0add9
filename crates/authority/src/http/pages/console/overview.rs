//! What an administrator sees first: a search, where things stand, and the last entries of the log.

use askama::Template;
use axum::Router;
use axum::response::{Redirect, Response};
use axum::routing::get;
use rescind_domain::verbs::read_log;

use super::chart::{self, Stretch};
use super::desk::{Chrome, Desk, Missing, Room};
use super::revocation::{self, Row};
use crate::http::app::App;
use crate::http::pages::frame::Frame;
use crate::http::pages::instead::Instead;

/// Entries of the log that are shown.
const SHOWN: u32 = 5;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/", get(async || Redirect::to("/admin"))).route("/admin", get(show))
}

#[derive(Template)]
#[template(path = "console/overview.html")]
struct OverviewPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    missing: Option<Missing>,
    head: u64,
    /// Verifiers that are connected, and those among them that have applied all there is.
    verifiers: usize,
    current: usize,
    rows: Vec<Row>,
    stretches: [Stretch; 2],
}

async fn show(desk: Desk) -> Result<Response, Instead> {
    let authority = &desk.app().authority;
    let head = read_log::head(&authority.world, &desk.admin).await.map_err(|error| desk.refused(error))?.number;
    let (rows, _) = revocation::latest(&desk, u64::MAX, SHOWN).await?;
    let missing = match rows.first() {
        Some(newest) => desk.missing(newest.number).await?,
        None => None,
    };
    let mut connected = authority.hub.list();
    connected.retain(|listed| listed.connected);
    let current = connected.iter().filter(|listed| listed.position >= head).count();
    let page = OverviewPage {
        page: desk.frame("console-overview"),
        chrome: desk.chrome(Room::Overview),
        missing,
        head,
        verifiers: connected.len(),
        current,
        rows,
        stretches: chart::stretches(&authority.history.lately(authority.world.now()), desk.words()),
    };
    Ok(desk.answer(&page))
}
