//! `rescind serve`: puts the parts together, says when it is ready, and takes them apart in order.

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use rescind_domain::Error;
use rescind_domain::audience::ISSUER_SETTING;
use rescind_domain::secret::Secret;
use rescind_domain::verbs::{keep_house, set_up};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use crate::ambient::SystemClock;
use crate::authority::{Authority, StartError};
use crate::config::{Config, Loaded};
use crate::data_dir::{DataDir, DataDirError};
use crate::http::server::Entrance;
use crate::renewal::{self, Renew};
use crate::store::sqlite::Role;
use crate::tls::Tls;
use crate::{follower, hint, housekeeping, http, traces};

/// The setting that keeps what the server last called itself.
pub const ISSUER: &str = ISSUER_SETTING;

/// A server that accepts connections.
#[derive(Debug)]
pub struct Ready {
    /// Where: the port that it took, if any would do.
    pub address: SocketAddr,
    /// The same as a URL.
    pub url: String,
    /// The URL by which people reach it: where it speaks HTTPS, that of the issuer, for which its certificate is.
    pub reached_at: String,
    /// Whether there are pages, and a set-up link leads somewhere.
    pub has_pages: bool,
    /// The token of a set-up link, if there is no administrator yet.
    pub set_up: Option<Secret>,
}

/// Why a server stopped before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Signals of the system cannot be waited for.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    /// The verifier could not be brought up to date.
    #[error("the log cannot be read: see what was logged")]
    Log,
    /// The HTTP server failed.
    #[error("the HTTP server failed: {0}")]
    Http(std::io::Error),
    /// Something that has to run as long as the server does has ended.
    #[error("a part of the server failed: see what was logged")]
    Part,
}

impl From<DataDirError> for ServeError {
    fn from(error: DataDirError) -> Self {
        Self::Start(error.into())
    }
}

impl From<Error> for ServeError {
    fn from(error: Error) -> Self {
        Self::Start(error.into())
    }
}

/// Runs a server until SIGTERM or SIGINT; `announce` is called once it accepts connections.
pub async fn serve(loaded: Loaded, announce: impl FnOnce(&Ready)) -> Result<(), ServeError> {
    serve_until(loaded, announce, Stop::signals().map_err(ServeError::Signals)?).await
}

/// Runs a server until it is stopped; `announce` is called once it accepts connections.
pub async fn serve_until(loaded: Loaded, announce: impl FnOnce(&Ready), stop: Stop) -> Result<(), ServeError> {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let config = Arc::new(loaded.config);
    let tls = tls(&config)?;
    let data = DataDir::open_or_make(&config.data)?;
    // Dropped last: until then nobody else takes the socket's place.
    let _lock = data.lock()?;
    let (listener, address) = listen(config.listen).await?;
    // Before anything is read: a command line that finds no socket has committed what is read from here on.
    let socket = Socket::bind(&data)?;
    let authority = open(&config, &data, address).await?;
    let mut parts = JoinSet::new();
    parts.spawn(follower::follow(Arc::clone(&authority)));
    parts.spawn(hint::listen(Arc::clone(&authority), socket.listener));
    // First: where the log had become too long for the verifier, only a floor that rises makes room.
    if let Err(error) = housekeeping::tidy(&authority).await {
        tracing::warn!(%error, "the floor was not raised");
    }
    synced(&authority).await?;
    parts.spawn(housekeeping::keep(Arc::clone(&authority)));
    parts.spawn(traces::keep(Arc::clone(&authority)));
    let renewed = renewed(tls.as_ref(), &authority);
    if !renewed.is_empty() || !std::io::stdin().is_terminal() {
        let hangups = stop.hangups().map_err(ServeError::Signals)?;
        parts.spawn(renewal::keep(renewed, hangups, renewal::EVERY));
    }
    let set_up = set_up::offer(&authority.world).await?;
    let url = config.url_of(address);
    let reached_at = reached_at(&authority.world.policy.issuer).unwrap_or_else(|| config.url_of(here(address)));
    let has_pages = http::pages::are_served(&authority.world.policy.issuer);
    if !has_pages {
        let issuer = &authority.world.policy.issuer;
        tracing::warn!(
            issuer,
            "the pages are off: issuer is plain HTTP, and not of this machine. Over https:// they are on"
        );
    }
    announce(&Ready { address, url, reached_at, has_pages, set_up });
    tracing::info!(%address, issuer = authority.world.policy.issuer, data = %data.path().display(), "ready");
    let outcome = run(&authority, Entrance::new(listener, tls), &mut parts, stop).await;
    authority.stop();
    hint::finish(&authority).await;
    traces::finish(&authority).await;
    parts.shutdown().await;
    flush(&authority).await;
    drop(socket.path);
    tracing::info!("stopped");
    outcome
}

/// Serves requests until a signal comes or a part fails; requests that are under way are finished.
async fn run(
    authority: &Arc<Authority>,
    entrance: Entrance,
    parts: &mut JoinSet<()>,
    mut stop: Stop,
) -> Result<(), ServeError> {
    let stopping = Arc::new(Notify::new());
    let told = Arc::clone(&stopping);
    let router = http::router_with_certificate(Arc::clone(authority), entrance.tls());
    let server = http::server::run(entrance, router, &authority.config.http, async move { told.notified().await });
    let mut server = std::pin::pin!(server);
    let failed = tokio::select! {
        outcome = &mut server => return outcome.map_err(ServeError::Http),
        name = stop.signal() => {
            tracing::info!(signal = name, "stopping: no new connections, requests under way are finished");
            false
        }
        _ = parts.join_next() => {
            tracing::error!("a part of the server has ended; stopping");
            true
        }
    };
    stopping.notify_one();
    authority.stop();
    tokio::select! {
        outcome = &mut server => outcome.map_err(ServeError::Http)?,
        name = stop.signal() => tracing::warn!(signal = name, "stopping at once: told so again"),
    }
    if failed { Err(ServeError::Part) } else { Ok(()) }
}

