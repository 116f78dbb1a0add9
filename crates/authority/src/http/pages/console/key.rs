//! Server keys: which there are, and new ones in their place.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use rescind_domain::key::{KeyRow, Purpose};
use rescind_domain::verbs::administer_keys;

use super::act::{Act, Button, press};
use super::desk::{Chrome, Desk, Missing, Room};
use crate::http::app::App;
use crate::http::pages::frame::Frame;
use crate::http::pages::instead::Instead;
use crate::http::pages::moment::Moment;
use crate::http::pages::posted::Posted;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/keys", get(list)).route("/admin/keys/rotate", post(rotate))
}

/// A key, as the page shows it.
struct Row {
    id: String,
    /// How it signs; of the others, that it makes MACs.
    purpose: &'static str,
    is_mac: bool,
    /// The state, in words, and whether that is revoked.
    state: String,
    is_revoked: bool,
    since: Moment,
    superseded: Option<Moment>,
}

#[derive(Template)]
#[template(path = "console/keys.html")]
struct KeysPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    form_token: &'a str,
    missing: Option<Missing>,
    keys: Vec<Row>,
}

/// The newest first.
async fn list(mut desk: Desk) -> Result<Response, Instead> {
    let keys = administer_keys::list_keys(&desk.app().authority.world, &desk.admin).await;
    let mut keys = keys.map_err(|error| desk.refused(error))?;
    keys.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.added)));
    let missing = desk.done().await?;
    let form_token = desk.member.visitor.form_token();
    let keys = keys.iter().map(|row| Row::new(row, &desk)).collect();
    let (page, chrome) = (desk.frame("console-keys"), desk.chrome(Room::Keys));
    Ok(desk.answer(&KeysPage { page, chrome, form_token: &form_token, missing, keys }))
}

impl Row {
    fn new(row: &KeyRow, desk: &Desk) -> Self {
        let state = match (row.revoked, row.superseded_at) {
            (Some(_), _) => "console-key-revoked",
            (None, Some(_)) => "console-key-superseded",
            (None, None) => "console-key-current",
        };
        Self {
            id: row.id.to_string(),
            purpose: row.purpose.as_str(),
            is_mac: row.purpose == Purpose::Mac,
            state: desk.words().say(state).to_owned(),
            is_revoked: row.revoked.is_some(),
            since: Moment::exact(row.created_at),
            superseded: row.superseded_at.map(Moment::exact),
        }
    }
}

async fn rotate(posted: Posted) -> Result<Response, Instead> {
    let (member, form) = posted.member()?;
    let (action, place) = ("/admin/keys/rotate", "/admin/keys");
    Ok(press(member, form, Button { act: Act::RotateKeys, action, reason: "", what: "again-for-rotation", place })
        .await)
}
