//! Watching a token for as long as something lives by it: a WebSocket, a stream of events, a long download.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::cache::Remembered;
use crate::foreign::VerifiedForeign;
use crate::generation::{Deadline, Generation};
use crate::rejected::{Break, Reason, Rejected};
use crate::verified::Verified;
use crate::verifier::Shared;

/// How often the clock is looked at, at least. Timers stand still while the machine is suspended; the lease does not.
const LOOK: Duration = Duration::from_secs(1);

impl Verified {
    /// Resolves once the token would not be accepted any more, with the reason: it was revoked, it expired, or the
    /// verifier has lost its lease and cannot tell. At once, not at the next look. Whoever serves something long hangs up
    /// then; a client that is to stay presents a newer token before. After the machine was suspended it takes up to a second.
    ///
    /// It runs on a tokio runtime with time enabled, and does not keep the verifier alive.
    pub fn revoked(&self) -> impl Future<Output = Rejected> + Send + 'static {
        watch(Arc::clone(self.token()))
    }
}

impl VerifiedForeign {
    /// As [`Verified::revoked`]. That the issuer took its key away is noticed within a lease.
    pub fn revoked(&self) -> impl Future<Output = Rejected> + Send + 'static {
        watch(Arc::clone(self.token()))
    }
}

/// A token that may be watched.
pub(crate) trait Watched: Send + Sync + 'static {
    /// Whose it is.
    fn home(&self) -> &Weak<Shared>;
    /// What is judged of it on every call, and for how long the answer holds if nothing changes.
    fn judge(&self, shared: &Shared) -> Result<Duration, Rejected>;
}

async fn watch<T: Watched>(token: Arc<T>) -> Rejected {
    loop {
        let (mut changed, left) = {
            let Some(shared) = token.home().upgrade() else {
                return Rejected::Unavailable { reason: Reason::Broken(Break::Left) };
            };
            // Before it is judged: what changes in between is not missed.
            let changed = shared.changes();
            match token.judge(&shared) {
                Ok(left) => (changed, left),
                Err(rejected) => return rejected,
            }
        };
        // Either says only that it is time to look again.
        let _ = tokio::time::timeout(left.min(LOOK), changed.changed()).await;
    }
}

impl Watched for Remembered {
    fn home(&self) -> &Weak<Shared> {
        &self.home
    }

    fn judge(&self, shared: &Shared) -> Result<Duration, Rejected> {
        let held = shared.generation();
        let generation = shared.heard(held.as_ref())?;
        let deadline = generation.deadline();
        let skew = shared.skew();
        let wall = shared.clock().wall();
        self.term.check_time(wall, skew)?;
        self.term.check_lifetime(generation.longest_lifetime())?;
        check_key(generation, self)?;
        generation.judge(&self.thing(false), false)?;
        let lease = check_lease(shared, generation, deadline)?;
        Ok(holds(lease, self.term.exp, skew, wall))
    }
}

/// How long the lease still runs, if it does.
pub(crate) fn check_lease(shared: &Shared, generation: &Generation, deadline: Deadline) -> Result<Duration, Rejected> {
    let now = shared.clock().boottime();
    generation.check_lease(deadline, now)?;
    Ok(generation.lease().map_or(Duration::ZERO, |(until, _)| until.saturating_sub(now)))
}

/// For how long an answer holds that was given at `wall`; `skew` and `wall` in milliseconds.
pub(crate) fn holds(lease: Duration, exp: u64, skew: u64, wall: u64) -> Duration {
    let expires = exp.saturating_mul(1000).saturating_add(skew).saturating_sub(wall);
    // Timers are coarse: never look before it is time.
    lease.min(Duration::from_millis(expires)) + Duration::from_millis(1)
}

/// The key must be pinned now, in a later generation too, where it is another pin of the same key.
fn check_key(generation: &Generation, token: &Remembered) -> Result<(), Rejected> {
    let id = token.pin.key().id();
    let pinned =
        if token.generation == generation.id { token.pin.is_pinned() } else { generation.keys().pin(id).is_some() };
    if pinned { Ok(()) } else { Err(generation.unpinned_key(id)) }
}
