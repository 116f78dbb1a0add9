//! What the requests of one connection come to: how many are open, whether their answers are taken, and how many were broken
//! off.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, watch};
use tokio::time::sleep;

/// How many requests a client may break off beyond those that it let finish. Whoever closes tabs breaks off some; whoever
/// does nothing else wants the server to work for nobody (CVE-2023-44487).
const MOST_BROKEN_OFF: u32 = 100;

/// One connection.
#[derive(Default)]
pub(super) struct Line {
    open: watch::Sender<usize>,
    answers: Mutex<Vec<Weak<Answer>>>,
    finished: AtomicU32,
    broken_off: AtomicU32,
    too_many: Notify,
}

/// How far an answer has come.
struct Answer(AtomicU8);

/// The server has nothing to hand out yet.
const RESTS: u8 = 0;
/// Something was handed out since the last look.
const MOVES: u8 = 1;
/// It was not taken since then.
const STANDS: u8 = 2;

impl Line {
    /// Resolves once nothing was open for so long.
    pub(super) async fn idles(&self, patience: Duration) {
        let mut open = self.open.subscribe();
        loop {
            // The sender is here.
            let _ = open.wait_for(|open| *open == 0).await;
            tokio::select! {
                () = sleep(patience) => return,
                _ = open.changed() => {}
            }
        }
    }

    /// Resolves once the client has broken off too many requests, or has taken nothing of an answer between two looks that
    /// are so far apart.
    pub(super) async fn is_abused(&self, patience: Duration) {
        let stalled = async {
            loop {
                sleep(patience).await;
                if self.stands() {
                    return;
                }
            }
        };
        tokio::select! {
            () = stalled => {}
            () = self.too_many.notified() => {}
        }
    }

    /// Whether an answer stood since the last look.
    fn stands(&self) -> bool {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.strong_count() > 0);
        let stood = |answer: Arc<Answer>| answer.0.compare_exchange(MOVES, STANDS, Relaxed, Relaxed) == Err(STANDS);
        answers.iter().filter_map(Weak::upgrade).filter(|answer| stood(Arc::clone(answer))).count() > 0
    }

    /// How many requests were broken off.
    #[cfg(test)]
    pub(super) fn has_broken_off(&self) -> u32 {
        self.broken_off.load(Relaxed)
    }

    fn begin(&self) -> Arc<Answer> {
        self.open.send_modify(|open| *open += 1);
        let answer = Arc::new(Answer(AtomicU8::new(RESTS)));
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        // Grows to twice what is open, and no further.
        if answers.len() == answers.capacity() {
            answers.retain(|answer| answer.strong_count() > 0);
        }
        answers.push(Arc::downgrade(&answer));
        answer
    }

    fn end(&self, finished: bool) {
        if finished {
            self.finished.fetch_add(1, Relaxed);
        } else {
            let broken_off = self.broken_off.fetch_add(1, Relaxed);
            if broken_off >= self.finished.load(Relaxed).saturating_add(MOST_BROKEN_OFF) {
                self.too_many.notify_one();
            }
        }
        self.open.send_modify(|open| *open -= 1);
    }
}

/// One request that is open, and its place among those of all connections.
pub(super) struct Exchange {
    line: Arc<Line>,
    answer: Arc<Answer>,
    finished: bool,
    _place: OwnedSemaphorePermit,
}

impl Exchange {
    pub(super) fn begin(line: &Arc<Line>, place: OwnedSemaphorePermit) -> Self {
        Self { line: Arc::clone(line), answer: line.begin(), finished: false, _place: place }
    }

    /// Something is there for the client to take.
    pub(super) fn moves(&self) {
        self.answer.0.store(MOVES, Relaxed);
    }

    /// Nothing is: all that there was has been taken.
    pub(super) fn rests(&self) {
        self.answer.0.store(RESTS, Relaxed);
    }

    /// All of the answer was handed out.
    pub(super) fn ends(&mut self) {
        self.finished = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.line.end(self.finished);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    fn exchanges(line: &Arc<Line>, count: usize) -> Vec<Exchange> {
        let places = Arc::new(Semaphore::new(count));
        let begin = |_| Exchange::begin(line, Arc::clone(&places).try_acquire_owned().expect("a place"));
        (0..count).map(begin).collect()
    }

    #[test]
    fn an_answer_that_is_not_taken_between_two_looks_stands() {
        let line = Arc::new(Line::default());
        let [one, two] = &exchanges(&line, 2)[..] else { panic!("two") };
        assert!(!line.stands() && !line.stands(), "the server has said nothing yet");
        one.moves();
        two.rests();
        assert!(!line.stands());
        one.moves();
        assert!(!line.stands(), "it was taken since");
        assert!(line.stands());
        one.rests();
        assert!(!line.stands() && !line.stands());
    }

    #[test]
    fn whoever_breaks_off_far_more_than_they_let_finish_asks_too_much() {
        let line = Arc::new(Line::default());
        let abused = |line: &Line| line.too_many.notified().now_or_never().is_some();
        let most = usize::try_from(MOST_BROKEN_OFF).expect("a small number");
        for mut exchange in exchanges(&line, 10) {
            exchange.ends();
        }
        drop(exchanges(&line, most + 10));
        assert!(!abused(&line));
        drop(exchanges(&line, 1));
        assert!(abused(&line));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_idles_while_nothing_is_open_and_a_stream_that_is_silent_is_open() {
        let (line, patience) = (Arc::new(Line::default()), Duration::from_secs(10));
        let began = tokio::time::Instant::now();
        let watch = async {
            line.idles(patience).await;
            began.elapsed().as_secs()
        };
        let later = async {
            sleep(Duration::from_secs(9)).await;
            let open = exchanges(&line, 1);
            open[0].rests();
            sleep(Duration::from_secs(1000)).await;
        };
        let abused = line.is_abused(patience);
        let (idled, ()) = tokio::select! {
            both = async { tokio::join!(watch, later) } => both,
            () = abused => panic!("nothing was asked too much"),
        };
        assert_eq!(idled, 9 + 1000 + 10);
    }

    #[test]
    fn answers_that_are_over_are_forgotten() {
        let line = Arc::new(Line::default());
        for _ in 0..1000 {
            drop(exchanges(&line, 3));
        }
        assert!(line.answers.lock().expect("nobody panicked").capacity() < 32);
        assert_eq!(*line.open.borrow(), 0);
    }
}
