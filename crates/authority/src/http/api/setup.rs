//! Setting up: the first administrator, made with the one-time link that the server printed as it started.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rescind_domain::Error;
use rescind_domain::secret::Secret;
use rescind_domain::verbs::set_up;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::user::OneUser;
use crate::http::app::App;
use crate::http::caller::Device;
use crate::http::idempotency::{self, Keyed};
use crate::http::password::Chosen;
use crate::http::problem::{Problem, kinds};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(set_up))
}

/// What makes the first administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUp {
    /// The token of the link that the server printed.
    #[schema(format = Password)]
    token: String,
    /// The login name.
    #[schema(min_length = 1)]
    login: String,
    /// The password: 8 characters at least.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Chosen,
}

/// Make the first administrator.
#[utoipa::path(
    post, path = "/v1/setup", tag = "Accounts", operation_id = "setUp", request_body = SetUp,
    params(("Idempotency-Key" = Option<String>, Header, description = "So that it is done once")),
    responses((status = 201, description = "The administrator", body = OneUser)),
)]
async fn set_up(
    State(app): State<App>,
    device: Device,
    Keyed { body: request, key }: Keyed<SetUp>,
) -> Result<(StatusCode, Json<OneUser>), Problem> {
    let password = request.password.within_bounds("password")?;
    let token = Secret::new(request.token);
    let world = &app.authority.world;
    let key = key.map(|key| key.said_by(idempotency::set_up(&app.authority, &token)));
    let made = set_up::set_up(world, token, &request.login, password, device.address, key).await;
    let user = made.map_err(|error| match error {
        Error::Forbidden => Problem::new(kinds::SET_UP_REFUSED),
        other => other.into(),
    })?;
    Ok((StatusCode::CREATED, Json(user.into())))
}
