//! Server keys: rotated, retired, stolen (G8).

use rescind_domain::Error;
use rescind_domain::error::RefreshRefusal;
use rescind_domain::key::Purpose;
use rescind_domain::node::NodeId;
use rescind_domain::verbs::sign_in::SignIn;
use rescind_domain::verbs::{administer_clients, administer_keys, keep_house, keep_node, publish_keys};
use rescind_verifier::{Reason, Rejected};
use rescind_wire::{AccessClaims, Algorithm, Cause, KeyId, Scope, SessionId, Subject, TokenId, UserId};

use super::device::{OLD, claims, forge_with};
use super::guard::Guard;
use super::house::{DAY, HOUR, House, ISSUER, MINUTE, OPERATOR, run};
use super::paths::{assert_alive, assert_dead, explain_access, explain_refresh};

const TICK: std::time::Duration = std::time::Duration::from_millis(1);

fn rotate(house: &House) {
    run(administer_keys::rotate_keys(&house.world, OPERATOR, None)).unwrap();
}

fn compromise(house: &House, key: &KeyId) -> u64 {
    let receipt = administer_keys::compromise_key(&house.world, OPERATOR, key.clone(), "leaked".into(), None);
    run(receipt).unwrap().position.number
}

fn published(house: &House) -> Vec<KeyId> {
    run(publish_keys::publish_keys(&house.world)).unwrap().keys.into_iter().map(|key| key.kid).collect()
}

#[test]
fn rotated_keys_sign_only_once_they_are_acknowledged_and_old_tokens_stay_good() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let before = house.sign_in(&ann);
    let old = before.claims().1;
    let acknowledged = house.number();
    rotate(&house);
    // A verifier somewhere has not acknowledged the new key: it does not sign yet.
    let rows = house.read(|view| Ok(view.keys()?));
    house.world.keyring.load(&rows, acknowledged).unwrap();
    let device = house.sign_in(&ann);
    assert_eq!(device.claims().1, old);
    guard.check(device.access()).unwrap();
    // Now all have.
    house.load_keys();
    let after = device.refresh(&house).unwrap();
    let new = after.claims().1;
    assert_ne!(new, old);
    // One that lags says so, and does not call the token bad.
    let behind = guard.check(after.access()).unwrap_err();
    assert_eq!(behind, Rejected::Unavailable { reason: Reason::AheadUnknownKey });
    guard.check_now(&house, after.access()).unwrap();
    for device in [&before, &device] {
        guard.check(device.access()).unwrap();
    }
    assert_eq!(published(&house), [old, new]);
    assert_alive(&house, &mut guard, &before);
}

#[test]
fn a_sign_in_that_began_before_a_rotation_is_signed_with_a_key_that_its_position_covers() {
    let house = House::new();
    let guard = Guard::of(&house);
    let ann = house.person("ann");
    let old = house.sign_in(&ann).claims().1;
    let (world, rows) = (house.world.clone(), house.world.clone());
    house.hasher.meanwhile(move || {
        run(administer_keys::rotate_keys(&world, OPERATOR, None)).unwrap();
        let read = rows.store.read("keys", |view| Ok((view.keys()?, view.head()?.position.number)));
        let (keys, number) = run(read).unwrap();
        rows.keyring.load(&keys, number).unwrap();
    });
    let device = house.sign_in(&ann);
    assert_eq!(device.claims().1, old);
    guard.check(device.access()).expect("a verifier that has not heard of the new key");
}

