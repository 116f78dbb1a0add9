//! An authority that says what the test likes, over real sockets, and a verifier that follows it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rescind_verifier::{Builder, Presented, Rejected, Verifier};
use rescind_wire::feed::{Ack, Entries, Held, Message, Request, Resume, SUBPROTOCOL, Snapshot};
use rescind_wire::{Entry, Epochs};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server as handshake;

use crate::support::{AUDIENCE, HEAD, ISSUER, LIFETIME, World, epoch, one_session, revocation, unrelated};

/// Long enough that beats, which come every third of it, play no part on a machine that stalls.
pub(crate) const LEASE: Duration = Duration::from_mins(1);

/// Long enough for anything that is bound to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The log: an entry that covers nobody, then the end of session 1 of user 1.
pub(crate) fn log() -> [Entry; 2] {
    [unrelated(HEAD + 1), revocation(HEAD + 2, one_session(1, 1))]
}

/// Where it listens; asked for a token, it gives one.
pub(crate) struct Impostor {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Impostor {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        Self { listener, address }
    }

    /// A verifier that follows it, by the clocks of a world.
    pub(crate) fn verifier(&self, world: &World) -> Verifier {
        self.verifier_with(world, |builder| builder)
    }

    pub(crate) fn verifier_with(&self, world: &World, configure: impl FnOnce(Builder) -> Builder) -> Verifier {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).clock(world.clock.clone()).cache_tokens(16);
        let builder = builder.authority(format!("http://{}", self.address)).client("shop", "secret").lease(LEASE);
        configure(builder).build().expect("good settings")
    }

    /// Whoever connects next, before anything was read.
    pub(crate) async fn anybody(&self) -> TcpStream {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("somebody comes").expect("accepted");
        stream.set_nodelay(true).expect("set");
        stream
    }

    /// Whoever comes to the feed next; whoever asks for a token before that is given one.
    pub(crate) async fn follower(&self) -> TcpStream {
        loop {
            let mut stream = self.anybody().await;
            if !asks_for_a_token(&stream).await {
                return stream;
            }
            answer(&mut stream, "200 OK", TOKEN).await.expect("answered");
        }
    }

    /// The next connection to the feed.
    pub(crate) async fn line(&self) -> Line {
        Line::welcome(Cut::never(self.follower().await)).await.expect("a WebSocket")
    }
}

/// What is given for a token.
pub(crate) const TOKEN: &str = r#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":300}"#;

pub(crate) async fn asks_for_a_token(stream: &TcpStream) -> bool {
    let mut first = [0; 1];
    let peeked = timeout(PATIENCE, stream.peek(&mut first)).await.expect("something is said");
    matches!(peeked, Ok(1)) && first[0] == b'P'
}

/// Reads a request that ends with the scope that it asks for, and answers it.
pub(crate) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    status: &str,
    body: &str,
) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"scope=rescind%3Afeed") {
        if stream.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.flush().await
}

/// A connection to the feed.
pub(crate) struct Line {
    pub(crate) socket: WebSocketStream<Cut>,
}

