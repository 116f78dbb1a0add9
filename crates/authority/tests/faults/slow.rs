//! A disk that takes seconds to sync (G2): whoever waits is told in time that it is not known, and never more than is
//! true.

use std::time::Duration;

use super::server::Server;
use super::tracer::Tracer;
use super::visitor::{Visitor, expect_problem};

/// Enough for everything here, on any machine, but for a disk as slow as this one.
const IMPATIENT: &[(&str, &str)] = &[("RESCIND_HTTP_REQUEST_TIMEOUT", "4s")];

/// How long each sync is held up.
const SYNC: Duration = Duration::from_secs(8);

#[test]
fn g2_a_disk_that_is_slower_than_a_request_may_be_is_an_error_and_nothing_is_half_done() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("data"), IMPATIENT);
    let mut visitor = Visitor::arrive(&server);
    let slow = match Tracer::attach(server.id(), &home.path().join("trace"), SYNC) {
        Ok(slow) => slow,
        Err(reason) => return eprintln!("SKIPPED: strace cannot attach here: {reason}"),
    };
    let request = visitor.laptop.refreshing();
    let answer = visitor.ask(&request);
    assert_eq!(answer.status, 503, "{answer:?}");
    expect_problem("refresh", &answer, "timed-out");
    drop(slow);
    visitor.expect_phone_refused();
    visitor.expect_recovery();
    server.stop();
}
