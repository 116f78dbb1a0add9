//! Beginning a new epoch of the log (R9): after a restore, or when something proves that the store went back.

use rescind_wire::{Epoch, Position};

use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::revocation::{self, Actor, Tag};
use crate::world::World;

/// Begins a new epoch after a restore. Unless the operator declines by name, everyone is signed out, services included,
/// and all keys are made anew: what was revoked after the backup was taken cannot be known.
pub async fn after_restore(world: &World, keep_sessions: bool) -> Result<Epoch, Error> {
    let inner = world.clone();
    world
        .store
        .end("begin_epoch_after_restore", move |tx| {
            let event = NewEvent::new(inner.now(), EventKind::EpochBegun, Actor::CommandLine).detail("restored");
            let reason = "restored from a backup";
            revocation::begin_epoch(tx, &inner, keep_sessions, reason, event)
        })
        .await
}

/// Begins a new epoch if `proof`, a position that only this authority can have given, is beyond the head of the log as
/// this transaction reads it: then the store went back. Answers the new epoch, if it began one.
pub async fn if_proven(world: &World, proof: Position, what: &'static str) -> Result<Option<Epoch>, Error> {
    let inner = world.clone();
    world
        .store
        .end("begin_epoch_if_proven", move |tx| {
            let head = tx.head()?.position;
            if proof.epoch != head.epoch || proof.number <= head.number {
                return Ok(None);
            }
            let event = NewEvent::new(inner.now(), EventKind::EpochBegun, Actor::System)
                .detail(format!("{what} at {proof}, head {head}"));
            let reason = format!("the store went back: {what} proves a later state");
            revocation::begin_epoch(tx, &inner, false, &reason, event).map(Some)
        })
        .await
}

/// Begins a new epoch if `tag`, which this authority made for the entry at `position`, is of an entry that the log does
/// not have, as this transaction reads it: then the store went back, and may have been written to since. Answers the new
/// epoch, if it began one.
pub async fn if_tag_proves(world: &World, position: Position, tag: Tag) -> Result<Option<Epoch>, Error> {
    let inner = world.clone();
    world
        .store
        .end("begin_epoch_if_tag_proves", move |tx| {
            let head = tx.head()?.position;
            let entry = tx.log_entry(position.number)?.filter(|row| row.position == position);
            let there = entry.is_some_and(|row| row.tag == tag);
            if position.epoch != head.epoch || there || !tag.was_made(&tx.keys()?, &inner, position)? {
                return Ok(None);
            }
            let event = NewEvent::new(inner.now(), EventKind::EpochBegun, Actor::System)
                .detail(format!("a tag of entry {position}, head {head}"));
            let reason = "the store went back: a verifier has an entry that it does not have";
            revocation::begin_epoch(tx, &inner, false, reason, event).map(Some)
        })
        .await
}

/// Begins a new epoch after this process saw the log shorter than it was.
pub async fn store_went_back(world: &World, found: Position, seen: Position) -> Result<Epoch, Error> {
    let inner = world.clone();
    world
        .store
        .end("begin_epoch_went_back", move |tx| {
            let event = NewEvent::new(inner.now(), EventKind::EpochBegun, Actor::System)
                .detail(format!("log ends at {found}, was seen at {seen}"));
            let reason = "the store went back: its log is shorter than it was";
            revocation::begin_epoch(tx, &inner, false, reason, event)
        })
        .await
}
