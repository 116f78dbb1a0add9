//! The verifiers that follow this node, for administrators.

use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rescind_domain::verbs::read_log;
use rescind_wire::Position;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::Authority;
use crate::feed::Listed;
use crate::http::app::App;
use crate::http::caller::Admin;
use crate::http::page::{Cursor, Limit, page_of};
use crate::http::problem::Problem;
use crate::http::query::{Named, Query};
use crate::http::time::Time;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(evict))
}

/// A verifier.
#[derive(Serialize, ToSchema)]
pub(crate) struct Verifier {
    /// Its connection.
    id: String,
    /// What it calls itself.
    name: String,
    /// The client that it is.
    client_id: String,
    /// From where.
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// Whether it is connected; one that left counts until its lease is over.
    connected: bool,
    /// The last entry of the log that it has applied.
    position: u64,
    /// For how long it accepts tokens without hearing from here, in milliseconds.
    lease_ms: u64,
    /// For how long it may still accept tokens, as the authority counts, in milliseconds; none without a lease.
    lease_left_ms: Option<u64>,
    /// How long ago it acknowledged last, in milliseconds.
    acked_ms_ago: Option<u64>,
    /// Since when it follows.
    since: Time,
}

impl Verifier {
    fn new(listed: &Listed, now: Duration) -> Self {
        let follower = &listed.follower;
        Self {
            id: listed.id.to_string(),
            name: follower.name.clone(),
            client_id: follower.client.to_string(),
            ip: follower.address,
            connected: listed.connected,
            position: listed.position,
            lease_ms: millis(follower.lease),
            lease_left_ms: listed.until.map(|until| millis(until.saturating_sub(now))),
            acked_ms_ago: listed.acked_at.map(|at| millis(now.saturating_sub(at))),
            since: Time(follower.since),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Which page of the list of verifiers.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Pages {
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Cursor<u64>>,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

/// Verifiers.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
pub(crate) struct Verifiers {
    /// Those that follow this node, in the order in which they connected.
    verifiers: Vec<Verifier>,
    /// The head of the log that they follow.
    head: String,
    /// Where the next page goes on, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Verifiers {
    /// All of these, at this head of the log.
    pub(crate) fn new(authority: &Authority, listed: &[Listed], head: Position) -> Self {
        let now = authority.clock.boottime();
        let verifiers = listed.iter().map(|listed| Verifier::new(listed, now)).collect();
        Self { verifiers, head: head.to_string(), next: None }
    }
}

/// List verifiers.
#[utoipa::path(
    get, path = "/v1/admin/verifiers", tag = "Verifiers", operation_id = "listVerifiers", security(("bearer" = [])),
    params(Pages), responses((status = 200, description = "A page of the list", body = Verifiers)),
)]
async fn list(State(app): State<App>, admin: Admin, Query(pages): Query<Pages>) -> Result<Json<Verifiers>, Problem> {
    let head = read_log::head(&app.authority.world, &admin.0).await?;
    let (listed, next) = page_of(app.authority.hub.list(), |listed| listed.id, pages.after.as_ref(), pages.limit);
    Ok(Json(Verifiers { next, ..Verifiers::new(&app.authority, &listed, head) }))
}

/// Evict a verifier.
///
/// Closes its connection. Its lease runs on until it is over. It may connect again, unless its client was removed.
#[utoipa::path(
    delete, path = "/v1/admin/verifiers/{id}", tag = "Verifiers", operation_id = "evictVerifier",
    security(("bearer" = [])), params(("id" = String, Path, description = "The verifier")),
    responses((status = 204, description = "Its connection is closed")),
)]
async fn evict(State(app): State<App>, admin: Admin, id: Named) -> Result<StatusCode, Problem> {
    // Who may not do this is told so first.
    app.authority.evict(&admin.0, id.id("verifier").ok()).await?;
    Ok(StatusCode::NO_CONTENT)
}
