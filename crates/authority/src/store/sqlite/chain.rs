//! Refresh chains.

use rescind_domain::chain::{Chain, ChainKey, KEPT_ROTATIONS};
use rescind_domain::clock::Timestamp;
use rescind_domain::key::MacKeyId;
use rescind_domain::store::{Holding, StoreError};
use rescind_wire::{Epoch, Position, SessionId, UserId};
use rusqlite::{CachedStatement, Connection, Row, params};

use super::cells::{Cells, all, change, change_one, int, json, one, time};
use super::error::refused;
use super::log;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT c.user_id, c.session_id, c.idx, c.client_id, e.epoch, c.number, c.counter, c.salt, t.epoch, \
             c.mac_key, c.rotated_at, c.earlier, c.scope, c.audiences FROM chains c \
             LEFT JOIN epochs e ON e.seq = c.epoch LEFT JOIN epochs t ON t.seq = c.token_epoch ",
            $rest
        )
    };
}

/// What [`read_holding`] reads, of `chains c` and this alias of `epochs`.
macro_rules! holding_columns {
    ($epoch:literal) => {
        concat!("c.user_id, c.session_id, c.idx, c.client_id, ", $epoch, ".epoch, c.number, c.mac_key, c.rotated_at")
    };
}
pub(super) use holding_columns;

/// How many columns these are.
pub(super) const HOLDING_COLUMNS: usize = 8;

/// A chain.
pub(super) fn find(conn: &Connection, key: &ChainKey) -> Result<Option<Chain>, StoreError> {
    let sql = select!("WHERE c.user_id = ?1 AND c.session_id = ?2 AND c.idx = ?3");
    one(conn, sql, params![key.user.as_bytes(), key.session.as_bytes(), key.index], chain_of)
}

/// The chains under a session.
pub(super) fn under(conn: &Connection, user: &UserId, session: &SessionId) -> Result<Vec<Chain>, StoreError> {
    let sql = select!("WHERE c.user_id = ?1 AND c.session_id = ?2 ORDER BY c.idx");
    all(conn, sql, [user.as_bytes(), session.as_bytes()], chain_of)
}

/// What clients hold under a session.
pub(super) fn holdings(conn: &Connection, user: &UserId, session: &SessionId) -> Result<Vec<Holding>, StoreError> {
    let mut held = Vec::new();
    Holdings::of(conn)?.read(user, session, &mut held)?;
    Ok(held)
}

/// Reads what clients hold, under one session after the other.
pub(super) struct Holdings<'c>(CachedStatement<'c>);

impl<'c> Holdings<'c> {
    pub(super) fn of(conn: &'c Connection) -> Result<Self, StoreError> {
        let sql = concat!(
            "SELECT ",
            holding_columns!("e"),
            " FROM chains c LEFT JOIN epochs e ON e.seq = c.epoch \
             WHERE c.user_id = ?1 AND c.session_id = ?2 ORDER BY c.idx"
        );
        conn.prepare_cached(sql).map(Self).map_err(refused)
    }

    /// Adds what is held under a session. Answers its latest rotation.
    pub(super) fn read(
        &mut self,
        user: &UserId,
        session: &SessionId,
        held: &mut Vec<Holding>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut rows = self.0.query([user.as_bytes(), session.as_bytes()]).map_err(refused)?;
        let mut latest = None;
        while let Some(row) = rows.next().map_err(refused)? {
            let (holding, rotated) = read_holding(&mut Cells::new(row, "chains", 3))?;
            held.push(holding);
            latest = latest.max(rotated);
        }
        Ok(latest)
    }
}

/// What a client holds, and the latest rotation, of the cells that come next.
pub(super) fn read_holding(cells: &mut Cells<'_>) -> Result<(Holding, Option<Timestamp>), StoreError> {
    cells.pass(3);
    let client = cells.parsed("client_id")?;
    let epoch = Epoch::from_bytes(cells.bytes("epoch")?);
    let position = Position { epoch, number: cells.number("number")? };
    let holding = Holding { client, position, key: MacKeyId(cells.bytes("mac_key")?) };
    Ok((holding, cells.time_or_null("rotated_at")?))
}

