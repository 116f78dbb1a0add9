//! `rescind backup` and `rescind restore` (G7).

use std::fs;

use serde_json::Value;

use crate::house::House;
use crate::server::{Device, Server};

const FLAGS: [&str; 2] = ["--issuer", "http://localhost"];

/// A house with a backup in which ann's laptop and phone are signed in, and the phone was signed out afterwards.
fn revoked_after_backup() -> (House, String, Device, Device) {
    let house = House::of("ann");
    let server = house.serve(&FLAGS);
    let (laptop, phone) = (server.sign_in("ann", "Laptop"), server.sign_in("ann", "Phone"));
    let file = house.path("backup.db").display().to_string();
    house.run(&["backup", &file]).ok();
    house.run(&["session", "end", &phone.session, "--reason", "phone stolen"]).ok();
    assert_eq!((server.status(&laptop), server.status(&phone)), (200, 401));
    assert_eq!(server.stop().code(), Some(0));
    (house, file, laptop, phone)
}

fn both(server: &Server, one: &Device, other: &Device) -> [u16; 4] {
    let refresh = |device: &Device| server.refresh(&device.refresh).status;
    [server.status(one), server.status(other), refresh(one), refresh(other)]
}

#[test]
fn g7_a_restored_backup_signs_everyone_out_and_revives_nothing() {
    let (house, file, laptop, phone) = revoked_after_backup();
    let said = house.run(&["restore", &file]).ok();
    assert!(said.out.contains("everybody is signed out, services too"), "{}", said.out);
    let server = house.serve(&FLAGS);
    assert_eq!(both(&server, &laptop, &phone), [401; 4]);
    // D1: whoever signs in afterwards is in.
    let again = server.sign_in("ann", "Laptop");
    assert_eq!(server.status(&again), 200);
    let events = house.json_lines(&["events"]);
    let begun: Vec<&Value> = events.iter().filter(|event| event["kind"] == "epoch_begun").collect();
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0]["actor"], "command line");
    let text = house.run(&["verify", &laptop.refresh]).failed_with(5).out;
    assert!(text.contains("restored from a backup"), "{text}");
}

#[test]
fn g7_two_restores_of_the_same_backup_are_two_epochs() {
    let (house, file, laptop, phone) = revoked_after_backup();
    let first = house.json(&["restore", &file]);
    let server = house.serve(&FLAGS);
    let between = server.sign_in("ann", "Tablet");
    assert_eq!(server.status(&between), 200);
    server.stop();
    let second = house.json(&["restore", &file]);
    assert_ne!(first["epoch"], second["epoch"]);
    let server = house.serve(&FLAGS);
    assert_eq!(both(&server, &laptop, &phone), [401; 4]);
    // What was issued between the two is of an epoch that this store never had.
    assert_eq!(both(&server, &between, &between), [401; 4]);
    assert_eq!(server.status(&server.sign_in("ann", "Laptop")), 200);
}

#[test]
fn g7_keeping_sessions_keeps_them_and_says_what_cannot_be_known() {
    let (house, file, laptop, phone) = revoked_after_backup();
    let said = house.run(&["restore", &file, "--keep-sessions"]).ok();
    assert!(said.out.contains("everybody stays signed in"), "{}", said.out);
    assert!(said.err.contains("cannot be known") && said.err.contains("rescind revoke everyone"), "{}", said.err);
    let server = house.serve(&FLAGS);
    // The phone is back: that is what was said.
    assert_eq!([server.refresh(&laptop.refresh).status, server.refresh(&phone.refresh).status], [200, 200]);
}

#[test]
fn r9_a_session_that_was_refreshed_after_the_backup_goes_on_where_sessions_are_kept() {
    let house = House::of("ann");
    let server = house.serve(&FLAGS);
    let laptop = server.sign_in("ann", "Laptop");
    let file = house.path("backup.db").display().to_string();
    house.run(&["backup", &file]).ok();
    let mut newest = laptop;
    for _ in 0..3 {
        newest = Device::of(&server.refresh(&newest.refresh).expect(200).json());
    }
    server.stop();
    house.run(&["restore", &file, "--keep-sessions"]).ok();
    let server = house.serve(&FLAGS);
    let next = Device::of(&server.refresh(&newest.refresh).expect(200).json());
    assert_eq!(server.status(&next), 200);
}

#[test]
fn a_restore_beside_a_running_server_is_refused() {
    let (house, file, laptop, _) = revoked_after_backup();
    let server = house.serve(&FLAGS);
    house.run(&["restore", &file]).failed_with(7).says("stop it first");
    assert_eq!(server.status(&laptop), 200);
}

