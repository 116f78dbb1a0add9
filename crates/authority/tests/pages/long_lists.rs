//! Many devices.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;

use super::browser::Browser;
use super::harness::Harness;

/// The list as a browser gets it that takes gzip and says what made it ask; whether it came so, and what it says.
async fn packed(browser: &Browser<'_>, path: &str, site: Option<&str>) -> (bool, usize, String) {
    let call = browser.harness.get(path).header("accept-encoding", "gzip, br");
    let call = site.map_or_else(
        || browser.harness.get(path).header("accept-encoding", "gzip"),
        |site| call.header("sec-fetch-site", site),
    );
    let answer = browser.send(call).await;
    let is_packed = answer.header("content-encoding") == "gzip";
    let mut text = String::new();
    if is_packed {
        GzDecoder::new(&*answer.body).read_to_string(&mut text).expect("gzip");
    } else {
        text = answer.text();
    }
    (is_packed, answer.body.len(), text)
}

#[tokio::test]
async fn a_page_of_fifty_devices_is_sent_in_gzip_to_who_asks_for_it_and_never_because_another_site_does() {
    let harness = Harness::start().await;
    harness.sign_up("ann").await;
    harness.administrator().await;
    for _ in 0..52 {
        harness.sign_in("ann").await;
    }
    let browser = Browser::signed_in(&harness, "ann").await;
    for site in ["same-origin", "none"] {
        let (is_packed, bytes, page) = packed(&browser, "/account", Some(site)).await;
        assert!(is_packed && bytes < 16 * 1024, "{site}: {bytes}");
        assert_eq!(page.matches("class=\"card device").count(), 50);
        assert!(page.len() > 80_000 && page.trim_end().ends_with("</html>"), "{}", page.len());
    }
    for site in [Some("cross-site"), Some("same-site"), None] {
        let (is_packed, bytes, page) = packed(&browser, "/account", site).await;
        assert!(!is_packed && bytes == page.len() && bytes > 80_000, "{site:?}: {bytes}");
    }
    // A link from elsewhere chose it, and the page asks for itself there again.
    let (is_packed, _, page) = packed(&browser, "/account?guess=ann", Some("same-origin")).await;
    assert!(!is_packed && page.contains("guess"), "an address with a query");
    let plain = browser.send(harness.get("/account").header("sec-fetch-site", "none")).await;
    assert!(plain.header("content-encoding").is_empty(), "not to who does not take it");
    let root = Browser::signed_in(&harness, "root").await;
    assert!(!packed(&root, "/admin/users", Some("none")).await.0, "the console shows what many people wrote");
}

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
    // What is done on a later page leads back to it.
    let place = format!("/account?after={more}");
    let id = expected.iter().find(|id| second.contains(&format!("id=\"{id}\""))).expect("one is there");
    for (action, fields) in [("name", vec![("name", "mine")]), ("sign-out", Vec::new())] {
        let action = format!("/account/sessions/{id}/{action}");
        let fields = [&fields[..], &[("after", more)]].concat();
        assert_eq!(browser.submit(&place, &action, &fields).await.leads_to(), place, "{action}");
        let form = second.split_once(&format!("action=\"{action}\"")).expect("the form").1;
        let form = form.split_once("</form>").expect("its end").0;
        assert!(form.contains(&format!("name=\"after\" value=\"{more}\"")), "{form}");
    }
    harness.pass(Duration::from_mins(6));
    let other = expected.iter().rfind(|other| *other != id && second.contains(*other)).expect("another one");
    let action = format!("/account/sessions/{other}/sign-out");
    let asked = browser.submit(&place, &action, &[("after", more)]).await;
    assert!(asked.text().contains(&format!("name=\"after\" value=\"{more}\"")), "{}", asked.text());
    assert!(asked.text().contains(&format!("href=\"{place}\" data-cancel")), "{}", asked.text());
    for bad in ["x", "AAAA", ""] {
        let status = browser.get(&format!("/account?after={bad}")).await.status.as_u16();
        assert_eq!(status, if bad.is_empty() { 200 } else { 400 }, "{bad}");
    }
}
