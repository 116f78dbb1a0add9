//! Setting up: the first administrator, on the page.

use rescind_domain::verbs::set_up;
use serde_json::json;

use super::browser::Browser;
use super::harness::{Harness, PASSWORD};
use super::journal;

async fn offered(harness: &Harness) -> String {
    let token = set_up::offer(&harness.authority.world).await.unwrap();
    let token = token.expect("there is no administrator yet").expose().to_owned();
    harness.secrets.gather(&json!({ "token": token }));
    token
}

#[tokio::test]
async fn the_link_makes_one_administrator_once_who_is_signed_in_at_once() {
    let harness = Harness::start().await;
    let token = offered(&harness).await;
    let page = format!("/setup?token={token}");
    let browser = Browser::new(&harness);
    let shown = browser.get(&page).await;
    assert!(shown.text().contains(&format!("name=\"token\" value=\"{token}\"")));
    let link = format!("href=\"/language?to=de&amp;return_to=/setup%3Ftoken%3D{token}\"");
    assert!(shown.text().contains(&link), "{}", shown.text());
    assert_eq!(
        shown.text().matches(&token).count(),
        1 + 3,
        "the languages lead back here, and nothing else repeats it"
    );
    let chosen = browser.get(&format!("/language?to=en&return_to=/setup%3Ftoken%3D{token}")).await;
    assert_eq!(chosen.leads_to(), page);
    let cut = browser.get("/setup").await.text();
    assert!(cut.contains("Open the link again") && !cut.contains("<form"), "{cut}");
    let late = Browser::new(&harness);
    let old = late.get(&page).await.form_token("/setup");
    assert_eq!((shown.header("cache-control"), shown.header("referrer-policy")), ("no-store", "same-origin"));

    let fields = |password| [("token", token.as_str()), ("login", "ro+ot"), ("password", password)];
    let weak = browser.submit(&page, "/setup", &fields("short")).await;
    assert_eq!(weak.status.as_u16(), 400);
    assert!(weak.text().contains("Too short") && weak.text().contains("value=\"ro+ot\""), "{}", weak.text());
    assert!(!weak.text().contains("value=\"short\""));
    assert_eq!(browser.submit(&page, "/setup", &fields(PASSWORD)).await.leads_to(), "/account");
    let account = browser.get("/account").await;
    assert!(account.notice().starts_with("The administrator is made.") && account.text().contains("<bdi>ro+ot</bdi>"));
    let again = late.post("/setup", &[&[("form_token", old.as_str())], &fields(PASSWORD)[..]].concat()).await;
    assert_eq!(again.status.as_u16(), 403);
    assert!(again.text().contains("The link is refused") && again.text().contains("<form"));
    for place in [page.as_str(), "/setup"] {
        let refused = late.get(place).await;
        refused.says(403, "set-up-refused");
        assert!(!refused.text().contains("<form"), "there is nothing left to set up");
    }
    harness.sign_in("ro+ot").await.get("/v1/admin/users").expect(200).await;
    assert!(!journal::lines().contains(&token));
}

#[tokio::test]
async fn a_set_up_form_that_is_sent_twice_lets_its_administrator_in_both_times() {
    let harness = Harness::start().await;
    let token = offered(&harness).await;
    let browser = Browser::new(&harness);
    let form_token = browser.get(&format!("/setup?token={token}")).await.form_token("/setup");
    let cookies = browser.cookies.borrow().clone();
    let send = async |login: &str| {
        *browser.cookies.borrow_mut() = cookies.clone();
        let fields = [("form_token", &*form_token), ("token", &*token), ("login", login), ("password", PASSWORD)];
        browser.post("/setup", &fields).await
    };
    assert_eq!(send("root").await.leads_to(), "/account");
    assert_eq!(send("root").await.leads_to(), "/account");
    browser.assert_in().await;
    let other = send("eve").await;
    assert!(other.status.as_u16() == 403 && other.text().contains("The link is refused"), "{}", other.text());
}

#[tokio::test]
async fn what_comes_with_the_link_cannot_become_markup() {
    let harness = Harness::start().await;
    let browser = Browser::new(&harness);
    let page = "/setup?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    assert!(!browser.get(page).await.text().contains("<script>"));
    let fields = [("token", "x"), ("login", "\"><img src=x>"), ("password", "four fine words")];
    let shown = browser.submit(page, "/setup", &fields).await;
    assert_eq!(shown.status.as_u16(), 403);
    assert!(!shown.text().contains("<img"), "{}", shown.text());
}
