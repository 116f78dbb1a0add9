//! What is new goes to everybody who is live; whoever it cuts hears that, and nothing after it.

use std::collections::BTreeMap;

use rescind_wire::feed::Closing;
use rescind_wire::{Change, Entry, Scope};

use super::{Connection, Follower, News, Out, RECENT, State};
use crate::feed::frames::{Beside, frames};

impl State {
    /// Sends the entries after `known` to all who are live, in frames that are made once: after a gap of its own, this node
    /// reads again what it has sent. A verifier whose client is cut is sent the entries up to the one that does so: what
    /// that one ends is enforced once it has acknowledged it.
    pub(super) fn broadcast(&mut self, news: &News<'_>, known: u64) {
        let beside = Beside { floor: news.floor, longest_lifetime: news.longest_lifetime };
        let unchanged = std::mem::replace(&mut self.beside, beside) == beside;
        let State { here: Some(here), connections, .. } = self else { return };
        let fresh = &news.entries[news.entries.partition_point(|entry| entry.number <= known)..];
        if fresh.is_empty() && unchanged {
            return;
        }
        let endings: Vec<&Entry> = fresh.iter().filter(|entry| may_end(entry)).collect();
        let mut made = BTreeMap::new();
        for (id, connection) in connections {
            let cut = endings.iter().find(|entry| ends(entry, &connection.follower)).map(|entry| entry.number);
            if !connection.live {
                if cut.is_some() && connection.last.is_none() {
                    connection.closer.close(Closing::Evicted);
                }
                continue;
            }
            // More than is kept for those who connect is not kept in queues either: they connect again, and read it.
            if fresh.len() > RECENT {
                connection.live = false;
                connection.closer.close(Closing::TooSlow);
                continue;
            }
            let count = cut.map_or(fresh.len(), |number| fresh.partition_point(|entry| entry.number <= number));
            let frames = made.entry(count).or_insert_with(|| frames(&fresh[..count], beside));
            for frame in &*frames {
                connection.send(Out::Frame(frame.clone()));
            }
            if let Some(number) = cut {
                connection.part(number);
                here.node.sent(*id, number);
                here.node.part(*id);
            }
        }
    }
}

impl Connection {
    /// Nothing after entry `last` is sent, and the connection closes once that is acknowledged, or soon.
    fn part(&mut self, last: u64) {
        self.live = false;
        self.last = Some(last);
        self.closer.part();
    }
}

/// Whether it may end the right of some client to follow.
fn may_end(entry: &Entry) -> bool {
    let Change::Revoke(scope) = &entry.change else { return false };
    matches!(scope, Scope::Everyone { services: true } | Scope::Client { .. } | Scope::Token { .. } | Scope::Key { .. })
}

/// Whether it ends the token that the follower showed (R3).
fn ends(entry: &Entry, follower: &Follower) -> bool {
    let Change::Revoke(scope) = &entry.change else { return false };
    let newer = entry.number > follower.position.number;
    match scope {
        Scope::Everyone { services } => *services && newer,
        Scope::Client { client } => *client == follower.client && newer,
        Scope::Token { token } => *token == follower.token,
        Scope::Key { key } => *key == follower.key,
        Scope::User { .. }
        | Scope::Grant { .. }
        | Scope::Session { .. }
        | Scope::ForeignIssuer { .. }
        | Scope::ForeignSubject { .. }
        | Scope::ForeignSession { .. } => false,
    }
}
