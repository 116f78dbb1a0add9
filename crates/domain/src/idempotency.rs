//! Requests that may be sent twice: the answer to the first is remembered for 24 hours under the caller's key.

use std::time::Duration;

use rescind_wire::SessionId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::{StoreError, Tx, View};
use crate::world::World;

/// How long an answer is remembered.
pub const REMEMBERED_FOR: Duration = Duration::from_hours(24);

/// The longest key, in bytes.
pub const MAX_KEY: usize = 255;

/// What a caller says so that a request is done once.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// Who says it: keys of different callers never meet.
    pub caller: String,
    /// From which session, if from any.
    pub session: Option<SessionId>,
    /// The key.
    pub key: String,
    /// SHA-256 of the request, so that a key is not used for two.
    pub fingerprint: [u8; 32],
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// To which request.
    pub fingerprint: [u8; 32],
    /// What, as JSON.
    pub answer: String,
    /// When.
    pub at: Timestamp,
}

/// Does `body` unless it was done before under the same key, in the same transaction as the remembering.
pub fn once<X, T, F>(tx: &mut X, key: Option<&Idempotency>, now: Timestamp, body: F) -> Result<T, Error>
where
    X: Tx + ?Sized,
    T: Serialize + DeserializeOwned,
    F: FnOnce(&mut X) -> Result<T, Error>,
{
    let Some(key) = key else { return body(tx) };
    if let Some(said) = said(tx, key, now)? {
        return Ok(said.answer);
    }
    let said = Said { session: key.session, answer: body(tx)? };
    let text = serde_json::to_string(&said).map_err(|error| unreadable(key, &error))?;
    tx.remember(&key.caller, &key.key, &Remembered { fingerprint: key.fingerprint, answer: text, at: now })?;
    Ok(said.answer)
}

/// What the same request was answered before, if it was.
pub(crate) fn answered<V, T>(view: &V, key: Option<&Idempotency>, now: Timestamp) -> Result<Option<T>, Error>
where
    V: View + ?Sized,
    T: DeserializeOwned,
{
    let Some(key) = key else { return Ok(None) };
    Ok(said(view, key, now)?.map(|said| said.answer))
}

/// What the same request was answered before, for whoever ended their own session by it and so can no longer be told as a
/// caller. It has to come from that very session, and to be the same to the last byte; nothing is done, and nothing is
/// told that was not told before.
///
/// # Errors
/// [`Error::Store`] if that cannot be read.
pub async fn repeated<T>(world: &World, key: Idempotency) -> Result<Option<T>, Error>
where
    T: DeserializeOwned + Send + 'static,
{
    let now = world.now();
    world
        .store
        .read("repeated", move |view| match said(view, &key, now) {
            Ok(said) => Ok(said.filter(|said| said.session.is_some())),
            Err(Error::IdempotencyMismatch) => Ok(None),
            Err(error) => Err(error),
        })
        .await
        .map(|said: Option<Said<T>>| said.map(|said| said.answer))
}

/// What is remembered of an answer.
#[derive(Serialize, Deserialize)]
struct Said<T> {
    /// To which session.
    session: Option<SessionId>,
    answer: T,
}

fn said<V, T>(view: &V, key: &Idempotency, now: Timestamp) -> Result<Option<Said<T>>, Error>
where
    V: View + ?Sized,
    T: DeserializeOwned,
{
    let known = view.remembered(&key.caller, &key.key)?;
    let Some(known) = known.filter(|known| now.since(known.at).is_none_or(|age| age < REMEMBERED_FOR)) else {
        return Ok(None);
    };
    if known.fingerprint != key.fingerprint {
        return Err(Error::IdempotencyMismatch);
    }
    let said: Said<T> = serde_json::from_str(&known.answer).map_err(|error| unreadable(key, &error))?;
    // The same words from another device mean another thing: "all but this one" is not what the first one said.
    if said.session != key.session {
        return Err(Error::IdempotencyMismatch);
    }
    Ok(Some(said))
}

fn unreadable(key: &Idempotency, error: &serde_json::Error) -> Error {
    StoreError::Corrupt { table: "remembered", column: "answer", key: key.key.clone(), problem: error.to_string() }
        .into()
}
