//! The description of the API (OpenAPI 3.1), made from the handlers. What is the same for many of them is added here:
//! the problems that each may answer with.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::Method;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::docs;
use super::problem::kinds::{self, Kind};
use super::problem::{Document, MEDIA_TYPE};
use super::waiting::Enforcement;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(description))
}

/// The description and the page made from it, each written when it is first asked for. What is written from is made anew
/// then: it takes some megabytes, and few ask.
pub(crate) struct Published {
    describe: fn() -> OpenApi,
    queries: HashMap<String, Vec<Takes>>,
    json: OnceLock<Bytes>,
    page: OnceLock<Bytes>,
}

impl Published {
    /// By what the handlers say of themselves: `document`, which `describe` makes again.
    pub(crate) fn new(mut document: OpenApi, describe: fn() -> OpenApi) -> Self {
        // What an ending's query may hold is among what is added.
        complete(&mut document);
        Self { describe, queries: queries(&document), json: OnceLock::new(), page: OnceLock::new() }
    }

    /// What the handlers say of themselves, completed.
    fn document(&self) -> OpenApi {
        let mut document = (self.describe)();
        complete(&mut document);
        document
    }

    /// What the query of an operation may hold, by the template of its path. Nothing where there is no such operation, or
    /// where the rules are those of OAuth, which has unknown parameters ignored (RFC 6749 §3.2).
    pub(crate) fn query(&self, method: &Method, path: &str) -> Option<&Arc<[String]>> {
        // Whoever asks for the head alone asks for what GET would answer.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let operations = self.queries.get(path)?;
        operations.iter().find(|(known, _)| known == method).map(|(_, names)| names)
    }

    /// The description.
    fn json(&self) -> Bytes {
        let written = || serde_json::to_vec(&self.document()).unwrap_or_default().into();
        self.json.get_or_init(written).clone()
    }

    /// The page.
    pub(crate) fn page(&self) -> Bytes {
        let written = || {
            let document = serde_json::to_value(self.document()).unwrap_or_default();
            docs::write(&document).into()
        };
        self.page.get_or_init(written).clone()
    }
}

/// A method, and the names of what its query may hold.
type Takes = (Method, Arc<[String]>);

fn queries(document: &OpenApi) -> HashMap<String, Vec<Takes>> {
    let name = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    };
    let names = |operation: &Operation| operation.parameters.iter().flatten().filter_map(name).collect();
    let own = document.paths.paths.iter().filter(|(path, _)| path.starts_with("/v1/"));
    own.map(|(path, item)| {
        let by_method = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        let operations =
            by_method.into_iter().filter_map(|(method, operation)| Some((method, names(operation.as_ref()?))));
        (path.clone(), operations.collect())
    })
    .collect()
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "Operations", operation_id = "description",
    responses((
        status = 200, description = "The description of the API", content_type = "application/json",
        body = std::collections::BTreeMap<String, serde_json::Value>,
    )),
)]
async fn description(State(app): State<App>) -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=60")];
    (headers, app.published.json())
}

/// What begins as an empty description.
pub(crate) fn begin() -> OpenApi {
    let description = "Signs people in, shows every signed-in device, and signs any of them out. Times are RFC 3339 in UTC, \
                       ids are opaque, lists take `limit` and `after`, an optional member that is null counts as left out unless \
                       null is said to take something away, and everything that goes wrong is a problem \
                       document (RFC 9457) with a stable `type`.";
    let info = InfoBuilder::new().title("Rescind").version(env!("CARGO_PKG_VERSION")).description(Some(description));
    let tags = TAGS.map(|name| TagBuilder::new().name(name).build());
    OpenApiBuilder::new().info(info.build()).tags(Some(tags)).build()
}

/// The groups, in the order in which they are read.
const TAGS: [&str; 11] = [
    "Accounts",
    "Sessions",
    "Administration: accounts",
    "Administration: sessions",
    "Administration: clients",
    "Administration: keys",
    "Administration: log",
    "Verifiers",
    "OAuth",
    "Operations",
    "Pages",
];

/// What any request may be answered with.
const ALWAYS: &[&Kind] = &[
    kinds::INVALID_REQUEST,
    kinds::URI_TOO_LONG,
    kinds::STORE_UNAVAILABLE,
    kinds::UNCONFIRMED,
    kinds::TIMED_OUT,
    kinds::INTERNAL,
];

/// One with a body.
const WITH_BODY: &[&Kind] = &[kinds::TOO_SLOW, kinds::BODY_TOO_LARGE, kinds::UNSUPPORTED_MEDIA_TYPE];

