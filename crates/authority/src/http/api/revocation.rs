//! Revocations as the API shows them, and the scopes that it takes.

use axum::http::StatusCode;
use axum::{Extension, Json};
use rescind_domain::Error;
use rescind_domain::revocation::{Actor, Receipt};
use rescind_domain::verbs::{end_session, read_log};
use rescind_wire::{ClientId, Scope, SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::authority::Authority;
use crate::http::problem::Problem;
use crate::http::time::Time;
use crate::http::waiting::Ended;

/// A revocation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revocation {
    /// Where it stands in the log: `epoch.number`.
    #[schema(pattern = "^[0-9a-v]{16}\\.[0-9]+$")]
    position: String,
    /// What it covers.
    scope: Covered,
    /// Why.
    reason: String,
    /// When.
    at: Time,
    /// Who did it; shown to administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Doer>,
}

/// An answer that says, inside the server, which entry of the log ended something.
pub(crate) type Answer<T> = (Extension<Ended>, Json<T>);

/// The answer to whatever revokes something.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revoked {
    /// What was written to the log.
    pub(crate) revocation: Revocation,
}

impl Revoked {
    /// Answers once this authority's own verifier refuses what was revoked.
    pub(crate) async fn here(authority: &Authority, receipt: Receipt) -> Answer<Self> {
        authority.enforced_here(&receipt).await;
        let ended = Ended(receipt.position.number);
        let revocation = receipt.into();
        (Extension(ended), Json(Self { revocation }))
    }
}

/// The answer to whoever ended a session, once this authority's own verifier refuses it. One that had ended before is
/// waited for at the entry that ended it; where that is not known any more, it is some entry up to the head.
pub(crate) async fn signed_out(
    authority: &Authority,
    receipt: Option<Receipt>,
    session: SessionId,
) -> Result<(Extension<Ended>, StatusCode), Problem> {
    let number = match receipt {
        Some(receipt) => {
            authority.enforced_here(&receipt).await;
            receipt.position.number
        }
        None => match end_session::ended_by(&authority.world, session).await? {
            Some(number) => number,
            None => authority.world.store.position().await.map_err(Error::from)?.number,
        },
    };
    Ok((Extension(Ended(number)), StatusCode::NO_CONTENT))
}

impl From<Receipt> for Revocation {
    fn from(receipt: Receipt) -> Self {
        Self {
            position: receipt.position.to_string(),
            scope: Covered(receipt.scope),
            reason: receipt.reason,
            at: Time(receipt.at),
            actor: None,
        }
    }
}

impl From<read_log::Revocation> for Revocation {
    fn from(revocation: read_log::Revocation) -> Self {
        let row = revocation.row;
        Self {
            position: row.position.to_string(),
            scope: Covered(revocation.scope),
            reason: row.reason,
            at: Time(row.at),
            actor: Some(row.actor.into()),
        }
    }
}

/// Who did something.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = Actor)]
pub(crate) enum Doer {
    /// A user, from one of their sessions.
    User {
        /// Who.
        #[schema(value_type = String)]
        user: UserId,
        /// From which device.
        #[schema(value_type = String)]
        session: SessionId,
    },
    /// A client acting for itself.
    Client {
        /// Which.
        #[schema(value_type = String)]
        client: ClientId,
    },
    /// Whoever may run the command line on the data folder.
    CommandLine,
    /// Rescind itself.
    System,
    /// Somebody who has not shown who they are.
    Anonymous,
}

impl From<Actor> for Doer {
    fn from(actor: Actor) -> Self {
        match actor {
            Actor::User { user, session } => Self::User { user, session },
            Actor::Client(client) => Self::Client { client },
            Actor::CommandLine => Self::CommandLine,
            Actor::System => Self::System,
            Actor::Anonymous => Self::Anonymous,
        }
    }
}

/// What a revocation covers, in the wire's own form.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Covered(pub(crate) Scope);

impl PartialSchema for Covered {
    fn schema() -> RefOr<Schema> {
        let id = |prefix: &str| json!({"type": "string", "pattern": format!("^{prefix}[0-9a-v]{{26}}$")});
        let name = || json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9._~-]+$"});
        let kind = |kind: &str, required: &[&str], mut members: serde_json::Value| {
            members["type"] = json!({"type": "string", "enum": [kind]});
            let required: Vec<&str> = ["type"].iter().chain(required).copied().collect();
            json!({"type": "object", "required": required, "properties": members, "additionalProperties": false})
        };
        let flag = json!({"type": "boolean"});
        let (user, session) = (id("usr_"), id("ses_"));
        let text = |pattern: &str| json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": pattern});
        let (issuer, foreign) = (text("^[!-~]+$"), text("^[ -~]+$"));
        let kinds = json!({"oneOf": [
            kind("everyone", &[], json!({"services": flag})),
            kind("client", &["client"], json!({"client": name()})),
            kind("user", &["user"], json!({"user": user, "except": session, "deleted": flag})),
            kind("grant", &["user", "client"], json!({"user": user, "client": name()})),
            kind("session", &["user", "session"], json!({"user": user, "session": session})),
            kind("token", &["token"], json!({"token": id("tok_")})),
            kind("key", &["key"], json!({"key": name()})),
            kind("foreign_issuer", &["issuer"], json!({"issuer": issuer})),
            kind("foreign_subject", &["issuer", "subject"], json!({"issuer": issuer, "subject": foreign})),
            kind(
                "foreign_session",
                &["issuer", "session"],
                json!({"issuer": issuer, "session": foreign, "subject": foreign}),
            ),
        ]});
        let any = || ObjectBuilder::new().build().into();
        RefOr::T(serde_json::from_value(kinds).unwrap_or_else(|_| any()))
    }
}

impl ToSchema for Covered {
    fn name() -> std::borrow::Cow<'static, str> {
        "Scope".into()
    }
}
