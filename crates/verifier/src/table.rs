//! The revocations that are still remembered, one record for each thing that they cover: shared by one writer and any
//! number of readers that never wait.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use papaya::Equivalent;
use rescind_wire::{ClientId, KeyId, Scope, SessionId, TokenId, UserCut, UserId};

use crate::foreign::ForeignCuts;
use crate::records::Records;

/// The numbers are positions of the log; 0, or nothing, where there was no revocation.
#[derive(Default)]
pub(crate) struct Table {
    everyone: AtomicU64,
    services: AtomicU64,
    users: Records<UserId, UserCut>,
    clients: Records<ClientId, u64>,
    grants: Records<(UserId, ClientId), u64>,
    sessions: Records<SessionId, u64>,
    tokens: Records<TokenId, u64>,
    keys: Records<KeyId, u64>,
    /// For tokens of other issuers.
    foreign: ForeignCuts,
}

impl Table {
    /// Remembers one revocation. Visible to readers at once; the caller publishes its position afterwards.
    /// `at` is when it was written, in milliseconds since the Unix epoch.
    pub(crate) fn add(&self, number: u64, at: u64, scope: &Scope) {
        match scope {
            Scope::Everyone { services } => {
                self.foreign.cut_everyone(number, at);
                self.everyone.fetch_max(number, Ordering::Release);
                if *services {
                    self.services.fetch_max(number, Ordering::Release);
                }
            }
            Scope::User { user, except, deleted } => {
                let before = self.user(user);
                self.users.put(*user, before.then(number, *except, *deleted));
            }
            Scope::Client { client } => self.clients.put(client.clone(), number),
            Scope::Grant { user, client } => self.grants.put((*user, client.clone()), number),
            Scope::Session { session, .. } => self.sessions.put(*session, number),
            Scope::Token { token } => self.tokens.put(*token, number),
            Scope::Key { key } => self.keys.put(key.clone(), number),
            Scope::ForeignIssuer { .. } | Scope::ForeignSubject { .. } | Scope::ForeignSession { .. } => {
                self.foreign.add(number, at, scope);
            }
        }
    }

    /// Forgets what this scope's record says, if all of it is at or below `floor`. Keys are remembered for good (R3: a
    /// thief can write any position), and the two numbers for everyone cost nothing.
    pub(crate) fn forget(&self, scope: &Scope, floor: u64) {
        match scope {
            Scope::Everyone { .. } | Scope::Key { .. } => {}
            // The record's latest position is its greatest.
            Scope::User { user, .. } => self.users.forget_if(user, |cut| cut.latest <= floor),
            Scope::Client { client } => self.clients.forget_if(client, |number| *number <= floor),
            Scope::Grant { user, client } => self.grants.forget_if(&GrantKey(user, client), |number| *number <= floor),
            Scope::Session { session, .. } => self.sessions.forget_if(session, |number| *number <= floor),
            Scope::Token { token } => self.tokens.forget_if(token, |number| *number <= floor),
            Scope::ForeignIssuer { .. } | Scope::ForeignSubject { .. } | Scope::ForeignSession { .. } => {
                self.foreign.forget(scope, floor);
            }
        }
    }

    pub(crate) fn everyone(&self, services: bool) -> u64 {
        if services { &self.services } else { &self.everyone }.load(Ordering::Acquire)
    }

    pub(crate) fn user(&self, user: &UserId) -> UserCut {
        self.users.get(user).unwrap_or_default()
    }

    pub(crate) fn client(&self, client: &ClientId) -> u64 {
        self.clients.get(client).unwrap_or(0)
    }

    pub(crate) fn grant(&self, user: &UserId, client: &ClientId) -> u64 {
        self.grants.get(&GrantKey(user, client)).unwrap_or(0)
    }

    pub(crate) fn session(&self, session: &SessionId) -> Option<u64> {
        self.sessions.get(session)
    }

    pub(crate) fn token(&self, token: &TokenId) -> Option<u64> {
        self.tokens.get(token)
    }

    pub(crate) fn key(&self, key: &KeyId) -> Option<u64> {
        self.keys.get(key)
    }

    pub(crate) const fn foreign(&self) -> &ForeignCuts {
        &self.foreign
    }

    /// The keys that were revoked, with their entries.
    pub(crate) fn revoked_keys(&self) -> Vec<(KeyId, u64)> {
        self.keys.all()
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        [self.users.len(), self.clients.len(), self.grants.len()].iter().sum::<usize>()
            + [self.sessions.len(), self.tokens.len(), self.keys.len(), self.foreign.len()].iter().sum::<usize>()
    }
}

/// A grant's key without owning it; hashes like the tuple.
#[derive(Hash)]
struct GrantKey<'a>(&'a UserId, &'a ClientId);

impl Equivalent<(UserId, ClientId)> for GrantKey<'_> {
    fn equivalent(&self, key: &(UserId, ClientId)) -> bool {
        *self.0 == key.0 && *self.1 == key.1
    }
}
