//! The bookkeeping behind the throttle: which rows an attempt is charged to, how failures become waits, and which rows
//! go when there are too many.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Millis, ThrottleOptions, millis};

/// A keyed hash of 128 bits.
pub(super) type Key = [u8; 16];

/// Where in `State::counters` the failures of an account at an address are.
pub(super) const PAIR: usize = 0;
/// The same for an address.
const ADDRESS: usize = 1;

/// What is asked of those who must wait for an attempt under way, in milliseconds: enough for a hash and its queue.
const A_MOMENT: Millis = 1_000;

/// How many of the longest waits of an address pass from one turn of an account there to the next.
const WAITS_PER_TURN: u64 = 4;
/// The part of that time for which a turn lasts.
const TURN_LASTS: u64 = 12;

pub(super) struct State {
    /// In the order pair, address, account.
    counters: [Counters; 3],
    /// The rule of a pair whose address is not known.
    without_address: Rule,
    /// Pairs that signed in, by the time of the last success.
    pub(super) known_good: Table<()>,
    known_good_for: Millis,
    last_serial: u64,
}

/// One row that an attempt was charged to.
pub(super) struct Charge {
    pub(super) table: usize,
    key: Key,
    rule: Rule,
    /// Tells the row from a later one under the same key, should it be evicted or cleared meanwhile.
    serial: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Failed,
    Refunded,
    Cleared,
}

impl State {
    pub(super) fn new(options: &ThrottleOptions) -> Self {
        let rule = |free, burst, longest| Rule::new(free, burst, longest, options);
        let of_pair = rule(options.account_failures, options.account_burst, options.max_wait);
        let of_address = rule(options.address_failures, options.address_burst, options.max_wait);
        let of_account = rule(options.account_wide_failures, 0, options.account_wide_max_wait);
        Self {
            counters: [of_pair, of_address, of_account].map(|rule| Counters::new(options.max_entries, rule)),
            without_address: rule(options.account_failures, options.account_burst, options.account_wide_max_wait),
            known_good: Table::new(options.max_entries),
            known_good_for: millis(options.known_good_for),
            last_serial: 0,
        }
    }

    /// How long until an attempt may be charged to these rows, 0 if now. `pair` is the account at its address, if that
    /// is known. Where it is known good, its own row alone is looked at: what others did costs it nothing.
    pub(super) fn wait(&self, keys: [Option<Key>; 3], pair: Option<Key>, now: Millis) -> Millis {
        let last_success = pair.and_then(|pair| self.known_good.rank(&pair));
        let exempt = last_success.is_some_and(|at| now < at.saturating_add(self.known_good_for));
        let rows = self.counters.iter().zip(keys).enumerate();
        rows.filter(|&(table, _)| !exempt || table == PAIR)
            .filter_map(|(table, (counters, key))| {
                let rule = if table == PAIR && pair.is_none() { self.without_address } else { counters.rule };
                let row = counters.rows.get(&key?)?;
                let waits = table == ADDRESS && row.certain(now) > 0;
                Some(row.wait(now, rule).min(if waits { self.until_turn(pair, now) } else { Millis::MAX }))
            })
            .max()
            .unwrap_or(0)
    }

    /// How long until it is this pair's turn to be let through although its address waits, 0 if it is now.
    fn until_turn(&self, pair: Option<Key>, now: Millis) -> Millis {
        let Some(pair) = pair else { return Millis::MAX };
        let turn = self.turn(&pair, now);
        let taken = self.counters[PAIR].rows.get(&pair).is_some_and(|row| row.turn == Some(turn.number));
        if turn.is_now && !taken { 0 } else { turn.next_in }
    }

    /// Where a pair stands in its round of turns. Where that begins is the pair's own, and a secret: the key is a hash.
    fn turn(&self, pair: &Key, now: Millis) -> Turn {
        let round = self.counters[ADDRESS].rule.longest.saturating_mul(WAITS_PER_TURN).max(1);
        let own = u64::from_le_bytes(pair.first_chunk().copied().unwrap_or_default());
        let at = now.saturating_add(own % round);
        let passed = at % round;
        Turn { number: at / round, is_now: passed <= round / TURN_LASTS, next_in: round - passed }
    }

