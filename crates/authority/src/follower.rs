//! Keeps the authority's own verifier current from the log. Hints say that it may have grown; polling it is the truth.

use std::sync::Arc;

use rescind_domain::key::{KeyRow, Purpose};
use rescind_domain::node::NodeRow;
use rescind_domain::revocation::{Actor, LogRow};
use rescind_domain::store::{StoreError, View};
use rescind_domain::verbs::{begin_epoch, keep_house};
use rescind_domain::{Error, World};
use rescind_verifier::{Break, Broken, Keeper, Reason, Snapshot};
use rescind_wire::{Change, Entry, Epoch, Epochs, Position, Scope};

use crate::authority::Authority;
use crate::feed::{self, OWN_LEASE, Own, POLL};
use crate::{history, live};

/// Entries read at a time.
const BATCH: u32 = 1000;

/// How often the log is read again at once for the first lease of the authority's own verifier: once for one that was
/// lost, once for the read that must follow its recording. Where the heartbeat cannot be written, no read helps.
const ROUNDS: u32 = 2;

/// Follows the log, keeps the promises that this node makes to whoever waits for an enforcement, looks for those who
/// watch sessions change, and writes the history, until the authority is dropped. Only one follower runs; a second call
/// returns at once.
pub async fn follow(authority: Arc<Authority>) {
    let keeper = authority.keeper.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    if let Some(keeper) = keeper {
        tokio::join!(
            read_on(&authority, keeper),
            feed::keep(&authority),
            live::watch(&authority),
            history::keep(&authority)
        );
    }
}

async fn read_on(authority: &Authority, mut keeper: Keeper) {
    let (mut failing, mut epoch) = (false, None);
    loop {
        match round(authority, &mut keeper, &mut epoch).await {
            Ok(()) if failing => {
                failing = false;
                tracing::info!("the log can be read again");
            }
            Ok(()) => {}
            Err(error) => {
                if !failing {
                    tracing::error!(%error, "the log cannot be read: tokens are refused once {OWN_LEASE:?} have passed");
                }
                failing = true;
                recover(authority, &mut keeper, &error).await;
            }
        }
        // A hint that comes while the log is being read is kept: it ends the next wait at once.
        let _ = tokio::time::timeout(POLL, authority.hint.notified()).await;
    }
}

/// What one read of the log brought.
struct News {
    epochs: Epochs,
    position: Position,
    floor: u64,
    longest_lifetime: u64,
    keys: Vec<KeyRow>,
    nodes: Vec<NodeRow>,
    /// Entries after what the keeper has, or after the floor if it needs all of them.
    entries: Vec<LogRow>,
    /// Whether more entries wait.
    more: bool,
}

/// Reads what is new, applies it, and tells the verifiers that follow. The lease of the authority's own verifier runs from
/// just before the read, by the same rules as theirs.
async fn round(authority: &Authority, keeper: &mut Keeper, epoch: &mut Option<Epoch>) -> Result<(), Error> {
    let (hub, mut again) = (&authority.hub, 0);
    loop {
        let asked_at = authority.clock.boottime();
        hub.begin_read();
        let held = keeper.held().map(|held| held.position);
        let news = read(&authority.world, held, authority.config.verifier.revocations.into()).await?;
        let position = news.position;
        raise_the_alarm(epoch, &news);
        let current = held.is_some_and(|held| held.epoch == news.epochs.current);
        let entries: Vec<Entry> = news.entries.iter().map(entry).collect();
        let before = authority.verifier.health().unavailable;
        if let Err(broken) = apply(keeper, &news, &entries, current) {
            break_off(keeper, broken, before);
            return Ok(());
        }
        let applied = keeper.held().map_or(0, |held| held.position.number);
        authority.world.keyring.load(&news.keys, authority.acknowledged(&news.nodes, applied))?;
        // What was there before this process knew the log is no news.
        if current {
            let revoked = entries.iter().filter(|entry| matches!(entry.change, Change::Revoke(_))).count() as u64;
            authority.history.known(applied, revoked, asked_at, authority.world.now());
        }
        let told = feed::News {
            head: Position { epoch: position.epoch, number: applied },
            entries: &entries,
            floor: news.floor,
            longest_lifetime: news.longest_lifetime,
            whole: !news.more,
        };
        let first = hub.log_read(&told, asked_at, authority.clock.boottime());
        if let Some(from) = first {
            let _ = keeper.extend(from + OWN_LEASE);
        }
        if !entries.is_empty() {
            authority.live.poke();
        }
        if news.more {
            continue;
        }
        match hub.own_ack(applied, asked_at) {
            Own::Extend(from) => drop(keeper.extend(from + OWN_LEASE)),
            Own::Again if again < ROUNDS => {
                again += 1;
                continue;
            }
            Own::Again | Own::Silent | Own::Nowhere => {}
        }
        // This node's own verifier has acknowledged meanwhile, and is often the last to do so.
        authority.world.keyring.acknowledge(authority.acknowledged(&news.nodes, applied));
        // Whoever waits for the verifier waits until it accepts at all.
        if authority.verifier.health().unavailable.is_none() {
            authority.applied.send_replace(position.number);
        }
        return Ok(());
    }
}

