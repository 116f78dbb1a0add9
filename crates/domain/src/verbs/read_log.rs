//! Reading the revocation log and the audit log, for administrators.

use rescind_wire::{Change, Epoch, Position, Scope, UserId};

use crate::acting::Administrator;
use crate::error::Error;
use crate::event::Event;
use crate::revocation::LogRow;
use crate::store::View;
use crate::world::World;

/// An entry of the log that revokes something.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The entry.
    pub row: LogRow,
    /// What it covers.
    pub scope: Scope,
}

impl Revocation {
    /// `None` for an entry that adds a key.
    fn of(row: LogRow) -> Option<Self> {
        let Change::Revoke(scope) = &row.change else {
            return None;
        };
        Some(Self { scope: scope.clone(), row })
    }
}

/// The head of the log.
pub async fn head(world: &World, admin: &Administrator) -> Result<Position, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("head_of_log", move |view| {
            admin.check(view, &inner)?;
            Ok(view.head()?.position)
        })
        .await
}

/// Revocations after entry `after`, oldest first, and whether there are more.
pub async fn list_revocations(
    world: &World,
    admin: &Administrator,
    after: u64,
    limit: u32,
) -> Result<(Vec<Revocation>, bool), Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_revocations", move |view| {
            admin.check(view, &inner)?;
            fill(limit, after, |after, limit| Ok(view.log_after(after, limit)?))
        })
        .await
}

/// Revocations after `after`, oldest first, all of them if it is not given, and whether there are more. Whoever had read on
/// in a history that was lost goes on where that history ends in this log (R9).
///
/// # Errors
/// [`Error::NotInLog`] if this log never had that position.
pub async fn revocations_after(
    world: &World,
    admin: &Administrator,
    after: Option<Position>,
    limit: u32,
) -> Result<(Vec<Revocation>, bool), Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("revocations_after", move |view| {
            admin.check(view, &inner)?;
            let from = after.map_or(Ok(0), |after| go_on(view, after))?;
            fill(limit, from, |after, limit| Ok(view.log_after(after, limit)?))
        })
        .await
}

/// The number after which whoever has read up to `after` goes on: see [`rescind_wire::Epochs::go_on`].
///
/// # Errors
/// [`Error::NotInLog`] if this log never had that position.
pub fn go_on(view: &dyn View, after: Position) -> Result<u64, Error> {
    view.epochs()?.go_on(after, view.head()?.position.number).ok_or(Error::NotInLog("position"))
}

/// Revocations before entry `before`, newest first, and whether there are more.
pub async fn latest_revocations(
    world: &World,
    admin: &Administrator,
    before: u64,
    limit: u32,
) -> Result<(Vec<Revocation>, bool), Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("latest_revocations", move |view| {
            admin.check(view, &inner)?;
            fill(limit, before, |before, limit| Ok(view.log_before(before, limit)?))
        })
        .await
}

/// Entries that add keys are passed over, so a page may take more than one look.
fn fill(
    limit: u32,
    mut from: u64,
    scan: impl Fn(u64, u32) -> Result<Vec<LogRow>, Error>,
) -> Result<(Vec<Revocation>, bool), Error> {
    let mut found = Vec::new();
    loop {
        let rows = scan(from, limit.saturating_add(1))?;
        let Some(last) = rows.last() else {
            return Ok((found, false));
        };
        from = last.position.number;
        for revocation in rows.into_iter().filter_map(Revocation::of) {
            if found.len() == limit as usize {
                return Ok((found, true));
            }
            found.push(revocation);
        }
    }
}

/// The revocation with this number, in this epoch: the current one unless one is named.
pub async fn find_revocation(
    world: &World,
    admin: &Administrator,
    epoch: Option<Epoch>,
    number: u64,
) -> Result<Revocation, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("find_revocation", move |view| {
            admin.check(view, &inner)?;
            let epoch = match epoch {
                Some(epoch) => epoch,
                None => view.head()?.position.epoch,
            };
            let row = view.log_entry(number)?.filter(|row| row.position.epoch == epoch);
            row.and_then(Revocation::of).ok_or(Error::NotFound("revocation"))
        })
        .await
}

/// Events after the event `after`, oldest first, of one user if given, and whether there are more.
///
/// # Errors
/// [`Error::NotInLog`] if no event with such an id was ever written here: what follows could be missed.
pub async fn list_events(
    world: &World,
    admin: &Administrator,
    user: Option<UserId>,
    after: u64,
    limit: u32,
) -> Result<(Vec<Event>, bool), Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_events", move |view| {
            admin.check(view, &inner)?;
            check_event(view, after)?;
            let mut events = view.events(user.as_ref(), after, limit.saturating_add(1))?;
            let more = events.len() > limit as usize;
            events.truncate(limit as usize);
            Ok((events, more))
        })
        .await
}

/// Refuses the id of an event beyond all that were written here, purged as they may be.
///
/// # Errors
/// [`Error::NotInLog`].
pub fn check_event(view: &dyn View, after: u64) -> Result<(), Error> {
    if after > view.last_event()? { Err(Error::NotInLog("event")) } else { Ok(()) }
}

/// Events before the event `before`, newest first, of one user if given, and whether there are more.
pub async fn list_events_backwards(
    world: &World,
    admin: &Administrator,
    user: Option<UserId>,
    before: u64,
    limit: u32,
) -> Result<(Vec<Event>, bool), Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_events_backwards", move |view| {
            admin.check(view, &inner)?;
            let mut events = view.events_before(user.as_ref(), before, limit.saturating_add(1))?;
            let more = events.len() > limit as usize;
            events.truncate(limit as usize);
            Ok((events, more))
        })
        .await
}
