//! Server keys, for administrators. Their secrets are never shown.

use axum::Json;
use axum::extract::State;
use rescind_domain::clock::Timestamp;
use rescind_domain::key::{KeyRow, Purpose};
use rescind_domain::verbs::administer_keys;
use rescind_wire::Algorithm;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::api::revocation::{Answer, Revoked};
use crate::http::app::App;
use crate::http::body;
use crate::http::caller::Admin;
use crate::http::idempotency::Keyed;
use crate::http::page::{Cursor, Limit, page_of};
use crate::http::problem::Problem;
use crate::http::query::{Named, Query};
use crate::http::time::Time;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(rotate)).routes(routes!(compromise))
}

/// A key.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct ServerKey {
    /// Its name.
    kid: String,
    /// What it is for: signing in one of three ways, or the MACs of refresh tokens.
    purpose: &'static str,
    /// Whether it is in use.
    state: KeyState,
    /// When it was made.
    created_at: Time,
    /// When a newer key took over.
    superseded_at: Option<Time>,
    /// The entry of the log that added it; for a MAC key the last one before.
    added_by: u64,
    /// The entry of the log that revoked it.
    revoked_by: Option<u64>,
}

/// Whether a key is in use.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyState {
    /// New tokens are made with it.
    Current,
    /// A newer key took over; it verifies as long as its tokens can live.
    Superseded,
    /// Everything made with it is refused.
    Revoked,
}

impl From<KeyRow> for ServerKey {
    fn from(row: KeyRow) -> Self {
        let state = match (row.revoked, row.superseded_at) {
            (Some(_), _) => KeyState::Revoked,
            (None, Some(_)) => KeyState::Superseded,
            (None, None) => KeyState::Current,
        };
        Self {
            kid: row.id.to_string(),
            purpose: row.purpose.as_str(),
            state,
            created_at: Time(row.created_at),
            superseded_at: row.superseded_at.map(Time),
            added_by: row.added,
            revoked_by: row.revoked,
        }
    }
}

/// Which page of the list of keys.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Pages {
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Cursor<(u64, Timestamp, String)>>,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct Keys {
    /// The keys, in the order in which they were added.
    keys: Vec<ServerKey>,
    /// Where the next page goes on, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Keys {
    fn new(rows: Vec<KeyRow>, next: Option<String>) -> Self {
        let keys = rows.into_iter().map(ServerKey::from).collect();
        Self { keys, next }
    }
}

/// List keys.
///
/// Revoked ones too.
#[utoipa::path(
    get, path = "/v1/admin/keys", tag = "Administration: keys", operation_id = "listKeys", security(("bearer" = [])),
    params(Pages), responses((status = 200, description = "A page of the list", body = Keys)),
)]
async fn list(State(app): State<App>, admin: Admin, Query(pages): Query<Pages>) -> Result<Json<Keys>, Problem> {
    let rows = administer_keys::list_keys(&app.authority.world, &admin.0).await?;
    let place = |row: &KeyRow| (row.added, row.created_at, row.id.to_string());
    let (rows, next) = page_of(rows, place, pages.after.as_ref(), pages.limit);
    Ok(Json(Keys::new(rows, next)))
}

/// Which keys to replace.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// Keys of this purpose; all in use if left out.
    purpose: Option<KeyPurpose>,
}

/// What a key is for.
#[derive(Clone, Copy, Deserialize, ToSchema)]
pub(crate) enum KeyPurpose {
    EdDSA,
    ES256,
    RS256,
    #[serde(rename = "HMAC-SHA256")]
    Mac,
}

impl From<KeyPurpose> for Purpose {
    fn from(purpose: KeyPurpose) -> Self {
        match purpose {
            KeyPurpose::EdDSA => Self::Sign(Algorithm::EdDSA),
            KeyPurpose::ES256 => Self::Sign(Algorithm::ES256),
            KeyPurpose::RS256 => Self::Sign(Algorithm::RS256),
            KeyPurpose::Mac => Self::Mac,
        }
    }
}

/// Replace keys.
///
/// The old ones verify as long as their tokens can live.
#[utoipa::path(
    post, path = "/v1/admin/keys/rotate", tag = "Administration: keys", operation_id = "rotateKeys",
    security(("bearer" = [])), request_body = Option<Rotation>,
    responses((status = 200, description = "The new keys", body = Keys)),
)]
async fn rotate(
    State(app): State<App>,
    admin: Admin,
    body::Optional(rotation): body::Optional<Rotation>,
) -> Result<Json<Keys>, Problem> {
    let only = rotation.purpose.map(Purpose::from);
    let made = administer_keys::rotate_keys(&app.authority.world, &admin.0, only).await?;
    // They sign once the verifiers have them: here, once the log has been read again.
    app.authority.hint();
    Ok(Json(Keys::new(made, None)))
}

/// Why a key is revoked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compromise {
    /// Why, for the log: at most 500 bytes.
    #[schema(max_length = 500)]
    reason: String,
}

/// Revoke a key that may have leaked.
///
/// Everything made with it is refused at once, whatever it says of itself, and a new key takes its place.
#[utoipa::path(
    post, path = "/v1/admin/keys/{kid}/compromise", tag = "Administration: keys", operation_id = "compromiseKey",
    security(("bearer" = [])), request_body = Compromise,
    params(
        ("kid" = String, Path, description = "The key"),
        ("Idempotency-Key" = Option<String>, Header, description = "So that it is done once"),
    ),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn compromise(
    State(app): State<App>,
    admin: Admin,
    kid: Named,
    Keyed { body: Compromise { reason }, key: once }: Keyed<Compromise>,
) -> Result<Answer<Revoked>, Problem> {
    let (key, once) = (kid.id("key")?, once.map(|once| once.said_by(admin.caller())));
    let receipt = administer_keys::compromise_key(&app.authority.world, &admin.0, key, reason, once).await?;
    Ok(Revoked::here(&app.authority, receipt).await)
}
