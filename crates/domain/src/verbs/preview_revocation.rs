//! How many living sessions a revocation would hit, for whoever is about to make it.

use std::time::Duration;

use rescind_wire::{ClientId, SessionId, UserId};

use crate::acting::Administrator;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::standing::StoreCuts;
use crate::store::{HeldSession, SessionCursor, View};
use crate::verbs::administer_users::existing;
use crate::world::World;

/// How many sessions are counted one by one.
pub const MOST: u32 = 10_000;

/// How many rows are looked at in the search for them, those of dead sessions that wait for the purge included.
const LOOKED: u32 = 2 * MOST;

/// Rows in one read: others have their turn in between.
const ROUND: u32 = 500;

/// What a revocation would cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All users.
    Everyone,
    /// What a client holds, for any user.
    Client(ClientId),
    /// A user, but for one session if one is excepted.
    User {
        /// Who.
        user: UserId,
        /// Which of the sessions would go on.
        except: Option<SessionId>,
    },
    /// What a client holds for one user.
    Grant {
        /// For whom.
        user: UserId,
        /// Which client.
        client: ClientId,
    },
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// At least so many: at most [`MOST`].
    pub sessions: u32,
    /// Whether it is exactly so many.
    pub exact: bool,
}

/// How many living sessions a revocation of `target` would hit: exact up to [`MOST`], and never more work than looking at
/// twice as many rows. It is counted in rounds, so sessions that come and go meanwhile may or may not be in it.
pub async fn preview(world: &World, admin: &Administrator, target: Target) -> Result<Count, Error> {
    let (mut count, mut looked, mut at) = (0, 0, At::Beginning);
    loop {
        let (admin, inner, target, from) = (admin.clone(), world.clone(), target.clone(), at);
        let round = move |view: &dyn View| {
            admin.check(view, &inner)?;
            look(view, inner.now(), &target, from)
        };
        let found = world.store.read("preview_revocation", round).await?;
        (count, looked) = (count + found.living, looked + found.rows);
        match found.next {
            _ if count > MOST => return Ok(Count { sessions: MOST, exact: false }),
            None => return Ok(Count { sessions: count, exact: true }),
            Some(_) if looked >= LOOKED => return Ok(Count { sessions: count, exact: false }),
            Some(next) => at = next,
        }
    }
}

/// Where a count goes on.
#[derive(Clone, Copy, Debug)]
enum At {
    Beginning,
    Expiry(Timestamp, UserId, SessionId),
    Holder(UserId, SessionId),
    Listed(SessionCursor),
}

/// What one round found.
struct Round {
    living: u32,
    rows: u32,
    next: Option<At>,
}

fn look(view: &dyn View, now: Timestamp, target: &Target, from: At) -> Result<Round, Error> {
    let cuts = StoreCuts::new(view)?;
    let rows = match target {
        Target::Everyone => {
            let after = match from {
                At::Expiry(at, user, session) => (at, Some((user, session))),
                // What expires now has expired.
                _ => (now.after(Duration::from_millis(1)), None),
            };
            view.sessions_expiring(after, ROUND)?
        }
        Target::Client(client) => {
            view.client(client)?.ok_or(Error::NotFound("client"))?;
            let after = if let At::Holder(user, session) = from { Some((user, session)) } else { None };
            view.sessions_of_client(client, after, ROUND)?
        }
        Target::User { user, .. } | Target::Grant { user, .. } => rows_of_user(&cuts, user, from)?,
    };
    let mut living = 0;
    for row in &rows {
        living += u32::from(is_hit(&cuts, now, target, row)?);
    }
    let counted = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let next = rows.last().filter(|_| counted >= ROUND).map(|last| after(target, last));
    Ok(Round { living, rows: counted, next })
}

/// The session that the user's last revocation excepted is older than the others, and comes with the first ones.
fn rows_of_user(cuts: &StoreCuts<'_>, user: &UserId, from: At) -> Result<Vec<HeldSession>, Error> {
    let view = cuts.view();
    let user = existing(view, user)?;
    let number = user.cut.latest.max(cuts.head().everyone_cut);
    let after = if let At::Listed(cursor) = from { Some(cursor) } else { None };
    let mut rows = Vec::new();
    if let (Some(excepted), None) = (user.cut.except, after)
        && let Some(session) = view.session(&user.id, &excepted)?.filter(|session| session.position.number < number)
    {
        let held = view.holdings(&user.id, &excepted)?;
        rows.push(HeldSession { session, held });
    }
    rows.extend(view.sessions_from(&user.id, number, after, ROUND)?);
    Ok(rows)
}

fn is_hit(cuts: &StoreCuts<'_>, now: Timestamp, target: &Target, row: &HeldSession) -> Result<bool, Error> {
    let HeldSession { session, held } = row;
    Ok(match target {
        Target::User { except: Some(excepted), .. } if *excepted == session.id => false,
        Target::Everyone | Target::User { .. } => cuts.client_of_held(session, held, now)?.is_some(),
        Target::Client(client) | Target::Grant { client, .. } => {
            let held: Vec<_> = held.iter().filter(|holding| holding.client == *client).cloned().collect();
            cuts.client_of_held(session, &held, now)?.is_some()
        }
    })
}

fn after(target: &Target, last: &HeldSession) -> At {
    let session = &last.session;
    match target {
        Target::Everyone => At::Expiry(session.expires_at, session.user, session.id),
        Target::Client(_) => At::Holder(session.user, session.id),
        Target::User { .. } | Target::Grant { .. } => At::Listed(SessionCursor {
            number: session.position.number,
            started_at: session.started_at,
            id: session.id,
        }),
    }
}
