//! What happened lately, for charts: per minute of the last hour and per quarter of the last day, in memory that is bounded,
//! since this process began.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rescind_domain::clock::Timestamp;

use crate::authority::Authority;
use crate::feed::lease::Time;

/// How often what was counted is put into its slot: what happened just before a slot ended may count for the next one.
const OFTEN: Duration = Duration::from_secs(1);

/// Reads of the log whose enforcement is awaited one by one; of more, the oldest become one.
const AWAITED: usize = 1024;

macro_rules! counted {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What is counted where it happens.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counted {
            $($(#[$doc])* $name,)*
        }

        const KINDS: usize = [$(Counted::$name,)*].len();
    };
}

counted! {
    /// Somebody signed in.
    SignIn,
    /// A sign-in was refused, for whatever reason.
    SignInRefused,
    /// A session was refreshed.
    Refresh,
    /// A refresh was refused.
    RefreshRefused,
    /// A request's access token was accepted.
    Accepted,
    /// A request's access token was refused, or could not be checked.
    Refused,
}

/// What happened lately.
#[derive(Debug, Default)]
pub struct History {
    counts: [AtomicU64; KINDS],
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How much of the counts is in slots.
    taken: [u64; KINDS],
    hour: Ring,
    day: Ring,
    awaited: VecDeque<Awaited>,
    /// How many revocations were enforced, and how long all of them took together.
    enforced: (u64, Duration),
}

impl Default for State {
    fn default() -> Self {
        Self {
            taken: [0; KINDS],
            hour: Ring::new(Duration::from_mins(1), 60),
            day: Ring::new(Duration::from_mins(15), 96),
            awaited: VecDeque::new(),
            enforced: (0, Duration::ZERO),
        }
    }
}

/// Revocations that were read from the log, and are not yet enforced.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    /// The last of them.
    number: u64,
    revocations: u64,
    /// When the read began that found them.
    known: Time,
}

/// The last slots of one width.
#[derive(Debug)]
struct Ring {
    width: u64,
    most: usize,
    slots: VecDeque<Slot>,
}

/// What happened from one point in time on, for as long as a slot is wide.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// When it began.
    pub at: Timestamp,
    /// How many revocations this process read from the log.
    pub revocations: u64,
    /// How long they took to be enforced, where that came about in this slot.
    pub enforcement: Times,
    counts: [u64; KINDS],
}

/// How long things took.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Empty until there is something to count.
    buckets: Vec<u32>,
    count: u64,
    max: Duration,
}

/// The last hour and the last day.
#[derive(Clone, Debug)]
pub struct Lately {
    /// Minutes, oldest first.
    pub hour: Vec<Slot>,
    /// Quarters of an hour, oldest first.
    pub day: Vec<Slot>,
}

impl History {
    /// Something happened.
    pub fn count(&self, what: Counted) {
        self.counts[what as usize].fetch_add(1, Relaxed);
    }

    /// Puts what was counted into the slots of `now`.
    pub fn sample(&self, now: Timestamp) {
        drop(self.at(now));
    }

    /// Revocations up to entry `number` were found by a read of the log that began at `known`.
    pub fn known(&self, number: u64, revocations: u64, known: Time, now: Timestamp) {
        if revocations == 0 {
            return;
        }
        let mut state = self.at(now);
        state.each(|slot| slot.revocations += revocations);
        state.awaited.push_back(Awaited { number, revocations, known });
        if state.awaited.len() > AWAITED
            && let Some(oldest) = state.awaited.pop_front()
            && let Some(next) = state.awaited.front_mut()
        {
            // In doubt it took longer.
            (next.revocations, next.known) = (next.revocations + oldest.revocations, oldest.known);
        }
    }

    /// Everything up to entry `number` is enforced, as far as this node's verifiers go, as of the time `done`.
    pub fn enforced(&self, number: u64, done: Time, now: Timestamp) {
        let mut state = self.at(now);
        while let Some(awaited) = state.awaited.front().copied().filter(|awaited| awaited.number <= number) {
            state.awaited.pop_front();
            let took = done.saturating_sub(awaited.known);
            state.each(|slot| slot.enforcement.add(took, awaited.revocations));
            let times = u32::try_from(awaited.revocations).unwrap_or(u32::MAX);
            state.enforced.0 += awaited.revocations;
            state.enforced.1 = state.enforced.1.saturating_add(took.saturating_mul(times));
        }
    }

