//! The one thing that implements the domain's [`View`], [`Tx`] and [`EndingTx`]: it hands each call to the file of its
//! noun.

use std::cell::Cell;
use std::time::Duration;

use rescind_domain::chain::{Chain, ChainKey};
use rescind_domain::client::{AudienceRow, Client};
use rescind_domain::clock::Timestamp;
use rescind_domain::event::{Event, NewEvent};
use rescind_domain::grant::Grant;
use rescind_domain::idempotency::Remembered;
use rescind_domain::key::KeyRow;
use rescind_domain::node::{NodeId, NodeRow};
use rescind_domain::password::PasswordHash;
use rescind_domain::revocation::{LogRow, StateChange};
use rescind_domain::session::Session;
use rescind_domain::store::{
    CallerAtHome, CallerKey, CallerRows, EndingTx, Head, HeldSession, Holding, Lifetime, SessionCursor, StoreError, Tx,
    View,
};
use rescind_domain::user::{Role, User, UserState};
use rescind_wire::{ClientId, Epoch, Epochs, KeyId, SessionId, TokenId, UserCut, UserId};
use rusqlite::Connection;

use super::watch::{Admission, Watch};
use super::{caller, chain, client, ending, event, grant, idempotency, key, log, node, purge, session, setting, user};

/// A connection inside a transaction.
pub(super) struct SqliteTx<'c> {
    conn: &'c Connection,
    watch: Option<(&'c Watch, Admission)>,
    unavailable: Cell<bool>,
}

impl<'c> SqliteTx<'c> {
    /// For a transaction that has looked at the head already.
    pub(super) fn writing(conn: &'c Connection) -> Self {
        Self { conn, watch: None, unavailable: Cell::new(false) }
    }

    /// For a read, whose view of the head is compared with what had been seen before it began (R9).
    pub(super) fn reading(conn: &'c Connection, watch: &'c Watch, admission: Admission) -> Self {
        Self { conn, watch: Some((watch, admission)), unavailable: Cell::new(false) }
    }

    /// Whether a call failed because of the file or the disk, so that the connection had better be opened again.
    pub(super) fn was_unavailable(&self) -> bool {
        self.unavailable.get()
    }

    fn noted<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(result, Err(StoreError::Unavailable(_))) {
            self.unavailable.set(true);
        }
        result
    }

    fn look_at_head(&self) -> Result<Head, StoreError> {
        let (head, seq) = log::head_and_epoch(self.conn)?;
        self.observe(head, seq)
    }

    fn look_at_caller(&self, key: &CallerKey<'_>) -> Result<CallerRows, StoreError> {
        let (rows, seq) = caller::find(self.conn, key)?;
        self.observe(rows.head, seq)?;
        Ok(rows)
    }

    fn look_at_home(&self, key: &CallerKey<'_>, most: u32) -> Result<CallerAtHome, StoreError> {
        let (rows, seq) = caller::at_home(self.conn, key, most)?;
        self.observe(rows.caller.head, seq)?;
        Ok(rows)
    }

    /// Whoever has seen the head hands it on only if the log did not go back.
    fn observe(&self, head: Head, seq: u64) -> Result<Head, StoreError> {
        if let Some((watch, admission)) = &self.watch {
            watch.observe(admission, super::watch::Mark { seq, position: head.position })?;
        }
        Ok(head)
    }
}

/// One line for each method: what it takes, what it answers, and which function does it.
macro_rules! hand_on {
    ($(fn $method:ident($($arg:ident: $type:ty),*) -> $answer:ty = $function:path;)*) => {
        $(fn $method(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
            self.noted($function(self.conn, $($arg),*))
        })*
    };
    ($(mut fn $method:ident($($arg:ident: $type:ty),*) -> $answer:ty = $function:path;)*) => {
        $(fn $method(&mut self, $($arg: $type),*) -> Result<$answer, StoreError> {
            self.noted($function(self.conn, $($arg),*))
        })*
    };
}

