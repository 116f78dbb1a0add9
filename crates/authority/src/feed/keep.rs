//! Keeps this node's promises in the store: its row, its heartbeats, and the position that all its verifiers reached.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::node::{NodeId, NodeRow};
use rescind_domain::store::StoreError;
use rescind_domain::verbs::keep_node;
use rescind_wire::Epoch;

use super::lease::{POLL, Time, counted, of_node};
use super::observer::Observer;
use crate::authority::Authority;

/// Keeps them until the authority goes.
pub async fn keep(authority: &Authority) {
    tokio::join!(beat(authority), publish(authority), look(authority));
}

/// Writes the row as the node begins, then a heartbeat every fifth of its lease.
async fn beat(authority: &Authority) {
    let mut failing = false;
    loop {
        match beat_once(authority).await {
            Ok(()) => failing = false,
            Err(error) if failing => tracing::debug!(%error, "still no heartbeat"),
            Err(error) => {
                tracing::error!(%error, "the heartbeat cannot be written: verifiers stop accepting when their leases end");
                failing = true;
            }
        }
        let lease = authority.hub.row().map_or(Duration::ZERO, |row| row.lease);
        let pause = if failing || lease.is_zero() { POLL } else { lease / 5 };
        // Told at once where a verifier wants a longer lease, or the row is gone.
        let _ = tokio::time::timeout(pause, authority.hub.beat_now.notified()).await;
    }
}

async fn beat_once(authority: &Authority) -> Result<(), Error> {
    let (hub, world) = (&authority.hub, &authority.world);
    let sent = authority.clock.boottime();
    let Some(row) = hub.next_beat() else {
        let id = NodeId::from_bytes(world.entropy.bytes());
        permit(authority, of_node(super::OWN_LEASE)).await?;
        let row = keep_node::enter(world, id, of_node(super::OWN_LEASE)).await?;
        tracing::info!(node = %row.id, reached = row.reached, "a node began");
        hub.enter(row, sent);
        authority.read_log_soon();
        return Ok(());
    };
    if tell(authority, &row).await? {
        hub.beat(&row, sent);
    }
    // Nothing is echoed until the log was read after this.
    authority.read_log_soon();
    Ok(())
}

/// Publishes each rise of what all verifiers have reached: one write at a time, whatever rose meanwhile is in the next.
async fn publish(authority: &Authority) {
    let hub = &authority.hub;
    loop {
        let now = authority.clock.boottime();
        let Some(row) = hub.publish(now) else {
            let end = hub.next_end().map_or(POLL, |end| end.saturating_sub(now)).min(POLL);
            let _ = tokio::time::timeout(end.max(Duration::from_millis(1)), hub.risen.notified()).await;
            continue;
        };
        let reached = row.reached;
        let told = loop {
            match tell(authority, &row).await {
                Ok(told) => break told,
                Err(error) => {
                    tracing::warn!(%error, reached, "what all verifiers have reached cannot be published; trying again");
                    tokio::time::sleep(POLL).await;
                }
            }
        };
        if !told {
            continue;
        }
        authority.published.send_replace(reached);
        authority.history.enforced(reached, authority.clock.boottime(), authority.world.now());
    }
}

/// Writes the row. Answers whether it was still there.
async fn tell(authority: &Authority, row: &NodeRow) -> Result<bool, Error> {
    permit(authority, row.lease).await?;
    if keep_node::tell(&authority.world, row.clone()).await? {
        return Ok(true);
    }
    // Both the heartbeat and what is published find the row gone: the second one may do so after the node began anew.
    if authority.hub.leave(row.id) {
        tracing::warn!(node = %row.id, "this node was given up, for it was silent too long; it begins anew");
        authority.hub.beat_now.notify_one();
    }
    Ok(false)
}

/// Writes a lease down beside the database before the database is told of it: a later server on this folder knows it,
/// whatever is put in the database's place.
async fn permit(authority: &Authority, lease: Duration) -> Result<(), Error> {
    let permitted = Arc::clone(&authority.permitted);
    let written = tokio::task::spawn_blocking(move || permitted.permit(lease)).await;
    let failed = |error: String| StoreError::Unavailable(format!("the longest lease cannot be written down: {error}"));
    Ok(written.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?)
}

/// Removes the rows of nodes that have stopped, and waits once for the leases of a history that was lost.
async fn look(authority: &Authority) {
    loop {
        if let Err(error) = authority.watcher.look(authority).await {
            tracing::debug!(%error, "the nodes cannot be looked at");
        }
        tokio::time::sleep(of_node(super::OWN_LEASE) / 5).await;
    }
}

/// What this process sees of the nodes, whoever looks: so all are told the same, whenever they ask.
#[derive(Default)]
pub(crate) struct Watcher {
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    observer: Observer,
    /// When the last read was begun that counts.
    began: Time,
    /// When the leases of the epochs before this one have run out, if they may run.
    unsettled: Option<(Epoch, Time)>,
}

