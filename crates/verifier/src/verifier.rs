//! The verifier: checks a token without asking anyone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use rescind_wire::jwt::{MAX_TOKEN, take_apart};
use rescind_wire::{AccessClaims, Position};

use crate::builder::Builder;
use crate::cache::{Mac, Remembered, Seat, TokenCache};
use crate::claims::{self, MAX_LIFETIME, Term};
use crate::clock::Clock;
use crate::counters::{Counters, Health};
use crate::foreign::Foreigners;
use crate::generation::Generation;
use crate::keys::Pin;
use crate::presented::{Presented, Scheme};
use crate::rejected::{Break, Reason, Rejected};
use crate::verified::{Authentic, Verified};

/// Checks access tokens in this process: no I/O, no lock that a writer holds, no waiting. Cheap to clone; all clones
/// share what the one [`Keeper`](crate::Keeper) keeps current.
#[derive(Clone, Debug)]
pub struct Verifier {
    shared: Arc<Shared>,
    #[cfg(feature = "follow")]
    follower: Option<Arc<crate::follow::Follower>>,
}

impl Verifier {
    /// Begins to set a verifier up for the tokens of `issuer`, which is compared exactly with `iss`.
    pub fn builder(issuer: impl Into<String>) -> Builder {
        Builder::new(issuer.into())
    }

    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            #[cfg(feature = "follow")]
            follower: None,
        }
    }

    #[cfg(feature = "follow")]
    pub(crate) fn followed_by(mut self, follower: crate::follow::Follower) -> Self {
        self.follower = Some(Arc::new(follower));
        self
    }

    /// Gives the lease up and says goodbye, so that nobody waits for this verifier: for an orderly stop. Every check from
    /// now on is [`Unavailable`](Rejected::Unavailable).
    #[cfg(feature = "follow")]
    pub async fn leave(&self) {
        if let Some(follower) = &self.follower {
            follower.leave().await;
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Whether the token is good at this moment. The steps are those of the design, §5.
    pub fn verify(&self, presented: &Presented<'_>) -> Result<Verified, Rejected> {
        let held = self.shared.generation.load();
        let outcome = self.shared.heard(held.as_ref()).and_then(|generation| {
            let outcome = self.verify_by(generation, presented);
            outcome.map_err(|rejected| self.shared.blame(generation, rejected))
        });
        if let Err(rejected) = &outcome {
            self.shared.counters.refused(rejected);
        }
        outcome
    }

    fn verify_by(&self, generation: &Generation, presented: &Presented<'_>) -> Result<Verified, Rejected> {
        let Shared { settings, clock, .. } = &*self.shared;
        // 1, 2, 3: what time does not change, cached or checked now.
        let token = self.shared.known(generation, presented.token)?;
        // 4: the deadline first, for it vouches for what is loaded after it; then what time does change.
        let deadline = generation.deadline();
        token.term.check_time(clock.wall(), settings.skew)?;
        token.term.check_lifetime(generation.longest_lifetime())?;
        if !token.pin.is_pinned() {
            return Err(generation.unpinned_key(token.pin.key().id()));
        }
        if presented.scheme != Scheme::Bearer || token.is_bound {
            return Err(Rejected::ProofRequired);
        }
        // 5 (and epoch and floor of 4): the position before the look-ups, for what is published after it is not in them.
        let number = generation.number();
        let nothing_newer = token.is_checked(number);
        generation.judge(&token.thing(nothing_newer), nothing_newer)?;
        token.set_checked(number);
        let ahead = generation.is_ahead(token.position, number);
        // 6: the last act. This reading of the clock is the instant of acceptance.
        generation.check_lease(deadline, clock.boottime())?;
        // 7
        Ok(Verified::new(token, ahead))
    }

    /// Whether this authority signed the token for this audience, whatever became of it since: neither `exp` nor
    /// revocations nor the lease are looked at. For logging out, which an expired token may still do.
    pub fn authentic(&self, token: &str) -> Result<Authentic, Rejected> {
        let held = self.shared.generation.load();
        let (claims, pin) = self.shared.authenticate(self.shared.heard(held.as_ref())?, token)?;
        Term::of(&claims).check_lifetime(MAX_LIFETIME)?;
        Ok(Authentic::new(claims, pin.key().id().clone()))
    }

    /// The last entry of the log that every check that begins now takes into account; nothing before the first snapshot.
    pub fn position(&self) -> Option<Position> {
        self.shared.generation.load().as_ref().map(|generation| generation.position())
    }

    /// The wall clock, in seconds since the Unix epoch.
    #[cfg(feature = "tower")]
    pub(crate) fn wall_seconds(&self) -> u64 {
        self.shared.clock.wall() / 1000
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        let Shared { clock, cache, foreigners, counters, .. } = &*self.shared;
        let held = self.shared.generation.load();
        let generation = self.shared.heard(held.as_ref());
        let vouched = generation.and_then(|generation| generation.check_lease(generation.deadline(), clock.boottime()));
        let lease = generation.ok().and_then(Generation::lease);
        let now = clock.boottime();
        Health {
            unavailable: match vouched {
                Err(Rejected::Unavailable { reason }) => Some(reason),
                _ => None,
            },
            position: generation.ok().map(Generation::position),
            floor: generation.map_or(0, Generation::floor),
            entries: generation.map_or(0, |generation| generation.table().len()),
            entries_room: self.shared.revocations(),
            keys: generation.map_or(0, |generation| generation.keys().len()),
            cached: cache.len() + foreigners.cache.len(),
            cache_room: cache.room() + foreigners.cache.room(),
            foreign: foreigners.issuers.iter().map(|trusted| trusted.health(now)).collect(),
            foreign_after: generation.ok().map(Generation::floor_at),
            hits: counters.hits(),
            misses: counters.misses(),
            refusals: counters.refusals(),
            lease_left: lease.map(|(deadline, _)| deadline.saturating_sub(now)),
            echo_age: lease.map(|(_, extended)| now.saturating_sub(extended)),
            connected: counters.is_connected(),
            reconnects: counters.reconnects(),
        }
    }
}

pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// In milliseconds.
    pub(crate) skew: u64,
    /// The most entries of the log above the floor.
    pub(crate) revocations: u64,
}

