//! One's own account.

use axum::Json;
use axum::extract::State;
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::verbs::{administer_users, change_password, delete_account, lock_account, reauthenticate};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::device::Tokens;
use super::revocation::{Answer, Revoked};
use super::user::OneUser;
use crate::http::app::App;
use crate::http::body;
use crate::http::caller::Caller;
use crate::http::idempotency::{Keyed, Returning};
use crate::http::password::Chosen;
use crate::http::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(show))
        .routes(routes!(set_password))
        .routes(routes!(lock))
        .routes(routes!(delete))
        .routes(routes!(authenticate_again))
}

/// A body without members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Who am I?
#[utoipa::path(
    get, path = "/v1/me", tag = "Accounts", operation_id = "whoAmI", security(("bearer" = [])),
    responses((status = 200, description = "The account of whoever is signed in", body = OneUser)),
)]
async fn show(State(app): State<App>, caller: Caller) -> Result<Json<OneUser>, Problem> {
    let user = administer_users::who_am_i(&app.authority.world, &caller.acting()).await?;
    Ok(Json(OneUser::at(user, app.authority.world.now())))
}

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password so far.
    #[schema(value_type = String, format = Password, max_length = 1024)]
    current_password: Password,
    /// The new one: 8 characters at least.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    new_password: Chosen,
}

/// Change the password.
///
/// Every other session of the account ends. This one goes on, and its tokens stay good.
#[utoipa::path(
    put, path = "/v1/me/password", tag = "Accounts", operation_id = "changePassword", security(("bearer" = [])),
    request_body = PasswordChange,
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn set_password(
    State(app): State<App>,
    caller: Caller,
    body::Json(change): body::Json<PasswordChange>,
) -> Result<Answer<Revoked>, Problem> {
    let (current, new) = (change.current_password, change.new_password.within_bounds("new_password")?);
    let receipt = change_password::change_own(&app.authority.world, &caller.acting(), current, new).await;
    let receipt = receipt.map_err(|error| match error {
        Error::WeakPassword(_) => Problem::from(error).field("new_password"),
        other => other.into(),
    })?;
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// Lock the account.
///
/// Ends every session, this one too, and refuses sign-ins until the lock runs out. Needs a fresh authentication.
#[utoipa::path(
    post, path = "/v1/me/lock", tag = "Accounts", operation_id = "lockMe", security(("bearer" = [])),
    request_body = Option<Nothing>,
    params(("Idempotency-Key" = Option<String>, Header, description = "So that it is done once")),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn lock(
    State(app): State<App>,
    caller: Returning,
    Keyed { body: Nothing {}, key }: Keyed<Nothing>,
) -> Result<Answer<Revoked>, Problem> {
    let (world, key) = (&app.authority.world, key.map(|key| caller.says(key)));
    let done = match caller.acting() {
        Some(acting) => Some(lock_account::lock_own(world, &acting, key.clone()).await),
        None => None,
    };
    let receipt = caller.told(world, done, key).await?;
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// A password, as a confirmation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    /// The password of whoever is signed in.
    #[schema(value_type = String, format = Password, max_length = 1024)]
    password: Password,
}

/// Delete the account.
///
/// Ends everything of it, for good.
#[utoipa::path(
    post, path = "/v1/me/delete", tag = "Accounts", operation_id = "deleteMe", security(("bearer" = [])),
    request_body = Confirmation,
    params(("Idempotency-Key" = Option<String>, Header, description = "So that it is done once")),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn delete(
    State(app): State<App>,
    caller: Returning,
    Keyed { body: Confirmation { password }, key }: Keyed<Confirmation>,
) -> Result<Answer<Revoked>, Problem> {
    let (world, key) = (&app.authority.world, key.map(|key| caller.says(key)));
    let done = match caller.acting() {
        Some(acting) => Some(delete_account::delete_own(world, &acting, password, key.clone()).await),
        None => None,
    };
    let receipt = caller.told(world, done, key).await?;
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// Authenticate again.
///
/// The session goes on under the same id, with new tokens. What needs a fresh authentication is allowed for a while.
#[utoipa::path(
    post, path = "/v1/reauthenticate", tag = "Sessions", operation_id = "reauthenticate",
    security(("bearer" = [])), request_body = Confirmation,
    responses((status = 200, description = "The session, and new tokens for it", body = Tokens)),
)]
async fn authenticate_again(
    State(app): State<App>,
    caller: Caller,
    body::Json(confirmation): body::Json<Confirmation>,
) -> Result<Json<Tokens>, Problem> {
    let acting = caller.acting();
    let signed_in = reauthenticate::reauthenticate(&app.authority.world, &acting, confirmation.password).await?;
    app.authority.live.poke();
    Ok(Json(Tokens::new(signed_in, app.authority.atlas())))
}