    pub(super) fn charge(&mut self, keys: [Option<Key>; 3], pair: Option<Key>, now: Millis) -> Vec<Charge> {
        let address = &self.counters[ADDRESS];
        let row = keys[ADDRESS].and_then(|key| address.rows.get(&key));
        let waits = row.is_some_and(|row| row.certain(now) > 0);
        let turn = pair.filter(|_| waits).map(|pair| self.turn(&pair, now).number);
        let mut charges = Vec::with_capacity(keys.len());
        for (table, key) in keys.into_iter().enumerate() {
            let Some(key) = key else { continue };
            let counters = &mut self.counters[table];
            let rule = if table == PAIR && pair.is_none() { self.without_address } else { counters.rule };
            let mut row = counters.rows.take(&key).unwrap_or_else(|| {
                self.last_serial += 1;
                Counter::new(self.last_serial, now)
            });
            row.begin(now, rule);
            if table == PAIR {
                row.turn = turn.or(row.turn);
            }
            charges.push(Charge { table, key, rule, serial: row.serial });
            counters.rows.put(key, row.ready_at(), row);
        }
        charges
    }

    pub(super) fn settle(&mut self, charge: &Charge, begun: Millis, verdict: Verdict) {
        let rows = &mut self.counters[charge.table].rows;
        let Some(mut row) = rows.take(&charge.key) else { return };
        if row.serial == charge.serial {
            row.end(begun, charge.rule, verdict);
            if verdict == Verdict::Cleared || row.is_empty() {
                return;
            }
        }
        rows.put(charge.key, row.ready_at(), row);
    }
}

/// One of the three tables of counters. A row ranks by the end of its wait.
struct Counters {
    rows: Table<Counter>,
    rule: Rule,
}

impl Counters {
    fn new(limit: usize, rule: Rule) -> Self {
        Self { rows: Table::new(limit), rule }
    }
}

/// Where a pair stands in its round of turns.
struct Turn {
    /// Which round.
    number: u64,
    /// Whether the turn lasts.
    is_now: bool,
    /// How long until the next one.
    next_in: Millis,
}

/// How failures become waits.
#[derive(Clone, Copy)]
struct Rule {
    free: u32,
    /// How many failures and attempts under way there may be at once while the failures are free.
    burst: u32,
    base: Millis,
    longest: Millis,
    forget_after: Millis,
}

impl Rule {
    fn new(free: u32, burst: u32, longest: Duration, options: &ThrottleOptions) -> Self {
        let forget_after = millis(options.forget_after).max(1);
        let burst = burst.max(free.saturating_add(1));
        Self { free, burst, base: millis(options.base_wait), longest: millis(longest), forget_after }
    }

    /// The wait after so many failures.
    fn wait(&self, failures: u32) -> Millis {
        let Some(doublings) = failures.checked_sub(self.free.saturating_add(1)) else {
            return 0;
        };
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        self.base.saturating_mul(factor).min(self.longest)
    }

    /// Where counting stops: no wait gets longer than that of one failure less.
    fn enough(&self, failures: u32) -> bool {
        failures > self.free && self.wait(failures) == self.longest
    }

    /// Whether attempts under way leave room for one more. Where failures cost waits already, one is made at a time.
    fn admits(&self, failures: u32, pending: u32) -> bool {
        let throttles = self.base.min(self.longest) > 0;
        let room = if failures > self.free { 1 } else { self.burst.saturating_sub(failures) };
        !throttles || pending < room
    }
}

/// The failures of one row.
struct Counter {
    serial: u64,
    /// Failures for certain.
    failures: u32,
    /// When the wait that these cost ends; forgetting is reckoned from here.
    until: Millis,
    /// The same, but 0 if they cost no wait: callers at the same moment read the clock one after the other, and none is
    /// to be told to wait for the other's later reading.
    blocked_until: Millis,
    /// Attempts under way, each charged as a failure.
    pending: u32,
    /// When the wait ends that those will have cost if all of them fail: what the row is worth keeping for.
    pending_until: Millis,
    /// Of a pair: the last round in which it was let through although its address waited.
    turn: Option<u64>,
}

impl Counter {
    fn new(serial: u64, now: Millis) -> Self {
        Self { serial, failures: 0, until: now, blocked_until: 0, pending: 0, pending_until: 0, turn: None }
    }

