//! Accounts, for administrators.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use rescind_domain::Error;
use rescind_domain::user::{Particulars, Role};
use rescind_domain::verbs::administer_users::Changes;
use rescind_domain::verbs::lock_account::{self, LockFor};
use rescind_domain::verbs::{administer_users, change_password, delete_account};
use rescind_wire::UserId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Why;
use crate::http::api::revocation::{Answer, Revoked};
use crate::http::api::user::{Account, OneUser};
use crate::http::app::App;
use crate::http::body::{self, Given};
use crate::http::caller::Admin;
use crate::http::idempotency::Keyed;
use crate::http::page::{Cursor, Limit};
use crate::http::password::Chosen;
use crate::http::problem::Problem;
use crate::http::query::{Named, Query};
use crate::http::waiting::Waiting;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(set_password))
        .routes(routes!(lock, unlock))
}

/// Which page of the list of accounts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// Part of a login name. Every account is looked at: where there are many, ask for a `prefix`.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    query: String,
    /// The beginning of a login name, in any spelling, or an id; not together with `query`.
    prefix: Option<String>,
    /// The id that another system knows the account by, exactly; not together with `query` or `prefix`.
    external_id: Option<String>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Cursor<String>>,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

const ONE_OF_THEM: &str = "Send only one of `query`, `prefix` and `external_id`.";

/// A page of accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    /// The accounts, by login name.
    users: Vec<Account>,
    /// Where the next page goes on, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// List accounts.
#[utoipa::path(
    get, path = "/v1/admin/users", tag = "Administration: accounts", operation_id = "listUsers",
    security(("bearer" = [])), params(Search),
    responses((status = 200, description = "A page of the list", body = Users)),
)]
async fn list(State(app): State<App>, admin: Admin, Query(search): Query<Search>) -> Result<Json<Users>, Problem> {
    let Search { query, prefix, external_id, after, limit: Limit(most) } = search;
    let (limit, after) = (most as usize, after.map(|cursor| cursor.0).unwrap_or_default());
    let (world, admin) = (&app.authority.world, &admin.0);
    let mut users = match (prefix, external_id) {
        (Some(_), Some(_)) => return Err(Problem::invalid(ONE_OF_THEM)),
        (Some(_), None) | (None, Some(_)) if !query.is_empty() => return Err(Problem::invalid(ONE_OF_THEM)),
        (Some(prefix), None) => administer_users::search_users(world, admin, &prefix, after, most + 1).await?,
        (None, Some(id)) => {
            let found = administer_users::find_external_user(world, admin, &id).await?;
            found.filter(|user| user.login_key > after).into_iter().collect()
        }
        (None, None) => administer_users::list_users(world, admin, query, after, most + 1).await?,
    };
    let more = users.len() > limit;
    users.truncate(limit);
    let last = users.last().filter(|_| more);
    let next = last.map(|user| Cursor(user.login_key.clone()).text());
    let now = world.now();
    let users = users.into_iter().map(|user| Account::at(user, now)).collect();
    Ok(Json(Users { users, next }))
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The login name: a name, or an e-mail address.
    #[schema(min_length = 1)]
    login: String,
    /// The password: 8 characters at least.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Chosen,
    /// What the account may do; `user` unless said otherwise.
    role: Option<RoleName>,
    /// The id that another system knows the account by, which no other account has.
    #[schema(min_length = 1, max_length = 255)]
    external_id: Option<String>,
    /// A JSON object of the application's, of at most 4,096 bytes.
    #[schema(value_type = Option<std::collections::BTreeMap<String, serde_json::Value>>)]
    metadata: Option<Box<RawValue>>,
}

/// What an account may do.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
pub(crate) enum RoleName {
    /// Its own sessions and settings.
    User,
    /// Everybody's.
    Administrator,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::User => Self::User,
            RoleName::Administrator => Self::Administrator,
        }
    }
}

/// Make an account, whether sign-up is switched on or not.
#[utoipa::path(
    post, path = "/v1/admin/users", tag = "Administration: accounts", operation_id = "createUser",
    security(("bearer" = [])), request_body = NewUser,
    params(("Idempotency-Key" = Option<String>, Header, description = "So that it is done once")),
    responses((status = 201, description = "The account", body = OneUser)),
)]
async fn create(
    State(app): State<App>,
    admin: Admin,
    Keyed { body, key }: Keyed<NewUser>,
) -> Result<(StatusCode, Json<OneUser>), Problem> {
    let password = body.password.within_bounds("password")?;
    let key = key.map(|key| key.said_by(admin.caller()));
    let particulars = Particulars {
        role: body.role.map_or(Role::User, Role::from),
        external_id: body.external_id,
        metadata: body.metadata.map(|json| json.get().to_owned()),
    };
    let world = &app.authority.world;
    let user = administer_users::add_user(world, &admin.0, &body.login, password, particulars, key).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// Look at an account.
#[utoipa::path(
    get, path = "/v1/admin/users/{id}", tag = "Administration: accounts", operation_id = "findUser",
    security(("bearer" = [])), params(("id" = String, Path, description = "The account: its id, or its login name")),
    responses((status = 200, description = "The account", body = OneUser)),
)]
async fn show(State(app): State<App>, admin: Admin, id: Named) -> Result<Json<OneUser>, Problem> {
    let user = administer_users::find_user(&app.authority.world, &admin.0, id.text()).await?;
    Ok(Json(OneUser::at(user, app.authority.world.now())))
}

/// The account that a path names.
pub(super) async fn account(app: &App, admin: &Admin, named: &Named) -> Result<UserId, Problem> {
    match named.text().parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(administer_users::find_user(&app.authority.world, &admin.0, named.text()).await?.id),
    }
}

