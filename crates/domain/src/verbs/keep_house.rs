//! What the server does on its own: it moves the floor, purges what is dead, replaces and retires keys, and writes down
//! when devices were last seen. Each step is one short transaction.

use std::time::Duration;

use rescind_wire::{Cause, KeyId, SessionId, Standing, UserId};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::idempotency::REMEMBERED_FOR;
use crate::key::{KeyRow, Purpose};
use crate::policy::Policy;
use crate::revocation::Actor;
use crate::session::Session;
use crate::standing::StoreCuts;
use crate::store::{Lifetime, StoreError, Tx, View};
use crate::verbs::administer_clients::MAX_SESSION_SECONDS;
use crate::verbs::administer_keys::{self, Whose};
use crate::world::World;

/// The most rows that one transaction deletes.
pub const BATCH: u32 = 1000;

/// Records the lifetime of access tokens that this server signs, before it signs the first (R10).
pub async fn record_lifetime(world: &World) -> Result<(), Error> {
    let (lifetime, now) = (world.policy.access_lifetime, world.now());
    world.store.transact("record_lifetime", move |tx| Ok(tx.set_lifetime(lifetime, now)?)).await
}

/// The longest lifetime that an access token which may still be presented can have (R3, R10).
pub fn longest_lifetime(lifetimes: &[Lifetime], policy: &Policy, now: Timestamp) -> Duration {
    let possible = lifetimes
        .iter()
        .filter(|row| row.until.is_none_or(|until| until.after(policy.retention_of_entries(row.lifetime)) > now));
    possible.map(|row| row.lifetime).max().unwrap_or(policy.access_lifetime).max(policy.access_lifetime)
}

/// Until when an entry written at `at` must be remembered: as long as a token that it covers may be presented. A lifetime
/// that was given up before counts from then on, for the last tokens that have it are covered as well. Tokens of other
/// issuers count too: what verifiers forgot cuts all of them that are older.
fn remembered_until(at: Timestamp, lifetimes: &[Lifetime], policy: &Policy) -> Timestamp {
    let last_signed = |row: &Lifetime| row.until.map_or(at, |until| until.min(at));
    let gone = |row: &Lifetime| last_signed(row).after(policy.retention_of_entries(row.lifetime));
    let longest = policy.access_lifetime.max(policy.foreign_lifetime);
    let current = at.after(policy.retention_of_entries(longest));
    lifetimes.iter().map(gone).fold(current, Timestamp::max)
}

/// The floor as it may stand at `now`: past every entry that covers nothing which may still be presented, with the skew
/// and a minute to spare.
pub async fn raise_floor(world: &World) -> Result<u64, Error> {
    let inner = world.clone();
    world
        .store
        .transact("raise_floor", move |tx| {
            let (lifetimes, now) = (tx.lifetimes()?, inner.now());
            let mut floor = tx.head()?.floor;
            'entries: loop {
                let entries = tx.log_after(floor, BATCH)?;
                for entry in &entries {
                    if remembered_until(entry.at, &lifetimes, &inner.policy) >= now {
                        break 'entries;
                    }
                    floor = entry.position.number;
                }
                if entries.len() < BATCH as usize {
                    break;
                }
            }
            tx.raise_floor(floor)?;
            Ok(floor)
        })
        .await
}

/// The name of the read that looks through all sessions, piece by piece: a store need not keep what that read.
pub const FIND_DEAD_SESSIONS: &str = "find_dead_sessions";

/// How far a purge has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Sessions deleted.
    pub sessions: u64,
    /// Events, remembered answers, token ids and keys deleted.
    pub others: u64,
    /// Where to look on; `None` once all sessions have been looked at.
    pub next: Option<(UserId, SessionId)>,
}

/// The most sessions that one read looks at: few, so that what it takes is soon given back.
const LOOK: u32 = 250;

