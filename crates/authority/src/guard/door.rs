//! Where a guard listens: a TCP address, or a socket in the file system.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, lchown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixSocket};
use tokio::sync::Semaphore;

/// The most connections at a time. Proxies keep few, and use them again.
const CONNECTIONS: usize = 4096;

/// The most connections that wait to be accepted.
const WAITING: u32 = 1024;

/// The most bytes of a request's head: room for a token of 8 KiB and what browsers add.
const LONGEST_HEAD: usize = 32 * 1024;

/// How long a proxy may take to send the head of a request. Between requests it may idle.
const HEAD: Duration = Duration::from_mins(2);

/// How long to wait after the system refused a connection.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// An address to listen on: `127.0.0.1:7090`, or `unix:/run/guard.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Who may connect to a socket in the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The permissions, as `chmod` takes them; connecting takes the right to write.
    pub mode: u32,
    /// The id of the group that it is given to, if it is not to be the process's own.
    pub group: Option<u32>,
}

impl Access {
    /// The user whose process it is, and nobody else.
    pub const OWNER: Self = Self { mode: 0o600, group: None };

    fn grant(self, path: &Path) -> io::Result<()> {
        // First, or whoever is of the former group would be let in for a moment.
        if self.group.is_some() {
            lchown(path, None, self.group)?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(self.mode))
    }
}

/// The text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address: write one like 127.0.0.1:7090 or unix:/run/guard.sock")]
pub struct InvalidAddress;

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match text.strip_prefix("unix:") {
            Some("") => Err(InvalidAddress),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| InvalidAddress),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) struct Door {
    listener: Listener,
    address: Address,
    /// The socket that is its own, in the file system.
    bound: Option<(u64, u64)>,
}

impl Door {
    /// Listens. `access` says who may connect, where that is a matter of files.
    pub(super) fn open(address: &Address, access: Access) -> io::Result<Self> {
        match address {
            Address::Tcp(wanted) => {
                let listener = std::net::TcpListener::bind(wanted)?;
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                let address = Address::Tcp(listener.local_addr()?);
                Ok(Self { listener: Listener::Tcp(listener), address, bound: None })
            }
            Address::Unix(path) => {
                make_way(path)?;
                let socket = UnixSocket::new_stream()?;
                socket.bind(path)?;
                let bound = identity(path);
                // Until it listens nobody can connect, whatever the file said as it was made.
                match access.grant(path).and_then(|()| socket.listen(WAITING)) {
                    Ok(listener) => Ok(Self { listener: Listener::Unix(listener), address: address.clone(), bound }),
                    Err(error) => {
                        let _ = fs::remove_file(path);
                        Err(error)
                    }
                }
            }
        }
    }

    /// Where: the port that it took, if any would do.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Answers for ever.
    pub(super) async fn answer<B>(&self, answer: impl Fn(&Request<Incoming>) -> Response<B> + Send + Sync + 'static)
    where
        B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        let (answer, permits) = (Arc::new(answer), Arc::new(Semaphore::new(CONNECTIONS)));
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let stream = match self.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was refused");
                    tokio::time::sleep(AFTER_REFUSAL).await;
                    continue;
                }
            };
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|request| {
                    let answer = answer(&request);
                    async { Ok::<_, Infallible>(answer) }
                });
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD)
                    .max_buf_size(LONGEST_HEAD)
                    .serve_connection(TokioIo::new(stream), service);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "a connection broke off");
                }
                drop(permit);
            });
        }
    }

    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.listener {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Listener::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // Whoever starts next removes it otherwise. What took its place meanwhile is somebody else's.
            if self.bound.is_some() && identity(path) == self.bound {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Removes a socket that a guard left behind: nobody listens there any more. Whatever else is there stays.
fn make_way(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let message = format!("{} is there and is no socket: name another, or remove it", path.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // Somebody listens, or may: binding says that it is taken.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Which file that is.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_anything_else_is_not() {
        assert_eq!("127.0.0.1:7090".parse(), Ok(Address::Tcp(([127, 0, 0, 1], 7090).into())));
        assert_eq!("unix:/run/guard.sock".parse(), Ok(Address::Unix("/run/guard.sock".into())));
        for bad in ["", "unix:", "localhost:80", "127.0.0.1", "/run/guard.sock"] {
            assert_eq!(bad.parse::<Address>(), Err(InvalidAddress), "{bad}");
        }
    }

    fn open(path: &Path) -> Result<Door, String> {
        Door::open(&Address::Unix(path.into()), Access::OWNER).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_file_where_the_socket_would_be_is_left_alone_and_so_is_what_a_link_names() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, link) = (dir.path().join("precious"), dir.path().join("link"));
        fs::write(&file, "kept").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        for path in [&file, &link] {
            let refused = open(path).err().expect("refused");
            assert_eq!(refused, format!("{} is there and is no socket: name another, or remove it", path.display()));
        }
        assert_eq!(fs::read_to_string(&link).expect("both are there"), "kept");
    }

    #[tokio::test]
    async fn a_socket_is_taken_over_only_once_nobody_listens_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("guard.sock");
        let first = open(&path).expect("free");
        assert!(open(&path).err().expect("refused").contains("in use"));
        UnixStream::connect(&path).expect("the first is still there");
        drop(first);
        assert!(!path.exists(), "it leaves nothing behind");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        assert!(path.exists(), "one that was killed does");
        drop(open(&path).expect("taken over"));
    }

    #[tokio::test]
    async fn a_socket_lets_in_whom_it_is_meant_for_and_is_gone_where_that_cannot_be_had() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("guard.sock");
        let mode = || fs::metadata(&path).expect("there").mode() & 0o777;
        let first = open(&path).expect("free");
        assert_eq!(mode(), 0o600, "whatever the umask");
        drop(first);
        let own = rustix::process::getgid().as_raw();
        let door = Door::open(&Address::Unix(path.clone()), Access { mode: 0o660, group: Some(own) }).expect("free");
        assert_eq!((mode(), fs::metadata(&path).expect("there").gid()), (0o660, own));
        drop(door);
        // No group has this id.
        let refused = Door::open(&Address::Unix(path.clone()), Access { mode: 0o660, group: Some(u32::MAX - 1) });
        assert!(rustix::process::geteuid().is_root() || refused.is_err() && !path.exists());
    }

    #[tokio::test]
    async fn what_took_a_sockets_place_is_not_removed_with_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("guard.sock");
        let door = open(&path).expect("free");
        let other = dir.path().join("other");
        fs::write(&other, "kept").expect("written");
        fs::rename(&other, &path).expect("moved");
        drop(door);
        assert_eq!(fs::read_to_string(&path).expect("there"), "kept");
    }
}
