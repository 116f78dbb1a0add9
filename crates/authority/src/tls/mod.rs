//! HTTPS, built in: the certificate and the key that the server shows, read from PEM files, and read again when they change.

mod age;
mod files;
mod validity;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rescind_domain::clock::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

pub use age::Age;
pub use files::TlsError;

use crate::renewal::{Cause, Renew};
use age::Reminder;
use files::Pair;
use validity::Validity;

/// What a server needs to speak TLS 1.2 and 1.3.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    clock: Arc<dyn Clock>,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
    seen: Mutex<Seen>,
    reminder: Mutex<Reminder>,
}

/// What the files held when they were last read.
#[derive(Default)]
struct Seen {
    /// In short, whether it was taken or not; `None` if they could not be read.
    fingerprint: Option<[u8; 32]>,
    /// When a certificate is valid that was out of its time: it is taken once it is in it, as after a clock is put right.
    refused: Option<Validity>,
}

/// The certificate that is shown to clients. Handshakes under way keep the one that they began with.
#[derive(Debug)]
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    /// Reads certificate and key. What is unwise about them is logged.
    ///
    /// # Errors
    /// If either cannot be read or used, or they do not belong together.
    pub fn open(cert: &Path, key: &Path, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let this = Self::read(cert, key, clock)?;
        this.warn();
        Ok(this)
    }

    /// The same, without a word.
    ///
    /// # Errors
    /// As [`Tls::open`].
    pub fn read(cert: &Path, key: &Path, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let pair = Pair::read(cert, key)?;
        let shown = Arc::new(Shown(ArcSwap::from_pointee(pair.certified(cert, key)?)));
        let resolver = Arc::clone(&shown) as Arc<dyn ResolvesServerCert>;
        let acceptor = acceptor(resolver).map_err(TlsError::Setup)?;
        let seen = Mutex::new(Seen { fingerprint: Some(pair.fingerprint()), refused: None });
        let (cert, key) = (cert.to_owned(), key.to_owned());
        Ok(Self { cert, key, clock, shown, acceptor, seen, reminder: Mutex::default() })
    }

    /// Shakes hands with a client. Whoever calls bounds the time that it may take.
    pub(crate) async fn accept<S>(&self, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.acceptor.accept(stream).await
    }

    /// Takes what the files hold now, and says whether that is something new. Files that hold what they held when they
    /// were last looked at are passed over, unless somebody asks for them to be read.
    ///
    /// # Errors
    /// As [`Tls::open`], and if clients would refuse the certificate because of its time; what is in use stays in use.
    pub fn take(&self, cause: Cause) -> Result<bool, TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = match Pair::read(&self.cert, &self.key) {
            Ok(pair) => pair,
            Err(_) if cause == Cause::Look && seen.fingerprint.is_none() => return Ok(false),
            Err(error) => {
                *seen = Seen::default();
                return Err(error);
            }
        };
        let fingerprint = Some(pair.fingerprint());
        let now = self.clock.wall().seconds();
        let is_out = |validity| matches!(Age::of(Some(validity), now), Age::Early { .. } | Age::Expired { .. });
        if cause == Cause::Look && seen.fingerprint == fingerprint && seen.refused.is_none_or(is_out) {
            return Ok(false);
        }
        *seen = Seen { fingerprint, refused: None };
        let certified = pair.certified(&self.cert, &self.key)?;
        let age = Age::of(validity(&certified), now);
        if let (Age::Early { .. } | Age::Expired { .. }, Some(concern)) = (age, age.concern()) {
            seen.refused = validity(&certified);
            return Err(TlsError::OutOfTime { path: self.cert.clone(), concern });
        }
        self.shown.0.store(Arc::new(certified));
        drop(seen);
        *self.reminder.lock().unwrap_or_else(PoisonError::into_inner) = Reminder::default();
        self.warn();
        Ok(true)
    }

    /// The last second in which the certificate in use is valid, counted from the Unix epoch, if it says so.
    pub fn not_after(&self) -> Option<u64> {
        validity(&self.shown.0.load()).map(|validity| validity.until)
    }

    /// What is unwise about certificate and key, each with the setting that it is about. Whether to refuse a certificate
    /// is for clients to decide.
    pub fn concerns(&self) -> Vec<(&'static str, String)> {
        let age = self.age().concern().map(|concern| ("tls.cert", format!("the certificate {concern}")));
        age.into_iter().chain(self.open_key().map(|concern| ("tls.key", concern))).collect()
    }

    /// Says how near the end of its time the certificate in use is, once a day from when it should have been renewed.
    /// Returns what was said.
    pub fn remind(&self) -> Option<Age> {
        let age = self.age();
        let mut reminder = self.reminder.lock().unwrap_or_else(PoisonError::into_inner);
        if !reminder.is_due(age, self.clock.steady()) {
            return None;
        }
        drop(reminder);
        let (cert, concern) = (self.cert.display(), age.concern()?);
        match age {
            Age::Early { .. } | Age::Expired { .. } => tracing::error!(%cert, "the certificate {concern}"),
            Age::Unknown | Age::Good | Age::Ending { .. } => tracing::warn!(%cert, "the certificate {concern}"),
        }
        Some(age)
    }

    fn age(&self) -> Age {
        Age::of(validity(&self.shown.0.load()), self.clock.wall().seconds())
    }

    fn warn(&self) {
        self.remind();
        if let Some(concern) = self.open_key() {
            tracing::warn!(key = %self.key.display(), "{concern}");
        }
    }

    fn open_key(&self) -> Option<String> {
        files::is_open_to_all(&self.key)
            .then(|| "every user of this machine can read the private key: chmod 600".to_owned())
    }
}

impl Renew for Tls {
    fn renew(&self, cause: Cause) {
        match self.take(cause) {
            Ok(true) => tracing::info!(cert = %self.cert.display(), "the certificate was read anew"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "no new certificate was taken; the one in use goes on"),
        }
        self.remind();
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("cert", &self.cert).field("key", &self.key).finish_non_exhaustive()
    }
}

/// HTTP/2, as clients and servers call it when they shake hands (RFC 9113 §3.1).
pub(crate) const HTTP_2: &[u8] = b"h2";

/// TLS as rustls thinks safe, and in it HTTP/2, or HTTP/1.1 with clients that speak nothing else (RFC 7301).
fn acceptor(resolver: Arc<dyn ResolvesServerCert>) -> Result<TlsAcceptor, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn validity(certified: &CertifiedKey) -> Option<Validity> {
    certified.cert.first().and_then(|first| Validity::of(first))
}
