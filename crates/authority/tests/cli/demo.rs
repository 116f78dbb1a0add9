//! `rescind demo`: what it says without a terminal and with one, and what it leaves behind, which is nothing.

use std::fs;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::process::{Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};

use crate::asking::Terminal;
use crate::house::{House, RESCIND, bare, finish};

/// What a demo without a terminal says, with the times and the port masked.
const SAID: &str = "\
An authority on http://127.0.0.1:_, followed by three services: catalog, cart and payments
Laptop and Phone signed in: accepted by catalog, cart and payments
Phone signed out: first refused by catalog after _ ms, cart _ ms, payments _ ms; enforced by 3 of 3 in _ ms; Laptop goes on
Phone signed in: accepted by catalog, cart and payments
Phone signed the others out (Laptop): first refused by catalog after _ ms, cart _ ms, payments _ ms; enforced by 3 of 3 in _ ms; Phone goes on
Laptop signed in: accepted by catalog, cart and payments
Phone signed out of all devices (Laptop and Phone): first refused by catalog after _ ms, cart _ ms, payments _ ms; enforced by 3 of 3 in _ ms
Laptop and Phone signed in: accepted by catalog, cart and payments
Everyone signed out (Laptop and Phone): first refused by catalog after _ ms, cart _ ms, payments _ ms; enforced by 3 of 3 in _ ms
Everything was refused and enforced as said
";

/// Writes an underscore for each time in milliseconds, and for the port.
fn masked(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for index in 0..words.len() {
        let unit = words.get(index + 1).is_some_and(|next| next.starts_with("ms"));
        if unit && words[index].parse::<f64>().is_ok() {
            "_".clone_into(&mut words[index]);
        }
        if let Some((host, port)) = words[index].rsplit_once(':')
            && host.ends_with("http://127.0.0.1")
        {
            words[index] = format!("{host}:_{}", port.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
    }
    words.join(" ")
}

/// A demo whose own folder is made in the house.
fn demo(house: &House, arguments: &[&str]) -> Command {
    let mut command = bare(RESCIND, &house.path(""));
    command.arg("demo").args(arguments).env("TMPDIR", house.path(""));
    command
}

fn expect_nothing_left(house: &House) {
    let left: Vec<_> = fs::read_dir(house.path("")).expect("the house").map(|entry| entry.map(|e| e.path())).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_demo_without_a_terminal_runs_its_script_and_leaves_nothing() {
    let house = House::new();
    // Both pipes have ended, so no process is left that could write to them.
    let said = finish(demo(&house, &[]), &["demo"], "").ok();
    assert_eq!(masked(&said.out), SAID);
    assert_eq!(said.err, "");
    expect_nothing_left(&house);
}

/// A pipe that nothing more fits into: whoever writes waits until somebody reads.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().expect("a pipe");
    let flags = fcntl_getfl(&writer).expect("flags");
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).expect("set");
    while writer.write(b".").is_ok() {}
    fcntl_setfl(&writer, flags).expect("set");
    (reader, writer)
}

#[test]
fn a_demo_that_is_interrupted_says_so_and_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let house = House::new();
        // So that it cannot be over before the signal comes.
        let (mut reader, writer) = full_pipe();
        let mut command = demo(&house, &["--plain"]);
        let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).spawn().expect("started");
        drop(command);
        while fs::read_dir(house.path("")).expect("the house").count() == 0 {
            assert!(child.try_wait().expect("asked").is_none(), "it ended early");
            std::thread::yield_now();
        }
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(id, signal).expect("signalled");
        let mut said = String::new();
        reader.read_to_string(&mut said).expect("UTF-8");
        let ended = child.wait_with_output().expect("ended");
        assert_eq!(ended.status.code(), Some(1), "{}", said.trim_start_matches('.'));
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "rescind: interrupted\n");
        expect_nothing_left(&house);
    }
}

#[test]
fn a_key_ends_the_phone_and_the_terminal_is_put_right() {
    let house = House::new();
    let folder = house.path("").display().to_string();
    let line = format!("stty -g; {RESCIND} demo; echo code $?; stty -g");
    let variables = [("TERM", "xterm"), ("TMPDIR", folder.as_str()), ("NO_COLOR", "1")];
    let mut terminal = Terminal::run(&house, &line, &variables);
    terminal.answer("Laptop and Phone signed in: accepted by", "p");
    terminal.answer("Phone signed out: first refused by", "q");
    let (_, shown) = terminal.end();
    let (before, drawn) = shown.split_once("\x1b[?1049h\x1b[?25l").expect("entered");
    let (drawn, after) = drawn.rsplit_once("\x1b[?25h\x1b[?1049l").expect("left");
    assert!(drawn.contains("Laptop signed in") && drawn.contains("p end the phone"), "{drawn}");
    assert!(!drawn.contains("\x1b[3") && !after.contains('\x1b'), "no colours were wanted: {drawn}");
    let lines: Vec<&str> = after.lines().collect();
    let [signed_in, ended, code, modes] = lines[..] else { panic!("{lines:?}") };
    let expected: Vec<&str> = SAID.lines().collect();
    assert_eq!((signed_in, masked(ended).as_str()), (expected[1], expected[2]));
    assert_eq!((code, modes), ("code 0", before.trim()));
    expect_nothing_left(&house);
}

#[test]
fn a_terminal_that_understands_nothing_gets_plain_lines() {
    let house = House::new();
    let folder = house.path("").display().to_string();
    let variables = [("TERM", "dumb"), ("TMPDIR", folder.as_str())];
    let (_, shown) = Terminal::run(&house, &format!("{RESCIND} demo"), &variables).end();
    assert_eq!(masked(&shown.replace("\r\n", "\n")), SAID);
}

#[test]
fn a_demo_without_a_place_for_its_folder_says_so() {
    let house = House::new();
    let mut command = demo(&house, &["--plain"]);
    command.env("TMPDIR", house.path("nowhere"));
    finish(command, &["demo"], "").failed_with(1).says("no folder can be made in").says("nowhere");
}
