//! Accounts: finding one, looking at one, taking a lock away.

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rescind_domain::clock::Timestamp;
use rescind_domain::event::Event;
use rescind_domain::user::{Role, User};
use rescind_domain::verbs::{administer_users, list_sessions, read_log};
use rescind_wire::UserId;

use super::PAGE;
use super::act::{Act, Button, press};
use super::desk::{Chrome, Desk, Missing, Room};
use super::row::{Doer, Names};
use super::session::{self, Row};
use crate::http::app::App;
use crate::http::pages::frame::Frame;
use crate::http::pages::instead::Instead;
use crate::http::pages::moment::Moment;
use crate::http::pages::posted::Posted;
use crate::http::pages::return_to::encode;
use crate::http::pages::words::Language;
use crate::http::query::Named;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/users", get(list))
        .route("/admin/users/{id}", get(show))
        .route("/admin/users/{id}/unlock", post(unlock))
}

#[derive(Template)]
#[template(path = "console/users.html")]
struct UsersPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    query: &'a str,
    users: Vec<Account>,
    /// Where the next page is.
    next: Option<String>,
}

/// An account, as pages show it.
struct Account {
    id: String,
    login: String,
    is_administrator: bool,
    locked: Option<Locked>,
    since: Moment,
}

/// A lock.
struct Locked {
    since: Moment,
    until: Option<Moment>,
    reason: String,
}

impl Account {
    fn new(user: User, now: Timestamp) -> Self {
        let locked = user.lock_at(now).map(|lock| Locked {
            since: Moment::exact(lock.since),
            until: lock.until.map(Moment::exact),
            reason: lock.reason.clone(),
        });
        Self {
            id: user.id.to_string(),
            is_administrator: user.role == Role::Administrator,
            locked,
            since: Moment::exact(user.created_at),
            login: user.login,
        }
    }
}

/// Accounts whose login names begin so, before them the one that another system knows by exactly this id; an id of ours leads
/// to the account at once. Nothing here looks at more accounts than it shows.
async fn list(desk: Desk) -> Result<Response, Instead> {
    let mut asked = desk.query();
    let (query, after) = (asked.take("q").unwrap_or_default(), asked.take("after").unwrap_or_default());
    let query = query.trim();
    if let Ok(id) = query.parse::<UserId>() {
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, format!("/admin/users/{id}"))]).into_response());
    }
    let world = &desk.app().authority.world;
    let is_first = after.is_empty();
    let users = administer_users::search_users(world, &desk.admin, query, after, PAGE + 1).await;
    let mut users = users.map_err(|error| desk.refused(error))?;
    let more = users.len() > PAGE as usize;
    users.truncate(PAGE as usize);
    let last = users.last().filter(|_| more);
    let next = last.map(|user| format!("/admin/users?q={}&after={}", encode(query), encode(&user.login_key)));
    if is_first && !query.is_empty() {
        let known = administer_users::find_external_user(world, &desk.admin, query).await;
        if let Some(known) = known.map_err(|error| desk.refused(error))? {
            users.retain(|user| user.id != known.id);
            users.insert(0, known);
        }
    }
    let now = world.now();
    let users = users.into_iter().map(|user| Account::new(user, now)).collect();
    let page = UsersPage { page: desk.frame("console-users"), chrome: desk.chrome(Room::Users), query, users, next };
    Ok(desk.answer(&page))
}

#[derive(Template)]
#[template(path = "console/user.html")]
struct UserPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    form_token: &'a str,
    place: &'a str,
    missing: Option<Missing>,
    user: Account,
    sessions: Vec<Row>,
    more_sessions: Option<String>,
    events: Vec<Happened>,
    more_events: Option<String>,
}

/// Something that happened to an account.
struct Happened {
    at: Moment,
    said: String,
    doer: Doer,
    client: Option<String>,
    address: Option<String>,
    detail: Option<String>,
    entry: Option<Entry>,
}

/// The entry of the log that came with an event.
struct Entry {
    place: String,
    said: String,
}

impl Happened {
    fn new(event: Event, names: &Names, w: &Language) -> Self {
        let what = event.what;
        let entry = what.revocation.map(|number| Entry {
            place: format!("/admin/revocations?before={}#entry-{number}", number.saturating_add(1)),
            said: w.count("console-entry", number),
        });
        Self {
            at: Moment::exact(what.at),
            said: w.say(&format!("console-event-{}", what.kind)).to_owned(),
            doer: Doer::new(&what.actor, names, w),
            client: what.client.map(|client| client.to_string()),
            address: what.address.map(|address| address.to_string()),
            detail: what.detail,
            entry,
        }
    }
}

/// One account: its state, its devices, what happened to it.
async fn show(id: Named, mut desk: Desk) -> Result<Response, Instead> {
    let world = desk.app().authority.world.clone();
    let user = administer_users::find_user(&world, &desk.admin, id.text()).await;
    let user = user.map_err(|error| desk.refused(error))?;
    let mut asked = desk.query();
    let after = asked.take("after").and_then(|text| session::read_cursor(&text));
    let before = asked.take("before").and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
    let devices = list_sessions::list_of_user(&world, &desk.admin, user.id, after, PAGE).await;
    let devices = devices.map_err(|error| desk.refused(error))?;
    let events = read_log::list_events_backwards(&world, &desk.admin, Some(user.id), before, PAGE).await;
    let (events, more) = events.map_err(|error| desk.refused(error))?;
    let actors = events.iter().filter_map(|event| Doer::user(&event.what.actor));
    let names = desk.names(actors.chain([user.id])).await?;
    let missing = desk.done().await?;
    let form_token = desk.member.visitor.form_token();
    let (w, now) = (desk.words(), world.now());
    let place = format!("/admin/users/{}", user.id);
    let last = events.last().filter(|_| more).map(|event| event.id);
    let login = user.login.clone();
    let page = UserPage {
        page: desk.frame(&login),
        chrome: desk.chrome(Room::Users),
        form_token: &form_token,
        place: &place,
        missing,
        user: Account::new(user, now),
        sessions: devices.sessions.into_iter().map(|listed| Row::new(listed, &desk, now, &names)).collect(),
        more_sessions: devices.next.map(|at| format!("{place}?after={}", session::cursor_text(at))),
        events: events.into_iter().map(|event| Happened::new(event, &names, w)).collect(),
        more_events: last.map(|id| format!("{place}?before={id}#history")),
    };
    Ok(desk.answer(&page))
}

async fn unlock(id: Named, posted: Posted) -> Result<Response, Instead> {
    let (member, form) = posted.member()?;
    let user: UserId = id.id("user")?;
    let place = format!("/admin/users/{user}");
    let (act, action) = (Act::Unlock(user), format!("{place}/unlock"));
    Ok(press(member, form, Button { act, action: &action, reason: "", what: "again-for-unlock", place: &place }).await)
}

#[cfg(test)]
mod tests {
    use rescind_domain::event::EventKind;

    use crate::http::pages::words::Words;

    #[test]
    fn every_event_has_its_words_in_every_language() {
        for language in Words::load().all() {
            for kind in EventKind::ALL {
                assert!(language.find(&format!("console-event-{kind}")).is_some(), "{}: {kind}", language.tag);
            }
        }
    }
}
