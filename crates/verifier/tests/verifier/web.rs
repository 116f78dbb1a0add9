//! In front of services: the layer for tower and the extractor for axum.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use rescind_verifier::Verifier;
use rescind_verifier::web::{Authorized, Refusal, Requirement, VerifyLayer};
use tower::ServiceExt as _;

use crate::support::{LEASE, World, one_session};

async fn who(caller: Authorized) -> String {
    format!("{} {}", caller.subject(), caller.claims().scope)
}

fn service(verifier: &Verifier, requirement: Requirement) -> Router {
    let guarded = Router::new()
        .route("/guarded", get(|request: Request| async move { format!("{:?}", request.extensions().len()) }))
        .layer(VerifyLayer::new(verifier.clone()).require(requirement));
    Router::new().route("/who", get(who)).merge(guarded).with_state(verifier.clone())
}

fn ask(router: &Router, path: &str, authorization: &[&str]) -> Response {
    let mut request = axum::http::Request::get(path);
    for value in authorization {
        request = request.header("authorization", *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(router.clone().oneshot(request)).expect("an answer")
}

/// Status and challenge.
fn told(router: &Router, path: &str, authorization: &[&str]) -> (u16, String) {
    let answer = ask(router, path, authorization);
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
    let challenge = header("www-authenticate").or_else(|| header("retry-after").map(|wait| format!("again in {wait}")));
    (answer.status().as_u16(), challenge.unwrap_or_default())
}

#[test]
fn a_good_token_is_let_in_and_everything_else_is_told_apart() {
    let mut world = World::new();
    let router = service(&world.verifier, Requirement::none().scope("write"));
    let (good, reader) = (world.token(|_| {}), world.token(|claims| "read".clone_into(&mut claims.scope)));
    let bearer = |token: &str| format!("Bearer {token}");
    for path in ["/who", "/guarded"] {
        assert_eq!(told(&router, path, &[&bearer(&good)]), (200, String::new()), "{path}");
        assert_eq!(told(&router, path, &[]), (401, "Bearer".into()), "{path}");
        assert_eq!(told(&router, path, &["Basic x"]), (401, "Bearer".into()), "{path}");
        assert_eq!(told(&router, path, &["Bearer x"]), (401, "Bearer error=\"invalid_token\"".into()), "{path}");
        let twice = told(&router, path, &[&bearer(&good), &bearer(&good)]);
        assert_eq!(twice, (400, "Bearer error=\"invalid_request\"".into()), "{path}");
        let dpop = told(&router, path, &[&format!("DPoP {good}")]);
        assert_eq!(dpop, (401, "Bearer error=\"invalid_token\"".into()), "{path}");
    }
    let lacking = (403, "Bearer error=\"insufficient_scope\", scope=\"write\"".into());
    assert_eq!(told(&router, "/guarded", &[&bearer(&reader)]), lacking);
    assert_eq!(told(&router, "/who", &[&bearer(&reader)]).0, 200);
    world.revoke(one_session(1, 1));
    assert_eq!(told(&router, "/guarded", &[&bearer(&good)]), (401, "Bearer error=\"invalid_token\"".into()));
    let other = world.token_of(2, 2);
    assert_eq!(told(&router, "/guarded", &[&bearer(&other)]).0, 200);
    world.clock.advance(LEASE);
    for path in ["/who", "/guarded"] {
        assert_eq!(
            told(&router, path, &[&bearer(&other)]),
            (503, "again in 1".into()),
            "{path}: the token may be good"
        );
    }
}

#[test]
fn the_counters_are_served_as_prometheus_reads_them() {
    let world = World::new();
    let counters = Router::new().route("/metrics", get(rescind_verifier::web::metrics));
    let answer = ask(&counters.with_state(world.verifier.clone()), "/metrics", &[]);
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let body = runtime.block_on(axum::body::to_bytes(answer.into_body(), usize::MAX)).expect("a page");
    let page = String::from_utf8(body.to_vec()).expect("text");
    assert!(page.contains("\n# TYPE rescind_verifier_position gauge\nrescind_verifier_position 100\n"), "{page}");
}

#[test]
fn all_scopes_that_are_missing_are_named_and_those_that_are_there_are_not() {
    let world = World::new();
    let router = service(&world.verifier, Requirement::none().scope("admin").scope("write").scope("delete"));
    let writer = world.token(|claims| "read write".clone_into(&mut claims.scope));
    let lacking = (403, "Bearer error=\"insufficient_scope\", scope=\"admin delete\"".to_owned());
    assert_eq!(told(&router, "/guarded", &[&format!("Bearer {writer}")]), lacking);
}

#[test]
fn what_is_asked_for_cannot_break_out_of_the_challenge() {
    let challenge = Refusal::Scope("a\"b\\c d".into()).challenge();
    assert_eq!(challenge.as_deref(), Some("Bearer error=\"insufficient_scope\", scope=\"abc d\""));
}

#[test]
fn how_long_ago_the_person_authenticated_can_be_asked_for() {
    let world = World::new();
    let router = service(&world.verifier, Requirement::none().max_age(Duration::from_mins(1)));
    let now = world.claims().iat;
    let at = |auth_time: Option<u64>| world.token(|claims| claims.auth_time = auth_time);
    let told = |token: String| told(&router, "/guarded", &[&format!("Bearer {token}")]);
    assert_eq!(told(at(Some(now - 60))).0, 200);
    let stale = (401, "Bearer error=\"insufficient_user_authentication\", max_age=\"60\"".to_owned());
    assert_eq!(told(at(Some(now - 61))), stale);
    assert_eq!(told(at(None)), stale, "who knows?");
}

#[test]
fn an_answer_that_is_still_being_sent_is_broken_off_once_its_token_is_revoked() {
    let mut world = World::new();
    let endless = || async {
        let silent = axum::body::Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
        (StatusCode::OK, silent)
    };
    let router = Router::new().route("/", get(endless)).layer(VerifyLayer::new(world.verifier.clone()).watch());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _inside = runtime.enter();
    let request = axum::http::Request::get("/").header("authorization", format!("Bearer {}", world.token(|_| {})));
    let answer = runtime.block_on(router.oneshot(request.body(Body::empty()).expect("a request"))).expect("an answer");
    let mut body = pin!(answer.into_body());
    let mut context = Context::from_waker(Waker::noop());
    assert!(body.as_mut().poll_frame(&mut context).is_pending());
    world.revoke(one_session(2, 2));
    assert!(body.as_mut().poll_frame(&mut context).is_pending());
    world.revoke(one_session(1, 1));
    let Poll::Ready(Some(Err(error))) = body.as_mut().poll_frame(&mut context) else { panic!("it goes on") };
    assert!(error.to_string().contains("hung up: revoked by entry"), "{error}");
}