    /// How many revocations were enforced since this process began, and how long all of them took together.
    pub fn enforcements(&self) -> (u64, Duration) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).enforced
    }

    /// What happened up to `now`.
    pub fn lately(&self, now: Timestamp) -> Lately {
        let state = self.at(now);
        let slots = |ring: &Ring| ring.slots.iter().cloned().collect();
        Lately { hour: slots(&state.hour), day: slots(&state.day) }
    }

    /// The state, with slots up to `now` and everything in them that was counted.
    fn at(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.hour.advance(now);
        state.day.advance(now);
        for (kind, count) in self.counts.iter().enumerate() {
            let count = count.load(Relaxed);
            let new = count - std::mem::replace(&mut state.taken[kind], count);
            state.each(|slot| slot.counts[kind] += new);
        }
        state
    }
}

impl State {
    /// The slots of now.
    fn each(&mut self, fill: impl Fn(&mut Slot)) {
        [&mut self.hour, &mut self.day].into_iter().filter_map(|ring| ring.slots.back_mut()).for_each(fill);
    }
}

impl Ring {
    fn new(width: Duration, most: usize) -> Self {
        Self { width: u64::try_from(width.as_millis()).unwrap_or(u64::MAX), most, slots: VecDeque::new() }
    }

    /// Adds slots up to the one of `now`, empty ones where nothing happened.
    fn advance(&mut self, now: Timestamp) {
        let current = now.0 - now.0 % self.width;
        let oldest = current.saturating_sub(self.width * (self.most as u64 - 1));
        let first = self.slots.back().map_or(current, |last| last.at.0 + self.width).max(oldest);
        let mut at = first;
        while at <= current {
            self.slots.push_back(Slot { at: Timestamp(at), ..Slot::default() });
            at += self.width;
        }
        while self.slots.front().is_some_and(|slot| slot.at.0 < oldest) {
            self.slots.pop_front();
        }
    }
}

impl Slot {
    /// How often this happened.
    pub fn counted(&self, what: Counted) -> u64 {
        self.counts[what as usize]
    }
}

impl Times {
    /// Each power of two is four buckets, so what is told is at most a quarter too long; the last ends after a minute.
    const BUCKETS: usize = 4 * 19;

    /// The width of the first buckets, in microseconds.
    const FINEST: u64 = 128;

    fn add(&mut self, took: Duration, count: u64) {
        self.buckets.resize(Self::BUCKETS, 0);
        let bucket = Self::bucket(took).min(Self::BUCKETS - 1);
        let more = u32::try_from(count).unwrap_or(u32::MAX);
        self.buckets[bucket] = self.buckets[bucket].saturating_add(more);
        self.count += count;
        self.max = self.max.max(took);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest; zero if there was none.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The time within which so many of a hundred were done, to within the width of a bucket; zero if there was none.
    pub fn percentile(&self, percent: u64) -> Duration {
        let mut below = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            below += u64::from(*count);
            if below > 0 && below * 100 >= self.count * percent {
                return if at + 1 == Self::BUCKETS { self.max } else { Self::upper(at).min(self.max) };
            }
        }
        self.max
    }

    fn bucket(took: Duration) -> usize {
        let steps = u64::try_from(took.as_micros()).unwrap_or(u64::MAX) / Self::FINEST;
        if steps < 4 {
            return usize::try_from(steps).unwrap_or(0);
        }
        let power = steps.ilog2();
        let quarter = usize::try_from(steps >> (power - 2)).unwrap_or(0) & 3;
        (power as usize - 1) * 4 + quarter
    }

    fn upper(at: usize) -> Duration {
        let (power, quarter) = (at / 4 + 1, (at % 4) as u64);
        let steps = if at < 4 { quarter + 1 } else { (4 + quarter + 1) << (power - 2) };
        Duration::from_micros(steps * Self::FINEST)
    }
}

/// Puts what is counted into its slots, until the authority goes.
pub async fn keep(authority: &Authority) {
    loop {
        authority.history.sample(authority.world.now());
        tokio::time::sleep(OFTEN).await;
    }
}

#[cfg(test)]
mod tests;
