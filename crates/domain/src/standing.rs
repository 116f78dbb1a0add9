//! The one rule on the store's rows (R3): [`rescind_wire::standing`] with what a transaction sees behind it.

use std::cell::{Cell, RefCell};

use rescind_wire::{
    ClientId, Cuts, KeyId, Place, Position, SessionId, Standing, Thing, TokenId, UserCut, UserId, standing,
};

use crate::chain::Chain;
use crate::clock::Timestamp;
use crate::session::Session;
use crate::store::{CallerKey, CallerRows, Head, Holding, StoreError, View};
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
    token: Cell<Option<(TokenId, Option<u64>)>>,
    key: RefCell<Option<(KeyId, Option<u64>)>>,
}

impl<'a> StoreCuts<'a> {
    /// Reads the head of the log, then whatever is asked.
    pub fn new(view: &'a dyn View) -> Result<Self, StoreError> {
        Ok(Self::at(view, view.head()?))
    }

    fn at(view: &'a dyn View, head: Head) -> Self {
        Self {
            head,
            view,
            user: Cell::default(),
            session: Cell::default(),
            client: RefCell::default(),
            grant: RefCell::default(),
            token: Cell::default(),
            key: RefCell::default(),
        }
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

    /// As [`new`](Self::new), for a caller, of whom these rows were read in this view. Nothing more has to be read to judge
    /// the caller's token.
    pub fn of_caller(
        view: &'a dyn View,
        caller: &CallerKey<'_>,
        rows: CallerRows,
    ) -> (Self, Option<User>, Option<Session>) {
        let cuts = Self::at(view, rows.head);
        if let Some(user) = &rows.user {
            cuts.user.set(Some((user.id, user.cut)));
        }
        if let Some(session) = &rows.session {
            cuts.know(session);
        }
        let (client_cut, grant_cut) = (cut_of_client(rows.client_cut), cut_of_grant(rows.grant_cut));
        cuts.client.replace(Some((caller.client.clone(), client_cut)));
        cuts.grant.replace(Some((*caller.user, caller.client.clone(), grant_cut)));
        cuts.token.set(Some((*caller.token, rows.token_ended)));
        cuts.key.replace(Some((caller.key.clone(), rows.key_revoked)));
        (cuts, rows.user, rows.session)
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
        self.know(session);
        self.judge_held(session, &chain.client, chain.position, key)
    }

    fn judge_held(
        &self,
        session: &Session,
        client: &ClientId,
        authorized: Position,
        key: Option<&KeyId>,
    ) -> Result<Standing, StoreError> {
        self.judge(&Thing {
            user: Some(&session.user),
            session: Some(&session.id),
            client: Some(client),
            token: None,
            key,
            position: session.position,
            authorized,
        })
    }

    /// Whether a session is alive at `now`: neither revoked nor expired, and at least one client still holds what it can
    /// go on with, a refresh token or cookie made with a key that is not revoked. An access token alone does not keep it
    /// alive: that runs out by itself, and nothing that is stored says whether there is one.
    pub fn session_is_alive(&self, session: &Session, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.client_of_living(session, now)?.is_some())
    }

    /// The client that a session was begun with, if it is alive at `now`.
    pub fn client_of_living(&self, session: &Session, now: Timestamp) -> Result<Option<ClientId>, StoreError> {
        let held = self.view.holdings(&session.user, &session.id)?;
        self.client_of_held(session, &held, now)
    }

    /// As [`client_of_living`](Self::client_of_living), for whoever has read what clients hold.
    pub(crate) fn client_of_held(
        &self,
        session: &Session,
        held: &[Holding],
        now: Timestamp,
    ) -> Result<Option<ClientId>, StoreError> {
        if session.ended.is_some() || session.expiry(now).is_some() {
            return Ok(None);
        }
        self.know(session);
        for holding in held {
            let key = holding.key.key_id();
            if self.judge_held(session, &holding.client, holding.position, Some(&key))? == Standing::Alive {
                return Ok(held.first().map(|first| first.client.clone()));
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
        let cut = cut_of_client(self.view.client_cut(client)?);
        self.client.replace(Some((client.clone(), cut)));
        Ok(cut)
    }

    fn grant(&self, user: &UserId, client: &ClientId) -> Result<u64, StoreError> {
        let known = self.grant.borrow();
        if let Some((.., cut)) = known.as_ref().filter(|(of, to, _)| of == user && to == client) {
            return Ok(*cut);
        }
        drop(known);
        let cut = cut_of_grant(self.view.grant(user, client)?.map(|grant| grant.cut));
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
        match self.token.get().filter(|(known, _)| known == token) {
            Some((_, ended)) => Ok(ended),
            None => self.view.token_ended(token),
        }
    }

    fn key(&self, key: &KeyId) -> Result<Option<u64>, StoreError> {
        match self.key.borrow().as_ref().filter(|(known, _)| known == key) {
            Some((_, revoked)) => Ok(*revoked),
            None => self.view.key_revoked(key),
        }
    }
}

/// A client that is not there was removed: whatever it was given lies below any later birth.
fn cut_of_client(found: Option<u64>) -> u64 {
    found.unwrap_or(u64::MAX)
}

/// Without a grant, nothing cuts it.
fn cut_of_grant(found: Option<u64>) -> u64 {
    found.unwrap_or(0)
}
