//! Reading the head of the log for all that wait at once (R2).

use std::sync::Arc;

use rescind_domain::store::StoreError;
use rescind_wire::Position;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Link, Purpose};
use super::error::shut_down;
use super::{OpenError, Shared, Threads, log};

/// How many may wait; more wait for a place to wait in.
const QUEUE: usize = 4096;

type Answer = oneshot::Sender<Result<Position, StoreError>>;

/// The way to the thread that reads the head.
pub(super) struct Positions(mpsc::Sender<Answer>);

impl Positions {
    pub(super) fn start(threads: &mut Threads) -> Result<Self, OpenError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let link = threads.link(Purpose::Read)?;
        let shared = Arc::clone(&threads.shared);
        threads.spawn("store-position", move || run(&shared, link, waiting))?;
        Ok(Self(queue))
    }

    /// The position of the log, by a read begun after this call.
    pub(super) async fn read(&self) -> Result<Position, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.map_err(|_| shut_down())?;
        answered.await.unwrap_or_else(|_| Err(shut_down()))
    }
}

fn run(shared: &Shared, mut link: Link, mut queue: mpsc::Receiver<Answer>) {
    let mut waiting = Vec::new();
    // Whoever is taken here called before the read below begins.
    while queue.blocking_recv_many(&mut waiting, QUEUE) > 0 {
        let position = read(shared, &mut link);
        shared.counters.position_reads.add(1);
        shared.counters.position_callers.add(waiting.len() as u64);
        for answer in waiting.drain(..) {
            // Whoever has gone needs no answer.
            drop(answer.send(position.clone()));
        }
    }
}

/// One statement outside any transaction: SQLite begins a new read for it.
fn read(shared: &Shared, link: &mut Link) -> Result<Position, StoreError> {
    let admission = shared.watch.admit()?;
    let found = log::mark(link.get()?);
    if matches!(found, Err(StoreError::Unavailable(_))) {
        link.forget();
    }
    let found = found?;
    shared.watch.observe(&admission, found)?;
    Ok(found.position)
}
