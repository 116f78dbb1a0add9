//! Whoever calls: all that their standing hangs on, in one statement.

use rescind_domain::store::{CallerKey, CallerRows, StoreError};
use rusqlite::{Connection, Row, params};

use super::cells::{Cells, one};
use super::{log, session, user};

/// Joined to the head, the one row that is always there.
const FIND: &str = concat!(
    "SELECT ",
    log::head_columns!(),
    ", ",
    user::columns!(),
    ", ",
    session::columns!(),
    ", a.id, a.cut, g.user_id, g.client_id, g.cut, t.jti, t.number, k.id, k.revoked \
     FROM head h LEFT JOIN epochs p ON p.seq = h.epoch LEFT JOIN users u ON u.id = ?1 \
     LEFT JOIN sessions s ON s.user_id = ?1 AND s.id = ?2 LEFT JOIN epochs e ON e.seq = s.epoch \
     LEFT JOIN clients a ON a.id = ?3 LEFT JOIN grants g ON g.user_id = ?1 AND g.client_id = ?3 \
     LEFT JOIN ended_tokens t ON t.jti = ?4 LEFT JOIN keys k ON k.id = ?5 WHERE h.id = 1"
);

/// What there is of a caller, and the ordinal of the head's epoch.
pub(super) fn find(conn: &Connection, key: &CallerKey<'_>) -> Result<(CallerRows, u64), StoreError> {
    let CallerKey { user, session, client, token, key } = key;
    let values = params![user.as_bytes(), session.as_bytes(), client.as_str(), token.as_bytes(), key.as_str()];
    let found = one(conn, FIND, values, rows_of)?;
    found.ok_or_else(|| log::no_head("no row"))
}

fn rows_of(row: &Row<'_>) -> Result<(CallerRows, u64), StoreError> {
    let mut cells = Cells::new(row, "head", 1);
    let (head, seq) = log::read_head(&mut cells)?;
    cells = cells.then("users", 1);
    let user = cells.joined(user::COLUMNS, user::read)?;
    cells = cells.then("sessions", 2);
    let session = cells.joined(session::COLUMNS, session::read)?;
    cells = cells.then("clients", 1);
    let client_cut = cells.joined(2, |cells| cells.pass(1).number("cut"))?;
    cells = cells.then("grants", 2);
    let grant_cut = cells.joined(3, |cells| cells.pass(2).number("cut"))?;
    cells = cells.then("ended_tokens", 1);
    let token_ended = cells.joined(2, |cells| cells.pass(1).number("number"))?;
    cells = cells.then("keys", 1);
    let key_revoked = cells.joined(2, |cells| cells.pass(1).number_or_null("revoked"))?.flatten();
    Ok((CallerRows { head, user, session, client_cut, grant_cut, token_ended, key_revoked }, seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_found_by_keys_alone() {
        let conn = Connection::open_in_memory().expect("memory");
        conn.execute_batch(include_str!("migrations/0001_initial.sql")).expect("the schema");
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {FIND}")).expect("a query");
        let values: Vec<Option<i64>> = vec![None; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).expect("a plan");
        let plan: Vec<String> = steps.map(|step| step.expect("a step")).collect();
        assert_eq!(plan.iter().filter(|step| step.starts_with("SEARCH")).count(), 10, "{plan:#?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:#?}");
    }
}
