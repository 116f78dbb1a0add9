//! Clients, for administrators.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use rescind_domain::Error;
use rescind_domain::client::{self, Algorithms, ClientKind, ClientPolicy};
use rescind_domain::policy;
use rescind_domain::verbs::administer_clients;
use rescind_wire::{Algorithm, ClientId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Why;
use crate::http::api::revocation::{Answer, Revoked};
use crate::http::app::App;
use crate::http::body::{self, Object};
use crate::http::caller::Admin;
use crate::http::page::{Cursor, Limit};
use crate::http::problem::Problem;
use crate::http::query::{Named, Query};
use crate::http::time::Time;
use crate::http::waiting::Waiting;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list, create)).routes(routes!(show, delete))
}

/// An application.
#[derive(Serialize, ToSchema)]
pub(crate) struct Client {
    /// Its id.
    #[serde(rename = "client_id")]
    id: String,
    /// What it is called.
    name: String,
    /// What kind of application it is.
    kind: &'static str,
    /// Whom its tokens may be for, besides the issuer.
    audiences: Vec<String>,
    /// How the tokens for each of those are signed.
    #[schema(value_type = BTreeMap<String, SigningAlgorithm>)]
    algorithms: BTreeMap<String, Algorithm>,
    /// What its tokens may allow.
    scopes: Vec<String>,
    /// Whether it has a secret.
    confidential: bool,
    /// Origins whose scripts may call the API for it.
    origins: Vec<String>,
    /// How its sessions differ from the deployment's policy.
    policy: Policy,
    /// When it was added.
    created_at: Time,
}

impl Client {
    fn new(client: client::Client, algorithms: &Algorithms) -> Self {
        Self {
            algorithms: client.audiences.iter().map(|name| (name.clone(), algorithms.of(name))).collect(),
            id: client.id.to_string(),
            name: client.name,
            kind: client.kind.as_str(),
            audiences: client.audiences,
            scopes: client.scopes,
            confidential: client.secret.is_some(),
            origins: client.origins,
            policy: client.policy.into(),
            created_at: Time(client.created_at),
        }
    }
}

/// How a client's sessions differ from the deployment's policy.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ClientPolicy)]
pub(crate) struct Policy {
    /// How many sessions a user may have at once.
    #[schema(minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_limit: Option<u32>,
    /// What a sign-in beyond the limit does.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_limit: Option<AtLimit>,
    /// Absolute lifetime of a session, in seconds: a minute at least, and at most 400 days, or what the preset allows.
    #[schema(minimum = 60, maximum = 34_560_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_seconds: Option<u64>,
    /// How long a session may go unused, in seconds: a minute at least, and at most 400 days, or what the preset allows.
    #[schema(minimum = 60, maximum = 34_560_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_seconds: Option<u64>,
    /// How old an authentication may be for what needs a fresh one, in seconds.
    #[schema(minimum = 10, maximum = 86_400)]
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_seconds: Option<u64>,
    /// Whether "stay signed in" is honoured.
    #[serde(skip_serializing_if = "Option::is_none")]
    remember: Option<bool>,
    /// Whether a session is bound to the address that it signs in from; browser clients only.
    #[serde(deserialize_with = "body::or_usual")]
    #[schema(value_type = Option<bool>)]
    bind_address: bool,
}

/// What a sign-in beyond the limit does.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AtLimit {
    /// The oldest session ends.
    EndOldest,
    /// It is refused.
    Refuse,
}

impl From<policy::AtLimit> for AtLimit {
    fn from(at_limit: policy::AtLimit) -> Self {
        match at_limit {
            policy::AtLimit::EndOldest => Self::EndOldest,
            policy::AtLimit::Refuse => Self::Refuse,
        }
    }
}

impl From<AtLimit> for policy::AtLimit {
    fn from(at_limit: AtLimit) -> Self {
        match at_limit {
            AtLimit::EndOldest => Self::EndOldest,
            AtLimit::Refuse => Self::Refuse,
        }
    }
}

