//! A data folder that is not what it should be: the server says what is wrong with it, and does not start (G2, R7).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::disk::{self, Disk, into_one_file};
use super::server::Server;
use super::visitor::Visitor;

#[test]
fn a_lost_root_key_is_named_with_what_to_do_and_nothing_is_made_anew() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    Server::start(&data, &[]).stop();
    let (key, away) = (data.join("root.key"), home.path().join("root.key"));
    fs::rename(&key, &away).unwrap();
    expect_failure(&data, &["root.key", "RESCIND_ROOT_KEY"]);
    assert!(!key.exists(), "a new key beside an old database");
    // Given back, or given as a setting, it is good again.
    let text = fs::read_to_string(&away).unwrap();
    Server::start(&data, &[("RESCIND_ROOT_KEY", text.trim())]).stop();
    fs::rename(&away, &key).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    expect_failure(&data, &["root.key", "chmod 600"]);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    Server::start(&data, &[]).stop();
}

#[test]
fn g2_a_read_only_disk_is_named_and_once_it_is_not_the_server_starts() {
    if !disk::may_mount("the read-only disk") {
        return;
    }
    let disk = Disk::small(8);
    let data = disk.data();
    let server = Server::start(&data, &[]);
    let mut visitor = Visitor::arrive(&server);
    server.stop();
    disk.remount("ro");
    expect_failure(&data, &["ead-only"]);
    disk.remount("rw");
    let server = Server::start(&data, &[]);
    visitor.meet(&server);
    visitor.expect_recovery();
    server.stop();
}

#[test]
fn g7_a_database_cut_short_is_named_or_found_out_and_never_half_believed() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let server = Server::start(&data, &[]);
    let mut visitor = Visitor::arrive(&server);
    server.stop();
    into_one_file(&data.join("rescind.db"));
    let whole = fs::read(data.join("rescind.db")).unwrap();
    for kept in [1, 2, 3, 5, 8, 13, 21] {
        fs::write(data.join("rescind.db"), &whole[..whole.len() - kept * 4096]).unwrap();
        match Server::try_start(&data, &[]) {
            Err(failed) => drop(failed.reason()),
            Ok(server) => {
                visitor.meet(&server);
                visitor.expect_phone_refused();
            }
        }
    }
    fs::write(data.join("rescind.db"), &whole).unwrap();
    let server = Server::start(&data, &[]);
    visitor.meet(&server);
    visitor.expect_recovery();
    server.stop();
}

/// It does not start, and says why with these words.
#[track_caller]
fn expect_failure(data: &Path, words: &[&str]) {
    match Server::try_start(data, &[]) {
        Ok(_) => panic!("it starts"),
        Err(failed) => {
            let reason = failed.reason();
            assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
        }
    }
}
