//! When devices were last seen, gathered in memory and written down in batches (E3): never a write for a request.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use rescind_domain::clock::Timestamp;
use rescind_wire::{SessionId, UserId};

/// The most devices that are remembered between two writes. One too many is not remembered: it is seen again soon.
const MOST: usize = 100_000;

/// Devices seen since the last write.
#[derive(Debug, Default)]
pub struct Activity {
    seen: Mutex<HashMap<(UserId, SessionId), Timestamp>>,
}

impl Activity {
    /// A device was seen.
    pub fn seen(&self, user: UserId, session: SessionId, at: Timestamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let full = seen.len() >= MOST;
        match seen.entry((user, session)) {
            Entry::Occupied(mut entry) => {
                let latest = at.max(*entry.get());
                entry.insert(latest);
            }
            Entry::Vacant(entry) if !full => {
                entry.insert(at);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Takes what was gathered, to write it down.
    pub fn take(&self) -> Vec<(UserId, SessionId, Timestamp)> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        seen.into_iter().map(|((user, session), at)| (user, session, at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e3_a_thousand_requests_of_one_device_are_one_note() {
        let activity = Activity::default();
        let (user, session) = (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        for at in 0..1000 {
            activity.seen(user, session, Timestamp(at));
        }
        assert_eq!(activity.take(), vec![(user, session, Timestamp(999))]);
        assert!(activity.take().is_empty());
    }
}
