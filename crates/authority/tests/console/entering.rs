//! Who may: nobody, a person, an administrator, one who is none any more; and whose forms are taken.

use std::time::Duration;

use serde_json::json;

use super::browser::{Browser, form, hidden};
use super::harness::{Harness, PASSWORD, text};

/// Every page.
pub(crate) fn pages(user: &str, key: &str) -> Vec<String> {
    let fixed = ["", "/users", "/clients", "/keys", "/revocations", "/verifiers", "/everyone", "/clients/default"];
    let mut pages: Vec<String> = fixed.iter().map(|path| format!("/admin{path}")).collect();
    pages.extend(["", "/sign-out", "/lock", "/password"].iter().map(|path| format!("/admin/users/{user}{path}")));
    pages.push("/admin/clients/default/revoke".to_owned());
    pages.push(format!("/admin/keys/{key}/compromise"));
    pages
}

/// Every form that does something, with what would do it.
fn forms(user: &str, session: &str, key: &str) -> Vec<(String, Vec<(&'static str, String)>)> {
    let confirm = |word: &str| vec![("confirm", word.to_owned())];
    let mut password = confirm("ann");
    password.push(("new_password", "another fine password".to_owned()));
    vec![
        (format!("/admin/users/{user}/sessions/{session}/sign-out"), Vec::new()),
        (format!("/admin/clients/default/sessions/{session}/sign-out"), Vec::new()),
        (format!("/admin/users/{user}/sign-out"), confirm("ann")),
        (format!("/admin/users/{user}/lock"), confirm("ann")),
        (format!("/admin/users/{user}/unlock"), Vec::new()),
        (format!("/admin/users/{user}/password"), password),
        ("/admin/clients/default/revoke".to_owned(), confirm("default")),
        ("/admin/keys/rotate".to_owned(), Vec::new()),
        (format!("/admin/keys/{key}/compromise"), confirm(key)),
        ("/admin/verifiers/1/evict".to_owned(), Vec::new()),
        ("/admin/everyone".to_owned(), confirm("everyone")),
    ]
}

/// The head of the log and the number of events: what no refused act may change.
async fn log(harness: &Harness) -> (u64, usize) {
    let found = harness.authority.world.store.read("log", |view| {
        let events = view.events(None, 0, 10_000)?;
        let done = events.iter().filter(|event| !matches!(event.what.kind.as_str(), "reauthenticated" | "signed_in"));
        Ok((view.head()?.position.number, done.count()))
    });
    found.await.expect("read")
}

pub(crate) async fn first_key(harness: &Harness) -> String {
    let keys = harness.authority.world.store.read("keys", |view| Ok(view.keys()?)).await.expect("read");
    keys.iter().find(|key| key.public.is_some()).expect("a signing key").id.to_string()
}

/// Posts every form with a good token, if there is any to be had.
async fn post_all(browser: &mut Browser<'_>, user: &str, session: &str, expected: u16) {
    let harness = browser.harness;
    let key = first_key(harness).await;
    let page = browser.get("/sign-out").await.text();
    let token = page.contains("action=\"/sign-out\"").then(|| hidden(&form(&page, "/sign-out"))[0].1.clone());
    for (action, fields) in forms(user, session, &key) {
        let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.push(("form_token", token.as_deref().unwrap_or("none")));
        let answer = browser.post(&action, &all).await;
        assert_eq!(answer.status.as_u16(), expected, "{action}: {answer:?}");
    }
}

#[tokio::test]
async fn nobody_is_led_to_sign_in_and_back_again() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut stranger = Browser::new(&harness);
    for page in pages(&user, &first_key(&harness).await) {
        let answer = stranger.get(&page).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &*format!("/sign-in?return_to={page}")));
    }
    let before = log(&harness).await;
    // Without a session there is no token of any form, and nothing to do with one.
    post_all(&mut stranger, &user, &ann.session, 303).await;
    assert_eq!(log(&harness).await, before);
}

