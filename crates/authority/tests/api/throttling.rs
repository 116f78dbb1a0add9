//! Guessing passwords, and guessing names.

use std::time::Duration;

use rescind_domain::address::IpNet;
use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::harness::{Harness, PASSWORD};

fn attempt(harness: &Harness, login: &str, address: &str) -> Call {
    let body = json!({"login": login, "password": "not the one that it is"});
    harness.post("/v1/sessions").json(&body).header("x-forwarded-for", address)
}

async fn behind_a_proxy() -> Harness {
    Harness::with(|config| config.proxies.trusted = vec![IpNet::parse("127.0.0.1").unwrap()]).await
}

/// Guesses, and waits as long as it is told, until the wait is so long that no test outlasts it. Answers how many
/// guesses that took.
async fn guess_until_throttled(harness: &Harness, guess: impl AsyncFn(u32) -> Answer) -> u32 {
    for number in 0..60 {
        let answer = guess(number).await;
        if answer.status != 429 {
            continue;
        }
        let answer = answer.problem("throttled").retry_after();
        assert_eq!(answer.json()["retry_after"].to_string(), answer.header("retry-after"));
        let wait = answer.json()["retry_after"].as_u64().unwrap();
        if wait >= 120 {
            return number;
        }
        harness.pass(Duration::from_secs(wait));
    }
    panic!("sixty guesses, and no long wait");
}

#[tokio::test]
async fn b7_attempts_are_throttled_by_account_and_no_spelling_of_it_gets_around_that() {
    let harness = behind_a_proxy().await;
    harness.sign_up("ann").await;
    let spellings = ["ann", "ANN", " ann ", "\u{ff41}nn", "a\u{200b}nn", "\u{1d41a}nn", "\u{e1}nn"];
    let guess = async |number: u32| {
        let spelling = spellings[number as usize % spellings.len()];
        attempt(&harness, spelling, "198.51.100.7").send().await
    };
    let guesses = guess_until_throttled(&harness, guess).await;
    assert!((10..30).contains(&guesses), "{guesses}");
    for spelling in spellings {
        attempt(&harness, spelling, "198.51.100.7").expect(429).await.problem("throttled");
    }
    let right = json!({"login": "ann", "password": PASSWORD});
    let from = |address| harness.post("/v1/sessions").json(&right).header("x-forwarded-for", address);
    from("198.51.100.7").expect(429).await.problem("throttled");
    from("203.0.113.9").expect(201).await;
    harness.pass(Duration::from_mins(20));
    from("198.51.100.7").expect(201).await;
}

#[tokio::test]
async fn b7_attempts_are_throttled_by_address_over_all_accounts() {
    let harness = behind_a_proxy().await;
    let guess = async |number| attempt(&harness, &format!("user{number}"), "198.51.100.7").send().await;
    let (mut checked, mut quarter) = (0, Duration::ZERO);
    for number in 0.. {
        let answer = guess(number).await;
        if answer.status != 429 {
            checked += 1;
            continue;
        }
        answer.problem("throttled").retry_after();
        if quarter >= Duration::from_mins(15) {
            break;
        }
        harness.pass(Duration::from_secs(3));
        quarter += Duration::from_secs(3);
    }
    assert!((40..=70).contains(&checked), "31 until waits are longest, and 32 turns: {checked}");
    attempt(&harness, "user99", "203.0.113.9").expect(401).await;
}

#[tokio::test]
async fn b9_forty_people_behind_one_address_and_one_on_twelve_devices_sign_in_at_once() {
    let harness = Harness::start().await;
    for number in 0..40 {
        harness.sign_up(&format!("user{number}")).await;
    }
    let all_at_once = async |logins: Vec<String>| {
        let mut calls = tokio::task::JoinSet::new();
        for login in logins {
            calls.spawn(harness.post("/v1/sessions").json(&json!({"login": login, "password": PASSWORD})).send());
        }
        calls.join_all().await.into_iter().map(|answer| answer.status.as_u16()).collect::<Vec<_>>()
    };
    assert_eq!(all_at_once((0..40).map(|number| format!("user{number}")).collect()).await, [201; 40]);
    assert_eq!(all_at_once(vec!["user0".to_owned(); 12]).await, [201; 12]);
}

#[tokio::test]
async fn b7_who_guesses_at_ever_new_names_keeps_nobody_out_who_signed_in_from_there_before() {
    let harness = Harness::with(|config| config.throttle.max_wait = Duration::from_secs(8)).await;
    harness.newcomer("ann").await;
    for number in 0..30 {
        let guess = attempt(&harness, &format!("invented {number}"), "198.51.100.7").send().await;
        if guess.status == 429 {
            harness.pass(Duration::from_secs(guess.json()["retry_after"].as_u64().unwrap()));
        }
        harness.sign_in("ann").await;
    }
}

#[tokio::test]
async fn b7_passwords_of_whoever_is_signed_in_are_throttled_too() {
    let harness = Harness::start().await;
    let mut ann = harness.newcomer("ann").await;
    let wrong = json!({"password": "not the one that it is"});
    guess_until_throttled(&harness, async |_| ann.post("/v1/reauthenticate").json(&wrong).send().await).await;
    ann.assert_alive().await;
}

#[tokio::test]
async fn b8_a_wrong_name_and_a_wrong_password_run_the_same_hashes_and_give_the_same_answer() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let mut seen: Vec<(u64, u64, Value, String)> = Vec::new();
    for login in ["ann", "nobody", "no body", "\u{0}", ""] {
        let before = harness.authority.hashing.counts();
        let answer = attempt(&harness, login, "127.0.0.1").expect(401).await.problem("invalid-credentials");
        let after = harness.authority.hashing.counts();
        let work = (after.argon2 - before.argon2, after.work_micros - before.work_micros);
        seen.push((work.0, work.1, answer.json(), answer.header("www-authenticate").to_owned()));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].0, 1);
}
