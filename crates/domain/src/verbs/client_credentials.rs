//! Clients acting for themselves (RFC 6749 §4.4).

use std::net::IpAddr;

use rescind_wire::{ClientId, Standing, Subject, Thing};

use crate::client::{Client, scope_of};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::issue::{self, AccessToken, Ticket};
use crate::revocation::Actor;
use crate::secret::Secret;
use crate::standing::StoreCuts;
use crate::world::World;

/// What a client asks for.
#[derive(Debug)]
pub struct ClientCredentials {
    /// Who it says it is.
    pub client: ClientId,
    /// Its secret.
    pub secret: Secret,
    /// Scopes, separated by spaces; all it may have if none.
    pub scope: Option<String>,
    /// For whom; the issuer if none.
    pub audiences: Vec<String>,
    /// From where.
    pub address: Option<IpAddr>,
}

/// A token for a client acting for itself. There is no refresh token: it can ask again (RFC 6749 §4.4.3).
pub async fn client_credentials(world: &World, request: ClientCredentials) -> Result<(AccessToken, String), Error> {
    let read_at = world.now();
    let position = world.store.position().await?;
    let inner = world.clone();
    let (name, address) = (request.client.clone(), request.address);
    let found = world
        .store
        .read("client_credentials", move |view| {
            let client = view.client(&request.client)?.ok_or(Error::InvalidCredentials)?;
            if !knows_secret(&client, &request.secret) {
                return Ok(None);
            }
            let thing = Thing {
                user: None,
                session: None,
                client: Some(&client.id),
                token: None,
                key: None,
                position,
                authorized: position,
            };
            if let Standing::Ended(_) = StoreCuts::new(view)?.judge(&thing)? {
                return Err(Error::Overtaken);
            }
            let scope = allowed_scope(&client, request.scope.as_deref())?;
            let audiences = allowed_audiences(&inner, &client, request.audiences)?;
            let ticket = Ticket {
                subject: Subject::Client(client.id.clone()),
                session: None,
                client: client.id,
                algorithm: issue::algorithm_for(view, &inner, &audiences, position.number)?,
                audiences,
                scope: scope.clone(),
                position,
                read_at,
            };
            let ticket = ticket.of_bounded_length(&inner)?;
            Ok(Some((ticket, scope)))
        })
        .await?;
    let Some((ticket, scope)) = found else {
        write_down(world, name, address).await?;
        return Err(Error::InvalidCredentials);
    };
    Ok((issue::access_token(world, ticket)?, scope))
}

/// Writes down that a client showed a wrong secret: of many, one a minute.
async fn write_down(world: &World, client: ClientId, address: Option<IpAddr>) -> Result<(), Error> {
    let now = world.now();
    let Some(count) = world.throttle.refused_client(&client, now.0) else { return Ok(()) };
    let mut event = NewEvent::new(now, EventKind::ClientAuthenticationFailed, Actor::Anonymous)
        .client(client)
        .from(world.stored_address(address));
    if count > 1 {
        event = event.detail(format!("{count} times since the last such event"));
    }
    world.store.transact("client_authentication_failed", move |tx| Ok(tx.add_event(&event)?)).await
}

fn knows_secret(client: &Client, secret: &Secret) -> bool {
    client.secret.is_some_and(|hash| hash.matches(secret))
}

fn allowed_scope(client: &Client, asked: Option<&str>) -> Result<String, Error> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(scope_of(client.scopes.iter().map(String::as_str)));
    };
    match asked.split(' ').find(|name| client.scopes.iter().all(|own| own != name)) {
        None => Ok(scope_of(asked.split(' '))),
        Some(other) => {
            let problem = format!("{other} is not among this client's scopes");
            Err(Error::Invalid { field: "scope", problem })
        }
    }
}

fn allowed_audiences(world: &World, client: &Client, asked: Vec<String>) -> Result<Vec<String>, Error> {
    let issuer = &world.policy.issuer;
    if asked.is_empty() {
        return Ok(vec![issuer.clone()]);
    }
    match asked.iter().find(|name| *name != issuer && !client.audiences.contains(name)) {
        None => Ok(asked),
        Some(other) => {
            let problem = format!("{other} is not among this client's audiences");
            Err(Error::Invalid { field: "audience", problem })
        }
    }
}
