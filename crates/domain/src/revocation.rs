//! Revocations: the entries of the log, and the one way to end anything (R1).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use rescind_wire::{Change, ClientId, Epoch, Position, Scope, SessionId, UserCut, UserId};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::key::{KeyRow, MacKeyId, Purpose};
use crate::keyring::{Keyring, MacKey, NewKey};
use crate::standing::StoreCuts;
use crate::store::{EndingTx, StoreError, View};
use crate::world::World;

/// The longest reason, in bytes.
pub const MAX_REASON: usize = 500;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user, from one of their sessions.
    User {
        /// Who.
        user: UserId,
        /// From which device.
        session: SessionId,
    },
    /// A client acting for itself.
    Client(ClientId),
    /// Whoever may run the command line on the data folder.
    CommandLine,
    /// Rescind itself.
    System,
    /// Somebody who has not shown who they are.
    Anonymous,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { user, session } => write!(f, "{user} {session}"),
            Self::Client(client) => write!(f, "client {client}"),
            Self::CommandLine => f.write_str("command line"),
            Self::System => f.write_str("rescind"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

/// The text names no actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an actor")]
pub struct UnknownActor;

impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, UnknownActor> {
        Ok(match text {
            "command line" => Self::CommandLine,
            "rescind" => Self::System,
            "anonymous" => Self::Anonymous,
            _ => match text.split_once(' ').ok_or(UnknownActor)? {
                ("client", client) => Self::Client(client.parse().map_err(|_| UnknownActor)?),
                (user, session) => Self::User {
                    user: user.parse().map_err(|_| UnknownActor)?,
                    session: session.parse().map_err(|_| UnknownActor)?,
                },
            },
        })
    }
}

/// An entry of the log as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Where it stands.
    pub position: Position,
    /// What it does.
    pub change: Change,
    /// Why, in the words of whoever did it.
    pub reason: String,
    /// Who did it.
    pub actor: Actor,
    /// When, on the steady time line, by which entries age (R10).
    pub at: Timestamp,
    /// Proof that this entry was written here (R9).
    pub tag: Tag,
}

/// Random bytes, and their MAC over epoch and number (R9): key 8 · random 16 · MAC 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(pub [u8; 40]);

impl Tag {
    const DOMAIN: &[u8] = b"rescind log tag v1";

    /// Makes the tag of the entry at `position`.
    fn make(world: &World, key: &MacKey, position: Position) -> Self {
        let random: [u8; 16] = world.entropy.bytes();
        let mac = key.sign(&[Self::DOMAIN, position.epoch.as_bytes(), &position.number.to_be_bytes(), &random]);
        let mut tag = [0; 40];
        tag[..8].copy_from_slice(&key.id().0);
        tag[8..24].copy_from_slice(&random);
        tag[24..].copy_from_slice(&mac[..16]);
        Self(tag)
    }

    /// Whether this authority made this tag for the entry at `position`, with a key that it has or had.
    pub fn was_made(&self, keys: &[KeyRow], world: &World, position: Position) -> Result<bool, Error> {
        let mut id = [0; 8];
        id.copy_from_slice(&self.0[..8]);
        let name = MacKeyId(id).key_id();
        let Some(row) = keys.iter().find(|row| row.id == name && row.purpose == Purpose::Mac) else {
            return Ok(false);
        };
        Ok(self.is_made_with(&world.keyring.open_mac(row)?, position))
    }

    /// Whether an authority with these keys made this tag for the entry at `position`.
    pub fn is_valid(&self, keyring: &Keyring, position: Position) -> bool {
        let mut id = [0; 8];
        id.copy_from_slice(&self.0[..8]);
        let Some(key) = keyring.mac(MacKeyId(id)) else {
            return false;
        };
        self.is_made_with(&key, position)
    }

