//! The stream that makes the console live: it says that something happened, to administrators alone, and ends with the
//! session.

use axum::http::Method;
use serde_json::json;

use super::browser::Browser;
use super::ear::Ear;
use super::harness::{Harness, PASSWORD, text};

impl Browser<'_> {
    async fn listen(&self) -> Ear {
        Ear::listen(self.call(Method::GET, "/admin/live")).await
    }
}

#[tokio::test]
async fn whoever_is_no_administrator_hears_nothing() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let mut stranger = Browser::new(&harness);
    assert_eq!(stranger.get("/admin/live").await.status, 401);
    let mut person = Browser::signed_in(&harness, "ann").await;
    assert_eq!(person.get("/admin/live").await.status, 403);
}

#[tokio::test]
async fn an_entry_of_the_log_is_heard_whoever_wrote_it() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let root = Browser::administrator(&harness).await;
    let mut ear = root.listen().await;
    assert_eq!(ear.headers["content-type"], "text/event-stream");
    assert_eq!(
        (&ear.headers["cache-control"], &ear.headers["x-accel-buffering"]),
        (&"no-store".parse().unwrap(), &"no".parse().unwrap())
    );
    ann.delete("/v1/sessions/current").expect(204).await;
    loop {
        let heard = ear.next().await.expect("it goes on");
        if heard.event == "revocations" {
            break;
        }
    }
}

#[tokio::test]
async fn the_stream_ends_with_the_session_and_with_the_role() {
    let harness = Harness::start().await;
    let admin = harness.administrator().await;
    let root = Browser::signed_in(&harness, "root").await;
    let made = json!({"login": "bob", "password": PASSWORD, "role": "administrator"});
    let bob = text(&admin.post("/v1/admin/users").json(&made).expect(201).await.json()["user"]["id"]);
    let other = Browser::signed_in(&harness, "bob").await;
    let (mut own, mut demoted) = (root.listen().await, other.listen().await);
    admin.patch(&format!("/v1/admin/users/{bob}")).json(&json!({"role": "user"})).expect(200).await;
    let sessions = admin.sessions().await;
    for session in sessions.iter().filter(|session| **session != admin.session) {
        admin.delete(&format!("/v1/sessions/{session}")).expect(204).await;
    }
    for ear in [&mut own, &mut demoted] {
        loop {
            let heard = ear.next().await.expect("a last word");
            if heard.event == "ended" {
                break;
            }
        }
        assert_eq!(ear.next().await, None);
    }
}
