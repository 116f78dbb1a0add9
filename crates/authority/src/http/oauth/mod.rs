//! OAuth (RFC 6749) endpoints.

mod basic;
mod refusal;
pub(crate) mod token;
