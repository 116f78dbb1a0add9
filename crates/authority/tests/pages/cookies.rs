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
    answer.says(400, "doubled-cookie");
    assert!(answer.text().contains("Remove this site&#39;s cookies"), "{}", answer.text());
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
    assert_eq!(late.session(), Some(former), "the latest one has come back, so nobody waits for it");
    harness.pass(Duration::from_secs(11));
    laptop.assert_in().await;
}

/// Gives the password again, to sign a device out, in a browser that has had its session for a while; the answer is lost.
async fn give_password_and_lose_the_answer(browser: &Browser<'_>, device: &str) -> (String, Vec<String>) {
    let former = browser.session().expect("a cookie");
    let action = format!("/account/sessions/{device}/sign-out");
    let asked = browser.submit("/account", &action, &[]).await;
    let token = asked.form_token(&action);
    let lost = browser.post(&action, &[("form_token", &token), ("password", PASSWORD)]).await;
    assert_eq!(lost.leads_to(), "/account");
    browser.cookies.borrow_mut().insert(SESSION.to_owned(), former.clone());
    (former, lost.cookies())
}

#[tokio::test]
async fn c3_a_browser_that_lost_the_answer_with_its_new_cookie_gets_it_with_the_next_one() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    for remember in ["yes", "no"] {
        let browser = Browser::new(&harness);
        let fields = [("login", "ann"), ("password", PASSWORD), ("remember", remember)];
        browser.submit("/sign-in", "/sign-in", &fields).await.leads_to();
        harness.pass(Duration::from_mins(6));
        let (former, lost) = give_password_and_lose_the_answer(&browser, &harness.sign_in("ann").await.session).await;
        let lost = lost.iter().find(|cookie| cookie.starts_with("rescind_dev=")).expect("the one that was lost");
        for path in ["/account", "/admin", "/no-such-page", "/sign-in"] {
            browser.cookies.borrow_mut().insert(SESSION.to_owned(), former.clone());
            let answer = browser.get(path).await;
            let again: Vec<String> =
                answer.cookies().into_iter().filter(|cookie| cookie.starts_with("rescind_dev=")).collect();
            if path == "/no-such-page" {
                assert!(again.is_empty(), "whoever asks for nothing of the pages is not looked at");
                continue;
            }
            let value = |cookie: &str| cookie.split(';').next().map(str::to_owned);
            assert_eq!(again.iter().map(|cookie| value(cookie)).collect::<Vec<_>>(), [value(lost)], "{path}");
            assert_eq!(again[0].contains("Max-Age="), remember == "yes", "{}", again[0]);
        }
        harness.pass(Duration::from_secs(11));
        browser.assert_in().await;
    }
}

/// Two forms with the password that one browser sends at once, and what it is answered with: the cookies, as they were made.
async fn give_password_twice(browser: &Browser<'_>, devices: [&str; 2]) -> [String; 2] {
    let former = browser.session().expect("a cookie");
    let mut set = Vec::new();
    for device in devices {
        let action = format!("/account/sessions/{device}/sign-out");
        let asked = browser.submit("/account", &action, &[]).await;
        set.push((action.clone(), asked.form_token(&action)));
    }
    let mut cookies = Vec::new();
    for (action, token) in set {
        browser.cookies.borrow_mut().insert(SESSION.to_owned(), former.clone());
        browser.post(&action, &[("form_token", &token), ("password", PASSWORD)]).await.leads_to();
        cookies.push(browser.session().expect("a cookie"));
    }
    cookies.try_into().expect("two")
}

#[tokio::test]
async fn c3_a_browser_that_gives_the_password_twice_at_once_stays_signed_in_whichever_answer_comes_last() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    for last in [0, 1] {
        let browser = Browser::signed_in(&harness, "ann").await;
        harness.pass(Duration::from_mins(6));
        let (one, two) = (harness.sign_in("ann").await, harness.sign_in("ann").await);
        let cookies = give_password_twice(&browser, [&one.session, &two.session]).await;
        browser.cookies.borrow_mut().insert(SESSION.to_owned(), cookies[last].clone());
        harness.pass(Duration::from_secs(11));
        browser.assert_in().await;
        assert_eq!(cookies[0], cookies[1]);
        one.assert_dead().await;
        two.assert_dead().await;
    }
}

