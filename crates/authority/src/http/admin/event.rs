//! The audit log, for administrators.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use rescind_domain::event::{self, EventId};
use rescind_domain::verbs::read_log;
use rescind_wire::UserId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::api::revocation::Doer;
use crate::http::app::App;
use crate::http::caller::Admin;
use crate::http::page::Limit;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::time::Time;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list))
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its id. Later events have greater numbers.
    #[schema(pattern = "^evt_[0-9]+$")]
    id: String,
    /// When.
    at: Time,
    /// What: `signed_in`, `session_ended`, …
    kind: &'static str,
    /// Whom it is about.
    user_id: Option<String>,
    /// Which of their sessions.
    session_id: Option<String>,
    /// Which application.
    client_id: Option<String>,
    /// Who did it.
    actor: Doer,
    /// From where, unless addresses are not stored.
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// The entry of the revocation log that it came with.
    revocation: Option<u64>,
    /// A few words more.
    detail: Option<String>,
}

impl From<event::Event> for Event {
    fn from(event: event::Event) -> Self {
        let what = event.what;
        Self {
            id: EventId(event.id).to_string(),
            at: Time(what.at),
            kind: what.kind.as_str(),
            user_id: what.user.map(|id| id.to_string()),
            session_id: what.session.map(|id| id.to_string()),
            client_id: what.client.map(|id| id.to_string()),
            actor: what.actor.into(),
            ip: what.address,
            revocation: what.revocation,
            detail: what.detail,
        }
    }
}

/// Which events come first.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// To follow what happens.
    #[default]
    Oldest,
    /// To look back.
    Newest,
}

/// Which page of the audit log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Pages {
    /// Events about this account only.
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// The `next` of the page before, or the id of any event.
    #[param(value_type = Option<String>)]
    after: Option<EventId>,
    /// Which come first: the `oldest` unless said otherwise.
    #[serde(default)]
    #[param(inline, required = false)]
    order: Order,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Events {
    /// The events, in the order that was asked for.
    events: Vec<Event>,
    /// Where the next page goes on, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Read the audit log.
///
/// To follow it, ask again with the id of the last event that you have. Whatever was written after a restore has greater
/// numbers than anything before, so nothing of it is missed; an id that was never given is 410.
#[utoipa::path(
    get, path = "/v1/admin/events", tag = "Administration: log", operation_id = "listEvents",
    security(("bearer" = [])), params(Pages),
    responses((status = 200, description = "A page of the audit log", body = Events)),
)]
async fn list(State(app): State<App>, admin: Admin, Query(pages): Query<Pages>) -> Result<Json<Events>, Problem> {
    let (world, after, limit) = (&app.authority.world, pages.after.map(|id| id.0), pages.limit.0);
    let (found, more) = match pages.order {
        Order::Oldest => read_log::list_events(world, &admin.0, pages.user, after.unwrap_or(0), limit).await?,
        Order::Newest => {
            let before = after.unwrap_or(u64::MAX);
            read_log::list_events_backwards(world, &admin.0, pages.user, before, limit).await?
        }
    };
    let last = found.last().filter(|_| more);
    let next = last.map(|event| EventId(event.id).to_string());
    let events = found.into_iter().map(Event::from).collect();
    Ok(Json(Events { events, next }))
}