/// One with an access token.
const WITH_TOKEN: &[&Kind] =
    &[kinds::MISSING_TOKEN, kinds::INVALID_TOKEN, kinds::FORBIDDEN, kinds::ORIGIN_REFUSED, kinds::CANNOT_TELL];

/// One whose path names something.
const WITH_ID: &[&Kind] = &[kinds::NOT_FOUND];

/// One with an idempotency key.
const WITH_KEY: &[&Kind] = &[kinds::KEY_REUSED];

/// Checking the password of whoever is signed in.
const CONFIRMING: &[&Kind] = &[kinds::WRONG_PASSWORD, kinds::THROTTLED, kinds::BUSY];

/// What single operations may be answered with besides, by their id.
const PARTICULAR: &[(&str, &[&Kind])] = &[
    ("previewRevocation", &[kinds::NOT_FOUND]),
    ("signUp", &[kinds::WEAK_PASSWORD, kinds::SIGN_UP_OFF, kinds::LOGIN_TAKEN, kinds::BUSY]),
    (
        "signIn",
        &[
            kinds::INVALID_CREDENTIALS,
            kinds::ACCOUNT_LOCKED,
            kinds::ORIGIN_REFUSED,
            kinds::TOO_MANY_SESSIONS,
            kinds::OVERTAKEN,
            kinds::THROTTLED,
            kinds::BUSY,
        ],
    ),
    ("refresh", &[kinds::REFRESH_REFUSED, kinds::ORIGIN_REFUSED]),
    ("reauthenticate", CONFIRMING),
    ("changePassword", &[kinds::WEAK_PASSWORD, kinds::WRONG_PASSWORD, kinds::THROTTLED, kinds::BUSY]),
    ("changePassword", &[kinds::EXCEPTION_ENDED]),
    ("deleteMe", CONFIRMING),
    ("deleteMe", &[kinds::LAST_ADMINISTRATOR]),
    ("changeUser", &[kinds::EXTERNAL_ID_TAKEN, kinds::LAST_ADMINISTRATOR]),
    ("deleteUser", &[kinds::LAST_ADMINISTRATOR]),
    ("lockUser", &[kinds::LAST_ADMINISTRATOR]),
    ("lockMe", &[kinds::STALE_AUTHENTICATION]),
    ("followSessions", &[kinds::TOO_MANY_STREAMS]),
    ("followChanges", &[kinds::TOO_MANY_STREAMS]),
    ("endSession", &[kinds::STALE_AUTHENTICATION]),
    ("endOtherSessions", CONFIRMING),
    ("endOtherSessions", &[kinds::STALE_AUTHENTICATION, kinds::EXCEPTION_ENDED]),
    ("endAllSessions", CONFIRMING),
    ("endAllSessions", &[kinds::STALE_AUTHENTICATION]),
    ("setUp", &[kinds::WEAK_PASSWORD, kinds::SET_UP_REFUSED, kinds::LOGIN_TAKEN, kinds::BUSY]),
    ("createUser", &[kinds::WEAK_PASSWORD, kinds::LOGIN_TAKEN, kinds::BUSY]),
    ("setPassword", &[kinds::WEAK_PASSWORD, kinds::BUSY]),
    ("addClient", &[kinds::CLIENT_TAKEN]),
    ("listRevocations", &[kinds::NOT_IN_LOG]),
    ("listEvents", &[kinds::NOT_IN_LOG]),
    ("revoke", &[kinds::NOT_FOUND, kinds::EXCEPTION_ENDED]),
    ("followFeed", &[kinds::INSUFFICIENT_SCOPE, kinds::UPGRADE_REQUIRED]),
    ("readiness", &[kinds::NOT_READY]),
];

fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token (RFC 6750, RFC 9068)"));
    let mut client = Http::new(HttpAuthScheme::Basic);
    client.description = Some("A client's id and secret (RFC 6749 §2.3.1)".to_owned());
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components.add_security_scheme("client", SecurityScheme::Http(client));
    components.schemas.insert(Document::name().into_owned(), Document::schema());
    let mut more = Vec::new();
    Document::schemas(&mut more);
    components.schemas.insert(Enforcement::name().into_owned(), Enforcement::schema());
    Enforcement::schemas(&mut more);
    components.schemas.extend(more);
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        add_problems(operation);
        if ENDINGS.iter().any(|id| operation.operation_id.as_deref() == Some(*id)) {
            add_waiting(operation);
        }
    }
}

