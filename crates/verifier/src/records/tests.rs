use std::cell::{Cell, RefCell};
use std::hash::Hasher;
use std::rc::{Rc, Weak};
use std::sync::atomic::AtomicU64;

use super::*;

#[test]
fn what_was_put_is_found_until_it_is_forgotten_and_counted_once() {
    let records = Records::default();
    assert_eq!((records.get(&1), records.len()), (None, 0));
    records.put(1, 'a');
    records.put(1, 'b');
    records.put(2, 'c');
    assert_eq!((records.get(&1), records.get(&2), records.get(&3), records.len()), (Some('b'), Some('c'), None, 2));
    records.forget_if(&1, |value| *value == 'a');
    assert_eq!((records.get(&1), records.len()), (Some('b'), 2));
    for _ in 0..2 {
        records.forget_if(&1, |value| *value == 'b');
        assert_eq!((records.get(&1), records.get(&2), records.len()), (None, Some('c'), 1));
    }
    records.forget_if(&2, |_| true);
    assert_eq!((records.get(&2), records.len()), (None, 0));
    records.put(2, 'd');
    assert_eq!((records.all(), records.len()), (vec![(2, 'd')], 1));
}

/// Writes down the count of its records whenever it is looked for.
#[derive(Clone)]
struct Spy(Weak<Records<Self, ()>>, Rc<RefCell<Vec<usize>>>);

impl Hash for Spy {
    fn hash<H: Hasher>(&self, _: &mut H) {
        self.1.borrow_mut().extend(self.0.upgrade().map(|records| records.len()));
    }
}

impl PartialEq for Spy {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Spy {}

#[test]
fn the_count_is_raised_before_a_record_goes_in_and_lowered_after_it_is_gone_and_nothing_is_looked_for_at_0() {
    let records = Rc::new(Records::default());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let spy = Spy(Rc::downgrade(&records), Rc::clone(&seen));
    assert_eq!(records.get(&spy), None);
    assert_eq!(seen.take(), [0; 0]);
    records.put(spy.clone(), ());
    assert!(!seen.borrow().is_empty() && seen.take().iter().all(|count| *count == 1));
    // By the filter, and by the map.
    assert_eq!(records.get(&spy), Some(()));
    assert_eq!(seen.take(), [1, 1]);
    records.forget_if(&spy, |()| true);
    assert!(!seen.borrow().is_empty() && seen.take().iter().all(|count| *count == 1));
    assert_eq!(records.get(&spy), None);
    assert_eq!(seen.take(), [0; 0]);
}

/// A step of a check: those of `verify_by` and of the one rule, in their order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Check {
    Position,
    Count,
    State,
    Bits,
    Again,
    Find,
    Floor,
}

/// A step of the writer: an entry comes, the filter is made anew, and the entry is forgotten.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Write {
    Raise,
    Mark,
    Insert,
    Publish,
    Begin,
    Clear,
    Refill,
    End,
    RaiseFloor,
    Remove,
    Lower,
}

use Check as C;
use Write as W;

const CHECK: [Check; 7] = [C::Position, C::Count, C::State, C::Bits, C::Again, C::Find, C::Floor];
const COMES: [Write; 4] = [W::Raise, W::Mark, W::Insert, W::Publish];
const ANEW: [Write; 4] = [W::Begin, W::Clear, W::Refill, W::End];
const GOES: [Write; 3] = [W::RaiseFloor, W::Remove, W::Lower];

/// One check of a thing of position 0, while entry 1 ends it and is forgotten.
#[expect(clippy::struct_excessive_bools, reason = "what each of its steps saw")]
#[derive(Default)]
struct Run {
    records: Records<u8, u64>,
    position: AtomicU64,
    floor: AtomicU64,
    loaded: u64,
    empty: bool,
    state: u64,
    unmarked: bool,
    still: bool,
    found: bool,
    below: bool,
}

impl Run {
    fn new() -> Self {
        let run = Self::default();
        run.records.filter.begin(1);
        run.records.filter.clear();
        run.records.filter.end();
        run
    }

