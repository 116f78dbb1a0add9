//! The JSON API for first-party applications. Each handler calls exactly one verb.

pub(crate) mod device;
pub(crate) mod event;
pub(crate) mod me;
pub(crate) mod revocation;
pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod user;
