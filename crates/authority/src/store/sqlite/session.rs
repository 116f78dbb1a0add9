//! Sessions.

use std::net::IpAddr;

use rescind_domain::clock::Timestamp;
use rescind_domain::session::{Binding, Ended, Session};
use rescind_domain::store::{HeldSession, SessionCursor, StoreError};
use rescind_wire::{ClientId, Epoch, Position, SessionId, UserId};
use rusqlite::{Connection, Params, Row, params};

use super::cells::{Cells, all, change, change_one, each, int, json, millis, one};
use super::chain::{self, Holdings};
use super::log;

/// What [`read`] reads, of `sessions s` and `epochs e`, with this for when it was last seen.
macro_rules! columns {
    ($seen:literal) => {
        concat!(
            "s.user_id, s.id, e.epoch, s.number, s.started_at, ",
            $seen,
            ", s.expires_at, s.idle_lifetime, s.address, s.user_agent, s.name, s.amr, s.auth_time, s.remembered, \
             s.bound_address, s.metadata, s.ended, s.ended_at"
        )
    };
    // The later of what was noted and the last rotation: a refresh writes its chain alone.
    () => {
        $crate::store::sqlite::session::columns!(
            "max(s.last_seen_at, coalesce((SELECT max(c.rotated_at) FROM chains c WHERE c.user_id = s.user_id \
             AND c.session_id = s.id), 0))"
        )
    };
}
pub(super) use columns;

/// How many columns these are.
pub(super) const COLUMNS: usize = 18;

macro_rules! select {
    ($from:literal) => {
        concat!("SELECT ", columns!(), " FROM ", $from)
    };
}

/// For [`with_held`], which knows of rotations.
macro_rules! select_to_hold {
    ($from:literal) => {
        concat!("SELECT ", columns!("s.last_seen_at"), " FROM ", $from)
    };
}

/// By user and id. Whoever asks so names the primary key: SQLite would go by the index of ids, whose rows are shorter, and
/// then look for the session all the same. If it cannot go that way it refuses the statement.
macro_rules! by_key {
    () => {
        "INDEXED BY sqlite_autoindex_sessions_1 "
    };
}
pub(super) use by_key;

pub(super) const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM sessions s ",
    by_key!(),
    "LEFT JOIN epochs e ON e.seq = s.epoch WHERE s.user_id = ?1 AND s.id = ?2"
);

const ENDED: &str = concat!("SELECT user_id, id, ended FROM sessions ", by_key!(), "WHERE user_id = ?1 AND id = ?2");

const SET_DATA: &str = concat!(
    "UPDATE sessions ",
    by_key!(),
    "SET name = ?3, metadata = ?4 WHERE user_id = ?1 AND id = ?2 AND ended IS NULL"
);

const SET_AUTH_TIME: &str = concat!(
    "UPDATE sessions ",
    by_key!(),
    "SET auth_time = ?3, amr = ?4 WHERE user_id = ?1 AND id = ?2 AND ended IS NULL"
);

const TOUCH: &str = concat!(
    "UPDATE sessions ",
    by_key!(),
    "SET last_seen_at = ?3 WHERE user_id = ?1 AND id = ?2 AND ended IS NULL AND last_seen_at < ?3"
);

const END: &str = concat!(
    "UPDATE sessions ",
    by_key!(),
    "SET ended = coalesce(ended, ?3), ended_at = coalesce(ended_at, ?4) WHERE user_id = ?1 AND id = ?2"
);

const FIRST_PAGE: &str = select_to_hold!(
    "sessions s LEFT JOIN epochs e ON e.seq = s.epoch \
     WHERE s.user_id = ?1 AND s.ended IS NULL AND s.number >= ?2 \
     ORDER BY s.number DESC, s.started_at DESC, s.id DESC LIMIT ?3"
);

const NEXT_PAGE: &str = select_to_hold!(
    "sessions s LEFT JOIN epochs e ON e.seq = s.epoch \
     WHERE s.user_id = ?1 AND s.ended IS NULL AND s.number >= ?2 AND (s.number, s.started_at, s.id) < (?4, ?5, ?6) \
     ORDER BY s.number DESC, s.started_at DESC, s.id DESC LIMIT ?3"
);

const OF_CLIENT: &str = concat!(
    "SELECT ",
    columns!("s.last_seen_at"),
    " FROM (SELECT DISTINCT user_id, session_id FROM chains WHERE client_id = ?1 AND (user_id, session_id) > (?2, ?3) \
     ORDER BY user_id, session_id LIMIT ?4) AS held CROSS JOIN sessions s ",
    by_key!(),
    "ON s.user_id = held.user_id AND s.id = held.session_id \
     LEFT JOIN epochs e ON e.seq = s.epoch ORDER BY held.user_id, held.session_id"
);

