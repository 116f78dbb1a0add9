//! The origins whose scripts may call the API, as clients list them.

use std::collections::{BTreeSet, HashMap};

use rescind_wire::ClientId;

use crate::error::Error;
use crate::world::World;

/// Clients read at a time.
const ROUND: u32 = 200;

/// Every origin that some client lists, and the clients that do.
pub async fn list_origins(world: &World) -> Result<HashMap<String, BTreeSet<ClientId>>, Error> {
    world
        .store
        .read("list_origins", |view| {
            let mut origins: HashMap<String, BTreeSet<ClientId>> = HashMap::new();
            let mut after = String::new();
            loop {
                let clients = view.clients(&after, ROUND)?;
                let Some(last) = clients.last() else {
                    return Ok(origins);
                };
                last.id.as_str().clone_into(&mut after);
                for client in clients {
                    for origin in client.origins {
                        origins.entry(origin).or_default().insert(client.id.clone());
                    }
                }
            }
        })
        .await
}
