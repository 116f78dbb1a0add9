//! Sends spans to the collector, many at a time, one request after the other. What it does not take is tried again for a
//! while; meanwhile the queue fills, and what does not fit is dropped. So a collector that is down, slow or mad costs a line
//! in the log every now and then, and no memory.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::body::Bytes;
use rescind_verifier::Clock;
use tokio::time::{sleep, timeout};

use super::collector::{Collector, NotTaken};
use super::otlp::Resource;
use super::queue::Spans;
use super::span::Finished;
use crate::authority::Authority;

/// How many spans go together: some 400 KB of JSON.
const TOGETHER: usize = 512;

/// For how long spans are gathered before they are sent.
const GATHER: Duration = Duration::from_secs(1);

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the same spans are tried, and how long is waited after the first attempt; twice as long after each next one.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// How long the server waits in the end for what is still to be sent.
const LAST: Duration = Duration::from_secs(3);

/// How often the log says that the collector takes nothing.
const REMIND: Duration = Duration::from_mins(10);

/// Sends what ends, until the server has stopped and what waited was sent.
pub async fn keep(authority: Arc<Authority>) {
    let exporter = authority
        .traces
        .as_ref()
        .and_then(|tracer| tracer.exporter.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
    match exporter {
        Some(exporter) => exporter.run().await,
        // There is nothing to do, for as long as the server runs.
        None => std::future::pending().await,
    }
}

/// Has what waits sent now, as the server stops, and waits for it, though not for long.
pub async fn finish(authority: &Authority) {
    let Some(tracer) = &authority.traces else { return };
    let shared = tracer.queue.shared();
    let mut ended = shared.ended.subscribe();
    shared.ending.send_replace(true);
    if timeout(LAST, ended.wait_for(|ended| *ended)).await.is_err() {
        tracing::warn!(spans = tracer.counts().queued, "the last spans were not delivered in time");
    }
}

/// The one who sends.
pub(super) struct Exporter {
    collector: Collector,
    resource: Resource,
    spans: Spans,
    clock: Arc<dyn Clock>,
    /// When the log last said that nothing is taken, and how many spans were lost since.
    complained: Option<Duration>,
    lost: u64,
}

impl Exporter {
    pub(super) fn new(collector: Collector, resource: Resource, spans: Spans, clock: Arc<dyn Clock>) -> Self {
        Self { collector, resource, spans, clock, complained: None, lost: 0 }
    }

    async fn run(mut self) {
        while let Some(batch) = self.gather().await {
            self.deliver(&batch).await;
        }
        self.spans.shared.ended.send_replace(true);
    }

    /// Spans to be sent together; none once the server has stopped and nothing waits.
    async fn gather(&mut self) -> Option<Vec<Finished>> {
        let mut batch = Vec::new();
        let mut ending = self.spans.shared.ending.subscribe();
        if !*ending.borrow_and_update() {
            tokio::select! {
                _ = self.spans.waiting.recv_many(&mut batch, TOGETHER) => {}
                _ = ending.wait_for(|ending| *ending) => {}
            }
            let mut enough = pin!(sleep(GATHER));
            while batch.len() < TOGETHER && !*ending.borrow() {
                let room = TOGETHER - batch.len();
                tokio::select! {
                    _ = self.spans.waiting.recv_many(&mut batch, room) => {}
                    () = &mut enough => break,
                    _ = ending.changed() => {}
                }
            }
        }
        while batch.len() < TOGETHER
            && let Ok(span) = self.spans.waiting.try_recv()
        {
            batch.push(span);
        }
        Some(batch).filter(|batch| !batch.is_empty())
    }

    async fn deliver(&mut self, batch: &[Finished]) {
        let body = Bytes::from(self.resource.write(batch));
        let shared = Arc::clone(&self.spans.shared);
        let mut ending = shared.ending.subscribe();
        let count = batch.len() as u64;
        for attempt in 0..ATTEMPTS {
            let sent = timeout(PATIENCE, self.collector.send(body.clone())).await;
            let late = || NotTaken::Yet { why: "it did not answer in time".to_owned(), after: None };
            match sent.unwrap_or_else(|_| Err(late())) {
                Ok(rejected) => {
                    let rejected = rejected.min(count);
                    shared.exported.fetch_add(count - rejected, Relaxed);
                    shared.rejected.fetch_add(rejected, Relaxed);
                    return self.relieved();
                }
                Err(error @ NotTaken::Ever(_)) => {
                    self.complain(&error);
                    shared.rejected.fetch_add(count, Relaxed);
                    self.lost += count;
                    return;
                }
                Err(error) => {
                    self.complain(&error);
                    let NotTaken::Yet { after, .. } = error else { break };
                    // Whoever stops does not wait: what cannot be sent now is lost.
                    if *ending.borrow() || attempt + 1 == ATTEMPTS {
                        break;
                    }
                    let pause = after.unwrap_or(PAUSE * 2_u32.pow(attempt));
                    let _ = timeout(pause, ending.wait_for(|ending| *ending)).await;
                }
            }
        }
        shared.dropped.fetch_add(count, Relaxed);
        self.lost += count;
    }

    /// Says that nothing is taken: once, and again only after a while.
    fn complain(&mut self, error: &NotTaken) {
        let now = self.clock.boottime();
        if self.complained.is_some_and(|last| now.saturating_sub(last) < REMIND) {
            return;
        }
        let (collector, lost) = (self.collector.name(), self.lost);
        tracing::warn!(%collector, %error, lost, "the collector does not take traces; trying on");
        self.complained = Some(now);
    }

    fn relieved(&mut self) {
        if self.complained.take().is_some() {
            let (collector, lost) = (self.collector.name(), std::mem::take(&mut self.lost));
            tracing::info!(%collector, lost, "the collector takes traces again");
        }
    }
}
