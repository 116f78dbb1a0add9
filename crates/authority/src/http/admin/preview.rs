//! How many sessions a revocation would hit, for whoever is about to make it.

use axum::Json;
use axum::extract::State;
use rescind_domain::verbs::preview_revocation::{self, Target};
use rescind_wire::{ClientId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::app::App;
use crate::http::caller::Admin;
use crate::http::problem::Problem;
use crate::http::query::Query;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(preview))
}

/// What would be revoked.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Question {
    /// The kind of scope.
    #[param(inline)]
    scope: Kind,
    /// Whose sessions, for `user` and `grant`.
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// The session that would go on, for `user`.
    #[param(value_type = Option<String>)]
    except: Option<SessionId>,
    /// Which client, for `client` and `grant`.
    #[param(value_type = Option<String>)]
    client: Option<ClientId>,
}

/// The scopes that can be counted.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Everyone,
    Client,
    User,
    Grant,
}

impl Question {
    fn target(self) -> Result<Target, Problem> {
        Ok(match (self.scope, self.user, self.except, self.client) {
            (Kind::Everyone, None, None, None) => Target::Everyone,
            (Kind::Client, None, None, Some(client)) => Target::Client(client),
            (Kind::User, Some(user), except, None) => Target::User { user, except },
            (Kind::Grant, Some(user), None, Some(client)) => Target::Grant { user, client },
            _ => {
                let wanted = "`everyone` takes nothing more, `client` takes `client`, `user` takes `user` and perhaps \
                              `except`, `grant` takes `user` and `client`.";
                return Err(Problem::invalid(wanted));
            }
        })
    }
}

/// How many living sessions a revocation would hit now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// So many, or at least so many: no more than 10,000 are counted.
    #[schema(maximum = 10_000)]
    sessions: u32,
    /// Whether it is exactly so many. If not, there are more than 10,000, or too many dead ones among them to go on.
    exact: bool,
}

/// See what a revocation would hit.
///
/// Counts living sessions, and ends nothing.
#[utoipa::path(
    get, path = "/v1/admin/revocations/preview", tag = "Administration: log", operation_id = "previewRevocation",
    security(("bearer" = [])), params(Question),
    responses((status = 200, description = "How many", body = Preview)),
)]
async fn preview(
    State(app): State<App>,
    admin: Admin,
    Query(question): Query<Question>,
) -> Result<Json<Preview>, Problem> {
    let target = question.target()?;
    let found = preview_revocation::preview(&app.authority.world, &admin.0, target).await?;
    Ok(Json(Preview { sessions: found.sessions, exact: found.exact }))
}