const EXPIRING: &str = select_to_hold!(
    "sessions s LEFT JOIN epochs e ON e.seq = s.epoch \
     WHERE s.ended IS NULL AND (s.expires_at, s.user_id, s.id) > (?1, ?2, ?3) \
     ORDER BY s.expires_at, s.user_id, s.id LIMIT ?4"
);

/// With what clients hold under each: the columns of [`chain::read_holding`] follow those of [`read`].
const OF_USER: &str = concat!(
    "SELECT ",
    columns!("s.last_seen_at"),
    ", ",
    chain::holding_columns!("f"),
    " FROM sessions s LEFT JOIN epochs e ON e.seq = s.epoch \
     LEFT JOIN chains c ON s.ended IS NULL AND c.user_id = s.user_id AND c.session_id = s.id \
     LEFT JOIN epochs f ON f.seq = c.epoch WHERE s.user_id = ?1 ORDER BY s.id, c.idx LIMIT ?2"
);

const AFTER: &str = select!(
    "sessions s LEFT JOIN epochs e ON e.seq = s.epoch WHERE (s.user_id, s.id) > (?1, ?2) \
     ORDER BY s.user_id, s.id LIMIT ?3"
);

/// A session.
pub(super) fn find(conn: &Connection, user: &UserId, id: &SessionId) -> Result<Option<Session>, StoreError> {
    one(conn, FIND, [user.as_bytes(), id.as_bytes()], session_of)
}

/// A session by its id alone.
pub(super) fn by_id(conn: &Connection, id: &SessionId) -> Result<Option<Session>, StoreError> {
    let sql = select!("sessions s LEFT JOIN epochs e ON e.seq = s.epoch WHERE s.id = ?1");
    one(conn, sql, [id.as_bytes()], session_of)
}

/// The entry that ended a session on its own.
pub(super) fn ended(conn: &Connection, user: &UserId, id: &SessionId) -> Result<Option<u64>, StoreError> {
    let found = one(conn, ENDED, [user.as_bytes(), id.as_bytes()], |row| {
        let mut cells = Cells::new(row, "sessions", 2);
        cells.blob("user_id")?;
        cells.blob("id")?;
        cells.number_or_null("ended")
    })?;
    Ok(found.flatten())
}

/// A user's sessions that were not ended on their own, whose position is at least `number`: latest position first,
/// then latest begun, then greatest id.
pub(super) fn live_from(
    conn: &Connection,
    user: &UserId,
    number: u64,
    after: Option<SessionCursor>,
    limit: u32,
) -> Result<Vec<HeldSession>, StoreError> {
    let Some(after) = after else {
        return with_held(conn, FIRST_PAGE, params![user.as_bytes(), int(number), limit]);
    };
    let (before, started_at) = (int(after.number), int(after.started_at.0));
    let values = params![user.as_bytes(), int(number), limit, before, started_at, after.id.as_bytes()];
    with_held(conn, NEXT_PAGE, values)
}

/// Sessions under which a client has a chain, in order of user and session, after `after`.
pub(super) fn of_client(
    conn: &Connection,
    client: &ClientId,
    after: Option<(UserId, SessionId)>,
    limit: u32,
) -> Result<Vec<HeldSession>, StoreError> {
    let (user, session) = bytes(after.as_ref());
    with_held(conn, OF_CLIENT, params![client.as_str(), user, session, limit])
}

/// Sessions that were not ended on their own, in order of expiry, user and session: those that expire at the time of
/// `after` or later, and if it names one of them, those after it.
pub(super) fn expiring(
    conn: &Connection,
    (at, after): (Timestamp, Option<(UserId, SessionId)>),
    limit: u32,
) -> Result<Vec<HeldSession>, StoreError> {
    let (user, session) = bytes(after.as_ref());
    with_held(conn, EXPIRING, params![int(at.0), user, session, limit])
}

