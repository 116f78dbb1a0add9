//! Naming a device, and attaching an application's data to it.

use rescind_wire::SessionId;

use crate::acting::Acting;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::session::Session;
use crate::user::check_metadata;
use crate::verbs::list_sessions::Listed;
use crate::verbs::sign_in::check_device_name;
use crate::world::World;

/// What changes; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The device's name; `Some(None)` goes back to the one made from its user agent.
    pub name: Option<Option<String>>,
    /// A JSON object of at most 4,096 bytes; `Some(None)` removes it.
    pub metadata: Option<Option<String>>,
}

/// Changes one of one's own living sessions.
pub async fn update_session(
    world: &World,
    acting: &Acting,
    session: SessionId,
    changes: Changes,
) -> Result<Listed, Error> {
    if let Some(Some(name)) = &changes.name {
        check_device_name(name)?;
    }
    if let Some(Some(metadata)) = &changes.metadata {
        check_metadata(metadata)?;
    }
    let (acting, inner) = (acting.clone(), world.clone());
    world
        .store
        .transact("update_session", move |tx| {
            let (user, _) = acting.check(tx, &inner)?;
            let row = tx.session(&user.id, &session)?.ok_or(Error::NotFound("session"))?;
            if !crate::standing::StoreCuts::new(tx)?.session_is_alive(&row, inner.now())? {
                return Err(Error::NotFound("session"));
            }
            let name = changes.name.clone().unwrap_or(row.name.clone());
            let metadata = changes.metadata.clone().unwrap_or(row.metadata.clone());
            tx.set_session_data(&user.id, &session, name.as_deref(), metadata.as_deref())?;
            let event = NewEvent::new(inner.now(), EventKind::SessionChanged, acting.actor())
                .user(user.id)
                .session(session)
                .from(inner.stored_address(acting.address()));
            tx.add_event(&event)?;
            let chain = tx.chains(&user.id, &session)?.into_iter().next().ok_or(Error::NotFound("session"))?;
            Ok(Listed { session: Session { name, metadata, ..row }, client: chain.client, client_name: None })
        })
        .await
}
