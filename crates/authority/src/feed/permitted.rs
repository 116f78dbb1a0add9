//! The longest lease that was ever permitted here, kept beside the database: one that is put back does not know what the
//! one in whose place it is put had granted (R8, R9).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::LONGEST_LEASE;
use crate::data_dir::LEASE_FILE as FILE;
use crate::owner;

/// Locked by whoever changes the file; it has no content, and stays. A lock of its own, opened for writing: where files are
/// on another machine (NFS), what was opened for reading alone cannot be locked against others.
const LOCK: &str = "longest-lease.lock";

/// In the file, after the number: there may be leases of which this folder knows nothing.
const UNKNOWN: &str = "unknown";

/// The longest lease that any node on one data folder ever had.
#[derive(Debug)]
pub struct Permitted {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    longest: Duration,
    /// Leases may run that another folder's servers granted, or one's from before this file was kept.
    unknown: bool,
    /// Whether the file says so.
    written: bool,
}

impl Permitted {
    /// Reads the file. Where there is none, nothing is known of the database's past, unless it is `fresh`: made just now.
    pub fn open(folder: &Path, fresh: bool) -> io::Result<Self> {
        let state = match fs::read_to_string(folder.join(FILE)) {
            Ok(text) => read(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                State { longest: Duration::ZERO, unknown: !fresh, written: false }
            }
            Err(error) => return Err(error),
        };
        let permitted = Self { folder: folder.to_owned(), state: Mutex::new(state) };
        // A folder whose file is missing later is one that the database was not made in.
        if fresh && !state.written {
            permitted.change(|state| state)?;
        }
        Ok(permitted)
    }

    /// The longest. Where it is not known, the longest that a configuration allows a verifier: the servers that granted it
    /// are gone, so that their own leases do not matter.
    pub fn longest(&self) -> Duration {
        let state = *self.lock();
        if state.unknown { state.longest.max(LONGEST_LEASE) } else { state.longest }
    }

    /// A node is about to have this lease. Once this returns, that is known whatever becomes of the database.
    pub fn permit(&self, lease: Duration) -> io::Result<()> {
        let state = *self.lock();
        // It never becomes less.
        if state.written && lease <= state.longest {
            return Ok(());
        }
        self.change(|state| State { longest: state.longest.max(lease), ..state })
    }

    /// The database that is about to be replaced says that its nodes had leases of up to `longest`; nothing, if it cannot
    /// say so or there is none. `continued` says whether what takes its place is of its own history: otherwise neither it
    /// nor the file tells what that one's servers granted, elsewhere.
    pub fn replace(&self, longest: Option<Duration>, continued: bool) -> io::Result<()> {
        self.change(|state| {
            // Whoever has kept the file knows at least as much as the database.
            let silent = if state.written { state.unknown } else { longest.is_none() };
            let longest = state.longest.max(longest.unwrap_or_default());
            State { longest, unknown: silent || !continued, ..state }
        })
    }

    /// All that ran when this was not known has run out.
    pub fn outlived(&self) -> io::Result<()> {
        self.change(|state| State { unknown: false, ..state })
    }

