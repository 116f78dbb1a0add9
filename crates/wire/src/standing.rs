//! The one rule (R3): a thing is alive only if no revocation that covers it has a position greater than its own.
//!
//! Refresh, cookie, introspection, code exchange and user info judge with the store's rows behind [`Cuts`], the verifier
//! with its table; the rule itself stands here once.

use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};
use crate::position::{Place, Position};

/// What is judged. What a kind of thing does not have is `None`, and nothing of that scope covers it.
#[derive(Clone, Copy, Debug)]
pub struct Thing<'a> {
    /// The user, and the session unless it is not one yet (a pending step, a code).
    pub user: Option<&'a UserId>,
    /// The session.
    pub session: Option<&'a SessionId>,
    /// The client that it was given to.
    pub client: Option<&'a ClientId>,
    /// Its token id.
    pub token: Option<&'a TokenId>,
    /// The key that it was made with.
    pub key: Option<&'a KeyId>,
    /// Its own position: everyone, user and session cuts are judged against it. For a refresh chain this is the
    /// session's position.
    pub position: Position,
    /// The position of the authorization that gave it to the client: client and grant cuts are judged against it. For
    /// an access token both are its `rev`.
    pub authorized: Position,
}

/// What revocations there are. Numbers are positions of listed epochs; 0 where there is none.
pub trait Cuts {
    /// Why a look-up can fail; what cannot be looked up is not accepted (R7).
    type Error;

    /// Where a position lies in the log.
    fn place(&self, position: Position) -> Result<Place, Self::Error>;
    /// The greatest position that may have been forgotten here; things below it are dead (R10).
    fn floor(&self) -> Result<u64, Self::Error>;
    /// The last revocation of everyone: of users, or (`services`) of clients that act for themselves.
    fn everyone(&self, services: bool) -> Result<u64, Self::Error>;
    /// The record of one user.
    fn user(&self, user: &UserId) -> Result<UserCut, Self::Error>;
    /// The last revocation of one client, its birth included.
    fn client(&self, client: &ClientId) -> Result<u64, Self::Error>;
    /// The last revocation of one grant, its birth included.
    fn grant(&self, user: &UserId, client: &ClientId) -> Result<u64, Self::Error>;
    /// The entry that ended this session. Terminal.
    fn session(&self, user: &UserId, session: &SessionId) -> Result<Option<u64>, Self::Error>;
    /// The entry that ended this token. Terminal.
    fn token(&self, token: &TokenId) -> Result<Option<u64>, Self::Error>;
    /// The entry that ended this key. Terminal.
    fn key(&self, key: &KeyId) -> Result<Option<u64>, Self::Error>;
}

/// Everything that must be remembered of one user's revocations, however many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCut {
    /// The latest revocation of the user.
    pub latest: u64,
    /// The session that the latest one excepted.
    pub except: Option<SessionId>,
    /// What still holds for that session: the latest revocation that did not except it.
    pub holds: u64,
    /// The account was deleted at `latest`. Terminal.
    pub deleted: bool,
}

impl UserCut {
    /// The record of a user who was born at `number`.
    pub const fn born(number: u64) -> Self {
        Self { latest: number, except: None, holds: 0, deleted: false }
    }

    /// The revocation that counts for `session` (or for a thing without one).
    pub fn for_session(&self, session: Option<&SessionId>) -> u64 {
        if session.is_some() && session == self.except.as_ref() { self.holds } else { self.latest }
    }

    /// The record after one more revocation of this user. An exception protects its session from that entry only: what
    /// counted for it before goes on counting.
    #[must_use]
    pub fn then(self, number: u64, except: Option<SessionId>, deleted: bool) -> Self {
        let holds = except.map_or(0, |session| self.for_session(Some(&session)));
        Self { latest: number, except, holds, deleted: self.deleted || deleted }
    }
}

/// The answer of the one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Standing {
    /// No revocation covers it.
    Alive,
    /// Dead, and why.
    Ended(Cause),
}

/// Why a thing is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Entry `number` of the log, of this kind of scope, covers it.
    Revoked {
        /// The kind of the scope, as [`Scope::kind`](crate::Scope::kind) spells it.
        scope: &'static str,
        /// The entry.
        number: u64,
    },
    /// Its position is below the floor: what covered it may have been forgotten (R10).
    BelowFloor,
    /// Its epoch is not, or no longer, part of this log (R9).
    LostEpoch,
    /// Its position is beyond the head of the log: proof that the store went back, if the caller is the primary (R9).
    BeyondHead,
}

/// Judges `thing` by `cuts`: the only place where positions are compared.
pub fn standing<C: Cuts + ?Sized>(thing: &Thing<'_>, cuts: &C) -> Result<Standing, C::Error> {
    if let Some(cause) = terminal(thing, cuts)? {
        return Ok(Standing::Ended(cause));
    }
    let own = match located(thing.position, cuts)? {
        Ok(number) => number,
        Err(cause) => return Ok(Standing::Ended(cause)),
    };
    let authorized = match located(thing.authorized, cuts)? {
        Ok(number) => number,
        Err(cause) => return Ok(Standing::Ended(cause)),
    };
    let everyone = cuts.everyone(thing.user.is_none())?;
    if everyone > own {
        return Ok(revoked("everyone", everyone));
    }
    if let Some(user) = thing.user {
        let cut = cuts.user(user)?;
        if cut.deleted {
            return Ok(revoked("user", cut.latest));
        }
        let cut = cut.for_session(thing.session);
        if cut > own {
            return Ok(revoked("user", cut));
        }
    }
    if let Some(client) = thing.client {
        let cut = cuts.client(client)?;
        if cut > authorized {
            return Ok(revoked("client", cut));
        }
        if let Some(user) = thing.user {
            let cut = cuts.grant(user, client)?;
            if cut > authorized {
                return Ok(revoked("grant", cut));
            }
        }
    }
    // Read last: whoever forgets raises the floor first, so a look-up that found nothing because it had just been
    // forgotten is caught here.
    let floor = cuts.floor()?;
    if own.min(authorized) < floor {
        return Ok(Standing::Ended(Cause::BelowFloor));
    }
    Ok(Standing::Alive)
}

const fn revoked(scope: &'static str, number: u64) -> Standing {
    Standing::Ended(Cause::Revoked { scope, number })
}

/// What ends a thing whatever its position: a key's thief can write any `rev`, and the ended stay ended.
fn terminal<C: Cuts + ?Sized>(thing: &Thing<'_>, cuts: &C) -> Result<Option<Cause>, C::Error> {
    let found = |scope, number: Option<u64>| number.map(|number| Cause::Revoked { scope, number });
    if let Some(key) = thing.key
        && let Some(cause) = found("key", cuts.key(key)?)
    {
        return Ok(Some(cause));
    }
    if let Some(token) = thing.token
        && let Some(cause) = found("token", cuts.token(token)?)
    {
        return Ok(Some(cause));
    }
    if let (Some(user), Some(session)) = (thing.user, thing.session)
        && let Some(cause) = found("session", cuts.session(user, session)?)
    {
        return Ok(Some(cause));
    }
    Ok(None)
}

fn located<C: Cuts + ?Sized>(position: Position, cuts: &C) -> Result<Result<u64, Cause>, C::Error> {
    Ok(match cuts.place(position)? {
        Place::Listed(number) => Ok(number),
        Place::BeyondHead(_) => Err(Cause::BeyondHead),
        Place::BeyondEnd | Place::Unlisted => Err(Cause::LostEpoch),
    })
}
