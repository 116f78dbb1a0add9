//! What happened to one's own account lately.

use crate::acting::Acting;
use crate::error::Error;
use crate::event::{Event, EventKind};
use crate::revocation::Actor;
use crate::session::Session;
use crate::store::{StoreError, View};
use crate::world::World;

/// Most rows that are looked at for a page: what concerns nobody but operators must not make a page slow.
const MOST_READ: usize = 1000;

/// Something that happened to one's own account.
#[derive(Debug)]
pub struct OwnEvent {
    /// What.
    pub event: Event,
    /// The session that it names, living or not. None if it names none, or one that was purged.
    pub session: Option<Session>,
}

/// One page of events.
#[derive(Debug)]
pub struct OwnEvents {
    /// The events, newest first.
    pub events: Vec<OwnEvent>,
    /// Where the next page goes on, if there is more.
    pub next: Option<u64>,
}

/// Events about whoever is signed in, before the event `before` if given, newest first: those that say something about the
/// account's security. Where somebody else did it, from where is not told.
///
/// # Errors
/// [`Error::SignedOut`] if whoever asks no longer is.
pub async fn list_own_events(
    world: &World,
    acting: &Acting,
    before: Option<u64>,
    limit: u32,
) -> Result<OwnEvents, Error> {
    let (acting, inner) = (acting.clone(), world.clone());
    world
        .store
        .read("list_own_events", move |view| {
            let (user, _) = acting.check(view, &inner)?;
            let mut events: Vec<OwnEvent> = Vec::new();
            let mut before = before.unwrap_or(u64::MAX);
            let mut read = 0;
            loop {
                let rows = view.events_before(Some(&user.id), before, limit.saturating_add(1))?;
                let exhausted = rows.len() <= limit as usize;
                read += rows.len();
                for event in rows {
                    if concerns(event.what.kind) && events.len() == limit as usize {
                        return Ok(OwnEvents { events, next: Some(before) });
                    }
                    before = event.id;
                    if concerns(event.what.kind) {
                        events.push(told(view, event, &user.id)?);
                    }
                }
                if exhausted {
                    return Ok(OwnEvents { events, next: None });
                }
                if read >= MOST_READ {
                    return Ok(OwnEvents { events, next: Some(before) });
                }
            }
        })
        .await
}

/// Whether an event is of interest to the person whom it is about.
const fn concerns(kind: EventKind) -> bool {
    !matches!(kind, EventKind::PasswordUpgraded | EventKind::RefreshRefused | EventKind::UserChanged)
}

/// An event as its user may see it.
fn told(view: &dyn View, mut event: Event, user: &rescind_wire::UserId) -> Result<OwnEvent, StoreError> {
    let own = match &event.what.actor {
        Actor::User { user: actor, .. } => actor == user,
        // Whoever failed to sign in as this user: from where is what the user wants to know.
        Actor::Anonymous | Actor::System => true,
        Actor::Client(_) | Actor::CommandLine => false,
    };
    if !own {
        event.what.address = None;
    }
    let session = match &event.what.session {
        Some(session) => view.session(user, session)?,
        None => None,
    };
    Ok(OwnEvent { event, session })
}
