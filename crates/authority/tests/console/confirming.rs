//! Endings of a wide scope: what has to be typed, and that each is one entry of the log with who did it and why.

use std::time::Duration;

use rescind_domain::revocation::{Actor, LogRow};
use serde_json::json;

use super::browser::{Browser, form, hidden};
use super::enforcing::silent;
use super::entering::first_key;
use super::harness::{Harness, PASSWORD, text};

async fn entries(harness: &Harness) -> Vec<LogRow> {
    let rows = harness.authority.world.store.read("log", |view| Ok(view.log_after(0, 10_000)?)).await;
    rows.expect("read").into_iter().filter(|row| matches!(row.change, rescind_wire::Change::Revoke(_))).collect()
}

/// How many events came with the last entry of the log.
async fn events_of_last(harness: &Harness) -> usize {
    let found = harness.authority.world.store.read("events", |view| {
        let head = view.head()?.position.number;
        let events = view.events(None, 0, 10_000)?;
        Ok(events.iter().filter(|event| event.what.revocation == Some(head)).count())
    });
    found.await.expect("read")
}

#[tokio::test]
async fn a14_a15_each_ending_is_one_entry_and_one_event_with_actor_and_reason() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    let admin = harness.sign_in("root").await;
    let new = json!({"client_id": "app", "kind": "native"});
    admin.post("/v1/admin/clients").json(&new).expect(201).await;
    harness.sign_up("ann").await;
    let user = text(&harness.sign_in("ann").await.me().await.json()["user"]["id"]);
    let in_app = json!({"login": "ann", "password": PASSWORD, "client_id": "app"});
    let key = first_key(&harness).await;
    let cases = [
        (format!("/admin/users/{user}/sign-out"), "ann", format!("/admin/users/{user}?done=")),
        ("/admin/clients/app/revoke".to_owned(), "app", "/admin/clients/app?done=".to_owned()),
        (format!("/admin/users/{user}/lock"), "ann", format!("/admin/users/{user}?done=")),
        (format!("/admin/keys/{key}/compromise"), key.as_str(), "/admin/keys?done=".to_owned()),
    ];
    for (action, word, place) in cases {
        let lock = action.ends_with("/lock");
        let device = harness.sign_in_with(in_app.clone()).await;
        let before = entries(&harness).await.len();
        let reason = format!("because of {word}");
        let answer = root.fill(&action, &action, &[("confirm", word), ("reason", &reason)]).await;
        assert_eq!(answer.status, 303, "{action}: {answer:?}");
        assert!(answer.header("location").starts_with(&place), "{answer:?}");
        let rows = entries(&harness).await;
        assert_eq!(rows.len(), before + 1, "{action}");
        let last = rows.last().unwrap();
        assert_eq!(last.reason, reason);
        assert!(matches!(last.actor, Actor::User { .. }), "{:?}", last.actor);
        assert_eq!(events_of_last(&harness).await, 1, "{action}");
        device.get("/v1/me").expect(401).await;
        if lock {
            admin.call(axum::http::Method::DELETE, &format!("/v1/admin/users/{user}/lock")).expect(204).await;
        }
        assert_eq!(root.get("/admin").await.status, 200, "{action} ends nothing of the administrator's");
    }
}

#[tokio::test]
async fn a14_everyone_ends_with_one_entry_the_administrator_too() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut root = Browser::administrator(&harness).await;
    let before = entries(&harness).await.len();
    for wrong in ["", "all", "Everyone", "everyone!"] {
        let answer = root.confirm("/admin/everyone", wrong).await;
        assert_eq!(answer.status, 422, "{wrong}");
        assert!(answer.text().contains("That is not what has to be typed."), "{wrong}");
    }
    assert_eq!(entries(&harness).await.len(), before);
    let line = silent(&harness, "shop").await;
    let answer = root.confirm("/admin/everyone", " everyone ").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sign-in"));
    assert!(answer.header("clear-site-data").contains("storage") && root.session_cookie().is_none());
    let page = root.page("/sign-in").await;
    assert!(page.contains("Done. 0 of 1 services have confirmed; the others must within"), "{page}");
    drop(line);
    ann.assert_dead().await;
    let rows = entries(&harness).await;
    assert_eq!(rows.len(), before + 1);
    assert_eq!(
        rows.last().unwrap().change,
        rescind_wire::Change::Revoke(rescind_wire::Scope::Everyone { services: false })
    );
    assert_eq!(rows.last().unwrap().reason, "revoked by an administrator");
}

