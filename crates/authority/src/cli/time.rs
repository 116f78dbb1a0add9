//! Times and durations as people and programs write them.

use std::ops::RangeInclusive;
use std::time::Duration;

use rescind_domain::clock::Timestamp;

use crate::hint;

/// The longest duration that a flag takes: 400 days.
const LONGEST: Duration = Duration::from_hours(400 * 24);

/// For people: RFC 3339, UTC, whole seconds.
pub(super) fn shown(at: Timestamp) -> String {
    formatted(at, 0)
}

/// For programs: RFC 3339, UTC, milliseconds.
pub(super) fn exact(at: Timestamp) -> String {
    formatted(at, 3)
}

/// The time of a claim, which counts seconds.
pub(super) fn of_claim(seconds: u64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1000))
}

fn formatted(at: Timestamp, digits: usize) -> String {
    let moment = i64::try_from(at.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    // A forged token may name a time beyond every calendar.
    moment.map_or_else(|| format!("@{}", at.0 / 1000), |moment| format!("{moment:.digits$}"))
}

/// Reads a duration: `20s`, `5m`, `1h30m`, `30d`. For clap.
pub(super) fn read_duration(text: &str) -> Result<Duration, String> {
    read_within(text, Duration::from_secs(1)..=LONGEST, "1s to 400d are possible")
}

/// Reads a duration within bounds; `possible` says which. For clap.
pub(super) fn read_within(text: &str, bounds: RangeInclusive<Duration>, possible: &str) -> Result<Duration, String> {
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let span = text.parse::<jiff::Span>().and_then(|span| span.to_duration(days));
    let duration = span.ok().and_then(|span| Duration::try_from(span).ok());
    match duration {
        Some(duration) if bounds.contains(&duration) => Ok(duration),
        None if !is_too_long(text) => Err("write a duration such as 20s, 5m, 1h30m or 30d".to_owned()),
        Some(_) | None => Err(possible.to_owned()),
    }
}

/// Whether it is written as a duration is, of more than can be counted.
fn is_too_long(text: &str) -> bool {
    text.strip_suffix(['d', 'h', 'm', 's']).is_some_and(|digits| {
        digits.trim_start_matches('0').len() > 9 && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Reads how long to wait: a duration, or `0` to look once. For clap.
pub(super) fn read_patience(text: &str) -> Result<Duration, String> {
    let text = if text == "0" { "0s" } else { text };
    read_within(text, Duration::ZERO..=hint::MOST, "0 to 1h are possible, also in ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let at = Timestamp(1_795_247_580_007);
        assert_eq!(shown(at), "2026-11-21T07:53:00Z");
        assert_eq!(exact(at), "2026-11-21T07:53:00.007Z");
        assert_eq!(exact(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(of_claim(u64::MAX)), "@18446744073709551");
    }

    #[test]
    fn durations_are_read_as_the_configuration_reads_them() {
        assert_eq!(read_duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(read_duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(read_duration("30d"), Ok(Duration::from_hours(30 * 24)));
        for wrong in ["", "5", "0s", "-5m", "500d", "1y", "soon", "500ms"] {
            assert!(read_duration(wrong).is_err(), "{wrong:?}");
        }
        for (long, short) in
            [("9999999999999d", "400d"), ("99999999999999999999s", "400d"), ("500d", "400d"), ("1x", "20s")]
        {
            assert!(read_duration(long).unwrap_err().contains(short), "{long}");
        }
        let patience = ["0", "0s", "500ms", "20s", "1h"].map(read_patience);
        assert_eq!(patience, [0, 0, 500, 20_000, 3_600_000].map(|millis| Ok(Duration::from_millis(millis))));
        for wrong in ["00", "-1s", "61m", "2h", "soon"] {
            assert!(read_patience(wrong).is_err(), "{wrong:?}");
        }
    }
}
