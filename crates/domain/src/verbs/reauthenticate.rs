//! Authenticating again within a session: it keeps its `sid`, and gets a new refresh token (ASVS 5.0 §7.2.4).

use std::sync::Arc;

use rescind_wire::{Position, Subject};

use crate::acting::Acting;
use crate::audience;
use crate::chain::{Chain, Turn};
use crate::clock::Timestamp;
use crate::credentials::{self, Confirmed};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::held;
use crate::issue::{self, SessionTicket, Ticket};
use crate::keyring::MacKey;
use crate::password::Password;
use crate::refresh_token::{self, Holder};
use crate::revocation::current_mac;
use crate::store::{Tx, View};
use crate::verbs::sign_in::{Admitted, SignedIn};
use crate::world::World;

/// Checks the password of whoever is signed in, and notes that it was given now.
pub async fn reauthenticate(world: &World, acting: &Acting, password: Password) -> Result<SignedIn, Error> {
    renewed(world, acting, password, None).await
}

/// The cookie by which a browser is signed in that authenticates again.
#[derive(Clone)]
pub struct ShownCookie {
    /// Its value.
    pub cookie: String,
    /// Whether a cookie that was given out has come back since.
    pub has_come: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

/// As [`reauthenticate`], in a browser on the pages. Where another authentication at the same moment has replaced the cookie
/// that it shows, and what took its place has not come back, it is given that one again: the answers may arrive in any order,
/// and whichever comes last brings the latest. It would be brought that one without the password as well (C3), so whoever
/// holds a copy gains nothing.
pub async fn by_cookie(
    world: &World,
    acting: &Acting,
    password: Password,
    shown: ShownCookie,
) -> Result<SignedIn, Error> {
    renewed(world, acting, password, Some(shown)).await
}

async fn renewed(
    world: &World,
    acting: &Acting,
    password: Password,
    shown: Option<ShownCookie>,
) -> Result<SignedIn, Error> {
    let read_at = world.now();
    let position = world.store.position().await?;
    let confirmed = credentials::confirm(world, acting, password).await?;
    let deed = |confirmed: Arc<Confirmed>| {
        let (inner, shown) = (world.clone(), shown.clone());
        let read = (position, read_at);
        world.store.transact("reauthenticate", move |tx| renew(tx, &inner, &confirmed, shown.as_ref(), read))
    };
    confirmed.act(world, deed).await?.issue(world)
}

fn renew(
    tx: &mut dyn Tx,
    world: &World,
    confirmed: &Confirmed,
    shown: Option<&ShownCookie>,
    (position, read_at): (Position, Timestamp),
) -> Result<Admitted, Error> {
    let (user, mut session) = confirmed.check(tx, world)?;
    let acting = confirmed.acting();
    let now = world.now();
    issue::check_read(now, read_at)?;
    let mut chains = tx.chains(&user.id, &session.id)?.into_iter();
    let mut chain = chains.find(|chain| chain.client == *acting.client()).ok_or(Error::SignedOut(None))?;
    let given = shown.map(|shown| given_meanwhile(tx, world, &chain, shown)).transpose()?.flatten();
    let mac = if let Some(mac) = given {
        mac
    } else {
        let mac = current_mac(tx, world)?;
        chain.rotate(chain.counter, now, tx.head()?.position.epoch, mac.id());
        tx.rotate_chain(&chain)?;
        mac
    };
    session.auth_time = read_at;
    tx.set_auth_time(&user.id, &session.id, session.auth_time, &session.amr)?;
    let event = NewEvent::new(now, EventKind::Reauthenticated, acting.actor())
        .user(user.id)
        .session(session.id)
        .from(world.stored_address(acting.address()));
    tx.add_event(&event)?;
    confirmed.upgrade(tx, &user, event)?;
    let audiences = audience::of(tx, &world.policy.issuer, &chain)?;
    let ticket = Ticket {
        subject: Subject::User(user.id),
        session: Some(SessionTicket::of(&session)),
        client: chain.client.clone(),
        algorithm: issue::algorithm_for(tx, world, &audiences, position.number)?,
        audiences,
        scope: chain.scope.clone(),
        position,
        read_at,
    };
    let ticket = ticket.of_bounded_length(world)?;
    Ok(Admitted { session, client: chain.client.clone(), refresh: refresh_token::mint(&chain, &mac), ticket })
}

/// The key of the chain's present cookie, if that has taken the place of the one that is shown within the grace time, and has
/// not come back.
fn given_meanwhile(
    view: &dyn View,
    world: &World,
    chain: &Chain,
    shown: &ShownCookie,
) -> Result<Option<MacKey>, Error> {
    let held = refresh_token::take_apart_as(Holder::Cookie, &shown.cookie);
    let Some(held) = held.filter(|held| held.unverified_chain == chain.key) else { return Ok(None) };
    let key = held::mac_key(view, world, held.unverified_key)?;
    let Some(former) = key.and_then(|key| held.verify(chain, &key)) else { return Ok(None) };
    let (current, grace) = (view.head()?.position.epoch, world.policy.refresh_grace);
    let turn = chain.turn(former.n(), former.epoch(), current, world.now(), grace);
    if turn != Turn::Repeat || view.key_revoked(&chain.mac_key.key_id())?.is_some() {
        return Ok(None);
    }
    let present = held::mac_key(view, world, chain.mac_key)?;
    Ok(present.filter(|key| !(shown.has_come)(refresh_token::mint(chain, key).expose())))
}
