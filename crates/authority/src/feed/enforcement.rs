//! Waiting until a revocation is enforced (R8), and saying who is missing.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::node::NodeId;
use rescind_wire::{ClientId, Epoch};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::hub::{Follower, Listed};
use super::lease::{POLL, Time};
use crate::authority::Authority;
use crate::traces::{self, Step};

/// How far an enforcement has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforcement {
    /// Whether no verifier can accept any more what the revocation covers.
    pub enforced: bool,
    /// Verifiers that have applied it.
    pub confirmed: u64,
    /// Verifiers that had not when their lease ran out.
    pub lapsed: u64,
    /// Who is missing.
    pub pending: Vec<Pending>,
    /// How long it took, or was waited.
    pub took: Duration,
}

/// Somebody who may still accept what was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The verifier, or the node if it is another one.
    pub verifier: String,
    /// What it is.
    pub kind: PendingKind,
    /// Its client.
    pub client: Option<ClientId>,
    /// In how long a verifier has applied it, or accepts nothing any more, whatever it acknowledges until then; a node has
    /// lapsed by then, unless it goes on.
    pub bound_in: Duration,
}

/// What may still accept what was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingKind {
    /// A verifier that follows this node.
    Verifier,
    /// This node, which has not published yet that its verifiers are done.
    Here,
    /// Another node, as a rule this server as it ran before: whoever followed it.
    Node,
    /// Whoever followed before the epoch began.
    FormerEpoch,
}

impl Enforcement {
    /// How many verifiers are missing.
    pub(crate) fn late(&self) -> u64 {
        self.pending.iter().filter(|pending| pending.kind == PendingKind::Verifier).count() as u64
    }
}

impl Authority {
    /// Waits until position `number` is enforced, at most for `patience`. While the server stops, nobody waits: no verifier
    /// can follow it any more.
    pub async fn enforcement(&self, number: u64, patience: Duration) -> Result<Enforcement, Error> {
        traces::timed(Step::Enforcement(number), traces::unseen(self.look_until_enforced(number, patience))).await
    }

    async fn look_until_enforced(&self, number: u64, patience: Duration) -> Result<Enforcement, Error> {
        let began = self.clock.boottime();
        let mut wait = Wait { number, late: BTreeMap::new(), lapsed: 0 };
        let (mut published, mut stopping) = (self.published.subscribe(), self.stopping.subscribe());
        self.hint();
        loop {
            published.mark_unchanged();
            wait.look(self).await?;
            let now = self.clock.boottime();
            let enforcement = wait.report(self, now, now.saturating_sub(began));
            let left = patience.saturating_sub(now.saturating_sub(began));
            if enforcement.enforced || left.is_zero() || self.is_stopping() {
                return Ok(enforcement);
            }
            let stopping = stopping.wait_for(|stopping| *stopping);
            // A node elsewhere is only seen by looking again.
            let _ =
                timeout(left.min(POLL), futures_util::future::select(pin!(published.changed()), pin!(stopping))).await;
        }
    }
}

/// How many verifiers had confirmed a position, and how many had lapsed, when it was first told that it is enforced:
/// whoever asks later is told the same. Whether it is enforced is never taken from here.
#[derive(Default)]
pub(crate) struct Outcomes {
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// In which the numbers are.
    epoch: Option<Epoch>,
    outcomes: BTreeMap<u64, (u64, u64)>,
}

impl Outcomes {
    /// The most positions that are kept, the last ones.
    const MOST: usize = 1024;

    /// Of those who looked at the same moment, whoever looked longest has seen more verifiers lapse.
    fn first(&self, epoch: Option<Epoch>, number: u64, now: (u64, u64)) -> (u64, u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.epoch != epoch {
            *told = Told { epoch, outcomes: BTreeMap::new() };
        }
        let kept = told.outcomes.entry(number).or_insert(now);
        kept.1 = kept.1.max(now.1);
        let outcome = *kept;
        if told.outcomes.len() > Self::MOST {
            told.outcomes.pop_first();
        }
        outcome
    }
}

struct Wait {
    number: u64,
    /// Verifiers that had not applied it.
    late: BTreeMap<u64, Arc<Follower>>,
    lapsed: u64,
}

impl Wait {
    async fn look(&mut self, authority: &Authority) -> Result<(), Error> {
        authority.watcher.look(authority).await?;
        let listed = authority.hub.list();
        // The list is in the order of ids.
        let standing = |id: &u64| {
            let at = listed.binary_search_by_key(id, |listed| listed.id).ok()?;
            listed.get(at).filter(|listed| listed.until.is_some())
        };
        let number = self.number;
        let mut lapsed = 0;
        self.late.retain(|id, follower| {
            let standing = standing(id);
            if standing.is_none() && !came_again(&listed, follower, number) {
                lapsed += 1;
            }
            standing.is_some_and(|listed| listed.position < number)
        });
        self.lapsed += lapsed;
        self.late.extend(late(&listed, number).map(|listed| (listed.id, Arc::clone(&listed.follower))));
        Ok(())
    }

