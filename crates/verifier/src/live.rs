//! Watching a token for as long as something lives by it: a WebSocket, a stream of events, a long download.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Remembered;
use crate::claims;
use crate::generation::Generation;
use crate::rejected::{Break, Reason, Rejected};
use crate::verified::Verified;
use crate::verifier::Shared;

impl Verified {
    /// Resolves once the token would not be accepted any more, with the reason: it was revoked, it expired, or the
    /// verifier has lost its lease and cannot tell. At once, not at the next look. Whoever serves something long hangs up
    /// then; a client that is to stay presents a newer token before.
    ///
    /// It runs on a tokio runtime with time enabled, and does not keep the verifier alive.
    pub fn revoked(&self) -> impl Future<Output = Rejected> + Send + 'static {
        watch(Arc::clone(self.token()))
    }
}

async fn watch(token: Arc<Remembered>) -> Rejected {
    loop {
        let (mut changed, left) = {
            let Some(shared) = token.home.upgrade() else {
                return Rejected::Unavailable { reason: Reason::Broken(Break::Left) };
            };
            // Before it is judged: what changes in between is not missed.
            let changed = shared.changes();
            match judge(&shared, &token) {
                Ok(left) => (changed, left),
                Err(rejected) => return rejected,
            }
        };
        // Either says only that it is time to look again.
        let _ = tokio::time::timeout(left, changed.changed()).await;
    }
}

/// What is judged of a token on every call, and for how long the answer holds if nothing changes.
fn judge(shared: &Shared, token: &Remembered) -> Result<Duration, Rejected> {
    let held = shared.generation();
    let Some(generation) = held.as_ref() else {
        return Err(Rejected::Unavailable { reason: Reason::NeverSynced });
    };
    let deadline = generation.deadline();
    let skew = shared.skew();
    let wall = shared.clock().wall();
    claims::check_time(&token.claims, wall, skew)?;
    claims::check_lifetime(&token.claims, generation.longest_lifetime())?;
    check_key(generation, token)?;
    generation.judge(&token.claims.thing(token.pin.key().id()), false)?;
    let now = shared.clock().boottime();
    generation.check_lease(deadline, now)?;
    let lease = generation.lease().map_or(Duration::ZERO, |(until, _)| until.saturating_sub(now));
    let expires = token.claims.exp.saturating_mul(1000).saturating_add(skew).saturating_sub(wall);
    // Timers are coarse: never look before it is time.
    Ok(lease.min(Duration::from_millis(expires)) + Duration::from_millis(1))
}

/// The key must be pinned now, in a later generation too, where it is another pin of the same key.
fn check_key(generation: &Generation, token: &Remembered) -> Result<(), Rejected> {
    let id = token.pin.key().id();
    let pinned =
        if token.generation == generation.id { token.pin.is_pinned() } else { generation.keys().pin(id).is_some() };
    if pinned { Ok(()) } else { Err(generation.unpinned_key(id)) }
}
