//! Presenting the pages' cookie: what it stands for is an access token that stays in the server.

use std::net::IpAddr;
use std::sync::Arc;

use rescind_wire::{Cause, Subject};

use crate::audience;
use crate::chain::{Chain, Turn};
use crate::clock::Timestamp;
use crate::error::{Error, RefreshRefusal};
use crate::held::{self, Found};
use crate::issue::{self, AccessToken, SessionTicket, Ticket};
use crate::keyring::KeyError;
use crate::refresh_token::{self, Holder, Unverified};
use crate::secret::Secret;
use crate::session::{Binding, Session};
use crate::store::{EndingTx, Tx, View};
use crate::user::{User, UserState};
use crate::world::World;

/// What a cookie stands for.
#[derive(Debug)]
pub struct Shown {
    /// The access token.
    pub access: AccessToken,
    /// Whether the cookie is the latest of its session. One that is not is good for a moment, and not to be remembered.
    pub is_latest: bool,
    /// Whether it has only now turned out to be the latest: the store had lost that it was given. Whatever else was taken for
    /// the latest of its session is not.
    pub has_overtaken: bool,
    /// From where it may come.
    pub binding: Binding,
    /// What has taken the cookie's place, if it is not the latest, for the browser to which that was lost. Nothing if a
    /// revocation spared this session alone, as a changed password does: whoever copied the former cookie is meant to be
    /// out then, and could not be told from who lost the answer.
    pub successor: Option<Successor>,
}

/// The latest cookie of a session, for a browser to which the answer that it came with was lost.
#[derive(Debug)]
pub struct Successor {
    /// Its value.
    pub cookie: Secret,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
    /// Whether it stays signed in.
    pub remembered: bool,
}

/// Gives the access token that a cookie stands for. Its position is read with the cookie's own standing, so it is dead on
/// arrival if a log-out comes between (R2). Presenting a cookie changes nothing; the one from before the last
/// authentication is good for the grace time, and may bring the one that took its place. If it comes later, it was copied or
/// lost, and the session ends, as with a refresh token. One that a restored store does not know of, where sessions were kept
/// (R9), is written down.
///
/// # Errors
/// [`Error::SignedOut`] if it is none, or stands for nothing that lives; [`Error::OtherAddress`] if its session does, and is
/// bound to another address.
pub async fn present_cookie(world: &World, cookie: &str, address: Option<IpAddr>) -> Result<Shown, Error> {
    let held = refresh_token::take_apart_as(Holder::Cookie, cookie).ok_or(Error::SignedOut(None))?;
    let presented = Arc::new(Presenting { world: world.clone(), held, address });
    let (ahead, again) = (Arc::clone(&presented), Arc::clone(&presented));
    let read_at = world.now();
    let seen = match world.store.read("present_cookie", move |view| presented.look(view, read_at)).await {
        Ok(None) => world.store.transact("present_cookie_ahead", move |tx| ahead.overtake(tx, read_at)).await,
        Ok(Some(seen)) => Ok(seen),
        Err(error) => Err(error),
    };
    let Seen { ticket, is_latest, has_overtaken, binding, successor } = match seen {
        Err(Error::MustEnd) => {
            let ended = world.store.end("present_cookie_late", move |tx| again.end(tx)).await?;
            return Err(Error::SignedOut(ended));
        }
        other => other?,
    };
    Ok(Shown { access: issue::access_token(world, ticket)?, is_latest, has_overtaken, binding, successor })
}

/// Whether a cookie still stands for its session, for whoever goes on by it: as [`present_cookie`] judges it.
///
/// # Errors
/// [`Error::SignedOut`] if it does not, [`Error::OtherAddress`] if it does not from there.
pub fn check(view: &dyn View, world: &World, cookie: &str, address: Option<IpAddr>) -> Result<(User, Session), Error> {
    let held = refresh_token::take_apart_as(Holder::Cookie, cookie).ok_or(Error::SignedOut(None))?;
    let presented = Presenting { world: world.clone(), held, address };
    let (found, _) = presented.judge(view).map_err(|error| match error {
        Error::MustEnd => Error::SignedOut(None),
        other => other,
    })?;
    let user = view.user(&found.session.user)?.ok_or(Error::SignedOut(None))?;
    if user.lock_at(world.now()).is_some() || matches!(user.state, UserState::Deleted { .. }) {
        return Err(Error::SignedOut(None));
    }
    Ok((user, found.session))
}

struct Presenting {
    world: World,
    held: Unverified,
    address: Option<IpAddr>,
}

/// What is left to be signed.
struct Seen {
    ticket: Ticket,
    is_latest: bool,
    has_overtaken: bool,
    binding: Binding,
    successor: Option<Successor>,
}

impl Presenting {
    fn find(&self, view: &dyn View) -> Result<Result<Found, RefreshRefusal>, Error> {
        held::find(view, &self.world, &self.held, None, self.address)
    }

    fn turn(&self, found: &Found) -> Turn {
        let (authentic, now) = (&found.authentic, self.world.now());
        found.chain.turn(authentic.n(), authentic.epoch(), found.head.epoch, now, self.world.policy.refresh_grace)
    }

