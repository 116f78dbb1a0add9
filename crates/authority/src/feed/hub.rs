//! The verifiers of this node: what each of them was sent and has acknowledged, and what of that is known to all. No I/O
//! happens here, and the lock is held for short: frames are made once, and handed to each connection's queue.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use rescind_domain::clock::Timestamp;
use rescind_domain::node::{NodeId, NodeRow};
use rescind_wire::feed::{Ack, Closing};
use rescind_wire::{ClientId, Entry, Epoch, KeyId, Position, TokenId};
use tokio::sync::{Notify, mpsc};

use super::frames::{Beside, frames};
use super::lease::{Time, counted, of_node};
use super::node::{FollowerId, Node, Verdict};

use closer::Closer;
pub use listed::Listed;

/// Frames that may wait for one verifier. One that is further behind is dropped, never buffered.
const QUEUE: usize = 256;

/// Entries kept for verifiers that connect while more are written.
const RECENT: usize = 16 * 1024;

/// Who follows.
#[derive(Clone, Debug)]
pub struct Follower {
    /// What it calls itself.
    pub name: String,
    /// The client that it is.
    pub client: ClientId,
    /// The token that it showed, which is cut with it.
    pub token: TokenId,
    /// The key that signed that.
    pub key: KeyId,
    /// The token's position.
    pub position: Position,
    /// From where.
    pub address: Option<IpAddr>,
    /// The lease that it declared.
    pub lease: Duration,
    /// Since when.
    pub since: Timestamp,
}

/// What a connection has to send.
#[derive(Clone, Debug)]
pub enum Out {
    /// A message that all are sent.
    Frame(Utf8Bytes),
    /// An echo.
    Echo(u64),
}

/// A connection's end of the hub. Dropping it says that the connection is gone.
pub struct Line {
    hub: Arc<Hub>,
    /// Which.
    pub id: FollowerId,
    /// What to send.
    pub queue: mpsc::Receiver<Out>,
    /// When to close.
    pub closer: Arc<Closer>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.hub.gone(self.id);
    }
}

/// What the log said at one moment, for all verifiers.
pub struct News<'a> {
    /// The head.
    pub head: Position,
    /// Entries that are new to this node, in order.
    pub entries: &'a [Entry],
    /// The greatest position that may be forgotten.
    pub floor: u64,
    /// The longest lifetime of tokens, in seconds.
    pub longest_lifetime: u64,
    /// Whether this is all there was; otherwise the rest is read next.
    pub whole: bool,
}

/// What became of an acknowledgement of this node's own verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Its lease runs from here.
    Extend(Time),
    /// The log must be read again first.
    Again,
    /// Nothing.
    Silent,
    /// The node has no row yet, or none any more.
    Nowhere,
}

/// The verifiers of this node.
#[derive(Default)]
pub struct Hub {
    state: Mutex<State>,
    /// Told when something may be published.
    pub(crate) risen: Notify,
    /// Told when the node's row is to be written anew.
    pub(crate) beat_now: Notify,
}

#[derive(Default)]
struct State {
    /// Nothing until the node has a row.
    here: Option<Here>,
    epoch: Option<Epoch>,
    next: FollowerId,
    connections: BTreeMap<FollowerId, Connection>,
    recent: VecDeque<Entry>,
    beside: Beside,
    stopping: bool,
    /// No lease ends before this: until then nobody looks through all of them.
    settle_at: Time,
}

struct Here {
    node: Node,
    row: NodeRow,
    own: OwnFollower,
}

#[derive(Default)]
struct OwnFollower {
    id: FollowerId,
    number: u64,
    /// When the read that the pending first acknowledgement covers was begun.
    pending: Option<Time>,
}

struct Connection {
    follower: Arc<Follower>,
    queue: mpsc::Sender<Out>,
    closer: Arc<Closer>,
    /// Whether it gets what is broadcast.
    live: bool,
    /// The entry that ended its client's right to follow: the last one that it is sent. It closes once that is acknowledged.
    last: Option<u64>,
    /// Whether there is a connection; one that is gone is listed until its lease is over.
    connected: bool,
    acked_at: Option<Time>,
}

