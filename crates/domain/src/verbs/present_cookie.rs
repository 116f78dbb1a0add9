//! Presenting the pages' cookie: what it stands for is an access token that stays in the server.

use std::net::IpAddr;
use std::sync::Arc;

use rescind_wire::{Cause, Subject};

use crate::chain::Turn;
use crate::clock::Timestamp;
use crate::error::{Error, RefreshRefusal};
use crate::held::{self, Found};
use crate::issue::{self, AccessToken, SessionTicket, Ticket};
use crate::keyring::KeyError;
use crate::refresh_token::{self, Holder, Unverified};
use crate::secret::Secret;
use crate::session::Session;
use crate::store::{EndingTx, View};
use crate::user::{User, UserState};
use crate::world::World;

/// What a cookie stands for.
#[derive(Debug)]
pub struct Shown {
    /// The access token.
    pub access: AccessToken,
    /// Whether the cookie is the latest of its session. One that is not is good for a moment, and not to be remembered.
    pub is_latest: bool,
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
/// lost, and the session ends, as with a refresh token.
///
/// # Errors
/// [`Error::SignedOut`] if it is none, or stands for nothing that lives.
pub async fn present_cookie(world: &World, cookie: &str, address: Option<IpAddr>) -> Result<Shown, Error> {
    let held = refresh_token::take_apart_as(Holder::Cookie, cookie).ok_or(Error::SignedOut(None))?;
    let presented = Arc::new(Presenting { world: world.clone(), held, address });
    let again = Arc::clone(&presented);
    let read_at = world.now();
    let shown = world.store.read("present_cookie", move |view| presented.show(view, read_at)).await;
    let (ticket, is_latest, successor) = match shown {
        Err(Error::MustEnd) => {
            let ended = world.store.end("present_cookie_late", move |tx| again.end(tx)).await?;
            return Err(Error::SignedOut(ended));
        }
        other => other?,
    };
    Ok(Shown { access: issue::access_token(world, ticket)?, is_latest, successor })
}

/// Whether a cookie still stands for its session, for whoever goes on by it: as [`present_cookie`] judges it.
///
/// # Errors
/// [`Error::SignedOut`] if it does not.
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
            _ => Error::SignedOut(None),
        })?;
        let turn = self.turn(&found);
        match turn {
            // One of a former epoch that the counter has come to again: the present one of that number is another.
            Turn::Rotate
                if found.authentic.n() == found.chain.counter && found.authentic.epoch() != found.chain.epoch =>
            {
                return Err(Error::SignedOut(None));
            }
            Turn::Rotate | Turn::Repeat => {}
            // Of a request that two authentications overtook.
            Turn::TooLate => return Err(Error::SignedOut(None)),
            Turn::Reused | Turn::Beyond => return Err(Error::MustEnd),
        }
        Ok((found, turn))
    }

    fn show(&self, view: &dyn View, read_at: Timestamp) -> Result<(Ticket, bool, Option<Successor>), Error> {
        let (found, turn) = self.judge(view)?;
        let is_latest = turn != Turn::Repeat;
        let successor = if is_latest { None } else { self.successor(view, &found)? };
        let Found { chain, session, head, .. } = found;
        let ticket = Ticket {
            subject: Subject::User(session.user),
            session: Some(SessionTicket::of(&session)),
            algorithm: issue::algorithm_for(view, &self.world, &chain.audiences, head.number)?,
            client: chain.client,
            audiences: chain.audiences,
            scope: chain.scope,
            position: head,
            read_at,
        };
        Ok((ticket, is_latest, successor))
    }

    fn successor(&self, view: &dyn View, found: &Found) -> Result<Option<Successor>, Error> {
        let user = view.user(&found.session.user)?.ok_or(Error::SignedOut(None))?;
        if user.cut.except == Some(found.session.id) {
            return Ok(None);
        }
        let name = found.chain.mac_key;
        let mac = held::mac_key(view, &self.world, name)?.ok_or_else(|| KeyError::Damaged(name.key_id()))?;
        let cookie = refresh_token::mint(&found.chain, &mac);
        let Session { expires_at, remembered, .. } = found.session;
        Ok(Some(Successor { cookie, expires_at, remembered }))
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
