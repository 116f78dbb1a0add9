//! Explaining why something is refused: which revocation, when, by whom and why.

use rescind_wire::{AccessClaims, Cause, Change, ClientId, KeyId, Position, Scope, Standing};

use crate::acting::Administrator;
use crate::chain::{Chain, Turn};
use crate::error::Error;
use crate::refresh_token;
use crate::revocation::LogRow;
use crate::session::{Expiry, Session};
use crate::standing::StoreCuts;
use crate::store::View;
use crate::world::World;

/// What became of a token.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Why it is dead by the one rule, if it is, and the entry of the log that says so.
    pub ended: Option<(Cause, Option<LogRow>)>,
    /// The session that it belongs to, if there is one and it was not purged.
    pub session: Option<Session>,
    /// Whether that session has expired.
    pub expiry: Option<Expiry>,
}

/// Explains an access token whose signature is right.
pub async fn access_token(
    world: &World,
    admin: &Administrator,
    claims: AccessClaims,
    key: KeyId,
) -> Result<Explanation, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("explain_access_token", move |view| {
            admin.check(view, &inner)?;
            let standing = StoreCuts::new(view)?.judge(&claims.thing(&key))?;
            let session = match (claims.user(), claims.sid) {
                (Some(user), Some(session)) => view.session(user, &session)?,
                _ => None,
            };
            let expiry = session.as_ref().and_then(|session| session.expiry(inner.now()));
            let ended = ended(view, standing, &claims.client_id, claims.rev)?;
            Ok(Explanation { ended, session, expiry })
        })
        .await
}

/// Explains a refresh token; `None` if it is none of this authority's. Looking does not use it.
pub async fn refresh_token(
    world: &World,
    admin: &Administrator,
    token: &str,
) -> Result<Option<(Explanation, Chain, Turn)>, Error> {
    let Some(token) = refresh_token::take_apart(token) else {
        return Ok(None);
    };
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("explain_refresh_token", move |view| {
            admin.check(view, &inner)?;
            let key = token.unverified_chain;
            let Some(chain) = view.chain(&key)? else {
                return Ok(None);
            };
            let name = token.unverified_key.key_id();
            let Some(row) = view.keys()?.into_iter().find(|row| row.id == name) else {
                return Ok(None);
            };
            let Some(authentic) = token.verify(&chain, &inner.keyring.open_mac(&row)?) else {
                return Ok(None);
            };
            let Some(session) = view.session(&key.user, &key.session)? else {
                return Ok(None);
            };
            let cuts = StoreCuts::new(view)?;
            let standing = cuts.judge_chain(&session, &chain, Some(&name))?;
            let current = cuts.head().position.epoch;
            let grace = inner.policy.refresh_grace;
            let turn = chain.turn(authentic.n(), authentic.epoch(), current, inner.now(), grace);
            let expiry = session.expiry(inner.now());
            let ended = ended(view, standing, &chain.client, chain.position)?;
            let explanation = Explanation { ended, session: Some(session), expiry };
            Ok(Some((explanation, chain, turn)))
        })
        .await
}

/// The entry that says why `standing` is what it is, for what `client` was given at `authorized`.
fn ended(
    view: &dyn View,
    standing: Standing,
    client: &ClientId,
    authorized: Position,
) -> Result<Option<(Cause, Option<LogRow>)>, Error> {
    let Standing::Ended(cause) = standing else { return Ok(None) };
    let Cause::Revoked { scope, number } = cause else { return Ok(Some((cause, None))) };
    let row = view.log_entry(number)?;
    let removal = Scope::Client { client: client.clone() };
    if scope != removal.kind() || row.as_ref().is_some_and(|row| row.change == Change::Revoke(removal.clone())) {
        return Ok(Some((cause, row)));
    }
    // A client that was removed left no cut behind, or only that of its birth, should it have been added again.
    let found = first_after(view, authorized.number, &Change::Revoke(removal))?;
    let number = found.as_ref().map_or(number, |row| row.position.number);
    Ok(Some((Cause::Revoked { scope, number }, found)))
}

/// The first entry after `number` that does this.
fn first_after(view: &dyn View, mut number: u64, change: &Change) -> Result<Option<LogRow>, Error> {
    /// Entries read at a time.
    const ROUND: u32 = 256;
    loop {
        let rows = view.log_after(number, ROUND)?;
        let Some(last) = rows.last() else { return Ok(None) };
        number = last.position.number;
        if let Some(row) = rows.into_iter().find(|row| row.change == *change) {
            return Ok(Some(row));
        }
    }
}
