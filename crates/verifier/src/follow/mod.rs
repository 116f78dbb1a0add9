//! Keeps a verifier current from the authority's feed: connects, applies, acknowledges, and connects again.

mod counted;
mod keys;
mod link;
mod origin;
mod pause;
mod silence;
#[cfg(test)]
mod tests;
mod worries;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::body::Bytes;
use rescind_wire::feed::{Closing, DEFAULT_LEASE, MAX_NAME, MIN_LEASE, Request};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;

pub use link::LinkError;
pub use origin::BadUrl;

use crate::builder::SetupError;
use crate::clock::Clock;
use crate::keeper::Keeper;
use crate::subscription::{Next, Subscription, Unfollowable};
use keys::KeyFetcher;
use link::{Link, Socket};
use pause::Pause;
use silence::Silence;
use worries::Worries;

/// How long connecting, the authority's first word, or silence before the first lease may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom to follow, and as whom.
#[derive(Clone)]
pub(crate) struct Following {
    pub(crate) authority: Option<String>,
    pub(crate) client: String,
    pub(crate) secret: zeroize::Zeroizing<String>,
    pub(crate) name: String,
    pub(crate) lease: Duration,
    pub(crate) roots: Vec<u8>,
}

impl Default for Following {
    fn default() -> Self {
        Self {
            authority: None,
            client: String::new(),
            secret: zeroize::Zeroizing::default(),
            name: String::new(),
            lease: Duration::from_millis(DEFAULT_LEASE),
            roots: Vec::new(),
        }
    }
}

