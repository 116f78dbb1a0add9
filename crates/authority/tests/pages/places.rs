//! Where devices are, on the pages.

use rescind_domain::address::IpNet;
use serde_json::json;

use super::browser::Browser;
use super::harness::{Harness, PASSWORD, text};
use super::mmdb::{city, database};

#[tokio::test]
async fn a_place_stands_beside_the_address_for_its_owner_and_for_administrators_in_their_language() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("places.mmdb");
    let lisbon = city("PT", ["Portugal", "Portugal", "Lissabon"], ["Estremadura", "Lisbon <b>"]);
    std::fs::write(&file, database("Test-City", &[("81.2.69.0", 24, lisbon)])).expect("written");
    let harness = Harness::with(|config| {
        config.places.database = Some(file.clone());
        config.proxies.trusted = vec![IpNet::parse("127.0.0.1").expect("a network")];
    })
    .await;
    let (root, ann) = (harness.administrator().await, harness.sign_up("ann").await);
    for address in ["81.2.69.142", "81.2.70.1"] {
        let body = json!({"login": "ann", "password": PASSWORD, "device_name": address});
        harness.post("/v1/sessions").header("x-forwarded-for", address).json(&body).expect(201).await;
    }
    let browser = Browser::signed_in(&harness, "ann").await;
    let console = Browser::signed_in(&harness, "root").await;
    assert_eq!(text(&root.me().await.json()["user"]["login"]), "root");
    for (browser, page) in [(browser, "/account".to_owned()), (console, format!("/admin/users/{ann}"))] {
        let shown = browser.get(&page).await.text();
        let place = "<bdi>81.2.69.142</bdi> · <bdi>Lisbon &#60;b&#62;, Portugal</bdi>";
        assert!(shown.contains(place) && shown.contains("<bdi>81.2.70.1</bdi></dd>"), "{page}: {shown}");
        let german = Browser { language: "de".to_owned(), ..browser };
        assert!(german.get(&page).await.text().contains("<bdi>Lissabon, Portugal</bdi>"), "{page}");
    }
}
