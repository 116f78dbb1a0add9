//! "That was me": the sign-ins that somebody said to know in this browser.
//!
//! They are kept in a cookie of this browser, for as long as a sign-in counts as new, and not with the session that signed
//! in: whoever signed in with a stolen password could say so of it, too, and silence the notice on every other device. What
//! is at stake is a notice alone, so the cookie is not signed.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use rescind_wire::SessionId;

use super::row::NEWS;
use super::{Place, back};
use crate::http::app::App;
use crate::http::pages::cookie::{self, Kind};
use crate::http::pages::instead::Instead;
use crate::http::pages::notice::Notice;
use crate::http::pages::posted::Posted;
use crate::http::pages::visitor::Visitor;
use crate::http::query::Named;

/// Most that are remembered: whoever signs in more often within a day is asked again.
const MOST: usize = 16;

/// The sessions that are known here, the latest last.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known(Vec<SessionId>);

impl Known {
    /// What this browser remembers.
    pub(super) fn read(visitor: &Visitor) -> Self {
        Self::parse(visitor.known.as_deref().unwrap_or_default())
    }

    /// Whether a session is among them.
    pub(super) fn has(&self, session: SessionId) -> bool {
        self.0.contains(&session)
    }

    fn parse(text: &str) -> Self {
        Self(text.split('.').take(MOST).filter_map(|id| id.parse().ok()).collect())
    }

    fn add(&mut self, session: SessionId) {
        self.0.retain(|other| *other != session);
        self.0.push(session);
        let over = self.0.len().saturating_sub(MOST);
        self.0.drain(..over);
    }

    fn leave(&self, visitor: &Visitor) -> HeaderValue {
        let ids: Vec<String> = self.0.iter().map(SessionId::to_string).collect();
        cookie::set(Kind::Known, visitor.transport(), &ids.join("."), Some(NEWS))
    }
}

/// Remembers a sign-in as one's own.
pub(super) async fn confirm(State(_): State<App>, id: Named, posted: Posted) -> Result<Response, Instead> {
    let (member, _) = posted.member()?;
    let mut known = Known::read(&member.visitor);
    known.add(id.id("session")?);
    let mut response = back(&member, &Place::default(), None, &Notice::Said("known"));
    response.headers_mut().append(SET_COOKIE, known.leave(&member.visitor));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_bounded_and_reads_back() {
        let mut known = Known::parse("");
        assert_eq!(known, Known(Vec::new()));
        let id = |n: usize| SessionId::from_bytes([u8::try_from(n).unwrap(); 16]);
        for n in 0..MOST + 3 {
            known.add(id(n));
            known.add(id(n));
        }
        assert_eq!(known.0.len(), MOST);
        assert!(known.has(id(MOST + 2)) && known.has(id(3)) && !known.has(id(2)));
        let ids: Vec<String> = known.0.iter().map(SessionId::to_string).collect();
        let text = ids.join(".");
        assert_eq!(Known::parse(&text), known);
        assert_eq!(Known::parse(&format!("x.{}.<b>", ids[0])), Known(vec![known.0[0]]));
        assert!(text.len() < 1024, "a cookie that browsers keep");
    }
}
