//! The revocations that are still remembered, one record for each thing that they cover: shared by one writer and any
//! number of readers that never wait.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use papaya::{Equivalent, HashMap};
use rescind_wire::{ClientId, KeyId, Scope, SessionId, TokenId, UserCut, UserId};

use crate::foreign::ForeignCuts;

/// The numbers are positions of the log; 0, or nothing, where there was no revocation.
#[derive(Default)]
pub(crate) struct Table {
    everyone: AtomicU64,
    services: AtomicU64,
    users: HashMap<UserId, UserCut>,
    clients: HashMap<ClientId, u64>,
    grants: HashMap<(UserId, ClientId), u64>,
    sessions: HashMap<SessionId, u64>,
    tokens: HashMap<TokenId, u64>,
    keys: HashMap<KeyId, u64>,
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
                let users = self.users.pin();
                let before = users.get(user).copied().unwrap_or_default();
                users.insert(*user, before.then(number, *except, *deleted));
            }
            Scope::Client { client } => put(&self.clients, client.clone(), number),
            Scope::Grant { user, client } => put(&self.grants, (*user, client.clone()), number),
            Scope::Session { session, .. } => put(&self.sessions, *session, number),
            Scope::Token { token } => put(&self.tokens, *token, number),
            Scope::Key { key } => put(&self.keys, key.clone(), number),
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
            Scope::User { user, .. } => {
                // The record's latest position is its greatest.
                let _ = self.users.pin().remove_if(user, |_, cut| cut.latest <= floor);
            }
            Scope::Client { client } => drop_if_old(&self.clients, client, floor),
            Scope::Grant { user, client } => drop_if_old(&self.grants, &GrantKey(user, client), floor),
            Scope::Session { session, .. } => drop_if_old(&self.sessions, session, floor),
            Scope::Token { token } => drop_if_old(&self.tokens, token, floor),
            Scope::ForeignIssuer { .. } | Scope::ForeignSubject { .. } | Scope::ForeignSession { .. } => {
                self.foreign.forget(scope, floor);
            }
        }
    }

    pub(crate) fn everyone(&self, services: bool) -> u64 {
        if services { &self.services } else { &self.everyone }.load(Ordering::Acquire)
    }

    pub(crate) fn user(&self, user: &UserId) -> UserCut {
        self.users.pin().get(user).copied().unwrap_or_default()
    }

    pub(crate) fn client(&self, client: &ClientId) -> u64 {
        get(&self.clients, client).unwrap_or(0)
    }

    pub(crate) fn grant(&self, user: &UserId, client: &ClientId) -> u64 {
        get(&self.grants, &GrantKey(user, client)).unwrap_or(0)
    }

    pub(crate) fn session(&self, session: &SessionId) -> Option<u64> {
        get(&self.sessions, session)
    }

    pub(crate) fn token(&self, token: &TokenId) -> Option<u64> {
        get(&self.tokens, token)
    }

    pub(crate) fn key(&self, key: &KeyId) -> Option<u64> {
        get(&self.keys, key)
    }

    pub(crate) const fn foreign(&self) -> &ForeignCuts {
        &self.foreign
    }

    /// The keys that were revoked, with their entries.
    pub(crate) fn revoked_keys(&self) -> Vec<(KeyId, u64)> {
        self.keys.pin().iter().map(|(key, number)| (key.clone(), *number)).collect()
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        [self.users.len(), self.clients.len(), self.grants.len()].iter().sum::<usize>()
            + [self.sessions.len(), self.tokens.len(), self.keys.len(), self.foreign.len()].iter().sum::<usize>()
    }
}

/// Positions only rise, so the later entry is the one that counts.
fn put<K: Hash + Eq>(map: &HashMap<K, u64>, key: K, number: u64) {
    map.pin().insert(key, number);
}

fn get<K: Hash + Eq, Q: Hash + Equivalent<K>>(map: &HashMap<K, u64>, key: &Q) -> Option<u64> {
    map.pin().get(key).copied()
}

fn drop_if_old<K: Hash + Eq, Q: Hash + Equivalent<K>>(map: &HashMap<K, u64>, key: &Q, floor: u64) {
    let _ = map.pin().remove_if(key, |_, number| *number <= floor);
}

/// A grant's key without owning it; hashes like the tuple.
#[derive(Hash)]
struct GrantKey<'a>(&'a UserId, &'a ClientId);

impl Equivalent<(UserId, ClientId)> for GrantKey<'_> {
    fn equivalent(&self, key: &(UserId, ClientId)) -> bool {
        *self.0 == key.0 && *self.1 == key.1
    }
}
