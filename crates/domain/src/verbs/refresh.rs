//! Refreshing: a new access token, and the next refresh token of the chain (design §3).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use rescind_wire::{ClientId, Subject};

use crate::audience;
use crate::chain::Turn;
use crate::client::scope_of;
use crate::error::{Error, RefreshRefusal};
use crate::event::{EventKind, NewEvent};
use crate::held::{self, Found};
use crate::issue::{self, SessionTicket, Ticket};
use crate::keyring::KeyError;
use crate::refresh_token::{self, Unverified};
use crate::revocation::{Actor, current_mac};
use crate::session::Expiry;
use crate::store::{EndingTx, Tx, View};
use crate::verbs::sign_in::{Admitted, SignedIn};
use crate::world::World;

/// What somebody asks for who refreshes.
#[derive(Debug)]
pub struct Refresh {
    /// The refresh token.
    pub token: String,
    /// Fewer scopes than were granted, if the access token should allow less.
    pub scope: Option<String>,
    /// The client that says it refreshes; `None` where a public client need not say.
    pub client: Option<ClientId>,
    /// From where.
    pub address: Option<IpAddr>,
}

/// Refreshes. Whatever is refused is refused alike; the audit log knows why.
pub async fn refresh(world: &World, request: Refresh) -> Result<SignedIn, Error> {
    refresh_for(world, request, None).await
}

/// Refreshes for a script that may speak for these clients alone; for anybody if `None`.
///
/// # Errors
/// [`Error::OtherOrigin`] if the token is good and of another client. Nothing has changed then.
pub async fn refresh_for(
    world: &World,
    request: Refresh,
    clients: Option<Arc<BTreeSet<ClientId>>>,
) -> Result<SignedIn, Error> {
    let token = refresh_token::take_apart(&request.token).ok_or(Error::RefreshRefused(RefreshRefusal::Unknown))?;
    let attempt = Arc::new(Turning { world: world.clone(), token, request, clients });
    let again = Arc::clone(&attempt);
    let turned = match world.store.transact("refresh", move |tx| attempt.turn(tx)).await {
        // A token came back that was rotated out long ago, or from a future that was lost: something must end, so it
        // starts again as an ending, which decides on what it reads itself (R1).
        Err(Error::MustEnd) => world.store.end("refresh_ending", move |tx| again.turn_ending(tx)).await?,
        other => other?,
    };
    turned?.issue(world).map_err(|error| match error {
        Error::SignedOut(_) => Error::RefreshRefused(RefreshRefusal::Expired(Expiry::Absolute)),
        other => other,
    })
}

/// One attempt at a refresh.
struct Turning {
    world: World,
    token: Unverified,
    request: Refresh,
    clients: Option<Arc<BTreeSet<ClientId>>>,
}

/// What a transaction made of it: refusals are written to the audit log, so they commit too.
type Turned = Result<Admitted, Error>;

impl Turning {
    fn turn(&self, tx: &mut dyn Tx) -> Result<Turned, Error> {
        let found = match self.find(tx)? {
            Ok(found) => found,
            Err(refusal) => return self.refuse(tx, refusal).map(Err),
        };
        match self.judge(&found) {
            Turn::Rotate | Turn::Repeat if self.is_of_another(&found) => Err(Error::OtherOrigin),
            Turn::Rotate => self.rotate(tx, found).map(Ok),
            Turn::Repeat => self.admit(tx, found).map(Ok),
            Turn::TooLate => self.refuse(tx, RefreshRefusal::TooLate).map(Err),
            Turn::Reused | Turn::Beyond => Err(Error::MustEnd),
        }
    }

    fn turn_ending(&self, tx: &mut dyn EndingTx) -> Result<Turned, Error> {
        let found = match self.find(tx)? {
            Ok(found) => found,
            Err(refusal) => return self.refuse(tx, refusal).map(Err),
        };
        match self.judge(&found) {
            Turn::Rotate | Turn::Repeat if self.is_of_another(&found) => Err(Error::OtherOrigin),
            Turn::Rotate => self.rotate(tx, found).map(Ok),
            Turn::Repeat => self.admit(tx, found).map(Ok),
            Turn::TooLate => self.refuse(tx, RefreshRefusal::TooLate).map(Err),
            Turn::Reused => self.end_reused(tx, &found).map(Err),
            Turn::Beyond => {
                held::begin_epoch(tx, &self.world, "a refresh token beyond its chain's counter")?;
                Ok(Err(Error::RefreshRefused(RefreshRefusal::Beyond)))
            }
        }
    }

