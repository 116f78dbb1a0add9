//! Whom tokens are for.

use rescind_domain::Error;
use rescind_domain::audience::ISSUER_SETTING;
use rescind_domain::client::{AudienceRow, ClientKind, ClientPolicy};
use rescind_domain::key::Purpose;
use rescind_domain::verbs::administer_clients::{self, NewClient};
use rescind_domain::verbs::present_cookie::present_cookie;
use rescind_domain::verbs::sign_in::{self, SignIn};
use rescind_wire::{Algorithm, ClientId};

use super::device::{Device, OLD, Person, claims};
use super::house::{House, ISSUER, OPERATOR, run};

const ORDERS: &str = "https://orders.example";

/// Adds a client of these audiences.
fn add(house: &House, id: &str, audiences: &[(&str, Option<Algorithm>)]) -> Result<ClientId, Error> {
    let new = NewClient {
        id: id.parse().unwrap(),
        name: String::new(),
        kind: ClientKind::Mobile,
        audiences: audiences.iter().map(|&(name, algorithm)| (name.to_owned(), algorithm)).collect(),
        scopes: vec![],
        confidential: false,
        origins: vec![],
        policy: ClientPolicy::default(),
    };
    let (client, _) = run(administer_clients::add_client(&house.world, OPERATOR, new))?;
    house.load_keys();
    Ok(client.id)
}

fn sign_in(house: &House, person: &Person, client: &ClientId, audiences: &[&str]) -> Device {
    let audiences = audiences.iter().map(|&name| name.to_owned()).collect();
    house.try_sign_in(SignIn { client: Some(client.clone()), audiences, ..person.request(OLD) }).unwrap()
}

/// What its access token says: who made it, and whom it is for.
fn names(token: &str) -> (String, Vec<String>) {
    let claims = claims(token).0;
    let audiences = claims.aud.names().map(str::to_owned).collect();
    (claims.iss, audiences)
}

/// The names of the issuer after changes of the configuration, and what each makes of tokens that were for the first.
fn assert_renamed(house: &mut House, for_issuer: &str, with_orders: &str, orders: &str, cookie: &str) {
    let (mut for_issuer, mut with_orders) = (for_issuer.to_owned(), with_orders.to_owned());
    let mut orders = orders.to_owned();
    for issuer in ["https://new.example", "http://127.0.0.1:7288", ISSUER] {
        house.reconfigure(|policy| policy.issuer = issuer.into());
        let next = |house: &House, token: &mut String| {
            let device = refreshed(house, token);
            device.refresh_token().clone_into(token);
            let again = device.reauthenticate(house, OLD).unwrap();
            again.refresh_token().clone_into(token);
            assert_eq!(names(device.access()), names(again.access()));
            names(device.access())
        };
        assert_eq!(next(house, &mut for_issuer), (issuer.into(), vec![issuer.into()]));
        assert_eq!(next(house, &mut orders), (issuer.into(), vec![ORDERS.into()]));
        let (iss, mut audiences) = next(house, &mut with_orders);
        audiences.sort();
        let mut expected = [issuer, ORDERS];
        expected.sort_unstable();
        assert_eq!((iss.as_str(), audiences), (issuer, expected.map(str::to_owned).to_vec()));
        let shown = run(present_cookie(&house.world, cookie, None)).unwrap();
        assert_eq!(names(shown.access.token.expose()), (issuer.into(), vec![issuer.into()]));
    }
}

fn refreshed(house: &House, token: &str) -> Device {
    let request =
        rescind_domain::verbs::refresh::Refresh { token: token.to_owned(), scope: None, client: None, address: None };
    Device { signed: run(rescind_domain::verbs::refresh::refresh(&house.world, request)).unwrap(), address: None }
}

