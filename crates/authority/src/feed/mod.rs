//! The feed: keeps verifiers current, and says truthfully when none of them can accept any more what was ended (R8).
//!
//! `node` and `observer` are values with transitions, which the model in the tests calls as well; `hub` puts connections
//! around them, `keep` clocks and the store, `connection` a WebSocket; `frames` are what it carries.

mod connection;
mod enforcement;
mod frames;
mod hub;
mod keep;
pub mod lease;
pub mod node;
pub mod observer;
mod permitted;

pub use connection::{Denied, follow};
pub(crate) use enforcement::Outcomes;
pub use enforcement::{Enforcement, Pending, PendingKind};
pub use hub::{Follower, Hub, Line, Listed, News, OWN_LEASE, Out, Own};
pub(crate) use keep::Watcher;
pub use keep::keep;
pub use lease::POLL;
pub use node::FollowerId;
pub use permitted::Permitted;