/// The lease of the node's own verifier.
pub const OWN_LEASE: Duration = Duration::from_secs(5);

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node has a row now, written by a heartbeat that was sent at `sent`. Whatever was promised before ends here.
    pub fn enter(&self, row: NodeRow, sent: Time) {
        let mut state = self.lock();
        state.close_all(Closing::Stopping);
        let mut node = Node::new(row.reached, sent);
        node.heartbeat(sent, row.lease);
        state.next += 1;
        let own = OwnFollower { id: state.next, ..OwnFollower::default() };
        node.connect(own.id, OWN_LEASE);
        state.here = Some(Here { node, row, own });
    }

    /// What the next heartbeat writes; nothing before the node has a row.
    pub fn next_beat(&self) -> Option<NodeRow> {
        let mut state = self.lock();
        let verifiers = state.connections.len() as u64;
        let here = state.here.as_mut()?;
        let reached = here.node.reached();
        Some(NodeRow { counter: here.row.counter + 1, reached, verifiers, ..here.row.clone() })
    }

    /// A heartbeat that was sent at `sent` is recorded.
    pub fn beat(&self, row: &NodeRow, sent: Time) {
        let mut state = self.lock();
        let Some(here) = &mut state.here else { return };
        if here.row.id == row.id && here.row.counter < row.counter {
            here.node.heartbeat(sent, row.lease);
            let lease = here.row.lease.max(row.lease);
            here.row = NodeRow { lease, ..row.clone() };
        }
    }

    /// The row `gone` is not there any more: somebody who waited gave this node up. Nothing is promised any more. Answers
    /// whether that was its row still: the node may have begun anew since.
    pub fn leave(&self, gone: NodeId) -> bool {
        let mut state = self.lock();
        if state.here.as_ref().is_none_or(|here| here.row.id != gone) {
            return false;
        }
        state.close_all(Closing::Stopping);
        state.here = None;
        true
    }

    /// What to write to the row, if the position has risen that every verifier has reached.
    pub fn publish(&self, now: Time) -> Option<NodeRow> {
        let mut state = self.lock();
        if now >= state.settle_at {
            state.settle(now);
        }
        let verifiers = state.connections.len() as u64;
        let here = state.here.as_mut()?;
        let reached = here.node.rise()?;
        Some(NodeRow { reached, verifiers, ..here.row.clone() })
    }

    /// When to publish again at the latest, if a lease holds the published position back: none ends before this.
    pub fn next_end(&self) -> Option<Time> {
        let state = self.lock();
        let here = state.here.as_ref()?;
        here.node.is_held_back().then_some(state.settle_at)
    }

    /// A read of the log begins.
    pub fn begin_read(&self) {
        if let Some(here) = &mut self.lock().here {
            here.node.begin_read();
        }
    }

    /// The log was read, by a read that began at `began`: tells all verifiers. Answers from when on the node's own
    /// verifier holds its first lease, if it does from now on.
    pub fn log_read(&self, news: &News<'_>, began: Time, now: Time) -> Option<Time> {
        let mut state = self.lock();
        if state.epoch.replace(news.head.epoch).is_some_and(|former| former != news.head.epoch) {
            state.close_all(Closing::Epoch);
            state.recent.clear();
            state.here = None;
            self.beat_now.notify_one();
        }
        let known = state.remember(news);
        state.broadcast(news, known);
        let State { here, connections, .. } = &mut *state;
        let here = here.as_mut()?;
        here.node.log_read(news.head.number, began, news.whole);
        here.node.sent(here.own.id, news.head.number);
        for (id, _) in connections.iter().filter(|(_, connection)| connection.live) {
            here.node.sent(*id, news.head.number);
        }
        let mut own = None;
        for (id, number) in here.node.due(now) {
            if id == here.own.id {
                own = here.own.pending.take();
            } else if let Some(connection) = connections.get(&id) {
                connection.send(Out::Echo(number));
            }
        }
        drop(state);
        self.risen.notify_one();
        own
    }

    /// The node's own verifier has applied everything up to `position`, which a read that began at `asked` found.
    pub fn own_ack(&self, position: u64, asked: Time) -> Own {
        let mut state = self.lock();
        let Some(here) = &mut state.here else { return Own::Nowhere };
        here.own.number += 1;
        let verdict = here.node.ack(here.own.id, Ack { position, number: here.own.number }, asked);
        let answer = match verdict {
            Verdict::Echo => Own::Extend(asked),
            Verdict::Read => {
                here.own.pending = Some(asked);
                Own::Again
            }
            Verdict::Silent => Own::Silent,
            Verdict::Close(_) => {
                here.node.gone(here.own.id);
                state.begin_own(position);
                Own::Again
            }
        };
        state.settle_at = state.settle_at.min(asked + counted(OWN_LEASE));
        drop(state);
        self.risen.notify_one();
        answer
    }

    /// A verifier connects. `most` is how many connections its client may have.
    pub fn connect(self: &Arc<Self>, follower: Follower, most: usize) -> Result<Line, Closing> {
        let mut state = self.lock();
        if state.stopping || state.here.is_none() {
            return Err(Closing::Stopping);
        }
        let others =
            state.connections.values().filter(|other| other.connected && other.follower.client == follower.client);
        if others.count() >= most {
            return Err(Closing::TooMany);
        }
        state.next += 1;
        let id = state.next;
        let Some(here) = &mut state.here else { return Err(Closing::Stopping) };
        here.node.connect(id, follower.lease);
        let wanted = of_node(follower.lease);
        if here.row.lease < wanted {
            here.row.lease = wanted;
            self.beat_now.notify_one();
        }
        let (sender, queue) = mpsc::channel(QUEUE);
        let closer = Arc::new(Closer::default());
        let connection = Connection {
            follower: Arc::new(follower),
            queue: sender,
            closer: Arc::clone(&closer),
            live: false,
            last: None,
            connected: true,
            acked_at: None,
        };
        state.connections.insert(id, connection);
        Ok(Line { hub: Arc::clone(self), id, queue, closer })
    }

    /// A verifier was sent every entry up to `position`: from now on it gets what all get. False if entries between that
    /// and what all were sent are not at hand: read them, send them, and ask again.
    pub fn go_live(&self, id: FollowerId, position: Position) -> Result<bool, Closing> {
        let mut state = self.lock();
        if state.epoch != Some(position.epoch) {
            return Err(Closing::Epoch);
        }
        let State { here: Some(here), connections, recent, beside, .. } = &mut *state else {
            return Err(Closing::Stopping);
        };
        let Some(connection) = connections.get_mut(&id) else { return Err(Closing::Stopping) };
        let head = here.node.head();
        if position.number < head {
            if recent.front().is_none_or(|first| first.number > position.number + 1) {
                return Ok(false);
            }
            let missing = recent.partition_point(|entry| entry.number <= position.number);
            for frame in frames(&recent.make_contiguous()[missing..], *beside) {
                connection.send(Out::Frame(frame));
            }
        }
        connection.live = true;
        here.node.sent(id, position.number.max(head));
        Ok(true)
    }

    /// Entries up to `position` are on their way to a verifier that is not live yet.
    pub fn sent(&self, id: FollowerId, position: u64) {
        if let Some(here) = &mut self.lock().here {
            here.node.sent(id, position);
        }
    }

    /// An acknowledgement arrived. Answers whether the log is to be read for it.
    pub fn ack(&self, id: FollowerId, ack: Ack, arrived: Time) -> Result<bool, Closing> {
        let mut state = self.lock();
        let State { here: Some(here), connections, settle_at, .. } = &mut *state else {
            return Err(Closing::Stopping);
        };
        let verdict = here.node.ack(id, ack, arrived);
        if let Some(connection) = connections.get_mut(&id) {
            connection.acked_at = Some(arrived);
            *settle_at = (*settle_at).min(arrived + counted(connection.follower.lease));
            if verdict == Verdict::Echo {
                connection.send(Out::Echo(ack.number));
            }
            if connection.last.is_some_and(|last| ack.position >= last) {
                connection.closer.close(Closing::Evicted);
            }
        }
        // Of a thousand verifiers that acknowledge one entry, the last one is worth a look.
        let rises = here.node.may_rise();
        drop(state);
        if rises {
            self.risen.notify_one();
        }
        match verdict {
            Verdict::Echo | Verdict::Silent => Ok(false),
            Verdict::Read => Ok(true),
            Verdict::Close(reason) => Err(reason),
        }
    }

    /// A verifier has dropped its lease for good.
    pub fn goodbye(&self, id: FollowerId) {
        let mut state = self.lock();
        if let Some(here) = &mut state.here {
            here.node.goodbye(id);
        }
        state.connections.remove(&id);
        drop(state);
        self.risen.notify_one();
    }

    fn gone(&self, id: FollowerId) {
        let mut state = self.lock();
        if let Some(here) = &mut state.here {
            here.node.gone(id);
        }
        let forgotten = state.here.as_ref().is_none_or(|here| here.node.followers().all(|held| held.id != id));
        if forgotten {
            state.connections.remove(&id);
        } else if let Some(connection) = state.connections.get_mut(&id) {
            (connection.live, connection.connected) = (false, false);
        }
    }

    /// Closes a verifier's connection. Answers whether there is one.
    pub fn evict(&self, id: FollowerId) -> bool {
        let state = self.lock();
        let connection = state.connections.get(&id);
        connection.inspect(|connection| connection.closer.close(Closing::Evicted)).is_some()
    }

    /// Closes all connections, and lets no more in.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        state.close_all(Closing::Stopping);
    }

    /// This node's row as it was last written, or is about to be.
    pub fn row(&self) -> Option<NodeRow> {
        self.lock().here.as_ref().map(|here| here.row.clone())
    }
}

