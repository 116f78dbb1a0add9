//! Signing devices out.

use std::time::Duration;

use super::browser::{Browser, SESSION};
use super::call::Answer;
use super::ear::Ear;
use super::harness::{Harness, PASSWORD};

const STALE: Duration = Duration::from_mins(6);

/// Fills the password in where it is asked for.
async fn confirm(browser: &Browser<'_>, asked: &Answer, action: &str, password: &str) -> Answer {
    let token = asked.form_token(action);
    browser.post(action, &[("form_token", &token), ("password", password)]).await
}

#[tokio::test]
async fn a3_signing_one_device_out_leaves_every_other_one() {
    let harness = Harness::start().await;
    let (phone, mut tablet) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let browser = Browser::signed_in(&harness, "ann").await;
    let answer = browser.submit("/account", &format!("/account/sessions/{}/sign-out", phone.session), &[]).await;
    assert_eq!(answer.leads_to(), "/account");
    assert!(browser.get("/account").await.notice().starts_with("Done."));
    phone.assert_dead().await;
    tablet.assert_alive().await;
    assert_eq!(browser.devices().await.len(), 2);
}

#[tokio::test]
async fn a4_a_device_that_was_signed_out_while_one_looked_is_no_error() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let action = format!("/account/sessions/{}/sign-out", phone.session);
    let token = browser.visit("/account").await.form_token(&action);
    phone.delete("/v1/sessions/current").expect(204).await;
    let head = harness.authority.world.store.position().await.unwrap();
    assert_eq!(browser.post(&action, &[("form_token", &token)]).await.leads_to(), "/account");
    assert_eq!(browser.get("/account").await.notice(), "That device is signed out already.");
    assert_eq!(harness.authority.world.store.position().await.unwrap(), head, "no second entry");
}

#[tokio::test]
async fn a5_anothers_device_and_one_that_never_was_get_the_identical_answer() {
    let harness = Harness::start().await;
    let mut bob = harness.newcomer("bob").await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let token = browser.visit("/account").await.form_token("/sign-out");
    let never = format!("{}aaaa", &bob.session[..bob.session.len() - 4]);
    let mut pages = Vec::new();
    for session in [&bob.session, &never] {
        let page = browser.post(&format!("/account/sessions/{session}/sign-out"), &[("form_token", &token)]).await;
        page.says(404, "not-found");
        pages.push(page.text());
    }
    assert_eq!(pages[0], pages[1]);
    bob.assert_alive().await;
}

#[tokio::test]
async fn a6_after_a_while_the_password_is_asked_for_and_what_was_asked_is_done_with_it() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    harness.pass(STALE);
    let action = format!("/account/sessions/{}/sign-out", phone.session);
    let asked = browser.submit("/account", &action, &[]).await;
    assert_eq!(asked.status.as_u16(), 200);
    assert!(asked.text().contains("Your password, please"));
    phone.get("/v1/me").expect(200).await;
    assert_eq!(confirm(&browser, &asked, &action, PASSWORD).await.leads_to(), "/account");
    phone.assert_dead().await;
    browser.assert_in().await;
}

#[tokio::test]
async fn a6_a_wrong_password_changes_nothing_at_all() {
    let harness = Harness::start().await;
    let mut phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    harness.pass(STALE);
    let cookie = browser.session();
    let one = format!("/account/sessions/{}/sign-out", phone.session);
    for action in [one.as_str(), "/account/sign-out-others", "/account/sign-out-everywhere"] {
        let asked = browser.submit("/account", action, &[]).await;
        let wrong = confirm(&browser, &asked, action, "not the password").await;
        assert_eq!(wrong.status.as_u16(), 403, "{}", wrong.text());
        assert!(
            wrong.text().contains("The password is wrong") && wrong.text().contains(&format!("action=\"{action}\""))
        );
    }
    assert_eq!(browser.session(), cookie);
    browser.assert_in().await;
    phone.assert_alive().await;
    harness.sign_in("ann").await;
}

#[tokio::test]
async fn a7_after_all_others_were_signed_out_this_one_goes_on() {
    let harness = Harness::start().await;
    let (phone, tablet) = (harness.newcomer("ann").await, Browser::signed_in(&harness, "ann").await);
    let browser = Browser::signed_in(&harness, "ann").await;
    let cookie = browser.session();
    let page = browser.get("/account").await.text();
    assert!(page.contains("2 other devices are signed out. This one stays signed in."), "{page}");
    assert_eq!(browser.submit("/account", "/account/sign-out-others", &[]).await.leads_to(), "/account");
    phone.assert_dead().await;
    tablet.assert_out().await;
    assert_eq!(browser.session(), cookie);
    let page = browser.get("/account").await;
    assert!(page.notice().starts_with("Done."), "{}", page.text());
    assert_eq!(browser.devices().await.len(), 1);
}

