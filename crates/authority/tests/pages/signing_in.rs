//! Signing in, up and out.

use std::time::Duration;

use serde_json::json;

use super::browser::{Browser, SESSION};
use super::harness::{Harness, PASSWORD};

#[tokio::test]
async fn a10_who_stays_signed_in_has_a_longer_session_that_ends_like_any_other() {
    let harness = Harness::start().await;
    let device = harness.newcomer("ann").await;
    let browser = Browser::new(&harness);
    let fields = [("login", "ann"), ("password", PASSWORD), ("remember", "yes")];
    let answer = browser.submit("/sign-in", "/sign-in", &fields).await;
    let cookie = answer.cookies().into_iter().find(|cookie| cookie.starts_with("rescind_dev=")).expect("a cookie");
    let age: u64 = cookie.split_once("Max-Age=").expect("an age").1.parse().expect("seconds");
    assert!((29 * 86_400..=30 * 86_400).contains(&age), "{cookie}");
    harness.pass(Duration::from_hours(36));
    browser.assert_in().await;

    let mut phone = harness.sign_in("ann").await;
    phone.post("/v1/sessions/end-others").json(&json!({"password": PASSWORD})).expect(200).await;
    let stolen = browser.session().expect("a cookie");
    browser.assert_out().await;
    browser.cookies.borrow_mut().insert(SESSION.to_owned(), stolen);
    browser.assert_out().await;
    phone.assert_alive().await;
    drop(device);
}

#[tokio::test]
async fn who_does_not_stay_signed_in_has_a_cookie_until_the_browser_is_closed_and_a_shorter_session() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::new(&harness);
    let answer = browser.submit("/sign-in", "/sign-in", &[("login", "ann"), ("password", PASSWORD)]).await;
    assert!(answer.cookies().iter().all(|cookie| !cookie.starts_with("rescind_dev=") || !cookie.contains("Max-Age")));
    harness.pass(Duration::from_hours(25));
    browser.assert_out().await;
}

#[tokio::test]
async fn a_cookie_that_was_planted_never_becomes_a_session() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::new(&harness);
    browser.cookies.borrow_mut().insert(SESSION.to_owned(), "planted".to_owned());
    browser.sign_in("ann").await;
    assert_ne!(browser.session().as_deref(), Some("planted"));
    let thief = Browser::new(&harness);
    thief.cookies.borrow_mut().insert(SESSION.to_owned(), "planted".to_owned());
    thief.assert_out().await;
}

#[tokio::test]
async fn signing_in_over_a_session_ends_the_former_one() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let former = browser.session().expect("a cookie");
    let devices = browser.devices().await;
    // The form was open in another tab; the token on it is the session's.
    let token = browser.visit("/account").await.form_token("/sign-out");
    let fields = [("form_token", token.as_str()), ("login", "ann"), ("password", PASSWORD)];
    assert_eq!(browser.post("/sign-in", &fields).await.leads_to(), "/account");
    assert_ne!(browser.session().as_deref(), Some(former.as_str()));
    let now = browser.devices().await;
    assert!(now.len() == 1 && now != devices, "{now:?}");
    let other = Browser::new(&harness);
    other.cookies.borrow_mut().insert(SESSION.to_owned(), former);
    other.assert_out().await;
}

#[tokio::test]
async fn a_sign_in_form_from_before_a_sign_in_beside_it_is_good_for_signing_in_alone() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::new(&harness);
    let token = browser.visit("/sign-in").await.form_token("/sign-in");
    browser.sign_in("ann").await;
    let fields = [("form_token", token.as_str()), ("login", "ann"), ("password", PASSWORD)];
    browser.post("/account/sign-out-everywhere", &fields).await.says(403, "form-expired");
    browser.post("/sign-up", &fields).await.says(403, "form-expired");
    assert_eq!(browser.post("/sign-in", &fields).await.leads_to(), "/account");
    assert_eq!(browser.devices().await.len(), 1);
}

