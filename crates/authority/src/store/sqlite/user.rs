//! Users, each with the record of its revocations.

use rescind_domain::clock::Timestamp;
use rescind_domain::password::PasswordHash;
use rescind_domain::store::StoreError;
use rescind_domain::user::{Lock, Role, User, UserState};
use rescind_wire::{SessionId, UserCut, UserId};
use rusqlite::{Connection, Row, params};

use super::cells::{Cells, all, change, change_one, int, one, time};

/// What [`read`] reads, of `users u`.
macro_rules! columns {
    () => {
        "u.id, u.login, u.login_key, u.password, u.role, u.state, u.locked_since, u.locked_until, u.lock_reason, \
         u.deleted_at, u.external_id, u.metadata, u.created_at, u.cut_latest, u.cut_except, u.cut_holds, u.cut_deleted"
    };
}
pub(super) use columns;

/// How many columns these are.
pub(super) const COLUMNS: usize = 17;

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM users u ", $rest)
    };
}

/// A user.
pub(super) fn find(conn: &Connection, id: &UserId) -> Result<Option<User>, StoreError> {
    one(conn, select!("WHERE id = ?1"), [id.as_bytes()], user_of)
}

/// The user of a normalised login name.
pub(super) fn by_login(conn: &Connection, key: &str) -> Result<Option<User>, StoreError> {
    one(conn, select!("WHERE tenant = 'main' AND login_key = ?1 AND state <> 'deleted'"), [key], user_of)
}

/// The user whom another system knows by this id.
pub(super) fn by_external_id(conn: &Connection, id: &str) -> Result<Option<User>, StoreError> {
    one(conn, select!("WHERE tenant = 'main' AND external_id = ?1"), [id], user_of)
}

/// Users whose normalised login contains `query`, by login name, after the login name `after`.
pub(super) fn list(conn: &Connection, query: &str, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
    let sql = select!(
        "WHERE tenant = 'main' AND state <> 'deleted' AND login_key > ?2 AND instr(login_key, ?1) > 0 \
         ORDER BY login_key LIMIT ?3"
    );
    all(conn, sql, params![query, after, limit], user_of)
}

/// No character of a login comes after this one.
const LAST: char = char::MAX;

const FROM: &str = select!(
    "WHERE tenant = 'main' AND state <> 'deleted' AND login_key >= ?1 AND login_key < ?2 AND login_key > ?3 \
     ORDER BY login_key LIMIT ?4"
);

/// Users whose normalised login begins with `prefix`, by login name, after the login name `after`.
pub(super) fn list_from(conn: &Connection, prefix: &str, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
    all(conn, FROM, params![prefix, format!("{prefix}{LAST}"), after, limit], user_of)
}

/// A user's record of revocations.
pub(super) fn cut_of(conn: &Connection, id: &UserId) -> Result<Option<UserCut>, StoreError> {
    let sql = "SELECT id, cut_latest, cut_except, cut_holds, cut_deleted FROM users WHERE id = ?1";
    one(conn, sql, [id.as_bytes()], |row| {
        let mut cells = Cells::new(row, "users", 1);
        cells.blob("id")?;
        read_cut(&mut cells)
    })
}

/// Whether there is an administrator who is neither locked nor deleted.
pub(super) fn has_administrator(conn: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM users WHERE role = 'administrator' \
               AND (state = 'active' OR (state = 'locked' AND locked_until <= ?1)) LIMIT 1";
    Ok(one(conn, sql, params![int(now.0)], |_| Ok(()))?.is_some())
}

/// Adds a user. A login name or external id that is taken is a conflict.
pub(super) fn insert(conn: &Connection, user: &User) -> Result<(), StoreError> {
    let state = Columns::of(&user.state);
    let sql = "INSERT INTO users (id, login, login_key, password, role, state, locked_since, locked_until, \
               lock_reason, deleted_at, external_id, metadata, created_at, cut_latest, cut_except, cut_holds, \
               cut_deleted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let values = params![
        user.id.as_bytes(),
        user.login,
        user.login_key,
        user.password.as_ref().map(PasswordHash::expose),
        user.role.as_str(),
        state.name,
        state.since,
        state.until,
        state.reason,
        state.deleted,
        user.external_id,
        user.metadata,
        int(user.created_at.0),
        int(user.cut.latest),
        user.cut.except.as_ref().map(SessionId::as_bytes),
        int(user.cut.holds),
        user.cut.deleted,
    ];
    change(conn, sql, values).map(drop)
}

/// Replaces the password's hash.
pub(super) fn set_password(conn: &Connection, user: &UserId, hash: &PasswordHash) -> Result<(), StoreError> {
    let sql = "UPDATE users SET password = ?2 WHERE id = ?1";
    change_one(conn, sql, params![user.as_bytes(), hash.expose()], "users", user)
}

