//! The engines behind [`rescind_domain::store::Store`]. One noun has one file name here and in the domain.

pub mod sqlite;
