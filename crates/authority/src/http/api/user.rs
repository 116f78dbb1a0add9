//! Accounts: signing up, and how an account looks from outside.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rescind_domain::clock::Timestamp;
use rescind_domain::user::{Lock, Role, User};
use rescind_domain::verbs::sign_up::{self, NewUser, SignUp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::app::App;
use crate::http::caller::Device;
use crate::http::idempotency::{self, Keyed};
use crate::http::password::Chosen;
use crate::http::problem::Problem;
use crate::http::time::Time;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(create))
}

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct Account {
    /// Its id, never used again after it.
    #[schema(pattern = "^usr_[0-9a-v]{26}$")]
    id: String,
    /// Its login name.
    login: String,
    /// `user` or `administrator`.
    role: &'static str,
    /// The id that another system knows it by.
    external_id: Option<String>,
    /// A JSON object of the application's.
    #[schema(value_type = Option<serde_json::Value>)]
    metadata: Option<Box<RawValue>>,
    /// The lock, while it is locked.
    lock: Option<Locked>,
    /// When it was made.
    created_at: Time,
}

/// A lock.
#[derive(Serialize, ToSchema)]
#[schema(as = Lock)]
pub(crate) struct Locked {
    /// Since when.
    since: Time,
    /// Until when; without an end if null.
    until: Option<Time>,
    /// Why.
    reason: String,
}

/// An account, alone.
#[derive(Serialize, ToSchema)]
#[schema(as = UserAnswer)]
pub(crate) struct OneUser {
    /// The account.
    pub(crate) user: Account,
}

impl From<NewUser> for OneUser {
    fn from(new: NewUser) -> Self {
        let role = if new.administrator { Role::Administrator } else { Role::User };
        Self {
            user: Account {
                id: new.id.to_string(),
                login: new.login,
                role: role.as_str(),
                external_id: new.external_id,
                metadata: new.metadata.and_then(|text| RawValue::from_string(text).ok()),
                lock: None,
                created_at: Time(new.created_at),
            },
        }
    }
}

impl OneUser {
    /// The account as it is at `now`.
    pub(crate) fn at(user: User, now: Timestamp) -> Self {
        Self { user: Account::at(user, now) }
    }
}

impl Account {
    /// The account as it is at `now`: a lock that has run out is none.
    pub(crate) fn at(user: User, now: Timestamp) -> Self {
        Self {
            lock: user.lock_at(now).cloned().map(Locked::from),
            id: user.id.to_string(),
            login: user.login,
            role: user.role.as_str(),
            external_id: user.external_id,
            metadata: user.metadata.and_then(|text| RawValue::from_string(text).ok()),
            created_at: Time(user.created_at),
        }
    }
}

impl From<Lock> for Locked {
    fn from(lock: Lock) -> Self {
        Self { since: Time(lock.since), until: lock.until.map(Time), reason: lock.reason }
    }
}

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignUp)]
pub(crate) struct NewAccount {
    /// The login name: a name, or an e-mail address.
    #[schema(min_length = 1)]
    login: String,
    /// The password: 8 characters at least.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Chosen,
}

/// Sign up.
///
/// Makes an account. With an `Idempotency-Key` the request may be repeated for 24 hours and is done once.
#[utoipa::path(
    post, path = "/v1/users", tag = "Accounts", operation_id = "signUp", request_body = NewAccount,
    params(("Idempotency-Key" = Option<String>, Header, description = "So that it is done once")),
    responses((status = 201, description = "The account", body = OneUser)),
)]
async fn create(
    State(app): State<App>,
    device: Device,
    Keyed { body, key }: Keyed<NewAccount>,
) -> Result<(StatusCode, Json<OneUser>), Problem> {
    let world = &app.authority.world;
    let caller = idempotency::newcomer(&app.authority, &body.login);
    let request = SignUp {
        login: body.login,
        password: body.password.within_bounds("password")?,
        address: device.address,
        idempotency: key.map(|key| key.said_by(caller)),
    };
    let user = sign_up::sign_up(world, request).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}
