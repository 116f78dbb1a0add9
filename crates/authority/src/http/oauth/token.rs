//! `POST /oauth/token` (RFC 6749 §3.2): tokens for clients that act for themselves, and refreshing.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::PRAGMA;
use axum::response::{IntoResponse, Response};
use rescind_domain::verbs::client_credentials::{self, ClientCredentials};
use rescind_domain::verbs::refresh::Refresh;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::basic::{self, Claimed};
use super::refusal::{Code, Document, Refusal};
use crate::http::api::session::turn;
use crate::http::app::App;
use crate::http::body::read_form;
use crate::http::caller::Device;
use crate::http::cors::Script;
use crate::http::form::Form;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(token))
}

/// A request for a token, for the description of the API: it is read by hand, since a parameter must not come twice.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes a form that is read by hand")]
pub(crate) struct TokenRequest {
    /// `client_credentials` or `refresh_token`.
    grant_type: String,
    /// The client, unless it authenticates by Basic.
    client_id: Option<String>,
    /// Its secret, unless it authenticates by Basic.
    #[schema(format = Password)]
    client_secret: Option<String>,
    /// The refresh token, for that grant.
    #[schema(format = Password)]
    refresh_token: Option<String>,
    /// Scopes, separated by spaces; all that may be had if left out.
    scope: Option<String>,
    /// Whom the token is for, for `client_credentials`; may come more than once.
    audience: Option<String>,
    /// The same by the name that RFC 8707 gives it; may come more than once.
    resource: Option<String>,
}

/// A token (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// The access token.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// How long it is good for, in seconds.
    expires_in: u64,
    /// The next refresh token, for that grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What it allows.
    scope: String,
}

/// Get a token.
///
/// For a client that acts for itself (`client_credentials`), and for a public client that refreshes.
#[utoipa::path(
    post, path = "/oauth/token", tag = "OAuth", operation_id = "token", security((), ("client" = [])),
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token", body = TokenAnswer),
        (status = 400, description = "Refused (RFC 6749 §5.2)", body = Document),
        (status = 401, description = "The client is unknown, or its secret is wrong", body = Document),
        (status = 403, description = "A script asks for a client that does not list its origin", body = Document),
        (status = 408, description = "The request took too long to arrive", body = Document),
        (status = 413, description = "The body is too large", body = Document),
        (status = 415, description = "The body is of another type than expected", body = Document),
        (status = 503, description = "Try again later", body = Document),
    ),
)]
async fn token(State(app): State<App>, device: Device, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let bytes = read_form(&parts.headers, body, &app).await?;
    let mut form = Form::parse(&bytes, &["resource", "audience"])?;
    let claimed = basic::read(&parts.headers, &mut form)?;
    let by_basic = parts.headers.contains_key(axum::http::header::AUTHORIZATION);
    let script = Script::of(&parts.extensions);
    if let Some(Claimed { client, .. }) = &claimed {
        script.check(client)?;
    }
    let granted = match form.take("grant_type").as_deref() {
        Some("client_credentials") => for_itself(&app, claimed, form, &device).await,
        Some("refresh_token") => refresh(&app, &script, claimed, form, device).await,
        Some(_) => Err(Refusal::new(Code::UnsupportedGrantType, "Use client_credentials or refresh_token.")),
        None => Err(Refusal::new(Code::InvalidRequest, "grant_type is missing.")),
    };
    match granted {
        // RFC 6749 §5.1 asks for both; no-store is on every answer that does not say otherwise.
        Ok(answer) => Ok(([(PRAGMA, "no-cache")], Json(answer)).into_response()),
        Err(refusal) if by_basic => Err(refusal.by_basic()),
        Err(refusal) => Err(refusal),
    }
}

async fn for_itself(
    app: &App,
    claimed: Option<Claimed>,
    mut form: Form,
    device: &Device,
) -> Result<TokenAnswer, Refusal> {
    let Some(Claimed { client, secret: Some(secret) }) = claimed else {
        return Err(Refusal::new(Code::InvalidClient, "Authenticate with the client's secret."));
    };
    let mut audiences = form.take_all("audience");
    audiences.extend(form.take_all("resource"));
    audiences.sort();
    audiences.dedup();
    let request = ClientCredentials { client, secret, scope: form.take("scope"), audiences, address: device.address };
    let (token, scope) = client_credentials::client_credentials(&app.authority.world, request).await?;
    Ok(TokenAnswer {
        access_token: token.token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: token.expires_in.as_secs(),
        refresh_token: None,
        scope,
    })
}

/// For public clients: sign-ins belong to no other kind.
async fn refresh(
    app: &App,
    script: &Script,
    claimed: Option<Claimed>,
    mut form: Form,
    device: Device,
) -> Result<TokenAnswer, Refusal> {
    let client = match claimed {
        Some(Claimed { client, secret: None }) => client,
        Some(_) => return Err(Refusal::unknown_client()),
        None => return Err(Refusal::new(Code::InvalidRequest, "client_id is missing.")),
    };
    let Some(token) = form.take("refresh_token") else {
        return Err(Refusal::new(Code::InvalidRequest, "refresh_token is missing."));
    };
    let request = Refresh { token, scope: form.take("scope"), client: Some(client), address: device.address };
    let refreshed = turn(app, script, request).await?;
    Ok(TokenAnswer {
        access_token: refreshed.access.token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: refreshed.access.expires_in.as_secs(),
        refresh_token: Some(refreshed.refresh.expose().to_owned()),
        scope: refreshed.scope,
    })
}
