//! Sign-ups under way. Nobody has to be known to hash a password by signing up, so what they may have of the queue of
//! hashes at once is bounded, for an address and for all together: the rest is for those who sign in.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Millis, network};

/// How long from its beginning the place of somebody who hung up stays taken, in milliseconds: what was queued for them
/// stays in the queue until a thread comes to it.
const HELD: Millis = 1_000;

/// The places that are taken.
#[derive(Debug)]
pub(super) struct Newcomers {
    of_address: usize,
    of_all: usize,
    taken: Mutex<Vec<Taken>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    address: Option<IpAddr>,
    begun: Millis,
    /// Nobody waits any more.
    hung_up: bool,
}

/// A place for one sign-up whose password is to be hashed. Dropped, it stays taken for a moment.
#[must_use = "leave the place once the password is hashed; dropped, it is of somebody who hung up"]
#[derive(Debug)]
pub struct Place {
    newcomers: Arc<Newcomers>,
    taken: Taken,
}

impl Newcomers {
    pub(super) fn new(of_address: u32, of_all: u32) -> Self {
        let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX).max(1);
        Self { of_address: number(of_address), of_all: number(of_all), taken: Mutex::default() }
    }

    /// Takes a place for somebody at this address, if there is one.
    pub(super) fn begin(self: &Arc<Self>, address: Option<IpAddr>, now: Millis) -> Option<Place> {
        let address = address.map(network);
        let mut all = self.locked();
        all.retain(|place| !place.hung_up || now < place.begun.saturating_add(HELD));
        let here = all.iter().filter(|place| address.is_some() && place.address == address).count();
        if here >= self.of_address || all.len() >= self.of_all {
            return None;
        }
        let taken = Taken { address, begun: now, hung_up: false };
        all.push(taken);
        drop(all);
        Some(Place { newcomers: Arc::clone(self), taken })
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The password was hashed, or was refused by the queue: the place is free.
    pub fn leave(mut self) {
        self.taken.hung_up = true;
        let mut all = self.newcomers.locked();
        // Places that were taken at the same address in the same moment are alike.
        if let Some(own) = self.find(&all) {
            all.swap_remove(own);
        }
    }

    fn find(&self, all: &[Taken]) -> Option<usize> {
        let own = Taken { hung_up: false, ..self.taken };
        all.iter().position(|place| *place == own)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.taken.hung_up {
            return;
        }
        let mut all = self.newcomers.locked();
        if let Some(own) = self.find(&all) {
            all[own].hung_up = true;
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
    fn places(newcomers: &Arc<Newcomers>, address: impl Into<Option<IpAddr>>, now: Millis) -> Vec<Place> {
        let address = address.into();
        std::iter::from_fn(|| newcomers.begin(address, now)).take(100).collect()
    }

    #[test]
    fn an_address_has_its_share_and_all_together_have_theirs() {
        let newcomers = newcomers();
        let one = places(&newcomers, at("192.0.2.1"), 0);
        assert_eq!((one.len(), places(&newcomers, at("::ffff:192.0.2.1"), 0).len()), (2, 0));
        let two = places(&newcomers, at("2001:db8::1"), 0);
        assert_eq!((two.len(), places(&newcomers, at("2001:db8::ffff"), 0).len()), (2, 0), "one network");
        let three = places(&newcomers, at("192.0.2.3"), 0);
        assert_eq!((three.len(), places(&newcomers, at("192.0.2.4"), 0).len()), (1, 0));
        three.into_iter().for_each(Place::leave);
        assert_eq!(places(&newcomers, at("192.0.2.1"), 0).len(), 0);
        let unknown = places(&newcomers, None, 0);
        assert_eq!(unknown.len(), 1, "all that is left");
        one.into_iter().chain(two).chain(unknown).for_each(Place::leave);
        let again = places(&newcomers, None, 0);
        assert_eq!(again.len(), 5, "who has no address is bounded by what there is for all");
        again.into_iter().for_each(Place::leave);
        assert_eq!(places(&newcomers, at("192.0.2.1"), 0).len(), 2);
    }

    #[test]
    fn who_hangs_up_keeps_the_place_until_the_queue_has_come_to_it() {
        let newcomers = newcomers();
        let address = at("192.0.2.1");
        drop(places(&newcomers, address, 10));
        assert!(newcomers.begin(Some(address), 10 + HELD - 1).is_none());
        let late = places(&newcomers, address, 10 + HELD);
        assert_eq!(late.len(), 2);
        // Whoever waits has the place for as long as it takes.
        assert!(newcomers.begin(Some(address), 10 + 100 * HELD).is_none());
        late.into_iter().for_each(Place::leave);
        assert!(newcomers.begin(Some(address), 10 + 100 * HELD).is_some());
    }

    #[test]
    fn there_is_a_place_however_small_the_queue() {
        let newcomers = Arc::new(Newcomers::new(0, 0));
        assert_eq!(places(&newcomers, at("192.0.2.1"), 0).len(), 1);
    }
}