impl Line {
    #[expect(clippy::result_large_err, reason = "the callback's type is the library's")]
    pub(crate) async fn welcome(stream: Cut) -> Option<Self> {
        let protocol = |_: &handshake::Request, mut response: handshake::Response| {
            response.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().expect("a header"));
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, protocol).await.ok()?;
        Some(Self { socket })
    }

    /// Nothing once the connection is gone.
    pub(crate) async fn say(&mut self, message: &Message) -> Option<()> {
        self.say_text(&serde_json::to_string(message).expect("JSON")).await
    }

    pub(crate) async fn say_text(&mut self, text: &str) -> Option<()> {
        self.socket.send(Frame::text(text)).await.ok()
    }

    /// What the verifier says next; nothing once the connection is gone.
    pub(crate) async fn hear(&mut self) -> Option<Request> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something is said") {
                Some(Ok(Frame::Text(text))) => return Some(serde_json::from_str(&text).expect("a request")),
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                Some(Ok(_) | Err(_)) | None => return None,
            }
        }
    }

    /// What the verifier has.
    pub(crate) async fn hello(&mut self) -> Option<Option<Held>> {
        match self.hear().await? {
            Request::Hello(hello) => Some(hello.held),
            other => panic!("no hello: {other:?}"),
        }
    }

    /// The next acknowledgement of this position or a later one.
    pub(crate) async fn ack(&mut self, position: u64) -> Option<Ack> {
        loop {
            match self.hear().await? {
                Request::Ack(ack) if ack.position >= position => return Some(ack),
                Request::Ack(_) => {}
                other => panic!("no acknowledgement: {other:?}"),
            }
        }
    }

    pub(crate) async fn entries(&mut self, entries: &[Entry]) -> Option<()> {
        let entries = entries.to_vec();
        self.say(&Message::Entries(Entries { entries, floor: HEAD, longest_lifetime: LIFETIME })).await
    }

    /// A snapshot of the epoch that all tests begin in, of these entries.
    pub(crate) async fn snapshot(&mut self, world: &World, entries: &[Entry]) -> Option<()> {
        self.snapshot_of(world, Epochs::first(epoch(1)), entries).await
    }

    pub(crate) async fn snapshot_of(&mut self, world: &World, epochs: Epochs, entries: &[Entry]) -> Option<()> {
        self.announce(world, epochs, entries.len() as u64).await?;
        self.entries(entries).await
    }

    /// A snapshot of so many entries, which do not come yet.
    pub(crate) async fn announce(&mut self, world: &World, epochs: Epochs, entries: u64) -> Option<()> {
        let snapshot = Snapshot {
            epochs,
            position: HEAD + entries,
            floor: HEAD,
            floor_at: None,
            longest_lifetime: LIFETIME,
            keys: vec![world.signer.jwk()],
        };
        self.say(&Message::Snapshot(snapshot)).await
    }

    /// All of the log, to a verifier that has this much of it.
    pub(crate) async fn catch_up(&mut self, world: &World, held: Option<&Held>) -> Option<()> {
        let Some(held) = held else { return self.snapshot(world, &log()).await };
        self.say(&Message::Resume(Resume { floor: HEAD, longest_lifetime: LIFETIME })).await?;
        let missing: Vec<Entry> = log().into_iter().filter(|entry| entry.number > held.position.number).collect();
        self.entries(&missing).await
    }

    /// Grants a lease that runs from now on.
    pub(crate) async fn grant(&mut self, position: u64) -> Option<()> {
        self.settled().await?;
        self.entries(&[]).await?;
        let number = self.ack(position).await?.number;
        self.say(&Message::Echo { number }).await?;
        self.settled().await
    }

    /// Waits until the verifier has dealt with all that was said, and drops what it said meanwhile: it reads a ping after
    /// that, and writes the pong after its own words.
    pub(crate) async fn settled(&mut self) -> Option<()> {
        self.socket.send(Frame::Ping("settled".into())).await.ok()?;
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something is said") {
                Some(Ok(Frame::Pong(_))) => return Some(()),
                Some(Ok(Frame::Text(_) | Frame::Ping(_))) => {}
                Some(Ok(_) | Err(_)) | None => return None,
            }
        }
    }

    /// Waits until the verifier hangs up.
    pub(crate) async fn until_gone(&mut self) {
        while self.hear().await.is_some() {}
    }
}

pub(crate) fn check(verifier: &Verifier, token: &str) -> Result<(), Rejected> {
    verifier.verify(&Presented::bearer(token)).map(|_| ())
}

/// Runs a test's own end of things, and ends the verifier's with it.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async { timeout(PATIENCE * 10, future).await.expect("it ends") })
}

/// A connection that breaks once so many bytes were read or written.
pub(crate) struct Cut {
    stream: TcpStream,
    reads: usize,
    writes: usize,
}

impl Cut {
    pub(crate) fn never(stream: TcpStream) -> Self {
        Self::after(stream, usize::MAX, usize::MAX)
    }

    pub(crate) fn after(stream: TcpStream, reads: usize, writes: usize) -> Self {
        Self { stream, reads, writes }
    }

    /// The bytes that it could still have read and written.
    pub(crate) fn left(&self) -> (usize, usize) {
        (self.reads, self.writes)
    }
}

impl AsyncRead for Cut {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.reads == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let most = into.remaining().min(self.reads);
        let mut limited = ReadBuf::new(into.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut limited))?;
        let read = limited.filled().len();
        into.advance(read);
        self.reads -= read;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.writes == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let most = bytes.len().min(self.writes);
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..most]))?;
        self.writes -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
