//! Passwords: asked for on the terminal without echo, or read from standard input. Never an argument, which other users
//! of the machine can read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use clap::Args;
use rescind_domain::password::{MAX_BYTES, Password};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::failure::Failure;

/// What Ctrl-C sends.
const INTERRUPT: u8 = 3;

/// Where a new password comes from.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Source {
    /// Read the password from standard input instead of asking for it: its first line
    #[arg(long)]
    password_stdin: bool,
}

impl Source {
    /// A new password for `login`: asked for twice, or the first line of standard input.
    pub(super) fn read(self, login: &str) -> Result<Password, Failure> {
        let text = if self.password_stdin {
            first_line(io::stdin().lock())?
        } else if io::stdin().is_terminal() {
            ask_twice(login)?
        } else {
            let message = "there is no terminal to ask for a password on: pipe it in, with --password-stdin";
            return Err(Failure::usage(message));
        };
        Password::new(String::clone(&text)).map_err(|weak| Failure::usage(weak.to_string()))
    }
}

/// The first line, without its end.
fn first_line(input: impl Read) -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 2));
    // One more than can be right, so that what is too long is refused and never cut.
    let limit = MAX_BYTES as u64 + 2;
    let read = BufReader::new(input.take(limit)).read_until(b'\n', &mut bytes);
    read.map_err(|error| Failure::failed(format!("the password cannot be read: {error}")))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(Failure::usage("the password is empty"));
    }
    let text = String::from_utf8(std::mem::take(&mut *bytes));
    text.map(Zeroizing::new).map_err(|_| Failure::usage("the password is not UTF-8"))
}

fn ask_twice(login: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("the terminal cannot be used: {error}"));
    let tty = File::options().read(true).write(true).open("/dev/tty").map_err(failed)?;
    let _hidden = Hidden::on(&tty).map_err(failed)?;
    let ask = |prompt: &str| -> Result<Zeroizing<String>, Failure> {
        (&tty).write_all(prompt.as_bytes()).map_err(failed)?;
        let line = first_line(&tty);
        // The end of line was not echoed either.
        (&tty).write_all(b"\n").map_err(failed)?;
        match line {
            Ok(text) if text.as_bytes().last() == Some(&INTERRUPT) => {
                Err(Failure::failed("interrupted; nothing was done"))
            }
            other => other,
        }
    };
    let first = ask(&format!("New password for {}: ", super::table::visible(login)))?;
    let second = ask("Once more: ")?;
    if first == second { Ok(first) } else { Err(Failure::usage("the two passwords differ; nothing was done")) }
}

/// A terminal that does not echo until this is dropped. Ctrl-C ends the line instead of the program, so that the terminal
/// is put right in any case.
struct Hidden<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn on(tty: &'a File) -> io::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut hidden = before.clone();
        hidden.local_modes &= !(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        // What was typed before the question is thrown away, as it was echoed.
        tcsetattr(tty, OptionalActions::Flush, &hidden)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.tty, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &[u8]) -> Option<String> {
        first_line(input).ok().map(|text| text.to_string())
    }

    #[test]
    fn the_first_line_is_the_password_with_its_spaces_and_without_its_end() {
        assert_eq!(line(b" pass word \r\nsecond").as_deref(), Some(" pass word "));
        assert_eq!(line(b"no end").as_deref(), Some("no end"));
        assert_eq!(line(b"\n"), None);
        assert_eq!(line(b"\xff\xfe\n"), None);
    }

    #[test]
    fn a_password_that_is_too_long_is_refused_and_never_cut() {
        let long = "x".repeat(MAX_BYTES + 100);
        let read = line(long.as_bytes()).expect("text");
        assert!(read.len() > MAX_BYTES);
        assert!(Password::new(read).is_err());
    }
}
