//! A session as people see it: a device that is signed in. And the tokens that one is given.

use std::net::IpAddr;

use rescind_domain::clock::Timestamp;
use rescind_domain::device;
use rescind_domain::session;
use rescind_domain::verbs::list_sessions::Listed;
use rescind_domain::verbs::sign_in::SignedIn;
use rescind_wire::{ClientId, SessionId};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::recognised;
use crate::http::time::Time;
use crate::places::{ENGLISH, Place, Places};

/// Where addresses are, if that is known.
pub(crate) type Atlas<'a> = Option<&'a Places>;

/// One sign-in on one device.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// Its id: the `sid` of its tokens.
    #[schema(pattern = "^ses_[0-9a-v]{26}$")]
    id: String,
    /// Whose it is; shown to administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// Whether the request came from it.
    current: bool,
    /// The device.
    device: Device,
    /// The `User-Agent` that it signed in with.
    user_agent: Option<String>,
    /// The address that it signed in from, unless addresses are not stored.
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// Roughly where that address is, if that is known.
    place: Option<Place>,
    /// When it signed in.
    started_at: Time,
    /// When it was last active, to within about a quarter of a minute.
    last_seen_at: Time,
    /// When it ends at the latest, however much it is used.
    expires_at: Time,
    /// The application that signed it in.
    client_id: String,
    /// What people call that application; in lists, unless it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<String>,
    /// How the person authenticated (RFC 8176).
    amr: Vec<String>,
    /// Whether it stays signed in.
    remembered: bool,
    /// A JSON object of the application's.
    #[schema(value_type = Option<serde_json::Value>)]
    metadata: Option<Box<RawValue>>,
}

/// What the `User-Agent` tells of a device, or the name that it was given.
#[derive(Serialize, ToSchema)]
pub(crate) struct Device {
    /// What to call it.
    name: String,
    /// The browser, application or program.
    browser: Option<String>,
    /// The operating system.
    os: Option<String>,
    /// What sort of thing it is.
    #[schema(value_type = DeviceKind)]
    kind: device::DeviceKind,
}

/// What sort of thing a device is, for the description of the API.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the domain's enumeration, which knows nothing of OpenAPI")]
pub(crate) enum DeviceKind {
    Desktop,
    Phone,
    Tablet,
    Tv,
    Console,
    Bot,
    Program,
    Unknown,
}

impl Session {
    /// A session, as `viewer` sees it, who is there at `now`.
    pub(crate) fn seen_by(viewer: Option<SessionId>, now: Timestamp, places: Atlas<'_>, listed: Listed) -> Self {
        let current = viewer == Some(listed.session.id);
        let mut session = Self::new(listed.session, &listed.client, places);
        session.client_name = listed.client_name;
        if current {
            session.current = true;
            // Whoever asks is active now; the store learns of it later, with others.
            session.last_seen_at = Time(session.last_seen_at.0.max(now));
        }
        session
    }

    /// With its owner, for administrators.
    pub(crate) fn seen_by_admin(viewer: Option<SessionId>, now: Timestamp, places: Atlas<'_>, listed: Listed) -> Self {
        let user_id = Some(listed.session.user.to_string());
        Self { user_id, ..Self::seen_by(viewer, now, places, listed) }
    }

    fn new(session: session::Session, client: &ClientId, places: Atlas<'_>) -> Self {
        Self {
            id: session.id.to_string(),
            user_id: None,
            current: false,
            device: Device::new(session.name, session.user_agent.as_deref()),
            user_agent: session.user_agent,
            ip: session.address,
            place: session.address.zip(places).and_then(|(address, places)| places.find(address, ENGLISH)),
            started_at: Time(session.started_at),
            last_seen_at: Time(session.last_seen_at),
            expires_at: Time(session.expires_at),
            client_id: client.to_string(),
            client_name: None,
            amr: session.amr,
            remembered: session.remembered,
            metadata: session.metadata.and_then(|text| RawValue::from_string(text).ok()),
        }
    }
}

impl Device {
    /// What a name that was given and a `User-Agent` tell.
    pub(crate) fn new(name: Option<String>, user_agent: Option<&str>) -> Self {
        let device = recognised::device(user_agent.unwrap_or_default());
        Self { name: name.unwrap_or(device.name), browser: device.browser, os: device.os, kind: device.kind }
    }
}

/// A session, and the tokens for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// The session.
    session: Session,
    /// The access token (RFC 9068), for `Authorization: Bearer`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// How long the access token is good for, in seconds.
    expires_in: u64,
    /// The refresh token: good once, for the next one.
    refresh_token: String,
    /// When the session, and with it the refresh token, ends at the latest.
    refresh_expires_at: Time,
    /// What the access token allows: names separated by spaces.
    scope: String,
}

impl Tokens {
    /// What somebody who signed in is given.
    pub(crate) fn new(signed_in: SignedIn, places: Atlas<'_>) -> Self {
        let refresh_expires_at = Time(signed_in.session.expires_at);
        let session = Session::new(signed_in.session, &signed_in.client, places);
        Self {
            session: Session { current: true, ..session },
            access_token: signed_in.access.token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: signed_in.access.expires_in.as_secs(),
            refresh_token: signed_in.refresh.expose().to_owned(),
            refresh_expires_at,
            scope: signed_in.scope,
        }
    }
}
