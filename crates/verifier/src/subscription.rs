//! One connection to the feed, without the connection: what to say, and what to do about what is heard.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rescind_wire::Entry;
use rescind_wire::feed::{Ack, Closing, Hello, Message, Snapshot};

use crate::acks::Acks;
use crate::keeper::{self, Broken, Keeper};
use crate::rejected::Break;
use crate::verifier::Shared;

/// A connection to the feed.
pub struct Subscription<'a> {
    keeper: &'a mut Keeper,
    acks: Acks,
    stage: Stage,
    _connected: Connected,
}

/// Says, for the health report, that there is a connection as long as this is there.
struct Connected(Arc<Shared>);

impl Connected {
    fn new(shared: Arc<Shared>) -> Self {
        shared.counters().connected();
        Self(shared)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.counters().disconnected();
    }
}

enum Stage {
    /// Neither a snapshot nor a resumption was heard.
    Opening,
    /// The entries of a snapshot are coming.
    Collecting(Box<Snapshot>, Vec<Entry>),
    /// Entries are applied as they come.
    Following,
}

/// What to do about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Listen,
    /// Acknowledge: [`Subscription::ack`].
    Acknowledge,
    /// The lease was extended.
    Extended,
}

/// Why a connection is of no use any more. Connect again, after a pause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfollowable {
    /// What was said cannot be followed.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A message of an unknown kind, or not in its turn.
    #[error("the authority said what cannot be understood here: {0}")]
    Unreadable(&'static str),
    /// The authority closes the connection.
    #[error("the authority closed the feed ({}): {detail}", reason.as_str())]
    Closed {
        /// Why.
        reason: Closing,
        /// What to do about it.
        detail: String,
    },
}

impl<'a> Subscription<'a> {
    /// A connection of a verifier with this lease.
    pub fn new(keeper: &'a mut Keeper, lease: Duration) -> Self {
        let connected = Connected::new(Arc::clone(keeper.shared()));
        Self { keeper, acks: Acks::new(lease), stage: Stage::Opening, _connected: connected }
    }

    /// What to say first.
    pub fn hello(&self, verifier: &str, lease: Duration) -> Hello {
        let held = self.keeper.held().map(|held| rescind_wire::feed::Held { position: held.position, tag: held.tag });
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        Hello { verifier: verifier.to_owned(), lease_ms, held }
    }

    /// Takes the text of a message. What is no message breaks the feed off (R7).
    pub fn hear(&mut self, text: &str) -> Result<Next, Unfollowable> {
        match serde_json::from_str(text) {
            Ok(message) => self.take(message),
            Err(_) => Err(self.refuse("no message of rescind.feed.v1")),
        }
    }

    /// Takes a message.
    pub fn take(&mut self, message: Message) -> Result<Next, Unfollowable> {
        match (message, &mut self.stage) {
            (Message::Snapshot(snapshot), Stage::Opening) => {
                let Some(entries) = snapshot.position.checked_sub(snapshot.floor) else {
                    return Err(self.refuse("a snapshot that is none"));
                };
                self.keeper.make_room(entries)?;
                self.stage = Stage::Collecting(Box::new(snapshot), Vec::new());
                self.complete()
            }
            (Message::Resume(resume), Stage::Opening) => {
                if self.keeper.held().is_none() {
                    return Err(self.refuse("a resumption of nothing"));
                }
                self.stage = Stage::Following;
                self.keeper.raise_floor(resume.floor);
                self.keeper.set_longest_lifetime(resume.longest_lifetime);
                Ok(Next::Acknowledge)
            }
            (Message::Entries(frame), Stage::Collecting(snapshot, entries)) => {
                if frame.entries.len() as u64 > snapshot.position - snapshot.floor - entries.len() as u64 {
                    return Err(self.refuse("more entries than the snapshot has"));
                }
                entries.extend(frame.entries);
                self.complete()
            }
            (Message::Entries(frame), Stage::Following) => {
                self.keeper.advance(&frame.entries, frame.floor, frame.longest_lifetime)?;
                Ok(Next::Acknowledge)
            }
            (Message::Echo { number }, Stage::Following) => match self.acks.echoed(number) {
                Some(deadline) => {
                    self.keeper.extend(deadline)?;
                    Ok(Next::Extended)
                }
                None => Ok(Next::Listen),
            },
            (Message::Close { reason, detail }, _) => Err(Unfollowable::Closed { reason, detail }),
            _ => Err(self.refuse("a message that is not in its turn")),
        }
    }

    /// The next acknowledgement, if there is anything to acknowledge. `now` was read before it is written.
    pub fn ack(&mut self, now: Duration) -> Option<Ack> {
        let held = self.keeper.held().filter(|_| matches!(self.stage, Stage::Following))?;
        Some(self.acks.next(held.position.number, now))
    }

    /// Drops the lease for good: after this, and not before, goodbye may be said.
    pub fn leave(&mut self) {
        self.keeper.break_off(Break::Left);
    }

    /// Takes the snapshot once all of it is there.
    fn complete(&mut self) -> Result<Next, Unfollowable> {
        let Stage::Collecting(snapshot, entries) = &mut self.stage else { return Ok(Next::Listen) };
        if (entries.len() as u64) < snapshot.position - snapshot.floor {
            return Ok(Next::Listen);
        }
        let snapshot = keeper::Snapshot {
            epochs: snapshot.epochs.clone(),
            position: snapshot.position,
            floor: snapshot.floor,
            floor_at: snapshot.floor_at,
            longest_lifetime: snapshot.longest_lifetime,
            keys: std::mem::take(&mut snapshot.keys),
            entries: std::mem::take(entries),
        };
        self.keeper.reset(snapshot)?;
        self.stage = Stage::Following;
        Ok(Next::Acknowledge)
    }

    /// Breaks the feed off (R7).
    pub(crate) fn refuse(&mut self, why: &'static str) -> Unfollowable {
        self.keeper.break_off(Break::Unreadable);
        Unfollowable::Unreadable(why)
    }
}

impl fmt::Debug for Subscription<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("keeper", &self.keeper).field("acks", &self.acks).finish_non_exhaustive()
    }
}
