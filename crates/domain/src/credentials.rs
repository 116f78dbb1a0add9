//! Checking a password: throttled, with the same work for a user who is not there, and audited where it fails.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rescind_wire::UserId;

use crate::acting::Acting;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::login::{self, Login};
use crate::password::{HashingError, Password, PasswordHash, Stored, Verdict};
use crate::revocation::Actor;
use crate::session::Session;
use crate::store::{Tx, View};
use crate::throttle::{Attempt, Place, Throttled};
use crate::user::User;
use crate::world::World;

/// A password that was right, of somebody who signs in. Only [`check_login`] makes one.
#[derive(Debug)]
pub struct Checked {
    user: UserId,
    hash: PasswordHash,
    upgraded: Option<PasswordHash>,
}

impl Checked {
    /// Whose.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Whether the stored hash is still the one that was checked.
    fn is_current(&self, user: &User) -> bool {
        user.password.as_ref() == Some(&self.hash)
    }

    /// Replaces a weak hash by a stronger one of the same password, if the stored one is still the one that was checked.
    pub fn upgrade(&self, tx: &mut dyn Tx, user: &User, event: NewEvent) -> Result<(), Error> {
        let Some(upgraded) = self.upgraded.as_ref().filter(|_| self.is_current(user)) else {
            return Ok(());
        };
        tx.set_password(&user.id, upgraded)?;
        tx.add_event(&NewEvent { kind: EventKind::PasswordUpgraded, ..event }.detail(self.hash.scheme()))?;
        Ok(())
    }
}

/// How often a password is checked again because the hash was replaced: once for an upgrade, and once more for one by a
/// server that is configured otherwise.
const AGAIN: u32 = 2;

/// A password that was right, of somebody who is signed in: a confirmation of what they are about to do. Only [`confirm`]
/// makes one. It takes the place of the caller, so that what is confirmed cannot be done without [`Confirmed::check`].
#[derive(Debug)]
#[must_use = "a password may change before what it confirms is done: check again inside the transaction"]
pub struct Confirmed {
    acting: Acting,
    checked: Checked,
    password: Password,
}

impl Confirmed {
    /// Whose.
    pub const fn user(&self) -> UserId {
        self.checked.user
    }

    /// Who confirms.
    pub const fn acting(&self) -> &Acting {
        &self.acting
    }

    /// Does what the password confirms. Where the stored hash is another by then, the password is checked by that one: a
    /// hash that was upgraded meanwhile is of the same password, and one of another makes this a wrong one (B3).
    pub async fn act<T, D, F>(self, world: &World, deed: D) -> Result<T, Error>
    where
        D: Fn(Arc<Self>) -> F,
        F: Future<Output = Result<T, Error>>,
    {
        let mut confirmed = Arc::new(self);
        for _ in 0..AGAIN {
            match deed(Arc::clone(&confirmed)).await {
                Err(Error::HashReplaced) => {}
                done => return done,
            }
            confirmed = Arc::new(confirm(world, &confirmed.acting, confirmed.password.clone()).await?);
        }
        match deed(confirmed).await {
            // Somebody goes on replacing it. Whether the password is right cannot be told.
            Err(Error::HashReplaced) => Err(Error::Busy { retry_after: Duration::from_secs(1) }),
            done => done,
        }
    }

    /// As [`Acting::check`], and the stored hash is still the one that was checked (B3): else [`Error::HashReplaced`],
    /// which [`act`](Self::act) sees to.
    pub fn check(&self, view: &dyn View, world: &World) -> Result<(User, Session), Error> {
        let (user, session) = self.acting.check(view, world)?;
        if self.checked.is_current(&user) { Ok((user, session)) } else { Err(Error::HashReplaced) }
    }

    /// As [`Checked::upgrade`].
    pub fn upgrade(&self, tx: &mut dyn Tx, user: &User, event: NewEvent) -> Result<(), Error> {
        self.checked.upgrade(tx, user, event)
    }
}

