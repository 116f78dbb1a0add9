//! Passwords are hashed here: on a few threads of their own, with a bounded queue in front.
//!
//! A hash takes 15 ms of a core on purpose. On the asynchronous threads it would stall every other request, and without
//! a bound a crowd at the door would take all memory (19 MiB a hash) and answer nobody in time. So a full queue is
//! refused at once, with the time after which it should have drained, and a job whose client has hung up is dropped
//! unhashed.

mod argon2;
mod bcrypt;
mod decoys;
mod keycloak;
mod pbkdf2;
mod scheme;
mod scrypt;
#[cfg(test)]
mod tests;
mod worker;

use std::num::NonZeroUsize;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac::Key;
use rescind_domain::boxed::Boxed;
use rescind_domain::password::{HashingError, Password, PasswordHash, Passwords, Stored, Verdict};
use rescind_domain::throttle::Place;
use tokio::sync::oneshot;

pub use argon2::{Argon2, Strength};
pub use bcrypt::Bcrypt;
pub use keycloak::from_keycloak;
pub use pbkdf2::Pbkdf2;
pub use scheme::{Cost, RefusedHash, Scheme, recognise};
pub use scrypt::Scrypt;
pub use worker::Counts;

use crate::traces::{self, Step};
use decoys::Decoys;
use worker::{Check, Job, Shared, Subject, Work};

/// Fills a buffer with bytes that nobody can foresee.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What a [`HashingPool`] is made of.
#[derive(Clone)]
pub struct PoolOptions {
    /// Threads that hash. Each uses one core, and the memory of one hash at a time.
    pub threads: NonZeroUsize,
    /// Jobs that may wait; more are refused.
    pub queue: NonZeroUsize,
    /// How new passwords are hashed. Weaker stored hashes are to be upgraded.
    pub params: Strength,
    /// Source of salts. Called on the hashing threads.
    pub entropy: Entropy,
    /// Chooses the decoy of each unknown login. Secret, and the same on every node and after every restart: a login
    /// whose decoy changes is one that nobody has.
    pub decoy_key: [u8; 32],
}

/// Why no pool could be made.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The configured parameters are impossible or beyond the limits.
    #[error("the configured password parameters cannot be used: {0}")]
    Params(#[from] RefusedHash),
    /// The system refused a thread.
    #[error("no thread for hashing passwords: {0}")]
    Thread(#[from] std::io::Error),
}

/// The threads that hash passwords, and their queue. The threads end when it is dropped.
pub struct HashingPool {
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
    threads: NonZeroUsize,
    decoys: ArcSwap<Decoys>,
    decoy_key: Key,
}

impl HashingPool {
    /// Starts the threads, named `hash-0`, `hash-1` and so on.
    ///
    /// # Errors
    /// [`PoolError`]; threads that were started end again.
    pub fn new(options: PoolOptions) -> Result<Self, PoolError> {
        let configured = options.params.cost()?;
        let shared = Arc::new(Shared::new(options.params, configured, options.entropy));
        let (jobs, queue) = sync_channel(options.queue.get());
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..options.threads.get() {
            let (shared, queue) = (Arc::clone(&shared), Arc::clone(&queue));
            thread::Builder::new().name(format!("hash-{number}")).spawn(move || worker::run(&shared, &queue))?;
        }
        Ok(Self {
            jobs,
            shared,
            threads: options.threads,
            decoys: ArcSwap::from_pointee(Decoys::new(configured, [])),
            decoy_key: decoys::key(&options.decoy_key),
        })
    }

    /// Says what hashes the users have: the cost of each ([`Scheme::cost`]) with a weight; equal ones are added up. From
    /// then on unknown logins cost what known ones do, in proportion. To be called after an import, at the start, and
    /// now and then while users are upgraded.
    pub fn set_decoys(&self, census: impl IntoIterator<Item = (Cost, u64)>) {
        self.decoys.store(Arc::new(Decoys::new(self.shared.configured, census)));
    }

    /// What was done since the start.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Jobs that wait for a thread now.
    pub fn queued(&self) -> u64 {
        self.shared.queued()
    }

    fn check(&self, stored: Stored) -> Check {
        match stored {
            Stored::Known(hash) => match recognise(hash.expose()) {
                Ok(scheme) => {
                    let upgrade = !self.shared.strength.is_met_by(scheme.cost());
                    Check { scheme, subject: Subject::User { upgrade } }
                }
                Err(_) => {
                    Check { scheme: Scheme::decoy(self.shared.configured), subject: Subject::Unreadable(hash.scheme()) }
                }
            },
            Stored::Unknown { login } => {
                Check { scheme: self.decoys.load().choose(&self.decoy_key, &login), subject: Subject::Nobody }
            }
        }
    }

    /// Hashes a password, with the place that it has in the queue.
    fn queue(&self, password: Password, place: Option<Place>) -> Boxed<'_, Result<PasswordHash, HashingError>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.submit(Work::Hash { password, place, answer }, self.shared.configured.micros())?;
            answered.await.unwrap_or(Err(worker::LOST))
        })
    }

    /// Queues a job, or says when to come back.
    fn submit(&self, work: Work, micros: u64) -> Result<(), HashingError> {
        let backlog = self.shared.enter(micros);
        let waiting = traces::step(Step::HashQueue);
        self.jobs.try_send(Job { work, micros, waiting }).map_err(|_| {
            self.shared.refuse(micros);
            HashingError::Busy { retry_after: worker::drained_after(backlog, self.threads) }
        })
    }
}

impl Passwords for HashingPool {
    fn hash(&self, password: Password) -> Boxed<'_, Result<PasswordHash, HashingError>> {
        self.queue(password, None)
    }

    fn hash_at(&self, password: Password, place: Place) -> Boxed<'_, Result<PasswordHash, HashingError>> {
        self.queue(password, Some(place))
    }

    fn verify(&self, stored: Stored, password: Password) -> Boxed<'_, Result<Verdict, HashingError>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let check = self.check(stored);
            let micros = check.scheme.cost().micros();
            self.submit(Work::Verify { check, password, answer }, micros)?;
            answered.await.unwrap_or(Err(worker::LOST))
        })
    }
}
