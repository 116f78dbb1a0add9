//! Sessions: signing in, refreshing, the list of devices, and signing any of them out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use rescind_domain::error::{Error, RefreshRefusal};
use rescind_domain::password::Password;
use rescind_domain::store::SessionCursor;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::refresh::{self, Refresh};
use rescind_domain::verbs::sign_in::{self, SignIn};
use rescind_domain::verbs::update_session::{self, Changes};
use rescind_domain::verbs::watch_sessions::Watcher;
use rescind_domain::verbs::{end_session, list_sessions, log_out};
use rescind_wire::{ClientId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::device::{Session, Tokens};
use super::revocation::{Answer, Revoked, signed_out};
use crate::authority::Authority;
use crate::http::app::App;
use crate::http::body::{self, Given};
use crate::http::caller::{Caller, Device, Leaving};
use crate::http::cors::Script;
use crate::http::idempotency::{Keyed, Returning};
use crate::http::meter;
use crate::http::page::{Cursor, Limit};
use crate::http::problem::{Problem, kinds};
use crate::http::query::{Named, Query};
use crate::http::stream::{self, Stopping};
use crate::http::waiting::Ended;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, sign_in))
        .routes(routes!(follow))
        .routes(routes!(refresh))
        .routes(routes!(log_out))
        .routes(routes!(change, end))
        .routes(routes!(end_others))
        .routes(routes!(end_all))
}

/// Who signs in, and on what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignIn)]
pub(crate) struct Credentials {
    /// The login name, in any spelling.
    login: String,
    /// The password.
    #[schema(value_type = String, format = Password, max_length = 1024)]
    password: Password,
    /// What to call the device; otherwise a name is made from its `User-Agent`.
    #[schema(min_length = 1, max_length = 100)]
    device_name: Option<String>,
    /// Whether to stay signed in.
    #[serde(default, deserialize_with = "body::or_usual")]
    #[schema(value_type = Option<bool>)]
    remember: bool,
    /// The application that signs in; the default one otherwise.
    #[schema(value_type = Option<String>)]
    client_id: Option<ClientId>,
    /// Whom the access tokens are for, among the client's audiences; the issuer otherwise.
    audience: Option<Audiences>,
}

/// One audience, or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "a string or a list of strings")]
pub(crate) enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Audiences {
    fn into_list(this: Option<Self>) -> Vec<String> {
        match this {
            None => Vec::new(),
            Some(Self::One(name)) => vec![name],
            Some(Self::Many(names)) => names,
        }
    }
}

/// Sign in.
///
/// Begins a session on this device.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "Sessions", operation_id = "signIn", request_body = Credentials,
    responses((status = 201, description = "The session, and tokens for it", body = Tokens)),
)]
async fn sign_in(
    State(app): State<App>,
    device: Device,
    script: Script,
    body::Json(credentials): body::Json<Credentials>,
) -> Result<(StatusCode, Json<Tokens>), Problem> {
    script.check(&credentials.client_id.clone().unwrap_or_else(sign_in::default_client))?;
    let request = SignIn {
        login: credentials.login,
        password: credentials.password,
        device_name: credentials.device_name,
        remember: credentials.remember,
        client: credentials.client_id,
        audiences: Audiences::into_list(credentials.audience),
        address: device.address,
        user_agent: device.user_agent,
    };
    let signed_in = sign_in::sign_in(&app.authority.world, request).await.map_err(Problem::from);
    app.count_sign_in(result(&signed_in));
    let tokens = Tokens::new(signed_in?, app.authority.atlas());
    // It may have ended the oldest session to make room.
    catch_up(&app.authority).await;
    Ok((StatusCode::CREATED, Json(tokens)))
}

/// What a refresh takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Refresh)]
pub(crate) struct Refreshing {
    /// The refresh token.
    #[schema(format = Password)]
    refresh_token: String,
    /// Fewer scopes than were granted, if the access token should allow less.
    scope: Option<String>,
}

/// Refresh.
///
/// Gives a new access token and the next refresh token. A reply that was lost is repaired by asking again within the
/// grace time, 10 seconds unless configured. Unknown, revoked and reused tokens are refused alike.
#[utoipa::path(
    post, path = "/v1/sessions/refresh", tag = "Sessions", operation_id = "refresh", request_body = Refreshing,
    responses((status = 200, description = "The session, and new tokens for it", body = Tokens)),
)]
async fn refresh(
    State(app): State<App>,
    device: Device,
    script: Script,
    body::Json(refreshing): body::Json<Refreshing>,
) -> Result<Json<Tokens>, Problem> {
    let request =
        Refresh { token: refreshing.refresh_token, scope: refreshing.scope, client: None, address: device.address };
    Ok(Json(Tokens::new(turn(&app, &script, request).await?, app.authority.atlas())))
}

