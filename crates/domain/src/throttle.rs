//! Throttling of password checks: sign-in, re-authentication, change of password. Acceptance case B7.
//!
//! Only failures count, and only they cost waiting. Three counters look at each attempt:
//!
//! | counter | free failures | longest wait | stops |
//! | --- | --- | --- | --- |
//! | this account from this address | 5 | 15 min | guessing one person's password |
//! | this address, any account | 20 | 15 min, with 32 turns in it | trying one password on everybody |
//! | this account, any address | 50 | 30 s | guessing from a thousand addresses at once |
//!
//! Each failure beyond the free ones starts a wait, twice as long each time. An attempt during a wait is refused; it
//! neither counts nor lengthens the wait. Once a wait is over, one failure is forgotten for each
//! [`ThrottleOptions::forget_after`] (15 min) without another, so that the address of a large office recovers although
//! it is never quiet for a day; the counters stop rising where the wait is longest, so that all is forgotten in hours. A
//! guesser gets 16 attempts on a pair, then 4 an hour, however patient.
//!
//! Nobody is locked out for good by a stranger.
//! - An account waits only for its own failures at an address from which it signed in within
//!   [`ThrottleOptions::known_good_for`], whatever others do there or to the account elsewhere.
//! - Waits of a whole account are short.
//! - An address that waits has turns: one in each 32nd of the longest wait (28 s), from a moment in it that only a keyed
//!   hash tells. Whoever comes first after that moment makes one attempt, at most one such at a time; whatever becomes of
//!   it, also if the queue of hashes was full, the turn is spent.
//!
//! So there are two bounds at an address that is always kept waiting.
//! - *Guesses there*, over all names: 64 at once, then 128 an hour. That is all that a list of leaked passwords, or of
//!   invented names, gets there.
//! - *Who is new there and has the right password* competes with those who guess, as in a draw among all who come: nobody
//!   can tell when the moment is, so being always first does not help. Against one who makes *a* attempts in the time of a
//!   turn, each try at a moment of one's own gets in with probability 1 / (2 (*a* + 1)) at least (evenly spaced attempts are
//!   the worst). With nobody else there that is the next turn; against one attempt a second a try in 58, so with two tries
//!   a minute half an hour on average; against ten a second, five hours. The expected time is finite against any rate, and
//!   who got in once does not wait there again. `Retry-After` is the time of a turn, and tells nothing of the moment.
//!
//! (What remains: who shares an address with somebody who guesses at *their* account shares that wait, and the owner at a
//! *new* address competes with guessers all over the world for one attempt each 30 s.)
//!
//! Attempts under way count as failures, or a hundred at once would all pass before the first one failed. While the
//! failures of a row are free, failures and attempts under way may come to as many as a guesser gets before the waits are
//! longest, and for an address to as many as may wait for their hashes; each that fails is counted, also beyond where
//! counting stops otherwise. After that, one attempt is made at a time. So many at once with the right password all get in,
//! and a burst of guesses is a loan: at an account it gets nobody more than the 16 that patience gets, only sooner; at an
//! address 64 instead of 31, and the 33 are paid for with a quarter of an hour each before there can be another. No
//! failures are counted beyond a burst, so an address that is left in peace is free again in half a day, whatever was
//! done there.
//!
//! Signing up asks for no password that could be guessed, and costs nobody a wait. But it hashes one, so an address has an
//! eighth of the queue of hashes for it, and all together half: who is refused may ask again a second later.
//!
//! Memory is bounded: each counter keeps at most [`ThrottleOptions::max_entries`] rows. A full table loses the row whose
//! wait ended longest ago; waits that still run go last, the one that ends soonest first. So junk displaces junk.
//!
//! Everything lives in memory and belongs to one process: a restart forgets it, nodes count apart. Accounts and addresses
//! are kept as keyed hashes only, so nobody can aim at a collision, and there is no list of names to leak.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use rescind_wire::ClientId;

use self::counters::{Charge, Comer, Key, PAIR, State, Verdict, Wait};
use self::newcomers::Newcomers;
pub use self::newcomers::Place;
use self::refusals::Refusals;

mod counters;
mod newcomers;
mod refusals;

/// Milliseconds on a steady timeline of the caller's: any origin, never going back.
pub type Millis = u64;

