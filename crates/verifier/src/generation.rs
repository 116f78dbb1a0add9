//! All that a verifier knows between two snapshots. A reader loads one generation and holds on to it for the whole call,
//! so a reset is seen as a whole or not at all, and a lease never vouches for another generation's table.
//!
//! What orders the memory: entries are published before the position, both before the deadline that vouches for them; a
//! reader loads the deadline first, then the position, then looks up. The floor is raised before anything is forgotten;
//! a reader loads it last.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use rescind_wire::jwt::Unverified;
use rescind_wire::{
    ClientId, Cuts, Epochs, Jwk, KeyId, Place, Position, Scope, SessionId, Standing, Thing, TokenId, UserCut, UserId,
    standing,
};

use crate::keys::{InvalidKey, PinnedKeys};
use crate::rejected::{Break, Reason, Rejected};
use crate::table::Table;

pub(crate) struct Generation {
    /// Tells cached tokens of another generation apart.
    pub(crate) id: u64,
    pub(crate) epochs: Epochs,
    table: Table,
    keys: ArcSwap<PinnedKeys>,
    position: AtomicU64,
    floor: AtomicU64,
    /// When what was forgotten was written, in milliseconds since the Unix epoch; 0 if nothing was.
    floor_at: AtomicU64,
    longest_lifetime: AtomicU64,
    /// When the lease ends, in nanoseconds of the boot-time clock; 0 without one.
    deadline: AtomicU64,
    /// When the lease was last extended, on the same clock.
    extended: AtomicU64,
    broken: AtomicU8,
}

/// The lease's end, as loaded before anything that it vouches for was looked at.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(u64);

impl Generation {
    pub(crate) fn new(id: u64, epochs: Epochs, keys: PinnedKeys, floor: u64, longest_lifetime: u64) -> Self {
        Self {
            id,
            epochs,
            table: Table::default(),
            keys: ArcSwap::from_pointee(keys),
            position: AtomicU64::new(0),
            floor: AtomicU64::new(floor),
            floor_at: AtomicU64::new(0),
            longest_lifetime: AtomicU64::new(longest_lifetime),
            deadline: AtomicU64::new(0),
            extended: AtomicU64::new(0),
            broken: AtomicU8::new(0),
        }
    }

    // What readers ask.

    pub(crate) fn deadline(&self) -> Deadline {
        Deadline(self.deadline.load(Ordering::Acquire))
    }

    /// Whether `now` is before the deadline that was loaded earlier. Reading the clock for `now` is the caller's last act.
    pub(crate) fn check_lease(&self, deadline: Deadline, now: Duration) -> Result<(), Rejected> {
        if nanos(now) < deadline.0 {
            return Ok(());
        }
        let reason = match self.broken() {
            Some(cause) => Reason::Broken(cause),
            None if deadline.0 == 0 => Reason::NoLease,
            None => Reason::Stale,
        };
        Err(Rejected::Unavailable { reason })
    }

