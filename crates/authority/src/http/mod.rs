//! The authority over HTTP: a JSON API for first-party applications and administrators, OAuth's token endpoint, and what
//! operators ask for. Handlers parse, call one verb each, and answer; every ending answers once the authority's own
//! verifier refuses what it covers.

mod admin;
mod api;
mod app;
mod body;
mod caller;
mod cors;
mod docs;
mod envelope;
mod expected;
mod exposition;
mod feed;
pub(crate) mod form;
mod gzip;
mod html;
mod idempotency;
mod meter;
mod multiplexed;
mod oauth;
mod openapi;
mod operations;
mod page;
pub(crate) mod pages;
mod passive;
mod password;
mod patience;
mod problem;
mod progress;
mod query;
mod recognised;
pub mod server;
mod stream;
mod time;
mod turned_away;
mod waiting;
mod well_known;
mod widgets;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use caller::{Caller, Refusal};

use crate::authority::Authority;
use crate::tls::Tls;
use app::App;
use openapi::Published;
use problem::{Problem, kinds};

/// All paths. Each of them is in the description that `/openapi.json` answers with, because that is made from the same
/// list.
pub fn router(authority: Arc<Authority>) -> Router {
    router_with_certificate(authority, None)
}

/// The same, of a server that shows a certificate: its metrics tell until when.
pub fn router_with_certificate(authority: Arc<Authority>, tls: Option<Arc<Tls>>) -> Router {
    let (router, document) = routes().split_for_parts();
    let app = App::new(authority, tls, Published::new(document, description));
    router
        .merge(pages::routes(&app))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(app.clone(), envelope::envelope))
        .with_state(app)
}

/// What the handlers say of themselves.
pub fn description() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::begin())
        .merge(api::user::routes())
        .merge(api::me::routes())
        .merge(api::event::routes())
        .merge(api::session::routes())
        .merge(api::setup::routes())
        .merge(admin::user::routes())
        .merge(admin::session::routes())
        .merge(admin::client::routes())
        .merge(admin::key::routes())
        .merge(admin::revocation::routes())
        .merge(admin::preview::routes())
        .merge(admin::event::routes())
        .merge(admin::verifier::routes())
        .merge(admin::history::routes())
        .merge(admin::change::routes())
        .merge(feed::routes())
        .merge(oauth::token::routes())
        .merge(well_known::routes())
        .merge(operations::routes())
        .merge(openapi::routes())
        .merge(docs::routes())
        .merge(widgets::routes())
}

async fn no_such_path(State(app): State<App>, request: Request) -> Response {
    pages::fault::for_whoever_asks(&app, request, kinds::NO_SUCH_PATH).await
}

/// The router adds the `Allow` header.
async fn wrong_method(State(app): State<App>, request: Request) -> Response {
    pages::fault::for_whoever_asks(&app, request, kinds::METHOD_NOT_ALLOWED).await
}

/// The panic hook has written down what happened; whoever asked learns only that something did.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(kinds::INTERNAL).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing() {
        async fn fails() -> &'static str {
            panic!("on purpose, with a secret")
        }
        let router = Router::new().route("/fails", get(fails)).layer(CatchPanicLayer::custom(panicked));
        let request = Request::get("/fails").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("/problems/internal") && !text.contains("secret"), "{text}");
    }
}
