//! Locking: sign-in is refused until the lock runs out or is taken away, and everything ends as it starts.

use std::net::IpAddr;
use std::time::Duration;

use rescind_wire::{Scope, UserId};

use crate::acting::{Acting, Administrator};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency};
use crate::revocation::{self, Actor, Receipt};
use crate::store::EndingTx;
use crate::user::{Lock, UserState};
use crate::verbs::administer_users::{Administered, existing};
use crate::world::World;

/// How long a lock lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockFor {
    /// As long as the deployment says: unless configured, the longest lifetime of an access token plus a minute. A lock that
    /// lasts longer is not shortened.
    Default,
    /// As [`Default`](Self::Default), where somebody else knows how long that is.
    AtLeast(Duration),
    /// This long.
    Duration(Duration),
    /// Until it is taken away: a disabled account.
    UntilUnlocked,
}

/// Locks one's own account. It ends every session, so it needs a fresh authentication. The last administrator may do so,
/// too: who finds their own account in a stranger's hands must not have to ask for another first.
pub async fn lock_own(world: &World, acting: &Acting, idempotency: Option<Idempotency>) -> Result<Receipt, Error> {
    let (acting, inner) = (acting.clone(), world.clone());
    world
        .store
        .end("lock_own", move |tx| {
            let (user, _) = acting.check_fresh(tx, &inner)?;
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                let reason = "locked by its owner";
                lock(tx, &inner, user.id, LockFor::Default, reason, &acting.actor(), acting.address())
            })
        })
        .await
}

/// Locks a user's account, for an administrator.
///
/// # Errors
/// [`Error::LastAdministrator`] if nobody who may administer would be left unlocked.
pub async fn lock_user(
    world: &World,
    admin: &Administrator,
    user: UserId,
    duration: LockFor,
    reason: String,
    idempotency: Option<Idempotency>,
) -> Result<Receipt, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .end("lock_user", move |tx| {
            admin.check(tx, &inner)?;
            existing(tx, &user)?;
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                let administered = Administered::before(tx, inner.now())?;
                let receipt = lock(tx, &inner, user, duration, &reason, &admin.actor(), admin.address())?;
                administered.is_kept(tx)?;
                Ok(receipt)
            })
        })
        .await
}

/// Takes a lock away. What it ended stays ended.
pub async fn unlock_user(world: &World, admin: &Administrator, user: UserId) -> Result<(), Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .transact("unlock_user", move |tx| {
            admin.check(tx, &inner)?;
            existing(tx, &user)?;
            tx.set_user_state(&user, &UserState::Active)?;
            let event = NewEvent::new(inner.now(), EventKind::UserUnlocked, admin.actor())
                .user(user)
                .from(inner.stored_address(admin.address()));
            Ok(tx.add_event(&event)?)
        })
        .await
}

/// Until when a lock lasts that takes the place of another, which may be longer; without an end if that one has none.
fn not_shortened(
    tx: &dyn EndingTx,
    user: &UserId,
    now: Timestamp,
    duration: Duration,
) -> Result<Option<Timestamp>, Error> {
    let usual = now.after(duration);
    let former = existing(tx, user)?;
    Ok(former.lock_at(now).map_or(Some(usual), |lock| lock.until.map(|until| until.max(usual))))
}

fn lock(
    tx: &mut dyn EndingTx,
    world: &World,
    user: UserId,
    duration: LockFor,
    reason: &str,
    actor: &Actor,
    address: Option<IpAddr>,
) -> Result<Receipt, Error> {
    let now = world.now();
    let until = match duration {
        LockFor::Default => not_shortened(tx, &user, now, world.policy.lock)?,
        LockFor::AtLeast(duration) => not_shortened(tx, &user, now, duration)?,
        LockFor::Duration(duration) => Some(now.after(duration)),
        LockFor::UntilUnlocked => None,
    };
    tx.set_user_state(&user, &UserState::Locked(Lock { since: now, until, reason: reason.to_owned() }))?;
    let event = NewEvent::new(now, EventKind::UserLocked, actor.clone()).user(user).from(world.stored_address(address));
    let scope = Scope::User { user, except: None, deleted: false };
    revocation::end(tx, world, scope, reason, event)
}