/// Looks at up to 250 sessions after `after`, and deletes those that have been dead for longer than the retention.
/// Deleting says nothing new: a session that is not there is dead.
pub async fn purge_sessions(world: &World, after: Option<(UserId, SessionId)>) -> Result<Purged, Error> {
    let inner = world.clone();
    let (dead, next) = world
        .store
        .read(FIND_DEAD_SESSIONS, move |view| {
            let rows = view.sessions_after(after, LOOK)?;
            let next = rows.last().filter(|_| rows.len() == LOOK as usize).map(|last| (last.user, last.id));
            let (cuts, mut dead) = (StoreCuts::new(view)?, Vec::new());
            for session in rows {
                let since = dead_since(&cuts, &session, inner.now())?;
                if since.is_some_and(|at| at.after(inner.policy.retention) <= inner.now()) {
                    dead.push((session.user, session.id));
                }
            }
            Ok((dead, next))
        })
        .await?;
    if dead.is_empty() {
        return Ok(Purged { next, ..Purged::default() });
    }
    // The dead stay dead: what was read outside this transaction cannot have changed for the better.
    let sessions = world.store.transact("purge_sessions", move |tx| Ok(tx.purge_sessions(&dead)?)).await?;
    Ok(Purged { sessions, others: 0, next })
}

/// Deletes one batch each of events, remembered answers, token ids and signing keys that are past their time.
pub async fn purge_others(world: &World) -> Result<u64, Error> {
    let inner = world.clone();
    world
        .store
        .transact("purge_others", move |tx| {
            let now = inner.now();
            let floor = tx.head()?.floor;
            let keys = outlived_keys(tx, &inner.policy, now)?;
            Ok(tx.purge_events(now.before(inner.policy.event_retention), BATCH)?
                + tx.purge_remembered(now.before(REMEMBERED_FOR), BATCH)?
                + tx.purge_tokens(floor, BATCH)?
                + tx.purge_keys(&keys)?)
        })
        .await
}

/// Up to a batch of signing keys that nothing refers to any more: revoked by an entry that verifiers may forget, and kept
/// since for as long as ended sessions are, or as the events that tell of it if the key may have leaked. One that was
/// revoked also keeps older ones from signing, so it stays while there is one that is not revoked. (MAC keys stay: with
/// them the log proves what it wrote.)
fn outlived_keys<V: View + ?Sized>(view: &V, policy: &Policy, now: Timestamp) -> Result<Vec<KeyId>, StoreError> {
    let (rows, floor) = (view.keys()?, view.head()?.floor);
    let mut outlived = Vec::new();
    for row in rows.iter().filter(|row| row.purpose != Purpose::Mac) {
        let Some(number) = row.revoked.filter(|number| *number <= floor) else { continue };
        let mut older = rows.iter().filter(|other| other.purpose == row.purpose && other.added < row.added);
        if outlived.len() == BATCH as usize || older.any(|other| other.revoked.is_none()) {
            continue;
        }
        let Some(entry) = view.log_entry(number)? else { continue };
        let was_retired = entry.actor == Actor::System && entry.reason == RETIRED;
        let kept = if was_retired { policy.retention } else { policy.retention.max(policy.event_retention) };
        if entry.at.after(kept) <= now {
            outlived.push(row.id.clone());
        }
    }
    Ok(outlived)
}

/// Since when a session has been dead, if it is.
fn dead_since(cuts: &StoreCuts<'_>, session: &Session, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    if let Some(ended) = session.ended {
        return Ok(Some(ended.at));
    }
    let (view, mut latest) = (cuts.view(), None);
    let chains = view.chains(&session.user, &session.id)?;
    for chain in &chains {
        let at = match cuts.judge_chain(session, chain, None)? {
            Standing::Alive => return Ok(expired_at(session, now)),
            Standing::Ended(Cause::Revoked { number, .. }) => view.log_entry(number)?.map(|entry| entry.at),
            Standing::Ended(_) => None,
        };
        // Where no entry says when, its last sign of life does.
        latest = latest.max(Some(at.unwrap_or(session.last_seen_at)));
    }
    Ok(latest.or(Some(session.last_seen_at)))
}

/// Whichever end came first counts: a session that was not used expired then, not at its latest possible end.
fn expired_at(session: &Session, now: Timestamp) -> Option<Timestamp> {
    session.expiry(now)?;
    Some(session.runs_out_at())
}

