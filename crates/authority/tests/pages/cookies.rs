//! What holds a session in a browser.

use std::time::Duration;

use serde_json::json;

use super::browser::{Browser, SESSION};
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
