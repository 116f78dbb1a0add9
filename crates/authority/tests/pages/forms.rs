//! Forms come from our own pages, and from whoever they were made for.

use axum::http::header::ORIGIN;

use super::browser::Browser;
use super::harness::{Harness, PASSWORD};

/// A token of the forms on the list of devices.
async fn token(browser: &Browser<'_>) -> String {
    browser.visit("/account").await.form_token("/sign-out")
}

#[tokio::test]
async fn a_form_without_a_token_or_with_somebody_elses_does_nothing() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    harness.sign_up("bob").await;
    let (ann, bob) = (Browser::signed_in(&harness, "ann").await, Browser::signed_in(&harness, "bob").await);
    let anns_phone = Browser::signed_in(&harness, "ann").await;
    let nobody = Browser::new(&harness).visit("/sign-in").await.form_token("/sign-in");
    let foreign = [String::new(), "x".repeat(43), token(&bob).await, token(&anns_phone).await, nobody];
    for token in &foreign {
        for path in ["/sign-out", "/account/sign-out-everywhere", "/account/security/lock"] {
            ann.post(path, &[("form_token", token)]).await.says(403, "form-expired");
        }
        let fields = [("form_token", token.as_str()), ("password", PASSWORD)];
        ann.post("/account/security/delete", &fields).await.says(403, "form-expired");
    }
    ann.post("/sign-out", &[]).await.says(403, "form-expired");
    for browser in [&ann, &anns_phone, &bob] {
        browser.assert_in().await;
    }
}

#[tokio::test]
async fn a_token_of_before_a_sign_out_is_no_good_after_it() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let old = token(&browser).await;
    browser.submit("/account", "/sign-out", &[]).await;
    browser.sign_in("ann").await;
    browser.post("/sign-out", &[("form_token", &old)]).await.says(403, "form-expired");
    browser.assert_in().await;
}

#[tokio::test]
async fn a_sign_in_form_is_good_in_the_browser_that_asked_for_it_alone() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let (own, other) = (Browser::new(&harness), Browser::new(&harness));
    let token = own.visit("/sign-in").await.form_token("/sign-in");
    other.visit("/sign-in").await;
    let fields = [("form_token", token.as_str()), ("login", "ann"), ("password", PASSWORD)];
    other.post("/sign-in", &fields).await.says(403, "form-expired");
    assert!(other.session().is_none());
    own.cookies.borrow_mut().clear();
    own.post("/sign-in", &fields).await.says(403, "cookies-needed");
    assert!(own.session().is_none());
}

#[tokio::test]
async fn over_plain_http_there_are_pages_for_this_machine_alone_by_a_name_of_its_own() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let port = harness.address.port();
    let rebound = format!("evil.example:{port}");
    let evil = format!("http://{rebound}");
    let browser = Browser::new(&harness);
    let token = browser.visit("/sign-in").await.form_token("/sign-in");
    let fields = [("form_token", token.as_str()), ("login", "ann"), ("password", PASSWORD)];
    let call = browser.form("/sign-in", &fields).header(ORIGIN.as_str(), &evil).header("host", &rebound);
    browser.send(call).await.says(403, "https-required");
    assert!(browser.session().is_none());
    let passed_on = ["x-forwarded-for", "x-real-ip"].map(|name| harness.get("/sign-in").header(name, "203.0.113.5"));
    for call in passed_on.into_iter().chain([harness.get("/sign-in").header("host", "public.example")]) {
        let page = browser.send(call).await;
        page.says(403, "https-required");
        assert!(page.text().contains("as localhost or 127.0.0.1"), "{}", page.text());
    }
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let page =
            browser.send(harness.get("/sign-in").header("host", &host).header("x-forwarded-for", "127.0.0.1")).await;
        assert_eq!(page.status.as_u16(), 200, "{host}");
    }
}

#[tokio::test]
async fn over_plain_http_no_proxy_but_one_that_is_named_passes_strangers_on() {
    for (named, status) in [("10.0.0.1", 403), ("127.0.0.1", 200)] {
        let trusted = vec![rescind_domain::address::IpNet::parse(named).unwrap()];
        let harness = Harness::with(|config| config.proxies.trusted = trusted).await;
        let browser = Browser::new(&harness);
        let page = browser.send(harness.get("/sign-in").header("x-forwarded-for", "203.0.113.5")).await;
        assert_eq!(page.status.as_u16(), status, "{named}");
    }
}

#[tokio::test]
async fn a_second_sign_out_in_another_tab_leads_to_the_sign_in_page_as_the_first_one_did() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let (first, second) = (token(&browser).await, token(&browser).await);
    assert_eq!(browser.post("/sign-out", &[("form_token", &first)]).await.leads_to(), "/sign-in");
    let again = browser.post("/sign-out", &[("form_token", &second)]).await;
    assert_eq!(
        (again.leads_to(), again.cookies().len()),
        ("/sign-in", 0),
        "what the first one left is still to be said"
    );
    for action in ["/account/sign-out-others", "/account/security/lock", "/account/security/delete"] {
        let answer = browser.post(action, &[("form_token", &second), ("password", PASSWORD)]).await;
        assert_eq!(answer.leads_to(), "/sign-in", "{action}");
    }
    assert_eq!(browser.get("/sign-in").await.notice(), "You are signed out.");
    Browser::new(&harness).sign_in("ann").await;
}

#[tokio::test]
async fn a_form_that_another_site_sends_does_nothing() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let token = token(&browser).await;
    let fields = [("form_token", token.as_str())];
    let own = browser.origin.clone();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"] {
        let call = browser.form("/sign-out", &fields).header(ORIGIN.as_str(), origin);
        browser.send(call).await.says(403, "foreign-form");
    }
    browser.send(browser.form("/sign-out", &fields)).await.says(403, "foreign-form");
    for site in ["cross-site", "same-site", "none"] {
        let call = browser.form("/sign-out", &fields).header(ORIGIN.as_str(), &own).header("sec-fetch-site", site);
        browser.send(call).await.says(403, "foreign-form");
    }
    browser.assert_in().await;
    let call = browser.form("/sign-out", &fields).header(ORIGIN.as_str(), &own).header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(call).await.leads_to(), "/sign-in");
}

#[tokio::test]
async fn a_form_of_somebody_who_was_signed_out_meanwhile_leads_to_the_sign_in_page() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let (laptop, phone) = (Browser::signed_in(&harness, "ann").await, Browser::signed_in(&harness, "ann").await);
    let own = phone.devices().await.remove(0);
    let action = format!("/account/sessions/{own}/name");
    let token = phone.visit("/account").await.form_token(&action);
    laptop.submit("/account", "/account/sign-out-others", &[]).await;
    let answer = phone.post(&action, &[("form_token", &token), ("name", "mine")]).await;
    assert_eq!((answer.leads_to(), answer.header("clear-site-data")), ("/sign-in", "\"cache\", \"storage\""));
    assert!(phone.session().is_none());
    assert!(phone.get("/sign-in").await.notice().starts_with("This device was signed out."));
}
