//! The API over real sockets: a server on a free port over a real store, and callers as types.

mod api {
    mod call;
    mod clock;
    mod ear;
    mod harness;
    mod journal;

    mod accounts;
    mod administration;
    mod bodies;
    #[path = "../cli/certificates.rs"]
    #[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
    mod certificates;
    mod changes;
    mod clients;
    mod collector;
    mod console;
    mod description;
    mod devices;
    mod encrypted;
    mod endings;
    mod history;
    mod idempotency;
    mod live;
    #[path = "../cli/mmdb.rs"]
    mod mmdb;
    mod multiplexed;
    mod operations;
    mod origins;
    mod paths;
    mod places;
    mod refreshing;
    mod setup;
    mod sockets;
    mod statuses;
    mod throttling;
    mod traces;
    mod users;
    mod widgets;
}
