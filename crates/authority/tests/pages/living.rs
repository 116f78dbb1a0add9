//! What pages ask for by themselves: the stream that makes them live, and the list again after a change.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rescind::live::Line;
use rescind_domain::Error;
use rescind_domain::verbs::watch_sessions::{Judge, Shown, Watcher};
use rescind_wire::{SessionId, UserId};
use serde_json::json;

use super::browser::{Browser, SESSION};
use super::ear::Ear;
use super::harness::{Harness, text};

#[tokio::test]
async fn what_a_page_asks_by_itself_keeps_no_session_alive_and_takes_no_notice_away() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    harness.authority.activity.take();
    let cookie = format!("{SESSION}={}", browser.session().expect("a cookie"));
    let passive = |browser: &Browser<'_>| {
        let cookies: Vec<String> =
            browser.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        harness.get("/account").header("cookie", &cookies.join("; ")).header("rescind-passive", "?1")
    };
    drop(Ear::listen(harness.get("/account/live").header("cookie", &cookie)).await);
    passive(&browser).expect(200).await;
    assert_eq!(harness.authority.activity.take(), []);
    let phone = harness.sign_in("ann").await;
    browser.submit("/account", &format!("/account/sessions/{}/sign-out", phone.session), &[]).await;
    let answer = passive(&browser).expect(200).await;
    assert!(!answer.text().contains("Done.") && answer.header("set-cookie").is_empty(), "{answer:?}");
    assert!(browser.get("/account").await.text().contains("Done."), "whoever did it is told");
    assert_eq!(harness.authority.activity.take().len(), 1);
}

#[tokio::test]
async fn a_page_listens_on_when_a_signing_key_is_revoked_and_not_when_its_cookies_key_is() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let cookie = format!("{SESSION}={}", browser.session().expect("a cookie"));
    let mut ear = Ear::listen(harness.get("/account/live").header("cookie", &cookie)).await;
    let keys = root.get("/v1/admin/keys").expect(200).await.json();
    let revoke = async |is_mac: bool| {
        let keys = keys["keys"].as_array().expect("a list");
        let of_purpose = keys.iter().find(|key| (key["purpose"] == "HMAC-SHA256") == is_mac).expect("a key");
        let place = format!("/v1/admin/keys/{}/compromise", text(&of_purpose["kid"]));
        // Its own token goes with the key that signed it.
        let device = harness.sign_in("root").await;
        device.post(&place).json(&json!({"reason": "leaked"})).expect(200).await;
    };
    revoke(false).await;
    let phone = harness.sign_in("ann").await;
    assert_eq!(ear.change().await, ("signed_in".to_owned(), Some(phone.session.clone())));
    browser.assert_in().await;
    revoke(true).await;
    ear.ends_with("ended").await;
    browser.assert_out().await;
}

#[tokio::test]
async fn a_page_that_finds_no_place_to_listen_is_told_when_to_come_again() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let cookie = format!("{SESSION}={}", browser.session().expect("a cookie"));
    let others = take_all(&harness);
    let answer = harness.get("/account/live").header("cookie", &cookie).expect(200).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let text = answer.text();
    let retry = text.lines().find_map(|line| line.strip_prefix("retry:")).expect("when").trim().parse::<u64>();
    assert!(text.contains("event: full") && (60_000..=122_000).contains(&retry.expect("milliseconds")), "{text}");
    drop(others);
    drop(Ear::listen(harness.get("/account/live").header("cookie", &cookie)).await);
}

#[tokio::test]
async fn a_page_hears_of_the_session_alone_that_it_is_of() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let own = Browser::signed_in(&harness, "ann").await;
    let other = harness.sign_in("ann").await;
    let cookie = format!("{SESSION}={}", own.session().expect("a cookie"));
    let listen = |place: &str| harness.get(place).header("cookie", &cookie);
    let page = own.get("/account").await.text();
    let place = page.split("data-stream=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a place");
    drop(Ear::listen(listen(place)).await);
    for bad in [format!("session={}", other.session), "session=x".to_owned(), "session=a&session=b".to_owned()] {
        assert_eq!(listen(&format!("/account/live?{bad}")).send().await.status.as_u16(), 401, "{bad}");
    }
}

/// Everybody else listens, each at an address of their own.
fn take_all(harness: &Harness) -> Vec<Line> {
    let taken = (0..u32::try_from(rescind::live::MOST).expect("few")).map(|n| {
        let mut user = [0; 16];
        user[..4].copy_from_slice(&n.to_be_bytes());
        let judge: Judge = Arc::new(|_, _| Err(Error::SignedOut(None)));
        let shown = Shown { token: None, key: "another".parse().expect("an id") };
        let address = Some(Ipv4Addr::from_bits(n).into());
        let (user, session) = (UserId::from_bytes(user), SessionId::from_bytes([0; 16]));
        harness.authority.live.enter(&Watcher { user, session, address, shown, judge }).expect("room")
    });
    taken.collect()
}