/// Adds a chain.
pub(super) fn insert(conn: &Connection, chain: &Chain) -> Result<(), StoreError> {
    let sql = "INSERT INTO chains (user_id, session_id, idx, client_id, epoch, number, counter, salt, token_epoch, \
               mac_key, rotated_at, earlier, scope, audiences) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let values = params![
        chain.key.user.as_bytes(),
        chain.key.session.as_bytes(),
        chain.key.index,
        chain.client.as_str(),
        log::epoch_seq(conn, chain.position.epoch)?,
        int(chain.position.number),
        int(chain.counter),
        chain.salt,
        log::epoch_seq(conn, chain.epoch)?,
        chain.mac_key.0,
        time(chain.rotations.first().copied()),
        earlier(&chain.rotations),
        chain.scope,
        json(&chain.audiences, "chains", "audiences")?,
    ];
    change(conn, sql, values).map(drop)
}

/// Writes counter, rotations, epoch and key of a chain.
pub(super) fn rotate(conn: &Connection, chain: &Chain) -> Result<(), StoreError> {
    let sql = "UPDATE chains SET counter = ?4, rotated_at = ?5, earlier = ?6, token_epoch = ?7, mac_key = ?8 \
               WHERE user_id = ?1 AND session_id = ?2 AND idx = ?3";
    let ChainKey { user, session, index } = &chain.key;
    let values = params![
        user.as_bytes(),
        session.as_bytes(),
        index,
        int(chain.counter),
        time(chain.rotations.first().copied()),
        earlier(&chain.rotations),
        log::epoch_seq(conn, chain.epoch)?,
        chain.mac_key.0,
    ];
    change_one(conn, sql, values, "chains", format_args!("{user} {session} {index}"))
}

/// The rotations before the latest.
fn earlier(rotations: &[Timestamp]) -> Vec<u8> {
    rotations.iter().skip(1).take(KEPT_ROTATIONS - 1).flat_map(|at| at.0.to_be_bytes()).collect()
}

fn chain_of(row: &Row<'_>) -> Result<Chain, StoreError> {
    let mut cells = Cells::new(row, "chains", 3);
    Ok(Chain {
        key: ChainKey {
            user: UserId::from_bytes(cells.bytes("user_id")?),
            session: SessionId::from_bytes(cells.bytes("session_id")?),
            index: read_index(&mut cells)?,
        },
        client: cells.parsed("client_id")?,
        position: Position { epoch: Epoch::from_bytes(cells.bytes("epoch")?), number: cells.number("number")? },
        counter: cells.number("counter")?,
        salt: cells.bytes("salt")?,
        epoch: Epoch::from_bytes(cells.bytes("token_epoch")?),
        mac_key: MacKeyId(cells.bytes("mac_key")?),
        rotations: read_rotations(&mut cells)?,
        scope: cells.text("scope")?.to_owned(),
        audiences: cells.json("audiences")?,
    })
}

fn read_index(cells: &mut Cells<'_>) -> Result<u16, StoreError> {
    let index = cells.number("idx")?;
    u16::try_from(index).map_err(|_| cells.corrupt("idx", format!("{index} is too great")))
}

fn read_rotations(cells: &mut Cells<'_>) -> Result<Vec<Timestamp>, StoreError> {
    let latest = cells.time_or_null("rotated_at")?;
    let (earlier, rest) = cells.blob("earlier")?.as_chunks::<8>();
    if !rest.is_empty() || earlier.len() >= KEPT_ROTATIONS || (latest.is_none() && !earlier.is_empty()) {
        return Err(cells.corrupt("earlier", "not a list of the rotations before the latest"));
    }
    Ok(latest.into_iter().chain(earlier.iter().map(|at| Timestamp(u64::from_be_bytes(*at)))).collect())
}
