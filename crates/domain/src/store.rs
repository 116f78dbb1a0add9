//! The store as a port. Domain operations are closures over a transaction: named, metered, retried on serialization
//! failures. There is exactly one kind of transaction that can end things ([`EndingTx`]), and exactly one method of it
//! that writes an ending ([`EndingTx::write_entry`]), which takes state, log entry and event together (R1).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rescind_wire::{ClientId, Epoch, Epochs, KeyId, Position, SessionId, TokenId, UserCut, UserId};

use crate::boxed::Boxed;
use crate::chain::{Chain, ChainKey};
use crate::client::{AudienceRow, Client};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::event::{Event, NewEvent};
use crate::grant::Grant;
use crate::idempotency::Remembered;
use crate::key::{KeyRow, MacKeyId};
use crate::node::{NodeId, NodeRow};
use crate::password::PasswordHash;
use crate::revocation::{LogRow, StateChange};
use crate::session::Session;
use crate::user::{Role, User, UserState};

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is full, or may not be written. Nothing was done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It is not known whether it was done: the answer to the commit was lost.
    #[error("the store did not confirm the commit: {0}")]
    Unconfirmed(String),
    /// A row cannot be read. It is not guessed at (R7).
    #[error("unreadable: table {table}, column {column}, key {key}: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Another transaction was in the way; the store tries again by itself.
    #[error("serialization failure")]
    Conflict,
    /// The log is shorter than it was seen to be: the store went back behind the server's back (R9).
    #[error("the store went back: its log ends at {found}, and was seen at {seen}")]
    WentBack {
        /// What it ends at.
        found: Position,
        /// What was seen before.
        seen: Position,
    },
}

/// The head of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last entry.
    pub position: Position,
    /// The greatest position that verifiers may forget (R10).
    pub floor: u64,
    /// The last revocation of all users.
    pub everyone_cut: u64,
    /// The last revocation of all clients that act for themselves.
    pub services_cut: u64,
}

/// A lifetime of access tokens that was in force (R10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The lifetime.
    pub lifetime: Duration,
    /// Until when such tokens were signed; `None` while they still are.
    pub until: Option<Timestamp>,
}

/// Where a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCursor {
    /// Position of the last session on the page.
    pub number: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// Its id.
    pub id: SessionId,
}

/// What names a caller: the parts of a verified access token that an ending can be about.
#[derive(Clone, Copy, Debug)]
pub struct CallerKey<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The session.
    pub session: &'a SessionId,
    /// The client that the token was given to.
    pub client: &'a ClientId,
    /// The token's id.
    pub token: &'a TokenId,
    /// The key that signed it.
    pub key: &'a KeyId,
}

/// All that a caller's standing hangs on. Every act asks for it anew (A16), so it is read in one look.
#[derive(Debug)]
pub struct CallerRows {
    /// The head of the log.
    pub head: Head,
    /// The user.
    pub user: Option<User>,
    /// The session.
    pub session: Option<Session>,
    /// The client's last revocation.
    pub client_cut: Option<u64>,
    /// The grant's last revocation.
    pub grant_cut: Option<u64>,
    /// The entry that ended the token.
    pub token_ended: Option<u64>,
    /// The entry that revoked the key.
    pub key_revoked: Option<u64>,
}

/// What a client holds under a session: as much of its chain as it is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The client.
    pub client: ClientId,
    /// The position of the authorization that gave it the chain.
    pub position: Position,
    /// The key that the MAC of its refresh token or cookie is made with.
    pub key: MacKeyId,
}

/// A caller, and all sessions of their user.
#[derive(Debug)]
pub struct CallerAtHome {
    /// The caller.
    pub caller: CallerRows,
    /// All sessions of the user, ended ones too, in no order that means anything; none if there may be more than were
    /// asked for.
    pub sessions: Option<Vec<HeldSession>>,
}

/// A session, and what clients hold under it, in the order of their chains.
#[derive(Clone, Debug)]
pub struct HeldSession {
    /// The session.
    pub session: Session,
    /// What clients hold.
    pub held: Vec<Holding>,
}

/// What can be read. All reads of one view see one state.
pub trait View {
    /// The head of the log.
    fn head(&self) -> Result<Head, StoreError>;
    /// All epochs.
    fn epochs(&self) -> Result<Epochs, StoreError>;
    /// Entries after `number`, oldest first.
    fn log_after(&self, number: u64, limit: u32) -> Result<Vec<LogRow>, StoreError>;
    /// Entries before `number`, newest first.
    fn log_before(&self, number: u64, limit: u32) -> Result<Vec<LogRow>, StoreError>;
    /// The entry at `number`.
    fn log_entry(&self, number: u64) -> Result<Option<LogRow>, StoreError>;
    /// Lifetimes of access tokens that were ever in force, except those long gone.
    fn lifetimes(&self) -> Result<Vec<Lifetime>, StoreError>;

