//! The revocation log, for administrators: reading it, and revoking by scope.

use std::str::FromStr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rescind_domain::verbs::{read_log, revoke};
use rescind_wire::position::{InvalidPosition, MAX_NUMBER};
use rescind_wire::{Epoch, Position};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::api::revocation::{Answer, Covered, Revocation, Revoked};
use crate::http::app::App;
use crate::http::body::Object;
use crate::http::caller::Admin;
use crate::http::idempotency::Keyed;
use crate::http::page::Limit;
use crate::http::problem::Problem;
use crate::http::query::{Named, Query};
use crate::http::waiting::Enforcement;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list, create)).routes(routes!(show))
}

/// A revocation to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRevocation {
    /// What it covers.
    #[schema(value_type = Covered)]
    scope: Object<Covered>,
    /// Why, for the log: at most 500 bytes.
    #[schema(max_length = 500)]
    reason: String,
}

/// Revoke.
///
/// Ends everything in the scope that was issued so far: one entry of the log, however much it ends.
#[utoipa::path(
    post, path = "/v1/admin/revocations", tag = "Administration: log", operation_id = "revoke",
    security(("bearer" = [])), request_body = NewRevocation,
    params(("Idempotency-Key" = Option<String>, Header, description = "So that it is done once")),
    responses((status = 201, description = "What was revoked", body = Revoked)),
)]
async fn create(
    State(app): State<App>,
    admin: Admin,
    Keyed { body, key }: Keyed<NewRevocation>,
) -> Result<(StatusCode, Answer<Revoked>), Problem> {
    let key = key.map(|key| key.said_by(admin.caller()));
    let receipt = revoke::revoke(&app.authority.world, &admin.0, body.scope.0.0, body.reason, key).await?;
    Ok((StatusCode::CREATED, Revoked::here(&app.authority, receipt).await))
}

/// Which page of the log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Pages {
    /// The `next` of the page before, or the position of any revocation.
    #[param(value_type = Option<String>)]
    after: Option<Position>,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

/// A page of the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revocations {
    /// The revocations, oldest first.
    revocations: Vec<Revocation>,
    /// Where the next page goes on, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Read the log.
///
/// To follow it, ask again with the position of the last revocation that you have. After a restore that goes on where the
/// two histories part, so that revocations of the new one that have the same numbers are there; a position that this log
/// never had is 410.
#[utoipa::path(
    get, path = "/v1/admin/revocations", tag = "Administration: log", operation_id = "listRevocations",
    security(("bearer" = [])), params(Pages),
    responses((status = 200, description = "A page of the log", body = Revocations)),
)]
async fn list(State(app): State<App>, admin: Admin, Query(pages): Query<Pages>) -> Result<Json<Revocations>, Problem> {
    let (found, more) = read_log::revocations_after(&app.authority.world, &admin.0, pages.after, pages.limit.0).await?;
    let last = found.last().filter(|_| more);
    let next = last.map(|revocation| revocation.row.position.to_string());
    let revocations = found.into_iter().map(Revocation::from).collect();
    Ok(Json(Revocations { revocations, next }))
}

/// An entry that is asked for: one of the current epoch where no epoch is named.
struct Sought {
    epoch: Option<Epoch>,
    number: u64,
}

impl FromStr for Sought {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        if text.contains('.') {
            let Position { epoch, number } = text.parse()?;
            return Ok(Self { epoch: Some(epoch), number });
        }
        let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let number = text.parse().ok().filter(|number| canonical && *number <= MAX_NUMBER);
        Ok(Self { epoch: None, number: number.ok_or(InvalidPosition)? })
    }
}

/// A revocation, alone.
#[derive(Serialize, ToSchema)]
#[schema(as = RevocationAnswer)]
pub(crate) struct OneRevocation {
    revocation: Revocation,
    /// Whether it is enforced by now.
    enforcement: Enforcement,
}

/// Look at a revocation.
///
/// And at how far its enforcement has come.
#[utoipa::path(
    get, path = "/v1/admin/revocations/{position}", tag = "Administration: log", operation_id = "findRevocation",
    security(("bearer" = [])), params((
        "position" = String, Path,
        description = "Where it stands in the log: `epoch.number`, as lists show it, or a number of the current epoch alone",
    )),
    responses((status = 200, description = "The revocation", body = OneRevocation)),
)]
async fn show(State(app): State<App>, admin: Admin, position: Named) -> Result<Json<OneRevocation>, Problem> {
    let Sought { epoch, number } = position.id("revocation")?;
    let found = read_log::find_revocation(&app.authority.world, &admin.0, epoch, number).await?;
    let enforcement = app.authority.enforcement(number, Duration::ZERO).await?;
    let enforcement = Enforcement::new(&app.authority, enforcement, true);
    let revocation = found.into();
    Ok(Json(OneRevocation { revocation, enforcement }))
}
