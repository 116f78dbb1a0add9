//! Rows that cannot be read (R7): whatever would have to be decided on one is refused, the log names table and column,
//! and everybody else goes on.

use std::path::Path;

use rusqlite::Connection;

use super::http::Answer;
use super::server::Server;
use super::visitor::{self, Visitor, expect_problem};

/// What is broken, and what then cannot be done.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("chains", "salt", "x'00'", "refresh"),
    ("chains", "counter", "-1", "refresh"),
    ("chains", "earlier", "x'0102'", "refresh"),
    ("chains", "audiences", "'[7'", "refresh"),
    ("chains", "token_epoch", "-1", "refresh"),
    ("sessions", "amr", "'pwd'", "look"),
    ("sessions", "bound_address", "'here'", "refresh"),
    ("sessions", "expires_at", "-1", "log out"),
    ("sessions", "ended", "-1", "look"),
    ("users", "state", "'asleep'", "sign in"),
    ("users", "role", "'queen'", "look"),
    ("users", "cut_except", "x'77'", "refresh"),
    ("clients", "cut", "-7", "refresh"),
    ("head", "everyone_cut", "-1", "refresh"),
];

#[test]
fn r7_a_row_that_cannot_be_read_is_refused_and_named_and_never_guessed_at() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let server = Server::start(&data, &[]);
    let mut visitor = Visitor::arrive(&server);
    for (table, column, value, what) in BROKEN {
        let name = format!("table {table}, column {column}");
        let request = match *what {
            "look" => visitor.laptop.looking(),
            "log out" => visitor.laptop.leaving(),
            "refresh" => visitor.laptop.refreshing(),
            _ => visitor::sign_in(visitor::LOGIN, visitor::PASSWORD),
        };
        let broken = Broken::set(&data, table, column, value);
        expect_refusal(&name, &visitor.ask(&request));
        assert!(server.logged().contains(&name), "the log does not name {name}: {}", server.logged());
        for request in [visitor.phone.looking(), visitor.phone.refreshing()] {
            assert!(visitor.ask(&request).status >= 400, "{name}: revoked, and accepted");
        }
        broken.mend();
        visitor.expect_to_read();
    }
    visitor.expect_recovery();
    server.stop();
}

#[test]
fn r7_an_entry_of_an_unknown_kind_stops_the_verifier_until_it_is_known() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let server = Server::start(&data, &[]);
    let mut visitor = Visitor::arrive(&server);
    visitor.expect_to_read();
    let unknown = r#"INSERT INTO log SELECT number + 1, epoch, 'hologram', '{"revoke":{"type":"hologram"}}', reason,
        actor, at, tag FROM log ORDER BY number DESC LIMIT 1; UPDATE head SET number = number + 1"#;
    open(&data).execute_batch(&format!("BEGIN IMMEDIATE; {unknown}; COMMIT")).unwrap();
    visitor.until(|answer| answer.status == 503 && answer.text("/type") == "/problems/cannot-tell");
    visitor.expect_phone_refused();
    let request = visitor.laptop.looking();
    expect_problem("look", &visitor.ask(&request).expect(503), "cannot-tell");
    assert!(server.logged().contains("table log, column"), "{}", server.logged());
    let known = r#"UPDATE log SET kind = 'token', change =
        '{"revoke":{"type":"token","token":"tok_00000000000000000000000000"}}' WHERE kind = 'hologram'"#;
    open(&data).execute_batch(known).unwrap();
    visitor.until_told(&request, 200);
    visitor.expect_recovery();
    server.stop();
}

/// A column that holds nonsense in every row.
struct Broken {
    conn: Connection,
    table: &'static str,
}

impl Broken {
    fn set(data: &Path, table: &'static str, column: &str, value: &str) -> Self {
        let conn = open(data);
        conn.execute_batch(&format!(
            "ATTACH ':memory:' AS kept; CREATE TABLE kept.rows AS SELECT * FROM main.{table};
             UPDATE {table} SET {column} = {value}"
        ))
        .unwrap();
        Self { conn, table }
    }

    fn mend(self) {
        let table = self.table;
        let mend = format!("BEGIN IMMEDIATE; DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept.rows; COMMIT");
        self.conn.execute_batch(&mend).unwrap();
    }
}

/// Refused, clearly, and without a word of what is in the row: that is for the operator.
#[track_caller]
fn expect_refusal(name: &str, answer: &Answer) {
    assert!([500, 503].contains(&answer.status), "{name}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}: {answer:?}");
    assert!(!answer.body.to_string().contains("column"), "{name}: {answer:?}");
}

fn open(data: &Path) -> Connection {
    Connection::open(data.join("rescind.db")).unwrap()
}
