//! Live changes: who watches which user's sessions, and a look at the store that is shared by all of them.
//!
//! Whatever happens writes an event in its own transaction, endings as well (A15), in whichever process. So one question
//! to the store, whether there is a later event, serves all watchers; it is asked again and again only while somebody
//! watches, and at once where a hint says that something was committed here. What an event means for one watcher, and
//! whether that one still may hear it, is asked by the watcher itself ([`Listener`]).

mod listener;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::clock::Timestamp;
use rescind_domain::event::Event;
use rescind_domain::verbs::watch_sessions::{self, Kind, LOOK, Look, Notice};
use rescind_wire::UserId;
use tokio::sync::Notify;

pub use listener::{Denied, Listener, Word};

use crate::authority::Authority;

/// How often the store is looked at while somebody watches, hint or none.
const POLL: Duration = Duration::from_millis(200);

/// The shortest time between two looks: hints that come faster share one.
const GAP: Duration = Duration::from_millis(10);

/// After so long without a look, events may have been purged unseen: half of the shortest retention that can be set.
const FORGOTTEN: Duration = Duration::from_hours(12);

/// Streams of one user; when one more comes, the oldest gives way.
pub const MOST_OF_USER: usize = 32;

/// Streams altogether: half of the connections that the server has.
pub const MOST: usize = 2048;

/// Streams of other kinds: administrators are few.
const MOST_GUESTS: usize = 128;

/// Notices that may wait for one watcher. More become one that says so.
const MAILBOX: usize = 32;

/// There are as many streams as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Those who watch.
#[derive(Debug, Default)]
pub struct Live {
    state: Mutex<State>,
    /// Told that something may have happened.
    poked: Notify,
    /// Told that somebody watches.
    begun: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// By user, the oldest first.
    places: BTreeMap<(UserId, u64), Place>,
    /// Streams of other kinds, which count towards [`MOST`].
    guests: usize,
    /// The last event that was looked at, while somebody watches.
    cursor: Option<u64>,
}

#[derive(Debug)]
struct Place {
    mailbox: Arc<Mailbox>,
    /// When a session may run out, of those that the watcher is shown.
    due: Option<Timestamp>,
}

/// A watcher's place. Dropping it says that the watcher is gone.
#[derive(Debug)]
pub struct Line {
    live: Arc<Live>,
    key: (UserId, u64),
    mailbox: Arc<Mailbox>,
}

/// What waits for one watcher.
#[derive(Debug, Default)]
struct Mailbox {
    parcel: Mutex<Parcel>,
    filled: Notify,
}

/// What came since a watcher looked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    /// What happened, each with the id of its event.
    pub notices: Vec<(u64, Notice)>,
    /// More happened than there was room for.
    pub many: bool,
    /// A session may have run out.
    pub due: bool,
    /// A newer stream of the same user took this one's place.
    pub replaced: bool,
}

/// A stream that hears of other things, and counts all the same.
#[derive(Debug)]
pub struct Guest(Arc<Live>);

impl Live {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that something may have happened. Losing it costs latency, never truth.
    pub fn poke(&self) {
        self.poked.notify_one();
    }

    /// A place for one more watcher of this user. From now on it is told whatever is found.
    pub fn enter(self: &Arc<Self>, user: UserId) -> Result<Line, Full> {
        let mut state = self.lock();
        let own = state.places.range((user, 0)..=(user, u64::MAX));
        let own: Vec<(UserId, u64)> = own.map(|(key, _)| *key).collect();
        if let Some(oldest) = own.first().filter(|_| own.len() >= MOST_OF_USER)
            && let Some(place) = state.places.remove(oldest)
        {
            place.mailbox.put(|parcel| parcel.replaced = true);
        }
        if state.places.len() + state.guests >= MOST {
            return Err(Full);
        }
        state.next += 1;
        let key = (user, state.next);
        let mailbox = Arc::<Mailbox>::default();
        state.places.insert(key, Place { mailbox: Arc::clone(&mailbox), due: None });
        drop(state);
        Ok(Line { live: Arc::clone(self), key, mailbox })
    }

    /// A place for a stream of another kind.
    pub fn admit(self: &Arc<Self>) -> Result<Guest, Full> {
        let mut state = self.lock();
        if state.places.len() + state.guests >= MOST || state.guests >= MOST_GUESTS {
            return Err(Full);
        }
        state.guests += 1;
        drop(state);
        Ok(Guest(Arc::clone(self)))
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.lock().places.len()
    }

