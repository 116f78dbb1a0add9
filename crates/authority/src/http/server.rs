//! Serving HTTP/1.1: bounded heads, bounded connections, nobody waits for anybody who stalls, and a shutdown that lets
//! requests in flight finish.

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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt as _;

use super::patience::Patient;
use crate::config::Http;

/// The most bytes of a request's head: room for an access token of 8 KiB and what browsers and proxies add.
const LONGEST_HEAD: usize = 32 * 1024;

/// The most headers of a request.
const MOST_HEADERS: usize = 100;

/// The most connections at a time, so that all their heads and bodies together stay within some hundred megabytes.
/// Further ones wait in the system's queue.
const MOST_CONNECTIONS: u32 = 4096;

/// How long to wait after the system refused a connection, for want of file descriptors as a rule.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// What a server allows its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may take to send the head of a request, and how long a connection may idle.
    pub header_timeout: Duration,
    /// How long a request may take, how long a client may stall while it is being answered, and how long requests in
    /// flight are waited for when the server shuts down.
    pub request_timeout: Duration,
    /// How many connections there may be.
    pub connections: u32,
}

impl From<&Http> for Limits {
    fn from(http: &Http) -> Self {
        Self {
            header_timeout: http.header_timeout,
            request_timeout: http.request_timeout,
            connections: MOST_CONNECTIONS,
        }
    }
}

/// Serves until `shutdown` resolves and the requests that are in flight then are answered.
///
/// # Errors
/// Only if the listener itself is of no use any more.
pub async fn run(
    listener: TcpListener,
    router: Router,
    limits: impl Into<Limits>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let limits = limits.into();
    let (stop, stopping) = watch::channel(());
    let permits = Arc::new(Semaphore::new(limits.connections as usize));
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
                let connection = Connection { router: router.clone(), peer, limits, permit };
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
    peer: SocketAddr,
    limits: Limits,
    permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, mut stopping: watch::Receiver<()>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let (router, peer) = (self.router, self.peer);
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let stream = TokioIo::new(Patient::new(stream, self.limits.request_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(LONGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .serve_connection(stream, service)
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
            // Clients hang up, stall and send garbage all day: worth a line only to whoever looks for it.
            tracing::debug!(%error, "a connection broke off");
        }
        drop(self.permit);
    }
}