#[tokio::test]
async fn c4_who_gives_the_password_with_a_former_cookie_is_not_given_one_that_has_come_back() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let thief = Browser::new(&harness);
    thief.cookies.borrow_mut().insert(SESSION.to_owned(), browser.session().expect("a cookie"));
    harness.pass(Duration::from_mins(6));
    let (one, two) = (harness.sign_in("ann").await, harness.sign_in("ann").await);
    let give = async |browser: &Browser<'_>, device: &str| {
        let action = format!("/account/sessions/{device}/sign-out");
        browser.submit("/account", &action, &[("password", PASSWORD)]).await.leads_to();
        browser.session().expect("a cookie")
    };
    let own = give(&browser, &one.session).await;
    // The browser goes where it is led, with the new one.
    browser.assert_in().await;
    let copy = thief.session();
    let stolen = give(&thief, &two.session).await;
    assert!(stolen != own && Some(&stolen) != copy.as_ref());
    harness.pass(Duration::from_secs(11));
    // Whoever comes with the former one ends the session: somebody else has gone on with it.
    browser.assert_out().await;
    thief.assert_out().await;
}

#[tokio::test]
async fn c3_the_way_out_is_not_undone_by_the_cookie_that_was_lost() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    harness.pass(Duration::from_mins(6));
    give_password_and_lose_the_answer(&browser, &harness.sign_in("ann").await.session).await;
    let token = browser.get("/sign-out").await.form_token("/sign-out");
    let former = browser.session().expect("a cookie");
    let answer = browser.post("/sign-out", &[("form_token", &token)]).await;
    assert_eq!(answer.leads_to(), "/sign-in");
    let set: Vec<String> = answer.cookies().into_iter().filter(|cookie| cookie.starts_with("rescind_dev=")).collect();
    assert_eq!(set.len(), 1, "{set:?}");
    assert!(set[0].contains("Max-Age=0"), "{set:?}");
    assert!(!former.is_empty() && browser.session().is_none());
}

#[tokio::test]
async fn c4_a_copy_of_the_former_cookie_gets_no_other_and_ends_the_session_when_it_comes_late() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let (browser, other) = (Browser::signed_in(&harness, "ann").await, Browser::signed_in(&harness, "ann").await);
    let thief = Browser::new(&harness);
    let copy = browser.session().expect("a cookie");
    thief.cookies.borrow_mut().insert(SESSION.to_owned(), copy.clone());
    harness.pass(Duration::from_mins(6));
    let phone = harness.sign_in("ann").await;
    let action = format!("/account/sessions/{}/sign-out", phone.session);
    let asked = browser.submit("/account", &action, &[]).await;
    let token = asked.form_token(&action);
    browser.post(&action, &[("form_token", &token), ("password", PASSWORD)]).await.leads_to();
    // The browser goes where it is led, with the new one.
    browser.assert_in().await;
    for _ in 0..3 {
        harness.pass(Duration::from_secs(3));
        thief.assert_in().await;
        assert_eq!(thief.session(), Some(copy.clone()), "a copy is not exchanged");
    }
    harness.pass(Duration::from_secs(3));
    thief.assert_out().await;
    browser.assert_out().await;
    other.assert_in().await;
    let told = other.get("/account/security").await.text();
    assert!(told.contains("A copied or outdated key came back; its device was signed out"), "{told}");
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
    let receipt =
        rescind_domain::verbs::administer_keys::compromise_key(world, operator, mac, "stolen".into(), None).await;
    harness.authority.enforced_here(&receipt.expect("it was good")).await;
    browser.assert_out().await;
    Browser::signed_in(&harness, "ann").await.assert_in().await;
}

#[tokio::test]
async fn c4_a_copy_of_a_cookie_is_no_good_once_its_owner_has_changed_the_password() {
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
    browser.assert_in().await;
    thief.assert_out().await;
    // Copied or lost: nobody can tell apart who it was that came late.
    browser.assert_out().await;
}

#[tokio::test]
async fn r7_a_cookie_whose_token_cannot_be_judged_signs_nobody_out() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    // The wall clock was set back, so what is signed now has expired by the clock that the verifier reads.
    harness.clock.sign_in_the_past(Duration::from_hours(1));
    for path in ["/account", "/admin", "/sign-in", "/account/live"] {
        let answer = browser.get(path).await;
        answer.says(503, "cannot-tell");
        assert_eq!(answer.header("retry-after"), "1");
        assert!(answer.cookies().is_empty() && !answer.headers.contains_key("clear-site-data"), "{path}");
        assert!(answer.text().contains("Please wait 1 second, then try again."), "{}", answer.text());
    }
    harness.clock.sign_in_the_past(Duration::ZERO);
    browser.assert_in().await;
}

