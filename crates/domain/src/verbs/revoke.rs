//! Revoking by scope, for administrators: everyone, a client, a user, a grant, a session, a token, a key, and what other
//! issuers gave out.

use rescind_wire::Scope;

use crate::acting::Administrator;
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency};
use crate::revocation::{self, Receipt};
use crate::verbs::administer_keys;
use crate::verbs::administer_users::existing;
use crate::world::World;

/// Revokes everything in `scope`: one entry, however much it ends (A14).
pub async fn revoke(
    world: &World,
    admin: &Administrator,
    scope: Scope,
    reason: String,
    idempotency: Option<Idempotency>,
) -> Result<Receipt, Error> {
    if let Scope::Key { key } = scope {
        return administer_keys::compromise_key(world, admin, key, reason, idempotency).await;
    }
    if let Some(issuer) = scope.foreign_issuer()
        && issuer.as_str() == world.policy.issuer
    {
        let problem = "that is this authority itself: name the user, the session or everyone".to_owned();
        return Err(Error::Invalid { field: "scope", problem });
    }
    if matches!(scope, Scope::User { deleted: true, .. }) {
        let problem = "accounts are deleted with their own request".to_owned();
        return Err(Error::Invalid { field: "scope", problem });
    }
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .end("revoke", move |tx| {
            admin.check(tx, &inner)?;
            idempotency::once(tx, idempotency.as_ref(), inner.now(), |tx| {
                if let Scope::User { user, .. } = &scope {
                    existing(tx, user)?;
                }
                let event = event(&scope, NewEvent::new(inner.now(), EventKind::Revoked, admin.actor()));
                let event = event.from(inner.stored_address(admin.address()));
                revocation::end(tx, &inner, scope.clone(), &reason, event)
            })
        })
        .await
}

fn event(scope: &Scope, event: NewEvent) -> NewEvent {
    match scope {
        Scope::Everyone { .. }
        | Scope::Token { .. }
        | Scope::Key { .. }
        | Scope::ForeignIssuer { .. }
        | Scope::ForeignSubject { .. }
        | Scope::ForeignSession { .. } => event.detail(scope.to_string()),
        Scope::Client { client } => event.client(client.clone()),
        Scope::User { user, .. } => NewEvent { kind: EventKind::SessionsEnded, ..event }.user(*user),
        Scope::Grant { user, client } => event.user(*user).client(client.clone()),
        Scope::Session { user, session } => {
            NewEvent { kind: EventKind::SessionEnded, ..event }.user(*user).session(*session)
        }
    }
}