#[test]
fn keys_are_rotated_on_schedule_and_retired_once_nothing_made_with_them_can_live() {
    let mut house = House::new();
    house.reconfigure(|policy| policy.rotate_keys = Some(30 * DAY));
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let (first, mac) = (phone.claims().1, mac_of(&house));
    house.advance(30 * DAY - std::time::Duration::from_secs(1));
    let last = phone.refresh(&house).unwrap();
    house.advance(std::time::Duration::from_millis(999));
    assert!(!run(keep_house::tend_keys(&house.world)).unwrap());
    house.advance(std::time::Duration::from_millis(1));
    assert!(run(keep_house::tend_keys(&house.world)).unwrap());
    house.load_keys();
    assert!(!run(keep_house::tend_keys(&house.world)).unwrap(), "once");
    guard.check_now(&house, last.access()).unwrap();
    let (second, device) = (published(&house)[1].clone(), house.sign_in(&ann));
    assert_eq!(device.claims().1, second);
    // The last token of the first key has expired for an hour before that key goes.
    house.advance(HOUR + 7 * MINUTE);
    run(keep_house::tend_keys(&house.world)).unwrap();
    house.load_keys();
    assert_eq!(published(&house), [second]);
    guard.clock.set_back(HOUR + 7 * MINUTE);
    let refused = guard.check_now(&house, last.access()).unwrap_err();
    assert!(matches!(refused, Rejected::Revoked { scope: "key", .. }), "{refused}");
    assert!(matches!(explain_access(&house, &last).ended, Some((Cause::Revoked { scope: "key", .. }, _))));
    assert_ne!(first, device.claims().1);
    // MAC keys verify for as long as refresh tokens can live, after restarts too.
    assert_ne!(mac_of(&house), mac);
    for _ in 0..13 {
        house.advance(29 * DAY);
        run(keep_house::tend_keys(&house.world)).unwrap();
        house.load_keys();
    }
    let keys = house.read(|view| Ok(view.keys()?));
    assert!(keys.iter().any(|row| row.id == mac && row.revoked.is_none()));
    house.advance(60 * DAY);
    run(keep_house::tend_keys(&house.world)).unwrap();
    let keys = house.read(|view| Ok(view.keys()?));
    assert!(keys.iter().all(|row| row.id != mac || row.revoked.is_some()));
}

#[test]
fn r4_a_key_is_not_retired_while_a_node_has_not_reached_its_successor_nor_while_what_it_signed_until_then_can_live() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let phone = house.sign_in(&house.person("ann"));
    let old = phone.claims().1;
    // A node that stopped: its verifiers may have long leases, and its row stays for hours.
    let id = NodeId::from_bytes([7; 16]);
    let row = run(keep_node::enter(&house.world, id, 3 * HOUR)).unwrap();
    rotate(&house);
    for _ in 0..24 {
        house.advance(10 * MINUTE);
        run(keep_house::tend_keys(&house.world)).unwrap();
    }
    let rows = house.read(|view| Ok(view.keys()?));
    house.world.keyring.load(&rows, row.reached).unwrap();
    let last = phone.refresh(&house).unwrap();
    assert_eq!(last.claims().1, old);
    guard.check_now(&house, last.access()).unwrap();
    run(keep_node::remove(&house.world, vec![(id, row.counter)])).unwrap();
    house.load_keys();
    run(keep_house::tend_keys(&house.world)).unwrap();
    guard.check_now(&house, last.access()).expect("a good token that was signed a moment ago");
    assert_eq!(published(&house).len(), 2);
    house.advance(HOUR + 7 * MINUTE);
    run(keep_house::tend_keys(&house.world)).unwrap();
    let kept = published(&house);
    assert!(kept.len() == 1 && kept[0] != old, "nothing that it signed can live: {kept:?}");
}

/// The MAC key that is in use.
fn mac_of(house: &House) -> KeyId {
    house.world.keyring.current_mac().unwrap().id().key_id()
}

#[test]
fn a_refresh_token_made_with_a_former_mac_key_goes_on() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let phone = house.sign_in(&house.person("ann"));
    let former = mac_of(&house);
    rotate(&house);
    house.load_keys();
    assert_ne!(mac_of(&house), former);
    let house = house.restarted();
    let next = assert_alive(&house, &mut guard, &phone);
    // Its successor is made with the new one, and repeating the old one gives the same.
    assert_eq!(phone.refresh(&house).unwrap().refresh_token(), next.refresh_token());
    compromise(&house, &former);
    house.load_keys();
    let refused = phone.refresh(&house);
    let Err(Error::RefreshRefused(RefreshRefusal::Revoked(Cause::Revoked { scope: "key", .. }))) = refused else {
        panic!("{refused:?}")
    };
    assert_alive(&house, &mut guard, &next);
}

#[test]
fn g8_a_stolen_mac_key_is_refused_once_it_is_revoked_and_devices_have_to_sign_in_again() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    compromise(&house, &mac_of(&house));
    // The ring in memory has not heard of it yet.
    assert!(explain_refresh(&house, &phone).unwrap().ended.is_some());
    assert!(matches!(phone.refresh(&house), Err(Error::RefreshRefused(RefreshRefusal::Revoked(_)))));
    let again = house.sign_in(&ann);
    house.load_keys();
    assert!(matches!(phone.refresh(&house), Err(Error::RefreshRefused(RefreshRefusal::Revoked(_)))));
    assert_alive(&house, &mut guard, &again);
    guard.check_now(&house, phone.access()).expect("signed with a key that was not stolen");
}

