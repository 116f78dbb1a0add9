//! The list of devices.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rescind_wire::{ClientId, SessionId, UserId};

use crate::acting::{Acting, Administrator, AtHome};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::session::Session;
use crate::standing::StoreCuts;
use crate::store::{HeldSession, SessionCursor, StoreError, View};
use crate::user::User;
use crate::world::World;

/// One device of the list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The session.
    pub session: Session,
    /// The client that it was begun with.
    pub client: ClientId,
    /// What people call that client, in lists; none if it was removed.
    pub client_name: Option<String>,
}

/// One page of the list.
#[derive(Debug)]
pub struct Page<C> {
    /// The devices on it, latest first. Fewer than asked for, even none, if many dead ones stand in between.
    pub sessions: Vec<Listed>,
    /// Where the next page goes on, if there may be one.
    pub next: Option<C>,
}

/// How many dead sessions one read passes over at least before it leaves the rest to the next: a client that was just
/// revoked may have a million that wait for the purge.
const PASSED: usize = 2_000;

/// The living sessions of whoever is signed in.
pub async fn list_own(
    world: &World,
    acting: &Acting,
    after: Option<SessionCursor>,
    limit: u32,
) -> Result<Page<SessionCursor>, Error> {
    present_own(world, acting.clone(), after, limit, |page, _| page).await
}

/// What `present` makes of the living sessions of whoever is signed in, and of the time. It runs where the page was read,
/// so that its parts need not travel from thread to thread.
pub async fn present_own<T: Send + 'static>(
    world: &World,
    acting: Acting,
    after: Option<SessionCursor>,
    limit: u32,
    present: impl FnOnce(Page<SessionCursor>, Timestamp) -> T + Send + 'static,
) -> Result<T, Error> {
    let inner = world.clone();
    world
        .store
        .read("list_sessions", move |view| {
            let AtHome { cuts, user, sessions, .. } = enter(&acting, view, &inner, after)?;
            let now = inner.now();
            Ok(present(named(view, page(&cuts, &user, sessions, now, after, limit)?)?, now))
        })
        .await
}

/// What the page of one's own devices shows.
#[derive(Debug)]
pub struct OwnDevices {
    /// Whoever is signed in.
    pub user: User,
    /// The session that asks. It may stand anywhere in the order of the list, so it is read apart.
    pub own: Listed,
    /// A page of the other living sessions, latest first.
    pub others: Page<SessionCursor>,
    /// What the clients of all of them are called.
    pub clients: BTreeMap<ClientId, String>,
    /// When it was read.
    pub now: Timestamp,
}

/// The living sessions of whoever is signed in, and who that is, in one look.
///
/// # Errors
/// [`Error::SignedOut`] if whoever asks no longer is.
pub async fn own_devices(
    world: &World,
    acting: &Acting,
    after: Option<SessionCursor>,
    limit: u32,
) -> Result<OwnDevices, Error> {
    let (acting, inner) = (acting.clone(), world.clone());
    world
        .store
        .read("own_devices", move |view| {
            let AtHome { cuts, user, session, sessions } = enter(&acting, view, &inner, after)?;
            let now = inner.now();
            let client = cuts.client_of_living(&session, now)?.ok_or(Error::SignedOut(None))?;
            let mut others = page(&cuts, &user, sessions, now, after, limit)?;
            others.sessions.retain(|listed| listed.session.id != session.id);
            let own = Listed { session, client, client_name: None };
            let mut clients = BTreeMap::new();
            for listed in others.sessions.iter().chain([&own]) {
                if !clients.contains_key(&listed.client)
                    && let Some(client) = view.client(&listed.client)?
                {
                    clients.insert(client.id, client.name);
                }
            }
            Ok(OwnDevices { user, own, others, clients, now })
        })
        .await
}

/// The living sessions of a user, for an administrator.
pub async fn list_of_user(
    world: &World,
    admin: &Administrator,
    user: UserId,
    after: Option<SessionCursor>,
    limit: u32,
) -> Result<Page<SessionCursor>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_sessions_of_user", move |view| {
            admin.check(view, &inner)?;
            let cuts = StoreCuts::new(view)?;
            let user = cuts.find_user(&user)?.ok_or(Error::NotFound("user"))?;
            named(view, page(&cuts, &user, None, inner.now(), after, limit)?)
        })
        .await
}

/// The living sessions under which a client holds something, for an administrator.
pub async fn list_of_client(
    world: &World,
    admin: &Administrator,
    client: ClientId,
    after: Option<(UserId, SessionId)>,
    limit: u32,
) -> Result<Page<(UserId, SessionId)>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_sessions_of_client", move |view| {
            admin.check(view, &inner)?;
            view.client(&client)?.ok_or(Error::NotFound("client"))?;
            let mut scan = |after, limit| view.sessions_of_client(&client, after, limit);
            let (cuts, reach) = (StoreCuts::new(view)?, Reach { limit, passed: PASSED });
            named(view, fill(&cuts, inner.now(), after, reach, &mut scan, |session| (session.user, session.id))?)
        })
        .await
}

/// With the names of the clients: there are few on a page.
fn named<C>(view: &dyn View, mut page: Page<C>) -> Result<Page<C>, Error> {
    let mut names = BTreeMap::new();
    for listed in &mut page.sessions {
        if !names.contains_key(&listed.client) {
            names.insert(listed.client.clone(), view.client(&listed.client)?.map(|client| client.name));
        }
        listed.client_name = names.get(&listed.client).cloned().flatten();
    }
    Ok(page)
}

