//! Points in time for people: in UTC as the page is made, and local once a script has seen them.

use rescind_domain::clock::Timestamp;

use super::words::Language;
use crate::http::time::Time;

/// A point in time, and how it is said.
pub(crate) struct Moment {
    /// For programs.
    pub(crate) at: Time,
    /// For people.
    pub(crate) words: String,
    /// Whether it is said from now, which goes on.
    pub(crate) is_ago: bool,
    /// Whether the second matters.
    pub(crate) has_seconds: bool,
}

impl Moment {
    /// Date and time.
    pub(crate) fn exact(at: Timestamp) -> Self {
        Self { at: Time(at), words: in_utc(at), is_ago: false, has_seconds: false }
    }

    /// Date and time to the second, which is never too early.
    pub(crate) fn to_the_second(at: Timestamp) -> Self {
        let at = Timestamp(at.0.div_ceil(1000).saturating_mul(1000));
        Self { at: Time(at), words: cut(at, 19), is_ago: false, has_seconds: true }
    }

    /// How long ago it was at `now`.
    pub(crate) fn ago(w: &Language, now: Timestamp, at: Timestamp) -> Self {
        Self { at: Time(at), words: w.ago(now, at), is_ago: true, has_seconds: false }
    }

    /// Date and time in UTC, for whoever points at it.
    pub(crate) fn title(&self) -> String {
        if self.has_seconds { self.words.clone() } else { in_utc(self.at.0) }
    }
}

/// To the minute: `2026-11-21 08:15 UTC`.
fn in_utc(at: Timestamp) -> String {
    cut(at, 16)
}

/// So many characters of it, and the time zone.
fn cut(at: Timestamp, length: usize) -> String {
    let text = Time(at).to_string();
    format!("{} UTC", text.get(..length).unwrap_or(&text).replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_to_the_minute_in_utc() {
        assert_eq!(in_utc(Timestamp(1_795_248_930_250)), "2026-11-21 08:15 UTC");
        assert_eq!(in_utc(Timestamp(u64::MAX)).len(), 20);
    }

    #[test]
    fn by_when_something_must_be_done_is_said_to_the_second_and_never_too_early() {
        let by = Moment::to_the_second(Timestamp(1_795_248_930_001));
        assert_eq!((by.words.as_str(), by.title().as_str()), ("2026-11-21 08:15:31 UTC", "2026-11-21 08:15:31 UTC"));
        assert_eq!(Moment::to_the_second(Timestamp(1_795_248_930_000)).words, "2026-11-21 08:15:30 UTC");
        Moment::to_the_second(Timestamp(u64::MAX));
    }
}
