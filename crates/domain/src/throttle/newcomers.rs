//! Sign-ups under way. Nobody has to be known to hash a password by signing up, so what they may have of the queue of
//! hashes at once is bounded, for an address and for all together: the rest is for those who sign in.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::network;

/// The places that are taken.
#[derive(Debug)]
pub(super) struct Newcomers {
    of_address: usize,
    of_all: usize,
    /// By whom: the network of each address, as far as it is known.
    taken: Mutex<Vec<Option<IpAddr>>>,
}

/// A place in the queue of hashes for one sign-up, free again once dropped. It goes with the password through the queue:
/// whoever hangs up keeps it until a thread has come to what was queued for them.
#[must_use = "the place is free once this is dropped"]
#[derive(Debug)]
pub struct Place {
    newcomers: Arc<Newcomers>,
    address: Option<IpAddr>,
}

impl Newcomers {
    pub(super) fn new(of_address: u32, of_all: u32) -> Self {
        let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX).max(1);
        Self { of_address: number(of_address), of_all: number(of_all), taken: Mutex::default() }
    }

    /// Takes a place for somebody at this address, if there is one.
    pub(super) fn begin(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let address = address.map(network);
        let mut all = self.locked();
        let here = all.iter().filter(|other| address.is_some() && **other == address).count();
        if here >= self.of_address || all.len() >= self.of_all {
            return None;
        }
        all.push(address);
        drop(all);
        Some(Place { newcomers: Arc::clone(self), address })
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Option<IpAddr>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.newcomers.locked();
        // Places of the same address are alike.
        if let Some(own) = all.iter().position(|other| *other == self.address) {
            all.swap_remove(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newcomers() -> Arc<Newcomers> {
        Arc::new(Newcomers::new(2, 5))
    }

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// How many get a place at once.
    fn places(newcomers: &Arc<Newcomers>, address: impl Into<Option<IpAddr>>) -> Vec<Place> {
        let address = address.into();
        std::iter::from_fn(|| newcomers.begin(address)).take(100).collect()
    }

    #[test]
    fn an_address_has_its_share_and_all_together_have_theirs() {
        let newcomers = newcomers();
        let one = places(&newcomers, at("192.0.2.1"));
        assert_eq!((one.len(), places(&newcomers, at("::ffff:192.0.2.1")).len()), (2, 0));
        let two = places(&newcomers, at("2001:db8::1"));
        assert_eq!((two.len(), places(&newcomers, at("2001:db8::ffff")).len()), (2, 0), "one network");
        let three = places(&newcomers, at("192.0.2.3"));
        assert_eq!((three.len(), places(&newcomers, at("192.0.2.4")).len()), (1, 0));
        drop(three);
        assert_eq!(places(&newcomers, at("192.0.2.1")).len(), 0);
        let unknown = places(&newcomers, None);
        assert_eq!(unknown.len(), 1, "all that is left");
        drop((one, two, unknown));
        let again = places(&newcomers, None);
        assert_eq!(again.len(), 5, "who has no address is bounded by what there is for all");
        drop(again);
        assert_eq!(places(&newcomers, at("192.0.2.1")).len(), 2);
    }

    #[test]
    fn each_place_that_is_given_back_is_one_for_somebody_else_there() {
        let newcomers = newcomers();
        let mut mine = places(&newcomers, at("192.0.2.1"));
        let others = places(&newcomers, at("192.0.2.2"));
        assert_eq!((mine.pop().is_some(), others.len()), (true, 2));
        let again = newcomers.begin(Some(at("192.0.2.1")));
        assert!(again.is_some() && newcomers.begin(Some(at("192.0.2.1"))).is_none());
    }

    #[test]
    fn there_is_a_place_however_small_the_queue() {
        let newcomers = Arc::new(Newcomers::new(0, 0));
        assert_eq!(places(&newcomers, at("192.0.2.1")).len(), 1);
    }
}