/// Where people reach the pages of an issuer that is not of this machine alone: at its origin, through a proxy or not.
fn reached_at(issuer: &str) -> Option<String> {
    let host = issuer.strip_prefix("https://")?.split('/').next()?;
    Some(format!("https://{host}"))
}

/// Where whoever sits at this machine reaches a server that listens at `address`: none goes by the unspecified one.
fn here(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        named => named,
    };
    SocketAddr::new(ip, address.port())
}

/// Certificate and key, where the server is to speak HTTPS.
fn tls(config: &Config) -> Result<Option<Arc<Tls>>, StartError> {
    let Some((cert, key)) = config.tls.files() else { return Ok(None) };
    Ok(Some(Arc::new(Tls::open(cert, key, SystemClock::start())?)))
}

/// What is read again while the server runs.
fn renewed(tls: Option<&Arc<Tls>>, authority: &Authority) -> Vec<Arc<dyn Renew>> {
    let tls = tls.into_iter().map(|tls| Arc::clone(tls) as Arc<dyn Renew>);
    tls.chain(authority.places.iter().map(|places| Arc::clone(places) as Arc<dyn Renew>)).collect()
}

async fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen { address: wanted, error };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Opens the authority under the name that it has at this address. The lifetime of its tokens is recorded before the
/// first one is signed (R10).
async fn open(config: &Arc<Config>, data: &DataDir, address: SocketAddr) -> Result<Arc<Authority>, StartError> {
    let issuer = config.issuer_for(address);
    let authority = Authority::open(Arc::clone(config), data, Role::Server, issuer.clone()).await?;
    keep_house::record_lifetime(&authority.world).await?;
    let former = authority.world.store.read("issuer", |view| Ok(view.setting(ISSUER)?)).await?;
    if former.as_ref() != Some(&issuer) {
        if let Some(former) = former {
            rename(&former, &issuer);
        }
        let store = &authority.world.store;
        store.transact("set_issuer", move |tx| Ok(tx.set_setting(ISSUER, Some(&issuer))?)).await?;
    }
    Ok(authority)
}

/// Whoever changes the issuer by mistake must hear of it, whatever is logged.
fn rename(former: &str, issuer: &str) {
    let consequence = "tokens that name the former one are refused, and clients must be told the new one";
    if tracing::enabled!(tracing::Level::WARN) {
        tracing::warn!("the issuer was {former}, and is {issuer} now: {consequence}");
    } else {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "warning: the issuer was {former}, and is {issuer} now: {consequence}");
    }
}

/// Waits until the verifier has read the log once: before that every request would be refused.
async fn synced(authority: &Authority) -> Result<(), ServeError> {
    let head = authority.world.store.position().await.map_err(Error::Store)?;
    if authority.wait_for(head.number).await { Ok(()) } else { Err(ServeError::Log) }
}

async fn flush(authority: &Authority) {
    let seen = authority.activity.take();
    if let Err(error) = keep_house::record_activity(&authority.world, seen).await {
        tracing::warn!(%error, "when devices were last seen could not be written down");
    }
}

/// The socket in the data folder, and its file, which is removed in the end.
struct Socket {
    listener: tokio::net::UnixListener,
    path: SocketFile,
}

struct SocketFile(PathBuf);

impl Socket {
    fn bind(data: &DataDir) -> Result<Self, StartError> {
        let path = data.checked_socket()?;
        match hint::bind(&path) {
            Ok(listener) => Ok(Self { listener, path: SocketFile(path) }),
            Err(error) => Err(DataDirError::Io { path, error }.into()),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What stops a server. Registered before the server says that it is ready.
pub struct Stop(Stopper);

enum Stopper {
    Signals { terminate: Signal, interrupt: Signal },
    Told(oneshot::Receiver<()>),
}

impl Stop {
    /// SIGTERM or SIGINT; a second one stops at once, without waiting for requests that are under way.
    pub fn signals() -> std::io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self(Stopper::Signals { terminate, interrupt }))
    }

    /// Whoever holds the other end, by sending or dropping it.
    pub fn told() -> (oneshot::Sender<()>, Self) {
        let (tell, told) = oneshot::channel();
        (tell, Self(Stopper::Told(told)))
    }

    /// SIGHUP, for whoever is stopped by signals: from now on it does not end the process any more.
    fn hangups(&self) -> std::io::Result<Option<Signal>> {
        match &self.0 {
            Stopper::Signals { .. } => signal(SignalKind::hangup()).map(Some),
            Stopper::Told(_) => Ok(None),
        }
    }

    /// The name of what stops the server. Who was told once is not told again.
    async fn signal(&mut self) -> &'static str {
        match &mut self.0 {
            Stopper::Signals { terminate, interrupt } => tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            },
            Stopper::Told(told) if told.is_terminated() => std::future::pending().await,
            Stopper::Told(told) => {
                let _ = told.await;
                "its owner"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::here;

    #[test]
    fn nobody_is_led_to_the_address_that_stands_for_all() {
        for (bound, reached) in [
            ("0.0.0.0:7080", "127.0.0.1:7080"),
            ("[::]:7080", "[::1]:7080"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(here(bound.parse().unwrap()).to_string(), reached);
        }
    }
}
