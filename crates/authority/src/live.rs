//! Live changes: who watches which user's sessions, and a look at the store that is shared by all of them.
//!
//! Whatever happens writes an event in its own transaction, endings as well (A15), in whichever process. So one question
//! to the store, whether there is a later event, serves all watchers; it is asked again and again only while somebody
//! watches, and at once where a hint says that something was committed here. What an event means for one watcher, and
//! whether that one still may hear it, is asked by the watcher itself ([`Listener`]).

mod listener;
mod places;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::clock::Timestamp;
use rescind_domain::key::MacKeyId;
use rescind_domain::verbs::watch_sessions::{self, Kind, Look, News, Notice, Shown, Watcher};
use rescind_wire::UserId;
use tokio::sync::Notify;

pub use listener::{Denied, Listener, Word};
use places::Places;

use crate::authority::Authority;

/// How often the store is looked at while somebody watches, hint or none.
const POLL: Duration = Duration::from_millis(200);

/// The shortest time between two looks: hints that come faster share one.
const GAP: Duration = Duration::from_millis(10);

/// After so long without a look, events may have been purged unseen: half of the shortest retention that can be set.
const FORGOTTEN: Duration = Duration::from_hours(12);

/// Streams of one user, and of one administrator; when one more comes, the oldest gives way.
pub const MOST_OF_ONE: usize = 16;

/// Streams of users altogether. With [`MOST_GUESTS`] it is half of the connections that the server has.
pub const MOST: usize = 1920;

/// Streams of administrators altogether, which nobody else can take.
pub const MOST_GUESTS: usize = 128;

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

#[derive(Debug)]
struct State {
    watchers: Places<UserId, Watching>,
    guests: Places<String, ()>,
    /// The last event that was looked at, while somebody watches.
    cursor: Option<u64>,
}

impl Default for State {
    fn default() -> Self {
        let (watchers, guests) = (Places::new(MOST, MOST_OF_ONE), Places::new(MOST_GUESTS, MOST_OF_ONE));
        Self { watchers, guests, cursor: None }
    }
}

#[derive(Debug)]
struct Watching {
    shown: Shown,
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

/// An administrator's place, who hears of other things.
#[derive(Debug)]
pub struct Guest {
    live: Arc<Live>,
    key: (String, u64),
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
    /// The watcher is to be judged again: a session may have run out, or what it showed was revoked.
    pub judge: bool,
    /// Another stream took this one's place.
    pub replaced: bool,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that something may have happened. Losing it costs latency, never truth.
    pub fn poke(&self) {
        self.poked.notify_one();
    }

    /// A place for one more watcher. From now on it is told whatever is found.
    pub fn enter(self: &Arc<Self>, watcher: &Watcher) -> Result<Line, Full> {
        let what = Watching { shown: watcher.shown.clone(), due: None };
        let (key, mailbox) = self.lock().watchers.take(&watcher.user, watcher.address, what)?;
        Ok(Line { live: Arc::clone(self), key, mailbox })
    }

    /// A place for an administrator's stream: `name` is whoever it is.
    pub fn admit(self: &Arc<Self>, name: &str, address: Option<IpAddr>) -> Result<Guest, Full> {
        let (key, mailbox) = self.lock().guests.take(&name.to_owned(), address, ())?;
        Ok(Guest { live: Arc::clone(self), key, mailbox })
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.lock().watchers.len()
    }

    fn cursor(&self) -> Option<u64> {
        self.lock().cursor
    }

    /// Hands out what was found after the event `after`. All are told that much happened where not all of it was read, or
    /// where the events do not go on from what was seen.
    fn deliver(&self, after: u64, found: &Look, forgotten: bool) {
        let mut state = self.lock();
        if forgotten || found.is_behind || found.last < after {
            state.watchers.all().for_each(|place| place.mailbox.put(Parcel::overflow));
        } else {
            found.news.iter().for_each(|(event, news)| state.tell(*event, news));
        }
        // Whoever came when nobody watched any more begins where it looked itself: looking at that again does no harm.
        if state.cursor.is_some() {
            state.cursor = Some(found.last);
        }
    }

    /// Wakes those who are shown a session that may have run out.
    fn wake_due(&self, now: Timestamp) {
        let mut state = self.lock();
        for place in state.watchers.all_mut().filter(|place| place.what.due.is_some_and(|due| now >= due)) {
            place.what.due = None;
            place.mailbox.put(|parcel| parcel.judge = true);
        }
    }
}

impl State {
    fn tell(&self, event: u64, news: &News) {
        let revoked = |shown: &dyn Fn(&Shown) -> bool| {
            let holders = self.watchers.all().filter(|place| shown(&place.what.shown));
            holders.for_each(|place| place.mailbox.put(|parcel| parcel.judge = true));
        };
        match news {
            News::Of(user, notice) => {
                self.watchers.of(user).for_each(|(_, place)| place.mailbox.put(|parcel| parcel.add(event, *notice)));
            }
            News::ToAll => self.watchers.all().for_each(|place| place.mailbox.put(Parcel::overflow)),
            News::Token(token) => revoked(&|shown| shown.token == Some(*token)),
            News::Key(key) => {
                revoked(&|shown| shown.key == *key);
                // Whoever could only go on with what it made is signed out, and gone from lists.
                if MacKeyId::of(key).is_some() {
                    self.watchers.all().for_each(|place| place.mailbox.put(Parcel::overflow));
                }
            }
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
        if let Some(place) = self.live.lock().watchers.get_mut(&self.key) {
            place.what.due = Some(due);
        }
    }

    /// What came, once something has.
    pub async fn take(&self) -> Parcel {
        self.mailbox.take().await
    }
}

impl Guest {
    /// Resolves once another stream took this one's place.
    pub async fn replaced(&self) {
        self.mailbox.take().await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut state = self.live.lock();
        state.watchers.leave(&self.key);
        if state.watchers.len() == 0 {
            state.cursor = None;
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.live.lock().guests.leave(&self.key);
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

    async fn take(&self) -> Parcel {
        loop {
            let parcel = std::mem::take(&mut *self.lock());
            if parcel != Parcel::default() {
                return parcel;
            }
            self.filled.notified().await;
        }
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