#[tokio::test]
async fn an_administrator_whose_own_session_ends_hears_how_far_that_is_enforced() {
    let harness = Harness::start().await;
    let api = harness.administrator().await;
    // The last administrator cannot be locked.
    let deputy = text(&harness.newcomer("deputy").await.me().await.json()["user"]["id"]);
    let promoted = api.patch(&format!("/v1/admin/users/{deputy}")).json(&json!({"role": "administrator"}));
    promoted.expect(200).await;
    let mut root = Browser::signed_in(&harness, "root").await;
    let found = root.page("/admin/users?q=root").await;
    let user =
        found.split_once("href=\"/admin/users/usr_").expect("found").1.split('"').next().expect("an id").to_owned();
    for (what, more) in [("sign-out", None), ("password", Some(("new_password", PASSWORD))), ("lock", None)] {
        let action = format!("/admin/users/usr_{user}/{what}");
        let fields: Vec<_> = [("confirm", "root")].into_iter().chain(more).collect();
        let answer = root.fill(&action, &action, &fields).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sign-in"), "{what}");
        let page = root.page("/sign-in").await;
        assert!(page.contains(">Done.<") && !page.contains("This device was signed out"), "{what}: {page}");
        if what != "lock" {
            root.sign_in("root").await;
        }
    }
}

/// The tag of the field of this name.
#[track_caller]
fn field(page: &str, name: &str) -> String {
    let tags = page.split('<').find(|tag| tag.contains(&format!(" name=\"{name}\"")));
    tags.unwrap_or_else(|| panic!("no field {name}: {page}")).to_owned()
}

