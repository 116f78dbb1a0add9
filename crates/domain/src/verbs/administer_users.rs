//! Users, as administrators see and change them.

use std::collections::{BTreeMap, BTreeSet};

use rescind_wire::UserId;

use crate::acting::{Acting, Administrator};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency};
use crate::login;
use crate::password::Password;
use crate::store::{Tx, View};
use crate::user::{self, Particulars, Role, User, UserState};
use crate::verbs::sign_up::{Draft, NewUser, insert, prepare};
use crate::world::World;

/// Whoever is signed in.
pub async fn who_am_i(world: &World, acting: &Acting) -> Result<User, Error> {
    let (acting, inner) = (acting.clone(), world.clone());
    world.store.read("who_am_i", move |view| Ok(acting.check(view, &inner)?.0)).await
}

/// Makes an account for somebody else, whether sign-up is switched on or not.
pub async fn add_user(
    world: &World,
    admin: &Administrator,
    login: &str,
    password: Password,
    particulars: Particulars,
    idempotency: Option<Idempotency>,
) -> Result<NewUser, Error> {
    let (caller, inner) = (admin.clone(), world.clone());
    world.store.read("may_add_user", move |view| caller.check(view, &inner)).await?;
    let Particulars { role, external_id, metadata } = particulars;
    user::check_data(external_id.as_deref(), metadata.as_deref())?;
    let (login, hash) = prepare(world, login, password).await?;
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .transact("add_user", move |tx| {
            admin.check(tx, &inner)?;
            let address = inner.stored_address(admin.address());
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                let (external, metadata) = (external_id.as_deref(), metadata.as_deref());
                let draft = Draft { login: &login, hash: Some(&hash), role, external, metadata };
                insert(tx, &inner, draft, admin.actor(), EventKind::UserCreated, address)
            })
        })
        .await
}

/// Users whose login name contains `query`, spelt as it may be at sign-in, by login name. It looks at every user:
/// [`search_users`] does not.
pub async fn list_users(
    world: &World,
    admin: &Administrator,
    query: String,
    after: String,
    limit: u32,
) -> Result<Vec<User>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_users", move |view| {
            admin.check(view, &inner)?;
            Ok(view.users(&login::prefix_key(&query), &after, limit)?)
        })
        .await
}

/// Users whose login name begins with `prefix`, spelt as it may be at sign-in, by login name; or the one whose id it is.
pub async fn search_users(
    world: &World,
    admin: &Administrator,
    prefix: &str,
    after: String,
    limit: u32,
) -> Result<Vec<User>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    let (id, prefix) = (prefix.trim().parse::<UserId>().ok(), login::prefix_key(prefix));
    world
        .store
        .read("search_users", move |view| {
            admin.check(view, &inner)?;
            let Some(id) = id else { return Ok(view.users_from(&prefix, &after, limit)?) };
            let user = view.user(&id)?.filter(|user| !matches!(user.state, UserState::Deleted { .. }));
            Ok(user.filter(|user| user.login_key > after).into_iter().collect())
        })
        .await
}

/// The user whom another system knows by exactly this id.
pub async fn find_external_user(world: &World, admin: &Administrator, id: &str) -> Result<Option<User>, Error> {
    let (admin, inner, id) = (admin.clone(), world.clone(), id.to_owned());
    world
        .store
        .read("find_external_user", move |view| {
            admin.check(view, &inner)?;
            let user = view.user_by_external_id(&id)?;
            Ok(user.filter(|user| !matches!(user.state, UserState::Deleted { .. })))
        })
        .await
}

/// One user, by id or login name.
pub async fn find_user(world: &World, admin: &Administrator, id_or_login: &str) -> Result<User, Error> {
    let (admin, inner, text) = (admin.clone(), world.clone(), id_or_login.to_owned());
    world
        .store
        .read("find_user", move |view| {
            admin.check(view, &inner)?;
            let user = match text.parse::<UserId>() {
                Ok(id) => view.user(&id)?,
                Err(_) => match login::Login::parse(&text) {
                    Ok(login) => view.user_by_login(login.key())?,
                    Err(_) => None,
                },
            };
            user.filter(|user| !matches!(user.state, UserState::Deleted { .. })).ok_or(Error::NotFound("user"))
        })
        .await
}

