//! Dead sessions that wait for the purge, many of them: a list passes over so many in one read, and goes on to the living.

use std::time::Duration;

use rescind_domain::chain::ChainKey;
use rescind_domain::session::Session;
use rescind_wire::{SessionId, UserId};

use super::browser::Browser;
use super::harness::{Device, Harness, text};

/// More than one read passes over, and not more than three do.
const CROWD: u32 = 5_000;

async fn id_of(device: &Device<'_>) -> UserId {
    text(&device.me().await.json()["user"]["id"]).parse().expect("an id")
}

/// Gives a user a crowd of sessions, each made of the one that there is.
async fn crowd(harness: &Harness, user: UserId, make: impl Fn(&mut Session) + Send + 'static) {
    let copied = harness.authority.world.store.transact("copy", move |tx| {
        let first = tx.sessions_from(&user, 0, None, 1)?.remove(0).session;
        let chain = tx.chains(&user, &first.id)?.remove(0);
        for n in 0..CROWD {
            let mut bytes = [7; 16];
            bytes[..4].copy_from_slice(&n.to_be_bytes());
            let (mut session, mut chain) = (first.clone(), chain.clone());
            session.id = SessionId::from_bytes(bytes);
            make(&mut session);
            chain.key = ChainKey { session: session.id, ..chain.key };
            tx.insert_session(&session)?;
            tx.insert_chain(&chain)?;
        }
        Ok(())
    });
    copied.await.expect("copied");
    // Those that are over a second after the first one was begun are over.
    harness.pass(Duration::from_secs(2));
}

/// Begun after the first one, and over already: before it in the list.
fn expired(session: &mut Session) {
    session.started_at = session.started_at.after(Duration::from_secs(1));
    session.expires_at = session.started_at;
}

/// The ids on each page of a list, to its end.
async fn pages(caller: &Device<'_>, place: &str) -> Vec<Vec<String>> {
    let (mut pages, mut target) = (Vec::new(), place.to_owned());
    loop {
        let page = caller.get(&target).expect(200).await.json();
        let sessions = page["sessions"].as_array().expect("a list");
        pages.push(sessions.iter().map(|session| text(&session["id"])).collect());
        assert!(pages.len() < 20, "it goes on for ever");
        let Some(next) = page["next"].as_str() else { return pages };
        target = format!("{place}?after={next}");
    }
}

#[tokio::test]
async fn r5_a_client_whose_sessions_were_revoked_is_listed_in_short_pages_and_who_came_back_is_found() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut root = Browser::administrator(&harness).await;
    crowd(&harness, id_of(&ann).await, |_| ()).await;
    harness.sign_in("root").await.delete("/v1/admin/clients/default/sessions").expect(200).await;
    let (ann, admin) = (harness.sign_in("ann").await, harness.sign_in("root").await);
    let pages = pages(&admin, "/v1/admin/clients/default/sessions").await;
    assert_eq!(pages.len(), 3, "each looks at some two thousand rows");
    let mut found = pages.concat();
    found.sort();
    let mut expected = [ann.session.clone(), admin.session.clone()];
    expected.sort();
    assert_eq!(found, expected);

    let (mut place, mut seen) = ("/admin/clients/default".to_owned(), String::new());
    for _ in 0..3 {
        let page = root.page(&place).await;
        let is_empty = !page.contains("<li class=\"card item\"");
        let more = page.split_once("?after=").map(|(_, rest)| rest.split('"').next().expect("a place").to_owned());
        assert!(!page.contains("Nothing is signed in."), "somebody is");
        assert_eq!(page.contains("Nothing that is still signed in is on this page."), is_empty, "{page}");
        seen += &page;
        let Some(more) = more else { break };
        place = format!("/admin/clients/default?after={more}");
    }
    assert!(expected.iter().all(|session| seen.contains(session)), "both are on one of the pages");
}

#[tokio::test]
async fn e1_a_living_session_behind_a_crowd_of_expired_ones_is_on_a_further_page() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = id_of(&ann).await;
    let mut root = Browser::administrator(&harness).await;
    crowd(&harness, user, expired).await;
    let shown = pages(&ann, "/v1/sessions").await;
    assert_eq!((shown.len(), shown.concat()), (3, vec![ann.session.clone()]));
    let admin = harness.sign_in("root").await;
    let shown = pages(&admin, &format!("/v1/admin/users/{user}/sessions")).await;
    assert_eq!((shown.len(), shown.concat()), (3, vec![ann.session.clone()]));
    let page = root.page(&format!("/admin/users/{user}")).await;
    assert!(page.contains("rel=\"next\"") && !page.contains("Nothing is signed in."), "{page}");

    // Their own page shows the session that asks first of all, wherever it stands in the list.
    let browser = Browser::signed_in(&harness, "ann").await;
    let call = browser.call(axum::http::Method::GET, "/account").send().await.text();
    assert!(call.contains("/account?after=") && !call.contains("No other device is signed in."), "{call}");
    assert!(call.contains("action=\"/account/sign-out-others\""), "there may be others");
}

#[tokio::test]
async fn e4_a_limit_counts_the_living_ones_behind_a_crowd_of_expired_ones() {
    let harness = Harness::with(|config| config.sessions.limit = 1).await;
    let first = harness.newcomer("ann").await;
    crowd(&harness, id_of(&first).await, expired).await;
    let mut second = harness.sign_in("ann").await;
    first.assert_dead().await;
    second.assert_alive().await;
}

#[tokio::test]
async fn a7_the_session_that_an_ending_spared_comes_last_of_a_crowded_list() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    harness.sign_in("ann").await;
    ann.post("/v1/sessions/end-others").expect(200).await;
    let late = harness.sign_in("ann").await;
    crowd(&harness, id_of(&ann).await, expired).await;
    let shown = pages(&ann, "/v1/sessions").await;
    assert_eq!(shown.concat(), [late.session, ann.session.clone()]);
}
