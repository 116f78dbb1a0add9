//! The administrator's console: everybody's accounts, devices, applications and keys, the log, and who follows it. What it
//! does, the verbs of the JSON API for administrators do; each of them finds out in the store who may.

mod act;
mod chart;
mod client;
mod confirm;
mod desk;
mod key;
mod live;
mod overview;
mod revocation;
mod row;
mod session;
mod user;
mod verifier;

use axum::Router;

use crate::http::app::App;

/// Things on a page of a list.
const PAGE: u32 = 50;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .merge(overview::routes())
        .merge(user::routes())
        .merge(session::routes())
        .merge(client::routes())
        .merge(key::routes())
        .merge(live::routes())
        .merge(revocation::routes())
        .merge(verifier::routes())
        .merge(confirm::routes())
}
