//! The list of devices, and their names.

use serde_json::json;

use super::browser::Browser;
use super::harness::Harness;

#[tokio::test]
async fn e1_this_device_comes_first_and_is_marked_and_the_others_follow_newest_first() {
    let harness = Harness::start().await;
    let oldest = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let newest = harness.sign_in("ann").await;
    harness.sign_up("bob").await;
    let bob = harness.sign_in("bob").await;
    let devices = browser.devices().await;
    assert_eq!(devices[1..], [newest.session, oldest.session]);
    let page = browser.get("/account").await.text();
    assert_eq!(page.matches("card device current").count(), 1);
    assert!(page.contains(&format!("card device current\" id=\"{}\"", devices[0])));
    assert!(!page.contains(&bob.session));
}

#[tokio::test]
async fn e1_who_is_signed_in_nowhere_else_is_told_so() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let page = browser.get("/account").await.text();
    assert!(page.contains("No other device is signed in."));
    assert!(!page.contains("/account/sign-out-others") && page.contains("/account/sign-out-everywhere"));
}

#[tokio::test]
async fn e2_a_device_is_shown_with_browser_system_address_times_and_application() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let page = browser.get("/account").await.text();
    let shown = page.split_once("card device current").expect("it is there").1;
    for part in [
        "Firefox on Windows",
        "<bdi>Firefox 121 · Windows</bdi>",
        "<bdi>127.0.0.1</bdi>",
        "data-ago>now</time>",
        "<bdi>Rescind</bdi>",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(shown.split_once("</section>").expect("an end").0.matches("<time datetime=\"20").count(), 2);
}

#[tokio::test]
async fn e2_where_addresses_are_not_stored_none_is_shown() {
    let harness = Harness::with(|config| config.addresses.store = false).await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let page = browser.get("/account").await.text();
    assert!(page.contains("Firefox on Windows") && !page.contains("<bdi>127.0.0.1</bdi>"));
}

#[tokio::test]
async fn what_a_device_says_of_itself_and_what_it_is_called_is_text() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let evil = "<img src=x onerror=alert(1)>\"'&\u{5d0}";
    let body = json!({"login": "ann", "password": super::harness::PASSWORD, "device_name": evil});
    harness.post("/v1/sessions").header("user-agent", "<script>alert(1)</script>/1.0").json(&body).expect(201).await;
    let browser = Browser { agent: "<b>x</b>/1.0".to_owned(), ..Browser::new(&harness) };
    browser.sign_in("ann").await;
    let page = browser.get("/account").await.text();
    assert!(!page.contains("<img") && !page.contains("<script>") && !page.contains("<b>"), "{page}");
    assert!(page.contains("<bdi>&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;\u{5d0}</bdi>"), "{page}");
    assert!(page.contains("Unknown device"));
}

#[tokio::test]
async fn a_device_is_given_a_name_and_goes_back_to_its_own() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let action = format!("/account/sessions/{}/name", phone.session);
    let answer = browser.submit("/account", &action, &[("name", "  Küche & <Bad>  ")]).await;
    assert_eq!(answer.leads_to(), "/account");
    let page = browser.get("/account").await;
    assert_eq!(page.notice(), "The device has its new name.");
    assert!(page.text().contains("<bdi>Küche &#38; &#60;Bad&#62;</bdi>"), "{}", page.text());
    let shown = phone.get("/v1/sessions").expect(200).await.json();
    assert!(shown.to_string().contains("Küche & <Bad>"), "{shown}");
    browser.submit("/account", &action, &[("name", "")]).await;
    assert!(!browser.get("/account").await.text().contains("Küche"));
    browser.submit("/account", &action, &[("name", &"x".repeat(101))]).await;
    assert!(browser.get("/account").await.notice().contains("at most 100 characters"));
    phone.me().await;
}

#[tokio::test]
async fn a5_naming_anothers_device_is_naming_one_that_never_was() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let bob = harness.newcomer("bob").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let own = browser.devices().await.remove(0);
    let token = browser.visit("/account").await.form_token(&format!("/account/sessions/{own}/name"));
    let never = rescind_wire::SessionId::from_bytes([7; 16]).to_string();
    let mut notices = Vec::new();
    for session in [&bob.session, &never] {
        let fields = [("form_token", token.as_str()), ("name", "mine")];
        browser.post(&format!("/account/sessions/{session}/name"), &fields).await.leads_to();
        notices.push(browser.get("/account").await.notice());
    }
    assert_eq!(notices[0], notices[1]);
    assert!(!bob.get("/v1/sessions").expect(200).await.text().contains("mine"));
}

#[tokio::test]
async fn e3_looking_at_the_list_writes_nothing() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let before = harness.authority.sqlite.stats().transactions;
    for _ in 0..5 {
        browser.assert_in().await;
    }
    assert_eq!(harness.authority.sqlite.stats().transactions, before);
}

#[tokio::test]
async fn a_slash_too_many_leads_to_the_page() {
    let harness = Harness::start().await;
    let browser = Browser::new(&harness);
    for page in ["/account", "/admin"] {
        assert_eq!(browser.get(&format!("{page}/")).await.leads_to(), page);
    }
}