/// The task that follows. It ends when this is dropped, which is when the last clone of the verifier is.
pub(crate) struct Follower {
    goodbye: watch::Sender<bool>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Follower {
    /// Begins to follow.
    pub(crate) fn start(
        following: &Following,
        issuer: &str,
        keeper: Keeper,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        if following.client.is_empty() {
            return Err(SetupError::Client);
        }
        let lease = following.lease;
        if lease < Duration::from_millis(MIN_LEASE) {
            return Err(SetupError::Lease);
        }
        if following.name.len() > MAX_NAME {
            return Err(SetupError::Name);
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| SetupError::Runtime)?;
        let name = if following.name.is_empty() { following.client.clone() } else { following.name.clone() };
        let link = Link::new(following, issuer).map_err(SetupError::Authority)?;
        let issuers = keeper.shared().foreigners().issuers.iter();
        let fetchers = issuers.map(|trusted| KeyFetcher::new(trusted, &clock)).collect::<Result<Vec<_>, _>>()?;
        let (goodbye, left) = watch::channel(false);
        for fetcher in fetchers.into_iter().flatten() {
            runtime.spawn(fetcher.run(left.clone()));
        }
        let task = runtime.spawn(follow(Run { link, name, lease, clock, left, granted: false }, keeper));
        Ok(Self { goodbye, task: std::sync::Mutex::new(Some(task)) })
    }

    /// Gives the lease up, says goodbye, and waits until that is done.
    pub(crate) async fn leave(&self) {
        self.goodbye.send_replace(true);
        let task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(task) = task {
            // A task that panicked has left as well.
            let _ = task.await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Nobody can ask any more; the task says goodbye if it can.
        self.goodbye.send_replace(true);
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}

struct Run {
    link: Link,
    name: String,
    lease: Duration,
    clock: Arc<dyn Clock>,
    left: watch::Receiver<bool>,
    /// Whether the lease was extended since this was last asked.
    granted: bool,
}

/// Why one connection ended.
enum End {
    Left,
    Failed(String),
    /// The authority closed it because the client was cut, or the token that it showed.
    Evicted(String),
}

impl From<LinkError> for End {
    fn from(error: LinkError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Unfollowable> for End {
    fn from(error: Unfollowable) -> Self {
        match error {
            Unfollowable::Closed { reason: Closing::Evicted, .. } => Self::Evicted(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

async fn follow(mut run: Run, mut keeper: Keeper) {
    let (mut pause, mut worries) = (Pause::new(run.lease), Worries::default());
    loop {
        let mut left = run.left.clone();
        let began = Instant::now();
        let end = connect(&mut run, &mut keeper).await;
        // A connection that held for a while was a good one.
        if began.elapsed() > run.lease {
            pause.reset();
            if std::mem::take(&mut run.granted) {
                worries.reset();
            }
        }
        let why = match end {
            End::Left => {
                keeper.break_off(crate::rejected::Break::Left);
                return;
            }
            End::Failed(why) => why,
            End::Evicted(why) => {
                run.link.forget_token();
                why
            }
        };
        if worries.is_news(&why, Instant::now()) {
            tracing::warn!(verifier = run.name, why, "the feed broke off; connecting again");
        } else {
            tracing::debug!(verifier = run.name, why, "the feed broke off again");
        }
        tokio::select! {
            () = sleep(pause.next()) => {}
            () = told(&mut left) => {}
        }
    }
}

/// One connection, from the hello to its end.
async fn connect(run: &mut Run, keeper: &mut Keeper) -> End {
    let mut left = run.left.clone();
    let socket = tokio::select! {
        socket = timeout(PATIENCE, run.link.connect()) => socket,
        _ = left.wait_for(|left| *left) => return End::Left,
    };
    let socket = match socket {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return error.into(),
        Err(_) => return End::Failed("connecting took too long".into()),
    };
    let (Ok(end) | Err(end)) = subscribe(run, keeper, socket).await;
    end
}

async fn subscribe(run: &mut Run, keeper: &mut Keeper, mut socket: Socket) -> Result<End, End> {
    let mut left = run.left.clone();
    let mut subscription = Subscription::new(keeper, run.lease);
    let hello = subscription.hello(&run.name, run.lease);
    say(&mut socket, &Request::Hello(hello)).await?;
    let beat = run.lease / 3;
    let mut beats = every(beat);
    // Makes an authority say something that has nothing to say, where echoes are too far apart to show that it is there.
    let pinging = silence::longest_between_echoes(run.lease) > PATIENCE;
    let mut pings = every(PATIENCE / 2);
    // Silence for too long means that the connection is dead, whatever the system says.
    let mut silence = Silence::new(Instant::now(), socket.get_ref().read());
    loop {
        let heard = tokio::select! {
            () = told(&mut left) => {
                subscription.leave();
                let _ = timeout(beat, say(&mut socket, &Request::Goodbye)).await;
                return Ok(End::Left);
            }
            () = tokio::time::sleep_until(silence.until()) => {
                if silence.has_lasted(Instant::now(), socket.get_ref().read()) {
                    return Err(End::Failed("the authority is silent".into()));
                }
                continue;
            }
            _ = pings.tick(), if pinging => {
                put(&mut socket, Frame::Ping(Bytes::new())).await?;
                continue;
            }
            _ = beats.tick() => None,
            heard = socket.next() => Some(heard),
        };
        if heard.is_some() {
            silence.heard(Instant::now(), socket.get_ref().read());
        }
        let next = match heard {
            None => Next::Acknowledge,
            Some(Some(Ok(Frame::Text(text)))) => subscription.hear(&text)?,
            Some(Some(Ok(Frame::Ping(_) | Frame::Pong(_)))) => Next::Listen,
            Some(Some(Ok(Frame::Binary(_)))) => return Err(subscription.refuse("a message that is no text").into()),
            Some(Some(Ok(_))) => return Err(End::Failed("the authority closed the connection".into())),
            Some(Some(Err(error))) => return Err(End::Failed(error.to_string())),
            Some(None) => return Err(End::Failed("the connection is gone".into())),
        };
        match next {
            Next::Listen => {}
            Next::Extended => {
                run.granted = true;
                silence.extended(Instant::now(), socket.get_ref().read(), run.lease);
            }
            Next::Acknowledge => {
                // The last thing before it is written.
                if let Some(ack) = subscription.ack(run.clock.boottime()) {
                    say(&mut socket, &Request::Ack(ack)).await?;
                }
            }
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Resolves once the verifier is to leave.
async fn told(left: &mut watch::Receiver<bool>) {
    // Where nobody can say so any more, nobody can ask either.
    drop(left.wait_for(|left| *left).await);
}

async fn say(socket: &mut Socket, request: &Request) -> Result<(), End> {
    let text = serde_json::to_string(request).map_err(|error| End::Failed(error.to_string()))?;
    put(socket, Frame::text(text)).await
}

async fn put(socket: &mut Socket, frame: Frame) -> Result<(), End> {
    match timeout(PATIENCE, socket.send(frame)).await {
        Ok(sent) => sent.map_err(|error| End::Failed(error.to_string())),
        Err(_) => Err(End::Failed("the authority does not read".into())),
    }
}
