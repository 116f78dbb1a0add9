//! Presets: assurance levels that bound how long sessions live.

use super::rule::{Named, days, hours, minutes};
use super::table::Config;
use rescind_domain::verbs::administer_clients::MAX_SESSION_SECONDS;
use std::time::Duration;

/// What bounds sessions where no preset does.
const LONGEST: Duration = Duration::from_secs(MAX_SESSION_SECONDS);

/// An assurance level of NIST SP 800-63B-4, whose limits for reauthentication (sections 2.1.3, 2.2.3 and 2.3.3) become
/// defaults and upper bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// No level: the ordinary defaults and bounds.
    None,
    /// AAL1: at most 30 days.
    Aal1,
    /// AAL2: at most 24 hours, and 1 hour without use.
    Aal2,
    /// AAL3: at most 12 hours, and 15 minutes without use.
    Aal3,
}

impl Named for Preset {
    const NAMES: &'static [(&'static str, Self)] =
        &[("", Self::None), ("aal1", Self::Aal1), ("aal2", Self::Aal2), ("aal3", Self::Aal3)];
    const DEFAULT: Self = Self::None;
}

/// One lifetime that a preset bounds.
pub(super) struct Limit {
    /// The setting that it bounds.
    pub(super) key: &'static str,
    /// The greatest value allowed.
    pub(super) most: Duration,
    /// The field of that setting.
    pub(super) field: fn(&mut Config) -> &mut Duration,
}

impl Preset {
    /// The greatest age of a session, and the longest time without use.
    fn bounds(self) -> Option<(Duration, Option<Duration>)> {
        match self {
            Self::None => None,
            Self::Aal1 => Some((days(30), None)),
            Self::Aal2 => Some((hours(24), Some(hours(1)))),
            Self::Aal3 => Some((hours(12), Some(minutes(15)))),
        }
    }

    /// The greatest age of a session that a client's own policy may ask for.
    pub(super) fn longest_session(self) -> Duration {
        self.bounds().map_or(LONGEST, |(age, _)| age)
    }

    /// The longest time without use that a client's own policy may ask for.
    pub(super) fn longest_idle(self) -> Duration {
        self.bounds().map_or(LONGEST, |(age, idle)| idle.unwrap_or(age))
    }

    /// Every lifetime that this preset bounds.
    ///
    /// Access tokens are bounded by the time without use: one that outlived it would keep an abandoned device signed in.
    pub(super) fn limits(self) -> Vec<Limit> {
        let Some((age, idle)) = self.bounds() else {
            return Vec::new();
        };
        let idle = idle.unwrap_or(age);
        vec![
            Limit { key: "tokens.access_lifetime", most: idle, field: |c| &mut c.tokens.access_lifetime },
            Limit { key: "tokens.refresh_lifetime", most: age, field: |c| &mut c.tokens.refresh_lifetime },
            Limit { key: "tokens.session_lifetime", most: age, field: |c| &mut c.tokens.session_lifetime },
            Limit {
                key: "tokens.remembered_idle_lifetime",
                most: idle,
                field: |c| &mut c.tokens.remembered_idle_lifetime,
            },
            Limit { key: "tokens.idle_lifetime", most: idle, field: |c| &mut c.tokens.idle_lifetime },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::setting::Setting;
    use super::*;

    #[test]
    fn each_limit_bounds_the_field_of_the_setting_that_it_names() {
        for preset in [Preset::Aal1, Preset::Aal2, Preset::Aal3] {
            for limit in preset.limits() {
                let mut config = Config::default();
                *(limit.field)(&mut config) = hours(7);
                assert_eq!(Setting::find(limit.key).expect("a setting").value(&config), "7h");
            }
        }
    }

    #[test]
    fn without_a_preset_nothing_is_bounded() {
        assert!(Preset::None.limits().is_empty());
        assert_eq!((Preset::None.longest_session(), Preset::None.longest_idle()), (days(400), days(400)));
    }
}
