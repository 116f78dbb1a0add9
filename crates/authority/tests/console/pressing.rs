//! What one button does: signing one device out, unlocking, new keys; and the password that is asked for first.

use std::time::Duration;

use super::browser::Browser;
use super::entering::first_key;
use super::harness::{Harness, PASSWORD, text};

const LATER: Duration = Duration::from_mins(6);

#[tokio::test]
async fn a14_signing_one_device_out_ends_it_alone_and_goes_back_to_the_list() {
    let harness = Harness::start().await;
    let (one, two) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let user = text(&one.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    for (place, device) in [(format!("/admin/users/{user}"), &one), ("/admin/clients/default".to_owned(), &two)] {
        let page = root.page(&place).await;
        assert!(page.contains(&device.session));
        let action = format!("{place}/sessions/{}/sign-out", device.session);
        let answer = root.fill(&place, &action, &[]).await;
        assert_eq!(answer.status, 303);
        let back = answer.header("location").to_owned();
        assert!(back.starts_with(&format!("{place}?done=")), "{back}");
        device.assert_dead().await;
        let page = root.page(&back).await;
        assert!(page.contains("class=\"notice\"") && !page.contains(&device.session), "{page}");
    }
}

#[tokio::test]
async fn a4_a_device_that_was_signed_out_meanwhile_is_no_error_and_no_second_entry() {
    let harness = Harness::start().await;
    let one = harness.newcomer("ann").await;
    let user = text(&one.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let place = format!("/admin/users/{user}");
    let page = root.get(&place).await;
    one.delete("/v1/sessions/current").expect(204).await;
    let head = harness.authority.world.store.position().await.unwrap();
    let answer = root.send(&page, &format!("{place}/sessions/{}/sign-out", one.session), &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &*place));
    assert!(root.page(&place).await.contains("That device had been signed out before."));
    assert_eq!(harness.authority.world.store.position().await.unwrap(), head);
}

#[tokio::test]
async fn an_administrator_who_ends_their_own_session_is_led_to_sign_in() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    let page = root.page("/admin/users/root").await;
    assert!(page.contains("This device"));
    let (before, _) = page.split_once("This device").unwrap();
    let own = before.rsplit_once("id=\"ses_").unwrap().1.split('"').next().unwrap();
    let page = root.get("/admin/users?q=root").await.text();
    let user = page.split_once("/admin/users/usr_").unwrap().1.split('"').next().unwrap().to_owned();
    let place = format!("/admin/users/usr_{user}");
    let answer = root.fill(&place, &format!("{place}/sessions/ses_{own}/sign-out"), &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sign-in"));
    assert!(answer.header("clear-site-data").contains("storage"));
    assert_eq!(root.session_cookie(), None);
    assert_eq!(root.get("/admin").await.status, 303);
}

#[tokio::test]
async fn a6_an_authentication_that_is_not_fresh_is_asked_for_and_a_wrong_one_changes_nothing() {
    let harness = Harness::start().await;
    let one = harness.newcomer("ann").await;
    let user = text(&one.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let place = format!("/admin/users/{user}");
    let action = format!("{place}/sessions/{}/sign-out", one.session);
    harness.pass(LATER);
    let cookie = root.session_cookie().map(str::to_owned);
    let asked = root.fill(&place, &action, &[]).await;
    assert_eq!(asked.status, 200);
    assert!(asked.text().contains("type=\"password\""));
    one.get("/v1/me").expect(200).await;
    let wrong = root.send(&asked, &action, &[("password", "not the right words")]).await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text().contains("role=\"alert\""));
    one.get("/v1/me").expect(200).await;
    assert_eq!(root.session_cookie().map(str::to_owned), cookie);
    let done = root.send(&wrong, &action, &[("password", PASSWORD)]).await;
    assert_eq!(done.status, 303);
    one.assert_dead().await;
    assert_ne!(root.session_cookie().map(str::to_owned), cookie, "the session is held by a new value");
    assert_eq!(root.get("/admin").await.status, 200);
}

#[tokio::test]
async fn a_new_cookie_is_given_even_if_the_act_is_refused_after_the_password() {
    let harness = Harness::start().await;
    let one = harness.newcomer("ann").await;
    let user = text(&one.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let place = format!("/admin/users/{user}");
    harness.pass(LATER);
    let page = root.get(&place).await;
    let token = super::browser::hidden(&super::browser::form(
        &page.text(),
        &format!("{place}/sessions/{}/sign-out", one.session),
    ));
    let missing = format!("{place}/sessions/ses_{}/sign-out", "0".repeat(26));
    let cookie = root.session_cookie().map(str::to_owned);
    let fields = [("form_token", token[0].1.as_str()), ("password", PASSWORD)];
    let answer = root.post(&missing, &fields).await;
    assert_eq!(answer.status, 404);
    assert_ne!(root.session_cookie().map(str::to_owned), cookie);
    // Beyond the grace time of the former value.
    harness.pass(Duration::from_mins(1));
    assert_eq!(root.get("/admin").await.status, 200);
}

#[tokio::test]
async fn b5_a_locked_account_is_unlocked_and_what_ended_stays_ended() {
    let harness = Harness::start().await;
    let one = harness.newcomer("ann").await;
    let user = text(&one.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let place = format!("/admin/users/{user}");
    assert!(!root.page(&place).await.contains("/unlock"));
    let action = format!("{place}/lock");
    let fields = [("confirm", "ann"), ("seconds", "0"), ("reason", "lost \"phone\" <b>")];
    assert_eq!(root.fill(&action, &action, &fields).await.status, 303);
    one.assert_dead().await;
    let page = root.page(&place).await;
    assert!(page.contains("until it is unlocked"), "{page}");
    assert!(page.contains("lost &#34;phone&#34; &#60;b&#62;") && !page.contains("<b>"), "{page}");
    let login = serde_json::json!({"login": "ann", "password": PASSWORD});
    harness.post("/v1/sessions").json(&login).expect(403).await.problem("account-locked");
    let answer = root.fill(&place, &format!("{place}/unlock"), &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &*place));
    assert!(root.page(&place).await.contains("The account is unlocked."));
    one.assert_dead().await;
    harness.sign_in("ann").await;
}

#[tokio::test]
async fn new_keys_take_the_place_of_the_old_ones_which_stay_good() {
    let harness = Harness::start().await;
    let mut one = harness.newcomer("ann").await;
    let mut root = Browser::administrator(&harness).await;
    let old = first_key(&harness).await;
    let page = root.page("/admin/keys").await;
    assert!(page.contains(&old) && !page.contains("Superseded"));
    let answer = root.fill("/admin/keys", "/admin/keys/rotate", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/admin/keys"));
    let page = root.page("/admin/keys").await;
    assert!(page.contains("New keys are in place.") && page.contains("Superseded"), "{page}");
    one.assert_alive().await;
}
