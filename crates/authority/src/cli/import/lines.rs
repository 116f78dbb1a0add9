//! Numbered lines with a bound on their length, whatever the file holds.

use std::io::{self, BufRead, Read};

/// The longest line, in bytes without its end.
pub(super) const LONGEST: usize = 64 * 1024;

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    TooLong,
    NotText,
}

/// Lines, counted from 1.
pub(super) struct Lines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// The next line with its number.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        let mut bytes = Vec::new();
        let limit = LONGEST as u64 + 1;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let ended = bytes.pop_if(|last| *last == b'\n').is_some();
        if !ended && bytes.len() > LONGEST {
            self.skip()?;
            return Ok(Some((self.number, Line::TooLong)));
        }
        // Some editors begin a file with a mark.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").filter(|_| self.number == 1).unwrap_or(&bytes);
        let line = str::from_utf8(text).map_or(Line::NotText, |text| Line::Text(text.to_owned()));
        Ok(Some((self.number, line)))
    }

    /// Passes over the rest of a line without holding it.
    fn skip(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(length);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<(u64, Line)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(7, input));
        std::iter::from_fn(|| lines.next().expect("readable")).collect()
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn lines_are_counted_whatever_is_on_them() {
        let read = lines(b"\xef\xbb\xbfone\n\n\xff\nfour");
        assert_eq!(read, [(1, text("one")), (2, text("")), (3, Line::NotText), (4, text("four"))]);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_of_64_kib_is_the_longest_and_the_next_one_is_read_all_the_same() {
        let (longest, longer) = ("x".repeat(LONGEST), "x".repeat(3 * LONGEST));
        let read = lines(format!("{longest}\n{longer}\nnext\n{longer}").as_bytes());
        assert_eq!(read, [(1, Line::Text(longest)), (2, Line::TooLong), (3, text("next")), (4, Line::TooLong)]);
    }
}
