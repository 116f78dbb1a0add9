//! Places of addresses, from databases that the tests make.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use rescind::places::{ENGLISH, Place, Places, PlacesError};
use rescind::renewal::{Cause, Renew as _};
use rescind_domain::address::IpNet;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::harness::{Harness, PASSWORD};
use super::mmdb::{city, database};

/// A folder with a database in it.
struct Atlas {
    folder: TempDir,
}

impl Atlas {
    fn new(networks: &[(&str, u8, Value)]) -> Self {
        let atlas = Self { folder: tempfile::tempdir().expect("a folder") };
        atlas.write(database("Test-City", networks));
        atlas
    }

    fn of_lisbon() -> Self {
        Self::new(&lisbon("Lisbon"))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("places.mmdb")
    }

    fn write(&self, bytes: Vec<u8>) {
        fs::write(self.path(), bytes).expect("written");
    }

    fn open(&self) -> Result<Places, PlacesError> {
        Places::open(&self.path())
    }
}

fn lisbon(name: &str) -> Vec<(&'static str, u8, Value)> {
    vec![
        ("81.2.69.0", 24, city("PT", ["Portugal", "Portugal", "Lissabon"], ["Estremadura", name])),
        ("2001:db9::", 32, json!({"country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}}})),
        ("10.0.0.0", 8, city("XX", ["Nowhere", "Nirgends", "Nirgends"], ["Nowhere", "Nowhere"])),
        ("81.3.0.0", 16, json!({"city": {"names": 7}})),
        ("81.4.0.0", 16, json!({})),
    ]
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn shown(place: Option<Place>) -> String {
    place.map_or_else(|| "nowhere".to_owned(), |place| place.to_string())
}

#[test]
fn an_address_is_where_the_database_says_in_the_language_that_was_asked_for() {
    let places = Atlas::of_lisbon().open().expect("a database");
    let found = places.find(address("81.2.69.142"), ENGLISH).expect("a place");
    let expected = ["Lisbon", "Estremadura", "Portugal", "PT"].map(|text| Some(text.to_owned()));
    assert_eq!([found.city, found.region, found.country, found.country_code], expected);
    for (language, words) in [
        ("de", "Lissabon, Portugal"),
        ("de-AT", "Lissabon, Portugal"),
        ("pt", "Cidade, Portugal"),
        ("fr", "Lisbon, Portugal"),
    ] {
        assert_eq!(shown(places.find(address("81.2.69.142"), language)), words, "{language}");
    }
    assert_eq!(shown(places.find(address("2001:db9::7"), "DE")), "Deutschland");
    assert_eq!(
        shown(places.find(address("::ffff:81.2.69.1"), ENGLISH)),
        "Lisbon, Portugal",
        "IPv4 in another spelling"
    );
}

#[test]
fn what_is_private_unknown_or_cannot_be_read_has_no_place() {
    let places = Atlas::of_lisbon().open().expect("a database");
    for text in ["10.1.2.3", "81.2.70.1", "2001:dba::1", "127.0.0.1", "81.3.0.1", "81.4.0.1"] {
        assert_eq!(shown(places.find(address(text), ENGLISH)), "nowhere", "{text}");
    }
}

#[test]
fn a_file_that_is_no_database_of_places_is_refused_with_the_reason() {
    let atlas = Atlas::of_lisbon();
    let whole = fs::read(atlas.path()).expect("a database");
    let said = |bytes: Vec<u8>| {
        atlas.write(bytes);
        atlas.open().expect_err("no database").to_string()
    };
    for bytes in [b"garbage".to_vec(), Vec::new(), whole[..whole.len() / 2].to_vec(), whole[500..].to_vec()] {
        let said = said(bytes);
        assert!(said.contains("places.mmdb is no database in MaxMind's format"), "{said}");
    }
    let numbers = database("Test-ASN", &[("81.2.69.0", 24, json!({"autonomous_system_number": 64500}))]);
    assert!(said(numbers).contains("places.mmdb (Test-ASN) holds no places"));
    fs::remove_file(atlas.path()).expect("removed");
    assert!(matches!(atlas.open(), Err(PlacesError::Unreadable { .. })));
}

#[test]
fn no_byte_that_is_wrong_makes_a_database_more_than_wrong() {
    let atlas = Atlas::of_lisbon();
    let whole = fs::read(atlas.path()).expect("a database");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= [0x80, 0x01, 0xff, 0x20][at % 4];
        atlas.write(bytes);
        let Ok(places) = atlas.open() else { continue };
        for text in ["81.2.69.142", "2001:db9::7", "81.3.0.1"] {
            let _ = places.find(address(text), "de");
        }
    }
}

#[test]
fn a_new_database_is_taken_when_told_and_a_bad_one_is_not() {
    let atlas = Atlas::of_lisbon();
    let places = atlas.open().expect("a database");
    let here = || shown(places.find(address("81.2.69.142"), ENGLISH));
    atlas.write(database("Test-City", &lisbon("Lisboa")));
    places.renew(Cause::Look);
    assert_eq!(here(), "Lisbon, Portugal", "only when told");
    places.renew(Cause::Told);
    assert_eq!(here(), "Lisboa, Portugal");
    atlas.write(b"garbage".to_vec());
    places.renew(Cause::Told);
    assert_eq!(here(), "Lisboa, Portugal");
    fs::remove_file(atlas.path()).expect("removed");
    places.renew(Cause::Told);
    assert_eq!(here(), "Lisboa, Portugal");
}

#[tokio::test]
async fn sessions_show_where_their_address_is_to_their_owner_and_to_administrators() {
    let atlas = Atlas::of_lisbon();
    let harness = Harness::with(|config| {
        config.places.database = Some(atlas.path());
        config.proxies.trusted = vec![IpNet::parse("127.0.0.1").expect("a network")];
    })
    .await;
    harness.sign_up("ann").await;
    let body = json!({"login": "ann", "password": PASSWORD});
    let from = |address: &str| harness.post("/v1/sessions").header("x-forwarded-for", address).json(&body);
    let place = json!({"city": "Lisbon", "region": "Estremadura", "country": "Portugal", "country_code": "PT"});
    let tokens = from("81.2.69.142").expect(201).await.json();
    assert_eq!(tokens["session"]["place"], place);
    assert_eq!(from("10.1.2.3").expect(201).await.json()["session"]["place"], Value::Null);
    let bearer = tokens["access_token"].as_str().expect("a token");
    let list = harness.get("/v1/sessions").bearer(bearer).expect(200).await.json();
    let places = |list: &Value| -> Vec<Value> {
        let sessions = list["sessions"].as_array().expect("a list");
        sessions.iter().map(|session| session["place"].clone()).collect()
    };
    assert_eq!(places(&list), [Value::Null, place.clone()]);
    let admin = harness.administrator().await;
    let ann = admin.get("/v1/admin/users/ann").expect(200).await.json();
    let path = format!("/v1/admin/users/{}/sessions", ann["user"]["id"].as_str().expect("an id"));
    assert_eq!(places(&admin.get(&path).expect(200).await.json()), [Value::Null, place]);
}

#[tokio::test]
async fn without_a_database_no_session_has_a_place() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    assert_eq!(ann.tokens["session"]["place"], Value::Null);
}