#[tokio::test]
async fn a_wrong_password_lets_nobody_in_and_the_form_keeps_the_name_alone() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::new(&harness);
    let fields = [("login", "a\"><b>nn"), ("password", "secret enough")];
    let page = browser.submit("/sign-in", "/sign-in", &fields).await;
    assert_eq!(page.status.as_u16(), 403, "401 is for what HTTP itself asks for");
    assert!(page.text().contains("Login name or password is wrong"));
    assert!(!page.text().contains("<b>") && page.text().contains("a&#34;&#62;&#60;b&#62;nn"), "{}", page.text());
    assert!(!page.text().contains("secret enough") && browser.session().is_none());
}

#[tokio::test]
async fn whoever_signs_in_goes_to_a_place_of_ours_or_to_their_devices() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let security = Browser::new(&harness);
    assert_eq!(security.get("/account/security").await.leads_to(), "/sign-in?return_to=/account/security");
    for (asked, place) in [
        ("/account/security", "/account/security"),
        ("//evil.example", "/account"),
        ("/\\evil.example", "/account"),
        ("https://evil.example", "/account"),
        ("javascript:alert(1)", "/account"),
        ("/admin/../sign-out", "/account"),
        ("/admin/%2e%2E/v1/me", "/account"),
        ("/admin/..//evil.example", "/account"),
    ] {
        let browser = Browser::new(&harness);
        let fields = [("login", "ann"), ("password", PASSWORD), ("return_to", asked)];
        let answer = browser.submit("/sign-in", "/sign-in", &fields).await;
        assert_eq!(answer.leads_to(), place, "{asked}");
        let asked = asked.replace('%', "%25").replace('\\', "%5C");
        for page in ["/sign-in?", "/sign-up?", "/language?to=de&"] {
            assert_eq!(browser.get(&format!("{page}return_to={asked}")).await.leads_to(), place, "{page} {asked}");
        }
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_and_leaves_nothing_in_the_browser() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let stolen = browser.session().expect("a cookie");
    assert_eq!(browser.get("/sign-out").await.status.as_u16(), 200, "a link alone signs nobody out");
    browser.assert_in().await;
    let answer = browser.submit("/sign-out", "/sign-out", &[]).await;
    assert_eq!(answer.leads_to(), "/sign-in");
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(browser.session().is_none());
    assert_eq!(browser.get("/sign-in").await.notice(), "You are signed out.");
    assert_eq!(browser.get("/sign-in").await.notice(), "", "it is said once");
    browser.cookies.borrow_mut().insert(SESSION.to_owned(), stolen);
    browser.assert_out().await;
}

#[tokio::test]
async fn whoever_makes_an_account_on_the_way_somewhere_gets_there() {
    let harness = Harness::start().await;
    let browser = Browser::new(&harness);
    assert_eq!(browser.get("/").await.leads_to(), "/account");
    let page = browser.get("/sign-in?return_to=/account/security").await.text();
    assert!(page.contains("href=\"/sign-up?return_to=/account/security\""), "{page}");
    let page = browser.get("/sign-up?return_to=/account/security").await.text();
    assert!(page.contains("name=\"return_to\" value=\"/account/security\""), "{page}");
    for (login, asked, place) in
        [("ann", "/account/security", "/account/security"), ("bob", "//evil.example", "/account")]
    {
        let browser = Browser::new(&harness);
        let fields = [("login", login), ("password", PASSWORD), ("return_to", asked)];
        assert_eq!(browser.submit("/sign-up", "/sign-up", &fields).await.leads_to(), place);
    }
}

#[tokio::test]
async fn a_lock_that_never_runs_out_is_not_called_one_that_does() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.sign_up("ann").await;
    let place = format!("/v1/admin/users/{ann}/lock");
    root.post(&place).json(&json!({"reason": "x", "seconds": 0})).send().await;
    let page = Browser::new(&harness).submit("/sign-in", "/sign-in", &[("login", "ann"), ("password", PASSWORD)]).await;
    assert!(page.text().contains("The account is locked. Ask an administrator"), "{}", page.text());
}

