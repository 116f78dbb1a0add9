//! A store that goes back (G7, R9): an old copy is put in the place of the database while the server is stopped, and
//! behind its back while it runs. Nothing that was revoked since lives on silently.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::disk::into_one_file;
use super::http::Request;
use super::server::Server;
use super::visitor::{Device, LOGIN, PASSWORD, Visitor};

/// A deployment whose database was copied, and what has happened since.
struct Scene {
    home: tempfile::TempDir,
    /// Signed in before the copy was made.
    visitor: Visitor,
    /// Signed in before the copy was made, signed out since: it lives in the copy.
    revived: Device,
    /// Signed in since.
    newcomer: Device,
}

impl Scene {
    /// Copies the database of a stopped server, starts it again, and signs devices in and out. The server still runs.
    fn set() -> (Self, Server) {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let server = Server::start(&data, &[]);
        let mut visitor = Visitor::arrive(&server);
        let revived = Device::sign_in(&server);
        server.stop();
        into_one_file(&data.join("rescind.db"));
        fs::copy(data.join("rescind.db"), home.path().join("copy.db")).unwrap();
        let server = Server::start(&data, &[]);
        visitor.meet(&server);
        visitor.ask(&revived.leaving()).expect(204);
        let refreshed = visitor.ask(&visitor.laptop.refreshing()).expect(200);
        visitor.laptop = Device::of(&refreshed);
        let newcomer = Device::sign_in(&server);
        let this = Self { home, visitor, revived, newcomer };
        (this, server)
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn database(&self) -> PathBuf {
        self.data().join("rescind.db")
    }

    fn copy(&self) -> PathBuf {
        self.home.path().join("copy.db")
    }

    /// What was revoked after the copy was made is refused, by the bearer path and by a refresh.
    fn expect_revived_refused(&mut self) {
        for request in [self.revived.looking(), self.revived.refreshing()] {
            let answer = self.visitor.ask(&request);
            assert!([401, 503].contains(&answer.status), "revoked, and back: {answer:?}");
        }
    }

    /// A new epoch: everybody was signed out, the audit log says why, and life goes on with new sign-ins.
    fn expect_new_epoch(&mut self, server: &Server) {
        for device in [&self.revived, &self.newcomer, &self.visitor.laptop.clone(), &self.visitor.phone.clone()] {
            for request in [device.looking(), device.refreshing()] {
                self.visitor.until_told(&request, 401);
            }
        }
        let (epochs, alarms) = epochs(&self.database());
        assert_eq!((epochs, alarms), (2, 1), "one new epoch, and one event that says so");
        expect_alarm(server);
        let device = Device::sign_in(server);
        self.visitor.ask(&device.looking()).expect(200);
        self.visitor.ask(&device.refreshing()).expect(200);
    }
}

#[test]
fn g7_a_copy_put_back_while_stopped_is_found_out_by_an_access_token_from_beyond_the_head() {
    found_out_by(|scene| scene.newcomer.looking());
}

#[test]
fn g7_a_copy_put_back_while_stopped_is_found_out_by_a_refresh_token_beyond_its_counter() {
    found_out_by(|scene| scene.visitor.laptop.refreshing());
}

fn found_out_by(proof: impl Fn(&Scene) -> Request) {
    let (mut scene, server) = Scene::set();
    server.stop();
    into_one_file(&scene.database());
    fs::copy(scene.copy(), scene.database()).unwrap();
    let server = Server::start(&scene.data(), &[]);
    scene.visitor.meet(&server);
    let request = proof(&scene);
    scene.visitor.ask(&request).expect(401);
    scene.expect_new_epoch(&server);
    server.stop();
    // It stays found out.
    let server = Server::start(&scene.data(), &[]);
    scene.visitor.meet(&server);
    scene.expect_revived_refused();
    server.stop();
}

#[test]
fn g7_a_copy_put_back_while_stopped_is_found_out_by_a_cookie_beyond_its_counter() {
    let home = tempfile::tempdir().unwrap();
    let (data, copy) = (home.path().join("data"), home.path().join("copy.db"));
    let database = data.join("rescind.db");
    let settings = [("RESCIND_ISSUER", Browser::ORIGIN)];
    let server = Server::start(&data, &settings);
    Visitor::arrive(&server);
    let mut browser = Browser::default();
    browser.send(&server, "/sign-in", "/sign-in", &format!("login={LOGIN}"));
    server.stop();
    into_one_file(&database);
    fs::copy(&database, &copy).unwrap();
    let server = Server::start(&data, &settings);
    browser.send(&server, "/account", "/account/sign-out-others", "");
    assert!(browser.ask(&server, "GET", "/account", "").starts_with("HTTP/1.1 200"));
    server.stop();
    into_one_file(&database);
    fs::copy(&copy, &database).unwrap();
    let server = Server::start(&data, &settings);
    assert!(browser.ask(&server, "GET", "/account", "").starts_with("HTTP/1.1 303"), "on to where one signs in");
    assert_eq!(epochs(&database), (2, 1), "one new epoch, and one event that says so");
    // Whoever signs in hears once the log has been read again.
    server.ask(&Device::sign_in(&server).looking()).expect(200);
    expect_alarm(&server);
    server.stop();
}

/// The operator is told, once.
#[track_caller]
fn expect_alarm(server: &Server) {
    let logged = server.logged();
    let lines: Vec<&str> = logged.lines().filter(|line| line.contains("the store went back: everyone")).collect();
    assert!(matches!(lines[..], [line] if line.contains("ERROR")), "{logged}");
}

/// Keeps cookies, and sends the forms of pages with the password.
#[derive(Default)]
struct Browser(BTreeMap<String, String>);

impl Browser {
    const ORIGIN: &str = "https://rescind.test";

