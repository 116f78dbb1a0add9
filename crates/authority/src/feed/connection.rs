//! One verifier's WebSocket: the hello, what is missing, then frames, acknowledgements and echoes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use rescind_domain::Error;
use rescind_domain::store::View;
use rescind_domain::verbs::begin_epoch;
use rescind_domain::verbs::follow_log::{self, Beginning};
use rescind_wire::feed::{Closing, Hello, MAX_NAME, MIN_LEASE, Message, Request, Resume, Snapshot};
use rescind_wire::{Entry, Position};
use tokio::time::timeout;

use super::frames::{Beside, TOGETHER, frames, text};
use super::hub::{Follower, Hub, Line, Out};
use crate::authority::Authority;
use crate::follower::entry;

/// How long a verifier may take to say hello, or to take one message.
const PATIENCE: Duration = Duration::from_secs(10);

type Sink = SplitSink<WebSocket, Frame>;
type Stream = SplitStream<WebSocket>;

/// Why a connection ends.
#[derive(Debug)]
pub enum Denied {
    /// The authority closes it.
    Close(Closing, String),
    /// It is gone.
    Gone,
}

impl From<Closing> for Denied {
    fn from(reason: Closing) -> Self {
        Self::Close(reason, advice(reason).to_owned())
    }
}

impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        tracing::warn!(%error, "a verifier could not be served");
        Self::Close(Closing::Stopping, "the log cannot be read; connect again".to_owned())
    }
}

/// What to do about it, for people.
fn advice(reason: Closing) -> &'static str {
    match reason {
        Closing::Protocol => "that is not what docs/feed.md lets a verifier say here",
        Closing::Lease => "that lease is too short, or longer than feed.max_lease permits",
        Closing::TooMany => "this client has as many connections as feed.connections allows",
        Closing::Evicted => "the client was revoked, or an administrator evicted this verifier",
        Closing::TooSlow => "read faster, or connect again for a snapshot",
        Closing::Lapsed => "the acknowledgement came after its lease had ended; connect again",
        Closing::Epoch => "a new epoch began; connect again for a snapshot",
        Closing::ForgedTag => "that tag was not made here: is this the authority that was followed before?",
        Closing::Stopping => "the authority stops or begins anew; connect again",
    }
}

/// Who connects, before it has said what it is called: `lease` and `name` come with the hello.
pub async fn follow(authority: Arc<Authority>, socket: WebSocket, who: Follower) {
    let (mut sink, mut stream) = socket.split();
    let (client, address) = (who.client.clone(), who.address);
    let denied = match serve(&authority, &mut sink, &mut stream, who).await {
        Ok(()) => return,
        Err(denied) => denied,
    };
    let Denied::Close(reason, detail) = denied else { return };
    tracing::info!(%client, ?address, reason = reason.as_str(), "a verifier's connection was closed");
    let said = Message::Close { reason, detail };
    let close = CloseFrame { code: close_code::POLICY, reason: reason.as_str().into() };
    let _ = timeout(PATIENCE, async {
        let _ = sink.send(Frame::text(text(&said))).await;
        let _ = sink.send(Frame::Close(Some(close))).await;
    })
    .await;
}

async fn serve(authority: &Arc<Authority>, sink: &mut Sink, stream: &mut Stream, who: Follower) -> Result<(), Denied> {
    let hello = greet(stream).await?;
    let lease = lease_of(authority, &hello)?;
    let token = follow_log::Shown {
        client: who.client.clone(),
        token: who.token,
        key: who.key.clone(),
        position: who.position,
    };
    let follower = Follower { name: hello.verifier.clone(), lease, ..who };
    let mut line = authority.hub.connect(follower, authority.config.feed.connections as usize)?;
    // What is cut from here on closes the connection. What was cut while the hello was awaited is found now.
    if !follow_log::may_follow(&authority.world, token).await? {
        return Err(Closing::Evicted.into());
    }
    let closer = Arc::clone(&line.closer);
    let id = line.id;
    let reading = listen(authority, id, stream);
    let writing = async {
        catch_up(authority, sink, &line, &hello).await?;
        relay(sink, &mut line).await
    };
    tokio::select! {
        outcome = reading => outcome,
        outcome = writing => outcome,
        reason = closer.closed() => Err(reason.into()),
    }
}

async fn greet(stream: &mut Stream) -> Result<Hello, Denied> {
    let first = timeout(PATIENCE, next(stream)).await.map_err(|_| Denied::from(Closing::Protocol))??;
    match first {
        Some(Request::Hello(hello)) if (1..=MAX_NAME).contains(&hello.verifier.len()) => Ok(hello),
        Some(_) => Err(Closing::Protocol.into()),
        None => Err(Denied::Gone),
    }
}

fn lease_of(authority: &Authority, hello: &Hello) -> Result<Duration, Denied> {
    let lease = Duration::from_millis(hello.lease_ms);
    let longest = authority.config.feed.max_lease;
    if hello.lease_ms < MIN_LEASE || lease > longest {
        let permitted = format!("{MIN_LEASE} to {} ms, which is what feed.max_lease permits", longest.as_millis());
        return Err(Denied::Close(Closing::Lease, format!("declare a lease of {permitted}")));
    }
    Ok(lease)
}

