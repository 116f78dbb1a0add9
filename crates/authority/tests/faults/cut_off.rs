//! The authority's own verifier, cut off from the log for longer than its lease (A12, R7): it cannot tell, and says so.

use std::fs;

use super::server::Server;
use super::visitor::{Visitor, expect_problem};

#[test]
fn a12_g3_cut_off_from_the_log_for_longer_than_its_lease_the_verifier_cannot_tell_and_recovers_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let server = Server::start(&data, &[]);
    let mut visitor = Visitor::arrive(&server);
    visitor.expect_to_read();
    let (here, away) = (data.join("rescind.db"), home.path().join("elsewhere.db"));
    fs::rename(&here, &away).unwrap();
    visitor.expect_phone_refused();
    let request = visitor.laptop.looking();
    expect_problem("look", &visitor.ask(&request).expect(503), "store-unavailable");
    visitor.until(|answer| {
        assert_eq!(answer.status, 503, "accepted without a store: {answer:?}");
        answer.text("/type") == "/problems/cannot-tell"
    });
    // The token may be good: it is not called bad, and nobody is told to throw it away.
    expect_problem("look", &visitor.ask(&request).expect(503), "cannot-tell");
    visitor.expect_phone_refused();
    fs::rename(&away, &here).unwrap();
    visitor.until_told(&request, 200);
    visitor.expect_recovery();
    server.stop();
}