/// Asserts that what is wrong is said beside this field and no other.
#[track_caller]
fn is_wrong_at(page: &str, id: &str, said: &str) {
    let (_, text) = page.split_once(&format!("id=\"{id}-wrong\" role=\"alert\">")).unwrap_or_else(|| panic!("{page}"));
    assert!(text.starts_with(said), "{text}");
    let marks = format!("aria-invalid=\"true\" aria-describedby=\"{id}-wrong\" autofocus");
    assert!(field(page, id).contains(&marks), "{page}");
    for mark in ["aria-invalid", "aria-describedby", "autofocus", "role=\"alert\""] {
        assert_eq!(page.matches(mark).count(), 1, "{mark}: {page}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_confirmation_is_said_beside_its_field() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let (action, password) = (format!("/admin/users/{user}/sign-out"), format!("/admin/users/{user}/password"));
    let page = root.fill(&action, &action, &[("confirm", "bob")]).await.text();
    is_wrong_at(&page, "confirm", "That is not what has to be typed.");
    for (reason, said) in [("x".repeat(501), "At most 500 characters"), (" ".to_owned(), "Say why")] {
        let answer = root.fill(&action, &action, &[("confirm", "ann"), ("reason", &reason)]).await;
        assert_eq!(answer.status, 400);
        is_wrong_at(&answer.text(), "reason", said);
    }
    for (new, said) in [("short", "Too short"), ("password123", "Too common"), ("", "Too short")] {
        let answer = root.fill(&password, &password, &[("confirm", "ann"), ("new_password", new)]).await;
        assert_eq!(answer.status, 422);
        is_wrong_at(&answer.text(), "new_password", said);
    }
    ann.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn ones_own_password_goes_on_being_asked_for_whatever_else_is_wrong() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let action = format!("/admin/users/{user}/password");
    harness.pass(Duration::from_mins(6));
    let new = ("new_password", "another fine password");
    let asked = root.fill(&action, &action, &[("confirm", "ann"), new]).await;
    let page = asked.text();
    assert!(page.contains("id=\"form-wrong\" role=\"alert\">You last gave your own password a while ago."), "{page}");
    assert!(field(&page, "password").contains("aria-describedby=\"form-wrong\"") && !page.contains("aria-invalid"));
    assert!(field(&page, "new_password").contains("autofocus"), "{page}");
    let wrong = root.send(&asked, &action, &[("confirm", "ann"), new, ("password", "not the password")]).await;
    assert_eq!(wrong.status, 403);
    is_wrong_at(&wrong.text(), "password", "The password is wrong.");
    let wrong = root.send(&wrong, &action, &[("confirm", "bob"), new, ("password", PASSWORD)]).await;
    is_wrong_at(&wrong.text(), "confirm", "That is not what has to be typed.");
    let weak = [("confirm", "ann"), ("new_password", "short"), ("password", PASSWORD)];
    let wrong = root.send(&wrong, &action, &weak).await;
    is_wrong_at(&wrong.text(), "new_password", "Too short");
    assert!(!wrong.text().contains("name=\"password\""), "it was right, and is fresh now");
    ann.get("/v1/me").expect(200).await;
    let done = root.send(&wrong, &action, &[("confirm", "ann"), new]).await;
    assert_eq!(done.status, 303);
    ann.assert_dead().await;
}

#[tokio::test]
async fn services_are_cut_only_if_they_are_ticked() {
    let harness = Harness::start().await;
    let mut root = Browser::administrator(&harness).await;
    let fields = [("confirm", "everyone"), ("services", "yes")];
    assert_eq!(root.fill("/admin/everyone", "/admin/everyone", &fields).await.status, 303);
    let last = entries(&harness).await.pop().unwrap();
    assert_eq!(last.change, rescind_wire::Change::Revoke(rescind_wire::Scope::Everyone { services: true }));
}

#[tokio::test]
async fn a_wrong_word_says_so_keeps_what_was_filled_in_and_changes_nothing() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let key = first_key(&harness).await;
    let before = entries(&harness).await.len();
    for action in [
        format!("/admin/users/{user}/sign-out"),
        format!("/admin/users/{user}/lock"),
        "/admin/clients/default/revoke".to_owned(),
        format!("/admin/keys/{key}/compromise"),
    ] {
        let answer = root.fill(&action, &action, &[("confirm", "no"), ("reason", "an \"odd\" one")]).await;
        assert_eq!(answer.status, 422, "{action}");
        let page = answer.text();
        assert!(page.contains("role=\"alert\"") && page.contains("value=\"an &#34;odd&#34; one\""), "{page}");
    }
    let action = format!("/admin/users/{user}/password");
    let fields = [("confirm", "bob"), ("new_password", "another fine password")];
    let answer = root.fill(&action, &action, &fields).await;
    assert_eq!(answer.status, 422);
    assert!(!answer.text().contains("another fine password"));
    assert_eq!(entries(&harness).await.len(), before);
    ann.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn a6_a_confirmed_ending_that_waited_for_the_password_is_done_as_it_was_filled_in() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    harness.pass(Duration::from_mins(6));
    let action = format!("/admin/users/{user}/lock");
    let fields = [("confirm", "ann"), ("reason", "lost & <gone>"), ("seconds", "86400")];
    let asked = root.fill(&action, &action, &fields).await;
    assert_eq!(asked.status, 200);
    ann.get("/v1/me").expect(200).await;
    let kept = hidden(&form(&asked.text(), &action));
    for (name, value) in fields {
        assert!(kept.contains(&(name.to_owned(), value.to_owned())), "{kept:?}");
    }
    assert_eq!(root.send(&asked, &action, &[("password", PASSWORD)]).await.status, 303);
    assert_eq!(entries(&harness).await.pop().unwrap().reason, "lost & <gone>");
    let page = root.page(&format!("/admin/users/{user}")).await;
    assert!(page.contains("lost &#38; &#60;gone&#62;") && page.contains("until <time"), "{page}");
}

#[tokio::test]
async fn b2_a_password_that_is_set_ends_everything_of_the_account() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let action = format!("/admin/users/{user}/password");
    let before = entries(&harness).await.len();
    let short = root.fill(&action, &action, &[("confirm", "ann"), ("new_password", "short")]).await;
    assert_eq!(short.status, 422, "{short:?}");
    assert!(short.text().contains("role=\"alert\""));
    assert_eq!(entries(&harness).await.len(), before);

    harness.pass(Duration::from_mins(6));
    let fields = [("confirm", "ann"), ("new_password", "another fine password")];
    let asked = root.fill(&action, &action, &fields).await;
    assert_eq!(asked.status, 200);
    let page = asked.text();
    assert!(page.contains("name=\"password\"") && !page.contains("another fine password"), "{page}");
    ann.get("/v1/me").expect(200).await;
    let wrong = [&fields[..], &[("password", "not the right words")]].concat();
    assert_eq!(root.send(&asked, &action, &wrong).await.status, 403);
    ann.get("/v1/me").expect(200).await;
    let right = [&fields[..], &[("password", PASSWORD)]].concat();
    assert_eq!(root.send(&asked, &action, &right).await.status, 303);
    ann.assert_dead().await;
    assert_eq!(entries(&harness).await.len(), before + 1);
    let login = json!({"login": "ann", "password": "another fine password"});
    harness.post("/v1/sessions").json(&login).expect(201).await;
}

#[tokio::test]
async fn a_reason_that_is_too_long_is_refused_in_place() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.me().await.json()["user"]["id"]);
    let mut root = Browser::administrator(&harness).await;
    let action = format!("/admin/users/{user}/sign-out");
    let long = "x".repeat(501);
    let answer = root.fill(&action, &action, &[("confirm", "ann"), ("reason", &long)]).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("role=\"alert\"") && answer.text().contains(&long));
    ann.get("/v1/me").expect(200).await;
}
