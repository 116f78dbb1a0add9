//! Presenting the pages' cookie: what it stands for is an access token that stays in the server.

use std::net::IpAddr;
use std::sync::Arc;

use rescind_wire::Subject;

use crate::chain::Turn;
use crate::clock::Timestamp;
use crate::error::{Error, RefreshRefusal};
use crate::held::{self, Found};
use crate::issue::{self, AccessToken, SessionTicket, Ticket};
use crate::refresh_token::{self, Holder, Unverified};
use crate::session::Session;
use crate::store::View;
use crate::user::{User, UserState};
use crate::world::World;

/// What a cookie stands for.
#[derive(Debug)]
pub struct Shown {
    /// The access token.
    pub access: AccessToken,
    /// Whether the cookie is the latest of its session. One that is not is good for a moment, and not to be remembered.
    pub is_latest: bool,
}

/// Gives the access token that a cookie stands for. Its position is read with the cookie's own standing, so it is dead on
/// arrival if a log-out comes between (R2). Presenting a cookie changes nothing; the one from before the last
/// authentication is good for the grace time, for requests that are on their way.
///
/// # Errors
/// [`Error::SignedOut`] if it is none, or stands for nothing that lives.
pub async fn present_cookie(world: &World, cookie: &str, address: Option<IpAddr>) -> Result<Shown, Error> {
    let held = refresh_token::take_apart_as(Holder::Cookie, cookie).ok_or(Error::SignedOut(None))?;
    let presented = Arc::new(Presenting { world: world.clone(), held, address });
    let again = Arc::clone(&presented);
    let read_at = world.now();
    let (ticket, turn) = match world.store.read("present_cookie", move |view| presented.ticket(view, read_at)).await {
        Err(Error::MustEnd) => {
            let proven = move |tx: &mut dyn crate::store::EndingTx| match again.find(tx)? {
                Ok(found) if again.turn(&found) == Turn::Beyond => {
                    held::begin_epoch(tx, &again.world, "a cookie beyond its chain's counter")
                }
                _ => Ok(()),
            };
            world.store.end("present_cookie_beyond", proven).await?;
            return Err(Error::SignedOut(None));
        }
        other => other?,
    };
    Ok(Shown { access: issue::access_token(world, ticket)?, is_latest: turn == Turn::Rotate })
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
            // From before the last authentication, longer ago than any request takes (ASVS 5.0 §7.2.4).
            Turn::TooLate | Turn::Reused => return Err(Error::SignedOut(None)),
            Turn::Beyond => return Err(Error::MustEnd),
        }
        Ok((found, turn))
    }

    fn ticket(&self, view: &dyn View, read_at: Timestamp) -> Result<(Ticket, Turn), Error> {
        let (Found { chain, session, head, .. }, turn) = self.judge(view)?;
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
        Ok((ticket, turn))
    }
}