/// Refreshes, for the JSON API and for the token endpoint.
pub(crate) async fn turn(app: &App, script: &Script, request: Refresh) -> Result<sign_in::SignedIn, Problem> {
    let refreshed = refresh::refresh_for(&app.authority.world, request, script.clients()).await;
    if let Err(Error::OtherOrigin) = refreshed {
        script.withhold();
    }
    if let Err(Error::RefreshRefused(RefreshRefusal::Reused | RefreshRefusal::Beyond)) = refreshed {
        // The session ended by it.
        catch_up(&app.authority).await;
    }
    let refreshed = refreshed.map_err(Problem::from);
    app.count_refresh(result(&refreshed));
    refreshed
}

/// Where a list of sessions goes on.
pub(crate) type After = Cursor<(u64, rescind_domain::clock::Timestamp, SessionId)>;

/// Which page of a list of sessions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Pages {
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<After>,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

impl Pages {
    /// As the verb wants it.
    pub(crate) fn split(self) -> (Option<SessionCursor>, u32) {
        let after = self.after.map(|Cursor((number, started_at, id))| SessionCursor { number, started_at, id });
        (after, self.limit.0)
    }
}

/// The `next` of a page of sessions.
pub(crate) fn next(cursor: Option<SessionCursor>) -> Option<String> {
    cursor.map(|at| Cursor((at.number, at.started_at, at.id)).text())
}

/// A page of sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// The sessions, latest first. There may be fewer than asked for, even none, though there is a `next`: a page passes over
    /// so many sessions that have ended, and leaves the rest to the next.
    pub(crate) sessions: Vec<Session>,
    /// Where the next page goes on, if there may be one. The list is at its end when there is none, and not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl Sessions {
    /// As [`Json`] would write it, but into memory for the whole page at once: growing step by step costs as much as
    /// writing.
    fn write(&self) -> Result<Written, serde_json::Error> {
        /// More than most take.
        const EACH: usize = 800;
        let mut body = Vec::with_capacity(EACH * (self.sessions.len() + 1));
        serde_json::to_writer(&mut body, self)?;
        Ok(Written(body))
    }
}

/// JSON that is there already.
pub(crate) struct Written(Vec<u8>);

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// List my devices.
///
/// Every live session of the account, and only live ones.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "Sessions", operation_id = "listSessions", security(("bearer" = [])),
    params(Pages), responses((status = 200, description = "A page of the list", body = Sessions)),
)]
async fn list(State(app): State<App>, caller: Caller, Query(pages): Query<Pages>) -> Result<Written, Problem> {
    let acting = caller.acting();
    let own = acting.claims().sid;
    let (after, limit) = pages.split();
    let places = app.authority.places.clone();
    let written = list_sessions::present_own(&app.authority.world, acting, after, limit, move |page, now| {
        let places = places.as_deref();
        let sessions = page.sessions.into_iter().map(|listed| Session::seen_by(own, now, places, listed));
        Sessions { sessions: sessions.collect(), next: next(page.next) }.write()
    });
    written.await?.map_err(|_| Problem::new(kinds::INTERNAL))
}

/// Follow my devices.
///
/// Server-sent events, which docs/live.md describes: `hello`, then `changed` for whatever happens to the account's
/// sessions, and `ended` once this one is over. The stream outlives its access token, not its session.
#[utoipa::path(
    get, path = "/v1/sessions/changes", tag = "Sessions", operation_id = "followSessions", security(("bearer" = [])),
    responses((status = 200, description = "What happens", body = String, content_type = "text/event-stream")),
)]
async fn follow(State(app): State<App>, caller: Caller, stopping: Stopping) -> Result<Response, Problem> {
    stream::sessions(&app.authority, Watcher::by_token(caller.acting())?, stopping).await
}

/// What to change about a session. What is left out stays; what is null goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionChange {
    /// What to call the device.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    device_name: Given<String>,
    /// A JSON object of at most 4,096 bytes.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, serde_json::Value>>)]
    metadata: Given<Box<RawValue>>,
}

/// A session, alone.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionAnswer)]
pub(crate) struct OneSession {
    session: Session,
}