/// The login names of these users; those that are gone have none.
pub async fn login_names(
    world: &World,
    admin: &Administrator,
    users: BTreeSet<UserId>,
) -> Result<BTreeMap<UserId, String>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("login_names", move |view| {
            admin.check(view, &inner)?;
            let mut names = BTreeMap::new();
            for id in users {
                let user = view.user(&id)?.filter(|user| !matches!(user.state, UserState::Deleted { .. }));
                names.extend(user.map(|user| (id, user.login)));
            }
            Ok(names)
        })
        .await
}

/// Changes what a user may do. The last administrator stays one, or nobody could.
pub async fn set_role(world: &World, admin: &Administrator, user: UserId, role: Role) -> Result<User, Error> {
    change_user(world, admin, user, Changes { role: Some(role), ..Changes::default() }).await
}

/// What changes about an account; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What it may do. The last administrator stays one, or nobody could.
    pub role: Option<Role>,
    /// The id that another system knows it by, which nobody else has; `Some(None)` removes it.
    pub external_id: Option<Option<String>>,
    /// A JSON object of at most 4,096 bytes, which takes the place of the former one; `Some(None)` removes it.
    pub metadata: Option<Option<String>>,
}

/// Changes an account, all of it or nothing. What is already as it should be is no event.
pub async fn change_user(world: &World, admin: &Administrator, user: UserId, changes: Changes) -> Result<User, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .transact("change_user", move |tx| {
            admin.check(tx, &inner)?;
            let row = existing(tx, &user)?;
            let new = User {
                role: changes.role.unwrap_or(row.role),
                external_id: changes.external_id.clone().unwrap_or_else(|| row.external_id.clone()),
                metadata: changes.metadata.clone().unwrap_or_else(|| row.metadata.clone()),
                ..row.clone()
            };
            let event = |kind, detail: &str| {
                let event = NewEvent::new(inner.now(), kind, admin.actor()).user(user);
                event.from(inner.stored_address(admin.address())).detail(detail)
            };
            if new.role != row.role {
                write_role(tx, &user, new.role, inner.now())?;
                tx.add_event(&event(EventKind::RoleChanged, new.role.as_str()))?;
            }
            if let Some(what) = write_data(tx, &row, &new)? {
                tx.add_event(&event(EventKind::UserChanged, &what))?;
            }
            Ok(new)
        })
        .await
}

fn write_role(tx: &mut dyn Tx, user: &UserId, role: Role, now: Timestamp) -> Result<(), Error> {
    let administered = Administered::before(tx, now)?;
    tx.set_role(user, role)?;
    administered.is_kept(tx)
}

/// Somebody must be left who may administer, unless nobody was before: begun before whatever may take the last one away.
#[must_use = "whether somebody is left is known afterwards"]
pub(crate) struct Administered {
    was: bool,
    now: Timestamp,
}

impl Administered {
    pub(crate) fn before<V: View + ?Sized>(view: &V, now: Timestamp) -> Result<Self, Error> {
        Ok(Self { was: view.has_administrator(now)?, now })
    }

    /// # Errors
    /// [`Error::LastAdministrator`] if nobody is left.
    pub(crate) fn is_kept<V: View + ?Sized>(&self, view: &V) -> Result<(), Error> {
        if self.was && !view.has_administrator(self.now)? { Err(Error::LastAdministrator) } else { Ok(()) }
    }
}

/// Writes external id and metadata where they differ, and answers which of them do: what they were and are is not for the
/// events, which outlive the account.
fn write_data(tx: &mut dyn Tx, row: &User, changed: &User) -> Result<Option<String>, Error> {
    let differs =
        [("external_id", changed.external_id != row.external_id), ("metadata", changed.metadata != row.metadata)];
    let what: Vec<&str> = differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect();
    if what.is_empty() {
        return Ok(None);
    }
    let (external_id, metadata) = (changed.external_id.as_deref(), changed.metadata.as_deref());
    user::check_data(external_id, metadata)?;
    if let Some(id) = external_id
        && tx.user_by_external_id(id)?.is_some_and(|holder| holder.id != row.id)
    {
        return Err(Error::ExternalIdTaken);
    }
    tx.set_user_data(&row.id, external_id, metadata)?;
    Ok(Some(what.join(", ")))
}

/// A user who was not deleted.
pub(crate) fn existing<V: View + ?Sized>(view: &V, user: &UserId) -> Result<User, Error> {
    let row = view.user(user)?.ok_or(Error::NotFound("user"))?;
    if matches!(row.state, UserState::Deleted { .. }) { Err(Error::NotFound("user")) } else { Ok(row) }
}
