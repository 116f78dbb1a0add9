//! What operators ask for.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use rescind::authority::Authority;
use rescind::http::Caller;
use rescind_domain::store::{Store as _, Tx};
use serde_json::json;

use super::harness::{Harness, PASSWORD};

/// An endpoint that is protected, and does nothing: only the verifier stands in the way.
pub(crate) fn protected(authority: Arc<Authority>) -> Router {
    async fn nothing(State(_): State<Arc<Authority>>, caller: Caller) -> StatusCode {
        assert!(caller.verified().session().is_some());
        StatusCode::NO_CONTENT
    }
    Router::new().route("/protected", get(nothing)).with_state(authority)
}

#[tokio::test]
async fn the_bearer_path_makes_no_store_read() {
    let mut harness = Harness::beside(|_| {}, protected).await;
    let (ann, ended) = (harness.newcomer("ann").await, harness.newcomer("bob").await);
    ended.delete("/v1/sessions/current").expect(204).await;
    let (ann, ended) = (ann.access.clone(), ended.access.clone());
    // The follower polls; what is counted from here on is what requests cause.
    harness.stop_following().await;
    // Behind whatever it had handed in.
    harness.authority.world.store.transact("last", |_| Ok(())).await.expect("done");
    let asked = || {
        let stats = harness.authority.sqlite.stats();
        [stats.reads, stats.position_callers, stats.transactions]
    };
    let before = asked();
    for _ in 0..100 {
        harness.get("/protected").bearer(&ann).expect(204).await;
        harness.get("/protected").bearer(&ended).expect(401).await.problem("invalid-token");
        harness.get("/v1/me").bearer(&ended).expect(401).await.problem("invalid-token");
        harness.get("/protected").expect(401).await.problem("missing-token");
    }
    assert_eq!(asked(), before, "reads, reads of the head, transactions");
}

#[tokio::test]
async fn r7_a_verifier_that_cannot_tell_is_503_and_not_401() {
    let harness = Harness::that_never_heard_from_the_log(protected).await;
    for path in ["/protected", "/v1/me", "/v1/admin/users"] {
        let answer = harness.get(path).bearer("a.good.one").expect(503).await.problem("cannot-tell").retry_after();
        assert_eq!(answer.header("www-authenticate"), "");
    }
    let log_out = harness.call(axum::http::Method::DELETE, "/v1/sessions/current").bearer("a.good.one");
    log_out.expect(503).await.problem("cannot-tell");
    let answer = harness.get("/readyz").expect(503).await.problem("not-ready");
    assert!(answer.text().contains("nothing was heard"), "{}", answer.text());
    harness.get("/healthz").expect(200).await;
    harness.get("/metrics").expect(200).await;
}

#[tokio::test]
async fn counters_say_what_happened_by_route_and_status_and_never_by_id() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let wrong = json!({"login": "ann", "password": "not the one that it is"});
    harness.post("/v1/sessions").json(&wrong).expect(401).await;
    harness.refresh(&ann.refresh).expect(200).await;
    harness.refresh("x").expect(401).await;
    ann.delete(&format!("/v1/sessions/{}", ann.session)).expect(204).await;
    harness.get("/v1/me").bearer(&ann.access).expect(401).await;
    harness.get("/secret-path-of-somebody").expect(404).await;
    let page = harness.get("/metrics").expect(200).await;
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let page = page.text();
    for line in [
        "rescind_http_requests_total{route=\"/v1/sessions\",method=\"POST\",status=\"201\"} 1",
        "rescind_http_requests_total{route=\"/v1/sessions\",method=\"POST\",status=\"401\"} 1",
        "rescind_http_requests_total{route=\"/v1/sessions/{id}\",method=\"DELETE\",status=\"204\"} 1",
        "rescind_http_requests_total{route=\"(none)\",method=\"GET\",status=\"404\"} 1",
        "rescind_sign_ins_total{result=\"ok\"} 1",
        "rescind_sign_ins_total{result=\"invalid-credentials\"} 1",
        "rescind_refreshes_total{result=\"ok\"} 1",
        "rescind_refreshes_total{result=\"refresh-refused\"} 1",
        "rescind_verifier_ready 1",
        "rescind_verifier_accepted_total 1",
        "rescind_verifier_refused_total{reason=\"revoked\"} 1",
        "rescind_hashes_total{scheme=\"argon2\"} 3",
        "rescind_http_request_seconds_bucket{le=\"+Inf\"} 8",
        "rescind_store_transaction_seconds_count{name=\"sign_up\"} 1",
        "rescind_store_transaction_seconds_count{name=\"end_session\"} 1",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}\n{page}");
    }
    assert!(!page.contains("secret-path") && !page.contains(&ann.session) && !page.contains("usr_"));
    let mut families: Vec<&str> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let all = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), all, "each family is written once");
}

#[tokio::test]
async fn sixty_four_refreshes_at_once_take_at_most_sixteen_commits() {
    let harness = Harness::start().await;
    let mut devices = vec![harness.newcomer("ann").await.refresh.clone()];
    for _ in 1..64 {
        devices.push(harness.sign_in("ann").await.refresh.clone());
    }
    // One transaction is under way until all others wait behind it: that is what "at once" means.
    let (tell, begun) = tokio::sync::oneshot::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (store, mut tell) = (Arc::clone(&harness.authority.world.store), Some(tell));
    let holding = tokio::spawn(async move {
        let job = move |_: &mut dyn Tx| {
            let _ = tell.take().map(|tell| tell.send(()));
            let _ = held.recv();
            Ok(())
        };
        store.transact("hold", job).await
    });
    begun.await.unwrap();
    let stats = || harness.authority.sqlite.stats();
    let before = stats();
    let mut calls = tokio::task::JoinSet::new();
    for device in &devices {
        calls.spawn(harness.refresh(device).send());
    }
    let all_wait = async {
        while stats().queued - before.queued < 64 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all_wait).await.expect("all of them wait");
    release.send(()).unwrap();
    holding.await.unwrap().unwrap();
    assert!(calls.join_all().await.iter().all(|answer| answer.status == 200));
    let after = stats();
    assert_eq!(after.transactions - before.transactions, 65, "the one that was under way, and the refreshes");
    assert!(after.commits - before.commits <= 16, "{} commits", after.commits - before.commits);
}

#[tokio::test]
async fn the_position_is_read_anew_for_each_sign_in() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let before = harness.authority.sqlite.stats().position_callers;
    let body = json!({"login": "ann", "password": PASSWORD});
    harness.post("/v1/sessions").json(&body).expect(201).await;
    assert!(harness.authority.sqlite.stats().position_callers > before, "r2");
    harness.authority.sqlite.position().await.unwrap();
}
