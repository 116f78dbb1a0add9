-- Nodes of the authority that run, or that nobody has yet seen to have stopped (R8). No times: whoever reads this compares
-- what a row says with what it said before. `lease` is in milliseconds.
CREATE TABLE nodes (
    id        BLOB NOT NULL PRIMARY KEY,
    counter   INTEGER NOT NULL,
    lease     INTEGER NOT NULL,
    reached   INTEGER NOT NULL,
    verifiers INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
