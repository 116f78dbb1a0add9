//! Whom tokens are for.

use rescind_domain::client::{ClientKind, ClientPolicy};
use rescind_domain::verbs::administer_clients::{self, NewClient};
use rescind_domain::verbs::present_cookie::present_cookie;
use rescind_domain::verbs::sign_in::{self, SignIn};
use rescind_wire::{Algorithm, ClientId};

use super::device::{Device, OLD, Person, claims};
use super::house::{House, ISSUER, OPERATOR, run};

const ORDERS: &str = "https://orders.example";

/// Adds a client of these audiences.
fn add(house: &House, id: &str, audiences: &[(&str, Option<Algorithm>)]) -> Result<ClientId, rescind_domain::Error> {
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