    fn cursor(&self) -> Option<u64> {
        self.lock().cursor
    }

    /// Hands out what was found after the event `after`. All are told that much happened where not all of it was read, or
    /// where the events do not go on from what was seen.
    fn deliver(&self, after: u64, found: &Look, forgotten: bool) {
        let read = found.events.last().map_or(after, |last| last.id);
        let behind = found.events.len() >= LOOK as usize && found.last > read;
        let mut state = self.lock();
        if forgotten || behind || found.last < after {
            state.places.values().for_each(|place| place.mailbox.put(Parcel::overflow));
        } else {
            found.events.iter().for_each(|event| state.tell(event));
        }
        // Whoever came when nobody watched any more begins where it looked itself: looking at that again does no harm.
        if state.cursor.is_some() {
            state.cursor = Some(found.last);
        }
    }

    /// Wakes those who are shown a session that may have run out.
    fn wake_due(&self, now: Timestamp) {
        let mut state = self.lock();
        for place in state.places.values_mut().filter(|place| place.due.is_some_and(|due| now >= due)) {
            place.due = None;
            place.mailbox.put(|parcel| parcel.due = true);
        }
    }
}

impl State {
    fn tell(&self, event: &Event) {
        let Some((user, notice)) = Notice::read(&event.what) else { return };
        let put = |place: &Place| place.mailbox.put(|parcel| parcel.add(event.id, notice));
        match user {
            Some(user) => self.places.range((user, 0)..=(user, u64::MAX)).for_each(|(_, place)| put(place)),
            None => self.places.values().for_each(put),
        }
    }
}

impl Line {
    /// What happened up to the event `event` is known: looking begins there, unless others watch already.
    pub fn begin(&self, event: u64) {
        self.live.lock().cursor.get_or_insert(event);
        self.live.begun.notify_one();
    }

    /// When a session may run out.
    pub fn set_due(&self, due: Timestamp) {
        if let Some(place) = self.live.lock().places.get_mut(&self.key) {
            place.due = Some(due);
        }
    }

    /// What came, once something has.
    pub async fn take(&self) -> Parcel {
        loop {
            let parcel = std::mem::take(&mut *self.mailbox.lock());
            if parcel != Parcel::default() {
                return parcel;
            }
            self.mailbox.filled.notified().await;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut state = self.live.lock();
        state.places.remove(&self.key);
        if state.places.is_empty() {
            state.cursor = None;
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.lock().guests -= 1;
    }
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Parcel> {
        self.parcel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, fill: impl FnOnce(&mut Parcel)) {
        fill(&mut self.lock());
        self.filled.notify_one();
    }
}

impl Parcel {
    fn add(&mut self, event: u64, notice: Notice) {
        if self.many || notice.kind == Kind::Many || self.notices.len() >= MAILBOX {
            self.overflow();
        } else {
            self.notices.push((event, notice));
        }
    }

    fn overflow(&mut self) {
        self.notices.clear();
        self.many = true;
    }
}

/// Looks at the store for those who watch, until the authority goes.
pub async fn watch(authority: &Authority) {
    let live = &authority.live;
    let mut looked_at = None;
    let mut failing = false;
    loop {
        let Some(after) = live.cursor() else {
            looked_at = None;
            live.begun.notified().await;
            continue;
        };
        let now = authority.clock.boottime();
        match look(authority, after, looked_at.is_some_and(|at| now.saturating_sub(at) > FORGOTTEN)).await {
            Ok(()) => (looked_at, failing) = (Some(now), false),
            Err(error) if failing => tracing::debug!(%error, "watchers still hear nothing"),
            Err(error) => {
                tracing::warn!(%error, "the events cannot be read: watchers hear of nothing until they can");
                failing = true;
            }
        }
        tokio::time::sleep(GAP).await;
        let _ = tokio::time::timeout(POLL.saturating_sub(GAP), live.poked.notified()).await;
    }
}

async fn look(authority: &Authority, after: u64, forgotten: bool) -> Result<(), Error> {
    let found = watch_sessions::look(&authority.world, after).await?;
    authority.live.deliver(after, &found, forgotten);
    authority.live.wake_due(authority.world.now());
    Ok(())
}

#[cfg(test)]
mod tests;
