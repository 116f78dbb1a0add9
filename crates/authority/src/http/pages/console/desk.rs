//! Whoever sits at the console, and what surrounds each of its pages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use rescind_domain::Error;
use rescind_domain::acting::Administrator;
use rescind_domain::verbs::{administer_users, read_log};
use rescind_wire::UserId;

use crate::feed::{Enforcement, PendingKind};
use crate::http::app::App;
use crate::http::form::Form;
use crate::http::pages::frame::{Frame, answer};
use crate::http::pages::instead::Instead;
use crate::http::pages::moment::Moment;
use crate::http::pages::visitor::Member;
use crate::http::pages::words::{Arg, Language};

/// Somebody who is signed in, and may be an administrator: the verb finds out.
pub(super) struct Desk {
    pub(super) member: Member,
    pub(super) admin: Administrator,
}

impl FromRequestParts<App> for Desk {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Instead> {
        Member::from_request_parts(parts, app).await.map(Self::of)
    }
}

impl Desk {
    pub(super) fn of(member: Member) -> Self {
        let admin = Administrator::Caller(Box::new(member.acting.clone()));
        Self { member, admin }
    }

    pub(super) fn app(&self) -> &App {
        &self.member.visitor.app
    }

    pub(super) fn words(&self) -> &Language {
        self.member.visitor.words()
    }

    /// What is answered where a verb refused.
    pub(super) fn refused(&self, error: Error) -> Instead {
        self.member.refused(error)
    }

    /// The parameters of the query. What cannot be read asks for nothing.
    pub(super) fn query(&self) -> Form {
        let query = self.member.visitor.target.split_once('?').map_or("", |(_, query)| query);
        Form::parse(query.as_bytes(), &[]).unwrap_or_default()
    }

    /// What is around a page. `room` is the part of the console that it is in.
    pub(super) fn chrome(&self, room: Room) -> Chrome<'_> {
        let assets = &self.member.visitor.pages().assets;
        let stream = self.member.visitor.stream("/admin/live");
        Chrome { style: assets.console_style(), script: assets.console_script(), stream, room }
    }

    /// What every template has at hand.
    pub(super) fn frame<'a>(&'a self, title: &'a str) -> Frame<'a> {
        Frame { admin: true, stream: None, ..Frame::new(&self.member.visitor, title) }
    }

    pub(super) fn answer(&self, page: &impl askama::Template) -> Response {
        answer(&self.member.visitor, StatusCode::OK, page)
    }

    /// The login names of these users.
    pub(super) async fn names(&self, users: impl Iterator<Item = UserId>) -> Result<BTreeMap<UserId, String>, Instead> {
        let users: BTreeSet<UserId> = users.collect();
        let names = administer_users::login_names(&self.app().authority.world, &self.admin, users).await;
        names.map_err(|error| self.refused(error))
    }

    /// How far the ending is enforced that this page was reached from, if it was: `done` in its query.
    pub(super) async fn done(&self) -> Result<Option<Missing>, Instead> {
        let Some(number) = self.query().take("done").and_then(|text| text.parse().ok()) else { return Ok(None) };
        self.missing(number).await
    }

    /// Who may still accept what entry `number` revokes, and until when; nothing once it is enforced.
    pub(super) async fn missing(&self, number: u64) -> Result<Option<Missing>, Instead> {
        let authority = &self.app().authority;
        let head = read_log::head(&authority.world, &self.admin).await.map_err(|error| self.refused(error))?;
        if number > head.number {
            return Ok(None);
        }
        let found = authority.enforcement(number, Duration::ZERO).await.map_err(|error| self.refused(error))?;
        Ok(Missing::of(found, authority.world.clock.wall(), self.words()))
    }
}

/// A part of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Overview,
    Users,
    Clients,
    Keys,
    Revocations,
    Verifiers,
    Everyone,
}

impl Room {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Overview, "/admin", "console-overview"),
        (Self::Users, "/admin/users", "console-users"),
        (Self::Clients, "/admin/clients", "console-clients"),
        (Self::Keys, "/admin/keys", "console-keys"),
        (Self::Revocations, "/admin/revocations", "console-revocations"),
        (Self::Verifiers, "/admin/verifiers", "console-verifiers"),
        (Self::Everyone, "/admin/everyone", "console-everyone"),
    ];
}

/// What is around a page of the console.
pub(super) struct Chrome<'a> {
    pub(super) style: &'a str,
    pub(super) script: &'a str,
    /// Where the page listens.
    pub(super) stream: String,
    room: Room,
}

impl Chrome<'_> {
    /// The parts of the console: where each is, what it is called, and whether this page is in it.
    pub(super) fn rooms(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        Room::ALL.into_iter().map(|(room, path, word)| (path, word, room == self.room))
    }
}

/// Who may still accept what was revoked.
pub(super) struct Missing {
    /// How many have confirmed of how many, in words.
    pub(super) said: String,
    /// Who has not.
    pub(super) who: Vec<Late>,
}

/// One who has not.
pub(super) struct Late {
    pub(super) name: String,
    pub(super) client: Option<String>,
    /// By when it must have, or stop accepting.
    pub(super) by: Moment,
}

impl Missing {
    fn of(found: Enforcement, now: rescind_domain::clock::Timestamp, w: &Language) -> Option<Self> {
        if found.enforced {
            return None;
        }
        let late = found.late();
        let of = Arg::Number(found.confirmed + found.lapsed + late);
        let said = match late {
            0 => w.say("console-settling").to_owned(),
            _ => w.with("console-missing", &[("confirmed", Arg::Number(found.confirmed)), ("of", of)]),
        };
        let who = found.pending.into_iter().map(|pending| Late {
            name: match pending.kind {
                PendingKind::Verifier => pending.verifier,
                PendingKind::Here => w.say("console-late-here").to_owned(),
                PendingKind::Node => w.say("console-late-node").to_owned(),
                PendingKind::FormerEpoch => w.say("console-late-epoch").to_owned(),
            },
            client: pending.client.map(|client| client.to_string()),
            by: Moment::to_the_second(now.after(pending.bound_in)),
        });
        Some(Self { said, who: who.collect() })
    }
}
