//! A verifier in this process, kept current from the log as the server's own follower does it.

use std::sync::Arc;
use std::time::Duration;

use rescind::feed::OWN_LEASE;
use rescind::follower::entry;
use rescind_domain::key::{KeyRow, Purpose};
use rescind_domain::store::View;
use rescind_domain::verbs::follow_log::written_by;
use rescind_domain::verbs::keep_house::longest_lifetime;
use rescind_verifier::{Broken, Clock as _, Keeper, Presented, Rejected, Snapshot, Verified, Verifier};
use rescind_wire::Position;

use super::clock::GuardClock;
use super::house::{House, ISSUER, run};

/// A verifier with what keeps it current.
pub(crate) struct Guard {
    pub(crate) verifier: Verifier,
    pub(crate) clock: Arc<GuardClock>,
    pub(crate) keeper: Keeper,
}

impl Guard {
    /// A verifier for the authority's own audience that knows all there is to know.
    pub(crate) fn of(house: &House) -> Self {
        Self::for_audience(house, ISSUER)
    }

    pub(crate) fn for_audience(house: &House, audience: &str) -> Self {
        let clock = GuardClock::beside(&house.clock);
        // As many places as usual take long to be given back in a build without optimisation.
        let builder = Verifier::builder(ISSUER).audience(audience).skew(house.world.policy.skew).cache_tokens(1024);
        let (verifier, keeper) = builder.clock(Arc::clone(&clock) as Arc<_>).parts().unwrap();
        let mut guard = Self { verifier, clock, keeper };
        guard.follow(house);
        guard
    }

    /// Reads what is new in the log and applies it: entries where it can, else a snapshot. The lease runs from before
    /// the read.
    pub(crate) fn follow(&mut self, house: &House) {
        let asked_at = self.clock.boottime();
        let held = self.keeper.held().map(|held| held.position);
        let world = house.world.clone();
        let news = run(house.world.store.read("follow", move |view| {
            Ok(News { snapshot: snapshot(view, &world, held)?, current: view.head()?.position })
        }));
        let News { snapshot, current } = news.unwrap();
        if held.is_some_and(|held| held.epoch == current.epoch) {
            self.keeper.apply(&snapshot.entries).unwrap();
            self.keeper.raise_floor(snapshot.floor);
            self.keeper.set_longest_lifetime(snapshot.longest_lifetime);
        } else {
            self.keeper.reset(snapshot).unwrap();
        }
        self.keeper.extend(asked_at + OWN_LEASE).unwrap();
    }

    /// Is offered all that `house` has but for its last entries, as by a node that lags or a store that went back.
    pub(crate) fn offer(&mut self, house: &House, but_for: u64) -> Result<(), Broken> {
        let world = house.world.clone();
        let read = house.world.store.read("snapshot", move |view| snapshot(view, &world, None));
        let mut offered = run(read).unwrap();
        offered.position -= but_for;
        offered.entries.retain(|entry| entry.number <= offered.position);
        self.keeper.reset(offered)
    }

    /// Checks a token by what the verifier knows now.
    pub(crate) fn check(&self, token: &str) -> Result<Verified, Rejected> {
        self.verifier.verify(&Presented::bearer(token))
    }

    /// As [`check`](Self::check), after reading the log.
    pub(crate) fn check_now(&mut self, house: &House, token: &str) -> Result<Verified, Rejected> {
        self.follow(house);
        self.check(token)
    }

    /// How long its lease still runs.
    pub(crate) fn lease_left(&self) -> Duration {
        self.verifier.health().lease_left.unwrap_or_default()
    }
}

struct News {
    snapshot: Snapshot,
    current: Position,
}

pub(crate) fn snapshot(
    view: &dyn View,
    world: &rescind_domain::World,
    known: Option<Position>,
) -> Result<Snapshot, rescind_domain::Error> {
    let head = view.head()?;
    let followed = known.filter(|known| known.epoch == head.position.epoch);
    let after = followed.map_or(head.floor, |known| known.number);
    let longest = longest_lifetime(&view.lifetimes()?, &world.policy, world.now());
    let signing = |row: &KeyRow| row.revoked.is_none() && matches!(row.purpose, Purpose::Sign(_));
    Ok(Snapshot {
        epochs: view.epochs()?,
        position: head.position.number,
        floor: head.floor,
        floor_at: written_by(view, head.floor)?.map(|at| at.0),
        longest_lifetime: longest.as_secs(),
        keys: view.keys()?.into_iter().filter(signing).filter_map(|row| row.public).collect(),
        entries: view.log_after(after, u32::MAX)?.iter().map(entry).collect(),
    })
}
