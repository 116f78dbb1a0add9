//! The verifier from the outside: what it accepts, what it refuses, and when.

mod support;

mod cache;
mod claims;
mod concurrency;
#[cfg(feature = "follow")]
mod cuts;
mod epochs;
#[cfg(feature = "follow")]
mod falsehoods;
mod feed;
mod floor;
mod foreign;
mod forgery;
#[cfg(feature = "follow")]
mod impostor;
mod keys;
mod lease;
#[cfg(feature = "live")]
mod live;
mod metrics;
mod parser;
mod revocation;
mod room;
mod setup;
mod time;
#[cfg(feature = "axum")]
mod web;