#[tokio::test]
async fn r7_a_verifier_that_never_heard_from_the_log_signs_nobody_out() {
    let harness = Harness::that_never_heard_from_the_log(|_| axum::Router::new()).await;
    harness.sign_up("ann").await;
    let browser = Browser::new(&harness);
    let fields = [("login", "ann"), ("password", PASSWORD)];
    browser.submit("/sign-in", "/sign-in", &fields).await.leads_to();
    let answer = browser.get("/account").await;
    answer.says(503, "cannot-tell");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.cookies().is_empty() && browser.session().is_some());
}

#[tokio::test]
async fn a_browser_whose_session_is_bound_to_its_address_keeps_it_while_it_is_elsewhere() {
    let harness = Harness::with(|config| {
        config.proxies.trusted = vec![rescind_domain::address::IpNet::parse("127.0.0.1").unwrap()];
    })
    .await;
    harness.sign_up("ann").await;
    harness.sign_up("bob").await;
    // The client of the pages is there from the first sign-in on.
    Browser::signed_in(&harness, "ann").await;
    let bind = |tx: &mut dyn rescind_domain::store::Tx| {
        let mut client = tx.client(&"rescind-pages".parse().unwrap())?.unwrap();
        client.policy.bind_address = true;
        Ok(tx.update_client(&client)?)
    };
    harness.authority.world.store.transact("bind", bind).await.unwrap();
    let browser = Browser::new(&harness);
    let from = |address: &str, call: super::call::Call| call.header("x-forwarded-for", address);
    let sign_in = async |login: &str, address: &str| {
        let page = browser.send(from(address, harness.get("/sign-in"))).await;
        let token = page.form_token("/sign-in");
        let fields = [("form_token", token.as_str()), ("login", login), ("password", PASSWORD)];
        let form = browser.form("/sign-in", &fields).header("origin", &browser.origin);
        assert_eq!(browser.send(from(address, form)).await.leads_to(), "/account");
        browser.session().expect("a cookie")
    };
    let (here, there) = ("198.51.100.7", "198.51.100.8");
    let cookie = sign_in("ann", here).await;
    // Before this server remembers the cookie, and after.
    for _ in 0..2 {
        let refused = browser.send(from(there, harness.get("/account"))).await;
        assert!(refused.leads_to().starts_with("/sign-in") && !refused.headers.contains_key("clear-site-data"));
        let page = browser.send(from(there, harness.get("/sign-in"))).await;
        assert_eq!(
            page.notice(),
            "This device is signed in at another address only. Go on there, or sign in here anew."
        );
        let live = browser.send(from(there, harness.get("/account/live"))).await;
        assert_eq!((live.status.as_u16(), live.cookies()), (401, vec![]));
        // Where a page that is open goes then.
        let page = browser.send(from(there, harness.get("/sign-in?ended=elsewhere"))).await;
        assert!(page.notice().contains("at another address only") && !page.headers.contains_key("clear-site-data"));
        let form = browser.form("/account/sign-out-others", &[]).header("origin", &browser.origin);
        browser.send(from(there, form)).await;
        assert_eq!(browser.session(), Some(cookie.clone()), "the session goes on");
        assert_eq!(browser.send(from(here, harness.get("/account"))).await.status.as_u16(), 200);
    }
    let holds = |cookie: &str| browser.cookies.borrow_mut().insert(SESSION.to_owned(), cookie.to_owned());
    let is_in = async |address: &str| browser.send(from(address, harness.get("/account"))).await.status.as_u16() == 200;
    sign_in("bob", there).await;
    holds(&cookie);
    assert!(is_in(here).await, "a copy of a bound cookie does nothing elsewhere, and ends nothing there");
    assert_ne!(sign_in("ann", there).await, cookie);
    assert!(is_in(there).await);
    holds(&cookie);
    assert!(!is_in(here).await, "whose cookie was replaced by its owner's own sign-in, nobody could reach any more");
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

#[tokio::test]
async fn a_browser_stays_signed_in_where_the_server_calls_itself_something_else_after_a_restart() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let former = Browser::signed_in(&harness, "ann").await;
    let cookies = former.cookies.clone();
    let harness = harness.moved().await;
    let browser = Browser { cookies, ..Browser::new(&harness) };
    for path in ["/account", "/sign-in", "/sign-up", "/sign-out"] {
        assert_eq!(browser.visit(path).await.status.as_u16(), 200, "{path}");
    }
    browser.assert_in().await;
    assert_eq!(browser.devices().await.len(), 1);
    browser.submit("/sign-out", "/sign-out", &[]).await;
    browser.assert_out().await;
}
