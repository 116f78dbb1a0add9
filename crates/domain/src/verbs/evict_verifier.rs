//! Sending a verifier away: its connection is closed, which ends nothing, and is written down.

use rescind_wire::ClientId;

use crate::acting::Administrator;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::world::World;

/// A verifier, as its node knows it.
#[derive(Clone, Debug)]
pub struct Evicted {
    /// What it calls itself.
    pub name: String,
    /// The client that it is.
    pub client: ClientId,
    /// Whether its connection is gone already: then there is nothing to close, and nothing to write down.
    pub gone: bool,
}

/// Judges whoever wants to send `verifier` away, and writes the event. The caller closes the connection then. Where there
/// is no such verifier, only those who may send it away are told so.
pub async fn evict_verifier(world: &World, admin: &Administrator, verifier: Option<Evicted>) -> Result<(), Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .transact("evict_verifier", move |tx| {
            admin.check(tx, &inner)?;
            let Evicted { name, client, gone } = verifier.clone().ok_or(Error::NotFound("verifier"))?;
            if gone {
                return Ok(());
            }
            let event = NewEvent::new(inner.now(), EventKind::VerifierEvicted, admin.actor())
                .client(client)
                .from(inner.stored_address(admin.address()))
                .detail(name);
            Ok(tx.add_event(&event)?)
        })
        .await
}