    fn begin(&mut self, now: Millis, rule: Rule) {
        let forgotten = now.saturating_sub(self.until) / rule.forget_after;
        self.failures = self.failures.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
        self.until += forgotten * rule.forget_after;
        self.pending += 1;
        let wait = rule.wait(self.failures.saturating_add(self.pending));
        if wait > 0 {
            self.pending_until = self.pending_until.max(now.saturating_add(wait));
        }
    }

    fn end(&mut self, begun: Millis, rule: Rule, verdict: Verdict) {
        self.pending = self.pending.saturating_sub(1);
        if self.pending == 0 {
            self.pending_until = 0;
        }
        if verdict == Verdict::Refunded {
            self.turn = None;
        }
        if verdict == Verdict::Failed {
            // What failed together counts to the last, or a burst would be forgotten faster than it was made.
            if self.pending > 0 || !rule.enough(self.failures) {
                self.failures = self.failures.saturating_add(1);
            }
            let wait = rule.wait(self.failures);
            self.until = self.until.max(begun.saturating_add(wait));
            if wait > 0 {
                self.blocked_until = self.blocked_until.max(self.until);
            }
        }
    }

    /// When the row stops blocking, as far as can be told; its rank.
    fn ready_at(&self) -> Millis {
        self.until.max(self.pending_until)
    }

    /// How long it blocks from now on, 0 if not at all. Where only attempts under way stand in the way, a moment is all
    /// that can be promised: they may turn out right, and whoever shares their address need not wait for minutes.
    fn wait(&self, now: Millis, rule: Rule) -> Millis {
        match self.certain(now) {
            0 if rule.admits(self.failures, self.pending) => 0,
            0 => A_MOMENT.min(rule.longest),
            certain => certain,
        }
    }

    /// How long it blocks for what has failed.
    fn certain(&self, now: Millis) -> Millis {
        self.blocked_until.saturating_sub(now)
    }

    fn is_empty(&self) -> bool {
        self.failures == 0 && self.pending == 0
    }
}

/// A map of bounded size that loses the row of the lowest rank when it is full.
pub(super) struct Table<V> {
    limit: usize,
    rows: BTreeMap<Key, (Millis, V)>,
    by_rank: BTreeSet<(Millis, Key)>,
}

impl<V> Table<V> {
    fn new(limit: usize) -> Self {
        Self { limit, rows: BTreeMap::new(), by_rank: BTreeSet::new() }
    }

    fn rank(&self, key: &Key) -> Option<Millis> {
        self.rows.get(key).map(|&(rank, _)| rank)
    }

    fn get(&self, key: &Key) -> Option<&V> {
        self.rows.get(key).map(|(_, value)| value)
    }

    fn take(&mut self, key: &Key) -> Option<V> {
        let (rank, value) = self.rows.remove(key)?;
        self.by_rank.remove(&(rank, *key));
        Some(value)
    }

    pub(super) fn put(&mut self, key: Key, rank: Millis, value: V) {
        self.take(&key);
        if self.rows.len() >= self.limit
            && let Some((_, weakest)) = self.by_rank.pop_first()
        {
            self.rows.remove(&weakest);
        }
        self.by_rank.insert((rank, key));
        self.rows.insert(key, (rank, value));
    }
}

#[cfg(test)]
impl State {
    /// The number of rows of each table, the known good pairs last.
    pub(super) fn sizes(&self) -> [usize; 4] {
        let [pair, address, account] = self.counters.each_ref().map(|counters| counters.rows.size());
        [pair, address, account, self.known_good.size()]
    }
}

#[cfg(test)]
impl<V> Table<V> {
    fn size(&self) -> usize {
        assert_eq!(self.rows.len(), self.by_rank.len(), "rows and ranks are kept together");
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stop_at_the_longest_however_many_failures_there_are() {
        let rule = |base, longest| Rule { free: 2, burst: 3, base, longest, forget_after: 1 };
        let short = rule(3, 100);
        let waits = [0, 1, 2, 3, 4, 7, 8, 9, 66, 67, 1_000, u32::MAX].map(|failures| short.wait(failures));
        assert_eq!(waits, [0, 0, 0, 3, 6, 48, 96, 100, 100, 100, 100, 100]);
        let long = rule(u64::MAX / 3, u64::MAX);
        assert_eq!(
            [3, 4, 5, 66, 67].map(|failures| long.wait(failures)),
            [u64::MAX / 3, u64::MAX / 3 * 2, u64::MAX, u64::MAX, u64::MAX,]
        );
    }
}