/// What a thief writes who has a signing key and wishes for everything.
fn wishes(house: &House) -> Vec<AccessClaims> {
    let device = house.sign_in(&house.person("mallory"));
    let (own, _) = device.claims();
    let mut wishes = Vec::new();
    let mut wish = |change: &dyn Fn(&mut AccessClaims)| {
        let mut claims = own.clone();
        claims.jti = TokenId::from_bytes([u8::try_from(wishes.len()).unwrap(); 16]);
        change(&mut claims);
        wishes.push(claims);
    };
    wish(&|_| {});
    wish(&|claims| claims.rev.number = rescind_wire::position::MAX_NUMBER);
    wish(&|claims| claims.rev.number += 1_000_000);
    wish(&|claims| claims.scope = "rescind:admin".into());
    wish(&|claims| {
        claims.sub = Subject::User(UserId::from_bytes([1; 16]));
        claims.sid = Some(SessionId::from_bytes([2; 16]));
        claims.rev.number = rescind_wire::position::MAX_NUMBER;
    });
    wish(&|claims| {
        claims.sub = Subject::Client(claims.client_id.clone());
        claims.sid = None;
        claims.rev.number = rescind_wire::position::MAX_NUMBER;
    });
    wishes
}

#[test]
fn g8_a_stolen_signing_key_with_any_claims_is_refused_once_it_is_revoked_cached_or_not() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let stolen = house.world.keyring.signing(Algorithm::EdDSA, u64::MAX).unwrap();
    let wishes = wishes(&house);
    let forged: Vec<String> = wishes.iter().map(|claims| forge_with(&stolen, claims)).collect();
    // Nobody can tell before it is known: the verifier accepts them, and remembers each.
    guard.follow(&house);
    for token in &forged {
        guard.check(token).unwrap();
        guard.check(token).unwrap();
    }
    // Logging out is no help against a position that is always later.
    house.revoke(Scope::Everyone { services: true });
    assert!(guard.check_now(&house, &forged[0]).is_err());
    guard.check(&forged[1]).expect("which is why a stolen key is revoked");

    let number = compromise(&house, stolen.id());
    let refused = Rejected::Revoked { scope: "key", number };
    guard.follow(&house);
    let late = Guard::of(&house);
    for (claims, token) in wishes.iter().zip(&forged) {
        assert_eq!(guard.check(token).unwrap_err(), refused, "remembered: {claims:?}");
        assert_eq!(late.check(token).unwrap_err(), refused, "{claims:?}");
        // One that is made only now, with a position that could not be later.
        let mut claims = claims.clone();
        claims.rev = house.head().position;
        claims.rev.number = rescind_wire::position::MAX_NUMBER;
        claims.jti = TokenId::from_bytes([99; 16]);
        let fresh = forge_with(&stolen, &claims);
        assert_eq!(guard.check(&fresh).unwrap_err(), refused);
        let acting = rescind_domain::acting::Acting::new(claims.clone(), stolen.id().clone(), None);
        let admin = rescind_domain::acting::Administrator::Caller(Box::new(acting));
        let listed = run(administer_clients::list_clients(&house.world, &admin, String::new(), 1));
        assert!(matches!(listed, Err(Error::SignedOut(Some(Cause::Revoked { scope: "key", .. })))), "{listed:?}");
    }
    // What the key signed rightly is gone as well; the session refreshes with the new one at once.
    assert!(guard.check(phone.access()).is_err());
    house.load_keys();
    let again = house.sign_in(&ann);
    assert_ne!(again.claims().1, *stolen.id());
    assert_alive(&house, &mut guard, &again);
    // Months later, with the entry forgotten, and on a verifier that never heard of the key.
    house.advance(DAY);
    house.keep_house();
    guard.clock.set_back(DAY);
    let late = Guard::of(&house);
    late.clock.set_back(DAY);
    guard.follow(&house);
    for token in &forged {
        assert!(guard.check(token).is_err());
        assert!(late.check(token).is_err());
    }
}

#[test]
fn g8_nothing_is_signed_with_a_key_that_was_revoked_even_while_the_ring_in_memory_lags() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let (job, secret) = house.client("job", rescind_domain::client::ClientKind::Service);
    let key = phone.claims().1;
    // By the command line, say: this process has not read the log since.
    compromise(&house, &key);
    let device = house.sign_in(&ann);
    let refreshed = phone.refresh(&house).unwrap();
    let again = device.reauthenticate(&house, OLD);
    let token = house.service_token(&job, &secret.unwrap()).unwrap();
    for token in [device.access(), refreshed.access(), &token] {
        assert_ne!(claims(token).1, key);
        guard.check_now(&house, token).expect("a token that was dead as it was handed out");
    }
    guard.check_now(&house, again.unwrap().access()).unwrap();
    assert_alive(&house, &mut guard, &refreshed);
}