    fn is_made_with(&self, key: &MacKey, position: Position) -> bool {
        let mac = key.sign(&[Self::DOMAIN, position.epoch.as_bytes(), &position.number.to_be_bytes(), &self.0[8..24]]);
        aws_lc_rs::constant_time::verify_slices_are_equal(&mac[..16], &self.0[24..]).is_ok()
    }
}

/// The text is not a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tag of the log: expected 54 characters of base64url")]
pub struct InvalidTag;

impl std::str::FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidTag)?;
        bytes.try_into().map(Self).map_err(|_| InvalidTag)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

/// What changes in the store's state together with one entry of the log.
#[derive(Clone, Debug)]
pub enum StateChange {
    /// The cut of everyone, and of clients acting for themselves if `services`.
    Everyone {
        /// Services too.
        services: bool,
    },
    /// The cut of a client.
    Client {
        /// Which.
        client: ClientId,
        /// The client itself is removed.
        removed: bool,
    },
    /// The record of a user.
    User {
        /// Who.
        user: UserId,
        /// What it becomes.
        cut: UserCut,
    },
    /// The cut of a grant.
    Grant {
        /// Who granted.
        user: UserId,
        /// To whom.
        client: ClientId,
    },
    /// The end of a session.
    Session {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// The end of a token.
    Token(rescind_wire::TokenId),
    /// The end of a key.
    Key(rescind_wire::KeyId),
    /// Nothing: no store keeps anything of other issuers but the entry itself, which verifiers judge by.
    Foreign,
    /// A new key; others of the same purpose are superseded.
    AddKey(Box<KeyRow>),
}

/// Ends what `scope` covers: writes the entry, the state that it ends, and the event, together. Everything that is ever
/// ended is ended here.
///
/// The caller's transaction holds the head of the log, and has read all that it decides on after that (R1).
pub fn end(
    tx: &mut dyn EndingTx,
    world: &World,
    scope: Scope,
    reason: &str,
    event: NewEvent,
) -> Result<Receipt, Error> {
    if let Some(receipt) = ended_before(tx, &scope)? {
        return Ok(receipt);
    }
    let number = next_number(tx)?;
    let state = match &scope {
        Scope::Everyone { services } => StateChange::Everyone { services: *services },
        Scope::Client { client } => {
            tx.client(client)?.ok_or(Error::NotFound("client"))?;
            StateChange::Client { client: client.clone(), removed: false }
        }
        Scope::User { user, except, deleted } => {
            let row = tx.user(user)?.ok_or(Error::NotFound("user"))?;
            if let Some(session) = except {
                require_alive(tx, world, user, session)?;
            }
            StateChange::User { user: *user, cut: row.cut.then(number, *except, *deleted) }
        }
        Scope::Grant { user, client } => {
            tx.grant(user, client)?.ok_or(Error::NotFound("grant"))?;
            StateChange::Grant { user: *user, client: client.clone() }
        }
        Scope::Session { user, session } => {
            tx.session(user, session)?.ok_or(Error::NotFound("session"))?;
            StateChange::Session { user: *user, session: *session }
        }
        Scope::Token { token } => StateChange::Token(*token),
        Scope::Key { key } => {
            let row = tx.keys()?.into_iter().find(|row| row.id == *key).ok_or(Error::NotFound("key"))?;
            StateChange::Key(row.id)
        }
        Scope::ForeignIssuer { .. } | Scope::ForeignSubject { .. } | Scope::ForeignSession { .. } => {
            StateChange::Foreign
        }
    };
    let row = append(tx, world, Change::Revoke(scope.clone()), &state, reason, event)?;
    Ok(receipt(&row, scope))
}

/// The entry that ended this already, where ending is terminal: ending it again writes nothing, and answers with that
/// entry (A4).
fn ended_before(view: &dyn EndingTx, scope: &Scope) -> Result<Option<Receipt>, Error> {
    let number = match scope {
        Scope::Session { user, session } => view.session_ended(user, session)?,
        Scope::Token { token } => view.token_ended(token)?,
        Scope::Key { key } => view.key_revoked(key)?,
        // The same again covers more.
        Scope::Everyone { .. }
        | Scope::Client { .. }
        | Scope::User { .. }
        | Scope::Grant { .. }
        | Scope::ForeignIssuer { .. }
        | Scope::ForeignSubject { .. }
        | Scope::ForeignSession { .. } => None,
    };
    let Some(number) = number else { return Ok(None) };
    Ok(receipt_of(view, number, scope.clone())?)
}

/// The receipt of an ending of `scope` that is in the log already, at `number`.
pub(crate) fn receipt_of<V: View + ?Sized>(view: &V, number: u64, scope: Scope) -> Result<Option<Receipt>, StoreError> {
    Ok(view.log_entry(number)?.map(|row| receipt(&row, scope)))
}

/// Ends everything that was given to a client, and removes the client itself.
pub fn remove_client(
    tx: &mut dyn EndingTx,
    world: &World,
    client: &ClientId,
    reason: &str,
    event: NewEvent,
) -> Result<Receipt, Error> {
    tx.client(client)?.ok_or(Error::NotFound("client"))?;
    let scope = Scope::Client { client: client.clone() };
    let state = StateChange::Client { client: client.clone(), removed: true };
    let row = append(tx, world, Change::Revoke(scope.clone()), &state, reason, event)?;
    Ok(receipt(&row, scope))
}

/// Adds a key. A signing key's public part takes a position in the log, so that verifiers learn of it in order.
pub fn add_signing_key(
    tx: &mut dyn EndingTx,
    world: &World,
    key: NewKey,
    reason: &str,
    event: NewEvent,
) -> Result<LogRow, Error> {
    let number = next_number(tx)?;
    let public = key.public.clone().ok_or(Error::Invalid { field: "key", problem: "not a signing key".into() })?;
    let row = key_row(key, number, event.at);
    append(tx, world, Change::AddKey(public), &StateChange::AddKey(Box::new(row)), reason, event)
}

/// The row of a key that is made now.
pub fn key_row(key: NewKey, added: u64, now: Timestamp) -> KeyRow {
    KeyRow {
        id: key.id,
        purpose: key.purpose,
        public: key.public,
        sealed: key.sealed,
        added,
        created_at: now,
        superseded_at: None,
        revoked: None,
    }
}

/// Begins a new epoch: the log goes on counting under a new id, and whatever was issued beyond the head is dead (R9).
/// Ends everyone, services included, unless the operator declines by name.
pub fn begin_epoch(
    tx: &mut dyn EndingTx,
    world: &World,
    keep_sessions: bool,
    reason: &str,
    event: NewEvent,
) -> Result<Epoch, Error> {
    let epoch = Epoch::from_bytes(world.entropy.bytes());
    tx.begin_epoch(epoch, event.at)?;
    if keep_sessions {
        tx.add_event(&event)?;
        return Ok(epoch);
    }
    let everyone = Scope::Everyone { services: true };
    let (actor, at) = (event.actor.clone(), event.at);
    end(tx, world, everyone, reason, event)?;
    renew_all_keys(tx, world, reason, &actor, at)?;
    Ok(epoch)
}

/// Makes all signing and MAC keys anew: whoever has the lost part of the history may have keys that were sealed in it.
fn renew_all_keys(
    tx: &mut dyn EndingTx,
    world: &World,
    reason: &str,
    actor: &Actor,
    at: Timestamp,
) -> Result<(), Error> {
    use EventKind::{KeyAdded, KeyRevoked};
    let old = tx.keys()?;
    // The new MAC key first: the tags of the entries that follow are made with it.
    let key = world.keyring.make(&*world.entropy, Purpose::Mac)?;
    let event = NewEvent::new(at, KeyAdded, actor.clone()).detail(key.id.as_str());
    add_mac_key(tx, key, &event)?;
    let mut algorithms = Vec::new();
    for row in old.into_iter().filter(|row| row.revoked.is_none()) {
        if let Purpose::Sign(algorithm) = row.purpose
            && !algorithms.contains(&algorithm)
        {
            algorithms.push(algorithm);
        }
        let event = NewEvent::new(at, KeyRevoked, actor.clone()).detail(row.id.as_str());
        end(tx, world, Scope::Key { key: row.id }, reason, event)?;
    }
    for algorithm in algorithms {
        let key = world.keyring.make(&*world.entropy, Purpose::Sign(algorithm))?;
        let event = NewEvent::new(at, KeyAdded, actor.clone()).detail(key.id.as_str());
        add_signing_key(tx, world, key, reason, event)?;
    }
    Ok(())
}

/// Adds a MAC key, which verifiers never see: it takes no position.
pub fn add_mac_key(tx: &mut dyn EndingTx, key: NewKey, event: &NewEvent) -> Result<(), Error> {
    let added = tx.head()?.position.number;
    tx.add_mac_key(&key_row(key, added, event.at))?;
    tx.add_event(event)?;
    Ok(())
}

/// The MAC key that new tokens and tags are made with, as this transaction sees it: the ring in memory may lag behind
/// another process that has just revoked or added one.
pub fn current_mac(view: &dyn View, world: &World) -> Result<MacKey, Error> {
    if let Ok(key) = world.keyring.current_mac()
        && view.key_revoked(&key.id().key_id())?.is_none()
    {
        return Ok(key);
    }
    let rows = view.keys()?;
    let usable = rows.iter().filter(|row| row.purpose == Purpose::Mac && row.revoked.is_none());
    let newest = usable.max_by_key(|row| (row.superseded_at.is_none(), row.created_at, row.added));
    let newest = newest.ok_or(crate::keyring::KeyError::Missing("MAC"))?;
    Ok(world.keyring.open_mac(newest)?)
}

fn next_number(tx: &dyn EndingTx) -> Result<u64, Error> {
    Ok(tx.head()?.position.number + 1)
}

fn append(
    tx: &mut dyn EndingTx,
    world: &World,
    change: Change,
    state: &StateChange,
    reason: &str,
    event: NewEvent,
) -> Result<LogRow, Error> {
    if reason.trim().is_empty() {
        let problem = "say why, for whoever reads the log".to_owned();
        return Err(Error::Invalid { field: "reason", problem });
    }
    if reason.len() > MAX_REASON {
        let problem = format!("at most {MAX_REASON} bytes");
        return Err(Error::Invalid { field: "reason", problem });
    }
    let head = tx.head()?.position;
    let position = Position { epoch: head.epoch, number: head.number + 1 };
    let row = LogRow {
        position,
        change,
        reason: reason.to_owned(),
        actor: event.actor.clone(),
        at: world.now(),
        tag: Tag::make(world, &current_mac(tx, world)?, position),
    };
    tx.write_entry(&row, state, &NewEvent { revocation: Some(position.number), ..event })?;
    Ok(row)
}

/// An exception must name a session of that user that is alive at that point, else the ending is refused (R1, A17).
fn require_alive(tx: &dyn EndingTx, world: &World, user: &UserId, session: &SessionId) -> Result<(), Error> {
    let view: &dyn View = tx;
    let row = view.session(user, session)?.ok_or(Error::NotFound("session"))?;
    let cuts = StoreCuts::new(view)?;
    if cuts.session_is_alive(&row, world.clock.steady())? { Ok(()) } else { Err(Error::ExceptionEnded) }
}

/// What whoever ended something is told.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    /// Where the revocation stands in the log.
    pub position: Position,
    /// What it covers.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// When, on the steady time line, by which entries age (R10).
    pub at: Timestamp,
}

fn receipt(row: &LogRow, scope: Scope) -> Receipt {
    Receipt { position: row.position, scope, reason: row.reason.clone(), at: row.at }
}
