//! Another process that has the write lock and does not let go (G2, A12).

use std::thread;

use rusqlite::Connection;

use super::server::Server;
use super::visitor::{Visitor, expect_refusal};

/// The shortest patience that can be configured.
const IMPATIENT: &[(&str, &str)] = &[("RESCIND_SQLITE_BUSY_TIMEOUT", "1s")];

#[test]
fn a12_g2_while_another_process_has_the_lock_nothing_is_accepted_and_reading_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let server = Server::start(&data, IMPATIENT);
    let mut visitor = Visitor::arrive(&server);
    let other = Connection::open(data.join("rescind.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // All at once, for each waits until patience runs out.
    thread::scope(|scope| {
        for (name, request) in visitor.changes() {
            let server = &server;
            scope.spawn(move || {
                expect_refusal(name, &server.ask(&request));
            });
        }
    });
    assert!(server.logged().contains("another process has been writing to the database for 1s"), "{}", server.logged());
    visitor.expect_to_read();
    let request = visitor.phone.looking();
    visitor.ask(&request).expect(401);
    other.execute_batch("ROLLBACK").unwrap();
    visitor.expect_recovery();
    server.stop();
}
