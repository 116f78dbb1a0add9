//! Whoever calls: all that their standing hangs on, in one statement, or in two with all sessions of theirs.

use rescind_domain::store::{CallerAtHome, CallerKey, CallerRows, StoreError};
use rusqlite::{Connection, Row, params};

use super::cells::{Cells, one};
use super::{log, session, user};

/// Joined to the head, the one row that is always there: what there is of a caller besides the session, and then `$more`
/// of `$joined`.
macro_rules! select {
    ($more:expr, $joined:expr) => {
        concat!(
            "SELECT ",
            log::head_columns!(),
            ", ",
            user::columns!(),
            ", a.id, a.cut, g.user_id, g.client_id, g.cut, t.jti, t.number, k.id, k.revoked",
            $more,
            " FROM head h LEFT JOIN epochs p ON p.seq = h.epoch LEFT JOIN users u ON u.id = ?1 \
             LEFT JOIN clients a ON a.id = ?2 LEFT JOIN grants g ON g.user_id = ?1 AND g.client_id = ?2 \
             LEFT JOIN ended_tokens t ON t.jti = ?3 LEFT JOIN keys k ON k.id = ?4 ",
            $joined,
            "WHERE h.id = 1"
        )
    };
}

const WITHOUT_SESSION: &str = select!("", "");

const FIND: &str = select!(
    concat!(", ", session::columns!()),
    concat!(
        "LEFT JOIN sessions s ",
        session::by_key!(),
        "ON s.user_id = ?1 AND s.id = ?5 LEFT JOIN epochs e ON e.seq = s.epoch "
    )
);

/// What there is of a caller, and the ordinal of the head's epoch.
pub(super) fn find(conn: &Connection, key: &CallerKey<'_>) -> Result<(CallerRows, u64), StoreError> {
    let CallerKey { user, session, client, token, key } = key;
    let values = params![user.as_bytes(), client.as_str(), token.as_bytes(), key.as_str(), session.as_bytes()];
    let found = one(conn, FIND, values, |row| {
        let (mut rows, seq, cells) = rows_of(row)?;
        rows.session = cells.then("sessions", 2).joined(session::COLUMNS, session::read)?;
        Ok((rows, seq))
    })?;
    found.ok_or_else(|| log::no_head("no row"))
}

/// The same, with all sessions of the user, unless they are too many. Then two statements are all: the session that asks
/// is one of them, and they lie together.
pub(super) fn at_home(conn: &Connection, key: &CallerKey<'_>, most: u32) -> Result<(CallerAtHome, u64), StoreError> {
    let CallerKey { user, session, client, token, key } = key;
    let values = params![user.as_bytes(), client.as_str(), token.as_bytes(), key.as_str()];
    let found = one(conn, WITHOUT_SESSION, values, |row| rows_of(row).map(|(rows, seq, _)| (rows, seq)))?;
    let (mut caller, seq) = found.ok_or_else(|| log::no_head("no row"))?;
    let sessions = session::of_user(conn, user, most)?;
    caller.session = match &sessions {
        Some(all) => all.iter().find(|held| held.session.id == **session).map(|held| held.session.clone()),
        None => session::find(conn, user, session)?,
    };
    Ok((CallerAtHome { caller, sessions }, seq))
}

/// All but the session, and the cells that follow.
fn rows_of<'r>(row: &'r Row<'r>) -> Result<(CallerRows, u64, Cells<'r>), StoreError> {
    let mut cells = Cells::new(row, "head", 1);
    let (head, seq) = log::read_head(&mut cells)?;
    cells = cells.then("users", 1);
    let user = cells.joined(user::COLUMNS, user::read)?;
    cells = cells.then("clients", 1);
    let client_cut = cells.joined(2, |cells| cells.pass(1).number("cut"))?;
    cells = cells.then("grants", 2);
    let grant_cut = cells.joined(3, |cells| cells.pass(2).number("cut"))?;
    cells = cells.then("ended_tokens", 1);
    let token_ended = cells.joined(2, |cells| cells.pass(1).number("number"))?;
    cells = cells.then("keys", 1);
    let key_revoked = cells.joined(2, |cells| cells.pass(1).number_or_null("revoked"))?.flatten();
    Ok((CallerRows { head, user, session: None, client_cut, grant_cut, token_ended, key_revoked }, seq, cells))
}

#[cfg(test)]
mod tests {
    use super::super::migrations::plan;
    use super::*;

    #[test]
    fn a_caller_is_found_by_keys_alone() {
        for (sql, tables) in [(FIND, 10), (WITHOUT_SESSION, 7)] {
            let plan = plan(sql);
            assert_eq!(plan.iter().filter(|step| step.starts_with("SEARCH")).count(), tables, "{plan:#?}");
            assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("sessions_id")), "{plan:#?}");
        }
    }
}