/// What verifier and keeper share.
pub(crate) struct Shared {
    settings: Settings,
    clock: Arc<dyn Clock>,
    generation: ArcSwapOption<Generation>,
    cache: TokenCache,
    foreigners: Foreigners,
    counters: Counters,
    /// Whether the last snapshot had more revocations than there is room for.
    full: AtomicBool,
    /// Told after whatever the keeper changed, for those who watch a token.
    #[cfg(feature = "live")]
    changed: tokio::sync::watch::Sender<()>,
    this: std::sync::Weak<Self>,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        cache: TokenCache,
        foreigners: Foreigners,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            settings,
            clock,
            generation: ArcSwapOption::empty(),
            cache,
            foreigners,
            counters: Counters::default(),
            full: AtomicBool::new(false),
            #[cfg(feature = "live")]
            changed: tokio::sync::watch::Sender::new(()),
            this: std::sync::Weak::clone(this),
        })
    }

    /// Says that the keeper has changed something.
    #[cfg_attr(not(feature = "live"), expect(clippy::unused_self, reason = "nobody can watch without that feature"))]
    pub(crate) fn tell(&self) {
        #[cfg(feature = "live")]
        self.changed.send_replace(());
    }

    #[cfg(feature = "live")]
    pub(crate) fn changes(&self) -> tokio::sync::watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) const fn foreigners(&self) -> &Foreigners {
        &self.foreigners
    }

    /// This, for whoever watches a token of it.
    pub(crate) fn home(&self) -> std::sync::Weak<Self> {
        std::sync::Weak::clone(&self.this)
    }

    /// Whether a token of the authority was checked before.
    pub(crate) fn remembers(&self, token: &str, generation: u64) -> bool {
        self.cache.find(token, generation).is_some()
    }

    pub(crate) fn generation(&self) -> arc_swap::Guard<Option<Arc<Generation>>> {
        self.generation.load()
    }

    /// The most entries of the log above the floor that may have to be remembered.
    pub(crate) const fn revocations(&self) -> u64 {
        self.settings.revocations
    }

    /// A snapshot was too large to be taken.
    pub(crate) fn set_full(&self) {
        self.full.store(true, Ordering::Release);
    }

    /// The generation that a call holds on to, from here to its end.
    pub(crate) fn heard<'a>(&self, held: Option<&'a Arc<Generation>>) -> Result<&'a Generation, Rejected> {
        held.map(Arc::as_ref).ok_or_else(|| {
            let full = self.full.load(Ordering::Acquire);
            let reason = if full { Reason::Broken(Break::Full) } else { Reason::NeverSynced };
            Rejected::Unavailable { reason }
        })
    }

    /// In milliseconds.
    #[cfg(feature = "live")]
    pub(crate) const fn skew(&self) -> u64 {
        self.settings.skew
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Every check that begins from now on is made by `generation`.
    pub(crate) fn replace(&self, generation: Arc<Generation>) {
        self.generation.store(Some(generation));
        self.full.store(false, Ordering::Release);
        self.cache.clear();
        self.foreigners.cache.clear();
    }

    /// Steps 1 to 3: the token as remembered, or checked and remembered now.
    fn known(&self, generation: &Generation, token: &str) -> Result<Arc<Remembered>, Rejected> {
        if token.len() > MAX_TOKEN {
            return Err(Rejected::Malformed { why: "too long" });
        }
        if let Some(known) = self.cache.find(token, generation.id) {
            self.counters.hit();
            return Ok(known);
        }
        self.counters.miss();
        let (claims, pin) = self.authenticate(generation, token)?;
        let seat = self.cache.seat(token, generation.id, self.clock.wall() / 1000);
        let mac = seat.as_ref().map_or(Mac::default(), Seat::mac);
        let token = Arc::new(Remembered::new(mac, generation.id, claims, pin, self.home()));
        if let Some(seat) = seat {
            seat.fill(Arc::clone(&token));
        }
        Ok(token)
    }

    /// Steps 2 and 3: structure, the pinned key, its signature, and claims that are for us.
    fn authenticate(&self, generation: &Generation, token: &str) -> Result<(AccessClaims, Arc<Pin>), Rejected> {
        let unverified = take_apart(token)?;
        // Before the keys are looked at: a key that is added later than this is "beyond the verifier's own position".
        let number = generation.number();
        let keys = generation.keys();
        let Some(pin) = keys.pin(&unverified.unverified_kid) else {
            return Err(generation.unknown_key(&unverified, number));
        };
        pin.key().check(&unverified)?;
        let signed_claims = unverified.unverified_claims;
        let claims = claims::read(&signed_claims, &self.settings.issuer, &self.settings.audience)?;
        Ok((claims, Arc::clone(pin)))
    }

    /// A verifier without a lease must not blame the token for what newer news could change.
    fn blame(&self, generation: &Generation, rejected: Rejected) -> Rejected {
        if !rejected.may_be_overturned() {
            return rejected;
        }
        let lease = generation.check_lease(generation.deadline(), self.clock.boottime());
        lease.err().unwrap_or(rejected)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("issuer", &self.settings.issuer)
            .field("audience", &self.settings.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
