//! What went wrong, and the headers of every page.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;

use super::browser::Browser;
use super::call::Answer;
use super::harness::{Harness, PASSWORD};

const WRONG: &str = "not the password";

/// Asserts that a page says when to try again, for people and for programs.
#[track_caller]
fn assert_throttled(page: &Answer) {
    assert_eq!(page.status.as_u16(), 429, "{}", page.text());
    let seconds: u64 = page.header("retry-after").parse().expect("seconds");
    let minutes = seconds.div_ceil(60);
    let said = match (seconds, minutes) {
        (1, _) => "Please wait 1 second, then try again.".to_owned(),
        (2..60, _) => format!("Please wait {seconds} seconds, then try again."),
        (_, 1) => "Please wait 1 minute, then try again.".to_owned(),
        _ => format!("Please wait {minutes} minutes, then try again."),
    };
    assert!(page.text().contains(&format!("Too many failed attempts. {said}")), "{said} {}", page.text());
}

/// Sends a form with a wrong password until it is throttled.
async fn guess(browser: &Browser<'_>, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    for _ in 0..60 {
        let answer = browser.submit(page, action, fields).await;
        if answer.status.as_u16() == 429 {
            return answer;
        }
        assert!(!answer.headers.contains_key("retry-after"));
    }
    panic!("sixty guesses, and nobody minds");
}

#[tokio::test]
async fn b7_every_form_that_takes_a_password_says_when_to_try_again() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let guessed = [("current_password", WRONG), ("new_password", "another fine password")];
    assert_throttled(&guess(&browser, "/account/security", "/account/security/password", &guessed).await);
    let guessed = [("password", WRONG)];
    assert_throttled(&guess(&browser, "/account/security", "/account/security/delete", &guessed).await);
    assert_throttled(&guess(&browser, "/account/security", "/account/security/lock", &guessed).await);
    for action in ["/account/sign-out-others", &format!("/account/sessions/{}/sign-out", phone.session)] {
        assert_throttled(&guess(&browser, "/account", action, &guessed).await);
    }
    let stranger = Browser::new(&harness);
    let page = guess(&stranger, "/sign-in", "/sign-in", &[("login", "ann"), ("password", WRONG)]).await;
    assert_throttled(&page);
    for (language, said) in [("de", "Bitte warten Sie "), ("ar", "انتظر ")] {
        let foreign = Browser { language: language.to_owned(), ..Browser::new(&harness) };
        let page = foreign.submit("/sign-in", "/sign-in", &[("login", "ann"), ("password", PASSWORD)]).await;
        assert!(page.text().contains(said), "{}", page.text());
    }
}