    /// Loads `page`, and sends the form in it that goes to `action`.
    fn send(&mut self, server: &Server, page: &str, action: &str, fields: &str) {
        let shown = self.ask(server, "GET", page, "");
        let (_, token) = shown.split_once("name=\"form_token\" value=\"").unwrap_or_else(|| panic!("{shown}"));
        let (token, _) = token.split_once('"').unwrap();
        let password = PASSWORD.replace(' ', "+");
        let body = format!("form_token={token}&password={password}&{fields}");
        let answer = self.ask(server, "POST", action, body.trim_end_matches('&'));
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    }

    fn ask(&mut self, server: &Server, method: &str, path: &str, body: &str) -> String {
        let cookies: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect(server.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: rescind.test\r\norigin: {}\r\ncookie: {}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            Self::ORIGIN,
            cookies.join("; "),
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        for line in answer.lines().take_while(|line| !line.is_empty()) {
            let Some((_, set)) = line.split_once("set-cookie: ") else { continue };
            let (name, value) = set.split(';').next().and_then(|pair| pair.split_once('=')).unwrap();
            self.0.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

#[test]
fn g7_a_store_that_lost_its_tail_is_found_out_by_a_token_from_beyond_the_head() {
    let (mut scene, mut server) = Scene::set();
    server.kill();
    server.wait();
    for end in ["wal", "shm"] {
        fs::remove_file(scene.data().join(format!("rescind.db-{end}"))).unwrap();
    }
    let server = Server::start(&scene.data(), &[]);
    scene.visitor.meet(&server);
    let request = scene.newcomer.looking();
    scene.visitor.ask(&request).expect(401);
    scene.expect_new_epoch(&server);
    server.stop();
}

#[test]
fn g7_a_copy_restored_into_the_database_of_a_running_server_begins_a_new_epoch() {
    let (mut scene, server) = Scene::set();
    scene.expect_revived_refused();
    {
        let from = Connection::open_with_flags(scene.copy(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut into = Connection::open(scene.database()).unwrap();
        // The server may be writing, too.
        while Backup::new(&from, &mut into).unwrap().step(-1).unwrap() != StepResult::Done {}
    }
    scene.expect_revived_refused();
    // The log is read every 100 ms: soon somebody has noticed, and whoever was signed in is not.
    scene.visitor.until(|answer| answer.status == 401);
    scene.expect_new_epoch(&server);
    server.stop();
}

#[test]
fn g7_a_file_renamed_over_the_database_of_a_running_server_is_refused_and_revives_nothing() {
    let (mut scene, server) = Scene::set();
    let beside = scene.data().join("beside.db");
    fs::copy(scene.copy(), &beside).unwrap();
    fs::rename(&beside, scene.database()).unwrap();
    scene.visitor.expect_no_change();
    scene.expect_revived_refused();
    assert!(server.logged().contains("the database file was replaced"), "{}", server.logged());
    server.stop();
    restarted(scene);
}

#[test]
fn g7_bytes_copied_over_the_database_of_a_running_server_revive_nothing() {
    let (mut scene, server) = Scene::set();
    let conn = Connection::open(scene.database()).unwrap();
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    fs::copy(scene.copy(), scene.database()).unwrap();
    for _ in 0..20 {
        scene.expect_revived_refused();
    }
    drop(conn);
    server.stop();
    restarted(scene);
}

/// After somebody meddled with the files of a running server, it may start again or say why not. Either way, nothing that
/// was revoked is accepted once something proves what happened.
fn restarted(mut scene: Scene) {
    match Server::try_start(&scene.data(), &[]) {
        Err(failed) => assert!(!failed.reason().is_empty()),
        Ok(server) => {
            scene.visitor.meet(&server);
            for request in [scene.newcomer.looking(), scene.visitor.laptop.refreshing()] {
                let answer = scene.visitor.ask(&request);
                assert!(answer.status < 600, "{answer:?}");
            }
            scene.expect_revived_refused();
            server.stop();
        }
    }
}

/// How many epochs there are, and how many events that say that one began.
fn epochs(database: &Path) -> (i64, i64) {
    let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = |sql: &str| conn.query_row(sql, [], |row| row.get(0)).unwrap();
    (count("SELECT count(*) FROM epochs"), count("SELECT count(*) FROM events WHERE kind = 'epoch_begun'"))
}
