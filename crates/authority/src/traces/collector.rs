//! The way to a collector: one connection, by TCP or TLS, that is kept as long as it is good.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::otlp;

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The longest that a collector can ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why a collector cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCollector {
    /// It is no address of one.
    #[error("there must be an http or https URL with a host, such as http://127.0.0.1:4318")]
    Url,
    /// There is no certificate to trust.
    #[error("there is no certificate to trust: the system has none")]
    NoRoots,
}

/// Why a collector did not take spans.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    /// It may take them later.
    #[error("{why}")]
    Yet {
        /// Why not now.
        why: String,
        /// When to try again, if it says so.
        after: Option<Duration>,
    },
    /// It will never take these.
    #[error("it answered {0}")]
    Ever(StatusCode),
}

impl NotTaken {
    fn yet(why: impl std::fmt::Display) -> Self {
        Self::Yet { why: why.to_string(), after: None }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where a collector is.
pub(super) struct Place {
    host: String,
    port: u16,
    path: String,
    is_encrypted: bool,
}

impl Place {
    /// That of a URL; `/v1/traces` is added to its path (OpenTelemetry Protocol Exporter, "Endpoint URLs").
    pub(super) fn of(url: &str) -> Result<Self, BadCollector> {
        let url: Uri = url.parse().map_err(|_| BadCollector::Url)?;
        let host = url.host().ok_or(BadCollector::Url)?.trim_matches(['[', ']']).to_owned();
        let (is_encrypted, usual) = match url.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(BadCollector::Url),
        };
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        Ok(Self { port: url.port_u16().unwrap_or(usual), host, path, is_encrypted })
    }

    /// Host and port.
    fn name(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Where spans are sent to.
pub(super) struct Collector {
    place: Place,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    line: Option<SendRequest<Full<Bytes>>>,
}

impl Collector {
    /// The one at this URL.
    pub(super) fn new(url: &str) -> Result<Self, BadCollector> {
        let place = Place::of(url)?;
        let name = |place: &Place| ServerName::try_from(place.host.clone()).map_err(|_| BadCollector::Url);
        let tls = if place.is_encrypted { Some((connector()?, name(&place)?)) } else { None };
        Ok(Self { place, tls, line: None })
    }

    /// Host and port.
    pub(super) fn name(&self) -> String {
        self.place.name()
    }

    /// Sends spans; answers how many of them it would not have. Whoever calls bounds the time that it may take.
    pub(super) async fn send(&mut self, body: Bytes) -> Result<u64, NotTaken> {
        let mut line = self.connected().await.map_err(NotTaken::yet)?;
        let request = Request::post(&self.place.path)
            .header(HOST, self.name())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("rescind/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(NotTaken::yet)?;
        let response = line.send_request(request).await.map_err(NotTaken::yet)?;
        let (status, after) = (response.status(), retry_after(response.headers()));
        let said = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        let whole = said.map(http_body_util::Collected::to_bytes);
        if whole.is_ok() {
            self.line = Some(line);
        }
        match status {
            StatusCode::OK => Ok(otlp::rejected(&whole.unwrap_or_default())),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(NotTaken::Yet { why: format!("it answered {status}"), after }),
            status => Err(NotTaken::Ever(status)),
        }
    }

    /// The connection that there is, or a new one.
    async fn connected(&mut self) -> io::Result<SendRequest<Full<Bytes>>> {
        if let Some(mut line) = self.line.take()
            && line.ready().await.is_ok()
        {
            return Ok(line);
        }
        let tcp = TcpStream::connect((self.place.host.as_str(), self.place.port)).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), tcp).await?),
        };
        let (line, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends with the line.
        tokio::spawn(connection);
        Ok(line)
    }
}

/// TLS that trusts what the system does.
fn connector() -> Result<TlsConnector, BadCollector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(BadCollector::NoRoots);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| BadCollector::NoRoots)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Seconds alone: whoever names a date is tried again like one who says nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_for_traces_is_added_to_that_of_the_collector() {
        for (url, name, path) in [
            ("http://127.0.0.1:4318", "127.0.0.1:4318", "/v1/traces"),
            ("http://collector", "collector:80", "/v1/traces"),
            ("http://[::1]:4318/", "[::1]:4318", "/v1/traces"),
            ("http://collector:1/otlp/", "collector:1", "/otlp/v1/traces"),
        ] {
            let place = Place::of(url).expect("a place");
            assert_eq!((place.name().as_str(), place.path.as_str()), (name, path), "{url}");
        }
        for url in ["", "collector:4318", "/v1", "ftp://collector", "http://"] {
            assert_eq!(Place::of(url).err(), Some(BadCollector::Url), "{url}");
        }
    }

    #[test]
    fn a_collector_is_left_alone_for_as_long_as_it_asks_and_no_longer_than_is_sensible() {
        let asked = |value: &str| {
            let headers = [(RETRY_AFTER, value.parse().expect("a value"))].into_iter().collect();
            retry_after(&headers).map(|pause| pause.as_secs())
        };
        assert_eq!((asked("7"), asked("86400")), (Some(7), Some(30)));
        assert_eq!((asked("Fri, 31 Dec 1999 23:59:59 GMT"), asked("-1")), (None, None));
    }
}
