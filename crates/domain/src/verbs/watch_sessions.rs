//! Watching the sessions of one user: what happened to them, and whether whoever watches still may. How long to wait, and
//! whom to tell, is not decided here.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rescind_wire::{Change as WireChange, KeyId, Scope, SessionId, TokenId, UserId};

use crate::acting::Acting;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::refresh_token::{self, Holder};
use crate::session::Session;
use crate::standing::StoreCuts;
use crate::store::View;
use crate::user::{User, UserState};
use crate::verbs::list_sessions::{self, Listed};
use crate::verbs::present_cookie;
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
    /// From where, for sharing out the places.
    pub address: Option<IpAddr>,
    /// What it showed, which may be revoked without the session.
    pub shown: Shown,
    /// Says whether that session still stands.
    pub judge: Judge,
}

/// What a watcher showed of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The access token, if it was one.
    pub token: Option<TokenId>,
    /// The key that it was made with.
    pub key: KeyId,
}

impl Watcher {
    /// Whoever presents this access token. It is judged without its `exp`: what was begun with it goes on for as long as
    /// the session does.
    pub fn by_token(acting: Acting) -> Result<Self, Error> {
        let (user, session) = acting.person()?;
        let (address, shown) =
            (acting.address(), Shown { token: Some(acting.claims().jti), key: acting.key().clone() });
        Ok(Self { user, session, address, shown, judge: Arc::new(move |view, world| acting.check(view, world)) })
    }

    /// A browser with this cookie, which was found to stand for that session. It is judged by the cookie alone: the token that
    /// it stands for now may be revoked without it.
    ///
    /// # Errors
    /// [`Error::SignedOut`] if it is none.
    pub fn by_cookie(
        cookie: String,
        address: Option<IpAddr>,
        (user, session): (UserId, SessionId),
    ) -> Result<Self, Error> {
        let held = refresh_token::take_apart_as(Holder::Cookie, &cookie).ok_or(Error::SignedOut(None))?;
        let shown = Shown { token: None, key: held.unverified_key.key_id() };
        let judge: Judge = Arc::new(move |view, world| {
            let (owner, own) = present_cookie::check(view, world, &cookie, address)?;
            if (owner.id, own.id) == (user, session) { Ok((owner, own)) } else { Err(Error::SignedOut(None)) }
        });
        Ok(Self { user, session, address, shown, judge })
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
}

/// What an event is to those who watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something happened to a user's sessions.
    Of(UserId, Notice),
    /// Something happened that may concern anybody.
    ToAll,
    /// A token was revoked. Who showed it is to be judged, and nobody's sessions have changed.
    Token(TokenId),
    /// A key was revoked. Who showed what it made is to be judged; and if it made refresh tokens and cookies, anybody's
    /// sessions may have ended.
    Key(KeyId),
}