#[test]
fn a_backup_overwrites_nothing_and_can_be_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::of("ann");
    let file = house.path("backup.db");
    let name = file.display().to_string();
    let said = house.json(&["backup", &name]);
    let metadata = fs::metadata(&file).expect("a file");
    assert_eq!(said["bytes"].as_u64(), Some(metadata.len()));
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    house.run(&["backup", &name]).failed_with(7).says("choose another name");
}

#[test]
fn what_is_no_backup_leaves_everything_as_it_was() {
    let house = House::of("ann");
    let server = house.serve(&FLAGS);
    let laptop = server.sign_in("ann", "Laptop");
    server.stop();
    house.run(&["restore", "gone.db"]).failed_with(4).says("gone.db");
    let garbage = house.write("garbage.db", "x".repeat(10_000));
    house.run(&["restore", &garbage]).failed_with(2).says("cannot be restored");
    let empty = house.write("empty.db", "");
    house.run(&["restore", &empty]).failed_with(2).says("cannot be restored");
    let stranger = House::of("mallory");
    let theirs = house.path("theirs.db").display().to_string();
    stranger.run(&["backup", &theirs]).ok();
    // Its keys are sealed with another root key: found out before anything is replaced.
    house.run(&["restore", &theirs]).failed_with(1).says("put the right root.key back");
    assert!(!house.data().join("restoring").exists());
    let server = house.serve(&FLAGS);
    assert_eq!(server.status(&laptop), 200);
}

#[test]
fn r9_who_reads_the_log_on_after_a_restore_misses_nothing_and_is_told_of_what_never_was() {
    let (house, file, ..) = revoked_after_backup();
    let before = house.json_lines(&["log"]);
    let last = before.last().expect("an entry")["position"].as_str().expect("a position").to_owned();
    let seen = house.json_lines(&["events"]).last().expect("an event")["id"].as_str().expect("an id").to_owned();
    house.run(&["restore", &file]).ok();
    let after = house.json_lines(&["log"]);
    let new: Vec<&Value> = after.iter().filter(|row| !before.contains(row)).collect();
    assert!(new[0]["number"] == before.last().expect("an entry")["number"], "numbers come again");
    assert_eq!(house.json_lines(&["log", "--after", &last]).iter().collect::<Vec<_>>(), new);
    assert_eq!(house.json_lines(&["events", "--after", &seen])[0]["kind"], "epoch_begun");
    for never in ["0000000000000000.1", "999"] {
        house.run(&["log", "--after", never]).failed_with(4).says("without --after");
        house.run(&["log", "--follow", "--after", never]).failed_with(4);
    }
    house.run(&["events", "--after", "evt_9000000000000000"]).failed_with(4).says("without --after");
    house.run(&["log", "--after", "x"]).failed_with(2).says("the number of an entry");
}

/// What is in the data folder.
fn names(house: &House) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(house.data()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    names
}

#[test]
fn g7_where_a_database_was_nobody_makes_an_empty_one_without_a_word() {
    let (house, file, ..) = revoked_after_backup();
    for name in ["rescind.db", "rescind.db-wal", "rescind.db-shm"] {
        let _ = fs::remove_file(house.data().join(name));
    }
    let left = names(&house);
    for arguments in [&["user", "add", "bob", "--password-stdin"][..], &["user", "list"], &["log"], &["backup", "x"]] {
        let said = house.run_with(arguments, "four fine words here").failed_with(1);
        said.says("rescind.db is missing").says("rescind restore").says("longest-lease");
    }
    house.refuses_to_serve(&FLAGS).failed_with(1).says("rescind.db is missing");
    assert_eq!(names(&house), left);
    // Both ways out lead out.
    house.run(&["restore", &file]).ok();
    assert_eq!(house.json(&["user", "list"]).as_array().expect("a list").len(), 1);
    for name in ["rescind.db", "rescind.db-wal", "rescind.db-shm", "longest-lease"] {
        let _ = fs::remove_file(house.data().join(name));
    }
    house.serve(&FLAGS).stop();
}

#[test]
fn g7_beside_a_server_whose_database_was_moved_away_nobody_makes_another() {
    let house = House::of("ann");
    let server = house.serve(&FLAGS);
    let away = house.path("away.db");
    fs::rename(house.data().join("rescind.db"), &away).expect("moved");
    for arguments in [&["user", "add", "bob", "--password-stdin"][..], &["revoke", "everyone", "--reason", "x"]] {
        house.run_with(arguments, "four fine words here").failed_with(7).says("a running `rescind` holds the folder");
    }
    assert!(!house.data().join("rescind.db").exists());
    fs::rename(&away, house.data().join("rescind.db")).expect("moved back");
    house.add("bob");
    server.stop();
}

