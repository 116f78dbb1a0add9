//! Verifiers: who follows, who has not confirmed an ending and by when it must, and sending one away.

use std::sync::Arc;
use std::time::Duration;

use rescind::feed::{Follower, Line};
use rescind_domain::clock::Timestamp;
use rescind_domain::node::{NodeId, NodeRow};
use rescind_wire::TokenId;
use rescind_wire::feed::Ack;

use super::browser::Browser;
use super::harness::{Harness, text};

/// A verifier that holds a lease, and says nothing from then on.
pub(crate) async fn silent(harness: &Harness, name: &str) -> Line {
    let authority = &harness.authority;
    let follower = Follower {
        name: name.to_owned(),
        client: "default".parse().unwrap(),
        token: TokenId::from_bytes([1; 16]),
        key: "key_one".parse().unwrap(),
        position: authority.world.store.position().await.unwrap(),
        address: Some([192, 0, 2, 7].into()),
        lease: Duration::from_mins(1),
        since: Timestamp(1_795_248_930_250),
    };
    let line = loop {
        // The node has its row once the log was read for the first time.
        match authority.hub.connect(follower.clone(), 10) {
            Ok(line) => break line,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let head = authority.world.store.position().await.unwrap();
    while !authority.hub.go_live(line.id, head).unwrap() {
        tokio::task::yield_now().await;
    }
    let now = rescind_verifier::Clock::boottime(&rescind_verifier::SystemClock);
    authority.hub.ack(line.id, Ack { position: head.number, number: 1 }, now).unwrap();
    line
}

#[tokio::test]
async fn after_an_ending_administrators_are_told_who_is_missing_and_by_when_it_must_have_it() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let line = silent(&harness, "<shop>").await;
    let page = root.page("/admin/verifiers").await;
    assert!(page.contains("<bdi>&#60;shop&#62;</bdi>") && page.contains("Up to date"), "{page}");
    assert!(page.contains("192.0.2.7") && page.contains("60 seconds"), "{page}");

    let place = format!("/admin/users/{user}");
    let answer = root.fill(&place, &format!("{place}/sessions/{}/sign-out", ann.session), &[]).await;
    let back = answer.header("location").to_owned();
    let page = root.page(&back).await;
    assert!(page.contains("0 of 1 services have confirmed"), "{page}");
    let (_, missing) = page.split_once("class=\"notice missing\"").expect("who is missing");
    assert!(missing.contains("<bdi>&#60;shop&#62;</bdi> (<bdi>default</bdi>): by <time datetime="), "{missing}");
    let by = missing.split_once("data-seconds>").expect("a time to the second").1.split('<').next().expect("its words");
    assert!(by.len() == "2026-11-21 08:15:30 UTC".len() && by.ends_with(" UTC"), "{by}");
    for place in ["/admin", "/admin/revocations"] {
        assert!(root.page(place).await.contains("class=\"notice missing\""), "{place}");
    }
    assert!(root.page("/admin/verifiers").await.contains("1 entry behind"));

    let head = harness.authority.world.store.position().await.unwrap();
    let now = rescind_verifier::Clock::boottime(&rescind_verifier::SystemClock);
    harness.authority.hub.ack(line.id, Ack { position: head.number, number: 2 }, now).unwrap();
    // Until the node has published that.
    while root.page(&back).await.contains("class=\"notice missing\"") {}
    assert!(root.page("/admin/revocations").await.contains("The newest entry is enforced"));
}

#[tokio::test]
async fn after_a_restart_no_service_is_said_to_be_missing_where_none_is() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    // What a server that was killed leaves behind: a row of its own.
    let id = NodeId::from_bytes([7; 16]);
    let node = NodeRow { id, counter: 1, lease: Duration::from_mins(1), reached: 0, verifiers: 0 };
    harness.authority.world.store.transact("former", move |tx| Ok(tx.insert_node(&node)?)).await.unwrap();
    let place = format!("/admin/users/{user}");
    let answer = root.fill(&place, &format!("{place}/sessions/{}/sign-out", ann.session), &[]).await;
    let page = root.page(answer.header("location")).await;
    assert!(page.contains("Done. Certain everywhere within "), "{page}");
    assert!(page.contains(": the server was started a moment ago.") && !page.contains("services have confirmed"));
    let (_, missing) = page.split_once("class=\"notice missing\"").expect("what is waited for");
    assert!(missing.contains("No verifier that follows this server now is missing."), "{missing}");
    assert!(missing.contains("who followed the server before it was started"), "{missing}");
    assert!(!missing.contains("nod_"), "{missing}");
}

#[tokio::test]
async fn a_verifier_is_sent_away() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    assert!(root.page("/admin/verifiers").await.contains("No verifier follows this node."));
    let line = silent(&harness, "shop").await;
    let action = format!("/admin/verifiers/{}/evict", line.id);
    let answer = root.fill("/admin/verifiers", &action, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/admin/verifiers"));
    let closing = Arc::clone(&line.closer);
    assert_eq!(closing.closed().await, rescind_wire::feed::Closing::Evicted);
    assert!(root.page("/admin/verifiers").await.contains("The verifier was sent away."));
    drop(line);
    assert!(root.page("/admin/verifiers").await.contains("Gone"), "its lease runs on");
}
