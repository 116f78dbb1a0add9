//! Clients, and how tokens for their audiences are signed.

use rescind_domain::client::{AudienceRow, Client};
use rescind_domain::secret::SecretHash;
use rescind_domain::store::StoreError;
use rescind_wire::ClientId;
use rusqlite::{Connection, Row, params};

use super::cells::{Cells, all, change, change_one, int, json, one};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, kind, audiences, scopes, secret, origins, policy, created_at, cut FROM clients ",
            $rest
        )
    };
}

/// A client.
pub(super) fn find(conn: &Connection, id: &ClientId) -> Result<Option<Client>, StoreError> {
    one(conn, select!("WHERE id = ?1"), [id.as_str()], client_of)
}

/// A client's last revocation.
pub(super) fn cut_of(conn: &Connection, id: &ClientId) -> Result<Option<u64>, StoreError> {
    one(conn, "SELECT id, cut FROM clients WHERE id = ?1", [id.as_str()], |row| {
        let mut cells = Cells::new(row, "clients", 1);
        cells.text("id")?;
        cells.number("cut")
    })
}

/// All clients, by id, after `after`.
pub(super) fn list(conn: &Connection, after: &str, limit: u32) -> Result<Vec<Client>, StoreError> {
    all(conn, select!("WHERE id > ?1 ORDER BY id LIMIT ?2"), params![after, limit], client_of)
}

/// Adds a client.
pub(super) fn insert(conn: &Connection, client: &Client) -> Result<(), StoreError> {
    let sql = "INSERT INTO clients (id, name, kind, audiences, scopes, secret, origins, policy, created_at, cut) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = params![
        client.id.as_str(),
        client.name,
        client.kind.as_str(),
        json(&client.audiences, "clients", "audiences")?,
        json(&client.scopes, "clients", "scopes")?,
        client.secret.map(|hash| hash.0),
        json(&client.origins, "clients", "origins")?,
        json(&client.policy, "clients", "policy")?,
        int(client.created_at.0),
        int(client.cut),
    ];
    change(conn, sql, values).map(drop)
}

/// Replaces everything about a client but its id, birth and cut.
pub(super) fn update(conn: &Connection, client: &Client) -> Result<(), StoreError> {
    let sql = "UPDATE clients SET name = ?2, kind = ?3, audiences = ?4, scopes = ?5, secret = ?6, origins = ?7, \
               policy = ?8 WHERE id = ?1";
    let values = params![
        client.id.as_str(),
        client.name,
        client.kind.as_str(),
        json(&client.audiences, "clients", "audiences")?,
        json(&client.scopes, "clients", "scopes")?,
        client.secret.map(|hash| hash.0),
        json(&client.origins, "clients", "origins")?,
        json(&client.policy, "clients", "policy")?,
    ];
    change_one(conn, sql, values, "clients", &client.id)
}

/// Sets a client's last revocation.
pub(super) fn cut(conn: &Connection, id: &ClientId, number: u64) -> Result<(), StoreError> {
    let sql = "UPDATE clients SET cut = ?2 WHERE id = ?1";
    change_one(conn, sql, params![id.as_str(), int(number)], "clients", id)
}

/// Removes a client: without it, everything that it was given is dead, whatever its position.
pub(super) fn remove(conn: &Connection, id: &ClientId) -> Result<(), StoreError> {
    change_one(conn, "DELETE FROM clients WHERE id = ?1", [id.as_str()], "clients", id)
}

/// The clients that name an audience.
pub(super) fn naming(conn: &Connection, audience: &str, limit: u32) -> Result<Vec<ClientId>, StoreError> {
    let sql = "SELECT id FROM clients WHERE ?1 IN (SELECT value FROM json_each(audiences)) ORDER BY id LIMIT ?2";
    all(conn, sql, params![audience, limit], |row| Cells::new(row, "clients", 1).parsed("id"))
}

/// Forgets the audiences that no client names.
pub(super) fn forget_audiences(conn: &Connection) -> Result<(), StoreError> {
    let sql = "DELETE FROM audiences \
               WHERE name NOT IN (SELECT named.value FROM clients, json_each(clients.audiences) AS named)";
    change(conn, sql, []).map(drop)
}

/// How audiences have their tokens signed.
pub(super) fn audiences(conn: &Connection) -> Result<Vec<AudienceRow>, StoreError> {
    all(conn, "SELECT name, algorithm FROM audiences ORDER BY name", [], |row| {
        let mut cells = Cells::new(row, "audiences", 1);
        Ok(AudienceRow { name: cells.text("name")?.to_owned(), algorithm: cells.parsed("algorithm")? })
    })
}

/// Sets how an audience's tokens are signed.
pub(super) fn set_audience(conn: &Connection, audience: &AudienceRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO audiences (name, algorithm) VALUES (?1, ?2) \
               ON CONFLICT (name) DO UPDATE SET algorithm = excluded.algorithm";
    change(conn, sql, [audience.name.as_str(), audience.algorithm.as_str()]).map(drop)
}

fn client_of(row: &Row<'_>) -> Result<Client, StoreError> {
    let mut cells = Cells::new(row, "clients", 1);
    Ok(Client {
        id: cells.parsed("id")?,
        name: cells.text("name")?.to_owned(),
        kind: cells.parsed("kind")?,
        audiences: cells.json("audiences")?,
        scopes: cells.json("scopes")?,
        secret: cells.bytes_or_null("secret")?.map(SecretHash),
        origins: cells.json("origins")?,
        policy: cells.json("policy")?,
        created_at: cells.time("created_at")?,
        cut: cells.number("cut")?,
    })
}
