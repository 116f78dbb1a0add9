use std::cell::RefCell;
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
    assert_eq!(records.get(&spy), Some(()));
    assert_eq!(seen.take(), [1]);
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
    Find,
    Floor,
}

/// A step of the writer: an entry comes, and is forgotten.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Write {
    Raise,
    Insert,
    Publish,
    RaiseFloor,
    Remove,
    Lower,
}

const CHECK: [Check; 4] = [Check::Position, Check::Count, Check::Find, Check::Floor];
const WRITE: [Write; 6] = [Write::Raise, Write::Insert, Write::Publish, Write::RaiseFloor, Write::Remove, Write::Lower];

/// One check of a thing of position 0, while entry 1 ends it and is forgotten.
#[derive(Default)]
struct Run {
    records: Records<u8, u64>,
    position: AtomicU64,
    floor: AtomicU64,
    loaded: u64,
    empty: bool,
    found: bool,
    below: bool,
}

impl Run {
    fn check(&mut self, step: Check) {
        match step {
            Check::Position => self.loaded = self.position.load(Ordering::Acquire),
            Check::Count => self.empty = self.records.is_empty(),
            Check::Find => self.found = !self.empty && self.records.find(&7).is_some(),
            Check::Floor => self.below = self.floor.load(Ordering::Acquire) > 0,
        }
    }

    fn write(&self, step: Write) {
        match step {
            Write::Raise => self.records.raise(),
            Write::Insert => assert!(self.records.insert(7, 1)),
            Write::Publish => self.position.store(1, Ordering::Release),
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

/// How many orders there are, and how many of them end wrong.
fn schedules(check: [Check; 4], write: [Write; 6]) -> (u32, u32) {
    let (mut all, mut wrong) = (0, 0);
    for order in 0_u32..1 << (check.len() + write.len()) {
        if order.count_ones() as usize != check.len() {
            continue;
        }
        let (mut run, mut checks, mut writes) = (Run::default(), check.iter(), write.iter());
        for turn in 0..check.len() + write.len() {
            if order >> turn & 1 == 1 {
                checks.next().into_iter().for_each(|step| run.check(*step));
            } else {
                writes.next().into_iter().for_each(|step| run.write(*step));
            }
        }
        all += 1;
        wrong += u32::from(run.is_wrong());
    }
    (all, wrong)
}

#[test]
fn r10_no_schedule_of_a_check_and_the_writer_misses_a_record_for_its_count() {
    assert_eq!(schedules(CHECK, WRITE), (210, 0));
}

#[test]
fn a_count_that_is_raised_after_the_position_is_published_is_caught() {
    let [raise, insert, publish, rest @ ..] = WRITE;
    let [raise_floor, remove, lower] = rest;
    assert!(schedules(CHECK, [insert, publish, raise, raise_floor, remove, lower]).1 > 0);
}

#[test]
fn r10_a_count_that_is_lowered_before_the_floor_is_raised_is_caught() {
    let [raise, insert, publish, raise_floor, remove, lower] = WRITE;
    assert!(schedules(CHECK, [raise, insert, publish, lower, raise_floor, remove]).1 > 0);
}

#[test]
fn a_count_that_is_read_before_the_position_is_caught() {
    assert!(schedules([Check::Count, Check::Position, Check::Find, Check::Floor], WRITE).1 > 0);
}

#[test]
fn r10_a_floor_that_is_loaded_before_the_count_is_caught() {
    assert!(schedules([Check::Position, Check::Floor, Check::Count, Check::Find], WRITE).1 > 0);
}
