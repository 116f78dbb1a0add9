//! Authenticating again within a session: it keeps its `sid`, and gets a new refresh token (ASVS 5.0 §7.2.4).

use std::sync::Arc;

use rescind_wire::{Position, Subject};

use crate::acting::Acting;
use crate::clock::Timestamp;
use crate::credentials::{self, Confirmed};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::issue::{self, SessionTicket, Ticket};
use crate::password::Password;
use crate::refresh_token;
use crate::revocation::current_mac;
use crate::store::Tx;
use crate::verbs::sign_in::{Admitted, SignedIn};
use crate::world::World;

/// Checks the password of whoever is signed in, and notes that it was given now.
pub async fn reauthenticate(world: &World, acting: &Acting, password: Password) -> Result<SignedIn, Error> {
    let read_at = world.now();
    let position = world.store.position().await?;
    let confirmed = credentials::confirm(world, acting, password).await?;
    let deed = |confirmed: Arc<Confirmed>| {
        let inner = world.clone();
        world.store.transact("reauthenticate", move |tx| renew(tx, &inner, &confirmed, position, read_at))
    };
    confirmed.act(world, deed).await?.issue(world)
}

fn renew(
    tx: &mut dyn Tx,
    world: &World,
    confirmed: &Confirmed,
    position: Position,
    read_at: Timestamp,
) -> Result<Admitted, Error> {
    let (user, mut session) = confirmed.check(tx, world)?;
    let acting = confirmed.acting();
    let now = world.now();
    issue::check_read(now, read_at)?;
    let mut chains = tx.chains(&user.id, &session.id)?.into_iter();
    let mut chain = chains.find(|chain| chain.client == *acting.client()).ok_or(Error::SignedOut(None))?;
    let mac = current_mac(tx, world)?;
    chain.rotate(chain.counter, now, tx.head()?.position.epoch, mac.id());
    tx.rotate_chain(&chain)?;
    session.auth_time = read_at;
    tx.set_auth_time(&user.id, &session.id, session.auth_time, &session.amr)?;
    let event = NewEvent::new(now, EventKind::Reauthenticated, acting.actor())
        .user(user.id)
        .session(session.id)
        .from(world.stored_address(acting.address()));
    tx.add_event(&event)?;
    confirmed.upgrade(tx, &user, event)?;
    let ticket = Ticket {
        subject: Subject::User(user.id),
        session: Some(SessionTicket::of(&session)),
        client: chain.client.clone(),
        algorithm: issue::algorithm_for(tx, world, &chain.audiences, position.number)?,
        audiences: chain.audiences.clone(),
        scope: chain.scope.clone(),
        position,
        read_at,
    };
    Ok(Admitted { session, client: chain.client.clone(), refresh: refresh_token::mint(&chain, &mac), ticket })
}