/// Writes down when devices were last seen: many in one transaction, none for a request (E3).
pub async fn record_activity(world: &World, seen: Vec<(UserId, SessionId, Timestamp)>) -> Result<(), Error> {
    for batch in seen.chunks(BATCH as usize) {
        let batch = batch.to_vec();
        world
            .store
            .transact("record_activity", move |tx| {
                for (user, session, at) in &batch {
                    tx.touch_session(user, session, *at)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// Replaces keys that are due, and retires those whose last token cannot live any more. Answers whether it did either.
pub async fn tend_keys(world: &World) -> Result<bool, Error> {
    let inner = world.clone();
    let look = move |view: &dyn View| Due::read(view, &inner);
    let due = world.store.read("find_due_keys", look).await?;
    if due.held_back {
        let now = world.now();
        let note = move |tx: &mut dyn Tx| Ok(tx.set_setting(HELD_BACK, Some(&now.0.to_string()))?);
        world.store.transact("note_held_back_keys", note).await?;
    }
    if due.old.is_empty() && due.done.is_empty() {
        return Ok(false);
    }
    let inner = world.clone();
    world
        .store
        .end("tend_keys", move |tx| {
            let due = Due::read(tx, &inner)?;
            for purpose in due.old {
                administer_keys::add(tx, &inner, purpose, "rotated on schedule", &Whose::system())?;
            }
            for row in due.done {
                administer_keys::revoke(tx, &inner, row.id, RETIRED, &Actor::System, None)?;
            }
            Ok(true)
        })
        .await
}

/// Why a key is revoked that has served its time.
const RETIRED: &str = "retired: nothing made with it can live";

/// The setting that says when a signing key was last seen to sign although another had taken over.
const HELD_BACK: &str = "keys_held_back_at";

/// What is to be done about keys.
struct Due {
    /// What needs a new one.
    old: Vec<Purpose>,
    /// What is of no use any more.
    done: Vec<KeyRow>,
    /// Whether one signs although another has taken over, which not every node has reached.
    held_back: bool,
}

impl Due {
    fn read<V: View + ?Sized>(view: &V, world: &World) -> Result<Self, Error> {
        let (now, policy, rows) = (world.now(), &world.policy, view.keys()?);
        let longest = longest_lifetime(&view.lifetimes()?, policy, now);
        let held_back = is_held_back(&rows, view.nodes()?.iter().map(|node| node.reached).min());
        let last_held = if held_back { Some(now) } else { held_back_at(view)? };
        let mut due = Self { old: Vec::new(), done: Vec::new(), held_back };
        for row in rows.into_iter().filter(|row| row.revoked.is_none()) {
            let Some(superseded) = row.superseded_at else {
                if policy.rotate_keys.is_some_and(|age| row.created_at.after(age) <= now) {
                    due.old.push(row.purpose);
                }
                continue;
            };
            let held = last_held.filter(|_| row.purpose != Purpose::Mac);
            let last_used = held.map_or(superseded, |held| held.max(superseded));
            if last_used.after(life_of(row.purpose, longest, policy)) <= now {
                due.done.push(row);
            }
        }
        Ok(due)
    }
}

/// Whether a signing key that was superseded may sign still: some node's verifiers have not acknowledged the next one. A
/// node that stopped counts until its row is gone, which takes hours where leases may be long.
fn is_held_back(rows: &[KeyRow], reached: Option<u64>) -> bool {
    let Some(reached) = reached else { return false };
    let usable = || rows.iter().filter(|row| row.revoked.is_none() && row.purpose != Purpose::Mac);
    usable().filter(|row| row.superseded_at.is_some()).any(|row| {
        let newer = usable().filter(|other| other.purpose == row.purpose && other.added > row.added);
        newer.map(|other| other.added).min().is_some_and(|next| next > reached)
    })
}

fn held_back_at<V: View + ?Sized>(view: &V) -> Result<Option<Timestamp>, StoreError> {
    let Some(text) = view.setting(HELD_BACK)? else { return Ok(None) };
    text.parse().map(|at| Some(Timestamp(at))).map_err(|_| StoreError::Corrupt {
        table: "settings",
        column: "value",
        key: HELD_BACK.into(),
        problem: format!("{text:?} is not a number"),
    })
}

/// How long what was made with a key can live after it was last used: a day more than the longest session for MAC keys;
/// for signing keys the retention of entries, and an hour, in which somebody has looked whether they sign still.
fn life_of(purpose: Purpose, longest: Duration, policy: &Policy) -> Duration {
    const HOUR: Duration = Duration::from_hours(1);
    const DAY: Duration = Duration::from_hours(24);
    match purpose {
        Purpose::Sign(_) => policy.retention_of_entries(longest) + HOUR,
        Purpose::Mac => Duration::from_secs(MAX_SESSION_SECONDS) + DAY,
    }
}
