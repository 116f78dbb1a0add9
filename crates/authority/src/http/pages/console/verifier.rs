//! Verifiers that follow this node, and sending one away.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use rescind_domain::verbs::read_log;

use super::act::{Act, Button, press};
use super::desk::{Chrome, Desk, Room};
use crate::feed::{FollowerId, Listed};
use crate::http::app::App;
use crate::http::pages::frame::Frame;
use crate::http::pages::instead::Instead;
use crate::http::pages::moment::Moment;
use crate::http::pages::posted::Posted;
use crate::http::pages::words::Language;
use crate::http::query::Named;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/verifiers", get(list)).route("/admin/verifiers/{id}/evict", post(evict))
}

/// A verifier, as the page shows it.
struct Row {
    id: FollowerId,
    name: String,
    client: String,
    address: Option<String>,
    position: u64,
    /// How many entries of the log it has not applied yet, in words; none if it has applied all.
    lag: Option<String>,
    lease: String,
    /// For how long it may still accept tokens, in words; none without a lease.
    left: Option<String>,
    connected: bool,
    since: Moment,
}

impl Row {
    fn new(listed: &Listed, head: u64, now: Duration, w: &Language) -> Self {
        let follower = &listed.follower;
        let lag = head.saturating_sub(listed.position);
        Self {
            id: listed.id,
            name: follower.name.clone(),
            client: follower.client.to_string(),
            address: follower.address.map(|address| address.to_string()),
            position: listed.position,
            lag: (lag > 0).then(|| w.count("console-lag", lag)),
            lease: w.count("console-seconds", seconds(follower.lease)),
            left: listed.until.map(|until| w.count("console-left", seconds(until.saturating_sub(now)))),
            connected: listed.connected,
            since: Moment::exact(follower.since),
        }
    }
}

/// Rounded up: a lease of which something is left is not over.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[derive(Template)]
#[template(path = "console/verifiers.html")]
struct VerifiersPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    form_token: &'a str,
    head: &'a str,
    rows: Vec<Row>,
}

async fn list(mut desk: Desk) -> Result<Response, Instead> {
    let authority = &desk.app().authority;
    let head = read_log::head(&authority.world, &desk.admin).await.map_err(|error| desk.refused(error))?.number;
    let now = authority.clock.boottime();
    let mut listed = authority.hub.list();
    // Those that are behind first.
    listed.sort_by(|a, b| (a.position, &a.follower.name, a.id).cmp(&(b.position, &b.follower.name, b.id)));
    let rows = listed.iter().map(|listed| Row::new(listed, head, now, desk.words())).collect();
    let said = desk.words().count("console-head", head);
    let form_token = desk.member.visitor.form_token();
    let (page, chrome) = (desk.frame("console-verifiers"), desk.chrome(Room::Verifiers));
    Ok(desk.answer(&VerifiersPage { page, chrome, form_token: &form_token, head: &said, rows }))
}

async fn evict(id: Named, posted: Posted) -> Result<Response, Instead> {
    let (member, form) = posted.member()?;
    let id: FollowerId = id.id("verifier")?;
    let (action, place) = (format!("/admin/verifiers/{id}/evict"), "/admin/verifiers");
    let act = Act::Evict(id);
    Ok(press(member, form, Button { act, action: &action, reason: "", what: "again-for-eviction", place }).await)
}