#[tokio::test]
async fn who_signs_up_is_signed_in_at_once() {
    let harness = Harness::start().await;
    let browser = Browser::new(&harness);
    assert!(browser.get("/sign-in").await.text().contains("href=\"/sign-up\""));
    let answer = browser.submit("/sign-up", "/sign-up", &[("login", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(answer.leads_to(), "/account");
    let page = browser.get("/account").await;
    assert!(page.text().contains("Signed in as <bdi>ann</bdi>"));
    assert_eq!(page.notice(), "Your account is there.");
    harness.sign_in("ann").await;
}

#[tokio::test]
async fn what_is_wrong_with_a_new_account_is_said_beside_its_field_and_nothing_is_made() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    for (login, password, status, id, said) in [
        ("bob", "short", 400, "password", "Too short"),
        ("bob", "password123", 400, "password", "Too common"),
        ("bob.builder", "bob.builder", 400, "password", "The same as your login name"),
        ("ANN", PASSWORD, 409, "login", "is taken"),
        ("b o b", PASSWORD, 400, "login", "cannot be a login name"),
    ] {
        let browser = Browser::new(&harness);
        let page = browser.submit("/sign-up", "/sign-up", &[("login", login), ("password", password)]).await;
        assert_eq!(page.status.as_u16(), status, "{}", page.text());
        let (_, wrong) =
            page.text().split_once(&format!("id=\"{id}-wrong\"")).map(|(a, b)| (a.to_owned(), b.to_owned())).expect(id);
        assert!(wrong.split("</p>").next().expect("text").contains(said), "{wrong}");
        assert!(browser.session().is_none());
    }
    let body = json!({"login": "bob", "password": PASSWORD});
    harness.post("/v1/sessions").json(&body).expect(401).await;
}

#[tokio::test]
async fn where_sign_up_is_off_there_is_no_page_for_it() {
    let harness = Harness::with(|config| config.sign_up.enabled = false).await;
    let browser = Browser::new(&harness);
    let page = browser.get("/sign-in").await;
    assert!(!page.text().contains("/sign-up"));
    browser.get("/sign-up").await.says(403, "sign-up-off");
    let token = page.form_token("/sign-in");
    let fields = [("form_token", token.as_str()), ("login", "ann"), ("password", PASSWORD)];
    browser.post("/sign-up", &fields).await.says(403, "sign-up-off");
    harness.post("/v1/sessions").json(&json!({"login": "ann", "password": PASSWORD})).expect(401).await;
}

#[tokio::test]
async fn e4_a_limit_of_sessions_holds_on_the_pages_too() {
    let harness = Harness::with(|config| {
        config.sessions.limit = 2;
        config.sessions.at_limit = rescind::config::AtLimit::Refuse;
    })
    .await;
    harness.sign_up("ann").await;
    let (one, two, three) = (Browser::new(&harness), Browser::new(&harness), Browser::new(&harness));
    let fields = [("login", "ann"), ("password", PASSWORD)];
    let (first, second, third) = tokio::join!(
        one.submit("/sign-in", "/sign-in", &fields),
        two.submit("/sign-in", "/sign-in", &fields),
        three.submit("/sign-in", "/sign-in", &fields)
    );
    let mut statuses = [first, second, third].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 303, 409]);
}

