//! The one rule on the store's rows (R3): [`rescind_wire::standing`] with what a transaction sees behind it.

use std::cell::{Cell, RefCell};

use rescind_wire::{
    ClientId, Cuts, KeyId, Place, Position, SessionId, Standing, Thing, TokenId, UserCut, UserId, standing,
};

use crate::chain::Chain;
use crate::clock::Timestamp;
use crate::session::Session;
use crate::store::{Head, StoreError, View};
use crate::user::User;

/// Revocations as one transaction sees them. What was read once is not read again: while this borrows the view, nothing
/// is written.
pub struct StoreCuts<'a> {
    view: &'a dyn View,
    head: Head,
    user: Cell<Option<(UserId, UserCut)>>,
    session: Cell<Option<(SessionId, Option<u64>)>>,
    client: RefCell<Option<(ClientId, u64)>>,
    grant: RefCell<Option<(UserId, ClientId, u64)>>,
}

impl<'a> StoreCuts<'a> {
    /// Reads the head of the log, then whatever is asked.
    pub fn new(view: &'a dyn View) -> Result<Self, StoreError> {
        let (user, session) = (Cell::default(), Cell::default());
        Ok(Self { head: view.head()?, view, user, session, client: RefCell::default(), grant: RefCell::default() })
    }

    /// What this judges by.
    pub const fn view(&self) -> &'a dyn View {
        self.view
    }

    /// A user's row, which says by what the user is cut.
    pub fn find_user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let user = self.view.user(id)?;
        if let Some(user) = &user {
            self.user.set(Some((user.id, user.cut)));
        }
        Ok(user)
    }

    /// A session's row, which says whether it was ended.
    pub fn find_session(&self, user: &UserId, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let session = self.view.session(user, id)?;
        if let Some(session) = &session {
            self.know(session);
        }
        Ok(session)
    }

    fn know(&self, session: &Session) {
        self.session.set(Some((session.id, session.ended.map(|ended| ended.number))));
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
        Ok(self.client_of_living(session, now)?.is_some())
    }

    /// The client that a session was begun with, if it is alive at `now`.
    pub fn client_of_living(&self, session: &Session, now: Timestamp) -> Result<Option<ClientId>, StoreError> {
        if session.ended.is_some() || session.expiry(now).is_some() {
            return Ok(None);
        }
        self.know(session);
        let chains = self.view.chains(&session.user, &session.id)?;
        for chain in &chains {
            if self.judge_chain(session, chain, None)? == Standing::Alive {
                return Ok(chains.into_iter().next().map(|chain| chain.client));
            }
        }
        Ok(None)
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
        if let Some((_, cut)) = self.user.get().filter(|(known, _)| known == user) {
            return Ok(cut);
        }
        // A user who is not there was deleted, and purged.
        let gone = UserCut { deleted: true, ..UserCut::born(self.head.position.number) };
        let cut = self.view.user_cut(user)?.unwrap_or(gone);
        self.user.set(Some((*user, cut)));
        Ok(cut)
    }

    fn client(&self, client: &ClientId) -> Result<u64, StoreError> {
        if let Some((_, cut)) = self.client.borrow().as_ref().filter(|(known, _)| known == client) {
            return Ok(*cut);
        }
        // A client that is not there was removed: whatever it was given lies below any later birth.
        let cut = self.view.client_cut(client)?.unwrap_or(u64::MAX);
        self.client.replace(Some((client.clone(), cut)));
        Ok(cut)
    }

    fn grant(&self, user: &UserId, client: &ClientId) -> Result<u64, StoreError> {
        let known = self.grant.borrow();
        if let Some((.., cut)) = known.as_ref().filter(|(of, to, _)| of == user && to == client) {
            return Ok(*cut);
        }
        drop(known);
        let cut = self.view.grant(user, client)?.map_or(0, |grant| grant.cut);
        self.grant.replace(Some((*user, client.clone(), cut)));
        Ok(cut)
    }

    fn session(&self, user: &UserId, session: &SessionId) -> Result<Option<u64>, StoreError> {
        match self.session.get().filter(|(known, _)| known == session) {
            Some((_, ended)) => Ok(ended),
            None => self.view.session_ended(user, session),
        }
    }

    fn token(&self, token: &TokenId) -> Result<Option<u64>, StoreError> {
        self.view.token_ended(token)
    }

    fn key(&self, key: &KeyId) -> Result<Option<u64>, StoreError> {
        self.view.key_revoked(key)
    }
}
