//! One hashing thread's loop, and what all of them share.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rescind_domain::password::{HashingError, Password, PasswordHash, Verdict};
use rescind_domain::throttle::Place;
use tokio::sync::oneshot::Sender;

use super::Entropy;
use super::argon2::{self, Strength};
use super::scheme::{Cost, OutOfMemory, Scheme};
use crate::traces::{Span, Step};

/// Shortest and longest Retry-After.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// A job that will not be answered: no memory for it, or a thread that failed at it. Coming back may help.
pub(super) const LOST: HashingError = HashingError::Busy { retry_after: RETRY.0 };

/// What waits in the queue.
pub(super) struct Job {
    pub(super) work: Work,
    /// How long it should take.
    pub(super) micros: u64,
    /// Of whoever's request it is, if that is traced.
    pub(super) waiting: Option<Span>,
}

pub(super) enum Work {
    Hash { password: Password, place: Option<Place>, answer: Sender<Result<PasswordHash, HashingError>> },
    Verify { check: Check, password: Password, answer: Sender<Result<Verdict, HashingError>> },
}

/// What a password is checked against, and on whose behalf.
pub(super) struct Check {
    pub(super) scheme: Scheme,
    pub(super) subject: Subject,
}

pub(super) enum Subject {
    /// A user, and whether the stored hash is to be replaced when the password is right.
    User { upgrade: bool },
    /// Nobody: the hash is a decoy.
    Nobody,
    /// A user whose hash of this scheme cannot be read. Decoyed too: the time tells nobody that the account exists.
    Unreadable(&'static str),
}

/// What a [`HashingPool`](super::HashingPool) has done since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Hashes with argon2, new ones included.
    pub argon2: u64,
    /// Hashes with bcrypt.
    pub bcrypt: u64,
    /// Hashes with scrypt.
    pub scrypt: u64,
    /// Hashes with PBKDF2.
    pub pbkdf2: u64,
    /// What [`Cost::micros`] says of all these together, in microseconds: equal work, equal parameters.
    pub work_micros: u64,
    /// Jobs dropped unhashed because nobody waited for the answer any more.
    pub skipped: u64,
    /// Jobs refused because the queue was full.
    pub refused: u64,
}

/// What the pool and its threads share.
pub(super) struct Shared {
    pub(super) strength: Strength,
    /// The cost of `strength`.
    pub(super) configured: Cost,
    entropy: Entropy,
    queued: AtomicU64,
    /// Microseconds that the jobs waiting or running should take.
    backlog: AtomicU64,
    argon2: AtomicU64,
    bcrypt: AtomicU64,
    scrypt: AtomicU64,
    pbkdf2: AtomicU64,
    work_micros: AtomicU64,
    skipped: AtomicU64,
    refused: AtomicU64,
}

/// Takes jobs until the pool is dropped. A panic costs its own job only; the thread stays.
pub(super) fn run(shared: &Shared, queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: one thread waits for a job, the others for the lock, and none for a hash.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { work, micros, waiting }) = next else { return };
        shared.queued.fetch_sub(1, Relaxed);
        let hashing = waiting.and_then(|waiting| waiting.then(Step::Hash));
        // The panic hook has reported it; the dropped sender tells the waiter.
        let _ = catch_unwind(AssertUnwindSafe(|| shared.work(work)));
        drop(hashing);
        shared.backlog.fetch_sub(micros, Relaxed);
    }
}

/// When a queue with this much work (microseconds) should have drained.
pub(super) fn drained_after(backlog: u64, threads: NonZeroUsize) -> Duration {
    let threads = u64::try_from(threads.get()).unwrap_or(u64::MAX);
    Duration::from_micros(backlog / threads).clamp(RETRY.0, RETRY.1)
}

impl Shared {
    pub(super) fn new(strength: Strength, configured: Cost, entropy: Entropy) -> Self {
        Self {
            strength,
            configured,
            entropy,
            queued: AtomicU64::default(),
            backlog: AtomicU64::default(),
            argon2: AtomicU64::default(),
            bcrypt: AtomicU64::default(),
            scrypt: AtomicU64::default(),
            pbkdf2: AtomicU64::default(),
            work_micros: AtomicU64::default(),
            skipped: AtomicU64::default(),
            refused: AtomicU64::default(),
        }
    }

    /// Counts a job in before it is sent, so that no thread can count it out first. Returns the backlog without it.
    pub(super) fn enter(&self, micros: u64) -> u64 {
        self.queued.fetch_add(1, Relaxed);
        self.backlog.fetch_add(micros, Relaxed)
    }

    /// Takes [`enter`](Self::enter) back.
    pub(super) fn refuse(&self, micros: u64) {
        self.queued.fetch_sub(1, Relaxed);
        self.backlog.fetch_sub(micros, Relaxed);
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn queued(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            argon2: self.argon2.load(Relaxed),
            bcrypt: self.bcrypt.load(Relaxed),
            scrypt: self.scrypt.load(Relaxed),
            pbkdf2: self.pbkdf2.load(Relaxed),
            work_micros: self.work_micros.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    /// Whether somebody hears the answer is for them to know: a failed send is nobody's loss.
    fn work(&self, work: Work) {
        match work {
            Work::Hash { answer, .. } if answer.is_closed() => self.skip(),
            Work::Verify { answer, .. } if answer.is_closed() => self.skip(),
            Work::Hash { password, place, answer } => {
                let hashed = self.hash(&password).map_err(|OutOfMemory| LOST);
                // Before the answer: whoever has it may come again at once.
                drop(place);
                drop(answer.send(hashed));
            }
            Work::Verify { check, password, answer } => drop(answer.send(self.verify(&check, &password))),
        }
    }

    fn skip(&self) {
        self.skipped.fetch_add(1, Relaxed);
    }

    fn hash(&self, password: &Password) -> Result<PasswordHash, OutOfMemory> {
        let mut salt = [0; argon2::SALT];
        (self.entropy)(&mut salt);
        self.count(self.configured);
        argon2::hash(self.strength, password.as_bytes(), salt)
    }

    fn verify(&self, check: &Check, password: &Password) -> Result<Verdict, HashingError> {
        let right = self.matching_form(&check.scheme, password).map_err(|OutOfMemory| LOST)?;
        match (&check.subject, right) {
            (Subject::User { upgrade }, Some(form)) => Ok(Verdict::Right { upgrade: *upgrade || form != 0 }),
            (Subject::User { .. }, None) | (Subject::Nobody, _) => Ok(Verdict::Wrong),
            (Subject::Unreadable(scheme), _) => Err(HashingError::Unreadable { scheme: (*scheme).to_owned() }),
        }
    }

    /// Which of [`Password::forms`] the hash is of. A wrong password costs one hash for each form, so their number says
    /// nothing about the account.
    fn matching_form(&self, scheme: &Scheme, password: &Password) -> Result<Option<usize>, OutOfMemory> {
        for (number, form) in password.forms().enumerate() {
            self.count(scheme.cost());
            if scheme.matches(form)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn count(&self, cost: Cost) {
        let kind = match cost {
            Cost::Argon2(_) => &self.argon2,
            Cost::Bcrypt(_) => &self.bcrypt,
            Cost::Scrypt(_) => &self.scrypt,
            Cost::Pbkdf2(_) => &self.pbkdf2,
        };
        kind.fetch_add(1, Relaxed);
        self.work_micros.fetch_add(cost.micros(), Relaxed);
    }
}