    fn report(&self, authority: &Authority, now: Time, took: Duration) -> Enforcement {
        let missing = authority.watcher.missing(self.number);
        let listed = authority.hub.list();
        let confirmed = confirmed(&listed, self.number);
        if missing.is_nothing() {
            let epoch = authority.verifier.position().map(|position| position.epoch);
            let (confirmed, lapsed) = authority.outcomes.first(epoch, self.number, (confirmed, self.lapsed));
            return Enforcement { enforced: true, confirmed, lapsed, pending: Vec::new(), took };
        }
        let here = authority.hub.row().map(|row| row.id);
        let late = authority.hub.late(self.number, now);
        let mut pending: Vec<Pending> = late.iter().map(|(listed, bound)| of_verifier(listed, *bound, now)).collect();
        let elsewhere = missing.nodes.iter().filter(|(node, _)| Some(*node) != here || pending.is_empty());
        let elsewhere: Vec<Pending> = elsewhere.map(|(node, bound)| of_node(*node, here, *bound, now)).collect();
        pending.extend(elsewhere);
        pending.extend(missing.history.map(|end| Pending {
            verifier: "verifiers of the epoch before".into(),
            kind: PendingKind::FormerEpoch,
            client: None,
            bound_in: end.saturating_sub(now),
        }));
        Enforcement { enforced: false, confirmed, lapsed: self.lapsed, pending, took }
    }
}

/// How many verifiers have applied entry `number`. One that was cut off and came again is listed twice until the lease of
/// its former connection is over, and counts once.
fn confirmed(listed: &[Listed], number: u64) -> u64 {
    let mut verifiers: BTreeMap<(&ClientId, &str), (u64, u64)> = BTreeMap::new();
    for listed in listed.iter().filter(|listed| listed.until.is_some() && listed.position >= number) {
        let (here, gone) = verifiers.entry((&listed.follower.client, &listed.follower.name)).or_default();
        *if listed.connected { here } else { gone } += 1;
    }
    verifiers.values().map(|(here, gone)| here.max(gone)).sum()
}

/// Whether a verifier whose connection is gone has come again and applied entry `number`: then it has confirmed.
fn came_again(listed: &[Listed], gone: &Follower, number: u64) -> bool {
    let is_same = |here: &Follower| (&here.client, &here.name) == (&gone.client, &gone.name);
    listed.iter().any(|listed| listed.connected && listed.position >= number && is_same(&listed.follower))
}

fn late(listed: &[Listed], number: u64) -> impl Iterator<Item = &Listed> {
    listed.iter().filter(move |listed| listed.until.is_some() && listed.position < number)
}

fn of_verifier(listed: &Listed, bound: Time, now: Time) -> Pending {
    Pending {
        verifier: listed.follower.name.clone(),
        kind: PendingKind::Verifier,
        client: Some(listed.follower.client.clone()),
        bound_in: bound.saturating_sub(now),
    }
}

fn of_node(node: NodeId, here: Option<NodeId>, bound: Time, now: Time) -> Pending {
    let kind = if Some(node) == here { PendingKind::Here } else { PendingKind::Node };
    Pending { verifier: format!("node {node}"), kind, client: None, bound_in: bound.saturating_sub(now) }
}

#[cfg(test)]
mod tests {
    use rescind_domain::clock::Timestamp;
    use rescind_wire::{Position, TokenId};

    use super::*;

    fn listed(id: u64, name: &str, connected: bool) -> Listed {
        let follower = Follower {
            name: name.into(),
            client: "shop".parse().expect("an id"),
            token: TokenId::from_bytes([1; 16]),
            key: "key_one".parse().expect("an id"),
            position: Position { epoch: Epoch::from_bytes([1; 10]), number: 1 },
            address: None,
            lease: Duration::from_secs(5),
            since: Timestamp(0),
        };
        let until = Some(Duration::from_secs(5));
        Listed { id, follower: Arc::new(follower), position: 7, until, acked_at: None, connected }
    }

    #[test]
    fn who_was_cut_off_and_came_again_confirms_once() {
        let of = [(1, "one", false), (2, "one", true), (3, "two", false), (4, "three", true), (5, "three", true)];
        let listed = of.map(|(id, name, connected)| listed(id, name, connected));
        assert_eq!((confirmed(&listed, 7), confirmed(&listed, 8)), (4, 0));
    }

    #[test]
    fn who_came_again_and_confirmed_has_not_lapsed() {
        let gone = listed(1, "one", false).follower;
        let came = |name, connected, number| came_again(&[listed(2, name, connected)], &gone, number);
        assert!(came("one", true, 7));
        assert!(!came("one", true, 8), "it has not applied it");
        assert!(!came("one", false, 7), "it is gone, too");
        assert!(!came("two", true, 7));
    }

    #[test]
    fn what_was_told_of_a_position_is_told_again_for_as_long_as_there_is_room() {
        let outcomes = Outcomes::default();
        let epoch = |n| Some(Epoch::from_bytes([n; 10]));
        assert_eq!(outcomes.first(epoch(1), 1, (3, 1)), (3, 1));
        assert_eq!(outcomes.first(epoch(1), 1, (2, 0)), (3, 1));
        assert_eq!(outcomes.first(epoch(1), 1, (2, 2)), (3, 2));
        for number in 2..=1025 {
            outcomes.first(epoch(1), number, (1, 0));
        }
        assert_eq!(outcomes.told.lock().expect("sound").outcomes.len(), 1024);
        assert_eq!(outcomes.first(epoch(1), 1025, (0, 0)), (1, 0));
        assert_eq!(outcomes.first(epoch(2), 1025, (0, 0)), (0, 0), "numbers are given again after a history was lost");
    }
}
