//! What tokens allow: a set of names, and never more of them than verifiers read.

use rescind_domain::Error;
use rescind_domain::client::ClientKind;
use rescind_domain::secret::Secret;
use rescind_domain::verbs::administer_clients::{self, NewClient};
use rescind_domain::verbs::client_credentials::{ClientCredentials, client_credentials};
use rescind_domain::verbs::sign_in::SignIn;
use rescind_wire::jwt::MAX_TOKEN;
use rescind_wire::{Algorithm, ClientId};

use super::device::{Device, OLD, Person};
use super::guard::Guard;
use super::house::{DAY, House, ISSUER, OPERATOR, run};

const AUDIENCE: &str = "https://orders.example";

fn new_client(id: &str, kind: ClientKind, scopes: Vec<String>) -> NewClient {
    NewClient {
        id: id.parse().unwrap(),
        name: String::new(),
        kind,
        // The one whose signatures are longest.
        audiences: vec![(AUDIENCE.to_owned(), Some(Algorithm::RS256)), (AUDIENCE.to_owned(), None)],
        scopes,
        confidential: false,
        origins: vec![],
        policy: rescind_domain::client::ClientPolicy::default(),
    }
}

/// As many different scopes of this length.
fn scopes(number: usize, length: usize) -> Vec<String> {
    (0..number).map(|n| format!("{n:x<length$}")).collect()
}

fn service_token(
    house: &House,
    client: &ClientId,
    secret: &Secret,
    scope: Option<&str>,
) -> Result<(String, String), Error> {
    let (client, secret, scope) = (client.clone(), secret.clone(), scope.map(str::to_owned));
    let audiences = vec![AUDIENCE.to_owned(), ISSUER.to_owned()];
    let request = ClientCredentials { client, secret, scope, audiences, address: None };
    let (token, scope) = run(client_credentials(&house.world, request))?;
    Ok((token.token.expose().to_owned(), scope))
}

fn sign_in(house: &House, ann: &Person, client: &ClientId) -> Result<Device, Error> {
    let audiences = vec![AUDIENCE.to_owned(), ISSUER.to_owned()];
    house.try_sign_in(SignIn { client: Some(client.clone()), audiences, ..ann.request(OLD) })
}

#[track_caller]
fn assert_too_many<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    let Err(Error::Invalid { field: "scope", problem }) = outcome else { panic!("{outcome:?}") };
    assert!(problem.contains("8192"), "{problem}");
}

#[test]
fn a_scope_is_a_set_wherever_it_is_asked_for() {
    let house = House::new();
    let named = ["read", "write", "read", "write"].map(str::to_owned).to_vec();
    let add =
        |id, kind| run(administer_clients::add_client(&house.world, OPERATOR, new_client(id, kind, named.clone())));
    let (service, secret) = add("service", ClientKind::Service).unwrap();
    assert_eq!(
        (service.scopes, service.audiences),
        (vec!["read".to_owned(), "write".into()], vec![AUDIENCE.to_owned()])
    );
    let many = "write ".repeat(1500) + "read";
    let (token, scope) = service_token(&house, &service.id, &secret.unwrap(), Some(&many)).unwrap();
    assert_eq!(scope, "write read");
    Guard::for_audience(&house, AUDIENCE).check_now(&house, &token).unwrap();

    let (app, _) = add("app", ClientKind::Native).unwrap();
    let device = sign_in(&house, &house.person("ann"), &app.id).unwrap();
    assert_eq!(device.signed.scope, "read write");
    let narrowed = device.refresh_for(&house, Some(&many)).unwrap();
    assert_eq!(narrowed.signed.scope, "write read");
    Guard::for_audience(&house, AUDIENCE).check_now(&house, narrowed.access()).unwrap();
}

