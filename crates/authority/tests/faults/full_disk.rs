//! A disk that fills up under a running server (G2, A12).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::database;
use super::disk::{self, Disk};
use super::server::{self, Server};
use super::visitor::{Device, Visitor, expect_refusal};

/// Devices that go on while the disk fills up.
const WALKERS: usize = 4;

/// Longer than any of them waits for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn a12_g2_on_a_full_disk_nothing_is_accepted_what_was_revoked_stays_so_and_space_is_all_it_takes() {
    if !disk::may_mount("the full disk") {
        return;
    }
    let disk = Disk::small(8);
    let data = disk.data();
    let server = Server::start(&data, &[]);
    let mut visitor = Visitor::arrive(&server);
    disk.fill();
    for _ in 0..3 {
        visitor.expect_no_change();
        visitor.expect_to_read();
        visitor.expect_phone_refused();
    }
    assert!(server.logged().contains("the disk is full"), "{}", server.logged());
    let output = server::command(&data, &[]).args(["user", "logout", "ann"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("the disk is full"), "{output:?}");
    disk.free();
    visitor.expect_recovery();
    database::check(&data.join("rescind.db"));
    server.stop();
    eprintln!("a disk was filled");
}

#[test]
fn g2_a_server_that_starts_on_a_full_disk_says_so() {
    if !disk::may_mount("the full disk") {
        return;
    }
    let disk = Disk::small(8);
    let data = disk.data();
    let server = Server::start(&data, &[]);
    let mut visitor = Visitor::arrive(&server);
    server.stop();
    disk.fill();
    match Server::try_start(&data, &[]) {
        Ok(_) => panic!("it started, and could not have recorded what it must"),
        Err(failed) => {
            let reason = failed.reason();
            assert!(reason.contains("the disk"), "{reason}");
        }
    }
    disk.free();
    let server = Server::start(&data, &[]);
    visitor.meet(&server);
    visitor.expect_recovery();
    server.stop();
}

#[test]
fn g2_whatever_is_acknowledged_while_a_disk_fills_up_and_is_freed_again_survives_kill_9() {
    if !disk::may_mount("the full disk") {
        return;
    }
    let disk = Disk::small(8);
    let data = disk.data();
    let mut server = Server::start(&data, &[]);
    Visitor::arrive(&server);
    let mut walkers: Vec<Walker> = (0..WALKERS).map(|_| Walker::arrive(&server)).collect();
    let enough = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for (at, walker) in walkers.iter_mut().enumerate() {
            let (server, enough, tell) = (&server, &enough, tell.clone());
            scope.spawn(move || walker.walk(server, enough, |done| tell.send((at, done)).unwrap_or_default()));
        }
        // Should one of them fail, the others are told to stop all the same.
        let _stop = StopAtLast(&enough);
        wait_for_all(&told, true, 10);
        disk.fill();
        wait_for_all(&told, false, 5);
        disk.free();
        wait_for_all(&told, true, 10);
    });
    server.kill();
    server.wait();
    let server = Server::start(&data, &[]);
    for walker in walkers {
        server.ask(&walker.last.refreshing()).expect(200);
        let spare = server.ask(&walker.spare.refreshing()).status;
        assert!(!walker.ended || spare == 401, "an end that was acknowledged: {spare}");
        assert!(walker.ended || walker.unsure || spare == 200, "an end that was refused: {spare}");
    }
    database::check(&data.join("rescind.db"));
    server.stop();
}

/// A device that refreshes without a pause, and one beside it that is signed out once the store refuses something.
struct Walker {
    last: Device,
    spare: Device,
    /// The end of the spare one was acknowledged.
    ended: bool,
    /// It is not known whether it ended.
    unsure: bool,
}

impl Walker {
    fn arrive(server: &Server) -> Self {
        Self { last: Device::sign_in(server), spare: Device::sign_in(server), ended: false, unsure: false }
    }

    fn walk(&mut self, server: &Server, enough: &AtomicBool, tell: impl Fn(bool)) {
        let mut connection = server.connect();
        while !enough.load(Ordering::SeqCst) {
            let answer = connection.ask(&self.last.refreshing()).unwrap();
            if answer.status == 200 {
                self.last = Device::of(&answer);
            } else {
                expect_refusal("refresh", &answer);
                let leaving = connection.ask(&self.spare.leaving()).unwrap();
                self.ended |= leaving.status == 204;
                self.unsure |= leaving.status == 503 && leaving.text("/type") == "/problems/unconfirmed";
            }
            tell(answer.status == 200);
        }
    }
}

/// Waits until every walker was answered so often with a success, or with a refusal.
fn wait_for_all(told: &Receiver<(usize, bool)>, success: bool, times: u32) {
    let mut counts = [0; WALKERS];
    while counts.iter().any(|count| *count < times) {
        let (walker, done) = told.recv_timeout(PATIENCE).expect("answers");
        counts[walker] += u32::from(done == success);
    }
}

struct StopAtLast<'a>(&'a AtomicBool);

impl Drop for StopAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
