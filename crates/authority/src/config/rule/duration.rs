//! Durations: `20s`, `5m`, `1h30m`, `30d`. Whole seconds; a bare number has no unit and is refused, except 0.

use super::{Rule, Shape, with_zero};
use std::fmt::Write as _;
use std::time::Duration;

/// Units from the largest to the smallest, in seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

pub(in crate::config) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(in crate::config) const fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

pub(in crate::config) const fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

pub(in crate::config) const fn days(count: u64) -> Duration {
    Duration::from_hours(count * 24)
}

/// A duration within bounds. If `zero` is given, 0 is allowed besides and means that.
pub(in crate::config) struct Span {
    pub(in crate::config) default: Duration,
    pub(in crate::config) min: Duration,
    pub(in crate::config) max: Duration,
    pub(in crate::config) zero: Option<&'static str>,
}

impl Rule for Span {
    type Value = Duration;

    fn initial(&self) -> Duration {
        self.default
    }

    fn kind(&self) -> &'static str {
        "duration"
    }

    fn shape(&self) -> Shape {
        Shape::Integer
    }

    fn allowed(&self) -> String {
        with_zero(self.zero, format!("{} to {}", show_duration(self.min), show_duration(self.max)))
    }

    fn read(&self, text: &str) -> Result<Duration, String> {
        let value = read_duration(text).map_err(|wrong| format!("{wrong}; must be {}", self.allowed()))?;
        if (self.min..=self.max).contains(&value) || (value.is_zero() && self.zero.is_some()) {
            Ok(value)
        } else {
            Err(format!("must be {}", self.allowed()))
        }
    }

    fn show(&self, value: &Duration) -> String {
        show_duration(*value)
    }
}

/// Writes whole seconds with the fewest units: 90 s is `1m30s`, 24 h is `1d`, nothing is `0`.
pub(in crate::config) fn show_duration(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut shown = String::new();
    for (unit, length) in UNITS {
        if rest >= length {
            let _ = write!(shown, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    if shown.is_empty() { "0".to_owned() } else { shown }
}

/// Reads numbers with units, each unit at most once and in falling order.
fn read_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let Some(unit) = tail.chars().next() else {
            return Err(format!("has no unit (write {text}s for seconds, {text}m for minutes)"));
        };
        let length = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, length)| *length);
        let (Some(length), Ok(number)) = (length, number.parse::<u64>()) else {
            return Err("is no duration (write 20s, 5m, 1h30m or 30d)".to_owned());
        };
        if length >= smallest {
            return Err("has its units out of order (write 1h30m, not 30m1h)".to_owned());
        }
        smallest = length;
        total = number.checked_mul(length).and_then(|part| total.checked_add(part)).ok_or("is too long")?;
        rest = &tail[unit.len_utf8()..];
    }
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(Duration::from_secs(total)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Span = Span { default: minutes(5), min: seconds(20), max: days(1), zero: None };

    #[test]
    fn durations_are_written_as_people_write_them() {
        for (text, duration) in [
            ("0", Duration::ZERO),
            ("0s", Duration::ZERO),
            ("20s", seconds(20)),
            ("5m", minutes(5)),
            ("1h30m", minutes(90)),
            ("30d", days(30)),
            ("1d2h3m4s", seconds(93_784)),
            ("24h", days(1)),
        ] {
            assert_eq!(read_duration(text), Ok(duration), "{text:?}");
        }
    }

    #[test]
    fn a_bare_number_is_told_that_it_has_no_unit() {
        let message = RULE.read("300").unwrap_err();
        assert_eq!(message, "has no unit (write 300s for seconds, 300m for minutes); must be 20s to 1d");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "m", "5 m", "5m ", "-5m", "5min", "1.5h", "30m1h", "1m1m", "5é", "99999999999999999999d"] {
            assert!(read_duration(text).is_err(), "{text:?}");
        }
        assert_eq!(read_duration("18446744073709551615d").unwrap_err(), "is too long");
        assert_eq!(read_duration("18446744073709551615m1s").unwrap_err(), "is too long");
    }

    #[test]
    fn a_duration_out_of_bounds_is_told_the_bounds() {
        assert_eq!(RULE.read("20s"), Ok(seconds(20)));
        assert_eq!(RULE.read("1d"), Ok(days(1)));
        for text in ["0", "19s", "1d1s"] {
            assert_eq!(RULE.read(text).unwrap_err(), "must be 20s to 1d", "{text:?}");
        }
        let rule = Span { zero: Some("never"), ..RULE };
        assert_eq!(rule.read("0"), Ok(Duration::ZERO));
        assert_eq!(rule.read("19s").unwrap_err(), "must be 0 (never), or 20s to 1d");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_the_same(secs: u64) {
            let duration = seconds(secs);
            prop_assert_eq!(read_duration(&show_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = read_duration(&text);
        }
    }
}