    /// Changes what is known, one at a time, by what the file says then: a process beside this one may have written since.
    fn change(&self, change: impl FnOnce(State) -> State) -> io::Result<()> {
        let mut kept = self.lock();
        // Until it is dropped.
        let _lock = self.lock_file()?;
        let found = match fs::read_to_string(self.folder.join(FILE)) {
            Ok(text) => Some(read(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let state = found.map_or(*kept, |found| State { longest: found.longest.max(kept.longest), ..found });
        let state = State { written: true, ..change(state) };
        if found != Some(state) {
            self.write(state)?;
        }
        *kept = state;
        Ok(())
    }

    /// Waits until no other process changes the file.
    fn lock_file(&self) -> io::Result<File> {
        let path = self.folder.join(LOCK);
        let file = match owner::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(&path),
            made => made,
        }?;
        file.lock()?;
        Ok(file)
    }

    /// Under another name first, so that a crash leaves the old file or the new one.
    fn write(&self, state: State) -> io::Result<()> {
        let known = if state.unknown { UNKNOWN } else { "" };
        let (path, unfinished) = (self.folder.join(FILE), self.folder.join(format!("{FILE}.new")));
        let mut file = owner::create_anew(&unfinished)?;
        writeln!(file, "{} {known}", state.longest.as_millis())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(&self.folder)?.sync_all()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What cannot be read says nothing.
fn read(text: &str) -> State {
    let mut words = text.split_whitespace();
    let millis = words.next().and_then(|number| number.parse().ok());
    let rest = words.next();
    let longest = Duration::from_millis(millis.unwrap_or(0));
    State { longest, unknown: millis.is_none() || rest.is_some(), written: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(90);

    #[test]
    fn what_was_permitted_is_known_to_the_next_process_whatever_became_of_the_database() {
        let dir = tempfile::tempdir().expect("a folder");
        let permitted = Permitted::open(dir.path(), true).expect("opens");
        assert_eq!(permitted.longest(), Duration::ZERO);
        permitted.permit(LONG).expect("written");
        permitted.permit(LONG / 2).expect("written");
        assert_eq!(Permitted::open(dir.path(), false).expect("opens").longest(), LONG);
        assert_eq!(Permitted::open(dir.path(), true).expect("opens").longest(), LONG, "its database was made anew");
    }

    #[test]
    fn whoever_knows_less_takes_nothing_away_from_what_others_wrote() {
        let dir = tempfile::tempdir().expect("a folder");
        let read = || Permitted::open(dir.path(), false).expect("opens").longest();
        let [server, tool] = [true, false].map(|fresh| Permitted::open(dir.path(), fresh).expect("opens"));
        server.permit(LONG).expect("written");
        tool.permit(LONG / 2).expect("written");
        assert_eq!(read(), LONG);
        server.permit(LONG * 2).expect("written");
        tool.outlived().expect("written");
        tool.replace(Some(LONG), true).expect("written");
        assert_eq!((read(), tool.longest()), (LONG * 2, LONG * 2));
    }

    #[test]
    fn of_many_who_write_at_once_the_longest_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        let permitted = Permitted::open(dir.path(), true).expect("opens");
        let writers = 16;
        let ready = std::sync::Barrier::new(writers);
        std::thread::scope(|scope| {
            for number in 1..=writers {
                let (ready, permitted) = (&ready, &permitted);
                scope.spawn(move || {
                    ready.wait();
                    permitted.permit(LONG * u32::try_from(number).expect("few")).expect("written");
                });
            }
        });
        assert_eq!(Permitted::open(dir.path(), false).expect("opens").longest(), LONG * 16);
    }

    #[test]
    fn where_nothing_is_known_the_longest_that_may_be_configured_is_assumed_until_that_has_passed() {
        let dir = tempfile::tempdir().expect("a folder");
        let permitted = Permitted::open(dir.path(), false).expect("opens");
        assert_eq!(permitted.longest(), LONGEST_LEASE);
        permitted.permit(LONG).expect("written");
        let again = Permitted::open(dir.path(), false).expect("opens");
        assert_eq!(again.longest(), LONGEST_LEASE, "a restart teaches nothing");
        again.outlived().expect("written");
        assert_eq!(Permitted::open(dir.path(), false).expect("opens").longest(), LONG);
        fs::write(dir.path().join(FILE), "soon\n").expect("written");
        assert_eq!(
            Permitted::open(dir.path(), false).expect("opens").longest(),
            LONGEST_LEASE,
            "a file that says nothing"
        );
    }

    #[test]
    fn a_database_that_is_replaced_tells_what_is_missing_and_takes_nothing_away() {
        let dir = tempfile::tempdir().expect("a folder");
        let permitted = Permitted::open(dir.path(), false).expect("opens");
        permitted.replace(Some(LONG), true).expect("written");
        assert_eq!(permitted.longest(), LONG);
        permitted.replace(None, true).expect("written");
        permitted.replace(Some(LONG / 2), true).expect("written");
        assert_eq!(Permitted::open(dir.path(), false).expect("opens").longest(), LONG);
        let other = tempfile::tempdir().expect("a folder");
        Permitted::open(other.path(), false).expect("opens").replace(None, true).expect("written");
        assert_eq!(Permitted::open(other.path(), false).expect("opens").longest(), LONGEST_LEASE);
    }

    #[test]
    fn what_comes_from_elsewhere_may_have_granted_what_is_not_known_here() {
        let dir = tempfile::tempdir().expect("a folder");
        let permitted = Permitted::open(dir.path(), true).expect("opens");
        permitted.permit(LONG).expect("written");
        permitted.replace(Some(LONG), false).expect("written");
        assert_eq!(Permitted::open(dir.path(), false).expect("opens").longest(), LONGEST_LEASE);
    }

    /// Linux tells who waits for a lock.
    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_changes_it_waits_for_a_process_that_does_and_then_takes_nothing_away() {
        use std::os::unix::fs::MetadataExt as _;

        let dir = tempfile::tempdir().expect("a folder");
        let permitted = Permitted::open(dir.path(), true).expect("opens");
        let lock = OpenOptions::new().write(true).open(dir.path().join(LOCK)).expect("made");
        let made = lock.metadata().expect("there");
        assert_eq!(made.mode() & 0o777, 0o600);
        lock.lock().expect("nobody holds it");
        let waiting = format!(":{} ", made.ino());
        let waits = |line: &str| line.contains(" -> ") && line.contains(&waiting);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| permitted.permit(LONG));
            while !fs::read_to_string("/proc/locks").expect("Linux").lines().any(waits) {
                assert!(!writer.is_finished(), "it did not wait");
                std::thread::yield_now();
            }
            fs::write(dir.path().join(FILE), format!("{} \n", LONG.as_millis() * 2)).expect("written");
            lock.unlock().expect("given back");
            writer.join().expect("no panic").expect("written");
        });
        assert_eq!(permitted.longest(), LONG * 2);
        assert_eq!(Permitted::open(dir.path(), false).expect("opens").longest(), LONG * 2);
    }
}
