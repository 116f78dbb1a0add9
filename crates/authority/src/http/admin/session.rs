//! Sessions of accounts and of clients, for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use rescind_domain::verbs::{end_session, list_sessions, revoke};
use rescind_wire::{Scope, SessionId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Why;
use super::user::account;
use crate::http::api::device::Session;
use crate::http::api::revocation::{Answer, Revoked, signed_out};
use crate::http::api::session::{Pages, Sessions, next};
use crate::http::app::App;
use crate::http::caller::Admin;
use crate::http::page::{Cursor, Limit};
use crate::http::problem::Problem;
use crate::http::query::{Named, Query};
use crate::http::waiting::Ended;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_of_user, end_all_of_user))
        .routes(routes!(list_of_client, end_all_of_client))
        .routes(routes!(end))
}

/// List an account's sessions.
#[utoipa::path(
    get, path = "/v1/admin/users/{id}/sessions", tag = "Administration: sessions",
    operation_id = "listSessionsOfUser", security(("bearer" = [])),
    params(("id" = String, Path, description = "The account: its id, or its login name"), Pages),
    responses((status = 200, description = "A page of the list", body = Sessions)),
)]
async fn list_of_user(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    Query(pages): Query<Pages>,
) -> Result<Json<Sessions>, Problem> {
    let world = &app.authority.world;
    let (after, limit) = pages.split();
    let user = account(&app, &admin, &id).await?;
    let page = list_sessions::list_of_user(world, &admin.0, user, after, limit).await?;
    let (own, now, places) = (admin.session(), world.now(), app.authority.atlas());
    let sessions = page.sessions.into_iter().map(|listed| Session::seen_by_admin(own, now, places, listed));
    Ok(Json(Sessions { sessions: sessions.collect(), next: next(page.next) }))
}

/// Sign an account out of all devices.
#[utoipa::path(
    delete, path = "/v1/admin/users/{id}/sessions", tag = "Administration: sessions",
    operation_id = "endSessionsOfUser", security(("bearer" = [])),
    params(("id" = String, Path, description = "The account: its id, or its login name"), Why),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn end_all_of_user(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    Query(why): Query<Why>,
) -> Result<Answer<Revoked>, Problem> {
    let scope = Scope::User { user: account(&app, &admin, &id).await?, except: None, deleted: false };
    let reason = why.or("signed out of all devices by an administrator");
    let receipt = revoke::revoke(&app.authority.world, &admin.0, scope, reason, None).await?;
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// Which page of a client's sessions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClientPages {
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Cursor<(UserId, SessionId)>>,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

/// List the sessions under which a client holds something.
#[utoipa::path(
    get, path = "/v1/admin/clients/{id}/sessions", tag = "Administration: sessions",
    operation_id = "listSessionsOfClient", security(("bearer" = [])),
    params(("id" = String, Path, description = "The client"), ClientPages),
    responses((status = 200, description = "A page of the list", body = Sessions)),
)]
async fn list_of_client(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    Query(pages): Query<ClientPages>,
) -> Result<Json<Sessions>, Problem> {
    let world = &app.authority.world;
    let after = pages.after.map(|cursor| cursor.0);
    let page = list_sessions::list_of_client(world, &admin.0, id.id("client")?, after, pages.limit.0).await?;
    let (own, now, places) = (admin.session(), world.now(), app.authority.atlas());
    let sessions = page.sessions.into_iter().map(|listed| Session::seen_by_admin(own, now, places, listed));
    Ok(Json(Sessions { sessions: sessions.collect(), next: page.next.map(|at| Cursor(at).text()) }))
}

/// Revoke everything that a client was given.
///
/// For any user and for itself. The client stays, and may be used again.
#[utoipa::path(
    delete, path = "/v1/admin/clients/{id}/sessions", tag = "Administration: sessions",
    operation_id = "endSessionsOfClient", security(("bearer" = [])),
    params(("id" = String, Path, description = "The client"), Why),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn end_all_of_client(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    Query(why): Query<Why>,
) -> Result<Answer<Revoked>, Problem> {
    let scope = Scope::Client { client: id.id("client")? };
    let reason = why.or("revoked by an administrator");
    let receipt = revoke::revoke(&app.authority.world, &admin.0, scope, reason, None).await?;
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// Sign anybody's device out.
///
/// One that has ended already stays as it is.
#[utoipa::path(
    delete, path = "/v1/admin/sessions/{id}", tag = "Administration: sessions", operation_id = "endAnySession",
    security(("bearer" = [])), params(("id" = String, Path, description = "The session"), Why),
    responses((status = 204, description = "Signed out")),
)]
async fn end(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    Query(why): Query<Why>,
) -> Result<(Extension<Ended>, StatusCode), Problem> {
    let (session, reason) = (id.id("session")?, why.or("signed out by an administrator"));
    let receipt = end_session::end_any(&app.authority.world, &admin.0, session, reason).await?;
    signed_out(&app.authority, receipt, session).await
}