impl From<ClientPolicy> for Policy {
    fn from(policy: ClientPolicy) -> Self {
        Self {
            session_limit: policy.session_limit,
            at_limit: policy.at_limit.map(AtLimit::from),
            fresh_seconds: policy.fresh_seconds,
            session_seconds: policy.session_seconds,
            idle_seconds: policy.idle_seconds,
            remember: policy.remember,
            bind_address: policy.bind_address,
        }
    }
}

impl From<Policy> for ClientPolicy {
    fn from(policy: Policy) -> Self {
        Self {
            session_limit: policy.session_limit,
            at_limit: policy.at_limit.map(policy::AtLimit::from),
            fresh_seconds: policy.fresh_seconds,
            session_seconds: policy.session_seconds,
            idle_seconds: policy.idle_seconds,
            remember: policy.remember,
            bind_address: policy.bind_address,
        }
    }
}

/// Which page of the list of clients.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Pages {
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Cursor<String>>,
    /// How many.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
}

/// A page of clients.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clients {
    /// The clients, by id.
    clients: Vec<Client>,
    /// Where the next page goes on, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// List clients.
#[utoipa::path(
    get, path = "/v1/admin/clients", tag = "Administration: clients", operation_id = "listClients",
    security(("bearer" = [])), params(Pages),
    responses((status = 200, description = "A page of the list", body = Clients)),
)]
async fn list(State(app): State<App>, admin: Admin, Query(pages): Query<Pages>) -> Result<Json<Clients>, Problem> {
    let limit = pages.limit.0 as usize;
    let after = pages.after.map(|cursor| cursor.0).unwrap_or_default();
    let world = &app.authority.world;
    let mut clients = administer_clients::list_clients(world, &admin.0, after, pages.limit.0 + 1).await?;
    let algorithms = administer_clients::list_algorithms(world, &admin.0).await?;
    let more = clients.len() > limit;
    clients.truncate(limit);
    let last = clients.last().filter(|_| more);
    let next = last.map(|client| Cursor(client.id.to_string()).text());
    let clients = clients.into_iter().map(|client| Client::new(client, &algorithms)).collect();
    Ok(Json(Clients { clients, next }))
}

/// A client to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClient {
    /// Its id, not beginning with `usr_`.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9._~-]{1,64}$")]
    client_id: ClientId,
    /// What it is called; its id otherwise.
    #[serde(default, deserialize_with = "body::or_usual")]
    #[schema(value_type = Option<String>, max_length = 100)]
    name: String,
    /// What kind of application it is.
    kind: Kind,
    /// Whom its tokens may be for, besides the issuer.
    #[serde(default, deserialize_with = "body::or_usual")]
    #[schema(value_type = Option<Vec<Audience>>, max_items = 20)]
    audiences: Vec<Object<Audience>>,
    /// What its tokens may allow. Of those that begin with `rescind:` there are `rescind:admin` and `rescind:feed`. With all of
    /// them and all audiences a token must fit into the 8 KiB that verifiers read.
    #[serde(default, deserialize_with = "body::or_usual")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    scopes: Vec<String>,
    /// Whether it is given a secret. A service always is.
    #[serde(default, deserialize_with = "body::or_usual")]
    #[schema(value_type = Option<bool>)]
    confidential: bool,
    /// Origins whose scripts may call the API for it, like `https://app.example`. A service has none.
    #[serde(default, deserialize_with = "body::or_usual")]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    origins: Vec<String>,
    /// How its sessions differ.
    #[serde(default, deserialize_with = "body::or_usual")]
    #[schema(value_type = Option<Policy>)]
    policy: Object<Policy>,
}

/// What kind of application a client is.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ClientKind)]
pub(crate) enum Kind {
    /// Runs in a browser.
    Browser,
    /// Is installed on a computer.
    Native,
    /// Is installed on a phone or tablet.
    Mobile,
    /// Is a back end, acting for itself.
    Service,
}

impl From<Kind> for ClientKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Browser => Self::Browser,
            Kind::Native => Self::Native,
            Kind::Mobile => Self::Mobile,
            Kind::Service => Self::Service,
        }
    }
}

