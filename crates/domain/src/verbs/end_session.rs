//! Ending one session by its id.

use rescind_wire::{Cause, SessionId, Standing, UserId};

use crate::acting::{Acting, Administrator};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::revocation::Receipt;
use crate::verbs::log_out::{end_if_standing, standing_of, stands};
use crate::world::World;

/// Ends one of one's own sessions. Any but the current one needs a fresh authentication (A6). One that has ended already
/// stays as it is; another user's, and one that never was, are equally not there, and the attempt is audited (A5).
pub async fn end_own(world: &World, acting: &Acting, session: SessionId) -> Result<Option<Receipt>, Error> {
    let (acting, inner) = (acting.clone(), world.clone());
    let ended: Result<Option<Receipt>, Error> = world
        .store
        .end("end_session", move |tx| {
            let (user, own) = acting.check(tx, &inner)?;
            let Some(row) = tx.session(&user.id, &session)? else {
                tx.add_event(&refused(&inner, &acting, user.id, &session.to_string()))?;
                // Committed all the same, for the event's sake.
                return Ok(Err(Error::NotFound("session")));
            };
            if !stands(tx, &row)? {
                return Ok(Ok(None));
            }
            if session != own.id {
                acting.check_fresh(tx, &inner)?;
            }
            let reason = if session == own.id { "signed out" } else { "signed out from another device" };
            end_if_standing(tx, &inner, user.id, session, reason, &acting.actor(), acting.address()).map(Ok)
        })
        .await?;
    ended
}

/// Ends nothing, since what was named is no session's id: the same answer as for another user's, and audited, too (A5).
pub async fn end_unnamed(world: &World, acting: &Acting) -> Result<Error, Error> {
    let (acting, inner) = (acting.clone(), world.clone());
    world
        .store
        .transact("refuse_end_session", move |tx| {
            let (user, _) = acting.check(tx, &inner)?;
            // What was named is anything that fits into a path: it is not repeated.
            tx.add_event(&refused(&inner, &acting, user.id, "no session's id"))?;
            Ok(Error::NotFound("session"))
        })
        .await
}

/// That somebody tried to end what is not theirs.
fn refused(world: &World, acting: &Acting, user: UserId, named: &str) -> NewEvent {
    NewEvent::new(world.now(), EventKind::SessionEndRefused, acting.actor())
        .user(user)
        .from(world.stored_address(acting.address()))
        .detail(named)
}

/// The entry that ended a session, where one did and the store still knows it. Of several, the last one.
pub async fn ended_by(world: &World, session: SessionId) -> Result<Option<u64>, Error> {
    world
        .store
        .read("session_ended_by", move |view| {
            let Some(row) = view.session_by_id(&session)? else { return Ok(None) };
            Ok(match standing_of(view, &row)? {
                Standing::Ended(Cause::Revoked { number, .. }) => Some(number),
                Standing::Ended(_) | Standing::Alive => None,
            })
        })
        .await
}

/// Ends any session, for an administrator.
pub async fn end_any(
    world: &World,
    admin: &Administrator,
    session: SessionId,
    reason: String,
) -> Result<Option<Receipt>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .end("end_any_session", move |tx| {
            admin.check(tx, &inner)?;
            let row = tx.session_by_id(&session)?.ok_or(Error::NotFound("session"))?;
            end_if_standing(tx, &inner, row.user, session, &reason, &admin.actor(), admin.address())
        })
        .await
}
