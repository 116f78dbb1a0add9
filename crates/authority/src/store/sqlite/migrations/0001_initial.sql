-- Ids are their 16 bytes, times milliseconds since the Unix epoch, positions a number and the ordinal of an epoch.
-- Every table that grows with users has the user id as the first part of its key (design, section 6).

-- The epochs of the log, in order (R9). `ended` is the last number that still counts; null for the current one.
CREATE TABLE epochs (
    seq      INTEGER PRIMARY KEY,
    epoch    BLOB NOT NULL UNIQUE,
    began_at INTEGER NOT NULL,
    ended    INTEGER
) STRICT;

-- One row. A floor beyond the head would make every verifier refuse everything, for good.
CREATE TABLE head (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    epoch        INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    floor        INTEGER NOT NULL CHECK (floor <= number),
    everyone_cut INTEGER NOT NULL,
    services_cut INTEGER NOT NULL
) STRICT;

CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    epoch  INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    change TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor  TEXT NOT NULL,
    at     INTEGER NOT NULL,
    tag    BLOB NOT NULL
) STRICT;

-- Lifetimes of access tokens that were ever in force (R10), in milliseconds.
CREATE TABLE lifetimes (
    lifetime INTEGER PRIMARY KEY,
    until    INTEGER
) STRICT;

CREATE TABLE users (
    id           BLOB NOT NULL PRIMARY KEY,
    tenant       TEXT NOT NULL DEFAULT 'main',
    login        TEXT NOT NULL,
    login_key    TEXT NOT NULL,
    password     TEXT,
    role         TEXT NOT NULL,
    state        TEXT NOT NULL,
    locked_since INTEGER,
    locked_until INTEGER,
    lock_reason  TEXT,
    deleted_at   INTEGER,
    external_id  TEXT,
    metadata     TEXT,
    created_at   INTEGER NOT NULL,
    cut_latest   INTEGER NOT NULL,
    cut_except   BLOB,
    cut_holds    INTEGER NOT NULL,
    cut_deleted  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_login ON users (tenant, login_key) WHERE state <> 'deleted';
CREATE UNIQUE INDEX users_external_id ON users (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX users_administrators ON users (state) WHERE role = 'administrator';

CREATE TABLE sessions (
    user_id       BLOB NOT NULL,
    id            BLOB NOT NULL,
    epoch         INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    idle_lifetime INTEGER NOT NULL,
    address       TEXT,
    user_agent    TEXT,
    name          TEXT,
    amr           TEXT NOT NULL,
    auth_time     INTEGER NOT NULL,
    remembered    INTEGER NOT NULL,
    bound_address TEXT,
    metadata      TEXT,
    ended         INTEGER,
    ended_at      INTEGER,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
-- A page of a user's list costs a page, whatever has ended before. All columns run the same way, so that one
-- comparison of three columns finds where the next page begins.
CREATE INDEX sessions_live ON sessions (user_id, number, started_at, id) WHERE ended IS NULL;
CREATE UNIQUE INDEX sessions_id ON sessions (id);

-- `rotated_at` is the latest rotation; `earlier` the ones before it, latest first, 8 bytes each, big-endian.
CREATE TABLE chains (
    user_id     BLOB NOT NULL,
    session_id  BLOB NOT NULL,
    idx         INTEGER NOT NULL,
    client_id   TEXT NOT NULL,
    epoch       INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    counter     INTEGER NOT NULL,
    salt        BLOB NOT NULL,
    token_epoch INTEGER NOT NULL,
    mac_key     BLOB NOT NULL,
    rotated_at  INTEGER,
    earlier     BLOB NOT NULL,
    scope       TEXT NOT NULL,
    audiences   TEXT NOT NULL,
    PRIMARY KEY (user_id, session_id, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX chains_client ON chains (client_id, user_id, session_id);

CREATE TABLE clients (
    id         TEXT NOT NULL PRIMARY KEY,
    tenant     TEXT NOT NULL DEFAULT 'main',
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    audiences  TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    secret     BLOB,
    origins    TEXT NOT NULL,
    policy     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    cut        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audiences (
    name      TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    user_id    BLOB NOT NULL,
    client_id  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    cut        INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;

-- `sealed` opens only with the root key, which is not in here.
CREATE TABLE keys (
    id            TEXT NOT NULL PRIMARY KEY,
    purpose       TEXT NOT NULL,
    public        TEXT,
    sealed        BLOB NOT NULL,
    added         INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    superseded_at INTEGER,
    revoked       INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE ended_tokens (
    jti    BLOB NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_tokens_number ON ended_tokens (number);

-- Ids are never used again, even once the latest rows are purged: whoever replays goes on after the last id it saw.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    user_id    BLOB,
    session_id BLOB,
    client_id  TEXT,
    actor      TEXT NOT NULL,
    address    TEXT,
    revocation INTEGER,
    detail     TEXT
) STRICT;
CREATE INDEX events_user ON events (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX events_at ON events (at);

CREATE TABLE remembered (
    caller      TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX remembered_at ON remembered (at);

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
