//! Spans that wait to be sent: no more than so many, whatever becomes of the collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::span::Finished;

/// How many wait at most: some 600 KiB, beside what callers keep in their traces.
pub(super) const MOST: usize = 4096;

/// How many bytes of that are kept at most, of requests under way and of spans that wait; a collector that is not there
/// would have callers decide otherwise.
const MOST_STATE: usize = 256 * 1024;

/// What each takes beside its text.
const BESIDE_TEXT: usize = 64;

/// What became of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The collector took them.
    pub(crate) exported: u64,
    /// There was no room, or the collector was not there for too long.
    pub(crate) dropped: u64,
    /// The collector would not have them.
    pub(crate) rejected: u64,
    /// They wait.
    pub(crate) queued: u64,
}

/// What other systems keep in a trace (`tracestate`), which takes its room until the last span of the trace is sent.
#[derive(Debug)]
pub(super) struct State {
    pub(super) text: Box<str>,
    _room: OwnedSemaphorePermit,
}

/// Where spans are put as they end.
pub(super) struct Queue {
    spans: mpsc::Sender<Finished>,
    state_room: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// What is known at both ends.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) exported: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) rejected: AtomicU64,
    /// Whether the server has stopped: what waits is to be sent now.
    pub(super) ending: watch::Sender<bool>,
    /// Whether all was sent.
    pub(super) ended: watch::Sender<bool>,
}

/// Where they come out.
pub(super) struct Spans {
    pub(super) waiting: mpsc::Receiver<Finished>,
    pub(super) shared: Arc<Shared>,
}

impl Queue {
    pub(super) fn new() -> (Self, Spans) {
        let (spans, waiting) = mpsc::channel(MOST);
        let shared = Arc::new(Shared::default());
        let state_room = Arc::new(Semaphore::new(MOST_STATE));
        (Self { spans, state_room, shared: Arc::clone(&shared) }, Spans { waiting, shared })
    }

    /// Keeps this text, if there is room: a trace without is still one (Trace Context §3.3).
    pub(super) fn keep(&self, text: Box<str>) -> Option<Arc<State>> {
        let bytes = u32::try_from(text.len() + BESIDE_TEXT).ok()?;
        let room = Arc::clone(&self.state_room).try_acquire_many_owned(bytes).ok()?;
        Some(Arc::new(State { text, _room: room }))
    }

    /// Takes a span, or counts it as dropped.
    pub(super) fn put(&self, span: Finished) {
        if self.spans.try_send(span).is_err() {
            self.drop_one();
        }
    }

    /// A span was not even made.
    pub(super) fn drop_one(&self) {
        self.shared.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let Shared { exported, dropped, rejected, .. } = &*self.shared;
        Counts {
            exported: exported.load(Relaxed),
            dropped: dropped.load(Relaxed),
            rejected: rejected.load(Relaxed),
            queued: (self.spans.max_capacity() - self.spans.capacity()) as u64,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::span::{Step, What};
    use super::*;

    fn span() -> Finished {
        let (began, ended) = (Duration::ZERO, Duration::ZERO);
        let what = What::Step(Step::Hash, false);
        Finished { trace: [1; 16], span: [1; 8], parent: None, is_remote: false, state: None, began, ended, what }
    }

    #[test]
    fn the_queue_is_bounded_and_what_does_not_fit_is_counted() {
        let (queue, mut spans) = Queue::new();
        for _ in 0..MOST + 7 {
            queue.put(span());
        }
        assert_eq!(queue.counts(), Counts { dropped: 7, queued: MOST as u64, ..Counts::default() });
        assert!(spans.waiting.try_recv().is_ok());
        queue.put(span());
        assert_eq!(queue.counts(), Counts { dropped: 7, queued: MOST as u64, ..Counts::default() });
        let room = MOST * size_of::<Finished>();
        assert!(room <= 1024 * 1024, "{room}");
    }

    #[test]
    fn what_callers_keep_in_their_traces_is_bounded_by_bytes_and_makes_room_once_it_is_sent() {
        let (queue, mut spans) = Queue::new();
        let longest: Box<str> = format!("a={}", "x".repeat(510)).into();
        for _ in 0..MOST {
            queue.put(Finished { state: queue.keep(longest.clone()), ..span() });
        }
        let (mut kept, mut waited) = (0, 0);
        let mut full = None;
        while let Ok(span) = spans.waiting.try_recv() {
            full.get_or_insert_with(|| queue.keep(longest.clone()).is_none());
            kept += span.state.map_or(0, |state| size_of::<State>() + state.text.len());
            waited += 1;
        }
        assert_eq!((waited, full), (MOST, Some(true)), "no span is lost for it");
        assert!((MOST_STATE / 2..=MOST_STATE).contains(&kept), "{kept}");
        assert_eq!(queue.state_room.available_permits(), MOST_STATE);
        let shared = queue.keep(longest).expect("room");
        queue.put(Finished { state: Some(Arc::clone(&shared)), ..span() });
        queue.put(Finished { state: Some(shared), ..span() });
        assert_eq!(queue.state_room.available_permits(), MOST_STATE - 512 - BESIDE_TEXT, "a trace has it once");
        assert!(size_of::<State>() + 2 * size_of::<usize>() <= BESIDE_TEXT);
    }
}
