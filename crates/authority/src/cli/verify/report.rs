//! What is said of a token.

use rescind_domain::clock::Timestamp;
use rescind_domain::revocation::LogRow;
use rescind_domain::session::Session;
use rescind_domain::verbs::explain::Explanation;
use rescind_wire::standing::Cause;
use rescind_wire::{Change, ClientId, Scope, Subject, Thing, TokenId};
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::folder::Tool;
use crate::cli::session;
use crate::cli::table::pairs;
use crate::cli::time::{exact, shown};

/// What became of a token, in one word. Stable: programs read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum State {
    Alive,
    NotOurs,
    Revoked,
    Expired,
    NotYetValid,
    SessionExpired,
    SessionGone,
    Superseded,
    Reused,
    LostEpoch,
    TooLongLived,
    OtherIssuer,
}

impl State {
    /// Every state there is.
    #[cfg(test)]
    pub(in crate::cli) const ALL: [Self; 12] = [
        Self::Alive,
        Self::NotOurs,
        Self::Revoked,
        Self::Expired,
        Self::NotYetValid,
        Self::SessionExpired,
        Self::SessionGone,
        Self::Superseded,
        Self::Reused,
        Self::LostEpoch,
        Self::TooLongLived,
        Self::OtherIssuer,
    ];

    pub(in crate::cli) const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::NotOurs => "not_ours",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::SessionExpired => "session_expired",
            Self::SessionGone => "session_gone",
            Self::Superseded => "superseded",
            Self::Reused => "reused",
            Self::LostEpoch => "lost_epoch",
            Self::TooLongLived => "too_long_lived",
            Self::OtherIssuer => "other_issuer",
        }
    }
}

/// What is said of a token.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) kind: &'static str,
    pub(super) state: State,
    /// One sentence for people.
    pub(super) why: String,
    pub(super) facts: Facts,
    /// The entry that ended it, whether or not it would have been refused for another reason first.
    pub(super) revocation: Option<LogRow>,
}

/// What is known of a token beside its fate.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) id: Option<TokenId>,
    pub(super) subject: Option<Subject>,
    pub(super) session: Option<Session>,
    pub(super) client: Option<ClientId>,
    pub(super) audiences: Vec<String>,
    pub(super) scope: String,
    pub(super) issued: Option<Timestamp>,
    pub(super) expires: Option<Timestamp>,
}

/// What the one rule says of a token, if it says that it is dead, and the entry of the log that it goes by.
pub(super) fn by_the_rule(explanation: &mut Explanation, thing: &Thing<'_>) -> Option<(State, String, Option<LogRow>)> {
    let (cause, row) = explanation.ended.take()?;
    let (number, scope) = match cause {
        Cause::Revoked { number, scope } => (number, scope),
        Cause::BelowFloor => {
            return Some((State::Revoked, "it is older than every revocation that is remembered".to_owned(), None));
        }
        Cause::LostEpoch | Cause::BeyondHead => {
            return Some((State::LostEpoch, "it was issued in a history of the store that was lost".to_owned(), None));
        }
    };
    let is_it = |change: &Change| matches!(change, Change::Revoke(by) if by.kind() == scope && covers(by, thing));
    let row = row.filter(|row| is_it(&row.change));
    let why = match row.as_ref().map(|row| &row.change) {
        Some(Change::Revoke(covering)) => format!("revocation {number} covers it: {covering}"),
        // Born with a cut at the head, whatever that entry was about.
        _ => format!("its {scope} is gone, or was made anew after it was issued"),
    };
    Some((State::Revoked, why, row))
}

/// Whether a revocation of this scope is about this thing.
fn covers(scope: &Scope, thing: &Thing<'_>) -> bool {
    match scope {
        Scope::Everyone { .. } => true,
        Scope::Client { client } => thing.client == Some(client),
        Scope::User { user, .. } => thing.user == Some(user),
        Scope::Grant { user, client } => thing.user == Some(user) && thing.client == Some(client),
        Scope::Session { session, .. } => thing.session == Some(session),
        Scope::Token { token } => thing.token == Some(token),
        Scope::Key { key } => thing.key == Some(key),
        Scope::ForeignIssuer { .. } | Scope::ForeignSubject { .. } | Scope::ForeignSession { .. } => false,
    }
}

