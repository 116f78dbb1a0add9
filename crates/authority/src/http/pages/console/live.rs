//! What happens while an administrator looks: that the log has grown or an enforcement has come further, and that the
//! verifiers changed. Only that something did: the page asks for itself again, and replaces what is live of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rescind_domain::Error;
use rescind_domain::acting::Administrator;
use rescind_domain::verbs::read_log;
use rescind_wire::Cause;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::authority::Authority;
use crate::feed::FollowerId;
use crate::http::app::App;
use crate::http::pages::visitor::Visitor;
use crate::http::problem::Problem;
use crate::http::stream::{self, Source, Stopping};
use crate::live::Guest;

/// How often the verifiers are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The shortest time between two words: what happens faster is told as one.
const GAP: Duration = Duration::from_millis(250);

/// Whoever looks is judged at least once in so many looks, whether anything happens or not.
const LOOKS: u32 = 15;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/live", get(listen))
}

/// Answers with the stream. Whoever is not signed in, or as somebody else than the page says, is told so and nothing else:
/// the page that listens asks for itself again then, and is led to the sign-in page as any page is.
async fn listen(visitor: Visitor, stopping: Stopping) -> Result<Response, Problem> {
    let Some(caller) = visitor.listener() else { return Ok(StatusCode::UNAUTHORIZED.into_response()) };
    let authority = Arc::clone(&visitor.app.authority);
    let admin = Administrator::Caller(Box::new(caller.acting()));
    read_log::head(&authority.world, &admin).await?;
    let entropy = Arc::clone(&authority.world.entropy);
    let Ok(guest) = authority.live.admit(&caller.acting().caller(), caller.address()) else {
        return Ok(stream::full(&*entropy));
    };
    let (applied, published) = (authority.applied.subscribe(), authority.published.subscribe());
    let seen = verifiers(&authority);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let source = Watching {
        applied,
        published,
        seen,
        look,
        looks: 0,
        told: Duration::ZERO,
        admin,
        over: false,
        authority,
        guest,
    };
    Ok(stream::answer(&*entropy, source, stopping))
}

/// What a verifier shows that can change: its connection, its position, whether it is there.
type Seen = Vec<(FollowerId, u64, bool)>;

fn verifiers(authority: &Authority) -> Seen {
    let listed = authority.hub.list();
    listed.iter().map(|listed| (listed.id, listed.position, listed.connected)).collect()
}

struct Watching {
    authority: Arc<Authority>,
    admin: Administrator,
    applied: watch::Receiver<u64>,
    published: watch::Receiver<u64>,
    seen: Seen,
    look: Interval,
    looks: u32,
    /// When something was told last, on the clock that counts suspended time.
    told: Duration,
    /// The last word was said.
    over: bool,
    guest: Guest,
}

impl Source for Watching {
    async fn next(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        let Some(happened) = self.wait().await else {
            self.over = true;
            return Some(stream::last("replaced"));
        };
        let last = match read_log::head(&self.authority.world, &self.admin).await {
            Ok(_) => return Some(stream::last(happened)),
            // The token that the cookie stood for is over, not the session: come again.
            Err(Error::SignedOut(Some(Cause::Revoked { scope: "key" | "token", .. }))) => "refused",
            Err(Error::SignedOut(_) | Error::Forbidden) => "ended",
            Err(_) => "refused",
        };
        self.over = true;
        Some(stream::last(last))
    }
}

impl Watching {
    /// What happened, once something has; nothing if another stream took this one's place.
    async fn wait(&mut self) -> Option<&'static str> {
        loop {
            // The look first: a log that grows all the time must not keep the verifiers from being looked at.
            tokio::select! {
                biased;
                () = self.guest.replaced() => return None,
                _ = self.look.tick() => {}
                Ok(()) = self.applied.changed() => return Some(self.grown().await),
                Ok(()) = self.published.changed() => return Some(self.grown().await),
            }
            self.looks += 1;
            let now = verifiers(&self.authority);
            if now != self.seen {
                self.seen = now;
                return Some("verifiers");
            }
            if self.looks.is_multiple_of(LOOKS) {
                return Some("still");
            }
        }
    }

    async fn grown(&mut self) -> &'static str {
        let now = self.authority.clock.boottime();
        tokio::time::sleep((self.told + GAP).saturating_sub(now)).await;
        self.told = self.authority.clock.boottime();
        self.applied.mark_unchanged();
        self.published.mark_unchanged();
        "revocations"
    }
}
