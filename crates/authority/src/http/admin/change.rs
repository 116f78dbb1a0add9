//! What administrators hear as it happens: the revocation log, and the verifiers of this node.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use rescind_domain::Error;
use rescind_domain::acting::Administrator;
use rescind_domain::verbs::read_log;
use rescind_domain::verbs::watch_sessions::{self, Told, Watcher};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::verifier::Verifiers;
use crate::authority::Authority;
use crate::http::api::revocation::Revocation;
use crate::http::app::App;
use crate::http::caller::Admin;
use crate::http::problem::Problem;
use crate::http::stream::{self, Source, Stopping};
use crate::live::Guest;

/// How often verifiers are looked at, and the administrator is judged at least.
const TICK: Duration = Duration::from_secs(1);

/// Revocations read at a time.
const BATCH: u32 = 100;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(follow))
}

/// Follow the log and the verifiers.
///
/// Server-sent events, which docs/live.md describes: each `revocation` as it is known here, and `verifiers` at most each
/// second when one of them comes, goes or moves on.
#[utoipa::path(
    get, path = "/v1/admin/changes", tag = "Administration: log", operation_id = "followChanges",
    security(("bearer" = [])),
    responses((status = 200, description = "What happens", body = String, content_type = "text/event-stream")),
)]
async fn follow(State(app): State<App>, admin: Admin, stopping: Stopping) -> Result<Response, Problem> {
    let authority = Arc::clone(&app.authority);
    let head = read_log::head(&authority.world, &admin.0).await?;
    let place = authority.live.admit(&admin.caller(), admin.0.address())?;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let source = Changes {
        applied: authority.applied.subscribe(),
        authority,
        admin: admin.0,
        after: head.number,
        tick,
        known: None,
        waiting: VecDeque::new(),
        over: false,
        place,
    };
    Ok(stream::answer(&*app.authority.world.entropy, source, stopping))
}

struct Changes {
    authority: Arc<Authority>,
    admin: Administrator,
    /// What this node has read of the log.
    applied: watch::Receiver<u64>,
    /// Entries up to this one were told, or are older than the stream.
    after: u64,
    tick: Interval,
    /// The verifiers, as they were told last.
    known: Option<Vec<Standing>>,
    waiting: VecDeque<Event>,
    over: bool,
    place: Guest,
}

/// What of a verifier is news: times that run are not.
#[derive(PartialEq, Eq)]
struct Standing {
    id: u64,
    position: u64,
    connected: bool,
    has_lease: bool,
}

impl Source for Changes {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            let after = self.after;
            let ticked = tokio::select! {
                _ = self.applied.wait_for(|applied| *applied > after) => false,
                _ = self.tick.tick() => true,
                () = self.place.replaced() => {
                    self.over = true;
                    return Some(stream::last("replaced"));
                }
            };
            if let Err(error) = self.look(ticked).await {
                self.over = true;
                return self.last(error).await;
            }
        }
    }
}

impl Changes {
    /// Looks for what is new; whoever listens is judged in the same transaction.
    async fn look(&mut self, ticked: bool) -> Result<(), Error> {
        let applied = *self.applied.borrow();
        let world = &self.authority.world;
        let (found, more) = read_log::list_revocations(world, &self.admin, self.after, BATCH).await?;
        let last = found.last().map_or(self.after, |last| last.row.position.number);
        // Entries that add keys are not told.
        self.after = if more { last } else { last.max(applied).max(self.after) };
        self.waiting.extend(found.into_iter().map(|found| stream::event("revocation", &Revocation::from(found))));
        if ticked {
            self.look_at_verifiers().await?;
        }
        Ok(())
    }

    async fn look_at_verifiers(&mut self) -> Result<(), Error> {
        let listed = self.authority.hub.list();
        let standing = listed.iter().map(|listed| Standing {
            id: listed.id,
            position: listed.position,
            connected: listed.connected,
            has_lease: listed.until.is_some(),
        });
        let standing: Vec<Standing> = standing.collect();
        if self.known.as_ref() != Some(&standing) {
            let head = read_log::head(&self.authority.world, &self.admin).await?;
            let verifiers = Verifiers::new(&self.authority, &listed, head);
            self.waiting.push_back(stream::event("verifiers", &verifiers));
            self.known = Some(standing);
        }
        Ok(())
    }

    /// The last word: whether the session is over, or the caller may not listen any more for another reason. None where
    /// the store cannot be read.
    async fn last(&self, error: Error) -> Option<Event> {
        let refused = Some(stream::last("refused"));
        match (&self.admin, error) {
            (Administrator::Caller(acting), Error::SignedOut(_)) => {
                let Ok(watcher) = Watcher::by_token((**acting).clone()) else { return refused };
                match watch_sessions::tell(&self.authority.world, &watcher, Vec::new()).await {
                    Ok(Told::Ended) => Some(stream::last("ended")),
                    Ok(Told::Refused | Told::Changes(..)) => refused,
                    Err(_) => None,
                }
            }
            (_, Error::SignedOut(_) | Error::OtherAddress | Error::Forbidden) => refused,
            (_, error) => {
                tracing::debug!(%error, "an administrator who listens could not be judged");
                None
            }
        }
    }
}