#[test]
fn g8_a_reading_of_the_store_that_comes_late_does_not_bring_a_revoked_key_back_into_use() {
    let house = House::new();
    let ann = house.person("ann");
    let stale = house.read(|view| Ok((view.keys()?, view.head()?.position.number)));
    let key = house.sign_in(&ann).claims().1;
    compromise(&house, &key);
    house.load_keys();
    house.world.keyring.load(&stale.0, stale.1).unwrap();
    assert!(house.world.keyring.signing(Algorithm::EdDSA, u64::MAX).is_err());
    let device = house.sign_in(&ann);
    assert_ne!(device.claims().1, key);
    assert_alive(&house, &mut Guard::of(&house), &device);
}

#[test]
fn each_audience_has_its_tokens_signed_as_it_asks() {
    let house = House::new();
    let ann = house.person("ann");
    let new = administer_clients::NewClient {
        id: "app".parse().unwrap(),
        name: String::new(),
        kind: rescind_domain::client::ClientKind::Mobile,
        audiences: vec![("https://es.example".into(), Some(Algorithm::ES256)), ("https://ed.example".into(), None)],
        scopes: vec![],
        confidential: false,
        origins: vec![],
        policy: rescind_domain::client::ClientPolicy::default(),
    };
    let (app, _) = run(administer_clients::add_client(&house.world, OPERATOR, new)).unwrap();
    house.load_keys();
    let sign_in = |audiences: &[&str]| {
        let audiences = audiences.iter().map(|&name| name.to_owned()).collect();
        house.try_sign_in(SignIn { client: Some(app.id.clone()), audiences, ..ann.request(OLD) })
    };
    let keys = house.read(|view| Ok(view.keys()?));
    let algorithm = |kid: &KeyId| keys.iter().find(|row| row.id == *kid).unwrap().purpose;
    for (audience, expected) in
        [("https://es.example", Algorithm::ES256), ("https://ed.example", Algorithm::EdDSA), (ISSUER, Algorithm::EdDSA)]
    {
        let device = sign_in(&[audience]).unwrap();
        let (claims, kid) = device.claims();
        assert_eq!(claims.aud.names().collect::<Vec<_>>(), [audience]);
        assert_eq!(algorithm(&kid), Purpose::Sign(expected));
        let guard = Guard::for_audience(&house, audience);
        guard.check(device.access()).unwrap();
        let next = device.refresh(&house).unwrap();
        assert_eq!(guard.check(next.access()).unwrap().claims().aud, claims.aud);
        let other = Guard::for_audience(&house, "https://other.example");
        assert_eq!(other.check(device.access()).unwrap_err(), Rejected::WrongAudience);
        // A log-out reaches the tokens of every audience.
        device.log_out(&house).unwrap();
        let mut guard = guard;
        assert!(matches!(guard.check_now(&house, next.access()), Err(Rejected::Revoked { .. })));
        assert!(guard.check(device.access()).is_err());
        if audience == ISSUER {
            assert_dead(&house, &mut guard, &device);
        }
    }
    // The issuer reads both, and has it as the other does.
    let both = sign_in(&["https://es.example", ISSUER]).unwrap();
    assert_eq!(algorithm(&both.claims().1), Purpose::Sign(Algorithm::ES256));
    let differently = sign_in(&["https://es.example", "https://ed.example"]).unwrap_err();
    assert!(differently.to_string().contains("signed differently"), "{differently}");
    assert!(matches!(sign_in(&["https://nobody.example"]), Err(Error::Invalid { field: "audience", .. })));
}

fn stored(house: &House) -> Vec<KeyId> {
    let signing = |row: &rescind_domain::key::KeyRow| row.purpose != Purpose::Mac;
    house.read(move |view| Ok(view.keys()?.into_iter().filter(signing).map(|row| row.id).collect()))
}

/// Retires what has been replaced for long enough.
fn tend(house: &House) {
    run(keep_house::tend_keys(&house.world)).unwrap();
    house.load_keys();
}

