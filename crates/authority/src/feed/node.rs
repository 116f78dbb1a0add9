//! What one node of the authority promises (R8): which leases its verifiers hold, and the position below which none of
//! them holds or will get one. Values and transitions only; whoever calls reads clocks, store and sockets.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rescind_wire::feed::{Ack, Closing};

use super::lease::{MARGIN, Time, counted, freshness};

/// One connection of a verifier, or the node's own. Never used twice.
pub type FollowerId = u64;

/// The batches of the log that are remembered one by one. With more, those that were read about [as long ago](about) become
/// one: that leaves some 16 younger than 40 ms, and 12 for each time that the age doubles from there. A year takes 370.
const BATCHES: usize = 512;

/// Batches that were read within this of each other are one when there are too many: a sixtieth of the shortest
/// [`freshness`].
const NEAR: Duration = Duration::from_millis(5);

/// A node's promises.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Node {
    /// Until when the node may echo, on its own clock: from just before its last recorded heartbeat was sent.
    until: Option<Time>,
    /// Whether the log was read after the last recorded heartbeat.
    beat: Read,
    /// The last entry that was read.
    head: u64,
    /// When entries were first read.
    batches: VecDeque<Batch>,
    /// What the row says, or is about to.
    reached: u64,
    followers: BTreeMap<FollowerId, Follower>,
    /// How many leases stand at each position.
    held: BTreeMap<u64, usize>,
}

/// Entries up to `last` that were read at about the same time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Batch {
    last: u64,
    /// When the first of them was read, which is taken for all.
    read: Time,
    /// When the last of them was.
    until: Time,
}

/// Whether the log was read after something had happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Read {
    #[default]
    Wanted,
    Begun,
    Done,
}

impl Read {
    fn begin(&mut self) {
        if *self == Self::Wanted {
            *self = Self::Begun;
        }
    }

    fn finish(&mut self) {
        if *self == Self::Begun {
            *self = Self::Done;
        }
    }
}

/// A verifier as the node knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Follower {
    lease: Duration,
    /// Entries up to here were sent.
    sent: u64,
    /// Entries up to here are applied.
    acked: u64,
    /// The number of the last acknowledgement.
    number: u64,
    /// When its lease is over, if it may hold one.
    until: Option<Time>,
    stage: Stage,
}

impl Follower {
    /// Whether the acknowledgement that its lease runs from arrived less than a third of a lease ago. One that tells of
    /// entries then needs no echo. One that does not was written for the lease's sake.
    fn was_extended(&self, now: Time) -> bool {
        self.until.is_some_and(|until| now + counted(self.lease) < until + freshness(self.lease))
    }

    fn held(&self, id: FollowerId) -> Held {
        Held { id, acked: self.acked, until: self.until, connected: self.stage != Stage::Gone }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// It has no lease from this connection.
    Greeted,
    /// Its lease is recorded, and will be echoed once the log was read after that.
    Recorded { read: Read, number: u64 },
    /// It was echoed.
    Following,
    /// Its client was cut: what it acknowledges counts, and no lease is granted any more.
    Parting,
    /// Its lease ended before it acknowledged.
    Lapsed,
    /// The connection is gone; what lease it has runs on.
    Gone,
}

/// What to do about an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Echo it.
    Echo,
    /// Do not echo it. The position counts all the same.
    Silent,
    /// Read the log, send what is new, then ask [`Node::due`].
    Read,
    /// Close the connection.
    Close(Closing),
}

/// A verifier's state, for whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// Which.
    pub id: FollowerId,
    /// Entries up to here are applied.
    pub acked: u64,
    /// When its lease is over, if it may hold one.
    pub until: Option<Time>,
    /// Whether it is connected.
    pub connected: bool,
}

impl Node {
    /// A node that has read the log up to `head`, by a read that began at `read`, and has published that.
    pub fn new(head: u64, read: Time) -> Self {
        let batches = VecDeque::from([Batch { last: head, read, until: read }]);
        Self { head, reached: head, batches, ..Self::default() }
    }

    /// The last entry that was read.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// What the row says, or is about to.
    pub fn reached(&self) -> u64 {
        self.reached
    }

    /// A heartbeat was recorded that was sent at `sent`; the row's lease is `lease`. Nothing is echoed until the log was
    /// read after this.
    pub fn heartbeat(&mut self, sent: Time, lease: Duration) {
        self.until = Some(sent + lease);
        self.beat = Read::Wanted;
    }

    /// A read of the log begins. There is one at a time.
    pub fn begin_read(&mut self) {
        self.beat.begin();
        for follower in self.followers.values_mut() {
            if let Stage::Recorded { read, .. } = &mut follower.stage {
                read.begin();
            }
        }
    }