/// What to change about an account. What is left out stays; an external id or metadata that is null goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// What it may do.
    #[serde(default)]
    #[schema(value_type = RoleName, required = false)]
    role: Given<RoleName>,
    /// The id that another system knows it by, which no other account has.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    external_id: Given<String>,
    /// A JSON object of at most 4,096 bytes, which takes the place of the whole former one.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, serde_json::Value>>)]
    metadata: Given<Box<RawValue>>,
}

/// Change an account.
///
/// All of it or nothing. Changing the role ends no session.
#[utoipa::path(
    patch, path = "/v1/admin/users/{id}", tag = "Administration: accounts", operation_id = "changeUser",
    security(("bearer" = [])), params(("id" = String, Path, description = "The account: its id, or its login name")),
    request_body = UserChange,
    responses((status = 200, description = "The account as it is now", body = OneUser)),
)]
async fn change(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    body::Json(change): body::Json<UserChange>,
) -> Result<Json<OneUser>, Problem> {
    let user = account(&app, &admin, &id).await?;
    let changes = Changes {
        role: match change.role {
            Given::Not => None,
            Given::Null => return Err(Problem::invalid("role: `user` or `administrator`").field("role")),
            Given::Value(role) => Some(role.into()),
        },
        external_id: change.external_id.changed(),
        metadata: change.metadata.map(|json| json.get().to_owned()).changed(),
    };
    let user = administer_users::change_user(&app.authority.world, &admin.0, user, changes).await?;
    Ok(Json(OneUser::at(user, app.authority.world.now())))
}

/// Delete an account.
///
/// Ends everything of it, for good. Of an account that was deleted before, `wait` answers 200 with what was revoked then, and
/// how far that is enforced by now; without `wait` there is no such account.
#[utoipa::path(
    delete, path = "/v1/admin/users/{id}", tag = "Administration: accounts", operation_id = "deleteUser",
    security(("bearer" = [])), params(("id" = String, Path, description = "The account: its id, or its login name"), Why),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn delete(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    Query(why): Query<Why>,
    waiting: Option<Extension<Waiting>>,
) -> Result<Answer<Revoked>, Problem> {
    let (user, reason) = (account(&app, &admin, &id).await?, why.or("deleted by an administrator"));
    let world = &app.authority.world;
    let receipt = match delete_account::delete_user(world, &admin.0, user, reason).await {
        Err(Error::NotFound(_)) if waiting.is_some() => delete_account::deletion(world, &admin.0, user).await?,
        deleted => deleted?,
    };
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// A password for somebody else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The new one: 8 characters at least.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Chosen,
}

/// Set an account's password.
///
/// Ends every session of the account.
#[utoipa::path(
    put, path = "/v1/admin/users/{id}/password", tag = "Administration: accounts", operation_id = "setPassword",
    security(("bearer" = [])), params(("id" = String, Path, description = "The account: its id, or its login name")),
    request_body = NewPassword,
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn set_password(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    body::Json(new): body::Json<NewPassword>,
) -> Result<Answer<Revoked>, Problem> {
    let password = new.password.within_bounds("password")?;
    let user = account(&app, &admin, &id).await?;
    let receipt = change_password::set(&app.authority.world, &admin.0, user, password).await?;
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// How to lock an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockRequest {
    /// For how long; 0 until it is unlocked. As long as configured, if left out.
    #[schema(maximum = 12_614_400_000_u64)]
    seconds: Option<u64>,
    /// Why, for the log: at most 500 bytes.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// The longest lock that is not endless: 400 years, far from where times run out.
const LONGEST_LOCK: u64 = 400 * 365 * 24 * 60 * 60;

/// Lock an account.
///
/// Ends every session of it, and refuses sign-ins until the lock runs out or is taken away.
#[utoipa::path(
    post, path = "/v1/admin/users/{id}/lock", tag = "Administration: accounts", operation_id = "lockUser",
    security(("bearer" = [])), request_body = Option<LockRequest>,
    params(
        ("id" = String, Path, description = "The account: its id, or its login name"),
        ("Idempotency-Key" = Option<String>, Header, description = "So that it is done once"),
    ),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn lock(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    Keyed { body, key }: Keyed<LockRequest>,
) -> Result<Answer<Revoked>, Problem> {
    let lasts = match body.seconds {
        None => LockFor::Default,
        Some(0) => LockFor::UntilUnlocked,
        Some(seconds) if seconds <= LONGEST_LOCK => LockFor::Duration(Duration::from_secs(seconds)),
        Some(_) => return Err(Problem::invalid("seconds: at most 400 years; 0 is without an end").field("seconds")),
    };
    let user = account(&app, &admin, &id).await?;
    let reason = body.reason.unwrap_or_else(|| "locked by an administrator".to_owned());
    let key = key.map(|key| key.said_by(admin.caller()));
    let receipt = lock_account::lock_user(&app.authority.world, &admin.0, user, lasts, reason, key).await?;
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// Unlock an account.
///
/// What the lock ended stays ended.
#[utoipa::path(
    delete, path = "/v1/admin/users/{id}/lock", tag = "Administration: accounts", operation_id = "unlockUser",
    security(("bearer" = [])), params(("id" = String, Path, description = "The account: its id, or its login name")),
    responses((status = 204, description = "Unlocked")),
)]
async fn unlock(State(app): State<App>, admin: Admin, id: Named) -> Result<StatusCode, Problem> {
    let user = account(&app, &admin, &id).await?;
    lock_account::unlock_user(&app.authority.world, &admin.0, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