    fn check(&mut self, step: Check) {
        let filter = &self.records.filter;
        match step {
            Check::Position => self.loaded = self.position.load(Ordering::Acquire),
            Check::Count => self.empty = self.records.is_empty(),
            Check::State => self.state = filter.state(),
            Check::Bits => self.unmarked = filter.is_unmarked(self.state, filter.hash(&7_u8)),
            Check::Again => self.still = filter.is_still(self.state),
            Check::Find => {
                let lacks = self.empty || self.unmarked && self.still;
                self.found = !lacks && self.records.find(&7).is_some();
            }
            Check::Floor => self.below = self.floor.load(Ordering::Acquire) > 0,
        }
    }

    fn write(&self, step: Write) {
        let filter = &self.records.filter;
        match step {
            Write::Raise => self.records.raise(),
            Write::Mark => filter.mark(filter.hash(&7_u8)),
            Write::Insert => assert!(self.records.insert(7, 1)),
            Write::Publish => self.position.store(1, Ordering::Release),
            Write::Begin => filter.begin(1),
            Write::Clear => filter.clear(),
            Write::Refill => self.records.mark_all(),
            Write::End => filter.end(),
            Write::RaiseFloor => self.floor.store(1, Ordering::Release),
            Write::Remove => assert!(self.records.remove_if(&7, |number| *number <= 1)),
            Write::Lower => self.records.lower(),
        }
    }

    /// It was looked at as of entry 1, and nothing was noticed.
    const fn is_wrong(&self) -> bool {
        self.loaded == 1 && !self.found && !self.below
    }
}

/// Whether each order of the two ends wrong.
fn orders(check: &[Check], write: &[Write]) -> impl Iterator<Item = bool> {
    let steps = check.len() + write.len();
    let orders = (0_u32..1 << steps).filter(|order| order.count_ones() as usize == check.len());
    orders.map(move |order| {
        let (mut run, mut checks, mut writes) = (Run::new(), check.iter(), write.iter());
        for turn in 0..steps {
            if order >> turn & 1 == 1 {
                checks.next().into_iter().for_each(|step| run.check(*step));
            } else {
                writes.next().into_iter().for_each(|step| run.write(*step));
            }
        }
        run.is_wrong()
    })
}

/// All that the writer does, with the filter made anew while the entry is there.
fn meanwhile() -> Vec<Write> {
    [&COMES[..], &ANEW, &GOES].concat()
}

/// The same, once the entry is forgotten.
fn afterwards() -> Vec<Write> {
    let [raise_floor, remove, lower] = GOES;
    [&COMES[..], &[raise_floor, remove], &ANEW, &[lower]].concat()
}

#[test]
fn r10_no_schedule_of_a_check_and_the_writer_misses_a_record_for_its_count_or_its_mark() {
    for write in [meanwhile(), afterwards()] {
        let (mut all, mut wrong) = (0, 0);
        orders(&CHECK, &write).for_each(|is_wrong| (all, wrong) = (all + 1, wrong + u32::from(is_wrong)));
        assert_eq!((all, wrong), (31_824, 0), "{write:?}");
    }
}

fn is_caught(check: &[Check], write: &[Write]) {
    assert!(orders(check, write).any(|is_wrong| is_wrong), "{check:?} {write:?}");
}

#[test]
fn a_count_that_is_raised_after_the_position_is_published_is_caught() {
    is_caught(&CHECK, &[&[W::Mark, W::Insert, W::Publish, W::Raise][..], &GOES].concat());
}

#[test]
fn a_mark_that_is_made_after_the_position_is_published_is_caught() {
    is_caught(&CHECK, &[&[W::Raise, W::Insert, W::Publish, W::Mark][..], &GOES].concat());
}

#[test]
fn r10_a_count_that_is_lowered_before_the_floor_is_raised_is_caught() {
    is_caught(&CHECK, &[&COMES[..], &[W::Lower, W::RaiseFloor, W::Remove]].concat());
}

#[test]
fn r10_a_filter_that_is_made_without_a_record_before_the_floor_is_raised_is_caught() {
    is_caught(&CHECK, &[&COMES[..], &[W::Remove], &ANEW, &[W::RaiseFloor, W::Lower]].concat());
    is_caught(&CHECK, &[&COMES[..], &[W::Begin, W::Clear, W::End, W::Refill], &GOES].concat());
}

#[test]
fn a_filter_that_is_cleared_before_readers_can_know_is_caught() {
    is_caught(&CHECK, &[&COMES[..], &[W::Clear, W::Begin, W::Refill, W::End], &GOES].concat());
}

