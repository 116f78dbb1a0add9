//! How many sessions an ending will hit: exact up to 10,000, then more than that.

use rescind_domain::chain::ChainKey;
use rescind_wire::{SessionId, UserId};

use super::browser::Browser;
use super::entering::first_key;
use super::harness::{Harness, text};

/// Gives a user as many sessions more, each a copy of the one that there is.
async fn copy(harness: &Harness, user: UserId, from: u32, count: u32) {
    let copied = harness.authority.world.store.transact("copy", move |tx| {
        let first = tx.sessions_from(&user, 0, None, 1)?.remove(0).session;
        let chain = tx.chains(&user, &first.id)?.remove(0);
        for n in from..from + count {
            let mut bytes = [7; 16];
            bytes[..4].copy_from_slice(&n.to_be_bytes());
            let (mut session, mut chain) = (first.clone(), chain.clone());
            session.id = SessionId::from_bytes(bytes);
            chain.key = ChainKey { session: session.id, ..chain.key };
            tx.insert_session(&session)?;
            tx.insert_chain(&chain)?;
        }
        Ok(())
    });
    copied.await.expect("copied");
}

#[tokio::test]
async fn what_an_ending_will_hit_is_said_beforehand() {
    let harness = Harness::start().await;
    let one = harness.newcomer("ann").await;
    let user = text(&one.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let admin = harness.sign_in("root").await;
    let of_user = format!("/admin/users/{user}/sign-out");
    assert!(root.page(&of_user).await.contains("This ends 1 session."));
    let second = harness.sign_in("ann").await;
    harness.newcomer("bob").await;
    assert!(root.page(&of_user).await.contains("This ends 2 sessions."));
    // Two of ann's, bob's one, and the three of root: one of them by cookie.
    assert!(root.page("/admin/everyone").await.contains("This ends 6 sessions."));
    second.delete("/v1/sessions/current").expect(204).await;
    assert!(root.page(&of_user).await.contains("This ends 1 session."));
    harness.sign_in("ann").await;
    admin.delete("/v1/admin/clients/default/sessions").expect(200).await;
    assert!(root.page(&of_user).await.contains("No session is alive"));
    assert!(root.page("/admin/clients/default/revoke").await.contains("No session is alive"));
    assert!(root.page("/admin/everyone").await.contains("This ends 1 session."), "the cookie's");
    let key = first_key(&harness).await;
    assert!(root.page(&format!("/admin/keys/{key}/compromise")).await.contains("No session ends"));
}

#[tokio::test]
async fn the_one_that_a_former_ending_spared_is_counted() {
    let harness = Harness::start().await;
    let one = harness.newcomer("ann").await;
    let user = text(&one.me().await.json()["user"]["id"]);
    harness.sign_in("ann").await;
    one.post("/v1/sessions/end-others").expect(200).await;
    let mut root = Browser::administrator(&harness).await;
    let page = root.page(&format!("/admin/users/{user}/sign-out")).await;
    assert!(page.contains("This ends 1 session."), "{page}");
    harness.sign_in("ann").await;
    let page = root.page(&format!("/admin/users/{user}/sign-out")).await;
    assert!(page.contains("This ends 2 sessions."), "{page}");
}

#[tokio::test]
async fn counting_is_exact_up_to_ten_thousand_and_stops_there() {
    let harness = Harness::start().await;
    let one = harness.newcomer("ann").await;
    let user = text(&one.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let id: UserId = user.parse().unwrap();
    let pages = [format!("/admin/users/{user}/sign-out"), "/admin/clients/default/revoke".to_owned()];
    copy(&harness, id, 0, 9_998).await;
    assert!(root.page(&pages[0]).await.contains("This ends 9999 sessions."));
    // The set-up's own session of root is with the default client, too.
    assert!(root.page(&pages[1]).await.contains("This ends 10000 sessions."));
    copy(&harness, id, 9_998, 2).await;
    for page in [&pages[0], &pages[1], &"/admin/everyone".to_owned()] {
        assert!(root.page(page).await.contains("This ends more than 10,000 sessions."), "{page}");
    }
}