impl News {
    /// What an event says; `revoked` is what its entry of the log covers, if it has one. Nothing if no session changed. Every
    /// ending writes its event (A15), and one that is not known here by its kind is known by its entry.
    pub fn read(event: &NewEvent, revoked: Option<&Scope>) -> Option<Self> {
        let about = |kind| Notice { kind, session: event.session };
        let notice = match event.kind {
            EventKind::SignedIn => about(Kind::SignedIn),
            EventKind::SessionChanged => about(Kind::Renamed),
            EventKind::Reauthenticated => about(Kind::Reauthenticated),
            EventKind::SessionEnded | EventKind::SessionDisplaced | EventKind::RefreshReused => about(Kind::Ended),
            _ if revoked.is_none() => return None,
            _ => Notice::of(Kind::Ended),
        };
        match (event.user, revoked) {
            (_, Some(Scope::Token { token })) => Some(Self::Token(*token)),
            (_, Some(Scope::Key { key })) => Some(Self::Key(key.clone())),
            (_, Some(scope)) if scope.foreign_issuer().is_some() => None,
            (Some(user), _) => Some(Self::Of(user, notice)),
            (None, _) => Some(Self::ToAll),
        }
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
                Err(Error::OtherAddress) => return Ok(Told::Refused),
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
    let Some(client) = client else { return Ok(None) };
    let client_name = view.client(&client)?.map(|client| client.name);
    Ok(Some(Change { listed: Some(Listed { session, client, client_name }), ..bare }))
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
    let page = list_sessions::page(&StoreCuts::new(view)?, user, None, world.now(), None, FORESEEN)?;
    let others = page.sessions.iter().filter(|listed| listed.session.id != own.id);
    Ok(Ends { own: own.runs_out_at(), others: others.map(|listed| listed.session.runs_out_at()).min() })
}

/// What happened since an event.
#[derive(Debug, Default)]
pub struct Look {
    /// What there is to tell, each with the id of its event, oldest first.
    pub news: Vec<(u64, News)>,
    /// There were more events than are read at a time: not all there is to tell is in `news`.
    pub is_behind: bool,
    /// The last event there is.
    pub last: u64,
}

/// Reads what happened since the event `after`, for all watchers at once. Shows it to nobody.
pub async fn look(world: &World, after: u64) -> Result<Look, Error> {
    let read = move |view: &dyn View| {
        let last = view.last_event()?;
        let events = if last > after { view.events(None, after, LOOK)? } else { Vec::new() };
        let is_behind = events.len() >= LOOK as usize && events.last().is_some_and(|read| last > read.id);
        let mut news = Vec::new();
        for event in events.iter().filter(|_| !is_behind) {
            let revoked = revoked(view, &event.what)?;
            news.extend(News::read(&event.what, revoked.as_ref()).map(|found| (event.id, found)));
        }
        Ok(Look { news, is_behind, last })
    };
    world.store.read("look_for_watchers", read).await
}

/// What an event's entry of the log covers. One that was forgotten may have covered anybody.
fn revoked(view: &dyn View, event: &NewEvent) -> Result<Option<Scope>, Error> {
    let Some(number) = event.revocation else { return Ok(None) };
    Ok(match view.log_entry(number)?.map(|row| row.change) {
        Some(WireChange::Revoke(scope)) => Some(scope),
        Some(WireChange::AddKey(_)) => None,
        None => Some(Scope::Everyone { services: false }),
    })
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
        let everyone = Scope::Everyone { services: false };
        let cut = Scope::User { user: USER, except: None, deleted: false };
        for kind in EventKind::ALL {
            assert_eq!(News::read(&event(*kind), Some(&everyone)), Some(News::ToAll), "{kind}");
            let of_user = event(*kind).user(USER).session(SESSION);
            assert!(
                matches!(News::read(&of_user, Some(&cut)), Some(News::Of(USER, _))),
                "{kind}: it is about one user"
            );
        }
    }

    #[test]
    fn what_ends_no_session_is_told_to_those_who_showed_it() {
        let (token, key) = (TokenId::from_bytes([3; 16]), "key_one".parse::<KeyId>().unwrap());
        let revoked = |scope: Scope| News::read(&event(EventKind::Revoked), Some(&scope));
        assert_eq!(revoked(Scope::Token { token }), Some(News::Token(token)));
        assert_eq!(revoked(Scope::Key { key: key.clone() }), Some(News::Key(key)));
        let issuer = "https://id.example".parse().unwrap();
        assert_eq!(revoked(Scope::ForeignIssuer { issuer }), None, "nobody who watches has a token of theirs");
        assert_eq!(News::read(&event(EventKind::KeyAdded), None), None);
    }

    #[test]
    fn a_failed_sign_in_changes_no_session() {
        for kind in [EventKind::SignInFailed, EventKind::RefreshRefused, EventKind::SessionEndRefused] {
            assert_eq!(News::read(&event(kind).user(USER).session(SESSION), None), None, "{kind}");
        }
    }

    #[test]
    fn whoever_ends_the_others_is_not_said_to_have_ended() {
        let cut = Scope::User { user: USER, except: Some(SESSION), deleted: false };
        let news = News::read(&event(EventKind::SessionsEnded).user(USER).session(SESSION), Some(&cut));
        assert_eq!(news, Some(News::Of(USER, Notice::of(Kind::Ended))), "the event names the session that asked");
    }
}
