//! What several pages show in their rows: who did something, and what a revocation covers.

use std::collections::BTreeMap;

use rescind_domain::revocation::Actor;
use rescind_wire::{Scope, UserId};

use crate::http::pages::words::Language;

/// Login names by id.
pub(super) type Names = BTreeMap<UserId, String>;

/// Somebody with a page of their own.
pub(super) struct Person {
    pub(super) id: String,
    /// The login name; the id of somebody who is gone.
    pub(super) name: String,
}

impl Person {
    pub(super) fn new(id: UserId, names: &Names) -> Self {
        let text = id.to_string();
        Self { name: names.get(&id).cloned().unwrap_or_else(|| text.clone()), id: text }
    }
}

/// Who did something.
pub(super) struct Doer {
    pub(super) person: Option<Person>,
    pub(super) client: Option<String>,
    /// Whoever is neither, in words.
    pub(super) said: Option<String>,
}

impl Doer {
    pub(super) fn new(actor: &Actor, names: &Names, w: &Language) -> Self {
        let said = |key| Self { person: None, client: None, said: Some(w.say(key).to_owned()) };
        match actor {
            Actor::User { user, .. } => Self { person: Some(Person::new(*user, names)), client: None, said: None },
            Actor::Client(client) => Self { person: None, client: Some(client.to_string()), said: None },
            Actor::CommandLine => said("console-by-command-line"),
            Actor::System => said("console-by-system"),
            Actor::Anonymous => said("console-by-nobody"),
        }
    }

    /// The user whose name is to be found for [`new`](Self::new).
    pub(super) const fn user(actor: &Actor) -> Option<UserId> {
        match actor {
            Actor::User { user, .. } => Some(*user),
            Actor::Client(_) | Actor::CommandLine | Actor::System | Actor::Anonymous => None,
        }
    }
}

/// What a revocation covers.
pub(super) struct Covered {
    /// Of which kind, in words.
    pub(super) said: String,
    pub(super) person: Option<Person>,
    pub(super) client: Option<String>,
    /// What else it names.
    pub(super) other: Option<String>,
}

impl Covered {
    pub(super) fn new(scope: &Scope, names: &Names, w: &Language) -> Self {
        let key = match scope {
            Scope::Everyone { services: true } => "scope-everyone-services".to_owned(),
            Scope::User { deleted: true, .. } => "scope-user-deleted".to_owned(),
            Scope::User { except: Some(_), .. } => "scope-user-others".to_owned(),
            _ => format!("scope-{}", scope.kind()),
        };
        let (mut client, mut other) = (None, None);
        match scope {
            Scope::Everyone { .. } | Scope::User { .. } => {}
            Scope::Client { client: id } | Scope::Grant { client: id, .. } => client = Some(id.to_string()),
            Scope::Session { session, .. } => other = Some(session.to_string()),
            Scope::Token { token } => other = Some(token.to_string()),
            Scope::Key { key } => other = Some(key.to_string()),
            Scope::ForeignIssuer { issuer } => other = Some(issuer.to_string()),
            Scope::ForeignSubject { issuer, subject } => other = Some(format!("{issuer} {subject}")),
            Scope::ForeignSession { issuer, session, .. } => other = Some(format!("{issuer} {session}")),
        }
        let person = Self::user(scope).map(|user| Person::new(user, names));
        Self { said: w.say(&key).to_owned(), person, client, other }
    }

    /// The user whose name is to be found for [`new`](Self::new).
    pub(super) const fn user(scope: &Scope) -> Option<UserId> {
        match scope {
            Scope::User { user, .. } | Scope::Grant { user, .. } | Scope::Session { user, .. } => Some(*user),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::http::pages::words::Words;

    #[test]
    fn every_scope_has_its_words_in_every_language() {
        let kinds = [
            "everyone",
            "everyone-services",
            "client",
            "user",
            "user-deleted",
            "user-others",
            "grant",
            "session",
            "token",
            "key",
            "foreign_issuer",
            "foreign_subject",
            "foreign_session",
        ];
        for language in Words::load().all() {
            for kind in kinds {
                assert!(language.find(&format!("scope-{kind}")).is_some(), "{}: {kind}", language.tag);
            }
        }
    }
}