    fn judge(&self, view: &dyn View) -> Result<(Found, Turn), Error> {
        let found = self.find(view)?.map_err(|refusal| match refusal {
            RefreshRefusal::Revoked(cause) => Error::SignedOut(Some(cause)),
            RefreshRefusal::OtherAddress => Error::OtherAddress,
            _ => Error::SignedOut(None),
        })?;
        let turn = self.turn(&found);
        match turn {
            Turn::Rotate if is_superseded(view, &found)? => return Err(Error::SignedOut(None)),
            Turn::Rotate | Turn::Repeat => {}
            // Of a request that two authentications overtook.
            Turn::TooLate => return Err(Error::SignedOut(None)),
            Turn::Reused | Turn::Beyond => return Err(Error::MustEnd),
        }
        Ok((found, turn))
    }

    /// What the cookie gives; nothing if it is above the counter, which has to be written down first.
    fn look(&self, view: &dyn View, read_at: Timestamp) -> Result<Option<Seen>, Error> {
        let (found, turn) = self.judge(view)?;
        if found.authentic.n() > found.chain.counter {
            Ok(None)
        } else {
            self.see(view, found, turn, read_at).map(Some)
        }
    }

    /// As [`look`](Self::look), where the store had lost that the cookie was given: the chain goes on at its number, so that
    /// the next authentication replaces it, and what it had replaced is former from now on.
    fn overtake(&self, tx: &mut dyn Tx, read_at: Timestamp) -> Result<Seen, Error> {
        let (mut found, turn) = self.judge(tx)?;
        let (authentic, now) = (found.authentic, self.world.now());
        if authentic.n() <= found.chain.counter {
            return self.see(tx, found, turn, read_at);
        }
        found.chain.rotate(authentic.n() - 1, now, authentic.epoch(), authentic.key());
        tx.rotate_chain(&found.chain)?;
        Ok(Seen { has_overtaken: true, ..self.see(tx, found, turn, read_at)? })
    }

    fn see(&self, view: &dyn View, found: Found, turn: Turn, read_at: Timestamp) -> Result<Seen, Error> {
        let is_latest = turn != Turn::Repeat;
        let successor = if is_latest { None } else { self.successor(view, &found)? };
        let Found { chain, session, head, .. } = found;
        let audiences = audience::of(view, &self.world.policy.issuer, &chain)?;
        let ticket = Ticket {
            subject: Subject::User(session.user),
            session: Some(SessionTicket::of(&session)),
            algorithm: issue::algorithm_for(view, &self.world, &audiences, head.number)?,
            client: chain.client,
            audiences,
            scope: chain.scope,
            position: head,
            read_at,
        };
        let ticket = ticket.of_bounded_length(&self.world)?;
        Ok(Seen { ticket, is_latest, has_overtaken: false, binding: session.binding, successor })
    }

    fn successor(&self, view: &dyn View, found: &Found) -> Result<Option<Successor>, Error> {
        let user = view.user(&found.session.user)?.ok_or(Error::SignedOut(None))?;
        if user.cut.except == Some(found.session.id) && self.is_of_that_time(view, user.cut.latest, &found.chain)? {
            return Ok(None);
        }
        let name = found.chain.mac_key;
        let mac = held::mac_key(view, &self.world, name)?.ok_or_else(|| KeyError::Damaged(name.key_id()))?;
        let cookie = refresh_token::mint(&found.chain, &mac);
        let Session { expires_at, remembered, .. } = found.session;
        Ok(Some(Successor { cookie, expires_at, remembered }))
    }

    /// Whether the cookie took its place not long after entry `number`. What is kept as spared stays so for as long as the
    /// user has no other cut: an authentication of days later has nothing to do with that.
    fn is_of_that_time(&self, view: &dyn View, number: u64, chain: &Chain) -> Result<bool, Error> {
        let Some(entry) = view.log_entry(number)? else { return Ok(false) };
        let until = entry.at.after(self.world.policy.refresh_grace);
        Ok(chain.rotations.first().is_none_or(|rotated| *rotated <= until))
    }

    /// Ends what a cookie proves to be in the wrong hands, or a log that went back. Answers what ended the session, if it
    /// was that.
    fn end(&self, tx: &mut dyn EndingTx) -> Result<Option<Cause>, Error> {
        let Ok(found) = self.find(tx)? else { return Ok(None) };
        match self.turn(&found) {
            Turn::Beyond => {
                held::begin_epoch(tx, &self.world, "a cookie beyond its chain's counter")?;
                Ok(None)
            }
            Turn::Reused => {
                let reason = "a cookie came back after it had been replaced";
                let receipt = held::end_reused(tx, &self.world, &found, self.address, reason)?;
                Ok(Some(Cause::Revoked { scope: receipt.scope.kind(), number: receipt.position.number }))
            }
            Turn::Rotate | Turn::Repeat | Turn::TooLate => Ok(None),
        }
    }
}

/// Whether a cookie at or above the counter was given in a history that was lost, and the chain went on without it: in
/// the number that the counter has come to again, or in a later epoch, where another authentication replaced whatever
/// had been given before.
fn is_superseded(view: &dyn View, found: &Found) -> Result<bool, Error> {
    let (named, current) = (found.authentic.epoch(), found.chain.epoch);
    if named == current || found.authentic.n() == found.chain.counter {
        return Ok(named != current);
    }
    let former = view.epochs()?.former;
    let order = |epoch| former.iter().position(|(other, _)| *other == epoch).unwrap_or(former.len());
    Ok(order(named) < order(current))
}
