//! HTTPS, built in: the certificate and the key that the server shows, read from PEM files, and read again when they change.

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

pub use files::TlsError;

use crate::renewal::{Cause, Renew};
use files::Pair;
use validity::Validity;

/// What a server needs to speak TLS 1.2 and 1.3.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    clock: Arc<dyn Clock>,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
    /// What the files held when they were last read, whether it was taken or not; `None` if they could not be.
    seen: Mutex<Option<[u8; 32]>>,
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
        let pair = Pair::read(cert, key)?;
        let shown = Arc::new(Shown(ArcSwap::from_pointee(pair.certified(cert, key)?)));
        let resolver = Arc::clone(&shown) as Arc<dyn ResolvesServerCert>;
        let acceptor = acceptor(resolver).map_err(TlsError::Setup)?;
        let seen = Mutex::new(Some(pair.fingerprint()));
        let (cert, key) = (cert.to_owned(), key.to_owned());
        let this = Self { cert, key, clock, shown, acceptor, seen };
        this.warn();
        Ok(this)
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
    /// As [`Tls::open`]; what is in use stays in use.
    pub fn take(&self, cause: Cause) -> Result<bool, TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = match Pair::read(&self.cert, &self.key) {
            Ok(pair) => pair,
            Err(_) if cause == Cause::Look && seen.is_none() => return Ok(false),
            Err(error) => {
                *seen = None;
                return Err(error);
            }
        };
        let fingerprint = Some(pair.fingerprint());
        if cause == Cause::Look && *seen == fingerprint {
            return Ok(false);
        }
        *seen = fingerprint;
        self.shown.0.store(Arc::new(pair.certified(&self.cert, &self.key)?));
        drop(seen);
        self.warn();
        Ok(true)
    }

    /// Says what is unwise about the certificate in use. Whether to refuse it is for clients to decide.
    fn warn(&self) {
        let (cert, now) = (self.cert.display(), self.clock.wall().seconds());
        let shown = self.shown.0.load();
        match shown.cert.first().and_then(|first| Validity::of(first)) {
            None => tracing::warn!(%cert, "it cannot be told until when the certificate is valid"),
            Some(validity) if validity.until < now => {
                tracing::warn!(%cert, "the certificate has expired: clients refuse it");
            }
            Some(validity) if now < validity.from => {
                tracing::warn!(%cert, "the certificate is not valid yet: clients refuse it");
            }
            Some(_) => {}
        }
        if files::is_open_to_all(&self.key) {
            tracing::warn!(key = %self.key.display(), "every user of this machine can read the private key: chmod 600");
        }
    }
}

impl Renew for Tls {
    fn renew(&self, cause: Cause) {
        match self.take(cause) {
            Ok(true) => tracing::info!(cert = %self.cert.display(), "the certificate was read anew"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "no new certificate was taken; the one in use goes on"),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("cert", &self.cert).field("key", &self.key).finish_non_exhaustive()
    }
}

/// TLS as rustls thinks safe, and HTTP/1.1 in it (RFC 7301).
fn acceptor(resolver: Arc<dyn ResolvesServerCert>) -> Result<TlsAcceptor, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
