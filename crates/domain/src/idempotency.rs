//! Requests that may be sent twice: the answer to the first is remembered for 24 hours under the caller's key.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::{StoreError, Tx};

/// How long an answer is remembered.
pub const REMEMBERED_FOR: Duration = Duration::from_hours(24);

/// The longest key, in bytes.
pub const MAX_KEY: usize = 255;

/// What a caller says so that a request is done once.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// Who says it: keys of different callers never meet.
    pub caller: String,
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
    if let Some(known) = tx.remembered(&key.caller, &key.key)?
        && now.since(known.at).is_none_or(|age| age < REMEMBERED_FOR)
    {
        if known.fingerprint != key.fingerprint {
            return Err(Error::IdempotencyMismatch);
        }
        return serde_json::from_str(&known.answer).map_err(|error| unreadable(key, &error));
    }
    let answer = body(tx)?;
    let text = serde_json::to_string(&answer).map_err(|error| unreadable(key, &error))?;
    tx.remember(&key.caller, &key.key, &Remembered { fingerprint: key.fingerprint, answer: text, at: now })?;
    Ok(answer)
}

fn unreadable(key: &Idempotency, error: &serde_json::Error) -> Error {
    StoreError::Corrupt { table: "remembered", column: "answer", key: key.key.clone(), problem: error.to_string() }
        .into()
}
