//! What a verb works with.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::entropy::Entropy;
use crate::keyring::Keyring;
use crate::password::Passwords;
use crate::policy::Policy;
use crate::store::Store;
use crate::throttle::Throttle;

/// The ports and the policy. Cheap to clone: closures over transactions take one along.
#[derive(Clone)]
pub struct World {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Slow hashes.
    pub passwords: Arc<dyn Passwords>,
    /// Server keys.
    pub keyring: Arc<Keyring>,
    /// Who has to wait before trying a password again.
    pub throttle: Arc<Throttle>,
    /// What the deployment decides.
    pub policy: Arc<Policy>,
}

impl World {
    /// The steady clock.
    pub fn now(&self) -> Timestamp {
        self.clock.steady()
    }

    /// What is stored of an address.
    pub fn stored_address(&self, address: Option<std::net::IpAddr>) -> Option<std::net::IpAddr> {
        address.filter(|_| self.policy.store_addresses)
    }
}
