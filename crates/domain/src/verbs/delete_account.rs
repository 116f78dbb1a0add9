//! Deleting an account: everything of it ends, and its id is never used again.

use std::sync::Arc;

use rescind_wire::{Scope, UserId};

use crate::acting::{Acting, Administrator};
use crate::credentials::{self, Confirmed};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency};
use crate::password::Password;
use crate::revocation::{self, Actor, Receipt};
use crate::store::EndingTx;
use crate::user::UserState;
use crate::verbs::administer_users::{Administered, existing};
use crate::world::World;

/// Deletes one's own account.
pub async fn delete_own(
    world: &World,
    acting: &Acting,
    password: Password,
    idempotency: Option<Idempotency>,
) -> Result<Receipt, Error> {
    let confirmed = credentials::confirm(world, acting, password).await?;
    let deed = |confirmed: Arc<Confirmed>| {
        let (inner, idempotency) = (world.clone(), idempotency.clone());
        world.store.end("delete_account", move |tx| {
            let (user, _) = confirmed.check(tx, &inner)?;
            let acting = confirmed.acting();
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                delete(tx, &inner, user.id, "account deleted", &acting.actor(), acting.address())
            })
        })
    };
    confirmed.act(world, deed).await
}

/// Deletes a user's account, for an administrator.
pub async fn delete_user(world: &World, admin: &Administrator, user: UserId, reason: String) -> Result<Receipt, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .end("delete_user", move |tx| {
            admin.check(tx, &inner)?;
            existing(tx, &user)?;
            delete(tx, &inner, user, &reason, &admin.actor(), admin.address())
        })
        .await
}

/// What whoever deleted this account was told, for an administrator: its end can be waited for again.
pub async fn deletion(world: &World, admin: &Administrator, user: UserId) -> Result<Receipt, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("find_deletion", move |view| {
            admin.check(view, &inner)?;
            let cut = view.user_cut(&user)?.filter(|cut| cut.deleted).ok_or(Error::NotFound("user"))?;
            let scope = Scope::User { user, except: None, deleted: true };
            // Nothing is written about an account after its end.
            revocation::receipt_of(view, cut.latest, scope)?.ok_or(Error::NotFound("user"))
        })
        .await
}

fn delete(
    tx: &mut dyn EndingTx,
    world: &World,
    user: UserId,
    reason: &str,
    actor: &Actor,
    address: Option<std::net::IpAddr>,
) -> Result<Receipt, Error> {
    let now = world.now();
    existing(tx, &user)?;
    let administered = Administered::before(tx, now)?;
    tx.set_user_state(&user, &UserState::Deleted { at: now })?;
    administered.is_kept(tx)?;
    let event =
        NewEvent::new(now, EventKind::UserDeleted, actor.clone()).user(user).from(world.stored_address(address));
    let scope = Scope::User { user, except: None, deleted: true };
    revocation::end(tx, world, scope, reason, event)
}