impl View for SqliteTx<'_> {
    fn head(&self) -> Result<Head, StoreError> {
        self.noted(self.look_at_head())
    }

    fn caller(&self, key: &CallerKey<'_>) -> Result<CallerRows, StoreError> {
        self.noted(self.look_at_caller(key))
    }

    fn caller_at_home(&self, key: &CallerKey<'_>, most: u32) -> Result<CallerAtHome, StoreError> {
        self.noted(self.look_at_home(key, most))
    }

    hand_on! {
        fn epochs() -> Epochs = log::epochs;
        fn log_after(number: u64, limit: u32) -> Vec<LogRow> = log::after;
        fn log_before(number: u64, limit: u32) -> Vec<LogRow> = log::before;
        fn log_entry(number: u64) -> Option<LogRow> = log::entry;
        fn lifetimes() -> Vec<Lifetime> = log::lifetimes;
        fn user(id: &UserId) -> Option<User> = user::find;
        fn user_by_login(key: &str) -> Option<User> = user::by_login;
        fn user_by_external_id(id: &str) -> Option<User> = user::by_external_id;
        fn users(query: &str, after: &str, limit: u32) -> Vec<User> = user::list;
        fn users_from(prefix: &str, after: &str, limit: u32) -> Vec<User> = user::list_from;
        fn user_cut(id: &UserId) -> Option<UserCut> = user::cut_of;
        fn has_administrator(now: Timestamp) -> bool = user::has_administrator;
        fn session(user: &UserId, id: &SessionId) -> Option<Session> = session::find;
        fn session_by_id(id: &SessionId) -> Option<Session> = session::by_id;
        fn session_ended(user: &UserId, id: &SessionId) -> Option<u64> = session::ended;
        fn sessions_from(user: &UserId, number: u64, after: Option<SessionCursor>, limit: u32) -> Vec<HeldSession>
            = session::live_from;
        fn sessions_of_client(client: &ClientId, after: Option<(UserId, SessionId)>, limit: u32) -> Vec<HeldSession>
            = session::of_client;
        fn sessions_expiring(after: (Timestamp, Option<(UserId, SessionId)>), limit: u32) -> Vec<HeldSession>
            = session::expiring;
        fn sessions_after(after: Option<(UserId, SessionId)>, limit: u32) -> Vec<Session> = session::after;
        fn chain(key: &ChainKey) -> Option<Chain> = chain::find;
        fn chains(user: &UserId, session: &SessionId) -> Vec<Chain> = chain::under;
        fn holdings(user: &UserId, session: &SessionId) -> Vec<Holding> = chain::holdings;
        fn client(id: &ClientId) -> Option<Client> = client::find;
        fn client_cut(id: &ClientId) -> Option<u64> = client::cut_of;
        fn client_removed(id: &ClientId) -> Option<u64> = event::client_removed;
        fn clients(after: &str, limit: u32) -> Vec<Client> = client::list;
        fn clients_naming(audience: &str, limit: u32) -> Vec<ClientId> = client::naming;
        fn audiences() -> Vec<AudienceRow> = client::audiences;
        fn grant(user: &UserId, client: &ClientId) -> Option<Grant> = grant::find;
        fn keys() -> Vec<KeyRow> = key::list;
        fn key_revoked(id: &KeyId) -> Option<u64> = key::revoked;
        fn token_ended(id: &TokenId) -> Option<u64> = ending::token_ended;
        fn events(user: Option<&UserId>, after: u64, limit: u32) -> Vec<Event> = event::after;
        fn events_before(user: Option<&UserId>, before: u64, limit: u32) -> Vec<Event> = event::before;
        fn last_event() -> u64 = event::last;
        fn nodes() -> Vec<NodeRow> = node::list;
        fn setting(name: &str) -> Option<String> = setting::find;
        fn remembered(caller: &str, key: &str) -> Option<Remembered> = idempotency::find;
    }
}

impl Tx for SqliteTx<'_> {
    hand_on! {
        mut fn insert_user(user: &User) -> () = user::insert;
        mut fn set_password(user: &UserId, hash: &PasswordHash) -> () = user::set_password;
        mut fn set_user_state(user: &UserId, state: &UserState) -> () = user::set_state;
        mut fn set_role(user: &UserId, role: Role) -> () = user::set_role;
        mut fn set_user_data(user: &UserId, external_id: Option<&str>, metadata: Option<&str>) -> () = user::set_data;
        mut fn insert_session(session: &Session) -> () = session::insert;
        mut fn set_session_data(user: &UserId, id: &SessionId, name: Option<&str>, metadata: Option<&str>) -> ()
            = session::set_data;
        mut fn set_auth_time(user: &UserId, id: &SessionId, at: Timestamp, amr: &[String]) -> ()
            = session::set_auth_time;
        mut fn touch_session(user: &UserId, id: &SessionId, at: Timestamp) -> () = session::touch;
        mut fn insert_chain(chain: &Chain) -> () = chain::insert;
        mut fn rotate_chain(chain: &Chain) -> () = chain::rotate;
        mut fn insert_client(client: &Client) -> () = client::insert;
        mut fn update_client(client: &Client) -> () = client::update;
        mut fn set_audience(audience: &AudienceRow) -> () = client::set_audience;
        mut fn forget_audiences() -> () = client::forget_audiences;
        mut fn ensure_grant(grant: &Grant) -> () = grant::ensure;
        mut fn add_mac_key(key: &KeyRow) -> () = key::add;
        mut fn add_event(event: &NewEvent) -> () = event::add;
        mut fn set_setting(name: &str, value: Option<&str>) -> () = setting::set;
        mut fn remember(caller: &str, key: &str, what: &Remembered) -> () = idempotency::remember;
        mut fn insert_node(node: &NodeRow) -> () = node::insert;
        mut fn update_node(node: &NodeRow) -> bool = node::update;
        mut fn remove_node(id: &NodeId, counter: u64) -> bool = node::remove;
        mut fn set_lifetime(lifetime: Duration, now: Timestamp) -> () = log::set_lifetime;
        mut fn raise_floor(floor: u64) -> () = log::raise_floor;
        mut fn purge_sessions(sessions: &[(UserId, SessionId)]) -> u64 = purge::sessions;
        mut fn purge_events(before: Timestamp, limit: u32) -> u64 = purge::events;
        mut fn purge_remembered(before: Timestamp, limit: u32) -> u64 = purge::remembered;
        mut fn purge_tokens(floor: u64, limit: u32) -> u64 = purge::tokens;
        mut fn purge_keys(keys: &[KeyId]) -> u64 = purge::keys;
    }
}

impl EndingTx for SqliteTx<'_> {
    hand_on! {
        mut fn write_entry(row: &LogRow, state: &StateChange, event: &NewEvent) -> () = ending::write_entry;
        mut fn begin_epoch(epoch: Epoch, at: Timestamp) -> () = ending::begin_epoch;
    }
}
