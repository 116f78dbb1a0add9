//! Changing and setting passwords.

use std::sync::Arc;

use rescind_wire::{Scope, UserId};

use crate::acting::{Acting, Administrator};
use crate::credentials::{self, Confirmed};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::password::{self, Password};
use crate::revocation::{self, Receipt};
use crate::world::World;

/// Changes one's own password: every other session ends, the one that changes it goes on (B1).
pub async fn change_own(world: &World, acting: &Acting, current: Password, new: Password) -> Result<Receipt, Error> {
    let confirmed = credentials::confirm(world, acting, current).await?;
    let login = {
        let user = confirmed.user();
        world.store.read("login_of", move |view| Ok(view.user(&user)?.map(|user| user.login))).await?
    };
    password::check_new(new.expose(), &login.ok_or(Error::SignedOut(None))?)?;
    let hash = credentials::hash(world, new).await?;
    let deed = |confirmed: Arc<Confirmed>| {
        let (inner, hash) = (world.clone(), hash.clone());
        world.store.end("change_password", move |tx| {
            let (user, session) = confirmed.check(tx, &inner)?;
            let acting = confirmed.acting();
            tx.set_password(&user.id, &hash)?;
            let event = NewEvent::new(inner.now(), EventKind::PasswordChanged, acting.actor())
                .user(user.id)
                .session(session.id)
                .from(inner.stored_address(acting.address()));
            let scope = Scope::User { user: user.id, except: Some(session.id), deleted: false };
            revocation::end(tx, &inner, scope, "password changed", event)
        })
    };
    confirmed.act(world, deed).await
}

/// Sets a user's password, for an administrator: every session of the user ends (B2).
pub async fn set(world: &World, admin: &Administrator, user: UserId, new: Password) -> Result<Receipt, Error> {
    let (caller, inner) = (admin.clone(), world.clone());
    let login = world
        .store
        .read("login_of", move |view| {
            caller.check(view, &inner)?;
            Ok(view.user(&user)?.ok_or(Error::NotFound("user"))?.login)
        })
        .await?;
    password::check_new(new.expose(), &login)?;
    let hash = credentials::hash(world, new).await?;
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .end("set_password", move |tx| {
            admin.check(tx, &inner)?;
            let user = crate::verbs::administer_users::existing(tx, &user)?;
            tx.set_password(&user.id, &hash)?;
            let event = NewEvent::new(inner.now(), EventKind::PasswordReset, admin.actor())
                .user(user.id)
                .from(inner.stored_address(admin.address()));
            let scope = Scope::User { user: user.id, except: None, deleted: false };
            revocation::end(tx, &inner, scope, "password set by an administrator", event)
        })
        .await
}