    /// The log was read up to `head`, by a read that began at `began`; `whole` if that is all there was. Call
    /// [`sent`](Self::sent) for whomever the entries were sent to, then [`due`](Self::due).
    pub fn log_read(&mut self, head: u64, began: Time, whole: bool) {
        if whole {
            self.beat.finish();
            for follower in self.followers.values_mut() {
                if let Stage::Recorded { read, .. } = &mut follower.stage {
                    read.finish();
                }
            }
        }
        if head > self.head {
            self.head = head;
            self.batches.push_back(Batch { last: head, read: began, until: began });
            if self.batches.len() > BATCHES {
                self.merge_batches(began);
            }
        }
    }

    /// Batches become one, read when the oldest of them was: in doubt, entries were read longer ago.
    fn merge_batches(&mut self, now: Time) {
        let mut merged: VecDeque<Batch> = VecDeque::new();
        for batch in self.batches.drain(..) {
            let allowed = about(now.saturating_sub(batch.until));
            match merged.back_mut() {
                Some(older) if batch.until <= older.read + allowed => {
                    (older.last, older.until) = (batch.last, batch.until);
                }
                _ => merged.push_back(batch),
            }
        }
        self.batches = merged;
    }

    /// A verifier connected, and was sent nothing yet.
    pub fn connect(&mut self, id: FollowerId, lease: Duration) {
        let follower = Follower { lease, sent: 0, acked: 0, number: 0, until: None, stage: Stage::Greeted };
        self.followers.insert(id, follower);
    }

    /// Entries up to `position` are on their way to a verifier.
    pub fn sent(&mut self, id: FollowerId, position: u64) {
        if let Some(follower) = self.followers.get_mut(&id) {
            follower.sent = follower.sent.max(position);
        }
    }

    /// An acknowledgement arrived; `arrived` was read after its bytes had.
    pub fn ack(&mut self, id: FollowerId, ack: Ack, arrived: Time) -> Verdict {
        let Some(follower) = self.followers.get(&id) else { return Verdict::Close(Closing::Protocol) };
        if ack.position > follower.sent || ack.number <= follower.number {
            return Verdict::Close(Closing::Protocol);
        }
        if follower.stage == Stage::Lapsed || follower.until.is_some_and(|until| arrived >= until) {
            return Verdict::Close(Closing::Lapsed);
        }
        let (stage, lease) = (follower.stage, follower.lease);
        let needless = ack.position > follower.acked && follower.was_extended(arrived);
        self.advance(id, ack);
        let fresh = self.is_fresh(ack.position, lease, arrived);
        match stage {
            Stage::Greeted | Stage::Recorded { .. } if ack.position >= self.reached && fresh => {
                let stage = Stage::Recorded { read: Read::Wanted, number: ack.number };
                self.hold(id, arrived + counted(lease), stage);
                Verdict::Read
            }
            Stage::Following if !needless && fresh && self.may_echo(lease, arrived) => {
                self.hold(id, arrived + counted(lease), Stage::Following);
                Verdict::Echo
            }
            Stage::Greeted | Stage::Recorded { .. } | Stage::Following | Stage::Parting => Verdict::Silent,
            Stage::Lapsed | Stage::Gone => Verdict::Close(Closing::Lapsed),
        }
    }

    /// First echoes that are due, now that the log was read and sent: which verifier, and which number.
    pub fn due(&mut self, now: Time) -> Vec<(FollowerId, u64)> {
        let mut due = Vec::new();
        for (&id, follower) in &self.followers {
            let Stage::Recorded { read: Read::Done, number } = follower.stage else { continue };
            let Some(until) = follower.until else { continue };
            let arrived = until.saturating_sub(counted(follower.lease));
            let fresh = self.is_fresh(follower.acked, follower.lease, now);
            if follower.sent >= self.head && fresh && now < until && self.may_echo(follower.lease, arrived) {
                due.push((id, number));
            }
        }
        for (id, _) in &due {
            if let Some(follower) = self.followers.get_mut(id) {
                follower.stage = Stage::Following;
            }
        }
        due
    }

    /// Whether a lease from `arrived` on may be echoed: it ends before this node's own does, and whatever was written
    /// while this node might have been given up was read.
    fn may_echo(&self, lease: Duration, arrived: Time) -> bool {
        self.until.is_some_and(|own| arrived + counted(lease) < own) && self.beat == Read::Done
    }

    /// Whether every entry above `position` was first read less than a third of a lease ago.
    fn is_fresh(&self, position: u64, lease: Duration, now: Time) -> bool {
        self.first_read(position).is_none_or(|read| now < read + freshness(lease))
    }

    /// When the first entry after `position` was read, or a little earlier.
    fn first_read(&self, position: u64) -> Option<Time> {
        let missing = self.batches.partition_point(|batch| batch.last <= position);
        self.batches.get(missing).map(|batch| batch.read)
    }

    /// The client of this connection was cut: it gets no lease from now on. What it has runs on.
    pub fn part(&mut self, id: FollowerId) {
        if let Some(follower) = self.followers.get_mut(&id)
            && !matches!(follower.stage, Stage::Lapsed | Stage::Gone)
        {
            follower.stage = Stage::Parting;
        }
    }

