-- Sessions that may still live, the first to expire first: how many a revocation of everyone would hit is counted without
-- looking at those that have expired and wait for the purge.
CREATE INDEX sessions_expiry ON sessions (expires_at, user_id, id) WHERE ended IS NULL;
