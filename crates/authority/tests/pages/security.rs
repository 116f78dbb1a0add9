//! One's own security.

use std::time::Duration;

use serde_json::json;

use super::browser::Browser;
use super::harness::{Harness, PASSWORD};

const NEW: &str = "another fine password";

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/17.2 Mobile/15E148 Safari/604.1";

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
    assert!(asked.text().contains("After that, the account is locked."), "{}", asked.text());
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
    assert!(page.text().contains("The account is locked until <time datetime=\""), "{}", page.text());
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

/// The events of the page, newest first.
fn events(page: &str) -> Vec<String> {
    let list = page.split_once("<ol class=\"events\">").expect("a list").1.split("</ol>").next().expect("an end");
    list.split("<li").skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn e2_what_happened_names_the_device_that_it_happened_to() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD, "device_name": "<b>\u{5d0}mine</b>"});
    let named = harness.sign_in_with(body).await;
    let plain = Browser { agent: IPHONE.to_owned(), ..Browser::new(&harness) };
    plain.sign_in("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let action = format!("/account/sessions/{}/sign-out", named.session);
    browser.submit("/account", &action, &[]).await.leads_to();
    for (language, on, own, gone) in [
        ("en", "Safari on iOS", "This device", "A device was signed out"),
        ("de", "Safari unter iOS", "Dieses Gerät", "Ein Gerät wurde abgemeldet"),
        ("ar", "Safari على iOS", "هذا الجهاز", "سُجِّل خروج جهاز"),
    ] {
        let cookies = browser.cookies.clone();
        let browser = Browser { language: language.to_owned(), cookies, ..Browser::new(&harness) };
        let events = events(&browser.get("/account/security").await.text());
        let [out, here, phone, app, made] = &events[..] else { panic!("{events:?}") };
        assert!(out.contains(gone) && !out.contains(&format!("<span class=\"badge\">{own}")), "{out}");
        for event in [out, app] {
            assert!(event.contains("<bdi>&#60;b&#62;\u{5d0}mine&#60;/b&#62;</bdi>"), "{event}");
        }
        assert!(here.contains(own) && here.contains("Firefox"), "{here}");
        assert!(phone.contains(on) && phone.contains("<bdi>127.0.0.1</bdi>") && !phone.contains(own), "{phone}");
        assert!(!made.contains("class=\"on-device\""), "{made}");
    }
}

#[tokio::test]
async fn what_happened_to_a_device_that_was_purged_is_told_as_far_as_the_event_knows() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    phone.delete("/v1/sessions/current").expect(204).await;
    let me = harness.sign_in("ann").await.me().await.json();
    let id: rescind_wire::UserId = me["user"]["id"].as_str().expect("an id").parse().expect("an id");
    let gone: rescind_wire::SessionId = phone.session.parse().expect("an id");
    let purge = move |tx: &mut dyn rescind_domain::store::Tx| Ok(tx.purge_sessions(&[(id, gone)])?);
    harness.authority.world.store.transact("purge", purge).await.expect("purged");
    let events = events(&browser.get("/account/security").await.text());
    let out = events.iter().find(|event| event.contains("A device was signed out")).expect("it is told");
    assert!(!out.contains("class=\"on-device\"") && out.contains("<bdi>127.0.0.1</bdi>"), "{out}");
}

#[tokio::test]
async fn what_an_administrator_did_names_the_device_and_not_where_the_administrator_was() {
    let harness = Harness::with(|config| {
        config.proxies.trusted = vec![rescind_domain::address::IpNet::parse("127.0.0.1").expect("a network")];
    })
    .await;
    let root = harness.administrator().await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD});
    let phone = harness.post("/v1/sessions").json(&body).header("x-forwarded-for", "198.51.100.7");
    let phone = phone.expect(201).await.json()["session"]["id"].as_str().expect("an id").to_owned();
    let browser = Browser::signed_in(&harness, "ann").await;
    let end = root.delete(&format!("/v1/admin/sessions/{phone}")).header("x-forwarded-for", "203.0.113.9");
    end.expect(204).await;
    let events = events(&browser.get("/account/security").await.text());
    let out = &events[0];
    assert!(out.contains("by an administrator") && !out.contains("203.0.113.9"), "{out}");
    let device = out.split_once("class=\"on-device\"").expect("the device").1;
    assert!(device.contains("<bdi>198.51.100.7</bdi>"), "{out}");
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