#[tokio::test]
async fn a3_e4_signing_in_over_ones_own_session_at_the_limit_costs_nobody_elses() {
    for at_limit in [rescind::config::AtLimit::EndOldest, rescind::config::AtLimit::Refuse] {
        let harness = Harness::with(|config| (config.sessions.limit, config.sessions.at_limit) = (2, at_limit)).await;
        harness.sign_up("ann").await;
        let oldest = Browser::signed_in(&harness, "ann").await;
        let browser = Browser::new(&harness);
        let second_tab = browser.visit("/sign-in").await.form_token("/sign-in");
        browser.sign_in("ann").await;
        let former = browser.session().expect("a cookie");
        let before = harness.authority.world.store.position().await.unwrap();
        let fields = [("form_token", second_tab.as_str()), ("login", "ann"), ("password", PASSWORD)];
        let answer = browser.post("/sign-in", &fields).await;
        assert_eq!(answer.leads_to(), "/account", "{at_limit:?}");
        oldest.assert_in().await;
        assert_eq!(browser.devices().await.len(), 2);
        assert_eq!(harness.authority.world.store.position().await.unwrap().number, before.number + 1, "one entry");
        let copy = Browser::new(&harness);
        copy.cookies.borrow_mut().insert(SESSION.to_owned(), former);
        copy.assert_out().await;
    }
}

#[tokio::test]
async fn a_sign_in_that_is_refused_leaves_the_session_that_it_would_have_taken_the_place_of() {
    let harness = Harness::with(|config| {
        config.sessions.limit = 1;
        config.sessions.at_limit = rescind::config::AtLimit::Refuse;
    })
    .await;
    harness.sign_up("bob").await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "bob").await;
    let token = browser.visit("/account").await.form_token("/sign-out");
    let fields = |password| [("form_token", token.as_str()), ("login", "ann"), ("password", password)];
    assert_eq!(browser.post("/sign-in", &fields("not the password")).await.status.as_u16(), 403);
    assert_eq!(browser.post("/sign-in", &fields(PASSWORD)).await.status.as_u16(), 409);
    browser.assert_in().await;
    phone.delete("/v1/sessions/current").expect(204).await;
    let bobs = browser.session().expect("a cookie");
    assert_eq!(browser.post("/sign-in", &fields(PASSWORD)).await.leads_to(), "/account");
    let copy = Browser::new(&harness);
    copy.cookies.borrow_mut().insert(SESSION.to_owned(), bobs);
    copy.assert_out().await;
}

#[tokio::test]
async fn a_sign_up_form_that_is_sent_twice_makes_one_account_and_lets_its_owner_in_both_times() {
    let harness = Harness::start().await;
    let browser = Browser::new(&harness);
    let token = browser.visit("/sign-up").await.form_token("/sign-up");
    let cookies = browser.cookies.borrow().clone();
    let send = async |token: &str, password: &str| {
        // As the browser was when it sent the first one.
        *browser.cookies.borrow_mut() = cookies.clone();
        let fields = [("form_token", token), ("login", "ann"), ("password", password)];
        browser.post("/sign-up", &fields).await
    };
    let (first, second) = tokio::join!(send(&token, PASSWORD), send(&token, PASSWORD));
    assert_eq!((first.leads_to(), second.leads_to()), ("/account", "/account"));
    assert_eq!(send(&token, PASSWORD).await.leads_to(), "/account");
    browser.assert_in().await;
    let refused = send(&token, "another fine password").await;
    assert!(refused.status.as_u16() == 409 && refused.text().contains("is taken"), "{}", refused.text());
    assert!(browser.session().is_none());
    let stranger = Browser::new(&harness);
    let answer = stranger.submit("/sign-up", "/sign-up", &[("login", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status.as_u16(), 409, "another form is another request, whoever knows the password");
}

#[tokio::test]
async fn signing_in_on_the_page_is_counted_as_over_the_api() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let before = signed_in(&root.get("/v1/admin/history").expect(200).await.json());
    harness.sign_up("ann").await;
    Browser::signed_in(&harness, "ann").await;
    let after = signed_in(&root.get("/v1/admin/history").expect(200).await.json());
    assert_eq!(after, before + 1);
}

/// How many signed in within the last hour.
fn signed_in(history: &serde_json::Value) -> u64 {
    let slots = history["hour"].as_array().expect("a list");
    slots.iter().map(|slot| slot["sign_ins"]["ok"].as_u64().expect("a number")).sum()
}
