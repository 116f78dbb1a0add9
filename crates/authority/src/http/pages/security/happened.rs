//! What happened to an account, in words.

use rescind_domain::clock::Timestamp;
use rescind_domain::event::EventKind;
use rescind_domain::revocation::Actor;
use rescind_domain::session::Session;
use rescind_domain::verbs::list_own_events::OwnEvent;
use rescind_wire::{SessionId, UserId};

use crate::http::pages::account::row::{named, place, software};
use crate::http::pages::moment::Moment;
use crate::http::pages::words::Language;
use crate::http::recognised;
use crate::places::Places;

/// One event, as the page shows it.
pub(super) struct Happened {
    pub(super) words: String,
    pub(super) at: Moment,
    pub(super) ago: Moment,
    /// From where it was done.
    pub(super) address: Option<String>,
    /// Who did it, if it was neither the account's owner nor nobody in particular.
    pub(super) by: Option<String>,
    /// It happened on the device that is being looked at.
    pub(super) is_here: bool,
    /// It should be looked at twice.
    pub(super) is_alarming: bool,
    /// To which device, if the event names one that is still known.
    pub(super) device: Option<Device>,
}

/// The device that an event names.
pub(super) struct Device {
    /// The name that it was given, or one in words.
    pub(super) name: String,
    /// Browser and system, where the name does not say them.
    pub(super) software: Option<String>,
    /// Where it signed in, if that is not where the event came from.
    pub(super) address: Option<String>,
    /// Roughly where that is.
    pub(super) place: Option<String>,
}

/// Who looks at the events.
pub(super) struct Viewer<'a> {
    pub(super) w: &'a Language,
    pub(super) now: Timestamp,
    pub(super) user: UserId,
    pub(super) own: SessionId,
    pub(super) atlas: Option<&'a Places>,
}

impl Viewer<'_> {
    /// How this one is shown an event.
    pub(super) fn happened(&self, told: &OwnEvent) -> Happened {
        let (w, what) = (self.w, &told.event.what);
        let by = match &what.actor {
            Actor::User { user, session } if *user == self.user => {
                // Of the device it names the event says enough.
                let from_here = *session == self.own && what.session.is_some_and(|named| named != self.own);
                from_here.then(|| w.say("by-this-device").to_owned())
            }
            Actor::User { .. } | Actor::Client(_) | Actor::CommandLine => Some(w.say("by-administrator").to_owned()),
            Actor::System | Actor::Anonymous => None,
        };
        let by_own = || matches!(&what.actor, Actor::User { session, .. } if *session == self.own);
        Happened {
            words: in_words(w, what.kind).to_owned(),
            at: Moment::exact(what.at),
            ago: Moment::ago(w, self.now, what.at),
            address: what.address.map(|address| address.to_string()),
            by,
            is_here: what.session.map_or_else(by_own, |session| session == self.own),
            is_alarming: matches!(
                what.kind,
                EventKind::SignInFailed | EventKind::ReauthenticationFailed | EventKind::RefreshReused
            ),
            device: told.session.as_ref().map(|session| self.device(session, what.address)),
        }
    }

    fn device(&self, session: &Session, from: Option<std::net::IpAddr>) -> Device {
        let known = recognised::device(session.user_agent.as_deref().unwrap_or_default());
        Device {
            name: session.name.clone().unwrap_or_else(|| named(self.w, &known)),
            software: software(&known).filter(|_| session.name.is_some()),
            address: session.address.filter(|address| Some(*address) != from).map(|address| address.to_string()),
            place: place(self.atlas, self.w, session),
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
