//! The authority's API, as an application calls it.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::DemoError;

/// How long anything that the demo asks for may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A client for HTTP, with connections of its own.
pub(super) type Http = Client<HttpConnector, Full<Bytes>>;

/// A client for HTTP. What it sends is sent at once.
pub(super) fn http() -> Http {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// The authority, for whoever knows its URL.
#[derive(Clone, Debug)]
pub(super) struct Api {
    http: Http,
    url: String,
}

/// A client's id and secret.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) id: String,
    pub(super) secret: String,
}

/// What a device is given when it signs in, or refreshes.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) session: String,
    pub(super) access: String,
    pub(super) refresh: String,
    /// How long the access token is good for.
    pub(super) lifetime: Duration,
}

/// How far an ending is enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Enforcement {
    pub(super) enforced: bool,
    /// How many verifiers have confirmed it.
    pub(super) confirmed: u64,
}

impl Api {
    pub(super) fn new(url: String) -> Self {
        Self { http: http(), url }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Makes the first administrator, by the token of the set-up link.
    pub(super) async fn set_up(&self, token: &str, login: &str, password: &str) -> Result<(), DemoError> {
        let body = json!({ "token": token, "login": login, "password": password });
        self.post("/v1/setup", None, &body).await.map(drop)
    }

    pub(super) async fn sign_up(&self, login: &str, password: &str) -> Result<(), DemoError> {
        self.post("/v1/users", None, &json!({ "login": login, "password": password })).await.map(drop)
    }

    pub(super) async fn sign_in(&self, login: &str, password: &str, device: &str) -> Result<Tokens, DemoError> {
        let body = json!({ "login": login, "password": password, "device_name": device });
        Tokens::read(&self.post("/v1/sessions", None, &body).await?)
    }

    /// New tokens; nothing if the authority refuses.
    pub(super) async fn refresh(&self, token: &str) -> Result<Option<Tokens>, DemoError> {
        let body = json!({ "refresh_token": token }).to_string();
        let (status, said) = self.ask(Method::POST, "/v1/sessions/refresh", None, JSON, body).await?;
        match status {
            StatusCode::OK => Tokens::read(&said).map(Some),
            StatusCode::UNAUTHORIZED => Ok(None),
            _ => Err(unexpected("/v1/sessions/refresh", status, &said)),
        }
    }

    /// Adds a service that may do what this scope allows.
    pub(super) async fn add_service(&self, token: &str, id: &str, scope: &str) -> Result<Credentials, DemoError> {
        let body = json!({ "client_id": id, "kind": "service", "scopes": [scope] });
        let said = self.post("/v1/admin/clients", Some(token), &body).await?;
        Ok(Credentials { id: id.to_owned(), secret: text(&said, "client_secret")? })
    }

    /// An access token that a client is given for itself (RFC 6749 §4.4).
    pub(super) async fn client_token(&self, client: &Credentials, scope: &str) -> Result<String, DemoError> {
        let (id, secret) = (&client.id, &client.secret);
        let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}");
        let form = "application/x-www-form-urlencoded";
        let (status, said) = self.ask(Method::POST, "/oauth/token", None, form, body).await?;
        if status.is_success() { text(&said, "access_token") } else { Err(unexpected("/oauth/token", status, &said)) }
    }

    /// Ends something, and waits until no verifier can accept it any more.
    pub(super) async fn end(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<Enforcement, DemoError> {
        let path = format!("{path}?wait=enforced&timeout={}s", PATIENCE.as_secs());
        let body = body.map(Value::to_string).unwrap_or_default();
        let (status, said) = self.ask(method, &path, Some(token), JSON, body).await?;
        let found = &said["enforcement"];
        match (found["enforced"].as_bool(), found["confirmed"].as_u64()) {
            (Some(enforced), Some(confirmed)) => Ok(Enforcement { enforced, confirmed }),
            _ => Err(unexpected(&path, status, &said)),
        }
    }

    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Result<Value, DemoError> {
        let (status, said) = self.ask(Method::POST, path, token, JSON, body.to_string()).await?;
        if status.is_success() { Ok(said) } else { Err(unexpected(path, status, &said)) }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        kind: &str,
        body: String,
    ) -> Result<(StatusCode, Value), DemoError> {
        let failed = |why: &dyn std::fmt::Display| DemoError::Call { path: path.to_owned(), why: why.to_string() };
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, kind);
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::from(body)).map_err(|error| failed(&error))?;
        let exchange = async {
            let answer = self.http.request(request).await.map_err(|error| failed(&error))?;
            let status = answer.status();
            let bytes = answer.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
            Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
        };
        // An ending is answered at its own time limit.
        match timeout(PATIENCE + PATIENCE, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(failed(&"no answer")),
        }
    }
}

const JSON: &str = "application/json";

impl Tokens {
    fn read(said: &Value) -> Result<Self, DemoError> {
        Ok(Self {
            session: text(&said["session"], "id")?,
            access: text(said, "access_token")?,
            refresh: text(said, "refresh_token")?,
            lifetime: Duration::from_secs(said["expires_in"].as_u64().unwrap_or_default()),
        })
    }
}

fn text(said: &Value, member: &str) -> Result<String, DemoError> {
    let found = said[member].as_str().map(str::to_owned);
    found.ok_or_else(|| DemoError::Call { path: String::new(), why: format!("an answer without {member}") })
}

fn unexpected(path: &str, status: StatusCode, said: &Value) -> DemoError {
    let detail = said["detail"].as_str().or(said["title"].as_str()).unwrap_or_default();
    DemoError::Call { path: path.to_owned(), why: format!("{status} {detail}").trim_end().to_owned() }
}
