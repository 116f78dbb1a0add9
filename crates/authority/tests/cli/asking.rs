//! Passwords that are asked for on a terminal.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::house::{House, PASSWORD, RESCIND, bare};

/// The program on a terminal of its own, made by script(1).
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    shown: String,
}

impl Terminal {
    fn open(house: &House, command: &str) -> Self {
        Self::run(house, &format!("{RESCIND} {command} --data {}", house.data().display()), &[])
    }

    /// Runs a line of the shell, with these variables.
    pub(crate) fn run(house: &House, line: &str, variables: &[(&str, &str)]) -> Self {
        let mut script = bare("script", &house.path(""));
        script.args(["--quiet", "--return", "--echo", "never", "--command", line, "/dev/null"]);
        script.envs(variables.iter().copied());
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script(1) of util-linux");
        let (keys, screen) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, keys, screen, shown: String::new() }
    }

    /// Waits until the question is on the screen, then types.
    pub(crate) fn answer(&mut self, question: &str, keys: &str) {
        let from = self.shown.len();
        while !self.shown[from..].contains(question) {
            let mut bytes = [0; 256];
            let read = self.screen.read(&mut bytes).expect("readable");
            assert!(read > 0, "{question:?} was not asked: {}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    /// The exit code, and all that was on the screen.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        drop(self.keys);
        self.screen.read_to_string(&mut self.shown).expect("UTF-8");
        (self.child.wait().expect("ended").code(), self.shown)
    }
}

#[test]
fn a_password_is_asked_for_twice_and_never_shown() {
    let house = House::new();
    let mut terminal = Terminal::open(&house, "user add ann");
    terminal.answer("New password for ann: ", &format!("{PASSWORD}\n"));
    terminal.answer("Once more: ", &format!("{PASSWORD}\n"));
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("ann is usr_") && !shown.contains(PASSWORD), "{shown}");
    let server = house.serve(&[]);
    assert_eq!(server.try_sign_in("ann", PASSWORD), 201);
}

#[test]
fn two_passwords_that_differ_make_no_account() {
    let house = House::new();
    let mut terminal = Terminal::open(&house, "user add ann");
    terminal.answer("New password for ann: ", &format!("{PASSWORD}\n"));
    terminal.answer("Once more: ", "something else entirely\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("differ"), "{shown}");
    house.run(&["user", "show", "ann"]).failed_with(4);
}

#[test]
fn ctrl_c_ends_the_question_and_nothing_is_done() {
    let house = House::of("ann");
    let mut terminal = Terminal::open(&house, "user password ann");
    terminal.answer("New password for ann: ", "half a pass\u{3}");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("interrupted") && !shown.contains("half"), "{shown}");
    let server = house.serve(&[]);
    assert_eq!(server.try_sign_in("ann", PASSWORD), 201);
}
