//! Whoever calls: all that their standing hangs on, in one statement.

use rescind_domain::store::{CallerKey, CallerRows, StoreError};
use rusqlite::{Connection, Row, params};

use super::cells::{Cells, one};
use super::{session, user};

const FIND: &str = concat!(
    "SELECT ",
    user::columns!(),
    ", ",
    session::columns!(),
    ", (SELECT cut FROM clients WHERE id = ?3), (SELECT cut FROM grants WHERE user_id = ?1 AND client_id = ?3), \
     (SELECT number FROM ended_tokens WHERE jti = ?4), (SELECT revoked FROM keys WHERE id = ?5) \
     FROM (SELECT 1) LEFT JOIN users u ON u.id = ?1 LEFT JOIN sessions s ON s.user_id = ?1 AND s.id = ?2 \
     LEFT JOIN epochs e ON e.seq = s.epoch"
);

/// What there is of a caller.
pub(super) fn find(conn: &Connection, key: &CallerKey<'_>) -> Result<CallerRows, StoreError> {
    let CallerKey { user, session, client, token, key } = key;
    let values = params![user.as_bytes(), session.as_bytes(), client.as_str(), token.as_bytes(), key.as_str()];
    let found = one(conn, FIND, values, rows_of)?;
    found.ok_or_else(|| StoreError::Unavailable("SQLite answered no row to a question that always has one".into()))
}

fn rows_of(row: &Row<'_>) -> Result<CallerRows, StoreError> {
    let mut cells = Cells::new(row, "users", 1);
    let user = cells.joined(user::COLUMNS, user::read)?;
    let mut cells = cells.then("sessions", 2);
    let session = cells.joined(session::COLUMNS, session::read)?;
    // Which rows these are of, the question says.
    let mut cells = cells.then("clients", 0);
    let client_cut = cells.number_or_null("cut")?;
    let mut cells = cells.then("grants", 0);
    let grant_cut = cells.number_or_null("cut")?;
    let mut cells = cells.then("ended_tokens", 0);
    let token_ended = cells.number_or_null("number")?;
    let mut cells = cells.then("keys", 0);
    let key_revoked = cells.number_or_null("revoked")?;
    Ok(CallerRows { user, session, client_cut, grant_cut, token_ended, key_revoked })
}
