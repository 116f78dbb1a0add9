//! Goes through every state, depth first, with all threads. What has been seen is kept as fingerprints of 64 bits, so a
//! state costs about ten bytes; that any two of a thousand million states share one has a chance of 3 %, and that it
//! hides the only way to a mistake has far less.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::kept::hash_of;

/// What is gone through.
pub(crate) trait Space: Sync {
    type State: Clone + Hash + Send;
    type Step: Copy + Send + Sync;

    fn beginnings(&self) -> Vec<Self::State>;

    /// Every step from a state, and where it leads.
    fn after(&self, state: &Self::State) -> Vec<(Self::Step, Self::State)>;

    /// What is remarkable about a state.
    fn marks(&self, state: &Self::State) -> Marks;
}

/// Something that is true of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// It must not be.
    pub(crate) wrong: bool,
    pub(crate) confirmed: bool,
    pub(crate) lapsed: bool,
}

/// What was found.
pub(crate) struct Searched<S: Space> {
    pub(crate) states: usize,
    /// The first state that must not be, and the way to it.
    pub(crate) wrong: Option<(S::State, Vec<S::Step>)>,
    pub(crate) confirmed: bool,
    pub(crate) lapsed: bool,
}

/// The way to a state, last step first.
struct Way<T> {
    step: T,
    before: Option<Arc<Self>>,
}

type Work<S> = (<S as Space>::State, Option<Arc<Way<<S as Space>::Step>>>);

/// How much work a thread has before it gives some away.
const PLENTY: usize = 32;

struct Search<'a, S: Space> {
    space: &'a S,
    seen: Seen,
    /// What no thread has yet.
    shared: Mutex<Vec<Work<S>>>,
    /// Threads that have nothing to do.
    idle: AtomicUsize,
    threads: usize,
    confirmed: AtomicBool,
    lapsed: AtomicBool,
    over: AtomicBool,
    wrong: Mutex<Option<Work<S>>>,
}

/// Goes through all of it, or until something is wrong.
pub(crate) fn search<S: Space>(space: &S) -> Searched<S> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let search = Search {
        space,
        seen: Seen::new(),
        shared: Mutex::default(),
        idle: AtomicUsize::new(0),
        threads,
        confirmed: AtomicBool::new(false),
        lapsed: AtomicBool::new(false),
        over: AtomicBool::new(false),
        wrong: Mutex::default(),
    };
    let first = space.beginnings().into_iter().filter(|state| search.seen.insert(hash_of(state)));
    locked(&search.shared).extend(first.map(|state| (state, None)));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| search.run());
        }
    });
    let wrong = locked(&search.wrong).take().map(|(state, way)| (state, steps_of(way)));
    Searched {
        states: search.seen.len(),
        wrong,
        confirmed: search.confirmed.into_inner(),
        lapsed: search.lapsed.into_inner(),
    }
}

fn steps_of<T: Copy>(mut way: Option<Arc<Way<T>>>) -> Vec<T> {
    let mut steps = Vec::new();
    while let Some(here) = way.take() {
        steps.push(here.step);
        way.clone_from(&here.before);
    }
    steps.reverse();
    steps
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Space> Search<'_, S> {
    fn run(&self) {
        let mut mine: Vec<Work<S>> = Vec::new();
        while let Some((state, way)) = mine.pop().or_else(|| self.wait()) {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            self.note(&state, way.as_ref());
            for (step, next) in self.space.after(&state) {
                if self.seen.insert(hash_of(&next)) {
                    mine.push((next, Some(Arc::new(Way { step, before: way.clone() }))));
                }
            }
            if mine.len() > PLENTY && self.idle.load(Ordering::Relaxed) > 0 {
                // The oldest have most before them.
                locked(&self.shared).extend(mine.drain(..PLENTY / 2));
            }
        }
    }

    /// Work of others; nothing once nobody has any.
    fn wait(&self) -> Option<Work<S>> {
        self.idle.fetch_add(1, Ordering::SeqCst);
        loop {
            let mut shared = locked(&self.shared);
            if let Some(work) = shared.pop() {
                // Still under the lock, so that whoever sees all idle sees nothing left.
                self.idle.fetch_sub(1, Ordering::SeqCst);
                return Some(work);
            }
            if self.idle.load(Ordering::SeqCst) == self.threads || self.over.load(Ordering::Relaxed) {
                // An idle thread gives nothing away, and one that has just gone idle had nothing left.
                self.over.store(true, Ordering::Relaxed);
                return None;
            }
            drop(shared);
            std::thread::yield_now();
        }
    }

    fn note(&self, state: &S::State, way: Option<&Arc<Way<S::Step>>>) {
        let marks = self.space.marks(state);
        if marks.wrong {
            *locked(&self.wrong) = Some((state.clone(), way.cloned()));
            self.over.store(true, Ordering::Relaxed);
        }
        if marks.confirmed {
            self.confirmed.store(true, Ordering::Relaxed);
        }
        if marks.lapsed {
            self.lapsed.store(true, Ordering::Relaxed);
        }
    }
}

/// How many parts the fingerprints are kept in, so that threads seldom wait for one another.
const PARTS: usize = 256;

/// Fingerprints, in flat tables that grow by half.
struct Seen(Vec<Mutex<Table>>);

#[derive(Default)]
struct Table {
    /// 0 where there is none.
    slots: Vec<u64>,
    used: usize,
}

impl Seen {
    fn new() -> Self {
        Self((0..PARTS).map(|_| Mutex::default()).collect())
    }

    /// Answers whether it is new.
    fn insert(&self, print: u64) -> bool {
        let part = usize::try_from(print % PARTS as u64).expect("small");
        locked(&self.0[part]).insert(print.max(1))
    }

    fn len(&self) -> usize {
        self.0.iter().map(|part| locked(part).used).sum()
    }
}

impl Table {
    fn insert(&mut self, print: u64) -> bool {
        if self.used * 8 >= self.slots.len() * 7 {
            self.grow();
        }
        let new = Self::put(&mut self.slots, print);
        self.used += usize::from(new);
        new
    }

    fn put(slots: &mut [u64], print: u64) -> bool {
        // In proportion, so that any length will do; the lowest bits have chosen the part.
        let wide = (u128::from(print) * slots.len() as u128) >> 64;
        let mut at = usize::try_from(wide).expect("an index");
        loop {
            match slots[at] {
                0 => {
                    slots[at] = print;
                    return true;
                }
                there if there == print => return false,
                _ => at = if at + 1 == slots.len() { 0 } else { at + 1 },
            }
        }
    }

    fn grow(&mut self) {
        let mut slots = vec![0; (self.slots.len() / 2 * 3).max(64)];
        for print in self.slots.iter().filter(|print| **print != 0) {
            Self::put(&mut slots, *print);
        }
        self.slots = slots;
    }
}