/// Signs in for the issuer alone, for it and another, for the other, and on the pages.
fn signed_in(house: &House, audiences: &[(&str, Option<Algorithm>)]) -> [Device; 4] {
    let ann = house.person("ann");
    let app = add(house, "app", audiences).unwrap();
    let browser = run(sign_in::sign_in_by_cookie(&house.world, ann.request(OLD))).unwrap();
    [
        sign_in(house, &ann, &app, &[]),
        sign_in(house, &ann, &app, &[ORDERS, ISSUER]),
        sign_in(house, &ann, &app, &[ORDERS]),
        Device { signed: browser, address: None },
    ]
}

#[test]
fn what_was_signed_in_for_the_issuer_is_for_the_issuer_whatever_that_is_called_later() {
    let mut house = House::new();
    let [own, both, orders, browser] =
        signed_in(&house, &[(ORDERS, None), (ISSUER, None)]).map(|device| device.refresh_token().to_owned());
    assert_renamed(&mut house, &own, &both, &orders, &browser);
}

#[test]
fn a_chain_that_was_stored_with_the_issuers_former_name_is_for_the_present_one() {
    let mut house = House::new();
    let [own, both, orders, browser] =
        signed_in(&house, &[(ORDERS, None)]).map(|device| device.refresh_token().to_owned());
    // As versions before did it.
    let conn = rusqlite::Connection::open(house.database()).unwrap();
    let literal = "UPDATE chains SET audiences = replace(audiences, '\"\"', ?1)";
    assert_eq!(conn.execute(literal, [format!("\"{ISSUER}\"")]).unwrap(), 4);
    drop(conn);
    assert_renamed(&mut house, &own, &both, &orders, &browser);
}

/// Removes a client.
fn remove(house: &House, client: &ClientId) {
    run(administer_clients::remove_client(&house.world, OPERATOR, client.clone(), "closed".into())).unwrap();
}

/// Why a client is not added.
#[track_caller]
fn refused(house: &House, audiences: &[(&str, Option<Algorithm>)]) -> String {
    let before = house.state();
    match add(house, "other", audiences) {
        Err(Error::Invalid { field: "audience", problem }) => {
            house.assert_unchanged(&before);
            problem
        }
        other => panic!("{other:?}"),
    }
}

/// How the access token of a device is signed.
fn algorithm(house: &House, device: &Device) -> Algorithm {
    let kid = device.claims().1;
    let keys = house.read(|view| Ok(view.keys()?));
    match keys.into_iter().find(|row| row.id == kid).unwrap().purpose {
        Purpose::Sign(algorithm) => algorithm,
        Purpose::Mac => panic!("a key for other things"),
    }
}

fn shown(house: &House, audience: &str) -> Algorithm {
    run(administer_clients::list_algorithms(&house.world, OPERATOR)).unwrap().of(audience)
}

#[test]
fn a_client_that_is_added_changes_nothing_for_the_sessions_of_others() {
    let house = House::new();
    let ann = house.person("ann");
    let stock = "https://stock.example";
    let shop = add(&house, "shop", &[(ORDERS, None), (stock, None)]).unwrap();
    let device = sign_in(&house, &ann, &shop, &[ORDERS, stock, ISSUER]);
    for (name, algorithm) in [(ORDERS, Algorithm::ES256), (stock, Algorithm::RS256)] {
        let why = refused(&house, &[(name, Some(algorithm))]);
        assert!(why.starts_with(&format!("{name} has its tokens signed with EdDSA, and is in use by shop: ")), "{why}");
    }
    add(&house, "same", &[(ORDERS, Some(Algorithm::EdDSA)), (stock, None)]).unwrap();
    let device = device.refresh(&house).unwrap().reauthenticate(&house, OLD).unwrap();
    assert_eq!(algorithm(&house, &device), Algorithm::EdDSA);
    // What is settled counts for whoever writes nothing, too.
    let news = "https://news.example";
    add(&house, "first", &[(news, Some(Algorithm::ES256))]).unwrap();
    let second = add(&house, "second", &[(news, None)]).unwrap();
    assert_eq!(algorithm(&house, &sign_in(&house, &ann, &second, &[news])), Algorithm::ES256);
    let why = refused(&house, &[("https://new.example", None), (news, Some(Algorithm::EdDSA))]);
    assert!(why.contains("in use by first, second: ") && why.contains("write ES256"), "{why}");
    let twice = refused(&house, &[("twice", Some(Algorithm::ES256)), ("twice", Some(Algorithm::EdDSA))]);
    assert!(twice.contains("named twice"), "{twice}");
}

