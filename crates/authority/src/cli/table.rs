//! Tables for people: left-aligned columns, two spaces apart, no spaces at the end of a line.

use std::fmt::Write as _;

/// A table that is printed page by page. Columns never become narrower.
pub(super) struct Table<const N: usize> {
    head: Option<[String; N]>,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    pub(super) fn new(head: [&str; N]) -> Self {
        Self { widths: [0; N], head: Some(head.map(str::to_owned)) }
    }

    /// Whether nothing was printed yet.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_some()
    }

    /// The lines of one page; the first one begins with the head. Nothing for a page without rows.
    pub(super) fn page(&mut self, rows: &[[String; N]]) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let head = self.head.take();
        let rows = rows.iter().map(|row| row.each_ref().map(|cell| visible(cell)));
        let rows: Vec<[String; N]> = head.into_iter().chain(rows).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(self.widths) {
                let _ = write!(line, "{cell:width$}  ");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Names with values, one on a line, aligned.
pub(super) fn pairs(rows: &[(&str, String)]) -> Vec<String> {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    rows.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect()
}

/// What is shown where there is nothing.
pub(super) fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.to_string())
}

/// The text without anything that acts on a terminal instead of being shown: control characters, and those that change
/// the direction of what follows. Names of devices and reasons come from strangers.
pub(super) fn visible(text: &str) -> String {
    let acts = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if acts(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 2]) -> [String; 2] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_line_up_also_on_the_pages_that_follow() {
        let mut table = Table::new(["ID", "DEVICE"]);
        assert_eq!(table.page(&[]), "");
        assert!(table.is_empty());
        assert_eq!(table.page(&[row(["a", "Läptop"]), row(["bcd", ""])]), "ID   DEVICE\na    Läptop\nbcd\n");
        assert_eq!(table.page(&[row(["e", "f"])]), "e    f\n");
    }

    #[test]
    fn what_a_stranger_chose_cannot_act_on_the_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn names_line_up_with_their_values() {
        assert_eq!(pairs(&[("by", "a".to_owned()), ("when", "b".to_owned())]), ["by    a", "when  b"]);
    }
}
