//! The verifier from the outside: what it accepts, what it refuses, and when.

mod support;

mod cache;
mod claims;
mod concurrency;
mod epochs;
mod feed;
mod floor;
mod forgery;
mod keys;
mod lease;
#[cfg(feature = "live")]
mod live;
mod parser;
mod revocation;
mod setup;
mod time;
#[cfg(feature = "axum")]
mod web;