#[test]
fn a_signing_key_is_purged_some_time_after_it_was_retired_and_one_that_leaked_with_the_events_that_tell_of_it() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let first = house.sign_in(&ann).claims().1;
    rotate(&house);
    house.advance(HOUR + 7 * MINUTE);
    tend(&house);
    let [second] = <[KeyId; 1]>::try_from(published(&house)).unwrap();
    let leaked = second.clone();
    compromise(&house, &leaked);
    house.load_keys();
    let [third] = <[KeyId; 1]>::try_from(published(&house)).unwrap();
    let macs = house.read(|view| Ok(view.keys()?.len())) - 3;
    let is_kept = |expected: &[&KeyId]| {
        house.keep_house();
        assert_eq!(stored(&house).iter().collect::<Vec<_>>(), expected);
        assert_eq!(published(&house), std::slice::from_ref(&third), "none that something may be signed with goes");
    };
    let policy = &house.world.policy;
    house.advance(policy.retention - TICK);
    is_kept(&[&first, &second, &third]);
    house.advance(TICK);
    is_kept(&[&second, &third]);
    house.advance(policy.event_retention - policy.retention - TICK);
    is_kept(&[&second, &third]);
    house.advance(TICK);
    is_kept(&[&third]);
    assert_eq!(house.read(|view| Ok(view.keys()?.len())), macs + 1, "keys of MACs stay");
    house.load_keys();
    let device = house.sign_in(&ann);
    assert_eq!(device.claims().1, third);
    guard.check_now(&house, device.access()).unwrap();
    Guard::of(&house).check_now(&house, device.access()).unwrap();
    // The log says what became of them.
    let log = house.read(|view| Ok(view.log_after(0, 1000)?));
    for key in [first, leaked] {
        let entry = rescind_wire::Change::Revoke(Scope::Key { key });
        assert!(log.iter().any(|row| row.change == entry));
    }
}

#[test]
fn r10_a_key_stays_until_the_floor_has_passed_what_revoked_it() {
    let mut house = House::new();
    house.reconfigure(|policy| (policy.retention, policy.access_lifetime) = (HOUR, DAY));
    let first = house.sign_in(&house.person("ann")).claims().1;
    rotate(&house);
    house.advance(2 * DAY);
    tend(&house);
    for _ in 0..23 {
        house.advance(HOUR);
        house.keep_house();
        assert!(stored(&house).contains(&first), "verifiers may not forget it yet");
    }
    house.advance(2 * HOUR);
    house.keep_house();
    assert!(!stored(&house).contains(&first));
}

#[test]
fn a_key_that_was_revoked_stays_while_it_keeps_an_older_one_from_signing() {
    let mut house = House::new();
    house.reconfigure(|policy| (policy.retention, policy.event_retention) = (HOUR, DAY));
    let first = house.sign_in(&house.person("ann")).claims().1;
    rotate(&house);
    house.load_keys();
    let second = published(&house)[1].clone();
    compromise(&house, &second);
    // Nobody has retired the first one.
    house.advance(2 * DAY);
    house.keep_house();
    assert!(stored(&house).contains(&second));
    tend(&house);
    house.advance(HOUR);
    house.keep_house();
    let left = stored(&house);
    assert!(!left.contains(&first) && !left.contains(&second) && left.len() == 1, "{left:?}");
}

#[test]
fn g7_a_backup_from_before_a_key_was_purged_goes_on_with_the_keys_that_it_has() {
    let house = House::with(|policy| policy.retention = HOUR);
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let first = phone.claims().1;
    house.sqlite.backup(house.dir.path().join("monday.db")).unwrap();
    rotate(&house);
    house.advance(2 * HOUR);
    tend(&house);
    house.advance(2 * HOUR);
    house.keep_house();
    assert!(!stored(&house).contains(&first));
    house.sqlite.backup(house.dir.path().join("tuesday.db")).unwrap();
    for backup in ["tuesday.db", "monday.db"] {
        let copy = House::with(|policy| policy.retention = HOUR);
        let file = house.dir.path().join(backup);
        let copy = copy.replaced(|dir| rescind::store::sqlite::restore(file, dir.join("rescind.db")).unwrap());
        run(rescind_domain::verbs::begin_epoch::after_restore(&copy.world, true)).unwrap();
        copy.load_keys();
        let again = phone.refresh(&copy).unwrap();
        assert_eq!(again.claims().1 == first, backup == "monday.db");
        Guard::of(&copy).check_now(&copy, again.access()).unwrap();
        copy.keep_house();
        copy.sign_in(&ann);
    }
}
