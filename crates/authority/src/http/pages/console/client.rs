//! Applications: all of them, and one with its sessions.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use rescind_domain::client::{Algorithms, Client, ClientKind};
use rescind_domain::verbs::{administer_clients, list_sessions};
use rescind_wire::ClientId;

use super::PAGE;
use super::desk::{Chrome, Desk, Missing, Room};
use super::session::{self, Row};
use crate::http::app::App;
use crate::http::pages::frame::Frame;
use crate::http::pages::instead::Instead;
use crate::http::pages::moment::Moment;
use crate::http::pages::words::Language;
use crate::http::query::Named;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/clients", get(list)).route("/admin/clients/{id}", get(show))
}

/// An application, as pages show it.
struct Shown {
    id: String,
    name: String,
    kind: String,
    audiences: String,
    scopes: String,
    since: Moment,
}

impl Shown {
    fn new(client: Client, algorithms: &Algorithms, w: &Language) -> Self {
        let kind = match client.kind {
            ClientKind::Browser => "console-kind-browser",
            ClientKind::Native => "console-kind-native",
            ClientKind::Mobile => "console-kind-mobile",
            ClientKind::Service => "console-kind-service",
        };
        let audiences = client.audiences.iter().map(|name| format!("{name} ({})", algorithms.of(name)));
        Self {
            audiences: audiences.collect::<Vec<_>>().join(", "),
            id: client.id.to_string(),
            name: client.name,
            kind: w.say(kind).to_owned(),
            scopes: client.scopes.join(" "),
            since: Moment::exact(client.created_at),
        }
    }
}

#[derive(Template)]
#[template(path = "console/clients.html")]
struct ClientsPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    clients: Vec<Shown>,
    next: Option<String>,
}

async fn list(desk: Desk) -> Result<Response, Instead> {
    let after = desk.query().take("after").unwrap_or_default();
    let world = &desk.app().authority.world;
    let clients = administer_clients::list_clients(world, &desk.admin, after, PAGE + 1).await;
    let mut clients = clients.map_err(|error| desk.refused(error))?;
    let algorithms = administer_clients::list_algorithms(world, &desk.admin).await;
    let algorithms = algorithms.map_err(|error| desk.refused(error))?;
    let more = clients.len() > PAGE as usize;
    clients.truncate(PAGE as usize);
    let next = clients.last().filter(|_| more).map(|client| format!("/admin/clients?after={}", client.id));
    let clients = clients.into_iter().map(|client| Shown::new(client, &algorithms, desk.words())).collect();
    let (page, chrome) = (desk.frame("console-clients"), desk.chrome(Room::Clients));
    Ok(desk.answer(&ClientsPage { page, chrome, clients, next }))
}

#[derive(Template)]
#[template(path = "console/client.html")]
struct ClientPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    form_token: &'a str,
    place: &'a str,
    missing: Option<Missing>,
    client: Shown,
    sessions: Vec<Row>,
    next: Option<String>,
}

async fn show(id: Named, mut desk: Desk) -> Result<Response, Instead> {
    let world = desk.app().authority.world.clone();
    let id: ClientId = id.id("client")?;
    let client = administer_clients::find_client(&world, &desk.admin, id.clone()).await;
    let client = client.map_err(|error| desk.refused(error))?;
    let algorithms = administer_clients::list_algorithms(&world, &desk.admin).await;
    let algorithms = algorithms.map_err(|error| desk.refused(error))?;
    let after = desk.query().take("after").and_then(|text| session::read_pair(&text));
    let held = list_sessions::list_of_client(&world, &desk.admin, id.clone(), after, PAGE).await;
    let held = held.map_err(|error| desk.refused(error))?;
    let names = desk.names(held.sessions.iter().map(|listed| listed.session.user)).await?;
    let missing = desk.done().await?;
    let form_token = desk.member.visitor.form_token();
    let (w, now) = (desk.words(), world.now());
    let (name, place) = (client.name.clone(), format!("/admin/clients/{id}"));
    let page = ClientPage {
        page: desk.frame(&name),
        chrome: desk.chrome(Room::Clients),
        form_token: &form_token,
        place: &place,
        missing,
        client: Shown::new(client, &algorithms, w),
        sessions: held.sessions.into_iter().map(|listed| Row::new(listed, &desk, now, &names)).collect(),
        next: held.next.map(|(user, session)| format!("{place}?after={user}.{session}")),
    };
    Ok(desk.answer(&page))
}
