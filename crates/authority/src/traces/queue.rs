//! Spans that wait to be sent: no more than so many, whatever becomes of the collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::{mpsc, watch};

use super::span::Finished;

/// How many wait at most: some 600 KiB.
pub(super) const MOST: usize = 4096;

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

/// Where spans are put as they end.
pub(super) struct Queue {
    spans: mpsc::Sender<Finished>,
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
        (Self { spans, shared: Arc::clone(&shared) }, Spans { waiting, shared })
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
}
