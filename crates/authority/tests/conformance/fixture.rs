//! Things to put into a store.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::chain::{Chain, ChainKey};
use rescind_domain::client::{Client, ClientKind, ClientPolicy};
use rescind_domain::clock::Timestamp;
use rescind_domain::event::{EventKind, NewEvent};
use rescind_domain::key::{KeyRow, MacKeyId, Purpose};
use rescind_domain::password::PasswordHash;
use rescind_domain::revocation::{Actor, LogRow, StateChange, Tag};
use rescind_domain::session::{Binding, Session};
use rescind_domain::store::{EndingTx, Store, StoreError, Tx, View};
use rescind_domain::user::{Role, User, UserState};
use rescind_wire::key::Material;
use rescind_wire::{
    Algorithm, Change, ClientId, Epoch, Jwk, KeyId, Position, Scope, SessionId, TokenId, UserCut, UserId,
};

use super::engine::FIRST_EPOCH;

pub(crate) type Handle = Arc<dyn Store>;

/// Reads, and expects that it works.
pub(crate) async fn read<T, F>(store: &Handle, job: F) -> T
where
    T: Send + 'static,
    F: FnOnce(&dyn View) -> Result<T, StoreError> + Send + 'static,
{
    store.read("test", move |view| Ok(job(view)?)).await.expect("reads")
}