#[test]
fn a_count_or_mark_that_is_read_before_the_position_is_caught() {
    is_caught(&[C::Count, C::Position, C::State, C::Bits, C::Again, C::Find, C::Floor], &meanwhile());
    is_caught(&[C::State, C::Bits, C::Position, C::Count, C::Again, C::Find, C::Floor], &meanwhile());
}

#[test]
fn a_filter_whose_state_is_not_looked_at_after_its_bits_is_caught() {
    is_caught(&[C::Position, C::Count, C::State, C::Again, C::Bits, C::Find, C::Floor], &meanwhile());
}

#[test]
fn r10_a_floor_that_is_loaded_before_count_or_mark_is_caught() {
    for write in [meanwhile(), afterwards()] {
        is_caught(&[C::Position, C::Floor, C::Count, C::State, C::Bits, C::Again, C::Find], &write);
    }
    // By the mark alone: the count is not lowered here.
    let write = &afterwards()[..10];
    is_caught(&[C::Position, C::Count, C::Floor, C::State, C::Bits, C::Again, C::Find], write);
}

/// Begins to make the filter of its records anew when it is looked for, once: in the middle of the look.
struct Late(Weak<Records<Self, ()>>, Cell<bool>);

impl Hash for Late {
    fn hash<H: Hasher>(&self, _: &mut H) {
        if let Some(records) = self.0.upgrade().filter(|_| self.1.take()) {
            records.filter.begin(1);
            records.filter.clear();
        }
    }
}

impl PartialEq for Late {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Late {}

#[test]
fn nobody_relies_on_a_filter_that_is_cleared_while_it_is_asked() {
    let records = Rc::new(Records::default());
    let late = |armed| Late(Rc::downgrade(&records), Cell::new(armed));
    records.put(late(false), ());
    assert_eq!(records.get(&late(true)), Some(()));
    // Nor before it is made.
    assert_eq!(records.get(&late(false)), Some(()));
}

#[test]
fn whatever_was_put_is_found_and_most_of_what_was_not_is_not_looked_for() {
    let records = Records::default();
    for n in 0..5_000_u32 {
        records.put(n, ());
        // At every size, used up or just made.
        assert!(n % 97 != 0 || (0..=n).all(|n| records.get(&n).is_some()), "{n}");
    }
    let looked_for = (5_000..15_000_u32).filter(|n| !records.filter.lacks(n)).count();
    assert!(looked_for < 1_500, "{looked_for} of 10,000");
}

#[test]
fn what_comes_and_goes_does_not_make_the_filter_larger_and_leaves_no_mark_for_good() {
    let records = Records::default();
    for n in 0..100_000_u32 {
        records.put(n, ());
        n.checked_sub(100).iter().for_each(|old| records.forget_if(old, |()| true));
        assert!(n % 1_000 != 0 || (n.saturating_sub(99)..=n).all(|n| records.get(&n).is_some()), "{n}");
    }
    assert_eq!(records.len(), 100);
    assert!(records.filter.state() & 0xff < 2);
    let looked_for = (0..90_000_u32).filter(|n| !records.filter.lacks(n)).count();
    assert!(looked_for < 13_500, "{looked_for} of 90,000");
}

#[test]
fn r10_readers_beside_a_writer_find_every_record_that_they_must_see() {
    const LAST: u64 = 100_000;
    let (records, position, floor) = (Records::default(), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for step in [1, 7] {
            let (records, position, floor) = (&records, &position, &floor);
            scope.spawn(move || {
                let mut back = 0;
                loop {
                    let last = position.load(Ordering::Acquire);
                    back = (back + step) % 600;
                    let wanted = last.saturating_sub(back).max(1);
                    let found = last == 0 || records.get(&wanted).is_some();
                    std::sync::atomic::fence(Ordering::Acquire);
                    assert!(found || floor.load(Ordering::Acquire) >= wanted, "{wanted} of {last}");
                    if last == LAST {
                        break;
                    }
                }
            });
        }
        for n in 1..=LAST {
            records.put(n, ());
            position.store(n, Ordering::Release);
            if let Some(old) = n.checked_sub(500).filter(|old| *old > 0) {
                floor.store(old, Ordering::Release);
                std::sync::atomic::fence(Ordering::Release);
                records.forget_if(&old, |()| true);
            }
        }
    });
}
