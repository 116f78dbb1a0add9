//! One's own security.

use std::time::Duration;

use serde_json::json;

use super::browser::Browser;
use super::harness::{Harness, PASSWORD};

const NEW: &str = "another fine password";

#[tokio::test]
async fn b1_changing_the_password_signs_every_other_device_out_and_this_one_goes_on() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let (browser, other) = (Browser::signed_in(&harness, "ann").await, Browser::signed_in(&harness, "ann").await);
    let page = browser.get("/account/security").await.text();
    assert!(page.contains("All other devices are signed out."));
    let fields = [("current_password", PASSWORD), ("new_password", NEW)];
    let answer = browser.submit("/account/security", "/account/security/password", &fields).await;
    assert_eq!(answer.leads_to(), "/account/security");
    assert!(browser.get("/account/security").await.notice().starts_with("The password is changed"));
    phone.assert_dead().await;
    other.assert_out().await;
    harness.post("/v1/sessions").json(&json!({"login": "ann", "password": PASSWORD})).expect(401).await;
    harness.sign_in_with(json!({"login": "ann", "password": NEW})).await;
}

#[tokio::test]
async fn b1_a_wrong_or_weak_password_is_said_beside_its_field_and_changes_nothing() {
    let harness = Harness::start().await;
    let mut phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    for (current, new, status, id, said) in [
        ("not the password", NEW, 403, "current", "The password is wrong"),
        (PASSWORD, "short", 400, "new", "Too short"),
        (PASSWORD, "", 400, "new", "Too short"),
        ("", NEW, 403, "current", "The password is wrong"),
    ] {
        let fields = [("current_password", current), ("new_password", new)];
        let page = browser.submit("/account/security", "/account/security/password", &fields).await;
        assert_eq!(page.status.as_u16(), status, "{}", page.text());
        let text = page.text();
        let wrong = text.split_once(&format!("id=\"{id}-wrong\"")).expect("it is said").1;
        assert!(wrong.split("</p>").next().expect("text").contains(said), "{wrong}");
        assert!(!text.contains(NEW) && !text.contains(PASSWORD));
    }
    phone.assert_alive().await;
    harness.sign_in("ann").await;
}

#[tokio::test]
async fn b5_locking_the_account_signs_everything_out_and_refuses_sign_ins_for_as_long_as_was_said() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    assert!(browser.get("/account/security").await.text().contains("nobody can sign in for 6 minutes, not even you"));
    harness.pass(Duration::from_mins(6));
    let action = "/account/security/lock";
    let asked = browser.submit("/account/security", action, &[]).await;
    assert!(asked.text().contains("Then the account is locked."), "{}", asked.text());
    phone.get("/v1/me").expect(200).await;
    let token = asked.form_token(action);
    let answer = browser.post(action, &[("form_token", &token), ("password", PASSWORD)]).await;
    assert_eq!((answer.leads_to(), answer.header("clear-site-data")), ("/sign-in", "\"cache\", \"storage\""));
    assert!(browser.get("/sign-in").await.notice().starts_with("The account is locked"));
    phone.assert_dead().await;
    browser.assert_out().await;
    let fields = [("login", "ann"), ("password", PASSWORD)];
    let page = browser.submit("/sign-in", "/sign-in", &fields).await;
    assert_eq!(page.status.as_u16(), 403);
    assert!(page.text().contains("The account is locked for a while."));
    harness.pass(Duration::from_mins(6));
    browser.sign_in("ann").await;
}

#[tokio::test]
async fn b5_deleting_the_account_takes_the_password_and_ends_everything() {
    let harness = Harness::start().await;
    let mut phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let action = "/account/security/delete";
    for wrong in ["", "not the password"] {
        let page = browser.submit("/account/security", action, &[("password", wrong)]).await;
        assert_eq!(page.status.as_u16(), 403);
        assert!(page.text().contains("id=\"delete-wrong\"") && page.text().contains("<details class=\"ask\" open>"));
    }
    phone.assert_alive().await;
    let answer = browser.submit("/account/security", action, &[("password", PASSWORD)]).await;
    assert_eq!(answer.leads_to(), "/sign-in");
    assert_eq!(browser.get("/sign-in").await.notice(), "The account is deleted.");
    phone.assert_dead().await;
    browser.assert_out().await;
}

#[tokio::test]
async fn what_happened_to_ones_own_account_is_told_and_nothing_of_others() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let id = ann.me().await.json()["user"]["id"].as_str().expect("an id").to_owned();
    harness.post("/v1/sessions").json(&json!({"login": "ann", "password": "not the password"})).expect(401).await;
    root.put(&format!("/v1/admin/users/{id}/password")).json(&json!({"new_password": NEW})).send().await;
    let browser = Browser::new(&harness);
    let fields = [("login", "ann"), ("password", NEW)];
    let answer = browser.submit("/sign-in", "/sign-in", &fields).await;
    let fields = [("login", "ann"), ("password", PASSWORD)];
    if answer.status.as_u16() != 303 {
        browser.submit("/sign-in", "/sign-in", &fields).await.leads_to();
    }
    let text = browser.get("/account/security").await.text();
    let shown: Vec<&str> =
        text.split("<p class=\"what\">").skip(1).filter_map(|rest| rest.split("</p>").next()).collect();
    assert!(shown[0].starts_with("A device signed in <span class=\"badge\">This device"), "{shown:?}");
    assert!(shown.contains(&"A sign-in failed") && shown.last() == Some(&"The account was made"), "{shown:?}");
    assert!(!shown.contains(&"The first administrator was made"), "{shown:?}");
}

#[tokio::test]
async fn older_events_are_on_further_pages() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    for n in 0..45 {
        let name = json!({"device_name": format!("phone {n}")});
        phone.patch(&format!("/v1/sessions/{}", phone.session)).json(&name).expect(200).await;
    }
    let (mut place, mut counts) = (Some("/account/security".to_owned()), Vec::new());
    while let Some(path) = place {
        let text = browser.get(&path).await.text();
        counts.push(text.matches("<p class=\"what\">").count());
        let more = text.split_once("href=\"/account/security?before=").map(|(_, rest)| rest.to_owned());
        place = more.map(|rest| format!("/account/security?before={}", rest.split('#').next().expect("a number")));
        assert!(counts.len() < 10);
    }
    assert_eq!(counts, [20, 20, 8]);
    browser.get("/account/security?before=x").await.says(400, "invalid-request");
}
