//! The one rule on the store's rows (R3): [`rescind_wire::standing`] with what a transaction sees behind it.

use rescind_wire::{
    ClientId, Cuts, KeyId, Place, Position, SessionId, Standing, Thing, TokenId, UserCut, UserId, standing,
};

use crate::chain::Chain;
use crate::clock::Timestamp;
use crate::session::Session;
use crate::store::{Head, StoreError, View};

/// Revocations as one transaction sees them.
pub struct StoreCuts<'a> {
    view: &'a dyn View,
    head: Head,
}

impl<'a> StoreCuts<'a> {
    /// Reads the head of the log, then whatever is asked.
    pub fn new(view: &'a dyn View) -> Result<Self, StoreError> {
        Ok(Self { head: view.head()?, view })
    }

    /// The head that this judges by.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Judges `thing`.
    pub fn judge(&self, thing: &Thing<'_>) -> Result<Standing, StoreError> {
        standing(thing, self)
    }

    /// Judges a chain under its session: client and grant cuts by the chain's position, the others by the session's.
    pub fn judge_chain(&self, session: &Session, chain: &Chain, key: Option<&KeyId>) -> Result<Standing, StoreError> {
        self.judge(&Thing {
            user: Some(&session.user),
            session: Some(&session.id),
            client: Some(&chain.client),
            token: None,
            key,
            position: session.position,
            authorized: chain.position,
        })
    }

    /// Whether a session is alive at `now`: neither revoked nor expired, and at least one client still holds something
    /// under it.
    pub fn session_is_alive(&self, session: &Session, now: Timestamp) -> Result<bool, StoreError> {
        if session.ended.is_some() || session.expiry(now).is_some() {
            return Ok(false);
        }
        for chain in self.view.chains(&session.user, &session.id)? {
            if self.judge_chain(session, &chain, None)? == Standing::Alive {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Cuts for StoreCuts<'_> {
    type Error = StoreError;

    fn place(&self, position: Position) -> Result<Place, StoreError> {
        let head = self.head.position;
        if position.epoch == head.epoch {
            let listed = position.number <= head.number;
            return Ok(if listed { Place::Listed(position.number) } else { Place::BeyondHead(position.number) });
        }
        Ok(self.view.epochs()?.place(position, head.number))
    }

    /// The store forgets nothing that it is asked about here: what it purges it does not know, and that is dead.
    fn floor(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn everyone(&self, services: bool) -> Result<u64, StoreError> {
        Ok(if services { self.head.services_cut } else { self.head.everyone_cut })
    }

    fn user(&self, user: &UserId) -> Result<UserCut, StoreError> {
        // A user who is not there was deleted, and purged.
        let gone = UserCut { deleted: true, ..UserCut::born(self.head.position.number) };
        Ok(self.view.user_cut(user)?.unwrap_or(gone))
    }

    fn client(&self, client: &ClientId) -> Result<u64, StoreError> {
        // A client that is not there was removed: whatever it was given lies below any later birth.
        Ok(self.view.client_cut(client)?.unwrap_or(u64::MAX))
    }

    fn grant(&self, user: &UserId, client: &ClientId) -> Result<u64, StoreError> {
        Ok(self.view.grant(user, client)?.map_or(0, |grant| grant.cut))
    }

    fn session(&self, user: &UserId, session: &SessionId) -> Result<Option<u64>, StoreError> {
        self.view.session_ended(user, session)
    }

    fn token(&self, token: &TokenId) -> Result<Option<u64>, StoreError> {
        self.view.token_ended(token)
    }

    fn key(&self, key: &KeyId) -> Result<Option<u64>, StoreError> {
        self.view.key_revoked(key)
    }
}