    /// The connection is gone, and the verifier may be alive: its lease counts until it ends.
    pub fn gone(&mut self, id: FollowerId) {
        if let Some(follower) = self.followers.get_mut(&id) {
            follower.stage = Stage::Gone;
            if follower.until.is_none() {
                self.followers.remove(&id);
            }
        }
    }

    /// The verifier said that it has dropped the lease of this connection for good.
    pub fn goodbye(&mut self, id: FollowerId) {
        self.release(id);
        self.followers.remove(&id);
    }

    /// Lets go of leases that have ended. Answers which verifiers are connected all the same.
    pub fn settle(&mut self, now: Time) -> Vec<FollowerId> {
        let over = |follower: &Follower| follower.until.is_some_and(|until| now >= until);
        let ended: Vec<_> = self.followers.iter().filter(|(_, follower)| over(follower)).map(|(id, _)| *id).collect();
        let mut lapsed = Vec::new();
        for id in ended {
            self.release(id);
            match self.followers.get_mut(&id) {
                Some(follower) if follower.stage != Stage::Gone => {
                    follower.stage = Stage::Lapsed;
                    lapsed.push(id);
                }
                _ => {
                    self.followers.remove(&id);
                }
            }
        }
        lapsed
    }

    /// What to write to the row, if that has risen: no verifier holds a lease below it, and from now on none gets one.
    pub fn publish(&mut self, now: Time) -> Option<u64> {
        self.settle(now);
        self.rise()
    }

    /// The same for whoever knows that no lease has ended since [`settle`](Self::settle) was called.
    pub fn rise(&mut self) -> Option<u64> {
        let reached = self.may_rise().then(|| self.lowest())?;
        self.reached = reached;
        Some(reached)
    }

    /// Whether more is reached than the row says.
    pub fn may_rise(&self) -> bool {
        self.lowest() > self.reached
    }

    /// Whether a lease stands below the last entry that was read.
    pub fn is_held_back(&self) -> bool {
        self.lowest() < self.head
    }

    /// The position that every verifier that may accept has acknowledged.
    pub fn lowest(&self) -> u64 {
        self.held.keys().next().map_or(self.head, |lowest| *lowest)
    }

    /// Every verifier.
    pub fn followers(&self) -> impl Iterator<Item = Held> {
        self.followers.iter().map(|(id, follower)| follower.held(*id))
    }

    /// The verifiers that may accept what entry `number` ended, and by when each has acknowledged it or accepts no more,
    /// as long as this node is not itself too slow to read.
    ///
    /// An older acknowledgement extends a lease only within [`freshness`] of the read that found the first entry that it
    /// misses. That entry is `number` or one before it, and was read no later. So the last extension arrives before
    /// `read + freshness`, over this connection or another one of the same verifier, and lasts for [`counted`]: 1/3 and
    /// 1.25 leases and 50 ms. An entry that was not read yet is read before this node's own lease ends, or nothing is
    /// echoed after that.
    pub fn late(&self, number: u64, now: Time) -> impl Iterator<Item = (Held, Time)> {
        let found = number.checked_sub(1).and_then(|former| self.first_read(former));
        let read = found.unwrap_or_else(|| self.until.unwrap_or(now).max(now));
        let late = self.followers.iter().filter(move |(_, follower)| follower.acked < number);
        late.filter_map(move |(id, follower)| {
            let (until, last) = (follower.until?, read + freshness(follower.lease));
            // One that arrived just before that may be about to be counted.
            let bound = if now < last + MARGIN { until.max(last + counted(follower.lease)) } else { until };
            Some((follower.held(*id), bound))
        })
    }

    fn advance(&mut self, id: FollowerId, ack: Ack) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        let (former, holds) = (follower.acked, follower.until.is_some());
        follower.number = ack.number;
        follower.acked = former.max(ack.position);
        let now = follower.acked;
        if holds && now > former {
            self.count_less(former);
            *self.held.entry(now).or_default() += 1;
        }
    }

    fn hold(&mut self, id: FollowerId, until: Time, stage: Stage) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        follower.stage = stage;
        let acked = follower.acked;
        let held = follower.until.replace(follower.until.map_or(until, |former| former.max(until)));
        if held.is_none() {
            *self.held.entry(acked).or_default() += 1;
        }
    }

    fn release(&mut self, id: FollowerId) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        let acked = follower.acked;
        if follower.until.take().is_some() {
            self.count_less(acked);
        }
    }

    fn count_less(&mut self, position: u64) {
        if let Some(count) = self.held.get_mut(&position) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(&position);
            }
        }
    }
}

/// By how much what was read so long ago may be taken for older: an eighth of it, or [`NEAR`]. Where it decides, at an age
/// of [`freshness`], that is 1/24 of a lease.
fn about(age: Duration) -> Duration {
    NEAR.max(age / 8)
}

#[cfg(test)]
mod tests;
