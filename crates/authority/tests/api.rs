//! The API over real sockets: a server on a free port over a real store, and callers as types.

mod api {
    mod call;
    mod clock;
    mod harness;
    mod journal;

    mod accounts;
    mod administration;
    mod bodies;
    mod clients;
    mod description;
    mod devices;
    mod endings;
    mod idempotency;
    mod operations;
    mod origins;
    mod paths;
    mod refreshing;
    mod setup;
    mod sockets;
    mod statuses;
    mod throttling;
    mod widgets;
}
