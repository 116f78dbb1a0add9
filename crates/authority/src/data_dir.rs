//! The data folder: database, root key, socket and lock, readable by nobody else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rescind_domain::entropy::Entropy;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::owner;

const SOCKET: &str = "rescind.sock";

const LOCK: &str = "lock";

/// The file beside the database that says which leases were permitted. It is made after the database, and stays.
pub(crate) const LEASE_FILE: &str = "longest-lease";

/// How often the lock is tried for: whoever asks whether it is free holds it for an instant.
const TRIES: u32 = 100;

/// A data folder that exists.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
}

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made or read.
    #[error("{}: {error}", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// It cannot be made.
    #[error("{} cannot be made: {error}: name another data folder with --data", path.display())]
    Unmade {
        /// What was to be made.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// It is not there, and this command does not make one.
    #[error("{} does not exist: name the data folder with --data, or start `rescind serve` once", .0.display())]
    Missing(PathBuf),
    /// There is something else in its place.
    #[error("{} is no folder: name another one with --data", .0.display())]
    NoFolder(PathBuf),
    /// Others can read it.
    #[error("{} can be read by others: `chmod {want:o}` it", path.display())]
    Exposed {
        /// What can be read.
        path: PathBuf,
        /// The mode that it should have.
        want: u32,
    },
    /// Others can read it, and it holds things that are not ours.
    #[error("{} holds other things, and can be read by others: name a folder of its own", .0.display())]
    Shared(PathBuf),
    /// The root key is not one.
    #[error("{} holds no root key: 43 characters of base64url are expected", .0.display())]
    RootKey(PathBuf),
    /// There is a database, but the key that its keys are sealed with is gone.
    #[error(
        "{} is missing, and the database's keys are sealed with it: put it back, or give it as RESCIND_ROOT_KEY",
        .0.display()
    )]
    RootKeyLost(PathBuf),
    /// There was a database, and it is gone: an empty one in its place would say nothing of that.
    #[error(
        "{} is missing, and {} shows that there was one: restore a backup with `rescind restore`; to begin anew with nobody \
         in it, remove {}",
        database.display(), trace.display(), trace.display()
    )]
    DatabaseLost {
        /// The database.
        database: PathBuf,
        /// What is left beside it.
        trace: PathBuf,
    },
    /// Somebody holds a folder whose database is not there.
    #[error(
        "{} is not there, and a running `rescind` holds the folder: if that has only just been started, try again; else stop \
         it, and restore a backup with `rescind restore`",
        database.display()
    )]
    Taken {
        /// The database.
        database: PathBuf,
    },
    /// The socket's path has more bytes than the operating system takes.
    #[error(
        "the path of {} is too long for a socket: choose a data folder whose path has at most {most} bytes, or name it by a \
         shorter path from here",
        path.display()
    )]
    TooLong {
        /// The socket.
        path: PathBuf,
        /// The most bytes of a data folder's path.
        most: usize,
    },
    /// Another server runs on it.
    #[error("another `rescind` uses {}: stop it first", .0.display())]
    InUse(PathBuf),
}

