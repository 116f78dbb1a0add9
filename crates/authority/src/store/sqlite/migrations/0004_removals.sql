-- The removals of clients, of which nothing else is left to find their entry of the log by.
CREATE INDEX events_client_removed ON events (client_id, id) WHERE kind = 'client_removed';
