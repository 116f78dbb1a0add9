//! What happened to one's own account.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use rescind_domain::event::EventId;
use rescind_domain::revocation::Actor;
use rescind_domain::verbs::list_own_events::{self, OwnEvent};
use rescind_wire::UserId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::device::Device;
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::page::Limit;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::time::Time;
use crate::places::{ENGLISH, Place};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list))
}

/// Something that happened to one's own account.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnEvent)]
pub(crate) struct Happened {
    /// Its id. Later events have greater numbers.
    #[schema(pattern = "^evt_[0-9]+$")]
    id: String,
    /// When.
    at: Time,
    /// What: `signed_in`, `session_ended`, …
    kind: &'static str,
    /// Which session.
    session_id: Option<String>,
    /// The device of that session, for as long as the session is known.
    device: Option<Named>,
    /// Which application.
    client_id: Option<String>,
    /// Who did it.
    by: DoneBy,
    /// From where, if it was the owner, or somebody who tried to be, unless addresses are not stored.
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// Roughly where that address is, if that is known.
    place: Option<Place>,
}

/// The device that something happened to.
#[derive(Serialize, ToSchema)]
#[schema(as = EventDevice)]
pub(crate) struct Named {
    /// Which.
    #[serde(flatten)]
    device: Device,
    /// The address that it signed in from, unless addresses are not stored.
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// Roughly where that address is, if that is known.
    place: Option<Place>,
}

/// Who did something to an account.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DoneBy {
    /// Its owner.
    Owner,
    /// Whoever administers.
    Administrator,
    /// Rescind itself.
    System,
    /// Somebody who did not show who they are.
    Unknown,
}

impl DoneBy {
    fn of(actor: &Actor, owner: Option<&UserId>) -> Self {
        match actor {
            Actor::User { user, .. } if Some(user) == owner => Self::Owner,
            Actor::User { .. } | Actor::Client(_) | Actor::CommandLine => Self::Administrator,
            Actor::System => Self::System,
            Actor::Anonymous => Self::Unknown,
        }
    }
}

impl Happened {
    fn new(told: OwnEvent, app: &App) -> Self {
        let OwnEvent { event, session } = told;
        let what = event.what;
        let place = |address| app.authority.atlas().and_then(|places| places.find(address, ENGLISH));
        Self {
            id: EventId(event.id).to_string(),
            at: Time(what.at),
            kind: what.kind.as_str(),
            session_id: what.session.map(|id| id.to_string()),
            device: session.map(|session| Named {
                device: Device::new(session.name, session.user_agent.as_deref()),
                ip: session.address,
                place: session.address.and_then(place),
            }),
            client_id: what.client.map(|id| id.to_string()),
            by: DoneBy::of(&what.actor, what.user.as_ref()),
            ip: what.address,
            place: what.address.and_then(place),
        }
    }
}

/// Which page of what happened.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Pages {
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<EventId>,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

/// A page of what happened to one's own account.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnEvents {
    /// The events, newest first.
    events: Vec<Happened>,
    /// Where the next page goes on, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What happened to my account?
///
/// Sign-ins, failed ones too, changes of the password, and whatever ended; newest first.
#[utoipa::path(
    get, path = "/v1/me/events", tag = "Accounts", operation_id = "listMyEvents", security(("bearer" = [])),
    params(Pages), responses((status = 200, description = "A page of it", body = OwnEvents)),
)]
async fn list(State(app): State<App>, caller: Caller, Query(pages): Query<Pages>) -> Result<Json<OwnEvents>, Problem> {
    let before = pages.after.map(|id| id.0);
    let world = &app.authority.world;
    let page = list_own_events::list_own_events(world, &caller.acting(), before, pages.limit.0).await?;
    let events = page.events.into_iter().map(|told| Happened::new(told, &app)).collect();
    Ok(Json(OwnEvents { events, next: page.next.map(|id| EventId(id).to_string()) }))
}
