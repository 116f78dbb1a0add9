//! Enumerates schedules: which verb makes its next call of a port. A step is one such call, done to its end.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// Where a verb is parked: before a call of a port.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    always: AtomicBool,
    only: Option<&'static [&'static str]>,
    open: AtomicBool,
    parked: AtomicBool,
    step: Mutex<Option<&'static str>>,
}

impl Gate {
    /// A gate for what is not scheduled.
    pub(crate) fn always_open() -> Self {
        let gate = Self::default();
        gate.0.always.store(true, Ordering::SeqCst);
        gate
    }

    /// A gate at which only these calls wait: for scenes whose other calls another test races.
    pub(crate) fn only(calls: &'static [&'static str]) -> Self {
        Self(Arc::new(Inner { only: Some(calls), ..Inner::default() }))
    }

    /// Resolves when the scheduler lets the verb make this call.
    pub(crate) fn pass(&self, step: &'static str) -> Pass {
        Pass { gate: self.clone(), step }
    }
}

/// Waiting at a gate.
pub(crate) struct Pass {
    gate: Gate,
    step: &'static str,
}

impl Future for Pass {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let inner = &self.gate.0;
        if inner.always.load(Ordering::SeqCst) || inner.only.is_some_and(|calls| !calls.contains(&self.step)) {
            return Poll::Ready(());
        }
        if inner.open.swap(false, Ordering::SeqCst) {
            *inner.step.lock().unwrap() = Some(self.step);
            return Poll::Ready(());
        }
        inner.parked.store(true, Ordering::SeqCst);
        Poll::Pending
    }
}

/// A verb to be scheduled.
pub(crate) struct Actor<'a> {
    name: &'static str,
    gate: Gate,
    verb: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
}

impl<'a> Actor<'a> {
    /// A verb that makes its calls through `gate`.
    pub(crate) fn new(name: &'static str, gate: Gate, verb: impl Future<Output = ()> + 'a) -> Self {
        Self { name, gate, verb: Some(Box::pin(verb)) }
    }

    /// Runs until the verb is parked or done.
    fn run(&mut self) {
        let Some(verb) = &mut self.verb else { return };
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            self.gate.0.parked.store(false, Ordering::SeqCst);
            if verb.as_mut().poll(&mut context).is_ready() {
                self.verb = None;
                return;
            }
            if self.gate.0.parked.load(Ordering::SeqCst) {
                return;
            }
            // It waits for the store's threads, which wake it.
            std::thread::park();
        }
    }
}

/// Wakes a thread that waits for the store's.
pub(crate) struct Unpark(pub(crate) Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// One step of a schedule, as it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Whose.
    pub(crate) actor: &'static str,
    /// Which call.
    pub(crate) call: &'static str,
}

/// The steps taken, in order.
pub(crate) type Trace = Rc<RefCell<Vec<Step>>>;

/// Takes the actors through one schedule: at each point where more than one could go on, `choices` says which, and what
/// it does not say is the first. Answers how many could have gone on at each point.
fn follow(mut actors: Vec<Actor<'_>>, choices: &[usize], trace: &Trace) -> Vec<usize> {
    for actor in &mut actors {
        actor.run();
    }
    let mut widths = Vec::new();
    loop {
        let ready: Vec<usize> = (0..actors.len()).filter(|at| actors[*at].verb.is_some()).collect();
        if ready.is_empty() {
            return widths;
        }
        let choice = choices.get(widths.len()).copied().unwrap_or(0);
        widths.push(ready.len());
        let actor = &mut actors[ready[choice]];
        actor.gate.0.open.store(true, Ordering::SeqCst);
        actor.run();
        let call = actor.gate.0.step.lock().unwrap().take().unwrap_or("end");
        trace.borrow_mut().push(Step { actor: actor.name, call });
    }
}

/// Runs `scene` once for every schedule that is possible, and answers how many there were. The scene makes its actors
/// anew each time; what it returns beside them checks the outcome.
pub(crate) fn every_schedule<S, C>(mut scene: S) -> usize
where
    S: FnMut() -> (Vec<Actor<'static>>, C),
    C: FnOnce(&[Step]),
{
    let (mut choices, mut count): (Vec<usize>, usize) = (Vec::new(), 0);
    loop {
        let (actors, check) = scene();
        let trace = Trace::default();
        let widths = follow(actors, &choices, &trace);
        check(&trace.borrow());
        count += 1;
        // The next schedule: the last point at which another could have gone on, and did not yet.
        choices.resize(widths.len(), 0);
        loop {
            match choices.pop() {
                None => return count,
                Some(choice) if choice + 1 < widths[choices.len()] => {
                    choices.push(choice + 1);
                    break;
                }
                Some(_) => {}
            }
        }
    }
}

/// The number of ways in which verbs of these many steps can interleave.
pub(crate) fn interleavings(steps: &[u64]) -> u64 {
    let mut ways: u64 = 1;
    let mut total = 0;
    for count in steps {
        for k in 1..=*count {
            total += 1;
            ways = ways * total / k;
        }
    }
    ways
}

#[test]
fn the_scheduler_takes_every_order_exactly_once() {
    let seen: Rc<RefCell<std::collections::BTreeSet<String>>> = Rc::default();
    let count = every_schedule(|| {
        let actor = |name, steps: usize| {
            let gate = Gate::default();
            let passing = gate.clone();
            Actor::new(name, gate, async move {
                for _ in 0..steps {
                    passing.pass("step").await;
                }
            })
        };
        let seen = Rc::clone(&seen);
        (vec![actor("a", 2), actor("b", 2), actor("c", 1)], move |trace: &[Step]| {
            let word: String = trace.iter().map(|step| step.actor).collect();
            assert!(seen.borrow_mut().insert(word), "an order came twice");
        })
    });
    assert_eq!(count as u64, interleavings(&[2, 2, 1]));
    assert_eq!(seen.borrow().len(), 30);
}
