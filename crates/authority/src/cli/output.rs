//! What goes to standard output: text for people, or JSON for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::Value;

use super::failure::Failure;
use super::table::visible;

/// Where and how a command answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// Whether the answer is JSON.
    pub(super) json: bool,
}

impl Output {
    /// The value for programs, or the lines for people.
    pub(super) fn answer(self, value: &Value, lines: &[String]) -> Result<(), Failure> {
        if self.json {
            return print_value(value);
        }
        lines.iter().try_for_each(|line| print_line(line))
    }
}

/// Writes one line for people: whatever a stranger may have chosen of it cannot act on the terminal.
fn print_line(text: &str) -> Result<(), Failure> {
    print(&format!("{}\n", visible(text)))
}

/// Writes one value for programs, on one line.
pub(super) fn print_value(value: &Value) -> Result<(), Failure> {
    print(&format!("{value}\n"))
}

/// Values for programs, one on a line.
pub(super) fn json_lines(values: impl Iterator<Item = Value>) -> String {
    values.fold(String::new(), |mut lines, value| {
        let _ = writeln!(lines, "{value}");
        lines
    })
}

/// Writes text that cannot act on a terminal, or is a program's, as it is.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::Output)
}

/// A list that may be longer than memory: an array for programs, a table for people, page by page.
pub(super) struct Listing<const N: usize> {
    output: Output,
    table: super::table::Table<N>,
    started: bool,
}

impl<const N: usize> Listing<N> {
    pub(super) fn new(output: Output, head: [&str; N]) -> Self {
        Self { output, table: super::table::Table::new(head), started: false }
    }

    /// Adds a page: for each row the value and the cells.
    pub(super) fn page(&mut self, rows: Vec<(Value, [String; N])>) -> Result<(), Failure> {
        let (values, cells): (Vec<Value>, Vec<[String; N]>) = rows.into_iter().unzip();
        if !self.output.json {
            return print(&self.table.page(&cells));
        }
        let mut text = String::new();
        for value in values {
            text.push(if std::mem::replace(&mut self.started, true) { ',' } else { '[' });
            text.push_str(&value.to_string());
        }
        print(&text)
    }

    /// Ends the list; `nothing` is what people read where it is empty.
    pub(super) fn end(self, nothing: &str) -> Result<(), Failure> {
        match (self.output.json, self.started) {
            (true, true) => print("]\n"),
            (true, false) => print("[]\n"),
            (false, _) if self.table.is_empty() => print_line(nothing),
            (false, _) => Ok(()),
        }
    }
}