/// Replaces the state.
pub(super) fn set_state(conn: &Connection, user: &UserId, state: &UserState) -> Result<(), StoreError> {
    let columns = Columns::of(state);
    let sql = "UPDATE users SET state = ?2, locked_since = ?3, locked_until = ?4, lock_reason = ?5, deleted_at = ?6 \
               WHERE id = ?1";
    let Columns { name, since, until, reason, deleted } = columns;
    change_one(conn, sql, params![user.as_bytes(), name, since, until, reason, deleted], "users", user)
}

/// Replaces the role.
pub(super) fn set_role(conn: &Connection, user: &UserId, role: Role) -> Result<(), StoreError> {
    let sql = "UPDATE users SET role = ?2 WHERE id = ?1";
    change_one(conn, sql, params![user.as_bytes(), role.as_str()], "users", user)
}

/// Replaces external id and metadata.
pub(super) fn set_data(
    conn: &Connection,
    user: &UserId,
    external_id: Option<&str>,
    metadata: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "UPDATE users SET external_id = ?2, metadata = ?3 WHERE id = ?1";
    change_one(conn, sql, params![user.as_bytes(), external_id, metadata], "users", user)
}

/// Replaces the record of revocations.
pub(super) fn cut(conn: &Connection, user: &UserId, cut: &UserCut) -> Result<(), StoreError> {
    let sql = "UPDATE users SET cut_latest = ?2, cut_except = ?3, cut_holds = ?4, cut_deleted = ?5 WHERE id = ?1";
    let except = cut.except.as_ref().map(SessionId::as_bytes);
    let values = params![user.as_bytes(), int(cut.latest), except, int(cut.holds), cut.deleted];
    change_one(conn, sql, values, "users", user)
}

/// Leaves nothing of a deleted user but the id, which nothing takes up again.
pub(super) fn bury(conn: &Connection, user: &UserId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE users SET login = '', login_key = '', password = NULL, role = 'user', state = 'deleted', \
               locked_since = NULL, locked_until = NULL, lock_reason = NULL, deleted_at = coalesce(deleted_at, ?2), \
               external_id = NULL, metadata = NULL WHERE id = ?1";
    change_one(conn, sql, params![user.as_bytes(), int(at.0)], "users", user)
}

fn user_of(row: &Row<'_>) -> Result<User, StoreError> {
    read(&mut Cells::new(row, "users", 1))
}

/// A user, of the cells that come next.
pub(super) fn read(cells: &mut Cells<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_bytes(cells.bytes("id")?),
        login: cells.text("login")?.to_owned(),
        login_key: cells.text("login_key")?.to_owned(),
        password: cells.text_or_null("password")?.map(|hash| PasswordHash::new(hash.to_owned())),
        role: cells.parsed("role")?,
        state: read_state(cells)?,
        external_id: cells.text_or_null("external_id")?.map(str::to_owned),
        metadata: cells.raw_json_or_null("metadata")?,
        created_at: cells.time("created_at")?,
        cut: read_cut(cells)?,
    })
}

fn read_cut(cells: &mut Cells<'_>) -> Result<UserCut, StoreError> {
    Ok(UserCut {
        latest: cells.number("cut_latest")?,
        except: cells.bytes_or_null("cut_except")?.map(SessionId::from_bytes),
        holds: cells.number("cut_holds")?,
        deleted: cells.flag("cut_deleted")?,
    })
}

fn read_state(cells: &mut Cells<'_>) -> Result<UserState, StoreError> {
    let name = cells.text("state")?;
    let since = cells.time_or_null("locked_since")?;
    let until = cells.time_or_null("locked_until")?;
    let reason = cells.text_or_null("lock_reason")?;
    let deleted = cells.time_or_null("deleted_at")?;
    match (name, since, reason, deleted) {
        ("active", ..) => Ok(UserState::Active),
        ("locked", Some(since), Some(reason), _) => {
            Ok(UserState::Locked(Lock { since, until, reason: reason.to_owned() }))
        }
        ("deleted", _, _, Some(at)) => Ok(UserState::Deleted { at }),
        ("locked" | "deleted", ..) => Err(cells.corrupt("state", format!("{name}, but not since when or why"))),
        _ => Err(cells.corrupt("state", format!("{name:?} is no state"))),
    }
}

/// A user's state as the columns hold it.
#[derive(Default)]
struct Columns<'a> {
    name: &'static str,
    since: Option<i64>,
    until: Option<i64>,
    reason: Option<&'a str>,
    deleted: Option<i64>,
}

impl<'a> Columns<'a> {
    fn of(state: &'a UserState) -> Self {
        match state {
            UserState::Active => Self { name: "active", ..Self::default() },
            UserState::Locked(lock) => Self {
                name: "locked",
                since: Some(int(lock.since.0)),
                until: time(lock.until),
                reason: Some(&lock.reason),
                deleted: None,
            },
            UserState::Deleted { at } => Self { name: "deleted", deleted: Some(int(at.0)), ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::migrations::plan;
    use super::*;

    #[test]
    fn a_page_of_those_whose_name_begins_alike_costs_a_page() {
        let expected = "SEARCH u USING INDEX users_login (tenant=? AND login_key>? AND login_key<?)";
        assert_eq!(plan(FROM), [expected]);
    }
}
