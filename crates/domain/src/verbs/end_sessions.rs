//! Ending all of one's sessions, or all but this one: one entry of the log, however many there are (R5).

use std::sync::Arc;

use rescind_wire::Scope;

use crate::acting::Acting;
use crate::credentials::{self, Confirmed};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency};
use crate::password::Password;
use crate::revocation::{self, Receipt};
use crate::session::Session;
use crate::store::EndingTx;
use crate::user::User;
use crate::world::World;

/// Which sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All but the one that asks, which goes on (A7).
    Others,
    /// All, the one that asks too (A8).
    All,
}

/// Ends them. Whoever asks gives the password, or has authenticated freshly.
pub async fn end_own(
    world: &World,
    acting: &Acting,
    which: Which,
    password: Option<Password>,
    idempotency: Option<Idempotency>,
) -> Result<Receipt, Error> {
    let Some(password) = password else {
        let (acting, inner) = (acting.clone(), world.clone());
        let deed = move |tx: &mut dyn EndingTx| {
            let asking = acting.check_fresh(tx, &inner)?;
            end(tx, &inner, &acting, asking, which, idempotency.as_ref())
        };
        return world.store.end("end_sessions", deed).await;
    };
    let confirmed = credentials::confirm(world, acting, password).await?;
    let deed = |confirmed: Arc<Confirmed>| {
        let (inner, idempotency) = (world.clone(), idempotency.clone());
        world.store.end("end_sessions", move |tx| {
            let asking = confirmed.check(tx, &inner)?;
            end(tx, &inner, confirmed.acting(), asking, which, idempotency.as_ref())
        })
    };
    confirmed.act(world, deed).await
}

fn end(
    tx: &mut dyn EndingTx,
    world: &World,
    acting: &Acting,
    (user, session): (User, Session),
    which: Which,
    idempotency: Option<&Idempotency>,
) -> Result<Receipt, Error> {
    idempotency::once(tx, idempotency, world.now(), |tx| {
        let event = NewEvent::new(world.now(), EventKind::SessionsEnded, acting.actor())
            .user(user.id)
            .session(session.id)
            .from(world.stored_address(acting.address()));
        let (except, reason) = match which {
            Which::Others => (Some(session.id), "signed out the other devices"),
            Which::All => (None, "signed out of all devices"),
        };
        let scope = Scope::User { user: user.id, except, deleted: false };
        revocation::end(tx, world, scope, reason, event)
    })
}