/// What counts as too much. The defaults are those of the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Failures of one account from one address that cost no wait (5).
    pub account_failures: u32,
    /// Failures of one address, over all accounts, that cost no wait (20).
    pub address_failures: u32,
    /// How many attempts may be under way at once for one account at one address, while its failures cost no wait; these
    /// count, too (16, which is where the waits are longest). At least one more than those failures.
    pub account_burst: u32,
    /// The same of one address, over all accounts (64: what the queue of hashes takes).
    pub address_burst: u32,
    /// How many sign-ups from one address may wait for their hashes at once (8: an eighth of the queue).
    pub address_sign_ups: u32,
    /// How many from all addresses together may (32: half of the queue).
    pub all_sign_ups: u32,
    /// Failures of one account, over all addresses, that cost no wait (50).
    pub account_wide_failures: u32,
    /// The first wait; each further failure doubles it (1 s). Zero switches throttling off.
    pub base_wait: Duration,
    /// The longest wait of an account at an address, and of an address (15 min).
    pub max_wait: Duration,
    /// The longest wait of a whole account (30 s): what a stranger can do to somebody, so keep it short. Also the longest
    /// one of attempts whose address is not known.
    pub account_wide_max_wait: Duration,
    /// How long after the end of a wait, without a failure, one failure is forgotten; and so on (15 min). Shorter than
    /// `max_wait` gives a patient guesser more attempts than `max_wait` suggests.
    pub forget_after: Duration,
    /// How long a successful sign-in exempts the account at that address from waits of the address and of the whole
    /// account (30 days).
    pub known_good_for: Duration,
    /// The most rows of each of the three counters, and of the known good pairs (65,536: some 10 MB each when full).
    /// Zero counts as one.
    pub max_entries: usize,
}

impl Default for ThrottleOptions {
    fn default() -> Self {
        Self {
            account_failures: 5,
            address_failures: 20,
            account_burst: 16,
            address_burst: 64,
            address_sign_ups: 8,
            all_sign_ups: 32,
            account_wide_failures: 50,
            base_wait: Duration::from_secs(1),
            max_wait: Duration::from_mins(15),
            account_wide_max_wait: Duration::from_secs(30),
            forget_after: Duration::from_mins(15),
            known_good_for: Duration::from_hours(30 * 24),
            max_entries: 65_536,
        }
    }
}

/// Counts failed password checks and says when the next one may be made. Clones share their counters.
#[derive(Clone)]
pub struct Throttle {
    key: hmac::Key,
    state: Arc<Mutex<State>>,
    refusals: Arc<Refusals>,
    newcomers: Arc<Newcomers>,
}

impl Throttle {
    /// An empty throttle. `seed` keys the hashes of accounts and addresses: 16 random bytes, made anew at each start.
    pub fn new(options: ThrottleOptions, seed: [u8; 16]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed),
            state: Arc::new(Mutex::new(State::new(&options))),
            refusals: Arc::default(),
            newcomers: Arc::new(Newcomers::new(options.address_sign_ups, options.all_sign_ups)),
        }
    }

    /// Counts a wrong secret of a client that there is. Answers how many there were since the last one that was written
    /// down, if this one is to be: one a minute. Nobody waits for it: a secret is too long to be guessed.
    pub fn refused_client(&self, client: &ClientId, now: Millis) -> Option<u64> {
        self.refusals.count(client, now)
    }

    /// Takes a place in the queue of hashes for somebody who signs up, or answers nothing if the share of their address, or
    /// of all who sign up, is taken.
    pub fn begin_sign_up(&self, address: Option<IpAddr>) -> Option<Place> {
        self.newcomers.begin(address)
    }

    /// Asks for one check of a password, and charges a failure for it at once.
    ///
    /// `account` is the throttle key of what was typed (see [`crate::login::throttle_key`]), whether or not there is such
    /// an account; for re-authentication and the change of a password, the throttle key of the user's login. `address` is
    /// the client's (see [`crate::address::client_address`]); without one, only the account is looked at, and no wait is
    /// longer than [`ThrottleOptions::account_wide_max_wait`].
    ///
    /// Say of the attempt what became of it. Dropping it (the client hung up) leaves the charge: the hash may have been
    /// checked, and whoever hangs up early must not guess for free.
    ///
    /// # Errors
    /// [`Throttled`] while a wait lasts. The password must not be looked at then, or a refusal would be as good as an
    /// answer.
    pub fn begin(&self, account: &str, address: Option<IpAddr>, now: Millis) -> Result<Attempt, Throttled> {
        let address = address.map(network);
        let account_alone = self.hash(account, None);
        let pair = address.map(|address| self.hash(account, Some(address)));
        let keys = [
            Some(pair.unwrap_or(account_alone)),
            address.map(|address| self.hash("", Some(address))),
            Some(account_alone),
        ];
        let mut state = locked(&self.state);
        let turn = address.map_or(0, |address| self.turn(address, state.time_of_a_turn(), now));
        let comer = Comer { keys, pair, turn, now };
        if let Some(Wait { millis, failed }) = state.wait(&comer) {
            return Err(Throttled { retry_after: Duration::from_millis(millis), failed });
        }
        let charges = state.charge(&comer);
        drop(state);
        Ok(Attempt { state: Arc::clone(&self.state), charges, pair, begun: now })
    }

    /// The number of the turn that began last at this address. One begins in each `time` from the origin of the clock, at
    /// a moment that only the key tells: who could know it would always come first.
    fn turn(&self, address: IpAddr, time: Millis, now: Millis) -> u64 {
        let number = now / time;
        // No account is as long as that.
        let secret = self.keyed(u64::MAX, &number.to_le_bytes(), Some(address));
        let moment = u64::from_le_bytes(secret.first_chunk().copied().unwrap_or_default()) % time;
        number + u64::from(now % time >= moment)
    }

    /// The row of an account, an address, or both. The lengths are part of the text, so no two pairs run together.
    fn hash(&self, account: &str, address: Option<IpAddr>) -> Key {
        self.keyed(account.len() as u64, account.as_bytes(), address)
    }

    fn keyed(&self, label: u64, text: &[u8], address: Option<IpAddr>) -> Key {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&label.to_le_bytes());
        context.update(text);
        match address {
            None => {}
            Some(IpAddr::V4(v4)) => context.update(&v4.octets()),
            Some(IpAddr::V6(v6)) => context.update(&v6.octets()),
        }
        let mut key = Key::default();
        key.copy_from_slice(&context.sign().as_ref()[..size_of::<Key>()]);
        key
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

