//! What the terminal shows: lines made of pieces, cut to its size, in plain ANSI escape sequences.

use std::fmt::Write as _;

use super::device::Heard;

/// How a piece of a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Plain,
    Bold,
    Faint,
    Good,
    Bad,
}

impl Look {
    /// Its SGR sequence (ECMA-48 §8.3.117).
    const fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// A piece of a line.
type Piece = (Look, String);

/// What there is to be seen at one moment.
pub(super) struct Picture {
    pub(super) opening: String,
    pub(super) devices: Vec<(&'static str, bool)>,
    pub(super) services: Vec<Row>,
    /// What happened, oldest first.
    pub(super) happened: Vec<String>,
    /// Whether something is under way.
    pub(super) busy: bool,
}

/// A service.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) position: Option<u64>,
    /// By device.
    pub(super) heard: Vec<Heard>,
}

/// The keys, each with what it does.
const KEYS: [(&str, &str); 6] = [
    ("p", "end the phone"),
    ("o", "end the others"),
    ("a", "end all"),
    ("e", "end everyone"),
    ("s", "sign in again"),
    ("q", "quit"),
];

/// The fewest lines for what happened that leave room for the opening.
const LEAST: usize = 4;

/// The widths of the first columns and of each count.
const NAME: usize = 10;
const POSITION: usize = 8;
const COUNT: usize = 10;

impl Picture {
    /// The whole screen, to be written at once.
    pub(super) fn drawn(&self, (columns, rows): (usize, usize), colour: bool) -> String {
        let (opening, mut lines) = (self.opening(columns), self.table());
        let below = keys(columns);
        let room = |lines: usize| rows.saturating_sub(lines + below.len() + 1);
        // What happened last is what counts, where there is little room.
        if room(opening.len() + lines.len()) >= LEAST {
            lines.splice(0..0, opening);
        }
        let room = room(lines.len());
        let happened: Vec<String> = self.happened.iter().flat_map(|text| wrapped(text, columns)).collect();
        let first = happened.len().saturating_sub(room);
        lines.extend(happened[first..].iter().map(|text| vec![(Look::Plain, text.clone())]));
        lines.push(vec![(Look::Faint, if self.busy { "…".to_owned() } else { String::new() })]);
        lines.extend(below);
        lines.truncate(rows);
        let mut text = "\x1b[H".to_owned();
        for (index, line) in lines.iter().enumerate() {
            text.push_str(if index == 0 { "" } else { "\r\n" });
            put(&mut text, line, columns, colour);
            text.push_str("\x1b[K");
        }
        text.push_str("\x1b[J");
        text
    }

    fn opening(&self, columns: usize) -> Vec<Vec<Piece>> {
        let lines = wrapped(&self.opening, columns).into_iter().map(|text| vec![(Look::Plain, text)]);
        lines.chain([Vec::new()]).collect()
    }

    fn table(&self) -> Vec<Vec<Piece>> {
        let mut names = vec![(Look::Plain, " ".repeat(NAME + POSITION))];
        let mut head = vec![(Look::Faint, format!("{:NAME$}{:>POSITION$}", "", "position"))];
        for (name, signed_in) in &self.devices {
            let (look, state) = if *signed_in { (Look::Good, "signed in") } else { (Look::Bad, "signed out") };
            let gap = (2 * COUNT).saturating_sub(name.len() + 1 + state.len());
            names.extend([(Look::Bold, format!("{:gap$}{name} ", "")), (look, state.to_owned())]);
            head.push((Look::Faint, format!("{:>COUNT$}{:>COUNT$}", "accepted", "refused")));
        }
        let mut lines = vec![names, head];
        lines.extend(self.services.iter().map(Row::line));
        lines.push(Vec::new());
        lines
    }
}

impl Row {
    fn line(&self) -> Vec<Piece> {
        let position = self.position.map_or_else(|| "-".to_owned(), |position| position.to_string());
        let mut line =
            vec![(Look::Bold, format!("{:NAME$}", self.name)), (Look::Plain, format!("{position:>POSITION$}"))];
        for heard in &self.heard {
            let refused = if heard.first_refused.is_some() { Look::Bad } else { Look::Plain };
            let accepted = if heard.first_refused.is_some() { Look::Plain } else { Look::Good };
            line.push((accepted, format!("{:>COUNT$}", heard.accepted)));
            line.push((refused, format!("{:>COUNT$}", heard.refused)));
            if heard.unsure > 0 {
                line.push((Look::Faint, format!(" +{}", heard.unsure)));
            }
        }
        line
    }
}

/// The keys, on as many lines as they take.
fn keys(columns: usize) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut width = 0;
    for (key, does) in KEYS {
        let needed = key.len() + does.len() + 1;
        if width > 0 && width + 3 + needed > columns {
            lines.push(Vec::new());
            width = 0;
        }
        if let Some(line) = lines.last_mut() {
            if width > 0 {
                line.push((Look::Plain, "   ".to_owned()));
                width += 3;
            }
            line.extend([(Look::Bold, key.to_owned()), (Look::Plain, format!(" {does}"))]);
            width += needed;
        }
    }
    lines
}

