//! What one page leaves to be said by the next, in a cookie: what was done, and how far it is enforced.

use std::time::Duration;

use axum::http::HeaderValue;

use super::cookie::{self, Kind};
use super::visitor::Visitor;
use super::words::{Arg, Language};
use crate::feed::{Enforcement, PendingKind};
use crate::http::app::App;

/// How long a page waits for an enforcement before it says who is missing.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Something in words of the catalogue, without numbers.
    Said(&'static str),
    /// It is enforced: how many services have confirmed, how many had lapsed instead, and after how many milliseconds.
    Enforced { confirmed: u64, lapsed: u64, took_ms: u64 },
    /// Some services have not confirmed yet: how many of how many have, and in how many seconds the rest must.
    Pending { confirmed: u64, of: u64, within: u64 },
    /// No service is known to be missing, and in how many seconds none can be: whoever followed the server before it was
    /// started may go on until then.
    Settling { confirmed: u64, of: u64, within: u64 },
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
        Self::told(&found)
    }

    fn told(found: &Enforcement) -> Self {
        let (confirmed, lapsed, late) = (found.confirmed, found.lapsed, found.late());
        if found.enforced {
            let took_ms = u64::try_from(found.took.as_millis()).unwrap_or(u64::MAX);
            return Self::Enforced { confirmed, lapsed, took_ms };
        }
        let (of, others) =
            (confirmed + lapsed + late, |kind| kind != PendingKind::Verifier && kind != PendingKind::Here);
        let within = found.pending.iter().map(|pending| pending.bound_in.as_secs() + 1).max().unwrap_or(0);
        if late > 0 {
            Self::Pending { confirmed, of, within }
        } else if found.pending.iter().any(|pending| others(pending.kind)) {
            Self::Settling { confirmed, of, within }
        } else {
            // This node has not written down yet what it knows.
            Self::Said("unread")
        }
    }

    /// What a cookie says.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if let Some(said) = SAID.iter().find(|said| **said == text) {
            return Some(Self::Said(said));
        }
        let mut parts = text.split('.');
        let kind = parts.next()?;
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (confirmed, second, third) = (number()?, number()?, number()?);
        match kind {
            "done" => Some(Self::Enforced { confirmed, lapsed: second, took_ms: third }),
            "pending" => Some(Self::Pending { confirmed, of: second, within: third }),
            "settling" => Some(Self::Settling { confirmed, of: second, within: third }),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Said(said) => (*said).to_owned(),
            Self::Enforced { confirmed, lapsed, took_ms } => format!("done.{confirmed}.{lapsed}.{took_ms}"),
            Self::Pending { confirmed, of, within } => format!("pending.{confirmed}.{of}.{within}"),
            Self::Settling { confirmed, of, within } => format!("settling.{confirmed}.{of}.{within}"),
        }
    }

    /// The header that leaves it to the next page.
    pub(crate) fn leave(&self, visitor: &Visitor) -> HeaderValue {
        cookie::set(Kind::Notice, visitor.transport(), &self.text(), Some(super::NOTICE))
    }

    /// In words.
    pub(crate) fn say(&self, w: &Language) -> String {
        let say = |key, confirmed: u64, of: u64, n: u64| {
            let lapsed = Arg::Number(of.saturating_sub(confirmed));
            let [confirmed, of, n] = [confirmed, of, n].map(Arg::Number);
            w.with(key, &[("confirmed", confirmed), ("of", of), ("lapsed", lapsed), ("n", n)])
        };
        match *self {
            Self::Said(said) => w.say(&format!("notice-{said}")).to_owned(),
            Self::Enforced { confirmed: 0, lapsed: 0, .. } => w.say("notice-done").to_owned(),
            Self::Enforced { confirmed, lapsed: 0, took_ms } => say("notice-enforced", confirmed, confirmed, took_ms),
            Self::Enforced { confirmed, lapsed, took_ms } => {
                say("notice-enforced-lapsed", confirmed, confirmed.saturating_add(lapsed), took_ms)
            }
            Self::Pending { confirmed, of, within } => say("notice-pending", confirmed, of, within),
            Self::Settling { of: 0, within, .. } => w.count("notice-settling", within),
            Self::Settling { confirmed, of, within } => say("notice-settling-services", confirmed, of, within),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(tag: &str, notice: &Notice) -> String {
        notice.say(super::super::words::Words::load().named(tag).unwrap())
    }

    #[test]
    fn a_notice_reads_back_what_it_left_and_nothing_else() {
        let notices = [
            Notice::Said("signed-out"),
            Notice::Enforced { confirmed: 14, lapsed: 2, took_ms: 31 },
            Notice::Pending { confirmed: 3, of: 14, within: 6 },
            Notice::Settling { confirmed: 3, of: 3, within: 17 },
        ];
        for notice in notices {
            assert_eq!(Notice::read(&notice.text()), Some(notice));
        }
        for bad in ["", "x", "done", "done.1.2", "done.1.2.x", "enforced.1.2.3", "said.1.2.3", "<b>"] {
            assert_eq!(Notice::read(bad), None, "{bad}");
        }
        let most = u64::MAX;
        said("en", &Notice::Enforced { confirmed: most, lapsed: most, took_ms: most });
    }

    #[test]
    fn how_far_something_is_enforced_is_said_with_numbers() {
        let enforced = |confirmed, took_ms| Notice::Enforced { confirmed, lapsed: 0, took_ms };
        let pending = |within| Notice::Pending { confirmed: 3, of: 14, within };
        assert_eq!(said("en", &enforced(14, 31)), "Done. 14 of 14 services have confirmed (31 ms).");
        assert_eq!(said("en", &enforced(1, 4)), "Done. 1 of 1 service has confirmed (4 ms).");
        assert_eq!(said("en", &enforced(0, 4)), "Done.");
        let three = "Done. 3 of 14 services have confirmed; the others must within 6 seconds.";
        assert_eq!(said("en", &pending(6)), three);
        assert!(said("de", &pending(1)).ends_with("innerhalb von 1 Sekunde."));
        // Two, few and many of Arabic.
        assert!(said("ar", &pending(2)).ends_with("خلال ثانيتين."));
        assert!(said("ar", &pending(6)).ends_with("خلال 6 ثوانٍ."));
        assert!(said("ar", &pending(11)).ends_with("خلال 11 ثانية."));
    }

    #[test]
    fn services_whose_lease_ran_out_are_said_to_accept_nothing() {
        let enforced = |confirmed, lapsed| {
            let took = Duration::from_millis(867);
            Notice::told(&Enforcement { enforced: true, confirmed, lapsed, pending: Vec::new(), took })
        };
        let [one, two, none] = [enforced(2, 1), enforced(3, 2), enforced(0, 1)].map(|notice| said("en", &notice));
        let begins = "Done. 2 of 3 services have confirmed";
        assert_eq!(one, format!("{begins}; the one that has not accepts nothing until it has (867 ms)."));
        assert_eq!(
            two,
            "Done. 3 of 5 services have confirmed; the 2 that have not accept nothing until they have (867 ms)."
        );
        assert!(none.starts_with("Done. 0 of 1 service has confirmed; the one that has not"), "{none}");
        assert!(said("de", &enforced(2, 1)).contains("; einer nimmt nichts mehr an, bis er es getan hat (867 ms)."));
        assert!(said("de", &enforced(2, 2)).contains("; 2 nehmen nichts mehr an, bis sie es getan haben (867 ms)."));
        assert!(said("ar", &enforced(2, 2)).contains("والخدمتان اللتان لم تؤكِّدا لا تقبلان شيئًا"));
    }

    #[test]
    fn whoever_followed_before_the_server_was_started_is_no_service_that_is_missing() {
        let pending = |kind, seconds| crate::feed::Pending {
            verifier: "x".to_owned(),
            kind,
            client: None,
            bound_in: Duration::from_secs(seconds),
        };
        let told = |confirmed, pending| {
            let found = Enforcement { enforced: false, confirmed, lapsed: 0, pending, took: Duration::ZERO };
            said("en", &Notice::told(&found))
        };
        for kind in [PendingKind::Node, PendingKind::FormerEpoch] {
            let sure = "Done. Certain everywhere within 17 seconds: the server was started a moment ago.";
            assert_eq!(told(0, vec![pending(kind, 16)]), sure);
            let confirmed = told(1, vec![pending(kind, 0)]);
            assert!(confirmed.starts_with("Done. 1 of 1 service has confirmed. Certain everywhere within 1 second:"));
            let missing = told(1, vec![pending(PendingKind::Verifier, 3), pending(kind, 16)]);
            assert_eq!(missing, "Done. 1 of 2 services have confirmed; the others must within 17 seconds.");
        }
        assert!(told(1, vec![pending(PendingKind::Here, 3)]).contains("cannot be told"));
    }
}
