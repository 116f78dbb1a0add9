//! Backups: one file that is the store at one moment. The root key is not in it, so the keys in it stay sealed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rescind_wire::Position;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use super::migrations::{self, State, VERSION};
use super::{connection, sync_directory_of};
use crate::owner;

/// How long to wait for whoever is in the way.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a backup was not made, or not restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something at the destination.
    #[error("{0}: is there already, and a backup overwrites nothing: choose another name")]
    Exists(PathBuf),
    /// A server, or another tool, uses the database that was to be replaced.
    #[error("{0}: in use: first stop the server, and whatever else has it open, such as `rescind log --follow`")]
    InUse(PathBuf),
    /// It is no backup of a store, or not a whole one.
    #[error("{path}: cannot be restored: {problem}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Copies the store at `path`, as it is at one moment, to the new file `dest`, which its owner alone may read. Writing
/// goes on meanwhile. Blocks for as long as copying takes.
pub fn backup(path: impl AsRef<Path>, dest: impl AsRef<Path>) -> Result<(), BackupError> {
    let (path, dest) = (path.as_ref(), dest.as_ref());
    let source = connection::raw(path, PATIENCE).map_err(|error| unusable(path, &error))?;
    require_ours(&source, path)?;
    // The name is taken first and filled last, so that a backup is whole or empty.
    create(dest)?;
    let done = Partial::beside(dest, private).and_then(|partial| {
        copy(&source, &partial.0, path)?;
        without_wal(&partial.0)?;
        partial.become_file(dest)
    });
    if done.is_err() {
        // What was refused has been said; an empty file that stays behind is refused by `restore`.
        drop(fs::remove_file(dest));
    }
    done
}

/// Replaces the store at `dest`, which nobody uses, by a backup, whole or not at all. What was issued after the backup
/// was made lives on until a new epoch begins (R9): that is for the caller to do next.
pub fn restore(backup: impl AsRef<Path>, dest: impl AsRef<Path>) -> Result<(), BackupError> {
    let (backup, dest) = (backup.as_ref(), dest.as_ref());
    // Through a link to the file itself, or the link would be replaced.
    let dest = fs::canonicalize(dest).unwrap_or_else(|_| dest.to_owned());
    let source =
        Connection::open_with_flags(backup, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| unusable(backup, &error))?;
    require_ours(&source, backup)?;
    let partial = Partial::beside(&dest, owner::create_new)?;
    copy(&source, &partial.0, backup)?;
    drop(source);
    check(&partial.0, backup)?;
    retire(&dest)?;
    partial.become_file(&dest)
}

