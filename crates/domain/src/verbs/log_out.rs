//! Logging out: ending one's own session, also with a token whose only fault is its expiry (A11).

use std::net::IpAddr;

use rescind_wire::{AccessClaims, Scope, SessionId, Standing, Subject, Thing, UserId};

use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::revocation::{self, Actor, Receipt};
use crate::session::Session;
use crate::standing::StoreCuts;
use crate::store::{EndingTx, StoreError, View};
use crate::world::World;

/// Ends the session of a token whose signature is right; expired or revoked, it need not be more. A session that has
/// ended already stays as it is, and no entry is written (A4).
pub async fn log_out(world: &World, claims: &AccessClaims, address: Option<IpAddr>) -> Result<Option<Receipt>, Error> {
    let (Subject::User(user), Some(session)) = (&claims.sub, claims.sid) else {
        return Err(Error::Forbidden);
    };
    let (user, inner) = (*user, world.clone());
    world
        .store
        .end("log_out", move |tx| {
            let actor = Actor::User { user, session };
            end_if_standing(tx, &inner, user, session, "signed out", &actor, address)
        })
        .await
}

/// Ends a session unless it has ended already, or never was.
pub(crate) fn end_if_standing(
    tx: &mut dyn EndingTx,
    world: &World,
    user: UserId,
    session: SessionId,
    reason: &str,
    actor: &Actor,
    address: Option<IpAddr>,
) -> Result<Option<Receipt>, Error> {
    let Some(row) = tx.session(&user, &session)? else {
        return Ok(None);
    };
    if !stands(tx, &row)? {
        return Ok(None);
    }
    let event = NewEvent::new(world.now(), EventKind::SessionEnded, actor.clone())
        .user(user)
        .session(session)
        .from(world.stored_address(address));
    let scope = Scope::Session { user, session };
    revocation::end(tx, world, scope, reason, event).map(Some)
}

/// Whether no revocation covers the session itself. It may have expired all the same.
pub(crate) fn stands(view: &dyn View, session: &Session) -> Result<bool, StoreError> {
    Ok(standing_of(view, session)? == Standing::Alive)
}

/// What covers the session itself.
pub(crate) fn standing_of(view: &dyn View, session: &Session) -> Result<Standing, StoreError> {
    let thing = Thing {
        user: Some(&session.user),
        session: Some(&session.id),
        client: None,
        token: None,
        key: None,
        position: session.position,
        authorized: session.position,
    };
    StoreCuts::new(view)?.judge(&thing)
}
