//! Certificate and key as they are on the disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, InconsistentKeys};
use zeroize::Zeroizing;

/// The most bytes of a file: many times what a long chain of certificates takes.
const LONGEST: usize = 1024 * 1024;

/// The memory that a file is read into: with some to spare, for a full one grows to see whether there is more.
const ROOM: usize = LONGEST + 64;

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {error}", path = path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file is far longer than certificates and keys are.
    #[error("{path} is longer than 1 MiB, so it is neither certificate nor key", path = .0.display())]
    TooLong(PathBuf),
    /// A file holds no certificate that can be read.
    #[error("{path} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", path = .0.display())]
    NoCertificate(PathBuf),
    /// A file holds no private key that can be read.
    #[error("{path} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)", path = .0.display())]
    NoKey(PathBuf),
    /// The private key takes a passphrase, which nobody is there to type.
    #[error(
        "the private key in {path} is encrypted: write it without passphrase (openssl pkey), readable by the server only",
        path = .0.display()
    )]
    EncryptedKey(PathBuf),
    /// The private key is none that TLS knows.
    #[error("the private key in {path} cannot be used: {error}", path = path.display())]
    BadKey {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        error: rustls::Error,
    },
    /// The certificate cannot be read.
    #[error("the certificate in {path} cannot be used: {error}", path = path.display())]
    BadCertificate {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        error: rustls::Error,
    },
    /// The key is not that of the certificate.
    #[error(
        "the private key in {key} is not that of the first certificate in {cert}",
        key = key.display(), cert = cert.display()
    )]
    Mismatch {
        /// Where the certificate is.
        cert: PathBuf,
        /// Where the key is.
        key: PathBuf,
    },
    /// A renewed certificate has expired already, or is not valid yet.
    #[error("the certificate in {path} {concern}", path = path.display())]
    OutOfTime {
        /// Where it is.
        path: PathBuf,
        /// What is wrong about its time.
        concern: String,
    },
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// Both files as they were read.
pub(super) struct Pair {
    cert: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pair {
    pub(super) fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self { cert: read(cert)?.to_vec(), key: read(key)? })
    }

    /// What both files hold, in short.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.cert.len().to_be_bytes());
        context.update(&self.cert);
        context.update(&self.key);
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }

    /// The certificate, those that vouch for it, and the key, which were seen to belong together.
    pub(super) fn certified(&self, cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.cert).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NoCertificate(cert.to_owned()))?;
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| self.no_key(key))?;
        let provider = default_provider();
        let signing = provider.key_provider.load_private_key(private);
        let signing = signing.map_err(|error| TlsError::BadKey { path: key.to_owned(), error })?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) => Ok(certified),
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() })
            }
            Err(error) => Err(TlsError::BadCertificate { path: cert.to_owned(), error }),
        }
    }

    fn no_key(&self, path: &Path) -> TlsError {
        let encrypted = |mark: &[u8]| self.key.windows(mark.len()).any(|bytes| bytes == mark);
        // PKCS #8 (RFC 7468 §11), and the older form that openssl wrote.
        if encrypted(b"BEGIN ENCRYPTED PRIVATE KEY") || encrypted(b"Proc-Type: 4,ENCRYPTED") {
            TlsError::EncryptedKey(path.to_owned())
        } else {
            TlsError::NoKey(path.to_owned())
        }
    }
}

/// Reads a file into memory that is never moved, since what is left behind of a key would not be wiped.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
    let read = File::open(path).and_then(|file| file.take(LONGEST as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(length) if length > LONGEST => Err(TlsError::TooLong(path.to_owned())),
        Ok(_) => Ok(bytes),
        Err(error) => Err(TlsError::Unreadable { path: path.to_owned(), error }),
    }
}

/// Whether everybody on this machine may read a file.
pub(super) fn is_open_to_all(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_copy_of_a_key_is_left_behind_while_its_file_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("id.key");
        for length in [0, 1, 4096, LONGEST] {
            std::fs::write(&path, vec![b'x'; length]).expect("written");
            let read = read(&path).expect("read");
            assert_eq!((read.len(), read.capacity()), (length, ROOM), "it was moved to a larger place");
        }
        std::fs::write(&path, vec![b'x'; LONGEST + 1]).expect("written");
        assert!(matches!(read(&path), Err(TlsError::TooLong(_))));
    }
}
