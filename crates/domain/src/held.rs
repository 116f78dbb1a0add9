//! What somebody holds of a session, a refresh token or the pages' cookie: looked up, and judged by the one rule.

use std::net::IpAddr;

use rescind_wire::{ClientId, Place, Position, Scope, Standing};

use crate::chain::Chain;
use crate::error::{Error, RefreshRefusal};
use crate::event::{EventKind, NewEvent};
use crate::key::MacKeyId;
use crate::keyring::MacKey;
use crate::refresh_token::{Authentic, Unverified};
use crate::revocation::{self, Actor, Receipt};
use crate::session::Session;
use crate::standing::StoreCuts;
use crate::store::{EndingTx, View};
use crate::world::World;

/// What it turned out to be.
pub(crate) struct Found {
    pub(crate) authentic: Authentic,
    pub(crate) chain: Chain,
    pub(crate) session: Session,
    pub(crate) head: Position,
}

/// Looks the chain up and checks the MAC before anything else is judged; then the one rule, expiry, client and binding.
pub(crate) fn find(
    view: &dyn View,
    world: &World,
    unverified: &Unverified,
    client: Option<&ClientId>,
    address: Option<IpAddr>,
) -> Result<Result<Found, RefreshRefusal>, Error> {
    let key = unverified.unverified_chain;
    let Some(chain) = view.chain(&key)? else {
        return Ok(Err(RefreshRefusal::Unknown));
    };
    let Some(mac) = mac_key(view, world, unverified.unverified_key)? else {
        return Ok(Err(RefreshRefusal::Unknown));
    };
    let Some(authentic) = unverified.verify(&chain, &mac) else {
        return Ok(Err(RefreshRefusal::Unknown));
    };
    let Some(session) = view.session(&key.user, &key.session)? else {
        return Ok(Err(RefreshRefusal::Unknown));
    };
    let cuts = StoreCuts::new(view)?;
    if let Standing::Ended(cause) = cuts.judge_chain(&session, &chain, Some(&authentic.key().key_id()))? {
        return Ok(Err(RefreshRefusal::Revoked(cause)));
    }
    if let Some(expiry) = session.expiry(world.now()) {
        return Ok(Err(RefreshRefusal::Expired(expiry)));
    }
    if client.is_some_and(|client| *client != chain.client) {
        return Ok(Err(RefreshRefusal::OtherClient));
    }
    if !session.binding.admits(address) {
        return Ok(Err(RefreshRefusal::OtherAddress));
    }
    let head = cuts.head().position;
    // What names an epoch that this log never had was made in a history that was lost before it.
    let named = Position { epoch: authentic.epoch(), number: 0 };
    if authentic.epoch() != head.epoch && view.epochs()?.place(named, head.number) == Place::Unlisted {
        return Ok(Err(RefreshRefusal::Unknown));
    }
    Ok(Ok(Found { authentic, chain, session, head }))
}

/// The MAC key of this name; a revoked one is found too, for the one rule to say so.
pub(crate) fn mac_key(view: &dyn View, world: &World, name: MacKeyId) -> Result<Option<MacKey>, Error> {
    if let Some(key) = world.keyring.mac(name) {
        return Ok(Some(key));
    }
    let id = name.key_id();
    let row = view.keys()?.into_iter().find(|row| row.id == id);
    Ok(row.map(|row| world.keyring.open_mac(&row)).transpose()?)
}

/// Ends the session of something that came back longer after it was replaced than any repetition takes: copied or lost,
/// which nobody can tell apart.
pub(crate) fn end_reused(
    tx: &mut dyn EndingTx,
    world: &World,
    found: &Found,
    address: Option<IpAddr>,
    reason: &str,
) -> Result<Receipt, Error> {
    let (user, session) = (found.session.user, found.session.id);
    let event = NewEvent::new(world.now(), EventKind::RefreshReused, Actor::System)
        .user(user)
        .session(session)
        .client(found.chain.client.clone())
        .from(world.stored_address(address));
    revocation::end(tx, world, Scope::Session { user, session }, reason, event)
}

/// Begins an epoch, because something that is held proves a later state than the store has (R9).
pub(crate) fn begin_epoch(tx: &mut dyn EndingTx, world: &World, proof: &str) -> Result<(), Error> {
    let event = NewEvent::new(world.now(), EventKind::EpochBegun, Actor::System).detail(proof);
    let reason = "the store went back: what somebody holds proves a later state";
    revocation::begin_epoch(tx, world, false, reason, event)?;
    Ok(())
}