#[tokio::test]
async fn a8_everywhere_is_this_device_too_which_is_said_beforehand() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let page = browser.get("/account").await.text();
    assert!(page.contains("Every device is signed out, this device too."));
    harness.pass(STALE);
    let action = "/account/sign-out-everywhere";
    let asked = browser.submit("/account", action, &[]).await;
    assert!(asked.text().contains("this device too"));
    let answer = confirm(&browser, &asked, action, PASSWORD).await;
    assert_eq!((answer.leads_to(), answer.header("clear-site-data")), ("/sign-in", "\"cache\", \"storage\""));
    assert!(browser.session().is_none());
    assert!(browser.get("/sign-in").await.notice().starts_with("Done."));
    browser.assert_out().await;
    phone.assert_dead().await;
}

#[tokio::test]
async fn a1_a_device_that_was_signed_out_elsewhere_is_led_to_the_sign_in_page_and_told_why() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let own = browser.devices().await.remove(0);
    phone.delete(&format!("/v1/sessions/{own}")).expect(204).await;
    let answer = browser.get("/account/security").await;
    assert_eq!(answer.leads_to(), "/sign-in?return_to=/account/security");
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(browser.session().is_none());
    assert!(browser.get("/sign-in").await.notice().starts_with("This device was signed out."));
}

#[tokio::test]
async fn each_tab_of_a_session_that_ended_can_be_told_why_and_the_next_session_is_told_nothing_of_it() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let live = browser.get("/sign-in?ended=elsewhere&return_to=/account/security").await;
    assert_eq!(live.leads_to(), "/account/security", "a session that has not ended goes on");
    let own = browser.devices().await.remove(0);
    phone.delete(&format!("/v1/sessions/{own}")).expect(204).await;
    let cookie = format!("{SESSION}={}", browser.session().expect("a cookie"));
    let passive = harness.get("/account").header("cookie", &cookie).header("rescind-passive", "?1").send().await;
    assert_eq!((passive.leads_to(), passive.cookies().len()), ("/sign-in", 0), "nobody would read what it says");
    assert!(!passive.headers.contains_key("clear-site-data"));
    let elsewhere = browser.get("/sign-in?ended=elsewhere").await;
    assert!(elsewhere.notice().starts_with("This device was signed out."));
    assert_eq!(elsewhere.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(browser.session().is_none());
    // What one tab was left to say stays for that one.
    browser.cookies.borrow_mut().insert("rescind_dev_notice".to_owned(), "done.2.0.5".to_owned());
    assert_eq!(browser.get("/sign-in?ended=here").await.notice(), "You are signed out.");
    let fields = [("login", "ann"), ("password", PASSWORD), ("return_to", "/sign-out")];
    let token = browser.get("/sign-in?ended=here").await.form_token("/sign-in");
    let answer = browser.post("/sign-in", &[&[("form_token", token.as_str())], &fields[..]].concat()).await;
    assert_eq!((answer.leads_to(), browser.get("/account").await.notice()), ("/account", String::new()));
}

#[tokio::test]
async fn a16_what_a_device_asks_for_that_was_signed_out_meanwhile_is_not_done() {
    let harness = Harness::start().await;
    let mut phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let stolen = browser.session().expect("a cookie");
    let token = browser.visit("/account").await.form_token("/sign-out");
    phone.post("/v1/sessions/end-others").json(&serde_json::json!({"password": PASSWORD})).expect(200).await;
    for (path, field) in [
        (format!("/account/sessions/{}/name", phone.session), ("name", "written by the dead")),
        (format!("/account/sessions/{}/sign-out", phone.session), ("password", PASSWORD)),
        ("/account/sign-out-everywhere".to_owned(), ("password", PASSWORD)),
        ("/account/security/delete".to_owned(), ("password", PASSWORD)),
    ] {
        browser.cookies.borrow_mut().insert(SESSION.to_owned(), stolen.clone());
        assert_eq!(browser.post(&path, &[("form_token", &token), field]).await.leads_to(), "/sign-in", "{path}");
    }
    assert!(!phone.get("/v1/sessions").expect(200).await.text().contains("written by the dead"));
    phone.assert_alive().await;
}

#[tokio::test]
async fn a_page_hears_at_once_of_others_and_of_its_own_end() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let cookie = format!("{SESSION}={}", browser.session().expect("a cookie"));
    let mut ear = Ear::listen(harness.get("/account/live").header("cookie", &cookie)).await;
    assert_eq!(ear.headers["content-type"], "text/event-stream");
    let phone = harness.sign_in("ann").await;
    assert_eq!(ear.change().await, ("signed_in".to_owned(), Some(phone.session.clone())));
    let tablet = Browser::signed_in(&harness, "ann").await;
    assert_eq!(ear.change().await.0, "signed_in");
    let own = browser.devices().await.remove(0);
    tablet.submit("/account", &format!("/account/sessions/{own}/sign-out"), &[]).await;
    ear.ends_with("ended").await;
    assert_eq!(harness.get("/account/live").header("cookie", &cookie).send().await.status.as_u16(), 401);
    assert_eq!(harness.get("/account/live").send().await.status.as_u16(), 401);
}