impl Report {
    /// Not a token of this authority.
    pub(super) fn not_ours(why: String) -> Self {
        Self { kind: "unknown", state: State::NotOurs, why, facts: Facts::default(), revocation: None }
    }

    pub(super) fn value(&self) -> Value {
        let Facts { id, subject, session, client, audiences, scope, issued, expires } = &self.facts;
        json!({
            "kind": self.kind,
            "state": self.state.as_str(),
            "why": self.why,
            "id": id,
            "subject": subject,
            "session_id": session.as_ref().map(|session| session.id),
            "client_id": client,
            "audience": audiences,
            "scope": scope,
            "issued_at": issued.map(exact),
            "expires_at": expires.map(exact),
            "revocation": self.revocation.as_ref().map(crate::cli::log::entry_json),
        })
    }

    pub(super) async fn lines(&self, tool: &Tool) -> Result<Vec<String>, Failure> {
        let mut rows: Vec<(&str, String)> = Vec::new();
        if let Some(row) = &self.revocation {
            rows.push(("by", tool.actor(&row.actor).await?));
            rows.push(("why", row.reason.clone()));
            rows.push(("when", shown(row.at)));
        }
        let Facts { id, subject, session, client, audiences, scope, issued, expires } = &self.facts;
        if self.state != State::NotOurs {
            let id = id.map(|id| format!(" {id}")).unwrap_or_default();
            rows.push(("token", format!("{}{id}", self.kind)));
        }
        match subject {
            Some(Subject::User(user)) => rows.push(("user", format!("{} ({user})", tool.name(*user).await?))),
            Some(Subject::Client(_)) => rows.push(("for", "the client itself".to_owned())),
            None => {}
        }
        rows.extend(session.iter().map(|row| ("session", format!("{} ({})", row.id, session::name(row)))));
        rows.extend(client.iter().map(|client| ("client", client.to_string())));
        if !audiences.is_empty() {
            rows.push(("audience", audiences.join(" ")));
        }
        if !scope.is_empty() {
            rows.push(("scope", scope.clone()));
        }
        rows.extend(issued.iter().map(|at| ("issued", shown(*at))));
        rows.extend(expires.iter().map(|at| ("expires", shown(*at))));
        let mut lines = vec![format!("{}: {}", self.state.as_str().replace('_', " "), self.why)];
        lines.extend(pairs(&rows).into_iter().map(|line| format!("  {line}")));
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rescind_domain::revocation::{Actor, Tag};
    use rescind_wire::{Epoch, Position, SessionId, UserId};

    #[test]
    fn an_entry_about_something_else_explains_nothing() {
        let position = Position { epoch: Epoch::from_bytes([1; 10]), number: 5 };
        let (user, session) = (UserId::from_bytes([2; 16]), SessionId::from_bytes([3; 16]));
        let other = UserId::from_bytes([4; 16]);
        let scope_of = |user| Scope::User { user, except: None, deleted: false };
        let thing = Thing {
            user: Some(&user),
            session: Some(&session),
            client: None,
            token: None,
            key: None,
            position,
            authorized: position,
        };
        let explained = |scope: Scope| {
            let at = Timestamp(0);
            let change = Change::Revoke(scope);
            let row = LogRow { position, change, reason: String::new(), actor: Actor::System, at, tag: Tag([0; 40]) };
            let cause = Cause::Revoked { scope: "user", number: 5 };
            let mut explanation = Explanation { ended: Some((cause, Some(row))), session: None, expiry: None };
            by_the_rule(&mut explanation, &thing).expect("dead").2.is_some()
        };
        assert!(explained(scope_of(user)));
        assert!(!explained(scope_of(other)));
        assert!(!explained(Scope::Session { user, session }));
        assert!(!explained(Scope::Everyone { services: true }));
    }
}
