//! Whoever acts, and the check that every act makes again inside its own transaction (R2, A16).

use std::net::IpAddr;

use rescind_wire::{AccessClaims, Cause, ClientId, KeyId, SessionId, Standing, Subject, Thing, UserId};

use crate::client::ADMIN_SCOPE;
use crate::error::Error;
use crate::revocation::Actor;
use crate::session::Session;
use crate::standing::StoreCuts;
use crate::store::{CallerAtHome, CallerKey, CallerRows, HeldSession, View};
use crate::user::{Role, User, UserState};
use crate::world::World;

/// A caller whose access token was verified: what is needed to judge it again.
#[derive(Clone, Debug)]
pub struct Acting {
    claims: AccessClaims,
    key: KeyId,
    address: Option<IpAddr>,
}

/// How many sessions are few: hardly anybody has more devices. A list of fewer is sorted in memory, which costs less than
/// looking them up in their order.
const FEW: u32 = 32;

/// A caller who was judged, and what a list of their sessions is made of.
pub(crate) struct AtHome<'v> {
    /// What the rest is judged by.
    pub(crate) cuts: StoreCuts<'v>,
    /// The user.
    pub(crate) user: User,
    /// The session that asks.
    pub(crate) session: Session,
    /// All sessions of the user, unless there are many.
    pub(crate) sessions: Option<Vec<HeldSession>>,
}

/// A caller who may administer.
#[derive(Clone, Debug)]
pub enum Administrator {
    /// A user in the role of an administrator, or a client with the scope for it.
    Caller(Box<Acting>),
    /// The same, where the authentication must be fresh, too: a person at the console.
    Fresh(Box<Acting>),
    /// Whoever may run the command line on the data folder.
    CommandLine,
}

impl Acting {
    /// A caller with these verified claims, made with `key`, calling from `address`.
    pub const fn new(claims: AccessClaims, key: KeyId, address: Option<IpAddr>) -> Self {
        Self { claims, key, address }
    }

    /// The verified claims.
    pub const fn claims(&self) -> &AccessClaims {
        &self.claims
    }

    /// From where.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The client that the token was given to.
    pub const fn client(&self) -> &ClientId {
        &self.claims.client_id
    }

    /// The user and the session; a client acting for itself has none, and may not do what people do.
    pub fn person(&self) -> Result<(UserId, SessionId), Error> {
        match (&self.claims.sub, self.claims.sid) {
            (Subject::User(user), Some(session)) => Ok((*user, session)),
            _ => Err(Error::Forbidden),
        }
    }

    /// The key that signed the token.
    pub const fn key(&self) -> &KeyId {
        &self.key
    }

    /// Who this is, for log and events.
    pub fn actor(&self) -> Actor {
        match (&self.claims.sub, self.claims.sid) {
            (Subject::User(user), Some(session)) => Actor::User { user: *user, session },
            _ => Actor::Client(self.claims.client_id.clone()),
        }
    }

    /// Who this is, as one word.
    pub fn caller(&self) -> String {
        self.claims.sub.to_string()
    }

    /// Checks inside a transaction that the caller's user and session still stand, and returns them.
    pub fn check(&self, view: &dyn View, world: &World) -> Result<(User, Session), Error> {
        let (_, user, session) = self.enter(view, world)?;
        Ok((user, session))
    }

    /// As [`check`](Self::check), for whoever goes on judging in the same transaction.
    pub fn enter<'v>(&self, view: &'v dyn View, world: &World) -> Result<(StoreCuts<'v>, User, Session), Error> {
        let (user, session) = self.person()?;
        let caller = self.key_of(&user, &session);
        self.admit(view, world, &caller, view.caller(&caller)?)
    }

    /// As [`enter`](Self::enter), for whoever lists the user's sessions, which come with it if they are few.
    pub(crate) fn enter_at_home<'v>(&self, view: &'v dyn View, world: &World) -> Result<AtHome<'v>, Error> {
        let (user, session) = self.person()?;
        let caller = self.key_of(&user, &session);
        let CallerAtHome { caller: rows, sessions } = view.caller_at_home(&caller, FEW)?;
        let (cuts, user, session) = self.admit(view, world, &caller, rows)?;
        Ok(AtHome { cuts, user, session, sessions })
    }

    fn key_of<'k>(&'k self, user: &'k UserId, session: &'k SessionId) -> CallerKey<'k> {
        CallerKey { user, session, client: self.client(), token: &self.claims.jti, key: &self.key }
    }

    /// Judges the caller by what a view has of them.
    fn admit<'v>(
        &self,
        view: &'v dyn View,
        world: &World,
        caller: &CallerKey<'_>,
        rows: CallerRows,
    ) -> Result<(StoreCuts<'v>, User, Session), Error> {
        let (cuts, row, session) = StoreCuts::of_caller(view, caller, rows);
        self.check_token(&cuts)?;
        let user = row.ok_or(Error::SignedOut(None))?;
        let session = session.ok_or(Error::SignedOut(None))?;
        if session.expiry(world.now()).is_some() {
            return Err(Error::SignedOut(None));
        }
        if user.lock_at(world.now()).is_some() || matches!(user.state, UserState::Deleted { .. }) {
            return Err(Error::SignedOut(None));
        }
        if !session.binding.admits(self.address) {
            return Err(Error::OtherAddress);
        }
        Ok((cuts, user, session))
    }

    /// As [`check`](Self::check), and the authentication is at most as old as the policy allows.
    pub fn check_fresh(&self, view: &dyn View, world: &World) -> Result<(User, Session), Error> {
        let (user, session) = self.check(view, world)?;
        let max_age = world.policy.fresh(view.client(self.client())?.as_ref());
        if session.is_fresh(world.now(), max_age) {
            Ok((user, session))
        } else {
            Err(Error::StaleAuthentication { max_age })
        }
    }

    /// Judges the token itself by the one rule.
    fn check_token(&self, cuts: &StoreCuts<'_>) -> Result<(), Error> {
        let thing: Thing<'_> = self.claims.thing(&self.key);
        match cuts.judge(&thing)? {
            Standing::Alive => Ok(()),
            Standing::Ended(Cause::BelowFloor) => Err(Error::SignedOut(None)),
            Standing::Ended(cause) => Err(Error::SignedOut(Some(cause))),
        }
    }
}

impl Administrator {
    /// Checks inside a transaction that the caller may administer. The role is read from the store, not the token.
    pub fn check(&self, view: &dyn View, world: &World) -> Result<(), Error> {
        let acting = match self {
            Self::Caller(acting) | Self::Fresh(acting) => acting,
            Self::CommandLine => return Ok(()),
        };
        if acting.person().is_ok() {
            // Who may not administer is told so, however long ago they signed in.
            if acting.check(view, world)?.0.role != Role::Administrator {
                return Err(Error::Forbidden);
            }
            return match self {
                Self::Fresh(acting) => acting.check_fresh(view, world).map(drop),
                Self::Caller(_) | Self::CommandLine => Ok(()),
            };
        }
        acting.check_token(&StoreCuts::new(view)?)?;
        let client = view.client(acting.client())?.ok_or(Error::SignedOut(None))?;
        let allowed = acting.claims.allows(ADMIN_SCOPE) && client.scopes.iter().any(|scope| scope == ADMIN_SCOPE);
        if allowed { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Who this is, for log and events.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Caller(acting) | Self::Fresh(acting) => acting.actor(),
            Self::CommandLine => Actor::CommandLine,
        }
    }

    /// From where.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Caller(acting) | Self::Fresh(acting) => acting.address(),
            Self::CommandLine => None,
        }
    }
}
