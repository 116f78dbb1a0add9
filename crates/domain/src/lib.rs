//! Rescind's nouns and verbs.
//!
//! Nouns (session, user, client, grant, key, revocation) are plain data with their rules; [`verbs`], one file each, are
//! what may be done with them. Nothing here does I/O: the [`store`], the [`clock`], [`entropy`] and [`password`] hashing
//! are ports that the authority supplies.

pub mod acting;
pub mod address;
pub mod audience;
pub mod boxed;
pub mod chain;
pub mod client;
pub mod clock;
pub mod credentials;
pub mod device;
pub mod entropy;
pub mod error;
pub mod event;
pub mod grant;
pub(crate) mod held;
pub mod idempotency;
pub mod issue;
pub mod key;
pub mod keyring;
pub(crate) mod label;
pub mod login;
pub mod node;
pub mod password;
pub mod policy;
pub mod refresh_token;
pub mod revocation;
pub mod secret;
pub mod session;
pub mod standing;
pub mod store;
pub mod throttle;
pub mod user;
pub mod verbs;
pub mod world;

pub use error::Error;
pub use world::World;
