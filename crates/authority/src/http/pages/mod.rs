//! The pages that people see: signing in, their devices, their security, and the administrator's console. Rendered here,
//! plain forms that work without script; script only makes them live. A cookie is a session like any other: it stands for
//! an access token that stays in the server (`crate::cookies`), so every rule of the API holds here too.

mod account;
mod again;
mod assets;
mod console;
mod cookie;
pub(crate) mod fault;
mod form_token;
mod frame;
mod instead;
mod language;
mod latest;
mod moment;
mod new_password;
mod notice;
mod packed;
mod posted;
mod return_to;
mod security;
mod setup;
mod sign_in;
mod sign_out;
mod sign_up;
mod visitor;
mod words;

use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::routing::get;

use self::assets::Assets;
use self::cookie::Transport;
use self::form_token::FormTokens;
use self::words::Words;
use super::app::App;
use crate::branding::Branding;

/// Whether there are pages for people where the authority goes by the name `issuer`.
pub(crate) fn are_served(issuer: &str) -> bool {
    Transport::of(issuer) != Transport::Insecure
}

/// How long what a page has to say waits for the next page.
const NOTICE: Duration = Duration::from_mins(1);

/// What a browser throws away as a session ends (ASVS 5.0 §14.3.1). Not `cookies`: that would take those of all hosts of the
/// domain, other applications' too; our own are removed by name.
const CLEAR: HeaderValue = HeaderValue::from_static("\"cache\", \"storage\"");

/// What the pages need beside the authority.
pub(crate) struct Pages {
    words: Words,
    assets: Assets,
    form_tokens: FormTokens,
    transport: Transport,
    /// What the place is called.
    brand: String,
    /// The issuer's origin (RFC 6454 §6.2).
    origin: String,
}

impl Pages {
    /// The pages of an authority that goes by the name `issuer`; `root` is what the keys of forms are derived from.
    pub(crate) fn new(issuer: &str, root: &[u8], branding: &Branding) -> Self {
        Self {
            words: Words::load(),
            assets: Assets::load(branding),
            form_tokens: FormTokens::new(root),
            transport: Transport::of(issuer),
            brand: branding.name.clone(),
            origin: crate::http::cors::origin_of(issuer),
        }
    }
}

/// The paths of the pages. They are for people: the description of the API does not list them.
pub(super) fn routes(app: &App) -> Router<App> {
    Router::new()
        .merge(sign_in::routes())
        .merge(sign_out::routes())
        .merge(sign_up::routes())
        .merge(setup::routes())
        .merge(account::routes())
        .merge(security::routes())
        .merge(language::routes())
        .layer(axum::middleware::from_fn(packed::pack_page))
        .merge(console::routes())
        .layer(axum::middleware::from_fn_with_state(app.clone(), fault::dress))
        .layer(axum::middleware::from_fn_with_state(app.clone(), latest::hand_out))
        .route("/assets/{name}", get(assets::serve))
}