/// Writes one line, no wider than the terminal.
fn put(text: &mut String, line: &[Piece], columns: usize, colour: bool) {
    let mut left = columns;
    for (look, piece) in line {
        let cut: String = piece.chars().take(left).collect();
        left -= cut.chars().count();
        let sequence = look.sequence();
        let _ = if colour && !sequence.is_empty() && !cut.is_empty() {
            write!(text, "{sequence}{cut}\x1b[0m")
        } else {
            write!(text, "{cut}")
        };
    }
}

/// A text as lines that fit, broken between words; what follows the first is indented.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > columns {
            lines.push(format!("  {word}"));
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let heard = |accepted, refused| Heard { accepted, refused, ..Heard::default() };
        let row = |name, heard: [Heard; 2]| Row { name, position: Some(7), heard: heard.into() };
        let phone = Heard { first_refused: Some(std::time::Duration::ZERO), ..heard(12, 340) };
        Picture {
            opening: "An authority".to_owned(),
            devices: vec![("Laptop", true), ("Phone", false)],
            services: vec![row("catalog", [heard(1234, 0), phone]), row("cart", [heard(1233, 0), phone])],
            happened: vec!["Phone signed out: first refused by catalog after 1.8 ms".to_owned()],
            busy: false,
        }
    }

    /// The lines without what moves the cursor.
    fn lines(drawn: &str) -> Vec<String> {
        let drawn = drawn.replace("\x1b[H", "").replace("\x1b[J", "").replace("\x1b[K", "");
        drawn.split("\r\n").map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn a_wide_terminal_shows_everything() {
        let expected = [
            "An authority",
            "",
            "                      Laptop signed in    Phone signed out",
            "          position  accepted   refused  accepted   refused",
            "catalog          7      1234         0        12       340",
            "cart             7      1233         0        12       340",
            "",
            "Phone signed out: first refused by catalog after 1.8 ms",
            "",
            "p end the phone   o end the others   a end all   e end everyone   s sign in again   q quit",
        ];
        assert_eq!(lines(&picture().drawn((100, 24), false)), expected);
    }

    #[test]
    fn no_line_is_wider_and_no_screen_higher_than_the_terminal() {
        for columns in 1..100 {
            for rows in [1, 5, 9, 24] {
                let drawn = lines(&picture().drawn((columns, rows), false));
                assert!(drawn.len() <= rows, "{drawn:?}");
                assert!(drawn.iter().all(|line| line.chars().count() <= columns), "{columns}: {drawn:?}");
            }
        }
    }

    #[test]
    fn what_happened_last_stays_where_there_is_little_room() {
        let mut picture = picture();
        picture.happened.extend(["second".to_owned(), "third".to_owned()]);
        // Five of the table, one of the keys, and one that says whether something is under way.
        let drawn = lines(&picture.drawn((100, 9), false));
        assert_eq!(drawn[5..8], ["second", "third", ""], "{drawn:?}");
        assert!(drawn[8].ends_with("q quit"), "{drawn:?}");
        let shown = |rows| lines(&picture.drawn((100, rows), false))[0] == "An authority";
        assert!(shown(13) && !shown(12), "the opening goes first");
    }

    #[test]
    fn colours_are_left_out_where_nobody_wants_them() {
        let coloured = picture().drawn((100, 24), true);
        assert!(
            coloured.contains("\x1b[31m       340\x1b[0m")
                && coloured.contains("Laptop \x1b[0m\x1b[32msigned in\x1b[0m"),
            "{coloured:?}"
        );
        let mut plain = picture().drawn((100, 24), false);
        for moves in ["\x1b[H", "\x1b[K", "\x1b[J"] {
            plain = plain.replace(moves, "");
        }
        assert!(!plain.contains('\x1b'), "{plain:?}");
    }
}
