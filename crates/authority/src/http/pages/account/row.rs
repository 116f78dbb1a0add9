//! One device, as the page shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::filters::Safe;
use rescind_domain::clock::Timestamp;
use rescind_domain::device::{Device, DeviceKind};
use rescind_domain::session::Session;
use rescind_domain::verbs::list_sessions::Listed;
use rescind_wire::ClientId;

use super::known::Known;
use crate::http::html::escape;
use crate::http::pages::moment::Moment;
use crate::http::pages::words::{Arg, Language};
use crate::http::recognised;
use crate::places::Places;

/// How long a sign-in counts as new.
pub(super) const NEWS: Duration = Duration::from_hours(24);

/// One device.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) icon: &'static str,
    /// The name that it was given, or one in words.
    pub(super) name: String,
    /// The name that it was given.
    pub(super) given: Option<String>,
    /// Browser and system.
    pub(super) software: Option<String>,
    pub(super) address: Option<String>,
    /// Roughly where that is.
    pub(super) place: Option<String>,
    pub(super) since: Moment,
    pub(super) since_ago: Moment,
    pub(super) seen: Moment,
    pub(super) client: String,
    /// It signed in after this device did, lately, and nobody here has said to know it.
    pub(super) is_new: bool,
}

impl Row {
    /// Its name within a message. A name that somebody gave stands apart; one in words of ours is part of the sentence, in
    /// whichever direction that is written.
    pub(super) fn within(&self, w: &Language, key: &str) -> Safe<String> {
        match &self.given {
            Some(given) => w.around(key, given),
            None => Safe(escape(&w.about(key, &self.name))),
        }
    }
}

/// Who looks at the list.
pub(super) struct Viewer<'a> {
    pub(super) w: &'a Language,
    pub(super) own: &'a Session,
    pub(super) known: Known,
    pub(super) atlas: Option<&'a Places>,
    pub(super) clients: &'a BTreeMap<ClientId, String>,
    pub(super) now: Timestamp,
}

impl Viewer<'_> {
    /// How this one is shown a device.
    pub(super) fn row(&self, listed: &Listed) -> Row {
        let session = &listed.session;
        let device = recognised::device(session.user_agent.as_deref().unwrap_or_default());
        let is_own = session.id == self.own.id;
        let seen = if is_own { self.now } else { session.last_seen_at };
        let client = self.clients.get(&listed.client).cloned();
        Row {
            id: session.id.to_string(),
            icon: icon(device.kind),
            name: session.name.clone().unwrap_or_else(|| named(self.w, &device)),
            given: session.name.clone(),
            software: software(&device),
            address: session.address.map(|address| address.to_string()),
            place: place(self.atlas, self.w, session),
            since: Moment::exact(session.started_at),
            since_ago: Moment::ago(self.w, self.now, session.started_at),
            seen: Moment::ago(self.w, self.now, seen),
            client: client.unwrap_or_else(|| listed.client.to_string()),
            is_new: !is_own && self.is_news(session) && !self.known.has(session.id),
        }
    }

    fn is_news(&self, session: &Session) -> bool {
        let lately = self.now.since(session.started_at).is_none_or(|age| age < NEWS);
        lately && session.started_at > self.own.started_at
    }
}

/// What a device is called that nobody has given a name.
pub(in crate::http::pages) fn named(w: &Language, device: &Device) -> String {
    match (&device.browser, &device.os) {
        (Some(browser), Some(os)) => w.with("device-on", &[("browser", Arg::Text(browser)), ("os", Arg::Text(os))]),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => w.say("device-unknown").to_owned(),
    }
}

/// Where the address of a session is, in the visitor's language.
pub(in crate::http::pages) fn place(atlas: Option<&Places>, w: &Language, session: &Session) -> Option<String> {
    Some(atlas?.find(session.address?, w.tag)?.to_string())
}

/// Browser with its version, and system.
pub(in crate::http::pages) fn software(device: &Device) -> Option<String> {
    let browser = match (&device.browser, device.browser_major) {
        (Some(browser), Some(major)) => Some(format!("{browser} {major}")),
        (browser, _) => browser.clone(),
    };
    match (browser, &device.os) {
        (Some(browser), Some(os)) => Some(format!("{browser} · {os}")),
        (Some(one), None) => Some(one),
        (None, os) => os.clone(),
    }
}

/// The picture for a kind of device.
fn icon(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Desktop => "desktop",
        DeviceKind::Phone => "phone",
        DeviceKind::Tablet => "tablet",
        DeviceKind::Tv => "tv",
        DeviceKind::Console => "console",
        DeviceKind::Bot | DeviceKind::Program => "program",
        DeviceKind::Unknown => "unknown",
    }
}
