//! What SQLite's errors mean here.

use rescind_domain::store::StoreError;
use rusqlite::ErrorCode::{
    CannotOpen, ConstraintViolation, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase, ReadOnly,
    SystemIoFailure,
};
use rusqlite::{Error, ffi};

/// What an error of a statement means. Messages say what to do; none holds a value of a row.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err hands over")]
pub(super) fn refused(error: Error) -> StoreError {
    let unavailable = |advice: &str| StoreError::Unavailable(format!("{advice} ({error})"));
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => StoreError::Conflict,
        Some(ConstraintViolation) if is_taken(&error) => StoreError::Conflict,
        Some(DiskFull) => unavailable("the disk is full: free some space, and it goes on by itself"),
        Some(ReadOnly) => {
            unavailable("the database is read-only: make its file and its directory writable, and it goes on by itself")
        }
        Some(SystemIoFailure) => unavailable("the disk failed: look at the system's log"),
        Some(CannotOpen) => {
            unavailable("the database cannot be opened: look at its file, its directory and their owners")
        }
        Some(DatabaseCorrupt) => unavailable("the database file is damaged: stop the server and restore a backup"),
        Some(NotADatabase) => unavailable("the database file is not a database: stop the server and restore a backup"),
        _ => unavailable("SQLite refused"),
    }
}

/// What an error of COMMIT means: which of them leave nothing behind, and which leave it open. After a failed sync the
/// transaction may have reached the disk, and come back with the next start.
pub(super) fn unconfirmed(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => StoreError::Unavailable("another process was in the way".into()),
        Some(DiskFull | ReadOnly | CannotOpen | ConstraintViolation) => refused(error),
        _ => StoreError::Unconfirmed(format!("the disk failed as it was written: look at the system's log ({error})")),
    }
}

/// What a closed store answers.
pub(super) fn shut_down() -> StoreError {
    StoreError::Unavailable("the store shut down".into())
}

/// What whoever asked is told when the job itself failed at its work.
pub(super) fn panicked(name: &str) -> StoreError {
    StoreError::Unavailable(format!("a fault in {name}: nothing was done; please report what the log says"))
}

/// Whether something else has the key already, which a second look finds.
fn is_taken(error: &Error) -> bool {
    matches!(
        error.sqlite_extended_error_code(),
        Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn g2_whatever_fails_says_what_to_do() {
        for (code, advice) in [
            (ffi::SQLITE_FULL, "free some space"),
            (ffi::SQLITE_READONLY, "make its file and its directory writable"),
            (ffi::SQLITE_IOERR_READ, "look at the system's log"),
            (ffi::SQLITE_CANTOPEN, "look at its file"),
            (ffi::SQLITE_CORRUPT, "restore a backup"),
            (ffi::SQLITE_NOTADB, "restore a backup"),
        ] {
            let StoreError::Unavailable(text) = refused(failure(code)) else { panic!("{code}") };
            assert!(text.contains(advice), "{text}");
        }
    }

    #[test]
    fn what_another_transaction_did_is_a_conflict_and_no_other_constraint_is() {
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_CONSTRAINT_UNIQUE,
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
        ] {
            assert_eq!(refused(failure(code)), StoreError::Conflict);
        }
        for code in [ffi::SQLITE_CONSTRAINT_CHECK, ffi::SQLITE_CONSTRAINT_NOTNULL] {
            assert!(matches!(refused(failure(code)), StoreError::Unavailable(_)));
        }
    }

    #[test]
    fn r6_a_commit_is_unconfirmed_unless_it_is_sure_that_nothing_was_written() {
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_NOMEM, ffi::SQLITE_CORRUPT] {
            assert!(matches!(unconfirmed(failure(code)), StoreError::Unconfirmed(_)));
        }
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_READONLY, ffi::SQLITE_BUSY, ffi::SQLITE_CONSTRAINT_FOREIGNKEY] {
            assert!(matches!(unconfirmed(failure(code)), StoreError::Unavailable(_)));
        }
    }
}
