//! The audit log, for administrators.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use rescind_domain::event;
use rescind_domain::verbs::read_log;
use rescind_wire::UserId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
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

/// The id of an event, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EventId(u64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evt_{}", self.0)
    }
}

impl FromStr for EventId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("evt_").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        // Engines count in signed 64-bit integers.
        let number = digits.and_then(|digits| digits.parse::<i64>().ok()).and_then(|n| u64::try_from(n).ok());
        number.map(Self).ok_or("after is the id of an event")
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
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
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Events {
    /// The events, oldest first.
    events: Vec<Event>,
    /// Where the next page goes on, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Read the audit log.
///
/// To follow it, ask again with the id of the last event that you have.
#[utoipa::path(
    get, path = "/v1/admin/events", tag = "Administration: log", operation_id = "listEvents",
    security(("bearer" = [])), params(Pages),
    responses((status = 200, description = "A page of the audit log", body = Events)),
)]
async fn list(State(app): State<App>, admin: Admin, Query(pages): Query<Pages>) -> Result<Json<Events>, Problem> {
    let after = pages.after.map_or(0, |id| id.0);
    let world = &app.authority.world;
    let (found, more) = read_log::list_events(world, &admin.0, pages.user, after, pages.limit.0).await?;
    let last = found.last().filter(|_| more);
    let next = last.map(|event| EventId(event.id).to_string());
    let events = found.into_iter().map(Event::from).collect();
    Ok(Json(Events { events, next }))
}

#[cfg(test)]
mod tests {
    use super::EventId;

    #[test]
    fn the_id_of_an_event_reads_back_what_it_wrote_and_nothing_else() {
        assert_eq!("evt_42".parse(), Ok(EventId(42)));
        assert_eq!(EventId(42).to_string(), "evt_42");
        for bad in ["", "42", "evt_", "evt_-1", "evt_+1", "evt_1x", "evt_9223372036854775808"] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }
}
