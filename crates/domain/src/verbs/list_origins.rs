//! The origins whose scripts may call the API, as clients list them.

use std::collections::HashSet;

use crate::error::Error;
use crate::world::World;

/// Clients read at a time.
const ROUND: u32 = 200;

/// Every origin that some client lists.
pub async fn list_origins(world: &World) -> Result<HashSet<String>, Error> {
    world
        .store
        .read("list_origins", |view| {
            let mut origins = HashSet::new();
            let mut after = String::new();
            loop {
                let clients = view.clients(&after, ROUND)?;
                let Some(last) = clients.last() else {
                    return Ok(origins);
                };
                last.id.as_str().clone_into(&mut after);
                origins.extend(clients.into_iter().flat_map(|client| client.origins));
            }
        })
        .await
}
