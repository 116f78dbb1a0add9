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

/// How many turns an address that waits has in its longest wait.
const TURNS_PER_WAIT: u64 = 32;

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

/// Who asks for an attempt.
pub(super) struct Comer {
    /// The rows to look at, in the order pair, address, account.
    pub(super) keys: [Option<Key>; 3],
    /// The account at its address, if that is known.
    pub(super) pair: Option<Key>,
    /// The number of the turn that began last at the address. It has passed to whoever came first, or is still to be had.
    pub(super) turn: u64,
    pub(super) now: Millis,
}

/// That no attempt may be made for some time.
pub(super) struct Wait {
    /// How long: more than zero.
    pub(super) millis: Millis,
    /// Whether failures are the reason, and not attempts under way alone.
    pub(super) failed: bool,
}

/// One row that an attempt was charged to.
pub(super) struct Charge {
    pub(super) table: usize,
    key: Key,
    rule: Rule,
    /// Tells the row from a later one under the same key, should it be evicted or cleared meanwhile.
    serial: u64,
    /// Whether it was let in although the row, an address's, waits.
    is_turn: bool,
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

    /// In each such time one turn of an address that waits begins.
    pub(super) fn time_of_a_turn(&self) -> Millis {
        (self.counters[ADDRESS].rule.longest / TURNS_PER_WAIT).max(1)
    }

    /// Whether the pair is known good. Then its own row alone is looked at: what others did costs it nothing.
    fn is_exempt(&self, comer: &Comer) -> bool {
        let last_success = comer.pair.and_then(|pair| self.known_good.rank(&pair));
        last_success.is_some_and(|at| comer.now < at.saturating_add(self.known_good_for))
    }

    fn rule(&self, table: usize, comer: &Comer) -> Rule {
        if table == PAIR && comer.pair.is_none() { self.without_address } else { self.counters[table].rule }
    }

    /// How long until an attempt may be charged to these rows, nothing if it may be now. Where a turn of the address is what to wait for,
    /// that is the time of a turn, whenever the next one begins: else refusals would tell.
    pub(super) fn wait(&self, comer: &Comer) -> Option<Wait> {
        let exempt = self.is_exempt(comer);
        let rows = self.counters.iter().zip(comer.keys).enumerate();
        rows.filter(|&(table, _)| !exempt || table == PAIR)
            .filter_map(|(table, (counters, key))| {
                let row = counters.rows.get(&key?)?;
                let rule = self.rule(table, comer);
                let wait = row.wait(comer.now, rule);
                let millis = match table {
                    ADDRESS if row.has_turn(comer.turn, rule) => 0,
                    ADDRESS => wait.min(self.time_of_a_turn()),
                    _ => wait,
                };
                (millis > 0).then_some(Wait { millis, failed: row.failures > rule.free })
            })
            .reduce(|one, other| Wait { millis: one.millis.max(other.millis), failed: one.failed || other.failed })
    }

    pub(super) fn charge(&mut self, comer: &Comer) -> Vec<Charge> {
        let exempt = self.is_exempt(comer);
        let mut charges = Vec::with_capacity(comer.keys.len());
        for (table, key) in comer.keys.into_iter().enumerate() {
            let Some(key) = key else { continue };
            let rule = self.rule(table, comer);
            let counters = &mut self.counters[table];
            let mut row = counters.rows.take(&key).unwrap_or_else(|| {
                self.last_serial += 1;
                Counter::new(self.last_serial, comer.now)
            });
            let is_turn = table == ADDRESS && !exempt && row.wait(comer.now, rule) > 0;
            row.turn_under_way |= is_turn;
            if !exempt {
                row.turn = row.turn.max(comer.turn);
            }
            row.begin(comer.now, rule);
            charges.push(Charge { table, key, rule, serial: row.serial, is_turn });
            counters.rows.put(key, row.ready_at(), row);
        }
        charges
    }

    pub(super) fn settle(&mut self, charge: &Charge, begun: Millis, verdict: Verdict) {
        let rows = &mut self.counters[charge.table].rows;
        let Some(mut row) = rows.take(&charge.key) else { return };
        if row.serial == charge.serial {
            row.turn_under_way &= !charge.is_turn;
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
    /// Of an address: the last turn that passed to somebody. Whatever becomes of the attempt, it is not given back.
    turn: u64,
    /// Of an address: whether an attempt is under way that was let in although the address waits.
    turn_under_way: bool,
}

impl Counter {
    fn new(serial: u64, now: Millis) -> Self {
        let (failures, pending) = (0, 0);
        let (blocked_until, pending_until) = (0, 0);
        Self { serial, failures, until: now, blocked_until, pending, pending_until, turn: 0, turn_under_way: false }
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
        if verdict == Verdict::Failed {
            // What failed together counts to the last, or a burst would be forgotten faster than it was made. But no burst
            // is longer than its rule says, and what comes after that must not add up: it would never be forgotten.
            let in_a_burst = self.pending > 0 && self.failures < rule.burst;
            if in_a_burst || !rule.enough(self.failures) {
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

    /// Whether this turn of an address is still to be had. Turns help against waits and against who keeps an attempt of
    /// their own under way after one; a burst that is still free has no need of them.
    fn has_turn(&self, turn: u64, rule: Rule) -> bool {
        self.failures > rule.free && !self.turn_under_way && turn > self.turn
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