impl Watcher {
    /// Looks once. Rows of nodes that have lapsed are removed.
    pub(super) async fn look(&self, authority: &Authority) -> Result<(), Error> {
        let world = &authority.world;
        let began = authority.clock.boottime();
        let nodes = keep_node::look(world).await?;
        let now = authority.clock.boottime();
        let epoch = nodes.head.epoch;
        let unsettled = nodes.unsettled.map(|recorded| {
            // What the database says may be what one says that was put in its place.
            let permitted = of_node(authority.config.feed.max_lease).max(authority.permitted.longest());
            (epoch, unsettled_since(authority, epoch, now) + counted(recorded.max(permitted)))
        });
        let lapsed = self.lock().observe(&nodes.rows, unsettled, began, now);
        if !lapsed.is_empty()
            && let Err(error) = keep_node::remove(world, lapsed).await
        {
            // They have lapsed all the same.
            tracing::debug!(%error, "rows of nodes that have stopped cannot be removed");
        }
        if unsettled.is_some_and(|(_, end)| began >= end) {
            keep_node::settle(world, epoch).await?;
            // Whatever ran of which this folder knew nothing is over, too.
            if self.lock().settle(epoch)
                && let Err(error) = authority.permitted.outlived()
            {
                tracing::debug!(%error, "that former leases are over cannot be written down");
            }
        }
        Ok(())
    }

    /// By when position `number` is bound to be enforced, or nothing if it is.
    pub(super) fn missing(&self, number: u64) -> Missing {
        let watched = self.lock();
        let nodes = watched.observer.missing(number).map(|missing| (missing.node, missing.bound)).collect();
        Missing { nodes, history: watched.unsettled.map(|(_, end)| end) }
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// Takes what a read showed. Answers who has lapsed. Several look at a time: a read that was begun before one that
    /// was taken already shows what is over.
    fn observe(
        &mut self,
        rows: &[NodeRow],
        unsettled: Option<(Epoch, Time)>,
        began: Time,
        done: Time,
    ) -> Vec<(NodeId, u64)> {
        if began < self.began {
            return Vec::new();
        }
        self.began = began;
        self.unsettled = unsettled;
        self.observer.observe(rows, began, done);
        self.observer.lapsed().collect()
    }

    /// The leases of the epochs before `epoch` have run out. Answers whether that is what was waited for: another epoch may
    /// have begun since, and its wait with it.
    fn settle(&mut self, epoch: Epoch) -> bool {
        let is_it = self.unsettled.is_some_and(|(waiting, _)| waiting == epoch);
        if is_it {
            self.unsettled = None;
        }
        is_it
    }
}

/// When this process first saw that leases of epochs before this one may run.
fn unsettled_since(authority: &Authority, epoch: Epoch, now: Time) -> Time {
    let mut since = authority.unsettled_since.lock().unwrap_or_else(PoisonError::into_inner);
    since.filter(|(known, _)| *known == epoch).map_or_else(|| since.insert((epoch, now)).1, |(_, since)| since)
}

/// What is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// Nodes, and by when each has lapsed, should it be silent from now on.
    pub(super) nodes: Vec<(NodeId, Time)>,
    /// When the leases of a history that was lost have run out.
    pub(super) history: Option<Time>,
}

impl Missing {
    /// Nothing is.
    pub(super) fn is_nothing(&self) -> bool {
        self.nodes.is_empty() && self.history.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(counter: u64) -> NodeRow {
        let lease = Duration::from_secs(15);
        NodeRow { id: NodeId::from_bytes([1; 16]), counter, lease, reached: 1, verifiers: 0 }
    }

    #[test]
    fn r8_the_end_of_one_epochs_wait_does_not_end_that_of_the_next() {
        let (watcher, at) = (Watcher::default(), Duration::from_secs);
        let (first, second) = (Epoch::from_bytes([1; 10]), Epoch::from_bytes([2; 10]));
        let observe = |epoch, end, began| watcher.lock().observe(&[], Some((epoch, at(end))), at(began), at(began));
        observe(first, 10, 11);
        // Another epoch begins while it is written down that the first one's wait is over.
        observe(second, 30, 12);
        assert!(!watcher.lock().settle(first));
        assert_eq!(watcher.missing(1).history, Some(at(30)));
        assert!(watcher.lock().settle(second));
        assert!(watcher.missing(1).is_nothing());
    }

    #[test]
    fn a_read_that_ends_after_a_later_one_takes_nothing_back() {
        let (watcher, at) = (Watcher::default(), Duration::from_secs);
        let observe = |counter, began, done| watcher.lock().observe(&[row(counter)], None, at(began), at(done));
        assert_eq!(observe(7, 10, 11), []);
        assert_eq!(observe(6, 9, 12), []);
        let bound = at(11) + counted(row(7).lease);
        assert_eq!(watcher.missing(2).nodes, [(row(7).id, bound)]);
        assert_eq!(observe(7, 20, 21), []);
        assert_eq!(watcher.missing(2).nodes, [(row(7).id, bound)], "nor does looking again put it off");
        assert_eq!(observe(7, bound.as_secs() + 1, bound.as_secs() + 2), [(row(7).id, 7)]);
        assert!(watcher.missing(2).is_nothing());
    }
}