/// Name a device, or attach data to it.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}", tag = "Sessions", operation_id = "changeSession", security(("bearer" = [])),
    params(("id" = String, Path, description = "The session")), request_body = SessionChange,
    responses((status = 200, description = "The session as it is now", body = OneSession)),
)]
async fn change(
    State(app): State<App>,
    caller: Caller,
    id: Named,
    body::Json(change): body::Json<SessionChange>,
) -> Result<Json<OneSession>, Problem> {
    let (world, acting) = (&app.authority.world, caller.acting());
    let changes = Changes {
        name: change.device_name.changed(),
        metadata: change.metadata.map(|json| json.get().to_owned()).changed(),
    };
    let listed = update_session::update_session(world, &acting, id.id("session")?, changes).await?;
    app.authority.live.poke();
    let session = Session::seen_by(acting.claims().sid, world.now(), app.authority.atlas(), listed);
    Ok(Json(OneSession { session }))
}

/// Sign out.
///
/// Ends the session that the token belongs to. An expired token will do, and one that was revoked already changes
/// nothing.
#[utoipa::path(
    delete, path = "/v1/sessions/current", tag = "Sessions", operation_id = "signOut", security(("bearer" = [])),
    responses((status = 204, description = "Signed out")),
)]
async fn log_out(State(app): State<App>, leaving: Leaving) -> Result<(Extension<Ended>, StatusCode), Problem> {
    let claims = leaving.authentic.claims();
    let session = claims.sid.ok_or(Error::Forbidden)?;
    let receipt = log_out::log_out(&app.authority.world, claims, leaving.address).await?;
    signed_out(&app.authority, receipt, session).await
}

/// Sign a device out.
///
/// Any but the current one needs a fresh authentication. One that has ended already stays as it is.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "Sessions", operation_id = "endSession", security(("bearer" = [])),
    params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "Signed out")),
)]
async fn end(State(app): State<App>, caller: Caller, id: Named) -> Result<(Extension<Ended>, StatusCode), Problem> {
    let (world, acting) = (&app.authority.world, caller.acting());
    let Ok(session) = id.id("session") else {
        return Err(end_session::end_unnamed(world, &acting).await?.into());
    };
    let receipt = end_session::end_own(world, &acting, session).await?;
    signed_out(&app.authority, receipt, session).await
}

/// Whoever ends several sessions gives the password, or has authenticated freshly.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    /// The password of whoever is signed in.
    #[schema(value_type = Option<String>, format = Password, max_length = 1024)]
    password: Option<Password>,
}

/// Sign all other devices out.
///
/// This one goes on, and its tokens stay good.
#[utoipa::path(
    post, path = "/v1/sessions/end-others", tag = "Sessions", operation_id = "endOtherSessions",
    security(("bearer" = [])), request_body = Option<Ending>,
    params(("Idempotency-Key" = Option<String>, Header, description = "So that it is done once")),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn end_others(
    State(app): State<App>,
    caller: Returning,
    ending: Keyed<Ending>,
) -> Result<Answer<Revoked>, Problem> {
    end_several(&app, caller, Which::Others, ending).await
}

/// Sign all devices out, this one too.
#[utoipa::path(
    post, path = "/v1/sessions/end-all", tag = "Sessions", operation_id = "endAllSessions",
    security(("bearer" = [])), request_body = Option<Ending>,
    params(("Idempotency-Key" = Option<String>, Header, description = "So that it is done once")),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn end_all(State(app): State<App>, caller: Returning, ending: Keyed<Ending>) -> Result<Answer<Revoked>, Problem> {
    end_several(&app, caller, Which::All, ending).await
}

async fn end_several(
    app: &App,
    caller: Returning,
    which: Which,
    Keyed { body: Ending { password }, key }: Keyed<Ending>,
) -> Result<Answer<Revoked>, Problem> {
    let (world, key) = (&app.authority.world, key.map(|key| caller.says(key)));
    let done = match caller.acting() {
        Some(acting) => Some(end_sessions::end_own(world, &acting, which, password, key.clone()).await),
        None => None,
    };
    let receipt = caller.told(world, done, key).await?;
    Ok(Revoked::here(&app.authority, receipt).await)
}

/// What to count of a sign-in or a refresh.
fn result<T>(outcome: &Result<T, Problem>) -> &'static str {
    outcome.as_ref().map_or_else(|problem| problem.kind().slug, |_| meter::OK)
}

/// Waits until this authority's own verifier knows the log as it is now, where something may have been ended without a
/// receipt.
async fn catch_up(authority: &Authority) {
    if let Ok(position) = authority.world.store.position().await {
        authority.wait_for(position.number).await;
    }
}