#[test]
fn a_backup_is_restored_into_a_new_folder_if_the_root_key_is_there() {
    let (house, file, laptop, phone) = revoked_after_backup();
    let other = House::new();
    other.run(&["restore", &file]).failed_with(1).says("put it back");
    fs::copy(house.data().join("root.key"), other.data().join("root.key")).expect("copied");
    other.run(&["restore", &file]).ok();
    let server = other.serve(&FLAGS);
    assert_eq!(both(&server, &laptop, &phone), [401; 4]);
    assert_eq!(server.status(&server.sign_in("ann", "Laptop")), 200);
}

#[test]
fn r8_a_folder_in_which_another_server_ran_does_not_know_what_the_history_of_a_backup_granted() {
    let (house, file, ..) = revoked_after_backup();
    let known = |house: &House| fs::read_to_string(house.data().join("longest-lease")).expect("a file");
    let later = house.path("later.db").display().to_string();
    house.run(&["backup", &later]).ok();
    house.run(&["restore", &file]).ok();
    assert_eq!(known(&house).trim(), "15000", "it went on here");
    house.run(&["restore", &file]).ok();
    assert_eq!(known(&house).trim(), "15000", "it went on here, in a former epoch");
    let other = House::new();
    other.serve(&FLAGS).stop();
    fs::copy(house.data().join("root.key"), other.data().join("root.key")).expect("copied");
    assert_eq!(known(&other).trim(), "15000");
    other.run(&["restore", &file]).ok();
    assert_eq!(known(&other).trim(), "15000 unknown");
    fs::write(other.data().join("longest-lease"), "15000\n").expect("written");
    other.run(&["restore", &later]).ok();
    assert_eq!(known(&other).trim(), "15000 unknown", "it went on elsewhere since");
}

#[test]
fn what_root_makes_in_the_folder_of_another_user_belongs_to_that_user() {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: what_root_makes_in_the_folder_of_another_user_belongs_to_that_user: it takes root");
        return;
    }
    let strangers = |house: &House| {
        let entries = fs::read_dir(house.data()).expect("a folder").map(|entry| entry.expect("a file"));
        let owner = |entry: &fs::DirEntry| entry.metadata().map(|file| (file.uid(), file.gid())).expect("metadata");
        let mine = entries.filter(|entry| owner(entry) != (NOBODY, NOBODY));
        mine.map(|entry| entry.file_name()).collect::<Vec<_>>()
    };
    let given = || {
        let house = House::new();
        fs::DirBuilder::new().mode(0o700).create(house.data()).expect("a folder");
        chown(house.data(), Some(NOBODY), Some(NOBODY)).expect("given");
        house
    };
    let house = given();
    house.add("ann");
    assert_eq!(strangers(&house), [""; 0], "of a new database");
    let file = house.path("backup.db");
    house.run(&["backup", &file.display().to_string()]).ok();
    assert_eq!(fs::metadata(&file).expect("a backup").uid(), 0, "a backup is whose who made it");
    house.run(&["restore", &file.display().to_string()]).ok();
    assert_eq!(strangers(&house), [""; 0], "of one that was replaced");
    assert!(house.data().join("lock").exists() && house.data().join("longest-lease").exists());
    // What is there already stays whose it is: it may be a link to anything.
    let precious = house.path("precious");
    fs::write(&precious, "").expect("written");
    let other = given();
    for name in ["longest-lease.new", "root.key.new", "lock", "rescind.db.partial"] {
        std::os::unix::fs::symlink(&precious, other.data().join(name)).expect("linked");
    }
    other.add("ann");
    other.run(&["restore", &file.display().to_string()]).failed_with(1);
    fs::copy(house.data().join("root.key"), other.data().join("root.key")).expect("copied");
    other.run(&["restore", &file.display().to_string()]).ok();
    assert_eq!(fs::metadata(&precious).expect("there").uid(), 0);
    assert_eq!(fs::read(&precious).expect("there"), b"");
}

#[test]
fn a_restore_that_was_interrupted_leaves_the_old_store_and_is_cleaned_up_by_the_next() {
    let (house, file, ..) = revoked_after_backup();
    fs::create_dir(house.data().join("restoring")).expect("a folder");
    fs::write(house.data().join("restoring/rescind.db"), "half").expect("written");
    house.run(&["restore", &file]).ok();
    assert!(!house.data().join("restoring").exists());
}

#[test]
fn restoring_leaves_the_backup_alone_with_nothing_beside_it() {
    let (house, file, ..) = revoked_after_backup();
    let folder = house.path("kept");
    fs::create_dir(&folder).expect("a folder");
    let kept = folder.join("backup.db");
    fs::rename(&file, &kept).expect("moved");
    let before = fs::read(&kept).expect("a backup");
    house.run(&["restore", &kept.display().to_string()]).ok();
    let names: Vec<_> =
        fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").file_name()).collect();
    assert_eq!(names, ["backup.db"]);
    assert_eq!(fs::read(&kept).expect("a backup"), before);
}
