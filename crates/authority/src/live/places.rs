//! The places for streams: so many altogether, so many for each holder, and shared out fairly once all are taken.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Full, Mailbox};

/// The places for streams of one kind, whose holders go by `K`; with each goes a `T`.
#[derive(Debug)]
pub(super) struct Places<K, T> {
    /// How many there are.
    most: usize,
    /// How many of them one holder may have.
    most_of_one: usize,
    next: u64,
    /// By holder, the oldest first.
    taken: BTreeMap<(K, u64), Place<T>>,
}

/// One that is taken.
#[derive(Debug)]
pub(super) struct Place<T> {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) what: T,
    neighbourhood: Neighbourhood,
}

/// An IPv4 address, or the network of an IPv6 address: whoever has one of those addresses has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Neighbourhood {
    Unknown,
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Neighbourhood {
    fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Unknown,
            Some(IpAddr::V4(address)) => Self::V4(address.octets()),
            Some(IpAddr::V6(address)) => {
                let [network @ .., _, _, _, _, _, _, _, _] = address.octets();
                Self::V6(network)
            }
        }
    }
}

impl<K: Ord + Clone, T> Places<K, T> {
    /// So many, and so many for each holder.
    pub(super) const fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, next: 0, taken: BTreeMap::new() }
    }

    /// Takes a place for `holder`, who comes from `address`. A holder with as many as one may have gives up the oldest. If all
    /// are taken, whoever has most gives up one, unless that would leave them no better off than the newcomer: the address with
    /// most streams first, for it is easy to have many accounts and hard to have many addresses; then the holder with most.
    pub(super) fn take(
        &mut self,
        holder: &K,
        address: Option<IpAddr>,
        what: T,
    ) -> Result<((K, u64), Arc<Mailbox>), Full> {
        let neighbourhood = Neighbourhood::of(address);
        let oldest = self.of(holder).next().map(|(key, _)| key.clone());
        let giving_way = match oldest {
            Some(oldest) if self.of(holder).count() >= self.most_of_one => Some(oldest),
            _ if self.taken.len() >= self.most => Some(self.most_greedy(holder, neighbourhood).ok_or(Full)?),
            _ => None,
        };
        if let Some(place) = giving_way.and_then(|key| self.taken.remove(&key)) {
            place.mailbox.put(|parcel| parcel.replaced = true);
        }
        self.next += 1;
        let (key, mailbox) = ((holder.clone(), self.next), Arc::<Mailbox>::default());
        self.taken.insert(key.clone(), Place { mailbox: Arc::clone(&mailbox), what, neighbourhood });
        Ok((key, mailbox))
    }

    /// The place to give up for `holder`, if anybody has more than is fair.
    fn most_greedy(&self, holder: &K, neighbourhood: Neighbourhood) -> Option<(K, u64)> {
        let near = Count::of(self.taken.iter().map(|((_, number), place)| (place.neighbourhood, *number)));
        let other = near.most_but(&neighbourhood).map(|(crowd, _)| crowd);
        // A newcomer of the greatest crowd takes nothing from anybody elsewhere.
        let own = near.most().map(|(crowd, _)| crowd).filter(|crowd| other.is_none() && *crowd == neighbourhood);
        let crowd = other.or(own);
        let taken = self.taken.iter().filter(|(_, place)| crowd.is_none_or(|crowd| place.neighbourhood == crowd));
        let holders = Count::of(taken.map(|((holder, number), _)| (holder, *number)));
        // In a crowd somebody has to, however few each of them has.
        let greedy = if other.is_some() { holders.most() } else { holders.most_but(&holder) };
        greedy.map(|(greedy, oldest)| (greedy.clone(), oldest))
    }
}

/// How many places there are by some name, and the oldest of them.
struct Count<N>(BTreeMap<N, (usize, Reverse<u64>)>);

impl<N: Ord + Copy> Count<N> {
    fn of(places: impl Iterator<Item = (N, u64)>) -> Self {
        let mut counts = BTreeMap::new();
        for (name, number) in places {
            let (count, oldest) = counts.entry(name).or_insert((0, Reverse(number)));
            *count += 1;
            *oldest = Reverse(number).max(*oldest);
        }
        Self(counts)
    }

    /// Who has most, and their oldest; of several, whoever has the oldest of all.
    fn most(&self) -> Option<(N, u64)> {
        self.0.iter().max_by_key(|(_, count)| **count).map(|(name, (_, Reverse(oldest)))| (*name, *oldest))
    }

    /// The same, if the newcomer would still have fewer with one more.
    fn most_but(&self, newcomer: &N) -> Option<(N, u64)> {
        let count = |name: &N| self.0.get(name).map_or(0, |(count, _)| *count);
        self.most().filter(|(name, _)| count(name) > count(newcomer) + 1)
    }
}

impl<K: Ord, T> Places<K, T> {
    /// A place is free again, unless somebody else has it already.
    pub(super) fn leave(&mut self, key: &(K, u64)) {
        self.taken.remove(key);
    }

