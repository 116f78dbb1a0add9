//! Runs what the README shows, as it shows it, and compares line by line. Only ids, times, tokens and the port differ.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const RESCIND: &str = env!("CARGO_BIN_EXE_rescind");

/// The port that the README shows.
const PORT: &str = "127.0.0.1:7080";

/// A command, and what it prints.
#[derive(Debug)]
struct Step {
    command: String,
    expected: Vec<String>,
}

/// The commands in the fenced blocks of a console.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.to_owned(), expected: Vec::new() }),
                (None, Some(step)) => step.expected.push(line.to_owned()),
                (None, None) => panic!("{line:?} comes before any command"),
            }
        }
    }
    steps
}

/// A folder with a `rescind`, and a `cargo` that runs it.
fn programs(folder: &Path) -> PathBuf {
    let programs = folder.join("programs");
    fs::create_dir(&programs).expect("a folder");
    symlink(RESCIND, programs.join("rescind")).expect("a link");
    let cargo = format!("#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec {RESCIND} \"$@\"\n");
    fs::write(programs.join("cargo"), cargo).expect("written");
    fs::set_permissions(programs.join("cargo"), fs::Permissions::from_mode(0o755)).expect("set");
    programs
}

fn bash(folder: &Path, programs: &Path) -> Command {
    let mut bash = Command::new("bash");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
    bash.env_clear().env("PATH", path).env("RESCIND_LISTEN", "127.0.0.1:0").current_dir(folder);
    bash.stdin(Stdio::piped()).stdout(Stdio::piped());
    bash
}

