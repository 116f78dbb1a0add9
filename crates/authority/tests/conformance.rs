//! What every engine behind [`rescind_domain::store::Store`] must do, contention and crashes included.
//!
//! A second engine implements [`conformance::engine::Engine`] and is named once, in `engines!`.

mod conformance {
    #[macro_use]
    pub(crate) mod engine;
    pub(crate) mod fixture;

    mod callers;
    mod chains;
    mod clients;
    mod endings;
    mod events;
    mod keys;
    mod log;
    mod purge;
    mod sessions;
    mod sqlite;
    mod transactions;
    mod users;
}
