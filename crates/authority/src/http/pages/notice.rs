//! What one page leaves to be said by the next, in a cookie: what was done, and how far it is enforced.

use std::time::Duration;

use axum::http::HeaderValue;

use super::cookie::{self, Kind};
use super::visitor::Visitor;
use super::words::{Arg, Language};
use crate::http::app::App;

/// How long a page waits for an enforcement before it says who is missing.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Something in words of the catalogue, without numbers.
    Said(&'static str),
    /// It is enforced: how many of how many services have confirmed, after how many milliseconds.
    Enforced { confirmed: u64, of: u64, took_ms: u64 },
    /// Some services have not confirmed yet: how many of how many have, and in how many seconds the rest must.
    Pending { confirmed: u64, of: u64, within: u64 },
}

/// Notices without numbers.
const SAID: &[&str] = &[
    "signed-out",
    "signed-out-elsewhere",
    "other-address",
    "named",
    "name-refused",
    "device-gone",
    "known",
    "not-me",
    "password-changed",
    "locked",
    "deleted",
    "account-made",
    "set-up",
    "unlocked",
    "rotated",
    "evicted",
    "signed-out-already",
    "unread",
];

impl Notice {
    /// What is to be said of the ending that is entry `number` of the log, which is waited for a while.
    pub(crate) async fn of(app: &App, number: u64) -> Self {
        let Ok(found) = app.authority.enforcement(number, PATIENCE).await else {
            return Self::Said("unread");
        };
        let missing = found.pending.len() as u64;
        let (confirmed, of) = (found.confirmed, found.confirmed + found.lapsed + missing);
        let took_ms = u64::try_from(found.took.as_millis()).unwrap_or(u64::MAX);
        if found.enforced {
            return Self::Enforced { confirmed, of, took_ms };
        }
        let within = found.pending.iter().map(|pending| pending.bound_in.as_secs() + 1).max().unwrap_or(0);
        Self::Pending { confirmed, of, within }
    }

    /// What a cookie says.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if let Some(said) = SAID.iter().find(|said| **said == text) {
            return Some(Self::Said(said));
        }
        let mut parts = text.split('.');
        let kind = parts.next()?;
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (confirmed, of, third) = (number()?, number()?, number()?);
        match kind {
            "enforced" => Some(Self::Enforced { confirmed, of, took_ms: third }),
            "pending" => Some(Self::Pending { confirmed, of, within: third }),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Said(said) => (*said).to_owned(),
            Self::Enforced { confirmed, of, took_ms } => format!("enforced.{confirmed}.{of}.{took_ms}"),
            Self::Pending { confirmed, of, within } => format!("pending.{confirmed}.{of}.{within}"),
        }
    }

    /// The header that leaves it to the next page.
    pub(crate) fn leave(&self, visitor: &Visitor) -> HeaderValue {
        cookie::set(Kind::Notice, visitor.transport(), &self.text(), Some(super::NOTICE))
    }

    /// In words.
    pub(crate) fn say(&self, w: &Language) -> String {
        let numbers = |confirmed, of, rest| {
            [("confirmed", Arg::Number(confirmed)), ("of", Arg::Number(of)), ("n", Arg::Number(rest))]
        };
        match self {
            Self::Said(said) => w.say(&format!("notice-{said}")).to_owned(),
            Self::Enforced { of: 0, .. } => w.say("notice-done").to_owned(),
            Self::Enforced { confirmed, of, took_ms } => w.with("notice-enforced", &numbers(*confirmed, *of, *took_ms)),
            Self::Pending { confirmed, of, within } => w.with("notice-pending", &numbers(*confirmed, *of, *within)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_reads_back_what_it_left_and_nothing_else() {
        let notices = [
            Notice::Said("signed-out"),
            Notice::Enforced { confirmed: 14, of: 14, took_ms: 31 },
            Notice::Pending { confirmed: 3, of: 14, within: 6 },
        ];
        for notice in notices {
            assert_eq!(Notice::read(&notice.text()), Some(notice));
        }
        for bad in ["", "x", "enforced", "enforced.1.2", "enforced.1.2.x", "said.1.2.3", "<b>"] {
            assert_eq!(Notice::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn how_far_something_is_enforced_is_said_with_numbers() {
        let words = super::super::words::Words::load();
        let say = |tag, notice: Notice| notice.say(words.named(tag).unwrap());
        let enforced = |of, took_ms| Notice::Enforced { confirmed: of, of, took_ms };
        let pending = |within| Notice::Pending { confirmed: 3, of: 14, within };
        assert_eq!(say("en", enforced(14, 31)), "Done. 14 of 14 services have confirmed (31 ms).");
        assert_eq!(say("en", enforced(1, 4)), "Done. 1 of 1 service has confirmed (4 ms).");
        assert_eq!(say("en", enforced(0, 4)), "Done.");
        let said = "Done. 3 of 14 services have confirmed; the others must within 6 seconds.";
        assert_eq!(say("en", pending(6)), said);
        assert!(say("de", pending(1)).ends_with("innerhalb von 1 Sekunde."));
        // Two, few and many of Arabic.
        assert!(say("ar", pending(2)).ends_with("خلال ثانيتين."));
        assert!(say("ar", pending(6)).ends_with("خلال 6 ثوانٍ."));
        assert!(say("ar", pending(11)).ends_with("خلال 11 ثانية."));
    }
}