#[tokio::test]
async fn a_page_that_is_too_busy_to_check_a_password_says_when_to_try_again() {
    let harness = Harness::with(|config| {
        config.passwords.threads = 1;
        config.passwords.queue = 1;
    })
    .await;
    harness.sign_up("ann").await;
    let browsers: Vec<Browser<'_>> = (0..12).map(|_| Browser::new(&harness)).collect();
    let mut tokens = Vec::new();
    for browser in &browsers {
        tokens.push(browser.get("/sign-in").await.form_token("/sign-in"));
    }
    let tries = browsers.iter().zip(&tokens).map(|(browser, token)| async move {
        browser.post("/sign-in", &[("form_token", token), ("login", "ann"), ("password", PASSWORD)]).await
    });
    let answers = futures_util::future::join_all(tries).await;
    let busy = answers.iter().find(|answer| answer.status.as_u16() == 503).expect("one of twelve had to wait");
    assert!(busy.text().contains("value=\"ann\""), "the form comes again: {}", busy.text());
    assert!(busy.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    assert!(busy.text().contains("Please wait ") && busy.text().contains(", then try again."), "{}", busy.text());
}

#[tokio::test]
async fn a_browser_that_asks_for_what_is_not_there_gets_a_page_and_a_program_a_document() {
    let harness = Harness::start().await;
    let browser = Browser::new(&harness);
    let page = browser.get("/nowhere").await;
    page.says(404, "no-such-path");
    assert!(page.header("content-type").starts_with("text/html"));
    harness.get("/nowhere").header("accept", "*/*").expect(404).await.problem("no-such-path");
    let page = browser.get("/account/sign-out-others").await;
    page.says(405, "method-not-allowed");
    assert_eq!(page.header("allow"), "POST");
    harness.get("/v1/sessions/end-all").expect(405).await.problem("method-not-allowed");
    browser.get("/assets/page-0000.css").await.problem("no-such-path");
}

#[tokio::test]
async fn a_page_that_takes_too_long_or_was_asked_for_at_too_great_length_says_so_as_a_page() {
    let harness = Harness::with(|config| config.http.request_timeout = Duration::from_millis(700)).await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let action = format!("/account/sessions/{}/name", browser.devices().await.remove(0));
    let token = browser.get("/account").await.form_token(&action);
    let other = rusqlite::Connection::open(harness.data().join("rescind.db")).expect("the database");
    other.execute_batch("BEGIN IMMEDIATE").expect("its lock");
    let late = browser.post(&action, &[("form_token", &token), ("name", "mine")]).await;
    other.execute_batch("ROLLBACK").expect("there was one");
    late.says(503, "timed-out");
    assert!(late.header("content-type").starts_with("text/html") && !late.header("retry-after").is_empty());
    assert!(late.text().contains("Whether it was done is not known."), "{}", late.text());
    let far = format!("/account?after={}", "x".repeat(5000));
    let page = browser.get(&far).await;
    page.says(414, "uri-too-long");
    assert!(page.text().len() < 5000, "no link repeats it");
    harness.get(&far).header("accept", "*/*").expect(414).await.problem("uri-too-long");
}

#[tokio::test]
async fn an_administrator_finds_the_console_on_every_page_and_is_told_where_they_are() {
    let harness = Harness::start().await;
    harness.administrator().await;
    harness.sign_up("ann").await;
    let (root, ann) = (Browser::signed_in(&harness, "root").await, Browser::signed_in(&harness, "ann").await);
    for path in ["/account", "/account/security", "/sign-out", "/nowhere", "/account?after=x", "/admin/users/x"] {
        assert!(root.get(path).await.text().contains("<a href=\"/admin\""), "{path}");
        assert!(!ann.get(path).await.text().contains("<a href=\"/admin\""), "{path}");
    }
    let is_there = |page: &Answer| {
        let text = page.text();
        assert!(text.contains("<a href=\"/admin\" aria-current=\"true\""), "{text}");
        assert!(!text.contains("<a href=\"/account\" aria-current"), "{text}");
        assert!(text.contains("return_to=/admin/everyone\""), "{text}");
    };
    let everyone = "/admin/everyone";
    let wrong = root.submit(everyone, everyone, &[("confirm", "nobody")]).await;
    assert_eq!(wrong.status.as_u16(), 422);
    is_there(&wrong);
    harness.pass(Duration::from_mins(6));
    let asked = root.submit(everyone, everyone, &[("confirm", "everyone")]).await;
    is_there(&asked);
    assert!(asked.text().contains("href=\"/admin/everyone\" data-cancel"), "{}", asked.text());
    let fields = [("confirm", "everyone"), ("password", WRONG)];
    let token = asked.form_token(everyone);
    let wrong = root.post(everyone, &[&[("form_token", token.as_str())], &fields[..]].concat()).await;
    assert_eq!(wrong.status.as_u16(), 403);
    is_there(&wrong);
}

#[tokio::test]
async fn devices_are_called_by_names_in_the_readers_language_at_the_console_too() {
    let harness = Harness::start().await;
    harness.administrator().await;
    let ann = harness.sign_up("ann").await;
    Browser::signed_in(&harness, "ann").await;
    let root = Browser { language: "de".to_owned(), ..Browser::new(&harness) };
    root.sign_in("root").await;
    let page = root.get(&format!("/admin/users/{ann}")).await.text();
    assert!(page.contains("Firefox unter Windows") && !page.contains("Firefox on Windows"), "{page}");
}

#[tokio::test]
async fn no_page_can_be_framed_kept_or_made_to_run_anything() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let (anybody, ann) = (Browser::new(&harness), Browser::signed_in(&harness, "ann").await);
    let pages = [
        anybody.get("/sign-in").await,
        anybody.get("/sign-up").await,
        anybody.get("/setup?token=x").await,
        anybody.get("/nowhere").await,
        ann.get("/account").await,
        ann.get("/account/security").await,
        ann.get("/sign-out").await,
        ann.post("/sign-out", &[]).await,
        ann.submit("/account/security", "/account/security/delete", &[("password", "wrong")]).await,
    ];
    for page in pages {
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "script-src 'self'",
        ] {
            assert!(policy.split("; ").any(|own| own == part), "{part}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!((page.header("x-frame-options"), page.header("cache-control")), ("DENY", "no-store"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let text = page.text();
        assert!(!text.contains("style=\"") && !text.contains("<style"), "{text}");
        let handler =
            |rest: &str| rest.split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(!text.split(" on").skip(1).any(handler), "{text}");
        assert_eq!(text.matches("<script").count(), 1, "{text}");
        let outside = text.split(['"', '\'']).find(|part| part.starts_with("http") || part.starts_with("//"));
        assert_eq!(outside, None);
    }
}

#[tokio::test]
async fn style_and_script_are_named_by_what_is_in_them_and_may_be_kept() {
    let harness = Harness::start().await;
    let page = Browser::new(&harness).get("/sign-in").await.text();
    for (before, media) in [("href=\"/assets/page-", "text/css"), ("src=\"/assets/live-", "text/javascript")] {
        let (_, rest) = page.split_once(before).expect("a file");
        let name = rest.split('"').next().expect("a name");
        let path = format!("{}{name}", before.split_once('"').expect("a path").1);
        let file = harness.get(&path).expect(200).await;
        assert!(file.header("content-type").starts_with(media));
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(file.body.len() > 1000 && file.header("content-encoding").is_empty());
        assert_eq!(file.header("vary"), "accept-encoding");
        let packed = harness.get(&path).header("accept-encoding", "gzip, br").expect(200).await;
        assert_eq!((packed.header("content-encoding"), packed.header("vary")), ("gzip", "accept-encoding"));
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).expect("gzip");
        assert!(unpacked == file.body && packed.body.len() < file.body.len() / 2, "{path}");
        if let Some((_, rest)) = file.text().split_once("from \"") {
            let imported = rest.split('"').next().expect("a name");
            assert!(imported.starts_with("/assets/stream-"), "{imported}");
            let file = harness.get(imported).expect(200).await;
            assert!(file.header("content-type").starts_with(media) && file.text().contains("export function follow"));
        }
    }
    let script = include_str!("../../assets/live.js");
    assert!(script.len() < 8 * 1024, "{} bytes", script.len());
}

#[tokio::test]
async fn whoever_is_signed_in_can_sign_out_from_every_page_that_says_what_went_wrong() {
    let harness = Harness::start().await;
    harness.newcomer("ann").await;
    let (browser, stranger) = (Browser::signed_in(&harness, "ann").await, Browser::new(&harness));
    let is_framed = |page: &Answer| page.text().contains("href=\"/sign-out\"");
    for (path, status) in
        [("/nope", 404), ("/account?after=zzz", 400), ("/admin", 403), ("/account/sign-out-others", 405)]
    {
        let page = browser.get(path).await;
        assert_eq!((page.status.as_u16(), is_framed(&page)), (status, true), "{path} {}", page.text());
        let page = stranger.get(path).await;
        assert!(!is_framed(&page), "{path} {}", page.text());
    }
    let nobody = "/account/sessions/ses_00000000000000000000000000/sign-out";
    let page = browser.post(nobody, &[("form_token", "x")]).await;
    assert!(page.status.is_client_error() && is_framed(&page), "{}", page.text());
}
