//! Making an account.

use std::net::IpAddr;
use std::time::Duration;

use rescind_wire::{UserCut, UserId};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::credentials;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency};
use crate::login::Login;
use crate::password::{self, Password, PasswordHash};
use crate::revocation::Actor;
use crate::store::Tx;
use crate::user::{Role, User, UserState};
use crate::world::World;

/// When to come again where others are signing up.
const SOON: Duration = Duration::from_secs(1);

/// What somebody asks for who wants an account.
#[derive(Debug)]
pub struct SignUp {
    /// The login name.
    pub login: String,
    /// The password.
    pub password: Password,
    /// From where.
    pub address: Option<IpAddr>,
    /// So that it is done once.
    pub idempotency: Option<Idempotency>,
}

/// An account that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Its login name as it was chosen.
    pub login: String,
    /// Whether it is an administrator's.
    pub administrator: bool,
    /// The id that another system knows it by.
    #[serde(default)]
    pub external_id: Option<String>,
    /// A JSON object of the application's.
    #[serde(default)]
    pub metadata: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Makes an account for whoever asks, if the deployment allows it. Who signs up has a share of the queue of hashes, so that
/// a crowd of them keeps nobody from signing in.
pub async fn sign_up(world: &World, request: SignUp) -> Result<NewUser, Error> {
    if !world.policy.sign_up {
        return Err(Error::SignUpOff);
    }
    let login = check(&request.login, &request.password)?;
    let place = world.throttle.begin_sign_up(request.address).ok_or(Error::Busy { retry_after: SOON })?;
    let hash = credentials::hash_at(world, request.password, place).await?;
    let (inner, address) = (world.clone(), world.stored_address(request.address));
    let idempotency = request.idempotency;
    world
        .store
        .transact("sign_up", move |tx| {
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                let draft =
                    Draft { login: &login, hash: Some(&hash), role: Role::User, external: None, metadata: None };
                insert(tx, &inner, draft, Actor::Anonymous, EventKind::UserCreated, address)
            })
        })
        .await
}

/// Checks login name and password, and hashes the password outside any transaction.
pub(crate) async fn prepare(world: &World, login: &str, password: Password) -> Result<(Login, PasswordHash), Error> {
    let login = check(login, &password)?;
    let hash = credentials::hash(world, password).await?;
    Ok((login, hash))
}

fn check(login: &str, password: &Password) -> Result<Login, Error> {
    let login = parse_login(login)?;
    password::check_new(password.expose(), login.as_str())?;
    Ok(login)
}

pub(crate) fn parse_login(login: &str) -> Result<Login, Error> {
    Login::parse(login).map_err(|problem| Error::Invalid { field: "login", problem: problem.to_string() })
}

/// What a new account is made of.
#[derive(Clone, Copy)]
pub(crate) struct Draft<'a> {
    pub(crate) login: &'a Login,
    pub(crate) hash: Option<&'a PasswordHash>,
    pub(crate) role: Role,
    pub(crate) external: Option<&'a str>,
    pub(crate) metadata: Option<&'a str>,
}

/// Adds an account inside a transaction. It is born with a cut at the head: nothing older can be its own (R3).
pub(crate) fn insert(
    tx: &mut (impl Tx + ?Sized),
    world: &World,
    draft: Draft<'_>,
    actor: Actor,
    kind: EventKind,
    address: Option<IpAddr>,
) -> Result<NewUser, Error> {
    let head = tx.head()?;
    if tx.user_by_login(draft.login.key())?.is_some() {
        return Err(Error::LoginTaken);
    }
    if let Some(external) = draft.external
        && tx.user_by_external_id(external)?.is_some()
    {
        return Err(Error::ExternalIdTaken);
    }
    let now = world.now();
    let user = User {
        id: UserId::from_bytes(world.entropy.bytes()),
        login: draft.login.as_str().to_owned(),
        login_key: draft.login.key().to_owned(),
        password: draft.hash.cloned(),
        role: draft.role,
        state: UserState::Active,
        external_id: draft.external.map(str::to_owned),
        metadata: draft.metadata.map(str::to_owned),
        created_at: now,
        cut: UserCut::born(head.position.number),
    };
    tx.insert_user(&user)?;
    tx.add_event(&NewEvent::new(now, kind, actor).user(user.id).from(address))?;
    let administrator = user.role == Role::Administrator;
    let User { id, login, external_id, metadata, .. } = user;
    Ok(NewUser { id, login, administrator, external_id, metadata, created_at: now })
}