/// Too many failures, or too many attempts at once: no attempt before this time has passed. HTTP: 429 or 503 with
/// `Retry-After`, rounded up to seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again in {} s", .retry_after.as_millis().div_ceil(1_000))]
pub struct Throttled {
    /// Whether anything has failed that costs a wait. If not, as many attempts are under way as there may be at once: they may
    /// all be right.
    pub failed: bool,
    /// How long until the next attempt is worth while: more than zero, at most [`ThrottleOptions::max_wait`]. A second at
    /// most if only attempts under way are in the way; what comes after depends on how they end. Where the address waits,
    /// the time of one of its turns at most; who comes then may find it taken.
    pub retry_after: Duration,
}

/// Leave for one check of a password, already charged as a failure. Dropped, it stays one.
#[must_use = "say what became of the attempt; dropped, it counts as a failure"]
pub struct Attempt {
    state: Arc<Mutex<State>>,
    charges: Vec<Charge>,
    /// Account and address, if there is one.
    pair: Option<Key>,
    begun: Millis,
}

impl Attempt {
    /// The password was right. Takes the charge back, forgets the failures of this account at this address, and
    /// remembers the pair as known good. The failures of the address and of the whole account stay, or a guesser could
    /// wash them off with an account of their own, or with the owner's next sign-in.
    ///
    /// Only for the last step of a sign-in. Where a second factor follows, say [`Attempt::right_so_far`] of the password
    /// and this of the code, or whoever has the password could clear the counters before each guess at the code.
    pub fn succeeded(mut self, now: Millis) {
        let mut state = locked(&self.state);
        for charge in std::mem::take(&mut self.charges) {
            let verdict = if charge.table == PAIR { Verdict::Cleared } else { Verdict::Refunded };
            state.settle(&charge, self.begun, verdict);
        }
        if let Some(pair) = self.pair {
            state.known_good.put(pair, now, ());
        }
    }

    /// The password was right, and another step follows: takes the charge back, forgets and remembers nothing.
    pub fn right_so_far(self) {
        self.refund();
    }

    /// The password was wrong: the charge stays.
    pub fn failed(self) {
        drop(self);
    }

    /// The password was never looked at (the queue was full, the server is stopping): takes the charge back. Never call
    /// it once the hash may have been computed, for whatever reason.
    pub fn abandon(self) {
        self.refund();
    }

    fn refund(mut self) {
        let mut state = locked(&self.state);
        for charge in std::mem::take(&mut self.charges) {
            state.settle(&charge, self.begun, Verdict::Refunded);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.charges.is_empty() {
            return;
        }
        let mut state = locked(&self.state);
        for charge in &self.charges {
            state.settle(charge, self.begun, Verdict::Failed);
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("begun", &self.begun).finish_non_exhaustive()
    }
}

/// What counts as one address: an IPv6 host owns its /64 and can make up the rest, an IPv4-mapped address is IPv4.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// No code panics while it holds this lock; if one did, counting on is better than refusing every sign-in from then on.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