    pub(crate) fn broken(&self) -> Option<Break> {
        match self.broken.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Break::Gap),
            2 => Some(Break::Unreadable),
            3 => Some(Break::Full),
            _ => Some(Break::Left),
        }
    }

    /// The last entry that is in the table.
    pub(crate) fn number(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    pub(crate) fn position(&self) -> Position {
        Position { epoch: self.epochs.current, number: self.number() }
    }

    /// Whether a token's position is beyond this one.
    pub(crate) fn is_ahead(&self, position: Position, number: u64) -> bool {
        position.epoch == self.epochs.current && position.number > number
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor.load(Ordering::Acquire)
    }

    /// Loaded after every look-up, as the floor is.
    pub(crate) fn floor_at(&self) -> u64 {
        fence(Ordering::Acquire);
        self.floor_at.load(Ordering::Acquire)
    }

    pub(crate) fn longest_lifetime(&self) -> u64 {
        self.longest_lifetime.load(Ordering::Acquire)
    }

    pub(crate) fn keys(&self) -> Guard<Arc<PinnedKeys>> {
        self.keys.load()
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Until when the lease runs, and when it was last extended.
    pub(crate) fn lease(&self) -> Option<(Duration, Duration)> {
        let deadline = self.deadline().0;
        let extended = self.extended.load(Ordering::Relaxed);
        (deadline != 0).then(|| (Duration::from_nanos(deadline), Duration::from_nanos(extended)))
    }

    /// Judges by the one rule (R3). Where nothing is newer than what the thing was last checked against, no look-up in
    /// the table could find anything new, and none is made; epochs and floor are judged all the same.
    pub(crate) fn judge(&self, thing: &Thing<'_>, nothing_newer: bool) -> Result<(), Rejected> {
        let cuts = Judge { generation: self, table: (!nothing_newer).then_some(&self.table) };
        let Ok(standing) = standing(thing, &cuts);
        match standing {
            Standing::Alive => Ok(()),
            Standing::Ended(cause) => Err(cause.into()),
        }
    }

    /// What to say about a token whose key is not pinned. `number` is this generation's position as loaded before the
    /// keys were looked at.
    pub(crate) fn unknown_key(&self, unverified: &Unverified<'_>, number: u64) -> Rejected {
        if let Some(number) = self.table.key(&unverified.unverified_kid) {
            return Rejected::Revoked { scope: KEY, number };
        }
        match unverified_position(&unverified.unverified_claims) {
            Some(position) if self.is_ahead(position, number) => {
                Rejected::Unavailable { reason: Reason::AheadUnknownKey }
            }
            _ => Rejected::UnknownKey,
        }
    }

    /// What to say about a token whose key was pinned when its signature was checked, and is no more.
    pub(crate) fn unpinned_key(&self, kid: &KeyId) -> Rejected {
        self.table.key(kid).map_or(Rejected::UnknownKey, |number| Rejected::Revoked { scope: KEY, number })
    }

    // What the one writer says.

    pub(crate) fn revoke(&self, number: u64, at: u64, scope: &Scope) {
        self.table.add(number, at, scope);
        if let Scope::Key { key } = scope {
            self.keys.store(Arc::new(self.keys.load().without(key)));
        }
    }

    /// Pins a key, unless it was ever revoked: that is for good.
    pub(crate) fn add_key(&self, key: &Jwk) -> Result<(), InvalidKey> {
        if self.table.key(&key.kid).is_none() {
            self.keys.store(Arc::new(self.keys.load().with(key)?));
        }
        Ok(())
    }

    /// Publishes that every entry up to `number` is in the table.
    pub(crate) fn publish(&self, number: u64) {
        self.position.store(number, Ordering::Release);
    }

    /// The floor never falls. Publishes it before the caller forgets anything.
    pub(crate) fn raise_floor(&self, floor: u64) {
        self.floor.fetch_max(floor, Ordering::Release);
        fence(Ordering::Release);
    }

    /// Never falls either, and is published before the caller forgets anything written until then.
    pub(crate) fn raise_floor_at(&self, at: u64) {
        self.floor_at.fetch_max(at, Ordering::Release);
        fence(Ordering::Release);
    }

    pub(crate) fn set_longest_lifetime(&self, seconds: u64) {
        self.longest_lifetime.store(seconds, Ordering::Release);
    }

    /// A lease is only ever extended.
    pub(crate) fn extend(&self, deadline: Duration, now: Duration) {
        self.extended.store(nanos(now), Ordering::Relaxed);
        self.deadline.fetch_max(nanos(deadline), Ordering::Release);
    }

    /// Goes on with the lease of the generation that this one replaces: its table is at least as new.
    pub(crate) fn inherit_lease(&self, former: &Self) {
        self.extended.store(former.extended.load(Ordering::Relaxed), Ordering::Relaxed);
        self.deadline.store(former.deadline.load(Ordering::Relaxed), Ordering::Release);
    }

    /// Drops the lease for good.
    pub(crate) fn break_off(&self, cause: Break) {
        let code = match cause {
            Break::Gap => 1,
            Break::Unreadable => 2,
            Break::Full => 3,
            Break::Left => 4,
        };
        self.broken.store(code, Ordering::Release);
        self.deadline.store(0, Ordering::Release);
    }
}

const KEY: &str = "key";

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The position that strict JSON claims to have, whoever signed it.
fn unverified_position(unverified_claims: &[u8]) -> Option<Position> {
    let claims: serde_json::Value = serde_json::from_slice(unverified_claims).ok()?;
    claims.get("rev")?.as_str()?.parse().ok()
}

/// The generation as the one rule sees it: with the table, or without where it has nothing new to say.
struct Judge<'a> {
    generation: &'a Generation,
    table: Option<&'a Table>,
}

impl Cuts for Judge<'_> {
    type Error = Infallible;

    /// A verifier lags, so it cannot know where the current epoch ends: every number of it is listed.
    fn place(&self, position: Position) -> Result<Place, Infallible> {
        Ok(self.generation.epochs.place(position, u64::MAX))
    }

    /// Loaded after every look-up: the fence pairs with the one in `raise_floor`, so whoever missed a record that was
    /// being forgotten sees the floor that it was forgotten below.
    fn floor(&self) -> Result<u64, Infallible> {
        fence(Ordering::Acquire);
        Ok(self.generation.floor())
    }

    fn everyone(&self, services: bool) -> Result<u64, Infallible> {
        Ok(self.table.map_or(0, |table| table.everyone(services)))
    }

    fn user(&self, user: &UserId) -> Result<UserCut, Infallible> {
        Ok(self.table.map_or_else(UserCut::default, |table| table.user(user)))
    }

    fn client(&self, client: &ClientId) -> Result<u64, Infallible> {
        Ok(self.table.map_or(0, |table| table.client(client)))
    }

    fn grant(&self, user: &UserId, client: &ClientId) -> Result<u64, Infallible> {
        Ok(self.table.map_or(0, |table| table.grant(user, client)))
    }

    fn session(&self, _: &UserId, session: &SessionId) -> Result<Option<u64>, Infallible> {
        Ok(self.table.and_then(|table| table.session(session)))
    }

    fn token(&self, token: &TokenId) -> Result<Option<u64>, Infallible> {
        Ok(self.table.and_then(|table| table.token(token)))
    }

    fn key(&self, key: &KeyId) -> Result<Option<u64>, Infallible> {
        Ok(self.table.and_then(|table| table.key(key)))
    }
}

#[cfg(test)]
mod tests;