/// Sends what the verifier misses, until it has all that was sent to the others.
async fn catch_up(authority: &Authority, sink: &mut Sink, line: &Line, hello: &Hello) -> Result<(), Denied> {
    let held = hello.held.clone();
    let world = &authority.world;
    let held = held.map(|held| (held.position, held.tag));
    let beginning = follow_log::begin(world, held).await?;
    let Beginning { head, after, forged, .. } = &beginning;
    if *forged {
        tracing::error!(verifier = hello.verifier, "a verifier showed a tag of the log that was not made here");
        return Err(Closing::ForgedTag.into());
    }
    if let Some((proof, tag)) = beginning.proof {
        if begin_epoch::if_tag_proves(world, proof, tag).await?.is_some() {
            authority.hint();
        }
        return Err(Closing::Epoch.into());
    }
    let (mut position, end) = (*after, head.number);
    // What is resumed is acknowledged as soon as it is heard, perhaps before what is missing was read here.
    authority.hub.sent(line.id, position);
    send(sink, &opening(&beginning)).await?;
    while position < end {
        let entries = read(authority, position, end).await?;
        position = entries.last().map_or(end, |last| last.number);
        authority.hub.sent(line.id, position);
        send_entries(sink, &entries, &beginning).await?;
    }
    authority.hub.sent(line.id, position);
    while !authority.hub.go_live(line.id, Position { epoch: head.epoch, number: position })? {
        let entries = read(authority, position, u64::MAX).await?;
        let Some(last) = entries.last() else { continue };
        position = last.number;
        authority.hub.sent(line.id, position);
        send_entries(sink, &entries, &beginning).await?;
    }
    Ok(())
}

async fn send_entries(sink: &mut Sink, entries: &[Entry], beginning: &Beginning) -> Result<(), Denied> {
    let beside = Beside { floor: beginning.floor, longest_lifetime: beginning.longest.as_secs() };
    for frame in frames(entries, beside) {
        put(sink, Frame::Text(frame)).await?;
    }
    Ok(())
}

fn opening(beginning: &Beginning) -> Message {
    let (floor, longest_lifetime) = (beginning.floor, beginning.longest.as_secs());
    match &beginning.snapshot {
        None => Message::Resume(Resume { floor, longest_lifetime }),
        Some((epochs, keys)) => Message::Snapshot(Snapshot {
            epochs: epochs.clone(),
            position: beginning.head.number,
            floor,
            floor_at: beginning.floor_at.map(|at| at.0),
            longest_lifetime,
            keys: keys.clone(),
        }),
    }
}

/// A batch of entries after `number`, and none after `end`.
async fn read(authority: &Authority, number: u64, end: u64) -> Result<Vec<Entry>, Error> {
    let together = u32::try_from(TOGETHER).unwrap_or(u32::MAX);
    let rows = move |view: &dyn View| Ok(view.log_after(number, together)?);
    let rows = authority.world.store.read("feed_entries", rows).await?;
    Ok(rows.iter().map(entry).filter(|entry| entry.number <= end).collect())
}

/// Sends what comes out of the queue.
async fn relay(sink: &mut Sink, line: &mut Line) -> Result<(), Denied> {
    while let Some(out) = line.queue.recv().await {
        let frame = match out {
            Out::Frame(text) => Frame::Text(text),
            Out::Echo(number) => Frame::text(text(&Message::Echo { number })),
        };
        put(sink, frame).await?;
    }
    Err(Denied::Gone)
}

/// Hears acknowledgements until the verifier leaves.
async fn listen(authority: &Authority, id: u64, stream: &mut Stream) -> Result<(), Denied> {
    let hub: &Hub = &authority.hub;
    loop {
        match next(stream).await? {
            Some(Request::Ack(ack)) => {
                let arrived = authority.clock.boottime();
                if hub.ack(id, ack, arrived)? {
                    authority.read_log_soon();
                }
            }
            Some(Request::Goodbye) => {
                hub.goodbye(id);
                return Ok(());
            }
            Some(Request::Hello(_)) => return Err(Closing::Protocol.into()),
            None => return Err(Denied::Gone),
        }
    }
}

/// What the verifier says next; nothing if it is gone.
async fn next(stream: &mut Stream) -> Result<Option<Request>, Denied> {
    loop {
        match stream.next().await {
            None | Some(Err(_) | Ok(Frame::Close(_))) => return Ok(None),
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
            Some(Ok(Frame::Binary(_))) => return Err(Closing::Protocol.into()),
            Some(Ok(Frame::Text(said))) => {
                let request = serde_json::from_str(&said).map_err(|_| Denied::from(Closing::Protocol))?;
                return Ok(Some(request));
            }
        }
    }
}

async fn send(sink: &mut Sink, message: &Message) -> Result<(), Denied> {
    put(sink, Frame::text(text(message))).await
}

/// One that does not take a message in time is dropped.
async fn put(sink: &mut Sink, frame: Frame) -> Result<(), Denied> {
    match timeout(PATIENCE, sink.send(frame)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Denied::Gone),
        Err(_) => Err(Closing::TooSlow.into()),
    }
}