    fn find(&self, view: &dyn View) -> Result<Result<Found, RefreshRefusal>, Error> {
        held::find(view, &self.world, &self.token, self.request.client.as_ref(), self.request.address)
    }

    fn judge(&self, found: &Found) -> Turn {
        let (authentic, now) = (&found.authentic, self.world.now());
        found.chain.turn(authentic.n(), authentic.epoch(), found.head.epoch, now, self.world.policy.refresh_grace)
    }

    fn is_of_another(&self, found: &Found) -> bool {
        self.clients.as_ref().is_some_and(|clients| !clients.contains(&found.chain.client))
    }

    fn rotate(&self, tx: &mut dyn Tx, mut found: Found) -> Result<Admitted, Error> {
        let mac = current_mac(tx, &self.world)?;
        let now = self.world.now();
        found.chain.rotate(found.authentic.n(), now, found.head.epoch, mac.id());
        tx.rotate_chain(&found.chain)?;
        found.session.last_seen_at = found.session.last_seen_at.max(now);
        self.admit(tx, found)
    }

    /// The chain's current token, and what the access token will say.
    fn admit(&self, view: &dyn View, found: Found) -> Result<Admitted, Error> {
        let Found { chain, session, head, .. } = found;
        let name = chain.mac_key;
        let mac = held::mac_key(view, &self.world, name)?.ok_or_else(|| KeyError::Damaged(name.key_id()))?;
        let audiences = audience::of(view, &self.world.policy.issuer, &chain)?;
        let scope = narrowed(&chain.scope, self.request.scope.as_deref())?;
        let ticket = Ticket {
            subject: Subject::User(session.user),
            session: Some(SessionTicket::of(&session)),
            client: chain.client.clone(),
            algorithm: issue::algorithm_for(view, &self.world, &audiences, head.number)?,
            audiences,
            scope,
            // The head as this transaction read it, before the checks that the token vouches for (R2).
            position: head,
            read_at: self.world.now(),
        };
        let ticket = ticket.of_bounded_length(&self.world)?;
        Ok(Admitted { session, client: chain.client.clone(), refresh: refresh_token::mint(&chain, &mac), ticket })
    }

    fn end_reused(&self, tx: &mut dyn EndingTx, found: &Found) -> Result<Error, Error> {
        let reason = "a refresh token came back after it had been replaced";
        held::end_reused(tx, &self.world, found, self.request.address, reason)?;
        Ok(Error::RefreshRefused(RefreshRefusal::Reused))
    }

    fn refuse<X: Tx + ?Sized>(&self, tx: &mut X, refusal: RefreshRefusal) -> Result<Error, Error> {
        // What names no chain of ours leaves no trace: anybody could fill the log with it.
        if refusal != RefreshRefusal::Unknown {
            let chain = self.token.unverified_chain;
            let event = NewEvent::new(self.world.now(), EventKind::RefreshRefused, Actor::Anonymous)
                .user(chain.user)
                .session(chain.session)
                .from(self.world.stored_address(self.request.address))
                .detail(refusal.as_str());
            tx.add_event(&event)?;
        }
        Ok(Error::RefreshRefused(refusal))
    }
}

/// The scopes asked for, if all of them were granted (RFC 6749 §6); all that were granted if none was asked for.
fn narrowed(granted: &str, asked: Option<&str>) -> Result<String, Error> {
    let Some(asked) = asked else {
        return Ok(granted.to_owned());
    };
    let all_granted = asked.split(' ').all(|name| granted.split(' ').any(|own| own == name));
    if all_granted && !asked.is_empty() {
        return Ok(scope_of(asked.split(' ')));
    }
    let problem = if granted.is_empty() {
        "nothing was granted of which some could be asked for: leave it out".to_owned()
    } else {
        format!("ask for some of what was granted: {granted}")
    };
    Err(Error::Invalid { field: "scope", problem })
}
