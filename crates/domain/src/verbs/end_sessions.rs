//! Ending all of one's sessions, or all but this one: one entry of the log, however many there are (R5).

use rescind_wire::Scope;

use crate::acting::Acting;
use crate::credentials;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency};
use crate::password::Password;
use crate::revocation::{self, Receipt};
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
    let confirmed = match password {
        Some(password) => Some(credentials::confirm(world, acting, password).await?),
        None => None,
    };
    let (acting, inner) = (acting.clone(), world.clone());
    world
        .store
        .end("end_sessions", move |tx| {
            let (user, session) = match &confirmed {
                Some(confirmed) => confirmed.check(tx, &inner)?,
                None => acting.check_fresh(tx, &inner)?,
            };
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                let event = NewEvent::new(inner.now(), EventKind::SessionsEnded, acting.actor())
                    .user(user.id)
                    .session(session.id)
                    .from(inner.stored_address(acting.address()));
                let (except, reason) = match which {
                    Which::Others => (Some(session.id), "signed out the other devices"),
                    Which::All => (None, "signed out of all devices"),
                };
                let scope = Scope::User { user: user.id, except, deleted: false };
                revocation::end(tx, &inner, scope, reason, event)
            })
        })
        .await
}
