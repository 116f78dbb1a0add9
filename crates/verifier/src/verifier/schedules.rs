//! Every order in which the steps of two checks, of the writer and of the clock can follow each other, over a real
//! generation (R8). The steps of a check are those of `verify_by`, which cannot be stopped between all of them;
//! `crates/verifier/tests/verifier/lease.rs` stops it where it reads a clock.

use std::time::Duration;

use rescind_wire::{Epoch, Epochs, Position, Scope, SessionId, Thing, UserId};

use crate::generation::{Deadline, Generation};
use crate::keys::PinnedKeys;

const USER: UserId = UserId::from_bytes([1; 16]);
const SESSION: SessionId = SessionId::from_bytes([2; 16]);
const LEASE: Duration = Duration::from_secs(5);

/// A step of a check.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Check {
    Deadline,
    Position,
    Judge,
    Clock,
}

/// A step of the writer, once the session's entry came.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Write {
    Entry,
    Position,
    /// From now on the revocation may count as enforced.
    Acknowledge,
    Extend,
}

const CHECK: [Check; 4] = [Check::Deadline, Check::Position, Check::Judge, Check::Clock];
const WRITE: [Write; 4] = [Write::Entry, Write::Position, Write::Acknowledge, Write::Extend];

/// Who does the next step: the reader, the writer, or time.
const ACTORS: usize = 3;

/// Two checks, one after the other, while the writer works and the first lease ends.
struct Run {
    generation: Generation,
    clock: Duration,
    written: Duration,
    /// The first lease's end.
    ends: Duration,
    acknowledged: bool,
    /// The position that the token was last checked against.
    checked: Option<u64>,
    check: Partial,
    /// What was accepted and must not have been.
    wrong: bool,
}

/// A check under way.
#[derive(Default)]
struct Partial {
    /// Whether the revocation was acknowledged before it began.
    late: bool,
    deadline: Option<Deadline>,
    number: u64,
    alive: bool,
    clock: Duration,
}

impl Run {
    fn new() -> Self {
        let epochs = Epochs::first(Epoch::from_bytes([1; 10]));
        let generation = Generation::new(1, epochs, PinnedKeys::new(&[]).expect("no keys"), 0, 300);
        let clock = Duration::from_secs(1);
        generation.extend(clock + LEASE, clock);
        Self {
            generation,
            clock,
            written: clock,
            ends: clock + LEASE,
            acknowledged: false,
            checked: None,
            check: Partial::default(),
            wrong: false,
        }
    }

    fn check(&mut self, step: Check, begins: bool, ends: bool) {
        if begins {
            self.check = Partial { late: self.acknowledged, ..Partial::default() };
        }
        let generation = &self.generation;
        match step {
            Check::Deadline => self.check.deadline = Some(generation.deadline()),
            Check::Position => self.check.number = generation.number(),
            Check::Judge => {
                let position = Position { epoch: generation.epochs.current, number: 0 };
                let (user, session) = (Some(&USER), Some(&SESSION));
                let thing =
                    Thing { user, session, client: None, token: None, key: None, position, authorized: position };
                let number = self.check.number;
                self.check.alive = generation.judge(&thing, self.checked >= Some(number)).is_ok();
                if self.check.alive {
                    self.checked = self.checked.max(Some(number));
                }
            }
            Check::Clock => self.check.clock = self.clock,
        }
        if ends {
            let Partial { late, alive, clock, .. } = self.check;
            let deadline = self.check.deadline.expect("loaded");
            let accepted = alive && generation.check_lease(deadline, clock).is_ok();
            // By then the revocation may be enforced: it was acknowledged, or the lease is over that did not cover it.
            self.wrong |= accepted && (late || self.clock >= self.ends);
        }
    }

    fn write(&mut self, step: Write) {
        match step {
            Write::Entry => self.generation.revoke(1, 0, &Scope::Session { user: USER, session: SESSION }),
            Write::Position => self.generation.publish(1),
            Write::Acknowledge => (self.acknowledged, self.written) = (true, self.clock),
            Write::Extend => self.generation.extend(self.written + LEASE, self.clock),
        }
    }
}

/// How many schedules there are, and how many of them accept what is enforced. `checked` if the token was before.
fn schedules(check: [Check; 4], write: [Write; 4], checked: bool) -> (u32, u32) {
    let (mut all, mut wrong) = (0, 0);
    let mut left = [2 * check.len(), write.len(), 1];
    each(&mut left, &mut Vec::new(), &mut |schedule| {
        let mut run = Run::new();
        run.checked = checked.then_some(0);
        let mut done = [0; ACTORS];
        for &actor in schedule {
            let at = done[actor];
            match actor {
                0 => run.check(check[at % 4], at % 4 == 0, at % 4 == 3),
                1 => run.write(write[at]),
                _ => run.clock += LEASE,
            }
            done[actor] += 1;
        }
        all += 1;
        wrong += u32::from(run.wrong);
    });
    (all, wrong)
}

/// Calls `visit` with every order of what is left.
fn each(left: &mut [usize; ACTORS], schedule: &mut Vec<usize>, visit: &mut impl FnMut(&[usize])) {
    if left.iter().all(|left| *left == 0) {
        return visit(schedule);
    }
    for actor in 0..ACTORS {
        if left[actor] > 0 {
            left[actor] -= 1;
            schedule.push(actor);
            each(left, schedule, visit);
            schedule.pop();
            left[actor] += 1;
        }
    }
}

/// 13 steps of which 8 are the reader's, 4 the writer's and 1 is time's.
const ALL: u32 = 6435;

#[test]
fn g5_no_schedule_of_checks_and_writer_accepts_what_is_enforced() {
    for checked in [false, true] {
        assert_eq!(schedules(CHECK, WRITE, checked), (ALL, 0));
    }
}

fn is_caught(check: [Check; 4], write: [Write; 4]) {
    let wrong = [false, true].map(|checked| schedules(check, write, checked).1);
    assert!(wrong.iter().any(|wrong| *wrong > 0), "{check:?} {write:?}");
}

#[test]
fn g5_a_deadline_that_is_loaded_after_the_revocation_check_is_caught() {
    is_caught([Check::Position, Check::Judge, Check::Deadline, Check::Clock], WRITE);
}

#[test]
fn g5_a_clock_that_is_read_before_the_revocation_check_is_caught() {
    is_caught([Check::Deadline, Check::Clock, Check::Position, Check::Judge], WRITE);
}

#[test]
fn g5_a_position_that_is_loaded_after_the_look_ups_is_caught() {
    is_caught([Check::Deadline, Check::Judge, Check::Position, Check::Clock], WRITE);
}

#[test]
fn g5_a_position_that_is_published_before_its_entries_is_caught() {
    is_caught(CHECK, [Write::Position, Write::Entry, Write::Acknowledge, Write::Extend]);
}

#[test]
fn g5_an_acknowledgement_before_its_entries_are_in_the_table_is_caught() {
    is_caught(CHECK, [Write::Acknowledge, Write::Entry, Write::Position, Write::Extend]);
}
