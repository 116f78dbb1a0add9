//! A server that is asked over the network: where it is, and how to reach it, by TCP or TLS.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::link::LinkError;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An address cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It is no `http` or `https` URL with a host.
    #[error("there must be an http or https URL with a host, like https://id.example")]
    NoUrl,
    /// Its port is none.
    #[error("the port of that URL must be a number from 1 to 65535, or left out together with its colon")]
    Port,
    /// The certificates that were given are not PEM.
    #[error("the certificates to trust are not PEM")]
    Certificates,
    /// There is no certificate to trust.
    #[error("there is no certificate to trust: neither were any given, nor does the system have any")]
    NoRoots,
}

pub(super) struct Origin {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Origin {
    /// That of a URL, and the URL. `roots` are the certificates to trust; none for those that the system does.
    pub(super) fn of(url: &str, roots: &[u8]) -> Result<(Self, Uri), BadUrl> {
        let url: Uri = url.parse().map_err(|_| BadUrl::NoUrl)?;
        let host = url.host().ok_or(BadUrl::NoUrl)?.trim_matches(['[', ']']).to_owned();
        let (tls, usual) = match url.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| BadUrl::NoUrl)?;
                (Some((connector(roots)?, name)), 443)
            }
            Some("http") => (None, 80),
            _ => return Err(BadUrl::NoUrl),
        };
        Ok((Self { port: port_of(&url)?.unwrap_or(usual), host, tls }, url))
    }

    /// Whether nobody on the way can change what it says: it is reached by TLS, or is this machine itself.
    pub(super) fn is_safe(&self) -> bool {
        let loopback = |host: &str| host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.tls.is_some() || self.host == "localhost" || loopback(&self.host)
    }

    /// Host and port.
    pub(super) fn name(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    pub(super) async fn stream(&self) -> Result<Box<dyn Stream>, LinkError> {
        let unreachable = |error| LinkError::Unreachable { host: self.name(), error };
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(unreachable)?;
        // Acknowledgements are small, and waited for.
        tcp.set_nodelay(true).map_err(unreachable)?;
        match &self.tls {
            None => Ok(Box::new(tcp)),
            Some((connector, name)) => match connector.connect(name.clone(), tcp).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) if is_plain(&error) => Err(LinkError::NoTls { host: self.name() }),
                Err(error) => Err(unreachable(error)),
            },
        }
    }

    /// The answer to one request, on a connection of its own: its status, and its body of at most `longest` bytes.
    pub(super) async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        longest: usize,
    ) -> Result<(StatusCode, Bytes), LinkError> {
        let unreadable = |error: &dyn std::fmt::Display| LinkError::Unreadable(error.to_string());
        let stream = TokioIo::new(self.stream().await?);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(|error| unreadable(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| unreadable(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), longest).collect().await;
            Ok((status, body.map_err(|error| unreadable(&error))?.to_bytes()))
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // One that answers and hangs up at once has answered: what came is still to be had.
            _ = connection => exchange.await,
        }
    }
}

/// The port that a URL names, if it names one. `Uri` calls one that is no port none at all, and what is sent to the usual
/// port instead may be a secret.
fn port_of(url: &Uri) -> Result<Option<u16>, BadUrl> {
    let authority = url.authority().ok_or(BadUrl::NoUrl)?.as_str();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let after = place.strip_prefix(url.host().ok_or(BadUrl::NoUrl)?).ok_or(BadUrl::NoUrl)?;
    let Some(port) = after.strip_prefix(':') else {
        return if after.is_empty() { Ok(None) } else { Err(BadUrl::NoUrl) };
    };
    let number = port.parse().ok().filter(|number| *number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()));
    number.map(Some).ok_or(BadUrl::Port)
}

/// Whether somebody answered who speaks no TLS.
fn is_plain(error: &std::io::Error) -> bool {
    use tokio_rustls::rustls::{Error, InvalidMessage};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)))
}

/// TLS that trusts these certificates, or those that the system does.
fn connector(roots: &[u8]) -> Result<TlsConnector, BadUrl> {
    let mut store = RootCertStore::empty();
    if roots.is_empty() {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        for certificate in CertificateDer::pem_slice_iter(roots) {
            let certificate = certificate.map_err(|_| BadUrl::Certificates)?;
            store.add(certificate).map_err(|_| BadUrl::Certificates)?;
        }
    }
    if store.is_empty() {
        return Err(BadUrl::NoRoots);
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| BadUrl::NoRoots)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str) -> Result<String, BadUrl> {
        Origin::of(url, &[]).map(|(origin, _)| origin.name())
    }

    #[test]
    fn a_port_that_is_none_is_no_reason_to_go_to_another_one() {
        for port in ["65536", "99999", "70800000000000000000", "0", "+80", "", "-1", "8o", " 80", "80 "] {
            for host in ["127.0.0.1", "[::1]", "id.example", "name:word@id.example"] {
                for path in ["", "/", "/realms/shop"] {
                    let url = format!("http://{host}:{port}{path}");
                    assert!(matches!(asked(&url), Err(BadUrl::Port | BadUrl::NoUrl)), "{url}: {:?}", asked(&url));
                }
            }
        }
        for url in ["http://id.example:65536/", "http://id.example:", "http://[::1]:99999/keys"] {
            assert_eq!(asked(url), Err(BadUrl::Port), "{url}");
        }
    }

    #[test]
    fn a_port_is_the_one_that_is_named_or_else_the_usual_one() {
        for (url, name) in [
            ("http://127.0.0.1:7080", "127.0.0.1:7080"),
            ("http://127.0.0.1:65535/a/b?c", "127.0.0.1:65535"),
            ("http://127.0.0.1", "127.0.0.1:80"),
            ("http://[::1]", "[::1]:80"),
            ("http://[::1]:7080/", "[::1]:7080"),
            ("http://name:word@id.example", "id.example:80"),
            ("http://name:word@id.example:81", "id.example:81"),
        ] {
            assert_eq!(asked(url).as_deref(), Ok(name), "{url}");
        }
    }
}