/// Held while a server runs: a second one on the same folder is refused.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl DataDir {
    /// Opens the folder, making it (0700) if it is missing. One that holds other things is not made ours by taking others'
    /// access away.
    pub fn open_or_make(path: &Path) -> Result<Self, DataDirError> {
        if !path.exists() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.map_err(|error| DataDirError::Unmade { path: path.to_owned(), error })?;
        }
        let data = Self::there(path)?;
        let ours = data.is_ours() || is_empty(path).map_err(|error| at(path, error))?;
        match private(path, 0o700, ours) {
            Err(DataDirError::Exposed { path, .. }) if !ours => Err(DataDirError::Shared(path)),
            done => done.map(|()| data),
        }
    }

    /// Opens a folder that is there. Nothing is changed about one that is not a data folder.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let data = Self::there(path)?;
        if data.is_ours() {
            private(path, 0o700, true)?;
        }
        Ok(data)
    }

    fn there(path: &Path) -> Result<Self, DataDirError> {
        if path.is_dir() {
            return Ok(Self { path: path.to_owned() });
        }
        let there = if path.exists() { DataDirError::NoFolder } else { DataDirError::Missing };
        Err(there(path.to_owned()))
    }

    /// Whether it is the data folder of some server.
    fn is_ours(&self) -> bool {
        self.database().exists() || self.root_key_file().exists()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path.join("rescind.db")
    }

    /// Refuses to have a database made in a folder where there was one, or, for whoever does not hold the folder itself, in
    /// one that a server holds: it would go on with the one that was moved away, and nobody would be told.
    pub(crate) fn check_database(&self, is_held: bool) -> Result<(), DataDirError> {
        let database = self.database();
        if database.exists() {
            return Ok(());
        }
        if !is_held && !self.is_free() {
            return Err(DataDirError::Taken { database });
        }
        let traces = [LEASE_FILE, "rescind.db-wal"].map(|name| self.path.join(name));
        match traces.into_iter().find(|trace| trace.exists()) {
            Some(trace) => Err(DataDirError::DatabaseLost { database, trace }),
            None => Ok(()),
        }
    }

    /// The socket on which a running server is told that the log has grown.
    pub fn socket(&self) -> PathBuf {
        self.path.join(SOCKET)
    }

    /// The socket, if a server can listen at its path.
    pub(crate) fn checked_socket(&self) -> Result<PathBuf, DataDirError> {
        let path = self.socket();
        if SocketAddr::from_pathname(&path).is_ok() {
            return Ok(path);
        }
        // Systems differ: 107 bytes on Linux, 103 on macOS.
        let fits = |length: &usize| SocketAddr::from_pathname("x".repeat(*length)).is_ok();
        let most = (0..path.as_os_str().len()).rev().find(fits).unwrap_or_default();
        Err(DataDirError::TooLong { path, most: most.saturating_sub(SOCKET.len() + 1) })
    }

    /// The root key's file.
    pub fn root_key_file(&self) -> PathBuf {
        self.path.join("root.key")
    }

    /// Takes the folder for a server, or for what must not run beside one.
    pub fn lock(&self) -> Result<Lock, DataDirError> {
        let path = self.path.join(LOCK);
        let file = match owner::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(&path),
            made => made,
        };
        let file = file.map_err(|error| at(&path, error))?;
        let mut taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
        for _ in 0..TRIES {
            if taken != Err(Errno::WOULDBLOCK) {
                break;
            }
            // A command line that looks whether a server runs holds it for an instant.
            std::thread::park_timeout(Duration::from_millis(2));
            taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
        }
        match taken {
            Ok(()) => Ok(Lock { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(DataDirError::InUse(self.path.clone())),
            Err(error) => Err(at(&path, error.into())),
        }
    }

    /// Whether nobody holds the folder: neither a server, nor what must not run beside one. Where that cannot be told,
    /// somebody may.
    pub(crate) fn is_free(&self) -> bool {
        match File::open(self.path.join(LOCK)) {
            // Shared: two that ask at once do not take each other for a server.
            Ok(file) => flock(&file, FlockOperation::NonBlockingLockShared).is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// The root key from its file; made with a new database, never beside an old one.
    pub fn root_key(&self, entropy: &dyn Entropy) -> Result<Zeroizing<[u8; 32]>, DataDirError> {
        let path = self.root_key_file();
        match File::open(&path) {
            Ok(mut file) => {
                private(&path, 0o600, false)?;
                let mut text = Zeroizing::new(String::new());
                file.read_to_string(&mut text).map_err(|error| at(&path, error))?;
                let bytes = BASE64URL_NOPAD.decode(text.trim().as_bytes()).map(Zeroizing::new).ok();
                let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
                key.map(Zeroizing::new).ok_or(DataDirError::RootKey(path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.database().exists() => {
                self.make_root_key(&path, entropy)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DataDirError::RootKeyLost(path)),
            Err(error) => Err(at(&path, error)),
        }
    }

    /// Written under another name and renamed, so that a crash leaves a whole key or none.
    fn make_root_key(&self, path: &Path, entropy: &dyn Entropy) -> Result<Zeroizing<[u8; 32]>, DataDirError> {
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(entropy.bytes());
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(key.as_ref()));
        let unfinished = self.path.join("root.key.new");
        let write = || -> io::Result<()> {
            let mut file = owner::create_anew(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&unfinished, path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|error| at(path, error))?;
        Ok(key)
    }
}

fn at(path: &Path, error: io::Error) -> DataDirError {
    DataDirError::Io { path: path.to_owned(), error }
}

/// Whether nothing is in a folder, but for what file systems put there.
fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        if entry?.file_name() != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses what others can read. Only its owner may; nobody is asked to trust a warning. A folder that is `ours` and our
/// user's is put right; anything else is the operator's to decide.
fn private(path: &Path, want: u32, ours: bool) -> Result<(), DataDirError> {
    let metadata = fs::metadata(path).map_err(|error| at(path, error))?;
    let exposed = metadata.permissions().mode() & 0o077 != 0;
    if exposed && ours && metadata.uid() == rustix::process::geteuid().as_raw() && metadata.is_dir() {
        return fs::set_permissions(path, fs::Permissions::from_mode(want)).map_err(|error| at(path, error));
    }
    if exposed { Err(DataDirError::Exposed { path: path.to_owned(), want }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::SystemEntropy;

    #[test]
    fn the_folder_is_made_for_its_owner_alone_and_the_key_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open_or_make(&dir.path().join("a/b")).unwrap();
        assert_eq!(fs::metadata(data.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let key = data.root_key(&SystemEntropy).unwrap();
        assert_eq!(fs::metadata(data.root_key_file()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(data.root_key(&SystemEntropy).unwrap(), key);
    }

    #[test]
    fn only_a_data_folder_or_an_empty_one_is_taken_from_others() {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shared");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(DataDir::open(&path).is_ok());
        assert_eq!(mode(&path), 0o1777, "whoever only reads changes nothing");
        fs::write(path.join("letter"), b"of somebody else").unwrap();
        assert!(matches!(DataDir::open_or_make(&path), Err(DataDirError::Shared(_))));
        assert_eq!(mode(&path), 0o1777);
        fs::remove_file(path.join("letter")).unwrap();
        fs::create_dir(path.join("lost+found")).unwrap();
        DataDir::open_or_make(&path).unwrap().root_key(&SystemEntropy).unwrap();
        assert_eq!(mode(&path), 0o700, "it is a new one");
        for open in [DataDir::open, DataDir::open_or_make] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            open(&path).unwrap();
            assert_eq!(mode(&path), 0o700);
        }
    }

    #[test]
    fn a_lost_or_exposed_root_key_is_an_error_and_never_a_new_key() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open_or_make(dir.path()).unwrap();
        data.root_key(&SystemEntropy).unwrap();
        fs::set_permissions(data.root_key_file(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(data.root_key(&SystemEntropy), Err(DataDirError::Exposed { .. })));
        fs::remove_file(data.root_key_file()).unwrap();
        fs::write(data.database(), b"").unwrap();
        assert!(matches!(data.root_key(&SystemEntropy), Err(DataDirError::RootKeyLost(_))));
    }

    #[test]
    fn a_database_is_made_only_where_there_was_none_and_nobody_else_holds_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open_or_make(dir.path()).unwrap();
        // A start that was cut off may have left the key alone.
        data.root_key(&SystemEntropy).unwrap();
        let held = data.lock().unwrap();
        assert!(matches!(data.check_database(false), Err(DataDirError::Taken { .. })));
        data.check_database(true).unwrap();
        drop(held);
        data.check_database(false).unwrap();
        for name in [LEASE_FILE, "rescind.db-wal"] {
            fs::write(dir.path().join(name), b"").unwrap();
            let Err(DataDirError::DatabaseLost { trace, .. }) = data.check_database(true) else { panic!("{name}") };
            assert_eq!(trace, dir.path().join(name));
            fs::write(data.database(), b"").unwrap();
            data.check_database(false).unwrap();
            fs::remove_file(data.database()).unwrap();
            fs::remove_file(trace).unwrap();
        }
    }

    #[test]
    fn a_second_server_on_the_same_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open_or_make(dir.path()).unwrap();
        let first = data.lock().unwrap();
        assert!(matches!(data.lock(), Err(DataDirError::InUse(_))));
        drop(first);
        assert!(data.lock().is_ok());
    }

    #[test]
    fn a_folder_is_free_unless_somebody_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open_or_make(dir.path()).unwrap();
        assert!(data.is_free(), "nobody ever held it");
        let held = data.lock().unwrap();
        assert!(!data.is_free());
        drop(held);
        assert!(data.is_free() && data.is_free());
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_refused_with_the_length_that_one_can_have() {
        let dir = tempfile::tempdir().unwrap();
        let named = |length: usize| {
            let rest = length - dir.path().as_os_str().len() - 1;
            DataDir { path: dir.path().join("x".repeat(rest)) }
        };
        let Err(DataDirError::TooLong { most, .. }) = named(159).checked_socket() else { panic!() };
        assert_eq!(named(most).checked_socket().unwrap(), named(most).socket());
        assert!(named(most + 1).checked_socket().is_err());
    }
}
