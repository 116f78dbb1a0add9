//! Watches over what must not happen behind the server's back: that the log goes back (R9), and that the file under the
//! path becomes another one.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rescind_domain::store::StoreError;
use rescind_wire::Position;

/// How far a log has come: epochs by their ordinal, then numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The ordinal of the epoch.
    pub(super) seq: u64,
    /// The head.
    pub(super) position: Position,
}

impl Mark {
    /// Whether a log that had come to `seen` cannot have this head afterwards. A later epoch may begin at a lower
    /// number: whoever began it knew.
    fn is_behind(&self, seen: &Self) -> bool {
        let other = self.position.epoch != seen.position.epoch || self.position.number < seen.position.number;
        self.seq < seen.seq || (self.seq == seen.seq && other)
    }
}

/// What had been seen when something began. Only a head read after that may be compared with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission {
    generation: u64,
    seen: Option<Mark>,
}

/// See the module.
pub(super) struct Watch {
    path: PathBuf,
    file: FileId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts [`Watch::begin_again`], so that what was admitted before it proves nothing after it.
    generation: u64,
    seen: Option<Mark>,
    went_back: Option<(Position, Position)>,
}

/// Device and inode.
pub(super) type FileId = (u64, u64);

/// Which file is at `path`. It is never opened for this: closing it would take away the locks that SQLite holds on it
/// in this process (POSIX `fcntl`).
pub(super) fn file_id(path: &Path) -> std::io::Result<FileId> {
    std::fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Watch {
    /// Watches over the database at `path`, which is the file `file`.
    pub(super) fn new(path: PathBuf, file: FileId) -> Self {
        Self { path, file, state: Mutex::default() }
    }

    /// Lets something begin, unless the store is known not to be what it was.
    pub(super) fn admit(&self) -> Result<Admission, StoreError> {
        self.require_same_file()?;
        let state = self.state();
        match state.went_back {
            Some((found, seen)) => Err(StoreError::WentBack { found, seen }),
            None => Ok(Admission { generation: state.generation, seen: state.seen }),
        }
    }

    /// Compares a committed head that was read after `admission` with what had been seen before, and takes note of it.
    pub(super) fn observe(&self, admission: &Admission, found: Mark) -> Result<(), StoreError> {
        if let Some(seen) = admission.seen.filter(|seen| found.is_behind(seen)) {
            let mut state = self.state();
            if state.generation == admission.generation {
                state.went_back = Some((found.position, seen.position));
                return Err(StoreError::WentBack { found: found.position, seen: seen.position });
            }
        }
        self.raise(admission, found);
        Ok(())
    }

    /// Takes note of a head that was committed after `admission`.
    pub(super) fn raise(&self, admission: &Admission, found: Mark) {
        let mut state = self.state();
        if state.generation == admission.generation && state.seen.is_none_or(|seen| seen.is_behind(&found)) {
            state.seen = Some(found);
        }
    }

    /// Forgets what was seen: for whoever begins a new epoch because the store went back.
    pub(super) fn begin_again(&self) {
        let mut state = self.state();
        *state = State { generation: state.generation + 1, ..State::default() };
    }

    /// Whether the file at the path is the one that was opened.
    pub(super) fn require_same_file(&self) -> Result<(), StoreError> {
        let unavailable = |what: String| Err(StoreError::Unavailable(what));
        match file_id(&self.path) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) => unavailable("the database file was replaced while the server was running: restart".into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => unavailable(
                "the database file was removed while the server was running: put it back, or restart".into(),
            ),
            Err(error) => unavailable(format!("the database file cannot be looked at ({error})")),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rescind_wire::Epoch;

    use super::*;

    fn mark(seq: u64, epoch: u8, number: u64) -> Mark {
        Mark { seq, position: Position { epoch: Epoch::from_bytes([epoch; 10]), number } }
    }

    #[test]
    fn r9_a_lower_number_an_older_epoch_and_another_epoch_in_its_place_are_behind() {
        let seen = mark(2, 2, 10);
        for behind in [mark(2, 2, 9), mark(1, 1, 50), mark(2, 3, 50)] {
            assert!(behind.is_behind(&seen), "{behind:?}");
        }
        for fine in [mark(2, 2, 10), mark(2, 2, 11), mark(3, 3, 4)] {
            assert!(!fine.is_behind(&seen), "{fine:?}");
        }
    }
}
