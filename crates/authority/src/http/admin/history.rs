//! What happened lately, for administrators' charts.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use rescind_domain::verbs::read_log;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::history::{Counted, Slot, Times};
use crate::http::app::App;
use crate::http::caller::Admin;
use crate::http::problem::Problem;
use crate::http::time::Time;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(show))
}

/// What happened since this server began, and at most a day ago.
#[derive(Serialize, ToSchema)]
pub(crate) struct History {
    /// The last hour: a minute each, oldest first. The last one goes on.
    hour: Vec<Period>,
    /// The last day: a quarter of an hour each, likewise.
    day: Vec<Period>,
}

/// What happened in a minute, or in a quarter of an hour.
#[derive(Serialize, ToSchema)]
pub(crate) struct Period {
    /// When it began.
    at: Time,
    /// Sign-ins.
    sign_ins: Outcomes,
    /// Refreshes.
    refreshes: Outcomes,
    /// Requests to this server with an access token.
    tokens: Checks,
    /// Revocations that this server learned of.
    revocations: u64,
    /// How long it took from there until none of its verifiers accepted what they cover; those for which that came about in
    /// this period.
    enforcement: Spread,
}

/// How something went.
#[derive(Serialize, ToSchema)]
pub(crate) struct Outcomes {
    /// How often well.
    ok: u64,
    /// How often it was refused.
    refused: u64,
}

/// What became of access tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checks {
    /// How many were accepted.
    accepted: u64,
    /// How many were refused, or could not be checked.
    refused: u64,
}

/// How long something took, in milliseconds; null if there was none. Median and percentile are at most a quarter too long.
#[derive(Serialize, ToSchema)]
pub(crate) struct Spread {
    /// How many.
    count: u64,
    /// Half took no longer.
    median_ms: Option<f64>,
    /// 99 of 100 took no longer.
    p99_ms: Option<f64>,
    /// The longest.
    max_ms: Option<f64>,
}

impl From<&Slot> for Period {
    fn from(slot: &Slot) -> Self {
        let outcomes = |ok, refused| Outcomes { ok: slot.counted(ok), refused: slot.counted(refused) };
        Self {
            at: Time(slot.at),
            sign_ins: outcomes(Counted::SignIn, Counted::SignInRefused),
            refreshes: outcomes(Counted::Refresh, Counted::RefreshRefused),
            tokens: Checks { accepted: slot.counted(Counted::Accepted), refused: slot.counted(Counted::Refused) },
            revocations: slot.revocations,
            enforcement: Spread::from(&slot.enforcement),
        }
    }
}

impl From<&Times> for Spread {
    fn from(times: &Times) -> Self {
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let some = |time: Duration| (times.count() > 0).then_some(f64::from(micros(time)) / 1000.0);
        Self {
            count: times.count(),
            median_ms: some(times.percentile(50)),
            p99_ms: some(times.percentile(99)),
            max_ms: some(times.max()),
        }
    }
}

/// Look back.
///
/// At sign-ins, refreshes, refusals and enforcements of the last hour and the last day. Kept in memory, by each server for
/// itself, since it began.
#[utoipa::path(
    get, path = "/v1/admin/history", tag = "Operations", operation_id = "showHistory", security(("bearer" = [])),
    responses((status = 200, description = "The last hour and the last day", body = History)),
)]
async fn show(State(app): State<App>, admin: Admin) -> Result<Json<History>, Problem> {
    read_log::head(&app.authority.world, &admin.0).await?;
    let lately = app.authority.history.lately(app.authority.world.now());
    let shown = |slots: &[Slot]| slots.iter().map(Period::from).collect();
    Ok(Json(History { hour: shown(&lately.hour), day: shown(&lately.day) }))
}
