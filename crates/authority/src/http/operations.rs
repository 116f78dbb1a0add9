//! For operators: is it alive, is it ready, what does it do.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::exposition;
use super::problem::{Problem, kinds};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(health)).routes(routes!(readiness)).routes(routes!(metrics))
}

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    /// `ok` or `ready`.
    status: &'static str,
}

/// Is it alive?
#[utoipa::path(
    get, path = "/healthz", tag = "Operations", operation_id = "health",
    responses((status = 200, description = "It answers", body = Status)),
)]
async fn health() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// Is it ready?
///
/// It is if the store can be read and access tokens can be checked.
#[utoipa::path(
    get, path = "/readyz", tag = "Operations", operation_id = "readiness",
    responses((status = 200, description = "It is", body = Status)),
)]
async fn readiness(State(app): State<App>) -> Result<Json<Status>, Problem> {
    let not = |why: String| Problem::new(kinds::NOT_READY).detail(why);
    if let Some(reason) = app.authority.verifier.health().unavailable {
        return Err(not(format!("Access tokens cannot be checked: {reason}.")));
    }
    if let Err(error) = app.authority.world.store.position().await {
        tracing::warn!(%error, "not ready");
        return Err(not("The store cannot be read; the server's log says why.".to_owned()));
    }
    Ok(Json(Status { status: "ready" }))
}

/// What does it do?
///
/// Counters in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "Operations", operation_id = "metrics",
    responses((status = 200, description = "Counters", body = String, content_type = "text/plain")),
)]
async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (headers, exposition::write(&app))
}