#[tokio::test]
async fn a_person_gets_the_same_refusal_from_every_page_and_form_and_changes_nothing() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut person = Browser::signed_in(&harness, "ann").await;
    let before = log(&harness).await;
    for page in pages(&user, &first_key(&harness).await) {
        let answer = person.get(&page).await;
        assert_eq!(answer.status, 403, "{page}");
        assert!(answer.text().contains("data-problem=\"forbidden\""), "{page}");
    }
    post_all(&mut person, &user, &ann.session, 403).await;
    // Nor is anybody told more for being asked for a password.
    harness.pass(Duration::from_mins(6));
    post_all(&mut person, &user, &ann.session, 403).await;
    assert_eq!(log(&harness).await, before);
    ann.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn an_administrator_who_was_demoted_meanwhile_may_nothing_any_more() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let root = harness.administrator().await;
    let made = json!({"login": "bob", "password": PASSWORD, "role": "administrator"});
    let bob = text(&root.post("/v1/admin/users").json(&made).expect(201).await.json()["user"]["id"]);
    let mut browser = Browser::signed_in(&harness, "bob").await;
    assert_eq!(browser.get("/admin").await.status, 200);
    root.patch(&format!("/v1/admin/users/{bob}")).json(&json!({"role": "user"})).expect(200).await;
    let before = log(&harness).await;
    for page in pages(&user, &first_key(&harness).await) {
        assert_eq!(browser.get(&page).await.status, 403, "{page}");
    }
    post_all(&mut browser, &user, &ann.session, 403).await;
    assert_eq!(log(&harness).await, before);
}

#[tokio::test]
async fn a_form_without_our_token_or_from_elsewhere_changes_nothing() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let mut other = Browser::signed_in(&harness, "root").await;
    let page = other.get("/admin/everyone").await.text();
    let foreign = hidden(&form(&page, "/admin/everyone"))[0].1.clone();
    let page = root.get("/admin/everyone").await.text();
    let own = hidden(&form(&page, "/admin/everyone"))[0].1.clone();
    let before = log(&harness).await;
    for (action, fields) in forms(&user, &ann.session, &first_key(&harness).await) {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let with = |token| [&fields[..], &[("form_token", token)]].concat();
        for fields in [fields.clone(), with(foreign.as_str()), with("A")] {
            let answer = root.post(&action, &fields).await;
            assert_eq!(answer.status, 403, "{action}");
            assert!(answer.text().contains("data-problem=\"form-expired\""), "{action}");
        }
        let answer = root.post_from("https://evil.example", &action, &with(own.as_str())).await;
        assert!(answer.text().contains("data-problem=\"foreign-form\""), "{action}");
    }
    assert_eq!(log(&harness).await, before);
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    let page = root.get("/admin/everyone").await.text();
    let token = hidden(&form(&page, "/admin/everyone"))[0].1.clone();
    let (user, session) = (format!("usr_{}", "0".repeat(26)), format!("ses_{}", "0".repeat(26)));
    for id in [user.as_str(), "nobody", "%3Cb%3E"] {
        for path in ["", "/sign-out", "/lock", "/password"] {
            let answer = root.get(&format!("/admin/users/{id}{path}")).await;
            assert_eq!(answer.status, 404, "{id}{path}");
            assert!(answer.text().contains("data-problem=\"not-found\""));
        }
    }
    for path in ["/admin/clients/none", "/admin/clients/none/revoke", "/admin/keys/none/compromise"] {
        assert_eq!(root.get(path).await.status, 404, "{path}");
    }
    for (action, fields) in forms(&user, &session, "none") {
        if ["/admin/keys/rotate", "/admin/everyone", "/admin/clients/default/revoke"].contains(&action.as_str()) {
            continue;
        }
        let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.push(("form_token", &token));
        let answer = root.post(&action, &all).await;
        assert_eq!(answer.status, 404, "{action}: {answer:?}");
    }
}

#[tokio::test]
async fn no_page_may_be_kept_framed_or_joined_by_anything_from_elsewhere() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    for page in pages(&user, &first_key(&harness).await) {
        let answer = root.get(&page).await;
        assert_eq!(answer.status, 200, "{page}");
        assert_eq!((answer.header("cache-control"), answer.header("x-frame-options")), ("no-store", "DENY"), "{page}");
        let policy = answer.header("content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = answer.text();
        for inline in ["<style", " style=", "<script>", " onclick", "http:", "https:", "javascript:"] {
            assert!(!text.contains(inline), "{page} has {inline}");
        }
        assert_eq!(text.matches("<h1").count(), 1, "{page}");
        assert_eq!(text.matches("aria-current=\"page\"").count(), 1, "{page} says where it is");
    }
}

#[tokio::test]
async fn every_page_speaks_every_language_and_no_page_shows_the_name_of_a_message() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    for language in ["en", "de", "ar"] {
        root.language = language;
        for page in pages(&user, &first_key(&harness).await) {
            let text = root.page(&page).await;
            assert!(text.contains(&format!("<html lang=\"{language}\"")), "{page}");
            let mut shown = text.split('<').filter_map(|part| part.split_once('>')).map(|(_, shown)| shown);
            let named = |shown: &str| ["console-", "confirm-", "scope-"].iter().any(|start| shown.contains(start));
            let found = shown.find(|shown| named(shown));
            assert_eq!(found, None, "{page} in {language}");
        }
    }
}
