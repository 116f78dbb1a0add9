//! The stream that makes the console live: it says that something happened, to administrators alone, and ends with the
//! session.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::http::Method;
use rescind::live::Guest;
use rescind_domain::acting::Administrator;
use rescind_domain::verbs::revoke;
use rescind_wire::{Scope, TokenId};
use serde_json::json;

use super::browser::Browser;
use super::ear::Ear;
use super::enforcing::silent;
use super::harness::{Harness, PASSWORD, text};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// Resolves once this is heard, whatever else is.
async fn hears(ear: &mut Ear, event: &str) {
    let heard = async { while ear.next().await.expect("it goes on").event != event {} };
    tokio::time::timeout(PATIENCE, heard).await.expect(event);
}

#[tokio::test]
async fn verifiers_are_heard_of_while_the_log_grows_all_the_time() {
    let harness = Harness::start().await;
    let root = Browser::administrator(&harness).await;
    let mut ear = root.listen().await;
    let line = silent(&harness, "shop").await;
    let growing = async {
        loop {
            let scope = Scope::Token { token: TokenId::from_bytes(harness.authority.world.entropy.bytes()) };
            let ended = revoke::revoke(
                &harness.authority.world,
                &Administrator::CommandLine,
                scope,
                "because".to_owned(),
                None,
            );
            ended.await.expect("revoked");
            harness.authority.hint();
        }
    };
    tokio::select! {
        () = growing => unreachable!("it grows for ever"),
        () = hears(&mut ear, "verifiers") => {}
    }
    drop(line);
}

#[tokio::test]
async fn neither_looking_on_nor_listening_keeps_an_administrators_session_alive() {
    let harness = Harness::start().await;
    let root = Browser::administrator(&harness).await;
    harness.authority.activity.take();
    drop(root.listen().await);
    root.call(Method::GET, "/admin").header("rescind-passive", "?1").expect(200).await;
    assert_eq!(harness.authority.activity.take(), []);
    root.call(Method::GET, "/admin").expect(200).await;
    assert_eq!(harness.authority.activity.take().len(), 1);
}

#[tokio::test]
async fn an_administrators_oldest_stream_gives_way_and_one_too_many_is_told_when_to_come_again() {
    let harness = Harness::start().await;
    let root = Browser::administrator(&harness).await;
    let mut ears = Vec::new();
    for _ in 0..=rescind::live::MOST_OF_ONE {
        ears.push(root.listen().await);
    }
    hears(&mut ears[0], "replaced").await;
    assert_eq!(ears[0].next().await, None);
    drop(ears);
    let live = &harness.authority.live;
    let admit = |n: usize| live.admit(&format!("service {n}"), Some(Ipv4Addr::LOCALHOST.into()));
    let mut others: Vec<Guest> = Vec::new();
    for n in 0.. {
        // Those who hung up may not be gone yet.
        match admit(n) {
            Ok(guest) => others.push(guest),
            Err(_) if others.len() == rescind::live::MOST_GUESTS => break,
            Err(_) => tokio::task::yield_now().await,
        }
    }
    let answer = root.call(Method::GET, "/admin/live").expect(200).await;
    assert!(answer.text().contains("event: full"), "{answer:?}");
    drop(others);
    drop(root.listen().await);
}
