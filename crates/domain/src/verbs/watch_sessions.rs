//! Watching the sessions of one user: what happened to them, and whether whoever watches still may. How long to wait, and
//! whom to tell, is not decided here.

use std::fmt;
use std::sync::Arc;

use rescind_wire::{SessionId, UserId};

use crate::acting::Acting;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::event::{Event, EventKind, NewEvent};
use crate::session::Session;
use crate::standing::StoreCuts;
use crate::store::View;
use crate::user::{User, UserState};
use crate::verbs::list_sessions::{self, Listed};
use crate::world::World;

/// Events read at a time. Whoever is further behind is told that much happened, not what.
pub const LOOK: u32 = 1000;

/// The sessions of a user whose expiry is foreseen: as many as a page of the list has.
const FORESEEN: u32 = 100;

/// Whether whoever watches still may, by what one transaction sees: [`Error::SignedOut`] if not. Asked before each word.
pub type Judge = Arc<dyn Fn(&dyn View, &World) -> Result<(User, Session), Error> + Send + Sync>;

/// Whoever watches: a user, from one of their sessions.
#[derive(Clone)]
pub struct Watcher {
    /// Whose sessions.
    pub user: UserId,
    /// From which of them.
    pub session: SessionId,
    /// Says whether that session still stands.
    pub judge: Judge,
}

impl Watcher {
    /// Whoever presents this access token. It is judged without its `exp`: what was begun with it goes on for as long as
    /// the session does.
    pub fn by_token(acting: Acting) -> Result<Self, Error> {
        let (user, session) = acting.person()?;
        Ok(Self { user, session, judge: Arc::new(move |view, world| acting.check(view, world)) })
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("user", &self.user).field("session", &self.session).finish_non_exhaustive()
    }
}

/// What happened to sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A device signed in.
    SignedIn,
    /// A session was ended; several, if none is named.
    Ended,
    /// One may have expired.
    Expired,
    /// A session's name or metadata was changed.
    Renamed,
    /// The person authenticated again in a session.
    Reauthenticated,
    /// More than can be told one by one.
    Many,
}

impl Kind {
    /// As it is shown; stable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Renamed => "renamed",
            Self::Reauthenticated => "reauthenticated",
            Self::Many => "many",
        }
    }
}

/// That something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub kind: Kind,
    /// To which session, if to one.
    pub session: Option<SessionId>,
}

impl Notice {
    /// One about no session in particular.
    pub const fn of(kind: Kind) -> Self {
        Self { kind, session: None }
    }

    /// What an event says to those who watch, and to whom: one user, or everybody. Nothing if no session changed. Every
    /// ending writes its event (A15), and one that is not known here by its kind is known by its entry of the log.
    pub fn read(event: &NewEvent) -> Option<(Option<UserId>, Self)> {
        let about = |kind| Self { kind, session: event.session };
        let notice = match event.kind {
            EventKind::SignedIn => about(Kind::SignedIn),
            EventKind::SessionChanged => about(Kind::Renamed),
            EventKind::Reauthenticated => about(Kind::Reauthenticated),
            EventKind::SessionEnded | EventKind::SessionDisplaced | EventKind::RefreshReused => about(Kind::Ended),
            _ if event.revocation.is_none() => return None,
            _ if event.user.is_some() => Self::of(Kind::Ended),
            _ => Self::of(Kind::Many),
        };
        Some((event.user, notice))
    }
}

/// When sessions run out unless they are used meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The watcher's own.
    pub own: Timestamp,
    /// The first of the others.
    pub others: Option<Timestamp>,
}

impl Ends {
    /// The first of all.
    pub fn first(&self) -> Timestamp {
        self.others.map_or(self.own, |others| others.min(self.own))
    }
}

/// Where a watcher begins.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// The last event before.
    pub event: u64,
    /// When sessions run out.
    pub ends: Ends,
}

/// Judges whoever begins to watch, and says from which event on.
pub async fn begin(world: &World, watcher: &Watcher) -> Result<Beginning, Error> {
    let (watcher, inner) = (watcher.clone(), world.clone());
    world
        .store
        .read("begin_to_watch", move |view| {
            let (user, own) = (watcher.judge)(view, &inner)?;
            Ok(Beginning { event: view.last_event()?, ends: ends(view, &inner, &user, &own)? })
        })
        .await
}

/// Something that happened, with what there is to show of it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What.
    pub kind: Kind,
    /// To which session, if to one.
    pub session: Option<SessionId>,
    /// That session as the list shows it, if it is new or changed.
    pub listed: Option<Listed>,
}

/// What a watcher is told.
#[derive(Debug)]
pub enum Told {
    /// What happened, and when sessions run out from now on.
    Changes(Vec<Change>, Ends),
    /// The watcher's own session is over.
    Ended,
    /// The session goes on, but not by what the watcher showed: the token or its key was revoked, or what its client held.
    Refused,
}

