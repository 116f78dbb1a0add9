//! How near the end of its time a certificate is, what is said of that, and how often.

use std::mem::discriminant;
use std::time::Duration;

use rescind_domain::clock::Timestamp;

use super::validity::Validity;

const DAY: u64 = 24 * 60 * 60;

/// How many seconds before its end a certificate is spoken of: 30 days, by when it should have been renewed. One for less
/// than 90 days is renewed later, so that it is spoken of in its last third.
const EARLY: u64 = 30 * DAY;

/// How often the same is said again.
const AGAIN: Duration = Duration::from_secs(DAY);

/// Where in its time a certificate is. Points in time are seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Its times cannot be read.
    Unknown,
    /// It is not valid before this.
    Early {
        /// The first second of its validity.
        from: u64,
    },
    /// Valid for long enough.
    Good,
    /// Valid, and soon no more.
    Ending {
        /// The last second of its validity.
        until: u64,
        /// How many whole days are left.
        days: u64,
    },
    /// Not valid any more.
    Expired {
        /// The last second of its validity.
        until: u64,
    },
}

impl Age {
    /// That of a certificate at this time.
    pub(super) fn of(validity: Option<Validity>, now: u64) -> Self {
        let Some(Validity { from, until }) = validity else { return Self::Unknown };
        let early = EARLY.min(until.saturating_sub(from) / 3);
        match until.checked_sub(now) {
            _ if now < from => Self::Early { from },
            None => Self::Expired { until },
            Some(left) if left <= early => Self::Ending { until, days: left / DAY },
            Some(_) => Self::Good,
        }
    }

    /// What an operator should know, if there is anything: a sentence that goes on after "the certificate".
    pub fn concern(self) -> Option<String> {
        Some(match self {
            Self::Good => return None,
            Self::Unknown => "does not say until when it is valid".to_owned(),
            Self::Early { from } => format!("is not valid before {}: clients refuse it", shown(from)),
            Self::Expired { until } => format!("expired at {}: clients refuse it", shown(until)),
            Self::Ending { until, days } => {
                let left = match days {
                    0 => "within a day".to_owned(),
                    1 => "in a day".to_owned(),
                    _ => format!("in {days} days"),
                };
                format!("expires {left}, at {}: renew it", shown(until))
            }
        })
    }
}

/// RFC 3339, UTC.
fn shown(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    at.map_or_else(|| format!("@{seconds}"), |at| at.to_string())
}

/// What was said last of a certificate, and when.
#[derive(Debug, Default)]
pub(super) struct Reminder(Option<(Age, Timestamp)>);

impl Reminder {
    /// Whether to say this now, by the steady clock: at once if it is another thing than what was said last, else once a
    /// day. Whoever is told so says it.
    pub(super) fn is_due(&mut self, age: Age, now: Timestamp) -> bool {
        let said = self.0.filter(|(before, at)| {
            let recent = now.since(*at).is_none_or(|passed| passed < AGAIN);
            discriminant(before) == discriminant(&age) && recent
        });
        if said.is_some() {
            return false;
        }
        self.0 = (age != Age::Good).then_some((age, now));
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NINETY: Validity = Validity { from: 1000 * DAY, until: 1090 * DAY };

    fn age(validity: Validity, now: u64) -> Age {
        Age::of(Some(validity), now)
    }

    #[test]
    fn a_certificate_is_spoken_of_from_thirty_days_before_its_end() {
        let until = NINETY.until;
        assert_eq!(age(NINETY, until - 30 * DAY - 1), Age::Good);
        assert_eq!(age(NINETY, until - 30 * DAY), Age::Ending { until, days: 30 });
        assert_eq!(age(NINETY, until - DAY), Age::Ending { until, days: 1 });
        assert_eq!(age(NINETY, until), Age::Ending { until, days: 0 });
        assert_eq!(age(NINETY, until + 1), Age::Expired { until });
        assert_eq!(age(NINETY, NINETY.from - 1), Age::Early { from: NINETY.from });
        assert_eq!(age(NINETY, NINETY.from), Age::Good);
        assert_eq!(Age::of(None, 0), Age::Unknown);
    }

    #[test]
    fn a_short_certificate_is_spoken_of_in_its_last_third() {
        let six = Validity { from: 0, until: 6 * DAY };
        assert_eq!(age(six, 4 * DAY - 1), Age::Good);
        assert_eq!(age(six, 4 * DAY), Age::Ending { until: 6 * DAY, days: 2 });
        let backwards = Validity { from: 9, until: 3 };
        assert_eq!([3, 9].map(|now| age(backwards, now)), [Age::Early { from: 9 }, Age::Expired { until: 3 }]);
    }

    #[test]
    fn concerns_say_when_and_what_to_do() {
        let said = |age: Age| age.concern().expect("a concern");
        let until = 1_795_247_580;
        assert_eq!(Age::Good.concern(), None);
        assert_eq!(said(Age::Expired { until }), "expired at 2026-11-21T07:53:00Z: clients refuse it");
        assert_eq!(said(Age::Early { from: until }), "is not valid before 2026-11-21T07:53:00Z: clients refuse it");
        for (days, left) in [(0, "within a day"), (1, "in a day"), (2, "in 2 days")] {
            assert_eq!(said(Age::Ending { until, days }), format!("expires {left}, at 2026-11-21T07:53:00Z: renew it"));
        }
        assert!(said(Age::Expired { until: u64::MAX }).contains("@18446744073709551615"));
    }

    #[test]
    fn the_same_is_said_once_a_day_and_what_is_new_at_once() {
        let mut reminder = Reminder::default();
        let begin = Timestamp(1_795_247_580_000);
        let at = |hours: u64| begin.after(Duration::from_hours(hours));
        let ending = |days| Age::Ending { until: 9, days };
        assert!(!reminder.is_due(Age::Good, at(0)));
        assert!(reminder.is_due(ending(30), at(1)));
        assert!(!reminder.is_due(ending(29), at(24)));
        assert!(reminder.is_due(ending(29), at(25)));
        assert!(!reminder.is_due(ending(28), at(48)));
        assert!(reminder.is_due(Age::Expired { until: 9 }, at(48)));
        assert!(!reminder.is_due(Age::Expired { until: 9 }, at(71)));
        assert!(reminder.is_due(Age::Expired { until: 9 }, at(72)));
        assert!(!reminder.is_due(Age::Good, at(72)));
        assert!(reminder.is_due(Age::Expired { until: 9 }, at(72)), "another one that has expired");
    }
}
