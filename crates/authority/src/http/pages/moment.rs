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
}

impl Moment {
    /// Date and time.
    pub(crate) fn exact(at: Timestamp) -> Self {
        Self { at: Time(at), words: in_utc(at), is_ago: false }
    }

    /// How long ago it was at `now`.
    pub(crate) fn ago(w: &Language, now: Timestamp, at: Timestamp) -> Self {
        Self { at: Time(at), words: w.ago(now, at), is_ago: true }
    }

    /// Date and time in UTC, for whoever points at it.
    pub(crate) fn title(&self) -> String {
        in_utc(self.at.0)
    }
}

/// To the minute: `2026-11-21 08:15 UTC`.
fn in_utc(at: Timestamp) -> String {
    let text = Time(at).to_string();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_to_the_minute_in_utc() {
        assert_eq!(in_utc(Timestamp(1_795_248_930_250)), "2026-11-21 08:15 UTC");
        assert_eq!(in_utc(Timestamp(u64::MAX)).len(), 20);
    }
}