/// A user's living sessions, all of them, latest first; if a client is given, those begun with it alone.
pub(crate) fn living_sessions(
    view: &dyn View,
    user: &User,
    now: Timestamp,
    client: Option<&ClientId>,
) -> Result<Vec<Session>, Error> {
    let all = Reach { limit: u32::MAX, passed: usize::MAX };
    let listed = reach(&StoreCuts::new(view)?, user, None, now, None, all)?.sessions.into_iter();
    let counted = listed.filter(|listed| client.is_none_or(|client| listed.client == *client));
    Ok(counted.map(|listed| listed.session).collect())
}

/// Judges whoever lists their own sessions. A list that goes on is a long one: there it is of no use to see whether the
/// sessions are few.
fn enter<'v>(
    acting: &Acting,
    view: &'v dyn View,
    world: &World,
    after: Option<SessionCursor>,
) -> Result<AtHome<'v>, Error> {
    if after.is_none() {
        return acting.enter_at_home(view, world);
    }
    let (cuts, user, session) = acting.enter(view, world)?;
    Ok(AtHome { cuts, user, session, sessions: None })
}

/// A page of a user's living sessions. `all` are all sessions of the user, if they were read already.
pub(crate) fn page(
    cuts: &StoreCuts<'_>,
    user: &User,
    all: Option<Vec<HeldSession>>,
    now: Timestamp,
    after: Option<SessionCursor>,
    limit: u32,
) -> Result<Page<SessionCursor>, Error> {
    reach(cuts, user, all, now, after, Reach { limit, passed: PASSED })
}

/// How far a list goes in one read.
#[derive(Clone, Copy)]
struct Reach {
    /// How many it shows at most.
    limit: u32,
    /// After how many dead ones it stops.
    passed: usize,
}

/// Sessions older than the user's latest cut are dead, but for the one that it excepted: so what is passed over are those
/// that have expired.
fn reach(
    cuts: &StoreCuts<'_>,
    user: &User,
    all: Option<Vec<HeldSession>>,
    now: Timestamp,
    after: Option<SessionCursor>,
    reach: Reach,
) -> Result<Page<SessionCursor>, Error> {
    let view = cuts.view();
    let from = user.cut.latest.max(cuts.head().everyone_cut);
    let known = all.filter(|_| after.is_none()).map(|all| from_known(all, from));
    let (mut listed, below) = known.unzip();
    let mut scan = |after, limit: u32| match &mut listed {
        Some(listed) => Ok(listed.by_ref().take(limit as usize).collect()),
        None => view.sessions_from(&user.id, from, after, limit),
    };
    let mut page = fill(cuts, now, after, reach, &mut scan, cursor)?;
    let Some(excepted) = user.cut.except.filter(|_| page.next.is_none()) else {
        return Ok(page);
    };
    let found = match below {
        Some(below) => below.into_iter().find(|held| held.session.id == excepted),
        None => held_below(view, &user.id, &excepted, from)?,
    };
    let Some(HeldSession { session, held }) = found else {
        return Ok(page);
    };
    let client = cuts.client_of_held(&session, &held, now)?;
    if let Some(listed) = client.map(|client| Listed { session, client, client_name: None }) {
        if page.sessions.len() < reach.limit as usize {
            page.sessions.push(listed);
        } else {
            page.next = page.sessions.last().map(|last| cursor(&last.session));
        }
    }
    Ok(page)
}

/// Where a list goes on after a session.
fn cursor(session: &Session) -> SessionCursor {
    SessionCursor { number: session.position.number, started_at: session.started_at, id: session.id }
}

/// A session, if its position is below `from`.
fn held_below(view: &dyn View, user: &UserId, id: &SessionId, from: u64) -> Result<Option<HeldSession>, StoreError> {
    let Some(session) = view.session(user, id)?.filter(|session| session.position.number < from) else {
        return Ok(None);
    };
    let held = view.holdings(user, id)?;
    Ok(Some(HeldSession { session, held }))
}

/// Of all sessions of a user, what [`View::sessions_from`] would bring, to the end; and those whose position is below.
fn from_known(all: Vec<HeldSession>, from: u64) -> (std::vec::IntoIter<HeldSession>, Vec<HeldSession>) {
    let (mut listed, below): (Vec<_>, _) = all.into_iter().partition(|held| held.session.position.number >= from);
    listed.retain(|held| held.session.ended.is_none());
    listed.sort_unstable_by_key(|HeldSession { session, .. }| {
        Reverse((session.position.number, session.started_at, session.id))
    });
    (listed.into_iter(), below)
}

/// Fills a page with the living ones of what `scan` brings.
fn fill<C: Copy>(
    cuts: &StoreCuts<'_>,
    now: Timestamp,
    mut after: Option<C>,
    reach: Reach,
    scan: &mut dyn FnMut(Option<C>, u32) -> Result<Vec<HeldSession>, StoreError>,
    cursor: impl Fn(&Session) -> C,
) -> Result<Page<C>, Error> {
    /// Rows read at a time: dead ones among them cost another round, not memory.
    const ROUND: u32 = 256;
    let (limit, mut passed) = (reach.limit as usize, 0);
    let mut sessions: Vec<Listed> = Vec::new();
    // Where all of them live, the first round is all that is needed.
    let mut round = reach.limit.saturating_add(1).min(ROUND);
    loop {
        let rows = scan(after, round)?;
        let exhausted = rows.len() < round as usize;
        for HeldSession { session, held } in rows {
            after = Some(cursor(&session));
            let Some(client) = cuts.client_of_held(&session, &held, now)? else {
                passed += 1;
                continue;
            };
            if sessions.len() == limit {
                let next = sessions.last().map(|last| cursor(&last.session));
                return Ok(Page { sessions, next });
            }
            sessions.push(Listed { session, client, client_name: None });
        }
        if exhausted || passed >= reach.passed {
            return Ok(Page { sessions, next: after.filter(|_| !exhausted) });
        }
        round = ROUND;
    }
}
