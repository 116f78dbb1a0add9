//! Traces, as OpenTelemetry has them: a span for each request that is sampled, and one for each thing that it waited for.
//! They go to a collector by OTLP over HTTP (`export.rs`). Off unless a collector is configured; then nothing here costs a
//! request more than a look whether there is a trace.
//!
//! A span cannot hold what it should not: beside the template of a path it has only words of the program, numbers and, of a
//! caller who named a trace, that trace (`context.rs`).

mod collector;
mod context;
mod export;
mod otlp;
mod queue;
mod sampling;
mod span;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Method, Version};
use futures_util::future::Either;
use rescind_domain::entropy::Entropy;
use rescind_verifier::Clock;

pub use export::{finish, keep};
pub(crate) use queue::Counts;
pub(crate) use span::{Root, Span, Step, Trace, known_method};

use crate::config::Traces;
use collector::{BadCollector, Collector, Place};
use context::Parent;
use otlp::Resource;
use queue::Queue;
use sampling::Sampling;
use span::{Asked, Moment};

/// What operators ask for every few seconds, and nobody looks at traces of.
const PASSED_OVER: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Why there can be no traces although there should be.
#[derive(Debug, thiserror::Error)]
#[error("traces.endpoint: {0}")]
pub struct TracesError(#[from] BadCollector);

/// Whether a collector may be at this URL.
pub(crate) fn is_collector(url: &str) -> bool {
    Place::of(url).is_ok()
}

/// Makes spans, and keeps them until they are sent.
pub struct Tracer {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    sampling: Sampling,
    queue: Queue,
    exporter: std::sync::Mutex<Option<export::Exporter>>,
}

impl Tracer {
    /// One for a server of this name, if traces are wanted.
    pub(crate) fn new(
        config: &Traces,
        issuer: &str,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Option<Arc<Self>>, TracesError> {
        if config.endpoint.is_empty() {
            return Ok(None);
        }
        let collector = Collector::new(&config.endpoint)?;
        let resource = Resource::new(&config.service, issuer, entropy.bytes());
        let (queue, spans) = Queue::new();
        let exporter = export::Exporter::new(collector, resource, spans, Arc::clone(&clock));
        let sampling = Sampling::new(config.ratio, config.callers);
        let exporter = std::sync::Mutex::new(Some(exporter));
        Ok(Some(Arc::new(Self { clock, entropy, sampling, queue, exporter })))
    }

    /// Begins the trace of a request that was routed to `route`, or to nothing; none if it is not sampled.
    pub(crate) fn request(
        self: &Arc<Self>,
        method: &Method,
        route: Option<&str>,
        version: Version,
        headers: &HeaderMap,
    ) -> Option<Root> {
        if route.is_some_and(|route| PASSED_OVER.contains(&route)) {
            return None;
        }
        let parent = Parent::read(headers);
        let random: [u8; 32] = self.entropy.bytes();
        let (draw, ids) = random.split_at(8);
        let now = self.clock.boottime();
        if !self.sampling.takes(parent.as_ref(), draw, now) {
            return None;
        }
        let began = Moment { wall: Duration::from_millis(self.clock.wall()), boot: now };
        let trace = Trace::begin(Arc::clone(self), parent, ids, began);
        Some(Root::new(trace, Asked::new(method, route, version)))
    }

    /// What became of the spans so far.
    pub(crate) fn counts(&self) -> Counts {
        self.queue.counts()
    }
}

tokio::task_local! {
    /// The trace of the request that this task answers.
    static CURRENT: Option<Arc<Trace>>;
}

/// Begins a step of the current request; nothing if that is not traced.
pub(crate) fn step(step: Step) -> Option<Span> {
    CURRENT.try_with(|trace| trace.as_ref().and_then(|trace| trace.step(step))).ok().flatten()
}

/// Does something as one step of the current request, which fails where that does.
pub(crate) async fn timed<T, E>(what: Step, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let mut span = step(what);
    let outcome = work.await;
    if let (Some(span), Err(_)) = (&mut span, &outcome) {
        span.fail();
    }
    outcome
}

/// Answers a request as part of its trace.
pub(crate) fn within<F: Future>(trace: Option<Arc<Trace>>, answer: F) -> impl Future<Output = F::Output> {
    match trace {
        Some(trace) => Either::Left(CURRENT.scope(Some(trace), answer)),
        None => Either::Right(answer),
    }
}

/// Does something that may be handed to a task of its own, as part of the current trace.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    within(CURRENT.try_with(Option::clone).ok().flatten(), work)
}

/// Does something whose steps are nobody's: a wait that looks again and again would be nothing else.
pub(crate) fn unseen<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(None, work)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rescind_verifier::SystemClock;

    use super::*;
    use crate::ambient::SystemEntropy;

    fn root() -> (Arc<Tracer>, Root) {
        let config = Traces { endpoint: "http://127.0.0.1:1".to_owned(), ..Traces::default() };
        let made = Tracer::new(&config, "https://id.example", Arc::new(SystemClock), Arc::new(SystemEntropy));
        let tracer = made.expect("a good URL").expect("wanted");
        let root = tracer.request(&Method::GET, Some("/v1/me"), Version::HTTP_11, &HeaderMap::new());
        (tracer, root.expect("all are sampled"))
    }

    async fn is_traced() -> bool {
        tokio::task::yield_now().await;
        step(Step::Hash).is_some()
    }

    #[tokio::test]
    async fn a_trace_goes_with_its_task_and_into_others_only_where_it_is_carried() {
        let (_tracer, root) = root();
        assert!(!is_traced().await && !carried(is_traced()).await);
        let seen = within(Some(root.trace()), async {
            let alone = tokio::spawn(is_traced()).await;
            let carried = tokio::spawn(carried(is_traced())).await;
            (is_traced().await, alone.expect("no panic"), carried.expect("no panic"), unseen(is_traced()).await)
        });
        assert_eq!(seen.await, (true, false, true, false));
        assert!(!within(None, is_traced()).await);
    }

    #[tokio::test]
    async fn a_request_that_goes_on_and_on_is_traced_so_far_and_the_rest_is_counted() {
        let (tracer, root) = root();
        let work = within(Some(root.trace()), async {
            for _ in 0..100 {
                let _ = timed(Step::Read("again"), async { Ok::<_, Infallible>(()) }).await;
            }
        });
        work.await;
        drop(root);
        assert_eq!(tracer.counts(), Counts { queued: 65, dropped: 36, ..Counts::default() });
    }
}