/// Checks login name and password of somebody who signs in. Unknown name and wrong password take the same work and give
/// the same answer (B8).
pub async fn check_login(
    world: &World,
    typed: &str,
    password: Password,
    address: Option<IpAddr>,
) -> Result<Checked, Error> {
    let attempt = begin(world, &login::throttle_key(typed), address)?;
    let parsed = Login::parse(typed).ok();
    let key = parsed.map_or_else(|| login::throttle_key(typed), |login| login.key().to_owned());
    let looked_up = key.clone();
    let user = match world.store.read("user_by_login", move |view| Ok(view.user_by_login(&looked_up)?)).await {
        Ok(user) => user,
        Err(error) => {
            attempt.abandon();
            return Err(error);
        }
    };
    let id = user.as_ref().map(|user| user.id);
    let stored = user.and_then(|user| user.password.map(|hash| (user.id, hash)));
    if let Some(checked) = verify(world, attempt, stored, key, password).await? {
        return Ok(checked);
    }
    let event = NewEvent::new(world.now(), EventKind::SignInFailed, Actor::Anonymous);
    let event = NewEvent { user: id, ..event }.from(world.stored_address(address));
    note(world, "sign_in_failed", event).await?;
    Err(Error::InvalidCredentials)
}

/// Checks the password of whoever is signed in. A wrong one changes nothing at all (A6).
pub async fn confirm(world: &World, acting: &Acting, password: Password) -> Result<Confirmed, Error> {
    let (user, session) = acting.person()?;
    let (caller, inner) = (acting.clone(), world.clone());
    let row = world.store.read("confirm", move |view| Ok(caller.check(view, &inner)?.0)).await?;
    let attempt = begin(world, &login::throttle_key(&row.login_key), acting.address())?;
    let stored = row.password.map(|hash| (row.id, hash));
    if let Some(checked) = verify(world, attempt, stored, row.login_key, password.clone()).await? {
        return Ok(Confirmed { acting: acting.clone(), checked, password });
    }
    let (caller, inner) = (acting.clone(), world.clone());
    let standing = world.store.transact("reauthentication_failed", move |tx| {
        let event = NewEvent::new(inner.now(), EventKind::ReauthenticationFailed, Actor::Anonymous).user(user);
        let event = event.from(inner.stored_address(caller.address()));
        // Whoever was signed out meanwhile has no name to act in any more (A16).
        let (event, standing) = match caller.check(tx, &inner) {
            Ok(_) => (NewEvent { actor: caller.actor(), ..event.session(session) }, Ok(())),
            Err(error @ Error::SignedOut(_)) => (event, Err(error)),
            Err(error) => return Err(error),
        };
        tx.add_event(&event)?;
        Ok(standing)
    });
    standing.await??;
    Err(Error::WrongPassword)
}

/// Hashes a new password.
pub async fn hash(world: &World, password: Password) -> Result<PasswordHash, Error> {
    world.passwords.hash(password).await.map_err(|error| busy(&error))
}

/// As [`hash`], for somebody who signs up, and has this place in the queue until then.
pub async fn hash_at(world: &World, password: Password, place: Place) -> Result<PasswordHash, Error> {
    world.passwords.hash_at(password, place).await.map_err(|error| busy(&error))
}

fn begin(world: &World, key: &str, address: Option<IpAddr>) -> Result<Attempt, Error> {
    let attempt = world.throttle.begin(key, address, world.now().0);
    attempt.map_err(
        |Throttled { retry_after, failed }| {
            if failed { Error::Throttled { retry_after } } else { Error::Busy { retry_after } }
        },
    )
}

/// The hashing, outside any transaction. `None` is a wrong password.
async fn verify(
    world: &World,
    attempt: Attempt,
    stored: Option<(UserId, PasswordHash)>,
    login: String,
    password: Password,
) -> Result<Option<Checked>, Error> {
    let against = stored.as_ref().map_or(Stored::Unknown { login }, |(_, hash)| Stored::Known(hash.clone()));
    let upgrade = match world.passwords.verify(against, password.clone()).await {
        Ok(Verdict::Right { upgrade }) => upgrade,
        Ok(Verdict::Wrong) | Err(HashingError::Unreadable { .. }) => {
            attempt.failed();
            return Ok(None);
        }
        Err(error @ HashingError::Busy { .. }) => {
            attempt.abandon();
            return Err(busy(&error));
        }
    };
    let Some((user, hash)) = stored else {
        attempt.failed();
        return Ok(None);
    };
    attempt.succeeded(world.now().0);
    // A queue that is full is no reason to refuse a right password: the upgrade waits for the next sign-in.
    let upgraded = if upgrade { world.passwords.hash(password).await.ok() } else { None };
    Ok(Some(Checked { user, hash, upgraded }))
}

async fn note(world: &World, name: &'static str, event: NewEvent) -> Result<(), Error> {
    world.store.transact(name, move |tx| Ok(tx.add_event(&event)?)).await
}

fn busy(error: &HashingError) -> Error {
    match *error {
        HashingError::Busy { retry_after } => Error::Busy { retry_after },
        HashingError::Unreadable { .. } => Error::InvalidCredentials,
    }
}
