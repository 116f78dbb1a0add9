//! A sign-in on a new device shows on the others.

use std::time::Duration;

use super::browser::Browser;
use super::harness::Harness;

#[tokio::test]
async fn a_sign_in_after_this_one_is_asked_about_and_earlier_ones_are_not() {
    let harness = Harness::start().await;
    let before = harness.newcomer("ann").await;
    harness.pass(Duration::from_secs(1));
    let browser = Browser::signed_in(&harness, "ann").await;
    assert!(!browser.get("/account").await.text().contains("New sign-in"));
    harness.pass(Duration::from_secs(1));
    let after = Browser::signed_in(&harness, "ann").await;
    let page = browser.get("/account").await.text();
    assert!(page.contains("New sign-in: Firefox on Windows") && page.contains("from <bdi>127.0.0.1</bdi>"), "{page}");
    assert!(!page.contains(&format!("/account/sessions/{}/not-me", before.session)));
    assert!(!after.get("/account").await.text().contains("New sign-in"), "it is the newest itself");
    harness.pass(Duration::from_hours(23));
    assert!(browser.get("/account").await.text().contains("New sign-in"));
    harness.pass(Duration::from_mins(59));
    browser.assert_in().await;
}

#[tokio::test]
async fn that_was_me_is_remembered_in_this_browser_alone() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let (laptop, tablet) = (Browser::signed_in(&harness, "ann").await, Browser::signed_in(&harness, "ann").await);
    harness.pass(Duration::from_secs(1));
    let phone = harness.sign_in("ann").await;
    let action = format!("/account/sessions/{}/known", phone.session);
    assert_eq!(laptop.submit("/account", &action, &[]).await.leads_to(), "/account");
    let page = laptop.get("/account").await;
    assert!(page.notice().starts_with("Thank you.") && !page.text().contains(&action));
    assert!(tablet.get("/account").await.text().contains(&action));
    harness.refresh(&phone.refresh).expect(200).await;
    laptop.submit("/account", "/sign-out", &[]).await;
    assert!(laptop.cookies.borrow().keys().all(|name| !name.contains("known")), "nothing is left behind");
}

#[tokio::test]
async fn not_me_signs_the_device_out_and_leads_to_where_the_password_is_changed() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    harness.pass(Duration::from_mins(6));
    let thief = harness.sign_in("ann").await;
    let action = format!("/account/sessions/{}/not-me", thief.session);
    let asked = browser.submit("/account", &action, &[]).await;
    thief.get("/v1/me").expect(200).await;
    let token = asked.form_token(&action);
    let answer = browser.post(&action, &[("form_token", &token), ("password", super::harness::PASSWORD)]).await;
    assert_eq!(answer.leads_to(), "/account/security#password");
    thief.assert_dead().await;
    let page = browser.get("/account/security").await;
    assert!(page.notice().contains("change it now") && page.text().contains("id=\"password\""));
}