/// Judges a watcher again, then looks up what there is to show. Sessions that have ended meanwhile are passed over: their
/// ending has a notice of its own.
pub async fn tell(world: &World, watcher: &Watcher, notices: Vec<Notice>) -> Result<Told, Error> {
    let (watcher, inner) = (watcher.clone(), world.clone());
    world
        .store
        .read("tell_watcher", move |view| {
            let (user, own) = match (watcher.judge)(view, &inner) {
                Ok(found) => found,
                Err(Error::SignedOut(_)) => {
                    let over = is_over(view, &inner, &watcher)?;
                    return Ok(if over { Told::Ended } else { Told::Refused });
                }
                Err(error) => return Err(error),
            };
            let mut changes = Vec::new();
            for notice in notices {
                changes.extend(change(view, &inner, &user, notice)?);
            }
            Ok(Told::Changes(changes, ends(view, &inner, &user, &own)?))
        })
        .await
}

fn change(view: &dyn View, world: &World, user: &User, notice: Notice) -> Result<Option<Change>, Error> {
    let Notice { kind, session } = notice;
    let bare = Change { kind, session, listed: None };
    let shown = matches!(kind, Kind::SignedIn | Kind::Renamed | Kind::Reauthenticated);
    let Some(id) = session.filter(|_| shown) else { return Ok(Some(bare)) };
    let Some(session) = view.session(&user.id, &id)? else { return Ok(None) };
    let client = StoreCuts::new(view)?.client_of_living(&session, world.now())?;
    Ok(client.map(|client| Change { listed: Some(Listed { session, client, client_name: None }), ..bare }))
}

/// Whether the session itself is over, whatever the watcher showed for it.
fn is_over(view: &dyn View, world: &World, watcher: &Watcher) -> Result<bool, Error> {
    let Some(user) = view.user(&watcher.user)? else { return Ok(true) };
    if user.lock_at(world.now()).is_some() || matches!(user.state, UserState::Deleted { .. }) {
        return Ok(true);
    }
    let Some(session) = view.session(&watcher.user, &watcher.session)? else { return Ok(true) };
    Ok(!StoreCuts::new(view)?.session_is_alive(&session, world.now())?)
}

fn ends(view: &dyn View, world: &World, user: &User, own: &Session) -> Result<Ends, Error> {
    let page = list_sessions::page(&StoreCuts::new(view)?, user, world.now(), None, FORESEEN)?;
    let others = page.sessions.iter().filter(|listed| listed.session.id != own.id);
    Ok(Ends { own: own.runs_out_at(), others: others.map(|listed| listed.session.runs_out_at()).min() })
}

/// What happened since an event.
#[derive(Debug)]
pub struct Look {
    /// The events after it, oldest first, [`LOOK`] at most.
    pub events: Vec<Event>,
    /// The last event there is.
    pub last: u64,
}

/// Reads what happened since the event `after`, for all watchers at once. Shows it to nobody.
pub async fn look(world: &World, after: u64) -> Result<Look, Error> {
    let read = move |view: &dyn View| {
        let last = view.last_event()?;
        let events = if last > after { view.events(None, after, LOOK)? } else { Vec::new() };
        Ok(Look { events, last })
    };
    world.store.read("look_for_watchers", read).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::Actor;

    const USER: UserId = UserId::from_bytes([1; 16]);
    const SESSION: SessionId = SessionId::from_bytes([2; 16]);

    fn event(kind: EventKind) -> NewEvent {
        NewEvent::new(Timestamp(1), kind, Actor::System)
    }

    #[test]
    fn whatever_came_with_an_entry_of_the_log_is_told() {
        for kind in EventKind::ALL {
            let wide = NewEvent { revocation: Some(7), ..event(*kind) };
            assert!(Notice::read(&wide).is_some_and(|(user, _)| user.is_none()), "{kind}");
            let (user, notice) = Notice::read(&wide.user(USER).session(SESSION)).expect("told");
            assert_eq!(user, Some(USER), "{kind}");
            assert_ne!(notice.kind, Kind::Many, "{kind}: it is about one user");
        }
    }

    #[test]
    fn a_failed_sign_in_changes_no_session() {
        for kind in [EventKind::SignInFailed, EventKind::RefreshRefused, EventKind::SessionEndRefused] {
            assert_eq!(Notice::read(&event(kind).user(USER).session(SESSION)), None, "{kind}");
        }
    }

    #[test]
    fn whoever_ends_the_others_is_not_said_to_have_ended() {
        let ended = NewEvent { revocation: Some(7), ..event(EventKind::SessionsEnded) };
        let (_, notice) = Notice::read(&ended.user(USER).session(SESSION)).expect("told");
        assert_eq!(notice, Notice::of(Kind::Ended), "the event names the session that asked");
    }
}
