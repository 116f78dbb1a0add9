//! The authority: configuration, stores, the HTTP API, the command line, and the server that puts them together.

pub mod activity;
pub mod ambient;
pub mod authority;
pub mod branding;
pub mod cli;
pub mod config;
mod cookies;
pub mod data_dir;
pub mod demo;
pub mod feed;
pub mod follower;
pub mod guard;
pub mod hint;
pub mod history;
pub mod housekeeping;
pub mod http;
pub mod live;
pub mod owner;
pub mod passwords;
pub mod places;
pub mod renewal;
pub mod serve;
pub mod store;
mod tally;
pub mod tls;
pub mod traces;
