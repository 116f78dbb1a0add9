//! Clients acting for themselves (RFC 6749 §4.4).

use rescind_wire::{ClientId, Standing, Subject, Thing};

use crate::client::Client;
use crate::error::Error;
use crate::issue::{self, AccessToken, Ticket};
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
}

/// A token for a client acting for itself. There is no refresh token: it can ask again (RFC 6749 §4.4.3).
pub async fn client_credentials(world: &World, request: ClientCredentials) -> Result<(AccessToken, String), Error> {
    let read_at = world.now();
    let position = world.store.position().await?;
    let inner = world.clone();
    let (ticket, scope) = world
        .store
        .read("client_credentials", move |view| {
            let client = view.client(&request.client)?.filter(|client| knows_secret(client, &request.secret));
            let client = client.ok_or(Error::InvalidCredentials)?;
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
            Ok((ticket, scope))
        })
        .await?;
    Ok((issue::access_token(world, ticket)?, scope))
}

fn knows_secret(client: &Client, secret: &Secret) -> bool {
    client.secret.is_some_and(|hash| hash.matches(secret))
}

fn allowed_scope(client: &Client, asked: Option<&str>) -> Result<String, Error> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(client.scopes.join(" "));
    };
    match asked.split(' ').find(|name| client.scopes.iter().all(|own| own != name)) {
        None => Ok(asked.to_owned()),
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
