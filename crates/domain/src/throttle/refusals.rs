//! Wrong secrets of clients. Each is refused at once; of many, one a minute is written down, so that no flood of them fills
//! the store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rescind_wire::ClientId;

use super::Millis;

/// How long nothing more is written down of a client, in milliseconds.
const QUIET: Millis = 60_000;

/// Of each client: when one was written down last, and how many were not, since.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<ClientId, (Millis, u64)>>);

impl Refusals {
    /// Counts one. Answers how many there were since the last one that was written down, if this one is to be.
    pub(super) fn count(&self, client: &ClientId, now: Millis) -> Option<u64> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((told, untold)) = table.get_mut(client) else {
            table.insert(client.clone(), (now, 0));
            return Some(1);
        };
        *untold += 1;
        if now.saturating_sub(*told) < QUIET {
            return None;
        }
        *told = now;
        Some(std::mem::take(untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_one_a_minute_is_told_for_each_client_with_the_number_of_all() {
        let refusals = Refusals::default();
        let count = |client: &str, now| refusals.count(&client.parse().unwrap(), now);
        assert_eq!([count("shop", 0), count("shop", 1), count("shop", 59_999)], [Some(1), None, None]);
        assert_eq!(count("till", 2), Some(1), "another client");
        assert_eq!([count("shop", 60_000), count("shop", 60_001)], [Some(3), None]);
    }
}