#[test]
fn whatever_a_client_may_ask_for_fits_into_a_token_that_verifiers_read() {
    let house = House::new();
    let ann = house.person("ann");
    // Named as long as can be: a client that acts for itself is the subject, too.
    let name = |kind: ClientKind, number: usize| format!("{number:-<60}{}", &kind.as_str()[..4]);
    for kind in [ClientKind::Native, ClientKind::Service] {
        let add = |number| {
            let new = new_client(&name(kind, number), kind, scopes(number, 93));
            run(administer_clients::add_client(&house.world, OPERATOR, new))
        };
        let before = house.state();
        let Err(Error::Invalid { field: "scopes", problem }) = add(70) else { panic!() };
        assert!(problem.contains("scopes and audiences") && problem.contains("8192"), "{problem}");
        house.assert_unchanged(&before);
        let (client, secret) = (40..70).rev().find_map(|number| add(number).ok()).unwrap();
        assert!(client.scopes.len() >= 50, "{} scopes", client.scopes.len());
        let token = match secret {
            Some(secret) => service_token(&house, &client.id, &secret, None).unwrap().0,
            None => sign_in(&house, &ann, &client.id).unwrap().access().to_owned(),
        };
        assert!(token.len() <= MAX_TOKEN, "{} bytes", token.len());
        assert!(Guard::for_audience(&house, AUDIENCE).check_now(&house, &token).unwrap().claims().scope.len() > 4000);
    }
}

#[test]
fn audiences_count_like_scopes() {
    let house = House::new();
    let with = |number: usize| {
        let audiences = (0..number).map(|n| (format!("{n:a<200}"), None)).collect();
        let new = NewClient { audiences, ..new_client("app", ClientKind::Native, scopes(20, 100)) };
        run(administer_clients::add_client(&house.world, OPERATOR, new))
    };
    assert!(matches!(with(20), Err(Error::Invalid { field: "scopes", .. })));
    with(10).unwrap();
}

/// A client that a version before let in, and chains that it gave.
#[test]
fn nothing_is_issued_that_verifiers_would_not_read_and_nothing_changes_where_it_is_refused() {
    let house = House::new();
    let ann = house.person("ann");
    let long = scopes(70, 93);
    let (secret, apps) = (house.client("service", ClientKind::Service), house.client("app", ClientKind::Native));
    let device = house.sign_in_with(&ann, &apps.0);
    let conn = rusqlite::Connection::open(house.database()).unwrap();
    conn.execute(
        "UPDATE clients SET scopes = ?1 WHERE id IN ('app', 'service')",
        [serde_json::to_string(&long).unwrap()],
    )
    .unwrap();
    conn.execute("UPDATE chains SET scope = ?1", [long.join(" ")]).unwrap();
    drop(conn);
    let before = house.state();
    let (service, secret) = (secret.0, secret.1.unwrap());
    let ask = |scope| {
        let request = ClientCredentials {
            client: service.clone(),
            secret: secret.clone(),
            scope,
            audiences: vec![],
            address: None,
        };
        run(client_credentials(&house.world, request)).map(|(token, _)| token.token.expose().to_owned())
    };
    assert_too_many(ask(None));
    assert_too_many(ask(Some(long.join(" "))));
    assert_too_many(house.try_sign_in(SignIn { client: Some(apps.0.clone()), ..ann.request(OLD) }));
    assert_too_many(device.refresh(&house));
    assert_too_many(device.reauthenticate(&house, OLD));
    house.assert_unchanged(&before);
    // Fewer are given, and what was refused did not use the refresh token up.
    Guard::of(&house).check_now(&house, &ask(Some(long[..2].join(" "))).unwrap()).unwrap();
    house.advance(DAY);
    let narrowed = device.refresh_for(&house, Some(&long[3])).unwrap();
    assert_eq!(narrowed.signed.scope, long[3]);
    Guard::of(&house).check_now(&house, narrowed.access()).unwrap();
}

#[test]
fn who_was_granted_nothing_is_told_so_rather_than_given_an_empty_list() {
    let house = House::new();
    let refused = house.sign_in(&house.person("ann")).refresh_for(&house, Some("read"));
    let Err(Error::Invalid { field: "scope", problem }) = refused else { panic!("{refused:?}") };
    assert!(problem.starts_with("nothing was granted"), "{problem}");
}
