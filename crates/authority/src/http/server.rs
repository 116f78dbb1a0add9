//! Serving HTTP/1.1, in TLS or not, and HTTP/2 in TLS (`multiplexed.rs`): bounded heads, bounded connections, nobody
//! waits for anybody who stalls, and a shutdown that lets requests in flight finish.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::multiplexed::{self, Reception};
use super::patience::Patient;
use super::stream::Stopping;
use super::turned_away::TurnedAway;
use crate::config::Http;
use crate::tls::{self, Tls};

/// The most bytes of a request's head: room for an access token of 8 KiB and what browsers and proxies add.
pub(super) const LONGEST_HEAD: usize = 32 * 1024;

/// The most headers of a request.
pub(super) const MOST_HEADERS: usize = 100;

/// The most connections at a time, so that all their heads and bodies together stay within some hundred megabytes.
/// Further ones wait in the system's queue.
const MOST_CONNECTIONS: u32 = 4096;

/// The most requests at a time on one connection of HTTP/2: no fewer than clients count on (RFC 9113 §6.5.2).
const MOST_STREAMS: u32 = 100;

/// The most requests at a time on all connections of HTTP/2.
const MOST_REQUESTS: u32 = 8192;

/// How long to wait after the system refused a connection, for want of file descriptors as a rule.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// What a server allows its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may take to shake hands, or to send the head of a request, and how long a connection may idle.
    pub header_timeout: Duration,
    /// How long a request may take, how long a client may stall while it is being answered, and how long requests in
    /// flight are waited for when the server shuts down.
    pub request_timeout: Duration,
    /// How many connections there may be.
    pub connections: u32,
    /// How many requests one connection of HTTP/2 may have open.
    pub streams: u32,
    /// How many all of them may have open.
    pub requests: u32,
}

impl From<&Http> for Limits {
    fn from(http: &Http) -> Self {
        Self {
            header_timeout: http.header_timeout,
            request_timeout: http.request_timeout,
            connections: MOST_CONNECTIONS,
            streams: MOST_STREAMS,
            requests: MOST_REQUESTS,
        }
    }
}

/// What a client gets that speaks plain HTTP where HTTPS is spoken, so that whoever mistyped a URL sees why.
const WRONG_PROTOCOL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 51\r\nconnection: close\r\n\r\nThis port speaks HTTPS: the URL begins with https.\n";

/// The most bytes that are read of a request that was sent in the wrong protocol.
const MOST_WRONG: u64 = 64 * 1024;

/// Where clients come in.
pub struct Entrance {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Entrance {
    /// One where clients speak TLS, if there is anything to do so with.
    pub fn new(listener: TcpListener, tls: Option<Arc<Tls>>) -> Self {
        Self { listener, tls }
    }

    /// What they speak TLS with.
    pub fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }
}

impl From<TcpListener> for Entrance {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// Serves until `shutdown` resolves and the requests that are in flight then are answered. Streams end at once.
///
/// # Errors
/// Only if the listener itself is of no use any more.
pub async fn run(
    entrance: impl Into<Entrance>,
    router: Router,
    limits: impl Into<Limits>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (limits, Entrance { listener, tls }) = (limits.into(), entrance.into());
    let (stop, stopping) = watch::channel(());
    let permits = Arc::new(Semaphore::new(limits.connections as usize));
    let places = Arc::new(Semaphore::new(limits.requests as usize));
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            // The permit first: a connection that cannot be served yet is not taken from the system's queue.
            let permit = Arc::clone(&permits).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            (accepted, Ok(permit)) = next => (accepted, permit),
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, tls, places) = (router.clone(), tls.clone(), Arc::clone(&places));
                let connection = Connection { router, tls, peer, limits, permit, places };
                tokio::spawn(connection.serve(stream, stopping.clone()));
            }
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "a connection was refused");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
    drop(listener);
    drop(stopping);
    drop(stop);
    // All permits are back once every connection has gone.
    let gone = permits.acquire_many(limits.connections);
    if tokio::time::timeout(limits.request_timeout, gone).await.is_err() {
        tracing::warn!("some requests took too long to finish; they were cut off");
    }
    Ok(())
}

/// Whether no later connection can fare better (`accept(2)`). Everything else passes: a client that is gone already, a
/// limit that is reached.
fn is_fatal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput || error.raw_os_error() == Some(Errno::BADF.raw_os_error())
}

/// One connection.
struct Connection {
    router: Router,
    tls: Option<Arc<Tls>>,
    peer: SocketAddr,
    limits: Limits,
    permit: OwnedSemaphorePermit,
    places: Arc<Semaphore>,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream, mut stopping: watch::Receiver<()>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let Some(tls) = self.tls.take() else {
            let stream = Patient::new(stream, self.limits.request_timeout);
            return self.converse(stream, stopping).await;
        };
        let shaken = tokio::time::timeout(self.limits.header_timeout, shake(&tls, stream, self.limits.request_timeout));
        let shaken = tokio::select! {
            shaken = shaken => shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            // Nothing was asked yet.
            _ = stopping.changed() => return,
        };
        match shaken {
            Ok(stream) if stream.get_ref().1.alpn_protocol() == Some(tls::HTTP_2) => {
                let Self { router, peer, limits, permit, places, .. } = self;
                multiplexed::converse(Reception { router, peer, limits, places }, stream, stopping).await;
                drop(permit);
            }
            Ok(stream) => self.converse(stream, stopping).await,
            Err(error) => tracing::debug!(%error, "no TLS connection came about"),
        }
    }

    async fn converse<S>(self, stream: S, mut stopping: watch::Receiver<()>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (router, peer) = (self.router, self.peer);
        let told = Stopping(Some(stopping.clone()));
        let unread = router.clone();
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(told.clone());
            router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(LONGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let outcome = tokio::select! {
            outcome = &mut connection => outcome,
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            // These hyper has answered by itself, without asking anybody.
            if error.is_parse_too_large() {
                TurnedAway::TooLarge.note_unread(unread).await;
            } else if error.is_parse() {
                TurnedAway::Malformed.note_unread(unread).await;
            }
            // Clients hang up, stall and send garbage all day: worth a line only to whoever looks for it.
            tracing::debug!(%error, "a connection broke off");
        }
        drop(self.permit);
    }
}

/// Shakes hands, or tells a client that speaks plain HTTP that it should not.
async fn shake(tls: &Tls, mut stream: TcpStream, patience: Duration) -> io::Result<TlsStream<Patient>> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    // A TLS client begins with the byte 22 (RFC 8446 §5.1), HTTP with the first letter of a method.
    if !first[0].is_ascii_uppercase() {
        return tls.accept(Patient::new(stream, patience)).await;
    }
    stream.write_all(WRONG_PROTOCOL).await?;
    stream.shutdown().await?;
    // Closing a connection with bytes that nobody read would take the answer away from the client.
    tokio::io::copy(&mut stream.take(MOST_WRONG), &mut tokio::io::sink()).await?;
    Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP where HTTPS is spoken"))
}
