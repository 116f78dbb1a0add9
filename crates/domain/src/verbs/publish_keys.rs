//! The public keys that access tokens may be signed with now (RFC 7517 §5).

use rescind_wire::JwkSet;

use crate::error::Error;
use crate::world::World;

/// Every signing key that was not revoked: the one that signs, and those whose tokens may still live.
pub async fn publish_keys(world: &World) -> Result<JwkSet, Error> {
    world
        .store
        .read("publish_keys", |view| {
            let rows = view.keys()?.into_iter().filter(|row| row.revoked.is_none());
            Ok(JwkSet { keys: rows.filter_map(|row| row.public).collect() })
        })
        .await
}