#[test]
fn an_audience_that_no_client_names_any_more_may_have_its_tokens_signed_in_another_way() {
    let house = House::new();
    let ann = house.person("ann");
    let [one, two] = ["one", "two"].map(|id| add(&house, id, &[(ORDERS, Some(Algorithm::ES256))]).unwrap());
    assert_eq!(shown(&house, ORDERS), Algorithm::ES256);
    remove(&house, &one);
    assert!(refused(&house, &[(ORDERS, Some(Algorithm::EdDSA))]).contains("in use by two: "));
    remove(&house, &two);
    assert_eq!(shown(&house, ORDERS), Algorithm::EdDSA);
    let three = add(&house, "three", &[(ORDERS, Some(Algorithm::EdDSA))]).unwrap();
    assert_eq!(algorithm(&house, &sign_in(&house, &ann, &three, &[ORDERS])), Algorithm::EdDSA);
    // Of clients that were removed before this was done, an entry may be left.
    set_audience(&house, "https://left.example", Algorithm::ES256);
    add(&house, "four", &[("https://left.example", Some(Algorithm::EdDSA))]).unwrap();
}

#[test]
fn an_audience_that_was_left_open_before_is_left_so_while_it_is_in_use() {
    let house = House::new();
    let ann = house.person("ann");
    let shop = add(&house, "shop", &[(ORDERS, None), ("es", Some(Algorithm::ES256))]).unwrap();
    let conn = rusqlite::Connection::open(house.database()).unwrap();
    conn.execute("DELETE FROM audiences WHERE name = ?1", [ORDERS]).unwrap();
    drop(conn);
    let device = sign_in(&house, &ann, &shop, &[ORDERS, "es"]);
    assert_eq!(algorithm(&house, &device), Algorithm::ES256);
    assert!(refused(&house, &[(ORDERS, Some(Algorithm::RS256))]).contains("in use by shop: "));
    add(&house, "other", &[(ORDERS, None)]).unwrap();
    assert_eq!(algorithm(&house, &device.refresh(&house).unwrap()), Algorithm::ES256);
}

#[test]
fn no_client_changes_how_tokens_for_the_issuer_are_signed() {
    let mut house = House::new();
    let ann = house.person("ann");
    assert!(refused(&house, &[(ISSUER, Some(Algorithm::ES256))]).contains("is the issuer"));
    add(&house, "shop", &[(ISSUER, Some(Algorithm::EdDSA)), ("es", Some(Algorithm::ES256))]).unwrap();
    // As a version before may have done it.
    set_audience(&house, ISSUER, Algorithm::ES256);
    let device = house.sign_in(&ann);
    assert_eq!((algorithm(&house, &device), shown(&house, ISSUER)), (Algorithm::EdDSA, Algorithm::EdDSA));
    // The command line may not know by what name the server was started.
    let known = |tx: &mut dyn rescind_domain::store::Tx| Ok(tx.set_setting(ISSUER_SETTING, Some("http://localhost"))?);
    run(house.world.store.transact("set_issuer", known)).unwrap();
    assert!(refused(&house, &[("http://localhost", Some(Algorithm::ES256))]).contains("is the issuer"));
    // What was an audience becomes the issuer: everybody goes on.
    house.reconfigure(|policy| policy.issuer = "es".into());
    assert_eq!(algorithm(&house, &device.refresh(&house).unwrap()), Algorithm::EdDSA);
}

fn set_audience(house: &House, name: &str, algorithm: Algorithm) {
    let row = AudienceRow { name: name.to_owned(), algorithm };
    run(house.world.store.transact("set_audience", move |tx| Ok(tx.set_audience(&row)?))).unwrap();
}
