//! What holds a session in a browser.

use std::time::Duration;

use serde_json::json;

use super::browser::{Browser, SESSION};
use super::ear::Ear;
use super::harness::{Harness, PASSWORD};

#[tokio::test]
async fn a_cookie_that_comes_twice_signs_nobody_in_and_leads_nowhere() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let value = browser.session().expect("a cookie");
    let both = harness.get("/account").header("cookie", &format!("{SESSION}={value}; {SESSION}={value}"));
    let answer = both.send().await;
    answer.says(400, "invalid-request");
    assert!(answer.cookies().is_empty());
    browser.assert_in().await;
}

#[tokio::test]
async fn a_cookie_is_no_token_and_no_token_is_a_cookie() {
    let harness = Harness::start().await;
    let device = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let cookie = browser.session().expect("a cookie");
    harness.refresh(&cookie).expect(401).await.problem("refresh-refused");
    harness.get("/v1/me").bearer(&cookie).expect(401).await.problem("invalid-token");
    for token in [&device.refresh, &device.access] {
        let thief = Browser::new(&harness);
        thief.cookies.borrow_mut().insert(SESSION.to_owned(), token.clone());
        thief.assert_out().await;
    }
    browser.assert_in().await;
    harness.refresh(&device.refresh).expect(200).await;
}

#[tokio::test]
async fn a_cookie_counts_on_the_pages_alone() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let answer = browser.get("/v1/me").await;
    answer.problem("missing-token");
}

#[tokio::test]
async fn nobody_gets_a_token_for_the_pages_client() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD, "client_id": "rescind-pages"});
    harness.post("/v1/sessions").json(&body).expect(400).await.problem("invalid-request");
    Browser::signed_in(&harness, "ann").await;
    harness.post("/v1/sessions").json(&body).expect(400).await.problem("invalid-request");
}

#[tokio::test]
async fn over_https_cookies_are_of_this_host_alone() {
    let harness = Harness::with(|config| "https://id.example".clone_into(&mut config.issuer)).await;
    harness.sign_up("ann").await;
    let browser = Browser { origin: "https://id.example".to_owned(), ..Browser::new(&harness) };
    let page = browser.get("/sign-in").await;
    assert!(!page.text().contains("plain HTTP"));
    let answer = browser.submit("/sign-in", "/sign-in", &[("login", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(answer.leads_to(), "/account");
    for cookie in page.cookies().iter().chain(&answer.cookies()) {
        assert!(cookie.starts_with("__Host-rescind"), "{cookie}");
        assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Secure") && !cookie.contains("Domain"), "{cookie}");
    }
    browser.assert_in().await;
    let fake = Browser { origin: "https://id.example".to_owned(), ..Browser::new(&harness) };
    let value = browser.cookies.borrow()["__Host-rescind"].clone();
    fake.cookies.borrow_mut().insert(SESSION.to_owned(), value);
    fake.assert_out().await;
}

#[tokio::test]
async fn over_plain_http_there_are_pages_on_this_machine_alone() {
    let harness = Harness::with(|config| "http://192.0.2.1:7080".clone_into(&mut config.issuer)).await;
    let browser = Browser::new(&harness);
    for path in ["/sign-in", "/sign-up", "/account", "/account/security", "/setup?token=x"] {
        let page = browser.get(path).await;
        page.says(403, "https-required");
        assert!(page.cookies().is_empty());
    }
    browser.post("/sign-in", &[("login", "ann"), ("password", PASSWORD)]).await.says(403, "https-required");
}

#[tokio::test]
async fn a6_the_cookie_changes_as_the_password_is_given_again_and_the_former_dies_after_the_grace_time() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let (laptop, phone) = (Browser::signed_in(&harness, "ann").await, Browser::signed_in(&harness, "ann").await);
    let [own, other] = <[String; 2]>::try_from(laptop.devices().await).expect("two devices");
    harness.pass(Duration::from_mins(6));
    let former = laptop.session().expect("a cookie");
    let action = format!("/account/sessions/{other}/sign-out");
    let asked = laptop.submit("/account", &action, &[]).await;
    assert_eq!(laptop.session(), Some(former.clone()), "nothing was confirmed yet");
    let fields = [("form_token", asked.form_token(&action)), ("password", PASSWORD.to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(laptop.post(&action, &fields).await.leads_to(), "/account");
    phone.assert_out().await;
    assert_ne!(laptop.session(), Some(former.clone()));
    assert_eq!(laptop.devices().await, [own], "the session is the same");

    let late = Browser::new(&harness);
    late.cookies.borrow_mut().insert(SESSION.to_owned(), former.clone());
    late.assert_in().await;
    harness.pass(Duration::from_secs(11));
    late.cookies.borrow_mut().insert(SESSION.to_owned(), former);
    late.assert_out().await;
    laptop.assert_in().await;
}

#[tokio::test]
async fn g8_a_cookie_that_was_remembered_dies_at_once_with_the_key_that_it_was_made_with() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    browser.assert_in().await;
    let world = &harness.authority.world;
    let mac = world.keyring.current_mac().expect("there is one").id().key_id();
    let operator = &rescind_domain::acting::Administrator::CommandLine;
    let receipt = rescind_domain::verbs::administer_keys::compromise_key(world, operator, mac, "stolen".into()).await;
    harness.authority.enforced_here(&receipt.expect("it was good")).await;
    browser.assert_out().await;
    Browser::signed_in(&harness, "ann").await.assert_in().await;
}

#[tokio::test]
async fn a_copy_of_a_cookie_dies_as_its_owner_changes_the_password() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let thief = Browser::new(&harness);
    thief.cookies.borrow_mut().insert(SESSION.to_owned(), browser.session().expect("a cookie"));
    thief.assert_in().await;
    let fields = [("current_password", PASSWORD), ("new_password", "another fine password")];
    browser.submit("/account/security", "/account/security/password", &fields).await;
    assert_ne!(browser.session(), thief.session());
    harness.pass(harness.authority.config.tokens.refresh_grace + Duration::from_secs(1));
    thief.assert_out().await;
    browser.assert_in().await;
}

#[tokio::test]
async fn who_listens_with_a_cookie_that_was_replaced_hears_nothing_more() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let former = format!("{SESSION}={}", browser.session().expect("a cookie"));
    let mut thief = Ear::listen(harness.get("/account/live").header("cookie", &former)).await;
    harness.pass(Duration::from_mins(6));
    let phone = harness.sign_in("ann").await;
    assert_eq!(thief.change().await.0, "signed_in");
    let action = format!("/account/sessions/{}/sign-out", phone.session);
    browser.submit("/account", &action, &[]).await;
    let again = browser.submit("/account", &action, &[("password", PASSWORD)]).await;
    assert_eq!(again.leads_to(), "/account");
    let mut heard = thief.next().await.expect("something");
    // What happened within the grace time of the former cookie may be told.
    for _ in 0..3 {
        if heard.event != "changed" {
            break;
        }
        harness.pass(Duration::from_secs(11));
        harness.sign_in("ann").await;
        heard = thief.next().await.expect("something");
    }
    assert_eq!(heard.event, "refused");
}
