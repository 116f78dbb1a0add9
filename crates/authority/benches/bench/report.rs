//! The table.

use std::fmt::Write as _;
use std::time::Duration;

/// What is aimed at, and what it is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// Nothing: the figure is for information.
    None,
    /// The first at least the second.
    AtLeast(f64, f64),
    /// The first at most the second.
    AtMost(f64, f64),
}

/// One line of the table.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Rescind's figure.
    pub(crate) ours: String,
    /// The figure that it is compared with, and of what it is; empty if there is none.
    pub(crate) theirs: String,
    /// The ratio of the two.
    pub(crate) ratio: Option<f64>,
    /// What is aimed at.
    pub(crate) aim: Aim,
}

/// All lines.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a line, and shows it at once to whoever waits.
    pub(crate) fn add(&mut self, row: Row) {
        crate::progress(&format!("  {}", cells(&row).join(" | ")));
        self.rows.push(row);
    }

    /// The table in Markdown, its columns aligned.
    pub(crate) fn table(&self) -> String {
        let head = ["measured", "Rescind", "compared with", "ratio", "aim", ""].map(str::to_owned);
        let mut lines = vec![head];
        lines.extend(self.rows.iter().map(cells));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..6).map(width).collect();
        let mut table = String::new();
        for (number, line) in lines.iter().enumerate() {
            write_line(&mut table, line, &widths);
            if number == 0 {
                let rule = widths.iter().map(|width| "-".repeat(*width));
                write_line(&mut table, &rule.collect::<Vec<_>>(), &widths);
            }
        }
        table
    }
}

fn write_line(table: &mut String, line: &[String], widths: &[usize]) {
    for (cell, width) in line.iter().zip(widths) {
        // Writing to a string cannot fail.
        let _ = write!(table, "| {cell:<width$} ");
    }
    table.push_str("|\n");
}

fn cells(row: &Row) -> [String; 6] {
    let ratio = row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    let aim = match row.aim {
        Aim::None => String::new(),
        Aim::AtLeast(_, aim) => format!("≥ {}", count(aim)),
        Aim::AtMost(_, aim) => format!("≤ {}", count(aim)),
    };
    [row.what.clone(), row.ours.clone(), row.theirs.clone(), ratio, aim, verdict(row).to_owned()]
}

fn verdict(row: &Row) -> &'static str {
    let met = match row.aim {
        Aim::None => return "",
        Aim::AtLeast(found, aim) => found >= aim,
        Aim::AtMost(found, aim) => found <= aim,
    };
    if met { "met" } else { "missed" }
}

/// A number as people write it: thousands apart, no more digits than mean something.
pub(crate) fn count(value: f64) -> String {
    if value < 10.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    if value < 100.0 {
        return format!("{value:.0}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration in milliseconds, with as many digits as mean something.
pub(crate) fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1e3;
    if millis < 10.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}