    pub(super) fn get_mut(&mut self, key: &(K, u64)) -> Option<&mut Place<T>> {
        self.taken.get_mut(key)
    }

    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Place<T>> {
        self.taken.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Place<T>> {
        self.taken.values_mut()
    }
}

impl<K: Ord + Clone, T> Places<K, T> {
    /// A holder's, the oldest first.
    pub(super) fn of(&self, holder: &K) -> impl Iterator<Item = (&(K, u64), &Place<T>)> {
        self.taken.range((holder.clone(), 0)..=(holder.clone(), u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who holds places for so long, and who was told to give one up.
    struct Hall {
        places: Places<u16, ()>,
        held: Vec<(u16, Arc<Mailbox>)>,
    }

    impl Hall {
        fn new(most: usize, most_of_one: usize) -> Self {
            Self { places: Places::new(most, most_of_one), held: Vec::new() }
        }

        fn come(&mut self, holder: u16, address: &str) -> Result<(), Full> {
            let (_, mailbox) = self.places.take(&holder, Some(address.parse().unwrap()), ())?;
            self.held.push((holder, mailbox));
            Ok(())
        }

        /// The holders who gave way since this was asked last, by the order in which they came.
        fn gave_way(&mut self) -> Vec<u16> {
            let (gone, held) = self.held.drain(..).partition(|(_, mailbox)| mailbox.lock().replaced);
            self.held = held;
            let gone: Vec<(u16, Arc<Mailbox>)> = gone;
            gone.into_iter().map(|(holder, _)| holder).collect()
        }
    }

    #[test]
    fn a_holder_gives_up_the_oldest_for_one_too_many() {
        let mut hall = Hall::new(9, 3);
        for _ in 0..4 {
            hall.come(1, "192.0.2.1").unwrap();
        }
        assert!(hall.held[0].1.lock().replaced);
        assert_eq!((hall.gave_way(), hall.places.len()), (vec![1], 3));
    }

    #[test]
    fn many_accounts_at_one_address_do_not_keep_anybody_else_out() {
        let mut hall = Hall::new(6, 3);
        for holder in 0..6 {
            hall.come(holder, "192.0.2.1").unwrap();
        }
        hall.come(100, "198.51.100.1").unwrap();
        hall.come(101, "198.51.100.1").unwrap();
        assert_eq!(hall.gave_way(), [0, 1], "the oldest there");
        hall.come(102, "198.51.100.1").unwrap();
        assert_eq!(hall.gave_way(), [2]);
        assert_eq!(hall.come(103, "198.51.100.1"), Err(Full), "three and three are fair");
        assert_eq!(hall.come(7, "192.0.2.1"), Err(Full));
    }

    #[test]
    fn who_has_most_at_the_busiest_address_gives_way_first() {
        let mut hall = Hall::new(6, 3);
        hall.come(1, "192.0.2.1").unwrap();
        for holder in [2, 3, 2, 2, 3] {
            hall.come(holder, "192.0.2.1").unwrap();
        }
        hall.come(9, "198.51.100.1").unwrap();
        assert!(hall.held[1].1.lock().replaced, "the oldest of two's");
        assert_eq!(hall.gave_way(), [2]);
    }

    #[test]
    fn who_has_several_elsewhere_does_not_give_way_for_a_crowd() {
        let mut hall = Hall::new(6, 3);
        hall.come(9, "198.51.100.1").unwrap();
        hall.come(9, "198.51.100.1").unwrap();
        for holder in 1..5 {
            hall.come(holder, "192.0.2.1").unwrap();
        }
        hall.come(5, "203.0.113.1").unwrap();
        assert_eq!(hall.gave_way(), [1]);
    }

    #[test]
    fn who_has_fewer_gets_a_place_of_who_has_most_where_all_come_from_one_address() {
        let mut hall = Hall::new(6, 3);
        for holder in [1, 1, 1, 2, 2, 2] {
            hall.come(holder, "192.0.2.1").unwrap();
        }
        hall.come(3, "192.0.2.1").unwrap();
        hall.come(3, "192.0.2.1").unwrap();
        assert_eq!(hall.gave_way(), [1, 2]);
        assert_eq!(hall.come(3, "192.0.2.1"), Err(Full), "each has two");
        hall.places.leave(&(3, 7));
        hall.come(4, "192.0.2.1").unwrap();
        assert!(hall.gave_way().is_empty());
    }

    #[test]
    fn a_newcomer_of_the_greatest_crowd_takes_no_place_of_anybody_elsewhere() {
        let mut hall = Hall::new(6, 3);
        hall.come(9, "198.51.100.1").unwrap();
        hall.come(9, "198.51.100.1").unwrap();
        for holder in 1..5 {
            hall.come(holder, "192.0.2.1").unwrap();
        }
        assert_eq!(hall.come(5, "192.0.2.1"), Err(Full));
        assert!(hall.gave_way().is_empty());
    }

    #[test]
    fn the_addresses_of_one_network_are_one_neighbourhood() {
        let of = |text: &str| Neighbourhood::of(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
