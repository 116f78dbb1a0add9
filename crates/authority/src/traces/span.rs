//! A trace, the request that it is of, and the steps of that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use axum::http::{Method, StatusCode, Version};

use super::Tracer;
use super::context::Parent;
use super::queue::State;

/// How many steps of one request are kept: far more than any handler takes, and a bound for those that go on and on.
const MOST_STEPS: u32 = 64;

/// A point in time, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Since the Unix epoch.
    pub(super) wall: Duration,
    /// Since the machine started.
    pub(super) boot: Duration,
}

/// A request that is traced.
pub(crate) struct Trace {
    tracer: Arc<Tracer>,
    id: [u8; 16],
    root: [u8; 8],
    parent: Option<[u8; 8]>,
    state: Option<Arc<State>>,
    began: Moment,
    steps: AtomicU32,
}

impl Trace {
    /// One that a caller named, or a new one. `ids` are 24 random bytes.
    pub(super) fn begin(tracer: Arc<Tracer>, parent: Option<Parent>, ids: &[u8], began: Moment) -> Arc<Self> {
        let (own, root) = ids.split_at(16.min(ids.len()));
        let id = parent.as_ref().map_or_else(|| not_zero(own), |parent| parent.trace);
        let (span, state) = parent.map_or((None, None), |parent| (Some(parent.span), parent.state));
        let state = state.and_then(|text| tracer.queue.keep(text));
        Arc::new(Self { tracer, id, root: not_zero(root), parent: span, state, began, steps: AtomicU32::new(0) })
    }

    /// Begins a step, unless there were too many.
    pub(super) fn step(self: &Arc<Self>, step: Step) -> Option<Span> {
        if self.steps.fetch_add(1, Relaxed) >= MOST_STEPS {
            // It must not come around.
            self.steps.store(MOST_STEPS, Relaxed);
            self.tracer.queue.drop_one();
            return None;
        }
        let began = self.tracer.clock.boottime();
        Some(Span(Box::new(Open { trace: Arc::clone(self), step, began, failed: false })))
    }

    /// The wall's time at a point of the clock that never steps: within a trace, times fit together.
    fn wall(&self, boot: Duration) -> Duration {
        self.began.wall + boot.saturating_sub(self.began.boot)
    }

    fn finished(&self, span: [u8; 8], began: Duration, what: What) {
        let ended = self.wall(self.tracer.clock.boottime());
        let is_root = span == self.root;
        self.tracer.queue.put(Finished {
            trace: self.id,
            span,
            parent: if is_root { self.parent } else { Some(self.root) },
            is_remote: is_root && self.parent.is_some(),
            state: self.state.clone(),
            began: self.wall(began),
            ended,
            what,
        });
    }
}

/// Ids of zeros alone are none (Trace Context §3.2.2.3).
fn not_zero<const N: usize>(random: &[u8]) -> [u8; N] {
    let mut id = [0; N];
    for (byte, random) in id.iter_mut().zip(random) {
        *byte = *random;
    }
    if id == [0; N] {
        id[N - 1] = 1;
    }
    id
}

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: &'static str,
    /// The template of the path; nothing if it is not routed. What was asked for is never repeated.
    pub(super) route: Option<Box<str>>,
    pub(super) version: &'static str,
    /// The status of the answer; none if whoever asked went away.
    pub(super) status: Option<StatusCode>,
    /// The entry of the log that it wrote.
    pub(super) position: Option<u64>,
}

impl Asked {
    pub(super) fn new(method: &Method, route: Option<&str>, version: Version) -> Self {
        let version = match version {
            Version::HTTP_2 => "2",
            Version::HTTP_10 => "1.0",
            _ => "1.1",
        };
        Self {
            method: known_method(method).unwrap_or("_OTHER"),
            route: route.map(Into::into),
            version,
            status: None,
            position: None,
        }
    }
}

/// A method by its name, unless the API does not use it: those have one name together, which is not the client's to choose.
pub(crate) fn known_method(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => return None,
    })
}

/// The span of a whole request. It ends when dropped.
pub(crate) struct Root {
    trace: Arc<Trace>,
    asked: Option<Asked>,
}

impl Root {
    pub(super) fn new(trace: Arc<Trace>, asked: Asked) -> Self {
        Self { trace, asked: Some(asked) }
    }

    /// What the steps of the request belong to.
    pub(crate) fn trace(&self) -> Arc<Trace> {
        Arc::clone(&self.trace)
    }

    /// The id of the trace, as logs and other systems write it.
    pub(crate) fn id(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.trace.id)
    }

    /// The request was answered, and wrote this entry of the log, if any.
    pub(crate) fn answered(&mut self, status: StatusCode, position: Option<u64>) {
        if let Some(asked) = &mut self.asked {
            (asked.status, asked.position) = (Some(status), position);
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.trace.finished(self.trace.root, self.trace.began.boot, What::Request(asked));
        }
    }
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The head of the log being read.
    Position,
    /// A read of the store.
    Read(&'static str),
    /// A transaction that ends nothing.
    Transact(&'static str),
    /// A transaction that may end things.
    End(&'static str),
    /// A password waiting for a thread that hashes.
    HashQueue,
    /// A password being hashed.
    Hash,
    /// An entry of the log on its way to the verifiers: read, handed to the feed, applied by the verifier in this process.
    Append(u64),
    /// All verifiers being waited for, for an entry of the log.
    Enforcement(u64),
}

/// A step that goes on. It ends when dropped.
pub(crate) struct Span(Box<Open>);

struct Open {
    trace: Arc<Trace>,
    step: Step,
    began: Duration,
    failed: bool,
}

impl Span {
    /// It came to nothing.
    pub(crate) fn fail(&mut self) {
        self.0.failed = true;
    }

    /// Ends it, and begins the next one.
    pub(crate) fn then(self, step: Step) -> Option<Self> {
        let trace = Arc::clone(&self.0.trace);
        drop(self);
        trace.step(step)
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Open { trace, step, began, failed } = &*self.0;
        let id = not_zero(&trace.tracer.entropy.bytes::<8>());
        trace.finished(id, *began, What::Step(*step, *failed));
    }
}

/// A span that ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    /// Whether the parent is in another process.
    pub(super) is_remote: bool,
    pub(super) state: Option<Arc<State>>,
    /// Since the Unix epoch.
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) what: What,
}

/// What a span is of.
#[derive(Debug)]
pub(super) enum What {
    Request(Asked),
    /// A step, and whether it failed.
    Step(Step, bool),
}