    /// A user.
    fn user(&self, id: &UserId) -> Result<Option<User>, StoreError>;
    /// The user of a normalised login name.
    fn user_by_login(&self, key: &str) -> Result<Option<User>, StoreError>;
    /// The user whom another system knows by this id.
    fn user_by_external_id(&self, id: &str) -> Result<Option<User>, StoreError>;
    /// Users whose normalised login contains `query`, by login name, after the login name `after`.
    fn users(&self, query: &str, after: &str, limit: u32) -> Result<Vec<User>, StoreError>;
    /// Users whose normalised login begins with `prefix`, by login name, after the login name `after`.
    fn users_from(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<User>, StoreError>;
    /// A user's record of revocations.
    fn user_cut(&self, id: &UserId) -> Result<Option<UserCut>, StoreError>;
    /// Whether there is an administrator who is neither locked at `now` nor deleted.
    fn has_administrator(&self, now: Timestamp) -> Result<bool, StoreError>;

    /// What a caller's standing hangs on.
    fn caller(&self, key: &CallerKey<'_>) -> Result<CallerRows, StoreError>;
    /// As [`caller`](Self::caller), with all sessions of the user if these and what clients hold under them are no more
    /// than `most` rows. It costs no more than that, however many there are. Of a session that was ended on its own,
    /// rotations and what clients hold need not be told.
    fn caller_at_home(&self, key: &CallerKey<'_>, most: u32) -> Result<CallerAtHome, StoreError>;
    /// A session.
    fn session(&self, user: &UserId, id: &SessionId) -> Result<Option<Session>, StoreError>;
    /// A session by its id alone.
    fn session_by_id(&self, id: &SessionId) -> Result<Option<Session>, StoreError>;
    /// The entry that ended a session on its own.
    fn session_ended(&self, user: &UserId, id: &SessionId) -> Result<Option<u64>, StoreError>;
    /// A user's sessions that were not ended on their own, whose position is at least `number`: latest position first,
    /// then latest begun.
    fn sessions_from(
        &self,
        user: &UserId,
        number: u64,
        after: Option<SessionCursor>,
        limit: u32,
    ) -> Result<Vec<HeldSession>, StoreError>;
    /// Sessions under which a client has a chain, in order of user and session, after `after`.
    fn sessions_of_client(
        &self,
        client: &ClientId,
        after: Option<(UserId, SessionId)>,
        limit: u32,
    ) -> Result<Vec<HeldSession>, StoreError>;
    /// Sessions that were not ended on their own, in order of expiry, user and session: those that expire at the time of
    /// `after` or later, and if it names one of them, those after it.
    fn sessions_expiring(
        &self,
        after: (Timestamp, Option<(UserId, SessionId)>),
        limit: u32,
    ) -> Result<Vec<HeldSession>, StoreError>;
    /// All sessions in order of user and session, after `after`: for the purge.
    fn sessions_after(&self, after: Option<(UserId, SessionId)>, limit: u32) -> Result<Vec<Session>, StoreError>;

    /// A chain.
    fn chain(&self, key: &ChainKey) -> Result<Option<Chain>, StoreError>;
    /// The chains under a session.
    fn chains(&self, user: &UserId, session: &SessionId) -> Result<Vec<Chain>, StoreError>;
    /// What clients hold under a session, in the order of its chains.
    fn holdings(&self, user: &UserId, session: &SessionId) -> Result<Vec<Holding>, StoreError>;

    /// A client.
    fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError>;
    /// A client's last revocation.
    fn client_cut(&self, id: &ClientId) -> Result<Option<u64>, StoreError>;
    /// The entry that removed a client of this id, the last one if there were several, as far as events tell.
    fn client_removed(&self, id: &ClientId) -> Result<Option<u64>, StoreError>;
    /// All clients, by id, after `after`.
    fn clients(&self, after: &str, limit: u32) -> Result<Vec<Client>, StoreError>;
    /// The clients, by id, whose tokens may be for this audience.
    fn clients_naming(&self, audience: &str, limit: u32) -> Result<Vec<ClientId>, StoreError>;
    /// Audiences, and how their tokens are signed, where that is settled. By name.
    fn audiences(&self) -> Result<Vec<AudienceRow>, StoreError>;
    /// A grant.
    fn grant(&self, user: &UserId, client: &ClientId) -> Result<Option<Grant>, StoreError>;

    /// All keys, revoked ones too.
    fn keys(&self) -> Result<Vec<KeyRow>, StoreError>;
    /// The entry that revoked a key.
    fn key_revoked(&self, id: &KeyId) -> Result<Option<u64>, StoreError>;
    /// The entry that ended a token.
    fn token_ended(&self, id: &TokenId) -> Result<Option<u64>, StoreError>;

    /// Events after the event `after`, oldest first; of one user if given.
    fn events(&self, user: Option<&UserId>, after: u64, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// Events before the event `before`, newest first; of one user if given.
    fn events_before(&self, user: Option<&UserId>, before: u64, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// The id of the last event that was written, purged as it may be; 0 if none ever was.
    fn last_event(&self) -> Result<u64, StoreError>;
    /// All nodes that run, or that nobody has yet seen to have stopped.
    fn nodes(&self) -> Result<Vec<NodeRow>, StoreError>;
    /// A named value of the deployment's, such as the issuer.
    fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;
    /// What was answered to a request with this key.
    fn remembered(&self, caller: &str, key: &str) -> Result<Option<Remembered>, StoreError>;
}

/// What can be written without ending anything.
pub trait Tx: View {
    /// Adds a user. [`Error::LoginTaken`] is the caller's to find out first; a race on it is a conflict.
    fn insert_user(&mut self, user: &User) -> Result<(), StoreError>;
    /// Replaces the password's hash.
    fn set_password(&mut self, user: &UserId, hash: &PasswordHash) -> Result<(), StoreError>;
    /// Replaces the state. Locking and deleting go with an ending; this alone ends nothing.
    fn set_user_state(&mut self, user: &UserId, state: &UserState) -> Result<(), StoreError>;
    /// Replaces the role.
    fn set_role(&mut self, user: &UserId, role: Role) -> Result<(), StoreError>;
    /// Replaces external id and metadata.
    fn set_user_data(
        &mut self,
        user: &UserId,
        external_id: Option<&str>,
        metadata: Option<&str>,
    ) -> Result<(), StoreError>;

    /// Adds a session.
    fn insert_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// Replaces name and metadata of a session that was not ended.
    fn set_session_data(
        &mut self,
        user: &UserId,
        session: &SessionId,
        name: Option<&str>,
        metadata: Option<&str>,
    ) -> Result<(), StoreError>;
    /// Notes a new authentication of a session that was not ended.
    fn set_auth_time(
        &mut self,
        user: &UserId,
        session: &SessionId,
        at: Timestamp,
        amr: &[String],
    ) -> Result<(), StoreError>;
    /// Notes when a session was last seen, if that is later than what it has and it was not ended.
    fn touch_session(&mut self, user: &UserId, session: &SessionId, at: Timestamp) -> Result<(), StoreError>;

    /// Adds a chain.
    fn insert_chain(&mut self, chain: &Chain) -> Result<(), StoreError>;
    /// Writes counter, rotations, epoch and key of a chain.
    fn rotate_chain(&mut self, chain: &Chain) -> Result<(), StoreError>;

    /// Adds a client.
    fn insert_client(&mut self, client: &Client) -> Result<(), StoreError>;
    /// Replaces everything about a client but its id, birth and cut.
    fn update_client(&mut self, client: &Client) -> Result<(), StoreError>;
    /// Sets how an audience's tokens are signed.
    fn set_audience(&mut self, audience: &AudienceRow) -> Result<(), StoreError>;
    /// Forgets how tokens are signed for audiences that no client names.
    fn forget_audiences(&mut self) -> Result<(), StoreError>;
    /// Adds a grant unless it is there.
    fn ensure_grant(&mut self, grant: &Grant) -> Result<(), StoreError>;

    /// Adds a MAC key; others are superseded.
    fn add_mac_key(&mut self, key: &KeyRow) -> Result<(), StoreError>;
    /// Adds an event.
    fn add_event(&mut self, event: &NewEvent) -> Result<(), StoreError>;
    /// Sets a named value, or removes it.
    fn set_setting(&mut self, name: &str, value: Option<&str>) -> Result<(), StoreError>;
    /// Remembers what was answered.
    fn remember(&mut self, caller: &str, key: &str, what: &Remembered) -> Result<(), StoreError>;

    /// Adds a node.
    fn insert_node(&mut self, node: &NodeRow) -> Result<(), StoreError>;
    /// Replaces what a node says of itself; what it has reached never falls. Answers whether it is there.
    fn update_node(&mut self, node: &NodeRow) -> Result<bool, StoreError>;
    /// Removes a node if it still shows this counter.
    fn remove_node(&mut self, id: &NodeId, counter: u64) -> Result<bool, StoreError>;

    /// Records that tokens of this lifetime are signed from now on, and none of another (R10).
    fn set_lifetime(&mut self, lifetime: Duration, now: Timestamp) -> Result<(), StoreError>;
    /// Raises the floor; it never falls.
    fn raise_floor(&mut self, floor: u64) -> Result<(), StoreError>;

    /// Deletes these sessions with their chains. They are dead; deleting says nothing new.
    fn purge_sessions(&mut self, sessions: &[(UserId, SessionId)]) -> Result<u64, StoreError>;
    /// Deletes up to `limit` events before `before`, and answers how many.
    fn purge_events(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
    /// Deletes up to `limit` remembered answers before `before`, and answers how many.
    fn purge_remembered(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
    /// Deletes up to `limit` ended token ids whose entry is at most `floor`, and answers how many.
    fn purge_tokens(&mut self, floor: u64, limit: u32) -> Result<u64, StoreError>;
    /// Deletes those of these keys that are revoked, and answers how many.
    fn purge_keys(&mut self, keys: &[KeyId]) -> Result<u64, StoreError>;
}

/// A transaction that may end things. It holds the head of the log from its first statement (R1).
pub trait EndingTx: Tx {
    /// Writes one entry of the log, the state that changes with it, and its event. Only [`crate::revocation`] calls it.
    fn write_entry(&mut self, row: &LogRow, state: &StateChange, event: &NewEvent) -> Result<(), StoreError>;
    /// Closes the current epoch at the head, and opens `epoch`. Ids of events go on beyond any that a later state of this
    /// store may have given before it was put back.
    fn begin_epoch(&mut self, epoch: Epoch, at: Timestamp) -> Result<(), StoreError>;
}

/// How one attempt at a transaction went.
#[derive(Debug)]
pub enum Attempt {
    /// Commit it.
    Commit,
    /// Roll it back; the closure has its answer.
    Abort,
    /// The store failed inside it; a conflict is tried again.
    Failed(StoreError),
}

/// A read, without its answer.
pub type ReadJob = Box<dyn FnOnce(&dyn View) + Send>;
/// A transaction, without its answer.
pub type TransactJob = Box<dyn FnMut(&mut dyn Tx) -> Attempt + Send>;
/// An ending, without its answer.
pub type EndingJob = Box<dyn FnMut(&mut dyn EndingTx) -> Attempt + Send>;

/// A store. Each method's future resolves once the work is durable (or was refused).
pub trait Store: Send + Sync {
    /// The position of the log: by a read of the primary begun after this call (R2). Waiting callers may share one.
    fn position(&self) -> Boxed<'_, Result<Position, StoreError>>;
    /// Reads one state.
    fn run_read(&self, name: &'static str, job: ReadJob) -> Boxed<'_, Result<(), StoreError>>;
    /// Runs a transaction that ends nothing.
    fn run_transact(&self, name: &'static str, job: TransactJob) -> Boxed<'_, Result<(), StoreError>>;
    /// Runs a transaction that may end things.
    fn run_ending(&self, name: &'static str, job: EndingJob) -> Boxed<'_, Result<(), StoreError>>;
}

impl dyn Store + '_ {
    /// Reads one state.
    pub async fn read<T, F>(&self, name: &'static str, read: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&dyn View) -> Result<T, Error> + Send + 'static,
    {
        let slot = Slot::default();
        let put = slot.clone();
        self.run_read(name, Box::new(move |view| put.set(read(view)))).await?;
        slot.take()
    }

    /// Runs `body` in a transaction that ends nothing. It may run more than once; only the last run counts. An error
    /// rolls it back.
    pub async fn transact<T, F>(&self, name: &'static str, mut body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T, Error> + Send + 'static,
    {
        let slot = Slot::default();
        let put = slot.clone();
        self.run_transact(name, Box::new(move |tx| put.attempt(body(tx)))).await?;
        slot.take()
    }

    /// Runs `body` in a transaction that may end things.
    pub async fn end<T, F>(&self, name: &'static str, mut body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn EndingTx) -> Result<T, Error> + Send + 'static,
    {
        let slot = Slot::default();
        let put = slot.clone();
        self.run_ending(name, Box::new(move |tx| put.attempt(body(tx)))).await?;
        slot.take()
    }
}

/// Where a closure leaves its answer.
struct Slot<T>(Arc<Mutex<Option<Result<T, Error>>>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    fn set(&self, answer: Result<T, Error>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    fn attempt(&self, answer: Result<T, Error>) -> Attempt {
        let attempt = match &answer {
            Ok(_) => Attempt::Commit,
            Err(Error::Store(error)) => Attempt::Failed(error.clone()),
            Err(_) => Attempt::Abort,
        };
        self.set(answer);
        attempt
    }

    fn take(&self) -> Result<T, Error> {
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.unwrap_or_else(|| Err(StoreError::Unavailable("the store shut down".into()).into()))
    }
}