/// Nothing is accepted until all of the log was read again. Where that is too much, it stays so until the floor has risen.
fn break_off(keeper: &mut Keeper, broken: Broken, before: Option<Reason>) {
    if !matches!(broken, Broken::Full { .. }) {
        tracing::error!(%broken, "the log cannot be applied; reading all of it again");
        keeper.break_off(Break::Gap);
    } else if before != Some(Reason::Broken(Break::Full)) {
        tracing::error!(%broken, "tokens are refused, and nothing is sent to the feed: raise verifier.revocations");
    }
}

/// At most `room` entries where all of them are needed: more could not be applied, and none is read.
async fn read(world: &World, held: Option<Position>, room: u64) -> Result<News, Error> {
    let inner = world.clone();
    world
        .store
        .read("follow", move |view| {
            let (log, epochs) = (view.head()?, view.epochs()?);
            let after = held.filter(|held| held.epoch == log.position.epoch).map(|held| held.number);
            let entries = match after {
                Some(number) => view.log_after(number, BATCH)?,
                None if log.position.number.saturating_sub(log.floor) > room => Vec::new(),
                None => all_after(view, log.floor)?,
            };
            let reached = entries.last().map_or(after.unwrap_or(log.floor), |last| last.position.number);
            let longest = keep_house::longest_lifetime(&view.lifetimes()?, &inner.policy, inner.now());
            Ok(News {
                epochs,
                more: reached < log.position.number,
                position: log.position,
                floor: log.floor,
                longest_lifetime: longest.as_secs(),
                keys: view.keys()?,
                nodes: view.nodes()?,
                entries,
            })
        })
        .await
}

fn all_after(view: &dyn View, floor: u64) -> Result<Vec<LogRow>, StoreError> {
    let mut entries: Vec<LogRow> = Vec::new();
    loop {
        let after = entries.last().map_or(floor, |last| last.position.number);
        let page = view.log_after(after, BATCH)?;
        let done = page.len() < BATCH as usize;
        entries.extend(page);
        if done {
            return Ok(entries);
        }
    }
}

fn apply(keeper: &mut Keeper, news: &News, entries: &[Entry], current: bool) -> Result<(), Broken> {
    if current {
        return keeper.advance(entries, news.floor, news.longest_lifetime);
    }
    let signing = |row: &&KeyRow| row.revoked.is_none() && matches!(row.purpose, Purpose::Sign(_));
    keeper.reset(Snapshot {
        epochs: news.epochs.clone(),
        position: news.position.number,
        floor: news.floor,
        floor_at: None,
        longest_lifetime: news.longest_lifetime,
        keys: news.keys.iter().filter(signing).filter_map(|row| row.public.clone()).collect(),
        entries: entries.to_vec(),
    })
}

/// A row of the log as the feed carries it: without reason and actor.
pub fn entry(row: &LogRow) -> Entry {
    Entry { number: row.position.number, at: row.at.0, change: row.change.clone(), tag: row.tag.to_string() }
}

/// What can be done about a log that cannot be read: if the store went back, a new epoch begins; otherwise the next
/// round tries again, and until then the lease runs out.
async fn recover(authority: &Authority, keeper: &mut Keeper, error: &Error) {
    let Error::Store(StoreError::WentBack { found, seen }) = error else { return };
    tracing::error!(%found, %seen, "the log is shorter than it was");
    authority.sqlite.begin_again();
    if let Err(error) = begin_epoch::store_went_back(&authority.world, *found, *seen).await {
        tracing::error!(%error, "the new epoch could not be begun; trying again");
    }
    keeper.break_off(Break::Gap);
}

/// Says so if an epoch began since the log was last read, whoever found out that the store went back, and by whatever: a
/// token, a cookie, a verifier's tag, the log itself (R9).
fn raise_the_alarm(seen: &mut Option<Epoch>, news: &News) {
    let epoch = news.position.epoch;
    if seen.replace(epoch).is_none_or(|seen| seen == epoch) {
        return;
    }
    let first = news.entries.iter().find(|row| row.position.epoch == epoch);
    let ends_all = |row: &&LogRow| matches!(row.change, Change::Revoke(Scope::Everyone { .. }));
    if let Some(row) = first.filter(ends_all).filter(|row| matches!(row.actor, Actor::System)) {
        let (entry, reason) = (row.position.number, &row.reason);
        tracing::error!(%epoch, entry, reason, "the store went back: everyone is signed out");
    } else {
        tracing::warn!(%epoch, "a new epoch began");
    }
}
