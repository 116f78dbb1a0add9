//! The first administrator, made with a one-time link that whoever starts the server reads from its output.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::event::EventKind;
use crate::idempotency::{self, Idempotency};
use crate::password::Password;
use crate::revocation::Actor;
use crate::secret::{Secret, SecretHash};
use crate::store::View;
use crate::user::Role;
use crate::verbs::sign_up::{Draft, NewUser, insert, prepare};
use crate::world::World;

/// How long a set-up link is good for.
pub const VALID_FOR: Duration = Duration::from_hours(1);

const SETTING: &str = "set_up";

/// Makes a set-up token if there is no administrator yet. A former token is no longer good.
pub async fn offer(world: &World) -> Result<Option<Secret>, Error> {
    let token = Secret::new(format!("stp_{}", BASE64URL_NOPAD.encode(&world.entropy.bytes::<32>())));
    let hash = BASE64URL_NOPAD.encode(&SecretHash::of(&token).0);
    let until = world.now().after(VALID_FOR).0;
    let now = world.now();
    world
        .store
        .transact("offer_set_up", move |tx| {
            if tx.has_administrator(now)? {
                tx.set_setting(SETTING, None)?;
                return Ok(false);
            }
            tx.set_setting(SETTING, Some(&format!("{until} {hash}")))?;
            Ok(true)
        })
        .await
        .map(|offered| offered.then_some(token))
}

/// Whether there is anything to set up: there is no administrator yet.
pub async fn is_open(world: &World) -> Result<bool, Error> {
    let now = world.now();
    world.store.read("is_set_up_open", move |view| Ok::<_, Error>(!view.has_administrator(now)?)).await
}

/// Makes the first administrator. The token is good once.
pub async fn set_up(
    world: &World,
    token: Secret,
    login: &str,
    password: Password,
    address: Option<IpAddr>,
    idempotency: Option<Idempotency>,
) -> Result<NewUser, Error> {
    let (offered, inner, key) = (token.clone(), world.clone(), idempotency.clone());
    let done = world.store.read("check_set_up", move |view| {
        let done = idempotency::answered(view, key.as_ref(), inner.now())?;
        if done.is_none() {
            check(view, &inner, &offered)?;
        }
        Ok(done)
    });
    if let Some(done) = done.await? {
        return Ok(done);
    }
    let (login, hash) = prepare(world, login, password).await?;
    let inner = world.clone();
    world
        .store
        .transact("set_up", move |tx| {
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                check(tx, &inner, &token)?;
                tx.set_setting(SETTING, None)?;
                let role = Role::Administrator;
                let draft = Draft { login: &login, hash: Some(&hash), role, external: None, metadata: None };
                insert(tx, &inner, draft, Actor::Anonymous, EventKind::SetUp, inner.stored_address(address))
            })
        })
        .await
}

fn check<V: View + ?Sized>(view: &V, world: &World, token: &Secret) -> Result<(), Error> {
    let refused = Err(Error::Forbidden);
    let Some(setting) = view.setting(SETTING)? else {
        return refused;
    };
    let Some((until, hash)) = setting.split_once(' ') else {
        return refused;
    };
    let until = until.parse().map(Timestamp);
    let hash = BASE64URL_NOPAD.decode(hash.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let (Ok(until), Some(hash)) = (until, hash) else {
        return refused;
    };
    let good = world.now() < until && SecretHash(hash).matches(token) && !view.has_administrator(world.now())?;
    if good { Ok(()) } else { refused }
}