/// A resource server.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audience {
    /// Its name, as in `aud`.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// How its tokens are signed. Another client that names it has settled that; else `EdDSA` unless said otherwise. Tokens
    /// for the issuer alone are signed with `EdDSA`.
    #[schema(value_type = Option<SigningAlgorithm>)]
    algorithm: Option<Algorithm>,
}

/// How an access token is signed, for the description of the API.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the wire's enumeration, which knows nothing of OpenAPI")]
pub(crate) enum SigningAlgorithm {
    EdDSA,
    ES256,
    RS256,
}

/// A client that was added.
#[derive(Serialize, ToSchema)]
pub(crate) struct Added {
    /// The client.
    client: Client,
    /// Its secret, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

/// Add a client.
#[utoipa::path(
    post, path = "/v1/admin/clients", tag = "Administration: clients", operation_id = "addClient",
    security(("bearer" = [])), request_body = NewClient,
    responses((status = 201, description = "The client, and its secret", body = Added)),
)]
async fn create(
    State(app): State<App>,
    admin: Admin,
    body::Json(new): body::Json<NewClient>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let new = administer_clients::NewClient {
        id: new.client_id,
        name: new.name,
        kind: new.kind.into(),
        audiences: new.audiences.into_iter().map(|Object(audience)| (audience.name, audience.algorithm)).collect(),
        scopes: new.scopes,
        confidential: new.confidential,
        origins: new.origins,
        policy: new.policy.0.into(),
    };
    let (client, secret) = administer_clients::add_client(&app.authority.world, &admin.0, new).await?;
    // It may have needed a key for a new way of signing.
    app.authority.hint();
    let algorithms = administer_clients::list_algorithms(&app.authority.world, &admin.0).await?;
    let client = Client::new(client, &algorithms);
    let added = Added { client, client_secret: secret.map(|secret| secret.expose().to_owned()) };
    Ok((StatusCode::CREATED, Json(added)))
}

/// A client, alone.
#[derive(Serialize, ToSchema)]
#[schema(as = ClientAnswer)]
pub(crate) struct OneClient {
    client: Client,
}

/// Look at a client.
#[utoipa::path(
    get, path = "/v1/admin/clients/{id}", tag = "Administration: clients", operation_id = "findClient",
    security(("bearer" = [])), params(("id" = String, Path, description = "The client")),
    responses((status = 200, description = "The client", body = OneClient)),
)]
async fn show(State(app): State<App>, admin: Admin, id: Named) -> Result<Json<OneClient>, Problem> {
    let client = administer_clients::find_client(&app.authority.world, &admin.0, id.id("client")?).await?;
    let algorithms = administer_clients::list_algorithms(&app.authority.world, &admin.0).await?;
    Ok(Json(OneClient { client: Client::new(client, &algorithms) }))
}

/// Remove a client.
///
/// Everything that it was given ends, and stays ended if a client of the same id is added later. Of one that was removed
/// before, `wait` answers 200 with what was revoked then, as long as events tell of it, and how far that is enforced by
/// now; without `wait` there is no such client.
#[utoipa::path(
    delete, path = "/v1/admin/clients/{id}", tag = "Administration: clients", operation_id = "removeClient",
    security(("bearer" = [])), params(("id" = String, Path, description = "The client"), Why),
    responses((status = 200, description = "What was revoked", body = Revoked)),
)]
async fn delete(
    State(app): State<App>,
    admin: Admin,
    id: Named,
    Query(why): Query<Why>,
    waiting: Option<Extension<Waiting>>,
) -> Result<Answer<Revoked>, Problem> {
    let (client, reason): (ClientId, _) = (id.id("client")?, why.or("removed by an administrator"));
    let world = &app.authority.world;
    let receipt = match administer_clients::remove_client(world, &admin.0, client.clone(), reason).await {
        Err(Error::NotFound(_)) if waiting.is_some() => administer_clients::removal(world, &admin.0, client).await?,
        removed => removed?,
    };
    Ok(Revoked::here(&app.authority, receipt).await)
}
