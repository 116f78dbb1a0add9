//! Devices: of a user, or with an application; and signing one of them out.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::post;
use rescind_domain::clock::Timestamp;
use rescind_domain::store::SessionCursor;
use rescind_domain::verbs::list_sessions::Listed;
use rescind_wire::{ClientId, SessionId, UserId};

use super::act::{Act, Button, press};
use super::desk::Desk;
use super::row::{Names, Person};
use crate::http::app::App;
use crate::http::pages::account::row::{named, place};
use crate::http::pages::instead::Instead;
use crate::http::pages::moment::Moment;
use crate::http::pages::posted::Posted;
use crate::http::problem::Problem;
use crate::http::recognised;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/users/{user}/sessions/{id}/sign-out", post(end_of_user))
        .route("/admin/clients/{client}/sessions/{id}/sign-out", post(end_of_client))
}

/// One device.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) person: Person,
    pub(super) name: String,
    pub(super) user_agent: Option<String>,
    pub(super) address: Option<String>,
    /// Roughly where that is.
    pub(super) place: Option<String>,
    pub(super) since: Moment,
    pub(super) seen: Moment,
    pub(super) client: String,
    /// Whether it is the one that the administrator sits at.
    pub(super) is_own: bool,
}

impl Row {
    pub(super) fn new(listed: Listed, desk: &Desk, now: Timestamp, names: &Names) -> Self {
        let (w, session) = (desk.words(), listed.session);
        let device = recognised::device(session.user_agent.as_deref().unwrap_or_default());
        Self {
            place: place(desk.app().authority.atlas(), w, &session),
            id: session.id.to_string(),
            person: Person::new(session.user, names),
            name: session.name.unwrap_or_else(|| named(w, &device)),
            user_agent: session.user_agent,
            address: session.address.map(|address| address.to_string()),
            since: Moment::exact(session.started_at),
            seen: Moment::ago(w, now, session.last_seen_at),
            client: listed.client.to_string(),
            is_own: session.id == desk.member.session,
        }
    }
}

/// Where a user's list goes on, as a parameter of a query.
pub(super) fn cursor_text(at: SessionCursor) -> String {
    format!("{}.{}.{}", at.number, at.started_at.0, at.id)
}

/// Reads [`cursor_text`]. What is none begins at the beginning.
pub(super) fn read_cursor(text: &str) -> Option<SessionCursor> {
    let mut parts = text.splitn(3, '.');
    let number = parts.next()?.parse().ok()?;
    let started_at = Timestamp(parts.next()?.parse().ok()?);
    Some(SessionCursor { number, started_at, id: parts.next()?.parse().ok()? })
}

/// The same for a client's list.
pub(super) fn read_pair(text: &str) -> Option<(UserId, SessionId)> {
    let (user, session) = text.split_once('.')?;
    Some((user.parse().ok()?, session.parse().ok()?))
}

async fn end_of_user(Path((user, session)): Path<(String, String)>, posted: Posted) -> Result<Response, Instead> {
    let user: UserId = user.parse().map_err(|_| Problem::not_found("user"))?;
    end(posted, &format!("/admin/users/{user}"), &session).await
}

async fn end_of_client(Path((client, session)): Path<(String, String)>, posted: Posted) -> Result<Response, Instead> {
    let client: ClientId = client.parse().map_err(|_| Problem::not_found("client"))?;
    end(posted, &format!("/admin/clients/{client}"), &session).await
}

/// Signs one device out, and goes back to the list at `place`.
async fn end(posted: Posted, place: &str, session: &str) -> Result<Response, Instead> {
    let (member, form) = posted.member()?;
    let session: SessionId = session.parse().map_err(|_| Problem::not_found("session"))?;
    let action = format!("{place}/sessions/{session}/sign-out");
    let (act, reason) = (Act::EndSession(session), "signed out by an administrator");
    Ok(press(member, form, Button { act, action: &action, reason, what: "again-for-device", place }).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_list_goes_on_is_read_back() {
        let at = SessionCursor { number: 7, started_at: Timestamp(42), id: SessionId::from_bytes([3; 16]) };
        assert_eq!(read_cursor(&cursor_text(at)), Some(at));
        let pair = (UserId::from_bytes([1; 16]), SessionId::from_bytes([3; 16]));
        assert_eq!(read_pair(&format!("{}.{}", pair.0, pair.1)), Some(pair));
        for bad in ["", "7", "7.42", "7.42.x", "x.42.y", "."] {
            assert_eq!((read_cursor(bad), read_pair(bad)), (None, None), "{bad}");
        }
    }
}
