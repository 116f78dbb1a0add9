//! A look into the file itself, beside the server that runs on it: whatever is there is whole.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// What must find nothing, and what it would mean.
const HALVES: &[(&str, &str)] = &[
    ("entries beside the head", "SELECT number FROM log WHERE number > (SELECT number FROM head)"),
    ("a gap in the log", "SELECT 1 FROM head WHERE number <> (SELECT count(*) FROM log)"),
    (
        "an entry without exactly one event",
        "SELECT l.number FROM log l LEFT JOIN events e ON e.revocation = l.number GROUP BY l.number
         HAVING count(e.id) <> 1",
    ),
    ("an event of an entry that is not there", "SELECT id FROM events WHERE revocation > (SELECT number FROM head)"),
    (
        "a session ended without an entry",
        "SELECT 1 FROM sessions s LEFT JOIN log l ON l.number = s.ended AND l.kind = 'session'
         WHERE s.ended IS NOT NULL AND l.number IS NULL",
    ),
    (
        "a session's end without its session",
        "SELECT l.number FROM log l LEFT JOIN sessions s ON s.ended = l.number
         WHERE l.kind = 'session' AND s.id IS NULL",
    ),
    (
        "a user's cut that is not the latest entry about the user",
        "SELECT 1 FROM users u WHERE cut_latest > 0 AND NOT EXISTS
         (SELECT 1 FROM log l WHERE l.number = u.cut_latest AND l.kind = 'user')
         AND cut_latest > (SELECT min(number) FROM log WHERE kind <> 'add_key')",
    ),
    (
        "a session without exactly one chain",
        "SELECT s.id FROM sessions s LEFT JOIN chains c ON c.user_id = s.user_id AND c.session_id = s.id
         GROUP BY s.user_id, s.id HAVING count(c.idx) <> 1",
    ),
    (
        "a chain without its session",
        "SELECT 1 FROM chains c LEFT JOIN sessions s ON c.user_id = s.user_id AND c.session_id = s.id
         WHERE s.id IS NULL",
    ),
    (
        "a session without exactly one event of its sign-in",
        "SELECT s.id FROM sessions s LEFT JOIN events e ON e.session_id = s.id AND e.kind = 'signed_in'
         GROUP BY s.user_id, s.id HAVING count(e.id) <> 1",
    ),
    (
        "a sign-in without its session",
        "SELECT e.id FROM events e LEFT JOIN sessions s ON e.session_id = s.id
         WHERE e.kind = 'signed_in' AND s.id IS NULL",
    ),
];

/// Checks the file at `path`. It is opened for reading alone, so that nothing is repaired that the server left behind.
pub(crate) fn check(path: &Path) {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let found: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
    // One state, whatever is written meanwhile.
    conn.execute_batch("BEGIN").unwrap();
    for (meaning, sql) in HALVES {
        let mut statement = conn.prepare(sql).unwrap();
        assert!(!statement.exists([]).unwrap(), "{meaning}");
    }
}
