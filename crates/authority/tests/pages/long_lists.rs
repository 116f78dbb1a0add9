//! Many devices.

use std::collections::BTreeSet;

use super::browser::Browser;
use super::harness::Harness;

#[tokio::test]
async fn e1_a_long_list_is_complete_on_pages_of_fifty_and_this_device_comes_first_on_the_first() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    let browser = Browser::signed_in(&harness, "ann").await;
    let mut expected = BTreeSet::new();
    for _ in 0..26 {
        let (one, two) = tokio::join!(harness.sign_in("ann"), harness.sign_in("ann"));
        expected.extend([one.session, two.session]);
    }
    let devices = browser.devices().await;
    assert_eq!(devices.len(), 51, "this device, and fifty others");
    let page = browser.get("/account").await.text();
    assert!(page.contains("All other devices are signed out, those on further pages too."));
    let mut found: BTreeSet<String> = devices[1..].iter().cloned().collect();
    let (_, more) = page.split_once("href=\"/account?after=").expect("there is more");
    let more = more.split('"').next().expect("a place");
    let second = browser.get(&format!("/account?after={more}")).await.text();
    assert!(!second.contains("card device current") && !second.contains("/account?after="));
    let cards = second.split("<li class=\"card device\" id=\"").skip(1);
    found.extend(cards.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    assert_eq!(found, expected);
    for bad in ["x", "AAAA", ""] {
        let status = browser.get(&format!("/account?after={bad}")).await.status.as_u16();
        assert_eq!(status, if bad.is_empty() { 200 } else { 400 }, "{bad}");
    }
}