/// What ends something, and takes `?wait=enforced`.
const ENDINGS: [&str; 16] = [
    "signOut",
    "endSession",
    "endOtherSessions",
    "endAllSessions",
    "changePassword",
    "lockMe",
    "deleteMe",
    "setPassword",
    "lockUser",
    "deleteUser",
    "endSessionsOfUser",
    "endAnySession",
    "endSessionsOfClient",
    "removeClient",
    "compromiseKey",
    "revoke",
];

/// The two parameters, and the answer that they lead to.
fn add_waiting(operation: &mut Operation) {
    let text = |name: &str, about: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .description(Some(about))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
            .build()
    };
    let about = "`enforced`: answer 200 once no verifier can accept any more what was ended, or at `timeout`";
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::T(text("wait", about)));
    parameters.push(RefOr::T(text("timeout", "With `wait`: 5 s unless given, 60 s at most, like `5s` or `500ms`")));
    let enforcement = Ref::from_schema_name(Enforcement::name());
    let waited = ObjectBuilder::new().property("enforcement", enforcement).build();
    let content = ContentBuilder::new().schema(Some(waited)).build();
    let described = "With `wait`: what is answered without, and the enforcement";
    let response = ResponseBuilder::new().description(described).content("application/json", content).build();
    operation.responses.responses.entry("200".to_owned()).or_insert(RefOr::T(response));
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let methods = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
    methods.into_iter().flatten()
}

/// Adds the problems that follow from what the operation takes. What its handler says itself stays.
fn add_problems(operation: &mut Operation) {
    let parameters = || {
        operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        })
    };
    let named = parameters().any(|parameter| parameter.parameter_in == ParameterIn::Path);
    let keyed = parameters().any(|parameter| parameter.parameter_in == ParameterIn::Header);
    let signed_in = operation.security.is_some() && operation.operation_id.as_deref() != Some("token");
    let mut problems: Vec<&Kind> = ALWAYS.to_vec();
    let general =
        [(operation.request_body.is_some(), WITH_BODY), (signed_in, WITH_TOKEN), (named, WITH_ID), (keyed, WITH_KEY)];
    problems.extend(general.into_iter().filter(|(applies, _)| *applies).flat_map(|(_, kinds)| kinds));
    let own = |(id, _): &&(&str, _)| operation.operation_id.as_deref() == Some(*id);
    problems.extend(PARTICULAR.iter().filter(own).flat_map(|(_, kinds)| *kinds));
    let mut by_status: BTreeMap<u16, Vec<&Kind>> = BTreeMap::new();
    for kind in problems {
        by_status.entry(kind.status.as_u16()).or_default().push(kind);
    }
    for (status, kinds) in by_status {
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_string()).or_insert_with(|| RefOr::T(response(&kinds)));
    }
}

fn response(kinds: &[&Kind]) -> Response {
    let mut lines: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.slug, kind.title)).collect();
    lines.sort();
    lines.dedup();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Document::name())));
    ResponseBuilder::new().description(lines.join(" · ")).content(MEDIA_TYPE, content.build()).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_particular_problem_belongs_to_an_operation() {
        let mut document = crate::http::description();
        let known: Vec<String> = (document.paths.paths.values_mut().flat_map(operations))
            .filter_map(|operation| operation.operation_id.clone())
            .collect();
        for (id, _) in PARTICULAR {
            assert!(known.iter().any(|known| known == id), "{id}");
        }
        let mut unique = known.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), known.len(), "operation ids are unique");
    }

    #[test]
    fn whatever_ends_something_is_an_operation_that_may_wait() {
        let mut document = crate::http::description();
        let operations: Vec<_> = document.paths.paths.values_mut().flat_map(operations).collect();
        let known: Vec<_> = operations.iter().filter_map(|operation| operation.operation_id.as_deref()).collect();
        assert!(ENDINGS.iter().all(|id| known.contains(id)));
        // Everything whose answer is a revocation, or that nothing is left of.
        let answers = serde_json::to_value(&operations).expect("JSON");
        for operation in answers.as_array().expect("a list") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let ends = operation["responses"].to_string().contains("/Revoked\"");
            assert!(!ends || ENDINGS.contains(&id), "{id}");
        }
    }

    #[test]
    fn every_operation_has_a_summary_and_a_group_that_is_listed() {
        let mut document = crate::http::description();
        for (path, item) in &mut document.paths.paths {
            for operation in operations(item) {
                assert!(operation.summary.as_ref().is_some_and(|text| !text.is_empty()), "{path}");
                let tags = operation.tags.clone().unwrap_or_default();
                assert!(tags.len() == 1 && TAGS.contains(&tags[0].as_str()), "{path}: {tags:?}");
            }
        }
    }
}
