//! A12: a revocation that cannot be written is an error, never a silent success; and nothing is half done.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::house::{House, PASSWORD, RESCIND, Said, bare, finish};
use crate::server::{Device, Server};

const LOGOUT: [&str; 3] = ["user", "logout", "ann"];

/// A signed-in user, whose server runs on.
fn signed_in() -> (House, Server, Device) {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Phone");
    (house, server, device)
}

/// Runs the command through a shell, which prepares the process first.
fn run_after(house: &House, preparation: &str, arguments: &[&str]) -> Said {
    let mut command = bare("bash", Path::new("/"));
    let script = format!("{preparation}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, RESCIND]).args(arguments).arg("--data").arg(house.data());
    finish(command, arguments, "")
}

#[test]
fn a12_a_missing_data_folder_is_an_error_and_is_not_made() {
    let house = House::new();
    for command in [&LOGOUT[..], &["revoke", "everyone", "--reason", "x"], &["log"], &["verify", "x"], &["backup", "b"]]
    {
        house.run(command).failed_with(4).says("does not exist");
    }
    assert!(!house.data().exists());
    fs::create_dir(house.data()).expect("a folder");
    house.run(&LOGOUT).failed_with(4).says("holds no database");
    assert_eq!(fs::read_dir(house.data()).expect("a folder").count(), 0);
}

#[test]
fn a12_a_database_that_is_none_is_an_error() {
    let house = House::of("ann");
    fs::write(house.data().join("rescind.db"), "x".repeat(8192)).expect("written");
    house.run(&LOGOUT).failed_with(1).says("rescind.db");
    let house = House::of("ann");
    fs::remove_file(house.data().join("root.key")).expect("removed");
    house.run(&LOGOUT).failed_with(1).says("put it back");
}

#[test]
fn a12_g2_a_full_disk_is_an_error_and_ends_nothing() {
    let (house, server, device) = signed_in();
    let head = house.head();
    // No file may grow, as on a full disk; the signal that would end the process is ignored.
    run_after(&house, "trap '' XFSZ; ulimit -f 0", &LOGOUT).failed_with(1).says("rescind: ");
    assert_eq!(house.head(), head);
    assert_eq!(server.status(&device), 200);
    house.run(&LOGOUT).ok();
    assert_eq!(server.status(&device), 401);
}

#[test]
fn a12_g2_a_read_only_database_is_an_error_and_ends_nothing() {
    let (house, server, device) = signed_in();
    server.stop();
    let head = house.head();
    let database = house.data().join("rescind.db");
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    set(&database, 0o400);
    set(&house.data(), 0o500);
    // Whoever is root may write anything, unless that is taken away.
    let command = as_nobody_special(&house, &LOGOUT);
    finish(command, &LOGOUT, "").failed_with(1).says("rescind: ");
    set(&house.data(), 0o700);
    set(&database, 0o600);
    assert_eq!(house.head(), head);
    let sessions = house.json(&["user", "sessions", "ann"]);
    assert_eq!(sessions[0]["id"], device.session.as_str());
}

fn as_nobody_special(house: &House, arguments: &[&str]) -> Command {
    if !rustix::process::geteuid().is_root() {
        return house.command(arguments);
    }
    let mut command = bare("setpriv", Path::new("/"));
    let all = ["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all", RESCIND];
    command.args(all).args(arguments).arg("--data").arg(house.data());
    command
}

#[test]
fn a_folder_or_a_key_that_others_can_read_is_put_right_or_refused() {
    let house = House::of("ann");
    fs::set_permissions(house.data(), fs::Permissions::from_mode(0o755)).expect("set");
    house.run(&["log"]).ok();
    assert_eq!(fs::metadata(house.data()).expect("a folder").permissions().mode() & 0o777, 0o700);
    let key = house.data().join("root.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("set");
    house.run(&["log"]).failed_with(1).says("`chmod 600` it");
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(house.data(), fs::Permissions::from_mode(0o755)).expect("set");
        chown(house.data(), Some(65534), None).expect("given away");
        house.run(&["log"]).failed_with(1).says("`chmod 700` it");
    }
}

#[test]
fn the_wrong_root_key_is_an_error_that_says_what_to_do() {
    let house = House::of("ann");
    let mut command = house.command(&LOGOUT);
    command.env("RESCIND_ROOT_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
    finish(command, &LOGOUT, "").failed_with(1).says("put the right root.key back");
}

#[test]
fn a_guard_without_a_secret_is_refused_at_once() {
    let house = House::new();
    house.write("empty.secret", "\n");
    for (file, said) in [
        ("gone.secret", "gone.secret does not exist: name the file with the secret"),
        ("empty.secret", "is empty: `rescind client add`"),
    ] {
        let arguments = ["guard", "--authority", "https://id.example", "--client", "edge", "--secret-file", file];
        house.run(&arguments).failed_with(2).says(said);
    }
}

#[test]
fn a_file_or_folder_that_is_not_there_is_named_with_what_to_do() {
    let house = House::of("ann");
    let guard = ["guard", "--authority", "https://id.example", "--client", "edge", "--secret-file"];
    let secret = house.write("edge.secret", "s");
    let guarded = |more: &[&str], code: i32, said: &str| {
        house.run(&[&guard[..], &[secret.as_str()], more].concat()).failed_with(code).says(said);
    };
    for (arguments, code, said) in [
        (["backup", "gone/b.db"], 1, "gone does not exist: make it, or name a file in another folder"),
        (["backup", "b.db/"], 1, "b.db/ is a folder: name another file"),
        (["restore", "gone.db"], 4, "gone.db does not exist: name a file that `rescind backup` made"),
        (["restore", "."], 4, ". is a folder: name a file that `rescind backup` made"),
        (["import", "gone.jsonl"], 4, "gone.jsonl does not exist: name a file with one user on each line, or -"),
        (["import", "."], 2, ". is a folder: name a file with one user on each line, or -"),
        (["man", "--dir=gone"], 1, "gone does not exist: make the folder"),
        (["log", "--config=gone.toml"], 2, "gone.toml: cannot be read: No such file or directory"),
        (["log", "--config=gone.toml"], 2, "name the configuration file with --config, or in RESCIND_CONFIG"),
    ] {
        house.run(&arguments).failed_with(code).says(said);
    }
    guarded(&["--trust", "gone.pem"], 2, "gone.pem does not exist: name a file with certificates in PEM");
    let operations = ["--listen", "127.0.0.1:0", "--operations", "unix:gone/guard.sock"];
    for more in [&["--listen", "unix:gone/guard.sock"][..], &operations] {
        guarded(more, 1, "gone does not exist: make it, or name a socket in another folder");
    }
    let arguments = ["user", "add", "bob", "--password-stdin"];
    let mut command = bare(RESCIND, &house.path("."));
    command.args(arguments).args(["--data", "edge.secret/data"]);
    let said = finish(command, &arguments, PASSWORD).failed_with(1);
    said.says("edge.secret/data cannot be made: ").says("name another data folder with --data");
}