impl State {
    /// Nothing more is sent to anybody, not even what is in the queues.
    fn close_all(&mut self, reason: Closing) {
        for connection in self.connections.values_mut() {
            connection.live = false;
            connection.closer.close(reason);
        }
    }

    fn begin_own(&mut self, position: u64) {
        self.next += 1;
        let id = self.next;
        let Some(here) = &mut self.here else { return };
        here.own = OwnFollower { id, ..OwnFollower::default() };
        here.node.connect(id, OWN_LEASE);
        here.node.sent(id, position);
    }

    /// Keeps the last entries for those who are about to go live. Answers which was the last one before.
    fn remember(&mut self, news: &News<'_>) -> u64 {
        let last = self.recent.back().map_or(0, |entry| entry.number);
        let fresh = news.entries.iter().filter(|entry| entry.number > last).cloned();
        self.recent.extend(fresh);
        let surplus = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..surplus);
        last
    }

    /// Lets go of leases that are over, and forgets connections that are gone.
    fn settle(&mut self, now: Time) {
        let Some(here) = &mut self.here else { return };
        for id in here.node.settle(now) {
            if let Some(connection) = self.connections.get(&id) {
                connection.closer.close(Closing::Lapsed);
            }
        }
        self.settle_at = here.node.followers().filter_map(|held| held.until).min().unwrap_or(Time::MAX);
        let known: std::collections::BTreeSet<FollowerId> = here.node.followers().map(|held| held.id).collect();
        self.connections.retain(|id, _| known.contains(id));
    }
}

impl Connection {
    /// Puts something into the queue. Where that is full, the verifier does not keep up.
    fn send(&self, out: Out) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(out) {
            self.closer.close(Closing::TooSlow);
        }
    }
}

mod broadcast;
mod closer;
mod listed;
#[cfg(test)]
mod tests;