/// One setting of the store at `path`, which nobody uses.
pub fn read_setting(path: impl AsRef<Path>, name: &str) -> Result<Option<String>, BackupError> {
    let path = path.as_ref();
    let conn = connection::raw(path, PATIENCE).map_err(|error| unusable(path, &error))?;
    require_ours(&conn, path)?;
    let read = conn.query_row("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0)).optional();
    read.map_err(|error| unusable(path, &error))
}

/// Whether the store at `path`, which nobody uses, has come as far as `position`: in its own epoch, or in a former one.
pub fn has_reached(path: impl AsRef<Path>, position: Position) -> Result<bool, BackupError> {
    let path = path.as_ref();
    let conn = connection::raw(path, PATIENCE).map_err(|error| unusable(path, &error))?;
    require_ours(&conn, path)?;
    let sql = "SELECT coalesce(e.ended, h.number) FROM epochs e, head h WHERE e.epoch = ?1";
    let end = conn.query_row(sql, [position.epoch.as_bytes()], |row| row.get::<_, i64>(0)).optional();
    Ok(end
        .map_err(|error| unusable(path, &error))?
        .is_some_and(|end| u64::try_from(end).is_ok_and(|end| end >= position.number)))
}

/// A copy that is not whole yet; it is removed unless it becomes the file.
struct Partial(PathBuf);

impl Partial {
    fn beside(dest: &Path, create: fn(&Path) -> io::Result<File>) -> Result<Self, BackupError> {
        let partial = with_suffix(dest, ".partial");
        // Left behind by one that was interrupted.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&partial, error)),
            Ok(()) | Err(_) => {}
        }
        create(&partial).map_err(|error| failed(&partial, error))?;
        Ok(Self(partial))
    }

    /// Makes it durable, then gives it its name, then makes that durable.
    fn become_file(self, dest: &Path) -> Result<(), BackupError> {
        File::open(&self.0).and_then(|file| file.sync_all()).map_err(|error| failed(&self.0, error))?;
        fs::rename(&self.0, dest).map_err(|error| failed(dest, error))?;
        sync_directory_of(dest).map_err(|error| failed(dest, error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
        drop(fs::remove_file(with_suffix(&self.0, "-journal")));
    }
}

/// Copies all pages in one step, which is one read transaction: one state, however much is written meanwhile.
fn copy(source: &Connection, partial: &Path, shown: &Path) -> Result<(), BackupError> {
    let copied = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|mut target| {
        // Whether it is whole is decided by its name, and synced once.
        target.execute_batch("PRAGMA synchronous = OFF")?;
        Backup::new(source, &mut target)?.step(-1)
    });
    match copied {
        Ok(StepResult::Done) => Ok(()),
        Ok(_) => Err(BackupError::Unusable { path: shown.to_owned(), problem: "another process is in the way".into() }),
        Err(error) => Err(unusable(shown, &error)),
    }
}

/// Has a copy say that it keeps no write-ahead log: reading one that does makes files beside it, which stay behind, and
/// fails where no files can be made.
fn without_wal(partial: &Path) -> Result<(), BackupError> {
    let conn = connection::raw(partial, PATIENCE).map_err(|error| unusable(partial, &error))?;
    match conn.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)) {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) => {
            Err(BackupError::Unusable { path: partial.to_owned(), problem: "another process is in the way".into() })
        }
        Err(error) => Err(unusable(partial, &error)),
    }
}

/// Reads every page of a copy.
fn check(partial: &Path, shown: &Path) -> Result<(), BackupError> {
    let conn = connection::raw(partial, PATIENCE).map_err(|error| unusable(shown, &error))?;
    let found: String =
        conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| unusable(shown, &error))?;
    let problem = match migrations::state(&conn).map_err(|error| unusable(shown, &error))? {
        _ if found != "ok" => format!("damaged: {found}"),
        State::Ours(..=VERSION) => return Ok(()),
        State::Ours(found) => format!("made by a newer version of Rescind (schema {found}; this one knows {VERSION})"),
        State::Empty | State::Foreign => "not a store".into(),
    };
    Err(BackupError::Unusable { path: shown.to_owned(), problem })
}

/// Closes the store that is replaced: its log is written into it and removed, or it would be taken for the new one's.
fn retire(dest: &Path) -> Result<(), BackupError> {
    if dest.exists() {
        let closed = connection::raw(dest, Duration::ZERO)
            .and_then(|conn| conn.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)));
        match closed {
            Err(error) if is_busy(&error) => return Err(BackupError::InUse(dest.to_owned())),
            // It may be past reading, which is why it is replaced.
            Ok(_) | Err(_) => {}
        }
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        let beside = with_suffix(dest, suffix);
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&beside, error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn require_ours(conn: &Connection, path: &Path) -> Result<(), BackupError> {
    match migrations::state(conn).map_err(|error| unusable(path, &error))? {
        State::Ours(_) => Ok(()),
        State::Empty | State::Foreign => {
            Err(BackupError::Unusable { path: path.to_owned(), problem: "not a store".into() })
        }
    }
}

fn create(path: &Path) -> Result<(), BackupError> {
    match private(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists(path.to_owned())),
        Err(error) => Err(failed(path, error)),
    }
}

/// A new file of whoever runs this.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), source }
}

fn unusable(path: &Path, error: &rusqlite::Error) -> BackupError {
    BackupError::Unusable { path: path.to_owned(), problem: error.to_string() }
}
