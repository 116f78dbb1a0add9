//! The feed (R8): a WebSocket that keeps one verifier current.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::Version;
use axum::response::Response;
use rescind_wire::feed::{FEED_SCOPE, MAX_REQUEST, SUBPROTOCOL};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::caller::Caller;
use super::problem::{Problem, kinds};
use crate::feed::{self, Follower};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(follow))
}

/// Follow the log.
///
/// For verifiers: a WebSocket (RFC 6455) of the subprotocol `rescind.feed.v1`, which docs/feed.md describes. The token is
/// one that a client was given for itself, with the scope `rescind:feed`.
#[utoipa::path(
    get, path = "/v1/feed", tag = "Verifiers", operation_id = "followFeed", security(("bearer" = [])),
    responses((status = 101, description = "The feed")),
)]
async fn follow(
    State(app): State<App>,
    caller: Caller,
    version: Version,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let verified = caller.verified();
    if verified.user().is_some() || !verified.allows(FEED_SCOPE) {
        return Err(Problem::new(kinds::INSUFFICIENT_SCOPE)
            .detail(format!("The feed takes a token that a client was given for itself, with the scope {FEED_SCOPE}."))
            .challenge_scope(FEED_SCOPE));
    }
    if version == Version::HTTP_2 {
        let detail = "The feed is a WebSocket over HTTP/1.1: connect without offering h2 (ALPN).";
        return Err(Problem::new(kinds::UPGRADE_REQUIRED).detail(detail));
    }
    let upgrade = upgrade.map_err(|_| Problem::new(kinds::UPGRADE_REQUIRED).upgrade("websocket"))?;
    let upgrade = upgrade.protocols([SUBPROTOCOL]).max_message_size(MAX_REQUEST).max_frame_size(MAX_REQUEST);
    // Unless told, 128 KiB are kept for each verifier, and written over before each read.
    let upgrade = upgrade.read_buffer_size(MAX_REQUEST);
    if upgrade.selected_protocol().is_none() {
        return Err(Problem::new(kinds::UPGRADE_REQUIRED).upgrade("websocket"));
    }
    let who = Follower {
        name: String::new(),
        client: verified.client().clone(),
        token: verified.claims().jti,
        key: verified.key().clone(),
        position: verified.position(),
        address: caller.address(),
        lease: std::time::Duration::ZERO,
        since: app.authority.world.now(),
    };
    let authority = std::sync::Arc::clone(&app.authority);
    Ok(upgrade.on_upgrade(move |socket| feed::follow(authority, socket, who)))
}
