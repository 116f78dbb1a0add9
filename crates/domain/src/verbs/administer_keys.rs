//! Server keys: made with the store, replaced on a schedule or on command, revoked when they may have leaked.

use std::net::IpAddr;

use rescind_wire::{Algorithm, KeyId, Scope};

use crate::acting::Administrator;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency};
use crate::key::{KeyRow, Purpose};
use crate::revocation::{self, Actor, Receipt};
use crate::store::EndingTx;
use crate::verbs::administer_clients::ensure_key;
use crate::world::World;

/// Makes the keys that a store cannot do without, where they are missing: a MAC key, a signing key, and one for each
/// other algorithm that an audience asks for. Answers whether it made any.
pub async fn ensure_keys(world: &World) -> Result<bool, Error> {
    let inner = world.clone();
    let missing = |rows: &[KeyRow], purpose: Purpose| {
        !rows.iter().any(|row| row.purpose == purpose && row.revoked.is_none() && row.superseded_at.is_none())
    };
    let complete = world
        .store
        .read("keys", move |view| {
            let rows = view.keys()?;
            let asked = view.audiences()?.into_iter().map(|row| Purpose::Sign(row.algorithm));
            let mut needed = [Purpose::Mac, Purpose::Sign(Algorithm::EdDSA)].into_iter().chain(asked);
            Ok(!needed.any(|purpose| missing(&rows, purpose)))
        })
        .await?;
    if complete {
        return Ok(false);
    }
    world
        .store
        .end("ensure_keys", move |tx| {
            ensure_key(tx, &inner, Purpose::Mac, &Whose::system())?;
            ensure_key(tx, &inner, Purpose::Sign(Algorithm::EdDSA), &Whose::system())?;
            for row in tx.audiences()? {
                ensure_key(tx, &inner, Purpose::Sign(row.algorithm), &Whose::system())?;
            }
            Ok(true)
        })
        .await
}

/// All keys, without their secrets' use.
pub async fn list_keys(world: &World, admin: &Administrator) -> Result<Vec<KeyRow>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_keys", move |view| {
            admin.check(view, &inner)?;
            Ok(view.keys()?)
        })
        .await
}

/// Adds a new key for each purpose in use, or for one. The old ones verify for as long as their tokens can live.
pub async fn rotate_keys(world: &World, admin: &Administrator, only: Option<Purpose>) -> Result<Vec<KeyRow>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .end("rotate_keys", move |tx| {
            admin.check(tx, &inner)?;
            let before = tx.keys()?;
            let mut purposes: Vec<Purpose> = Vec::new();
            for row in before.iter().filter(|row| row.revoked.is_none()) {
                if only.is_none_or(|only| only == row.purpose) && !purposes.contains(&row.purpose) {
                    purposes.push(row.purpose);
                }
            }
            if let Some(purpose) = only.filter(|purpose| !purposes.contains(purpose)) {
                purposes.push(purpose);
            }
            for purpose in purposes {
                add(tx, &inner, purpose, "rotated", &Whose::of(&admin))?;
            }
            let made = tx.keys()?.into_iter().filter(|row| before.iter().all(|old| old.id != row.id));
            Ok(made.collect())
        })
        .await
}

/// Revokes a key that may have leaked: everything made with it is dead at once, whatever it says of itself (R3), and a
/// new key takes its place.
pub async fn compromise_key(
    world: &World,
    admin: &Administrator,
    key: KeyId,
    reason: String,
    idempotency: Option<Idempotency>,
) -> Result<Receipt, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .end("compromise_key", move |tx| {
            admin.check(tx, &inner)?;
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                let row = tx.keys()?.into_iter().find(|row| row.id == key).ok_or(Error::NotFound("key"))?;
                // The successor first: the tag of the entry that follows is not made with the key that leaked. What was revoked
                // before has one.
                if row.superseded_at.is_none() && row.revoked.is_none() {
                    add(tx, &inner, row.purpose, &reason, &Whose::of(&admin))?;
                }
                revoke(tx, &inner, row.id, &reason, &admin.actor(), admin.address())
            })
        })
        .await
}

/// Revokes a key inside a transaction.
pub(crate) fn revoke(
    tx: &mut dyn EndingTx,
    world: &World,
    key: KeyId,
    reason: &str,
    actor: &Actor,
    address: Option<IpAddr>,
) -> Result<Receipt, Error> {
    let event = NewEvent::new(world.now(), EventKind::KeyRevoked, actor.clone())
        .from(world.stored_address(address))
        .detail(key.as_str());
    revocation::end(tx, world, Scope::Key { key }, reason, event)
}

/// Whose doing it is that a key is made, and from where.
pub(crate) struct Whose {
    actor: Actor,
    address: Option<IpAddr>,
}

impl Whose {
    pub(crate) fn of(admin: &Administrator) -> Self {
        Self { actor: admin.actor(), address: admin.address() }
    }

    pub(crate) const fn system() -> Self {
        Self { actor: Actor::System, address: None }
    }
}

/// Makes a key inside a transaction.
pub(crate) fn add(
    tx: &mut dyn EndingTx,
    world: &World,
    purpose: Purpose,
    reason: &str,
    whose: &Whose,
) -> Result<(), Error> {
    let key = world.keyring.make(&*world.entropy, purpose)?;
    let event = NewEvent::new(world.now(), EventKind::KeyAdded, whose.actor.clone())
        .from(world.stored_address(whose.address))
        .detail(key.id.as_str());
    if purpose == Purpose::Mac {
        return revocation::add_mac_key(tx, key, &event);
    }
    revocation::add_signing_key(tx, world, key, reason, event)?;
    Ok(())
}