/// Runs a transaction, and expects that it works.
pub(crate) async fn write<T, F>(store: &Handle, job: F) -> T
where
    T: Send + 'static,
    F: FnMut(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
{
    try_write(store, job).await.expect("commits")
}

/// Runs a transaction.
pub(crate) async fn try_write<T, F>(store: &Handle, mut job: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnMut(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
{
    store.transact("test", move |tx| Ok(job(tx)?)).await
}

/// Runs an ending, and expects that it works.
pub(crate) async fn end<T, F>(store: &Handle, job: F) -> T
where
    T: Send + 'static,
    F: FnMut(&mut dyn EndingTx) -> Result<T, StoreError> + Send + 'static,
{
    try_end(store, job).await.expect("commits")
}

/// Runs an ending.
pub(crate) async fn try_end<T, F>(store: &Handle, mut job: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnMut(&mut dyn EndingTx) -> Result<T, StoreError> + Send + 'static,
{
    store.end("test", move |tx| Ok(job(tx)?)).await
}

/// Writes the entry that ends `scope`, with the state that `revocation::end` would give along.
pub(crate) fn revoke(tx: &mut dyn EndingTx, scope: &Scope) -> Result<LogRow, StoreError> {
    let number = tx.head()?.position.number + 1;
    let state = match scope.clone() {
        Scope::Everyone { services } => StateChange::Everyone { services },
        Scope::Client { client } => StateChange::Client { client, removed: false },
        Scope::User { user, except, deleted } => {
            let cut = tx.user_cut(&user)?.expect("a user").then(number, except, deleted);
            StateChange::User { user, cut }
        }
        Scope::Grant { user, client } => StateChange::Grant { user, client },
        Scope::Session { user, session } => StateChange::Session { user, session },
        Scope::Token { token } => StateChange::Token(token),
        Scope::Key { key } => StateChange::Key(key),
        Scope::ForeignIssuer { .. } | Scope::ForeignSubject { .. } | Scope::ForeignSession { .. } => {
            StateChange::Foreign
        }
    };
    append(tx, Change::Revoke(scope.clone()), &state)
}

/// Writes the next entry.
pub(crate) fn append(tx: &mut dyn EndingTx, change: Change, state: &StateChange) -> Result<LogRow, StoreError> {
    let row = next_row(tx, change)?;
    tx.write_entry(&row, state, &event(row.at.0))?;
    Ok(row)
}

/// The next entry.
pub(crate) fn next_row(tx: &dyn EndingTx, change: Change) -> Result<LogRow, StoreError> {
    let head = tx.head()?.position;
    let number = head.number + 1;
    let position = Position { epoch: head.epoch, number };
    let (reason, at) = (format!("because {number}"), Timestamp(50_000 + number));
    Ok(LogRow { position, change, reason, actor: Actor::CommandLine, at, tag: Tag([7; 40]) })
}

/// Ends everyone, `count` times.
pub(crate) async fn advance(store: &Handle, count: u64) {
    for _ in 0..count {
        end(store, |tx| revoke(tx, &Scope::Everyone { services: false })).await;
    }
}

pub(crate) fn epoch() -> Epoch {
    Epoch::from_bytes(FIRST_EPOCH)
}

pub(crate) fn at(number: u64) -> Position {
    Position { epoch: epoch(), number }
}

/// 16 bytes whose order is that of the numbers.
fn id(n: u64) -> [u8; 16] {
    let mut bytes = [0x40; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(crate) fn user_id(n: u64) -> UserId {
    UserId::from_bytes(id(n))
}

pub(crate) fn session_id(n: u64) -> SessionId {
    SessionId::from_bytes(id(n))
}

pub(crate) fn token_id(n: u64) -> TokenId {
    TokenId::from_bytes(id(n))
}

pub(crate) fn client_id(name: &str) -> ClientId {
    name.parse().expect("a client id")
}

pub(crate) fn key_id(name: &str) -> KeyId {
    name.parse().expect("a key id")
}

pub(crate) fn user(n: u64) -> User {
    User {
        id: user_id(n),
        login: format!("User-{n:03}@Example.org"),
        login_key: format!("user-{n:03}@example.org"),
        password: Some(PasswordHash::new(format!("$argon2id$test${n}"))),
        role: Role::User,
        state: UserState::Active,
        external_id: None,
        metadata: Some(format!("{{\"n\":{n}}}")),
        created_at: Timestamp(2_000 + n),
        cut: UserCut::born(0),
    }
}

/// Session `n` of user `of`, begun at the time `n`.
pub(crate) fn session(of: u64, n: u64) -> Session {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    Session {
        id: session_id(n),
        user: user_id(of),
        position: at(0),
        started_at: Timestamp(10_000 + n),
        last_seen_at: Timestamp(20_000 + n),
        expires_at: Timestamp(9_000_000),
        idle_lifetime: Duration::from_hours(1),
        address: Some(address),
        user_agent: Some("Mozilla/5.0 (a browser)".into()),
        name: Some("the kitchen's".into()),
        amr: vec!["pwd".into(), "otp".into()],
        auth_time: Timestamp(10_000 + n),
        remembered: true,
        binding: Binding::Address(address),
        metadata: Some("{\"theme\":\"dark\"}".into()),
        ended: None,
    }
}

/// Chain `index` of session `n` of user `of`.
pub(crate) fn chain(of: u64, n: u64, index: u16, client: &str) -> Chain {
    Chain {
        key: ChainKey { user: user_id(of), session: session_id(n), index },
        client: client_id(client),
        position: at(0),
        counter: 0,
        salt: [3; 16],
        epoch: epoch(),
        mac_key: MacKeyId([5; 8]),
        rotations: Vec::new(),
        scope: "openid profile".into(),
        audiences: vec!["https://api.example.org".into()],
    }
}

pub(crate) fn client(name: &str) -> Client {
    Client {
        id: client_id(name),
        name: format!("The {name}"),
        kind: ClientKind::Mobile,
        audiences: vec!["https://api.example.org".into()],
        scopes: vec!["read".into(), "write".into()],
        secret: Some(rescind_domain::secret::SecretHash([9; 32])),
        origins: vec!["https://app.example.org".into()],
        policy: ClientPolicy { session_limit: Some(3), ..ClientPolicy::default() },
        created_at: Timestamp(3_000),
        cut: 0,
    }
}

pub(crate) fn mac_key(name: &str, created_at: u64) -> KeyRow {
    key(name, Purpose::Mac, None, created_at)
}

pub(crate) fn signing_key(name: &str, created_at: u64) -> KeyRow {
    key(name, Purpose::Sign(Algorithm::EdDSA), Some(jwk(name)), created_at)
}

fn key(name: &str, purpose: Purpose, public: Option<Jwk>, created_at: u64) -> KeyRow {
    KeyRow {
        id: key_id(name),
        purpose,
        public,
        sealed: b"sealed".to_vec(),
        added: 0,
        created_at: Timestamp(created_at),
        superseded_at: None,
        revoked: None,
    }
}

pub(crate) fn jwk(name: &str) -> Jwk {
    Jwk {
        kid: key_id(name),
        alg: Algorithm::EdDSA,
        usage: "sig".into(),
        material: Material::Okp { crv: "Ed25519".into(), x: "eHh4".into() },
    }
}

pub(crate) fn event(at: u64) -> NewEvent {
    NewEvent::new(Timestamp(at), EventKind::Revoked, Actor::System)
}

/// Everything, as text; values that hide themselves are for the test to compare.
pub(crate) fn shown(what: &impl std::fmt::Debug) -> String {
    format!("{what:#?}")
}

/// The store's own error of a verb's.
pub(crate) fn store_error(error: Error) -> StoreError {
    match error {
        Error::Store(error) => error,
        other => panic!("not the store's: {other}"),
    }
}

/// Whether an error is that of a row that cannot be, in this table and column.
pub(crate) fn is_corrupt(error: &StoreError, in_table: &str, in_column: &str) -> bool {
    matches!(error, StoreError::Corrupt { table, column, .. } if *table == in_table && *column == in_column)
}