/// All sessions of a user, with what clients hold under each that was not ended, if that are no more than `most` rows. One
/// range of the table, in its own order: looking up a list's order in its index, and each session by it, takes longer.
pub(super) fn of_user(conn: &Connection, user: &UserId, most: u32) -> Result<Option<Vec<HeldSession>>, StoreError> {
    let (mut sessions, mut rows) = (Vec::<HeldSession>::new(), 0);
    each(conn, OF_USER, params![user.as_bytes(), most.saturating_add(1)], |row| {
        rows += 1;
        if rows > most {
            return Ok(());
        }
        let mut cells = Cells::new(row, "sessions", 2);
        let known = sessions.last().is_some_and(|last| cells.is_blob_at(1, last.session.id.as_bytes()));
        if known {
            cells.pass(COLUMNS);
        } else {
            sessions.push(HeldSession { session: read(&mut cells)?, held: Vec::with_capacity(1) });
        }
        let mut cells = cells.then("chains", 3);
        let held = cells.joined(chain::HOLDING_COLUMNS, chain::read_holding)?;
        if let (Some(HeldSession { session, held }), Some((holding, rotated))) = (sessions.last_mut(), held) {
            held.push(holding);
            session.last_seen_at = rotated.map_or(session.last_seen_at, |at| session.last_seen_at.max(at));
        }
        Ok(())
    })?;
    Ok((rows <= most).then_some(sessions))
}

/// Sessions, with what clients hold under each.
fn with_held(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<HeldSession>, StoreError> {
    let mut holdings = Holdings::of(conn)?;
    all(conn, sql, params, |row| {
        let (mut session, mut held) = (session_of(row)?, Vec::with_capacity(1));
        if let Some(rotated) = holdings.read(&session.user, &session.id, &mut held)? {
            session.last_seen_at = session.last_seen_at.max(rotated);
        }
        Ok(HeldSession { session, held })
    })
}

/// All sessions in order of user and session, after `after`.
pub(super) fn after(
    conn: &Connection,
    after: Option<(UserId, SessionId)>,
    limit: u32,
) -> Result<Vec<Session>, StoreError> {
    let (user, session) = bytes(after.as_ref());
    all(conn, AFTER, params![user, session, limit], session_of)
}

/// Adds a session.
pub(super) fn insert(conn: &Connection, session: &Session) -> Result<(), StoreError> {
    let sql = "INSERT INTO sessions (user_id, id, epoch, number, started_at, last_seen_at, expires_at, idle_lifetime, \
               address, user_agent, name, amr, auth_time, remembered, bound_address, metadata, ended, ended_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
    let bound = match session.binding {
        Binding::None => None,
        Binding::Address(address) => Some(address.to_string()),
    };
    let values = params![
        session.user.as_bytes(),
        session.id.as_bytes(),
        log::epoch_seq(conn, session.position.epoch)?,
        int(session.position.number),
        int(session.started_at.0),
        int(session.last_seen_at.0),
        int(session.expires_at.0),
        millis(session.idle_lifetime),
        session.address.map(|address| address.to_string()),
        session.user_agent,
        session.name,
        json(&session.amr, "sessions", "amr")?,
        int(session.auth_time.0),
        session.remembered,
        bound,
        session.metadata,
        session.ended.map(|ended| int(ended.number)),
        session.ended.map(|ended| int(ended.at.0)),
    ];
    change(conn, sql, values).map(drop)
}

/// Replaces name and metadata of a session that was not ended.
pub(super) fn set_data(
    conn: &Connection,
    user: &UserId,
    id: &SessionId,
    name: Option<&str>,
    metadata: Option<&str>,
) -> Result<(), StoreError> {
    change(conn, SET_DATA, params![user.as_bytes(), id.as_bytes(), name, metadata]).map(drop)
}

/// Notes a new authentication of a session that was not ended.
pub(super) fn set_auth_time(
    conn: &Connection,
    user: &UserId,
    id: &SessionId,
    at: Timestamp,
    amr: &[String],
) -> Result<(), StoreError> {
    let amr = json(&amr, "sessions", "amr")?;
    change(conn, SET_AUTH_TIME, params![user.as_bytes(), id.as_bytes(), int(at.0), amr]).map(drop)
}

/// Notes when a session was last seen, if that is later than what it has and it was not ended.
pub(super) fn touch(conn: &Connection, user: &UserId, id: &SessionId, at: Timestamp) -> Result<(), StoreError> {
    change(conn, TOUCH, params![user.as_bytes(), id.as_bytes(), int(at.0)]).map(drop)
}

/// Ends a session at entry `number`. What has ended stays ended where it did.
pub(super) fn end(
    conn: &Connection,
    user: &UserId,
    id: &SessionId,
    number: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let values = params![user.as_bytes(), id.as_bytes(), int(number), int(at.0)];
    change_one(conn, END, values, "sessions", format_args!("{user} {id}"))
}

/// Where a list goes on; no id is shorter than the one that comes before all.
fn bytes(after: Option<&(UserId, SessionId)>) -> (&[u8], &[u8]) {
    after.map_or((&[], &[]), |(user, session)| (user.as_bytes(), session.as_bytes()))
}

fn session_of(row: &Row<'_>) -> Result<Session, StoreError> {
    read(&mut Cells::new(row, "sessions", 2))
}

/// A session, of the cells that come next.
pub(super) fn read(cells: &mut Cells<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        user: UserId::from_bytes(cells.bytes("user_id")?),
        id: SessionId::from_bytes(cells.bytes("id")?),
        position: Position { epoch: Epoch::from_bytes(cells.bytes("epoch")?), number: cells.number("number")? },
        started_at: cells.time("started_at")?,
        last_seen_at: cells.time("last_seen_at")?,
        expires_at: cells.time("expires_at")?,
        idle_lifetime: cells.millis("idle_lifetime")?,
        address: cells.parsed_or_null("address")?,
        user_agent: cells.text_or_null("user_agent")?.map(str::to_owned),
        name: cells.text_or_null("name")?.map(str::to_owned),
        amr: cells.json("amr")?,
        auth_time: cells.time("auth_time")?,
        remembered: cells.flag("remembered")?,
        binding: cells.parsed_or_null::<IpAddr>("bound_address")?.map_or(Binding::None, Binding::Address),
        metadata: cells.raw_json_or_null("metadata")?,
        ended: read_ended(cells)?,
    })
}

