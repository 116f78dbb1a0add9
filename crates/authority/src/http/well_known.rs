//! What others look for at a known place (RFC 8615).

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use rescind_domain::verbs::publish_keys;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::problem::Problem;

/// How long others may keep the keys: a new key signs before everyone has fetched it again only for those that do not
/// look once more when they meet an unknown `kid`, as every JWT library does.
const KEEP: &str = "public, max-age=60";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(keys))
}

/// Signing keys.
///
/// The public keys that access tokens may be signed with (RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "OAuth", operation_id = "keySet",
    responses((
        status = 200, description = "The keys", content_type = "application/jwk-set+json",
        body = std::collections::BTreeMap<String, serde_json::Value>,
    )),
)]
async fn keys(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let keys = publish_keys::publish_keys(&app.authority.world).await?;
    let headers = [(CACHE_CONTROL, KEEP), (CONTENT_TYPE, "application/jwk-set+json")];
    Ok((headers, Json(keys)))
}