/// The server, killed by its id when dropped.
struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Server {
    fn start(command: &str, folder: &Path, programs: &Path) -> Self {
        let mut bash = bash(folder, programs);
        bash.args(["-c", &format!("exec {command}")]).stderr(Stdio::null());
        let mut child = bash.spawn().expect("started");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, lines }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One shell for all other commands, as in a terminal.
struct Shell {
    child: Child,
    keys: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Shell {
    const END: &str = "-- that was all --";

    fn start(folder: &Path, programs: &Path) -> Self {
        let mut child = bash(folder, programs).spawn().expect("started");
        let (keys, lines) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut shell = Self { child, keys, lines: BufReader::new(lines) };
        shell.run("exec 2>&1");
        shell
    }

    fn run(&mut self, command: &str) -> Vec<String> {
        writeln!(self.keys, "{command}\nprintf '\\n%s\\n' '{}'", Self::END).expect("typed");
        let mut lines: Vec<String> = Vec::new();
        loop {
            let line = read_line(&mut self.lines);
            if line == Self::END {
                break;
            }
            lines.push(line);
        }
        // The end of line before the mark is none of the command's, whether it printed one itself or not.
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_line(lines: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    assert!(lines.read_line(&mut line).expect("UTF-8") > 0, "it ended early");
    line.trim_end_matches('\n').to_owned()
}

/// The parts of a line that differ from run to run, and the line with them masked.
fn masked(line: &str) -> (Vec<String>, String) {
    let mut words = Vec::new();
    let mut text = String::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    let mut rest = line;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if length == 0 {
            let first = rest.chars().next().map_or(0, char::len_utf8);
            text.push_str(&rest[..first]);
            rest = &rest[first..];
            continue;
        }
        let word = &rest[..length];
        match mask(word) {
            Some(mask) => {
                words.push(word.to_owned());
                text.push_str(&mask);
            }
            None => text.push_str(word),
        }
        rest = &rest[length..];
    }
    (words, text)
}

/// What stands for an id, a token or a time. The length of an id counts, since tables line up by it.
fn mask(word: &str) -> Option<String> {
    let id = ["usr_", "ses_", "tok_"].iter().find(|prefix| word.starts_with(**prefix));
    if let Some(prefix) = id {
        return Some(format!("{prefix}({} characters)", word.len()));
    }
    if word.starts_with("stp_") || word.starts_with("eyJ") {
        return Some("(token)".to_owned());
    }
    let time = word.len() >= 20 && word.ends_with('Z') && word[..10].matches('-').count() == 2 && word.contains(':');
    time.then(|| format!("(time of {} characters)", word.len()))
}

/// Compares, and learns which id stands for which.
fn compare(step: &Step, found: &[String], ids: &mut HashMap<String, String>) {
    let masks = |lines: &[String]| lines.iter().map(|line| masked(line).1).collect::<Vec<_>>();
    assert_eq!(masks(&step.expected), masks(found), "\n$ {}\n{}\n", step.command, found.join("\n"));
    for (shown, found) in step.expected.iter().zip(found) {
        for (shown, found) in masked(shown).0.into_iter().zip(masked(found).0) {
            let known = ids.entry(shown.clone()).or_insert_with(|| found.clone());
            let is_id = !shown.ends_with('Z');
            assert!(!is_id || *known == found, "{shown} is {known} here and {found} there: {}", step.command);
        }
    }
}

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("README.md")
}

/// Whether a command is the demo, which is complete in itself.
fn is_demo(step: &Step) -> bool {
    step.command.contains(" demo")
}

/// A line of the demo without its times and its port.
fn without_numbers(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    for index in 1..words.len() {
        let (number, unit) = (words[index - 1], words[index].trim_end_matches([',', ';']));
        if unit == "ms" && number.parse::<f64>().is_ok() {
            words[index - 1] = "_";
        }
        if let Some((host, port)) = words[index].split_once("127.0.0.1:") {
            assert!(port.trim_end_matches(',').parse::<u16>().is_ok(), "{line}");
            words[index] = host;
        }
    }
    words.join(" ")
}

/// Compares with an excerpt: an ellipsis stands for one line at least.
fn compare_excerpt(step: &Step, found: &[String]) {
    let mut found = found.iter().map(|line| without_numbers(line));
    let mut skipping = false;
    for line in &step.expected {
        if line == "…" {
            assert!(found.next().is_some(), "nothing is left out: {}", step.command);
            skipping = true;
            continue;
        }
        let wanted = without_numbers(line);
        let is_there = if skipping { found.any(|line| line == wanted) } else { found.next().as_ref() == Some(&wanted) };
        assert!(is_there, "{line:?} is not what {:?} says", step.command);
        skipping = false;
    }
    assert_eq!(found.next(), None, "{}", step.command);
}

#[test]
fn the_demo_says_what_the_readme_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = programs(folder.path());
    let readme = readme();
    let step = steps(&readme).into_iter().find(is_demo).expect("the demo");
    let mut bash = bash(folder.path(), &programs);
    let output = bash.env("TMPDIR", folder.path()).args(["-c", &step.command]).output().expect("run");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{said}");
    assert!(step.expected.len() >= 5, "an excerpt that shows something");
    compare_excerpt(&step, &said.lines().map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn the_first_command_of_the_readme_is_the_demo() {
    let readme = readme();
    let block = readme.split("```").nth(1).expect("a block");
    let commands: Vec<&str> = block.lines().skip(1).map(|line| line.split('#').next().unwrap_or(line).trim()).collect();
    assert_eq!(commands, ["cargo run --release -- demo", "cargo run --release -- serve", "script/test"]);
}

#[test]
fn what_the_readme_shows_is_what_happens() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = programs(folder.path());
    let mut steps = steps(&readme()).into_iter().filter(|step| !is_demo(step));
    let first = steps.next().expect("a command");
    assert!(first.command.ends_with(" serve"), "the server comes first: {}", first.command);
    let mut server = Server::start(&first.command, folder.path(), &programs);
    let said: Vec<String> = first.expected.iter().map(|_| read_line(&mut server.lines)).collect();
    let address = said[0].rsplit('/').next().expect("an address").to_owned();
    let mut ids = HashMap::new();
    compare(&first, &said.iter().map(|line| line.replace(&address, PORT)).collect::<Vec<_>>(), &mut ids);
    let mut shell = Shell::start(folder.path(), &programs);
    let mut commands = 0;
    for step in steps {
        let command = ids.iter().fold(step.command.clone(), |command, (shown, real)| command.replace(shown, real));
        let found = shell.run(&command.replace(PORT, &address));
        let found: Vec<String> = found.iter().map(|line| line.replace(&address, PORT)).collect();
        compare(&step, &found, &mut ids);
        commands += 1;
    }
    assert!(commands >= 10, "only {commands} commands were found in the README");
}
