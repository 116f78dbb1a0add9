//! Files that cannot be written any more under a running server (G2, A12).

use std::path::Path;

use super::database;
use super::disk::Immutable;
use super::server::{self, Server};
use super::visitor::Visitor;

#[test]
fn a12_g2_with_files_that_cannot_be_written_nothing_is_accepted_and_it_recovers_without_help() {
    // On the disk that is built on: one in memory does not know the attribute.
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if let Err(reason) = Immutable::works_in(home.path()) {
        return eprintln!("SKIPPED: files cannot be made read-only for whoever has them open: {reason}");
    }
    let data = home.path().join("data");
    let server = Server::start(&data, &[]);
    let mut visitor = Visitor::arrive(&server);
    let immutable = Immutable::set(vec![data.join("rescind.db"), data.join("rescind.db-wal"), data.clone()]).unwrap();
    for _ in 0..3 {
        visitor.expect_no_change();
        visitor.expect_to_read();
        visitor.expect_phone_refused();
    }
    expect_tool_refused(&data);
    drop(immutable);
    visitor.expect_recovery();
    database::check(&data.join("rescind.db"));
    server.stop();
}

fn expect_tool_refused(data: &Path) {
    let output = server::command(data, &[]).args(["user", "logout", "ann"]).output().unwrap();
    assert!(output.status.code() == Some(1) && !output.stderr.is_empty(), "{output:?}");
}