fn read_ended(cells: &mut Cells<'_>) -> Result<Option<Ended>, StoreError> {
    match (cells.number_or_null("ended")?, cells.time_or_null("ended_at")?) {
        (None, None) => Ok(None),
        (Some(number), Some(at)) => Ok(Some(Ended { number, at })),
        _ => Err(cells.corrupt("ended", "an entry without a time, or a time without an entry")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::migrations::plan;
    use super::*;

    #[test]
    fn f1_a_page_of_a_users_list_costs_a_page_however_many_sessions_have_ended() {
        for (sql, range) in [(FIRST_PAGE, "number>?"), (NEXT_PAGE, "number>? AND (number,started_at,id)<(?,?,?)")] {
            let plan = plan(sql);
            let expected = format!("SEARCH s USING INDEX sessions_live (user_id=? AND {range})");
            assert_eq!(plan.first(), Some(&expected), "{plan:#?}");
            require_no_sorting(&plan);
        }
    }

    #[test]
    fn whoever_names_user_and_session_goes_to_the_row_and_nowhere_else() {
        for sql in [FIND, ENDED, SET_DATA, SET_AUTH_TIME, TOUCH, END] {
            let plan = plan(sql);
            assert!(plan[0].ends_with("USING PRIMARY KEY (user_id=? AND id=?)"), "{plan:#?}");
        }
    }

    #[test]
    fn all_sessions_of_a_user_are_one_range_in_the_order_of_the_table() {
        let plan = plan(OF_USER);
        assert_eq!(plan[0], "SEARCH s USING PRIMARY KEY (user_id=?)", "{plan:#?}");
        assert!(plan.iter().any(|step| step.starts_with("SEARCH c USING PRIMARY KEY (user_id=? AND session_id=?)")));
        require_no_sorting(&plan);
    }

    #[test]
    fn every_list_goes_on_where_it_stopped_without_looking_at_what_came_before() {
        let after = plan(AFTER);
        assert_eq!(after[0], "SEARCH s USING PRIMARY KEY ((user_id,id)>(?,?))", "{after:#?}");
        require_no_sorting(&after);
        let of_client = plan(OF_CLIENT);
        let expected = "SEARCH chains USING COVERING INDEX chains_client (client_id=? AND (user_id,session_id)>(?,?))";
        // What is sorted after that is one page.
        assert!(of_client.iter().any(|step| step == expected), "{of_client:#?}");
        assert!(!of_client.iter().any(|step| step.contains("sessions_id")), "{of_client:#?}");
    }

    #[test]
    fn a_count_of_the_living_begins_behind_those_that_have_expired() {
        let plan = plan(EXPIRING);
        let expected = "SEARCH s USING INDEX sessions_expiry ((expires_at,user_id,id)>(?,?,?))";
        assert_eq!(plan.first().map(String::as_str), Some(expected), "{plan:#?}");
        require_no_sorting(&plan);
    }

    fn require_no_sorting(plan: &[String]) {
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:#?}");
    }
}
