//! What happened to an account, in words.

use rescind_domain::clock::Timestamp;
use rescind_domain::event::{Event, EventKind};
use rescind_domain::revocation::Actor;
use rescind_wire::{SessionId, UserId};

use crate::http::pages::moment::Moment;
use crate::http::pages::words::Language;

/// One event, as the page shows it.
pub(super) struct Happened {
    pub(super) words: String,
    pub(super) at: Moment,
    pub(super) ago: Moment,
    pub(super) address: Option<String>,
    /// Who did it, if it was neither the account's owner nor nobody in particular.
    pub(super) by: Option<String>,
    /// It happened on the device that is being looked at.
    pub(super) is_here: bool,
    /// It should be looked at twice.
    pub(super) is_alarming: bool,
}

impl Happened {
    pub(super) fn new(w: &Language, now: Timestamp, event: &Event, user: &UserId, own: SessionId) -> Self {
        let what = &event.what;
        let by = match &what.actor {
            Actor::User { user: actor, .. } if actor == user => None,
            Actor::User { .. } | Actor::Client(_) | Actor::CommandLine => Some(w.say("by-administrator").to_owned()),
            Actor::System | Actor::Anonymous => None,
        };
        Self {
            words: in_words(w, what.kind).to_owned(),
            at: Moment::exact(what.at),
            ago: Moment::ago(w, now, what.at),
            address: what.address.map(|address| address.to_string()),
            by,
            is_here: matches!(&what.actor, Actor::User { session, .. } if *session == own),
            is_alarming: matches!(
                what.kind,
                EventKind::SignInFailed | EventKind::ReauthenticationFailed | EventKind::RefreshReused
            ),
        }
    }
}

/// What a kind of event is called. Each kind has words (there is a test).
fn in_words(w: &Language, kind: EventKind) -> &str {
    w.find(&key(kind)).unwrap_or(kind.as_str())
}

fn key(kind: EventKind) -> String {
    format!("event-{}", kind.as_str().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::words::Words;

    #[test]
    fn every_kind_of_event_has_words_in_every_language() {
        let words = Words::load();
        for language in words.all() {
            for kind in EventKind::ALL {
                let said = language.find(&key(*kind));
                assert!(said.is_some(), "{}: {kind}", language.tag);
                let english = words.all()[0].find(&key(*kind));
                assert!(language.tag == "en" || said != english, "{}: {kind} is not translated", language.tag);
            }
        }
    }
}
