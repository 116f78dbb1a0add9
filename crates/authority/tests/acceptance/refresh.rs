//! C1 to C8: refreshing.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rescind_domain::Error;
use rescind_domain::client::{ClientKind, ClientPolicy};
use rescind_domain::clock::Clock as _;
use rescind_domain::error::RefreshRefusal;
use rescind_domain::event::EventKind;
use rescind_domain::revocation::Actor;
use rescind_domain::session::Expiry;
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::sign_in::SignIn;
use rescind_domain::verbs::{delete_account, keep_house, log_out};
use rescind_verifier::Rejected;
use rescind_wire::{Cause, ClientId, Scope};

use super::device::{Device, OLD, Person};
use super::guard::Guard;
use super::house::{DAY, HOUR, House, MINUTE, OPERATOR, run};
use super::paths::{assert_alive, assert_dead, is_alive};

const GRACE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn refused(house: &House, device: &Device) -> RefreshRefusal {
    match device.refresh(house) {
        Err(Error::RefreshRefused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn c1_a_refresh_gives_a_new_token_and_the_old_one_stops_once_the_new_one_is_used() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let first = house.sign_in(&house.person("ann"));
    let second = first.refresh(&house).unwrap();
    assert_ne!(first.refresh_token(), second.refresh_token());
    assert_ne!(first.access(), second.access());
    assert_ne!(first.signed.access.id, second.signed.access.id);
    let third = second.refresh(&house).unwrap();
    assert_ne!(second.refresh_token(), third.refresh_token());
    // The new one has been used, so the old one is refused, at once.
    assert_eq!(refused(&house, &first), RefreshRefusal::TooLate);
    assert_alive(&house, &mut guard, &third);
}

#[test]
fn c1_the_old_token_stops_once_the_grace_time_is_over_although_the_new_one_was_never_used() {
    let house = House::new();
    let first = house.sign_in(&house.person("ann"));
    first.refresh(&house).unwrap();
    house.advance(GRACE + TICK);
    assert_eq!(refused(&house, &first), RefreshRefusal::Reused);
}

#[test]
fn c2_refreshes_at_once_with_the_same_token_all_get_the_same_successor() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let device = house.sign_in(&house.person("ann"));
    let tabs: Vec<Device> = std::thread::scope(|scope| {
        let tabs: Vec<_> = (0..4).map(|_| scope.spawn(|| device.refresh(&house).unwrap())).collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    for tab in &tabs {
        assert_eq!(tab.refresh_token(), tabs[0].refresh_token());
        guard.check_now(&house, tab.access()).unwrap();
    }
    assert_ne!(tabs[0].refresh_token(), device.refresh_token());
    assert_alive(&house, &mut guard, &tabs[3]);
}

#[test]
fn c3_a_lost_reply_is_repaired_within_the_grace_time_and_repeating_it_does_not_extend_that() {
    let house = House::new();
    let device = house.sign_in(&house.person("ann"));
    let successor = device.refresh(&house).unwrap();
    // Asked again every second, until the very last moment.
    for second in 1..=10 {
        house.advance(Duration::from_secs(1));
        let again = device.refresh(&house).unwrap();
        assert_eq!(again.refresh_token(), successor.refresh_token(), "after {second} s");
        assert_ne!(again.access(), successor.access());
    }
    house.advance(TICK);
    assert_eq!(refused(&house, &device), RefreshRefusal::Reused);
}

#[test]
fn c4_a_token_that_was_rotated_out_longer_ago_than_the_grace_time_ends_that_one_session_and_is_reported() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (phone, laptop) = (house.sign_in(&ann), house.sign_in(&ann));
    let next = phone.refresh(&house).unwrap();
    house.advance(GRACE);
    // To the millisecond it is still a repeat.
    assert_eq!(phone.refresh(&house).unwrap().refresh_token(), next.refresh_token());
    house.advance(TICK);
    let (number, seen) = (house.number(), house.last_event());
    assert_eq!(refused(&house, &phone), RefreshRefusal::Reused);
    let log = house.log_after(number);
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].actor, Actor::System);
    let events = house.events_after(seen);
    assert_eq!(events.len(), 1);
    let event = &events[0].what;
    assert_eq!(
        (event.kind, event.user, event.session),
        (EventKind::RefreshReused, Some(ann.id), Some(phone.session()))
    );
    assert_eq!(event.revocation, Some(log[0].position.number));
    // Thief and owner alike are out; the other device never noticed.
    assert_dead(&house, &mut guard, &phone);
    assert_dead(&house, &mut guard, &next);
    assert_alive(&house, &mut guard, &laptop);
    // Coming back once more ends nothing twice.
    let number = house.number();
    assert!(matches!(refused(&house, &phone), RefreshRefusal::Revoked(Cause::Revoked { scope: "session", .. })));
    assert_eq!(house.number(), number);
}

#[test]
fn c4_tokens_further_behind_than_one_are_judged_by_their_own_rotation() {
    let house = House::new();
    let first = house.sign_in(&house.person("ann"));
    let second = first.refresh(&house).unwrap();
    house.advance(GRACE / 2);
    let third = second.refresh(&house).unwrap();
    // Both were rotated out within the grace time: the first is a slow tab's, the second a lost reply's.
    let seen = house.last_event();
    let before = house.state();
    assert_eq!(refused(&house, &first), RefreshRefusal::TooLate);
    house.assert_unchanged(&before);
    let audited = house.events_after(seen);
    assert_eq!((audited.len(), audited[0].what.kind), (1, EventKind::RefreshRefused));
    assert_eq!(audited[0].what.detail.as_deref(), Some("successor in use"));
    assert_eq!(second.refresh(&house).unwrap().refresh_token(), third.refresh_token());
    // The first one's time is over before the second one's.
    house.advance(GRACE / 2 + TICK);
    assert_eq!(second.refresh(&house).unwrap().refresh_token(), third.refresh_token());
    assert_eq!(refused(&house, &first), RefreshRefusal::Reused);
    assert!(matches!(refused(&house, &third), RefreshRefusal::Revoked(_)));
}

#[test]
fn c4_a_forged_or_altered_token_ends_nothing_and_leaves_no_trace() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let device = house.sign_in(&house.person("ann"));
    let bytes = BASE64URL_NOPAD.decode(device.refresh_token().strip_prefix("rrt_").unwrap().as_bytes()).unwrap();
    let before = (house.state(), house.last_event());
    let present = |bytes: &[u8]| {
        let token = format!("rrt_{}", BASE64URL_NOPAD.encode(bytes));
        run(refresh(&house.world, Refresh { token, scope: None, client: None, address: None })).map(drop)
    };
    // Every byte is covered by the MAC: epoch, chain, number and key name too.
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let outcome = present(&altered);
        assert!(matches!(outcome, Err(Error::RefreshRefused(RefreshRefusal::Unknown))), "byte {at}: {outcome:?}");
    }
    for cut in [0, 1, 60, 61, 92] {
        assert!(matches!(present(&bytes[..cut]), Err(Error::RefreshRefused(RefreshRefusal::Unknown))));
    }
    house.assert_unchanged(&before.0);
    assert_eq!(house.last_event(), before.1);
    assert_alive(&house, &mut guard, &device);
}

#[test]
fn c5_scopes_can_be_narrowed_and_never_widened() {
    let house = House::new();
    let ann = house.person("ann");
    let (app, _) = house.client("app", ClientKind::Mobile);
    let device = house.sign_in_with(&ann, &app);
    let scope = |device: &Device| (device.signed.scope.clone(), device.claims().0.scope);
    let both = |text: &str| (text.to_owned(), text.to_owned());
    assert_eq!(scope(&device), both("read write"));
    let narrowed = device.refresh_for(&house, Some("read")).unwrap();
    assert_eq!(scope(&narrowed), both("read"));
    let before = house.state();
    for wider in ["read admin", "admin", "rescind:admin", "read  write", "", " ", "READ"] {
        let refused = narrowed.refresh_for(&house, Some(wider));
        assert!(matches!(refused, Err(Error::Invalid { field: "scope", .. })), "{wider:?}: {refused:?}");
    }
    house.assert_unchanged(&before);
    // A narrower access token leaves the grant as it was (RFC 6749 §6), and asking in vain used nothing up.
    let all = narrowed.refresh(&house).unwrap();
    assert_eq!(scope(&all), both("read write"));
}

#[test]
fn c5_another_clients_refresh_token_is_refused_and_lives_on_with_its_own() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (app, _) = house.client("app", ClientKind::Mobile);
    let (other, _) = house.client("other", ClientKind::Mobile);
    let device = house.sign_in_with(&ann, &app);
    let present = |client: &ClientId| {
        let token = device.refresh_token().to_owned();
        run(refresh(&house.world, Refresh { token, scope: None, client: Some(client.clone()), address: None }))
    };
    assert!(matches!(present(&other), Err(Error::RefreshRefused(RefreshRefusal::OtherClient))));
    assert_eq!(present(&app).unwrap().client, app);
    let next = device.refresh(&house).unwrap();
    assert_alive(&house, &mut guard, &next);
}

#[test]
fn c6_absolute_expiry_cannot_be_pushed_back_by_refreshing() {
    let house = House::with(|policy| policy.remembered_lifetime = 10 * DAY);
    let mut device = house.sign_in(&house.person("ann"));
    let ends = device.signed.session.expires_at;
    assert_eq!(ends.since(house.clock.steady()), Some(10 * DAY));
    for _ in 1..10 {
        house.advance(DAY);
        device = device.refresh(&house).unwrap();
        assert_eq!(device.signed.session.expires_at, ends);
    }
    // No access token outlives it either.
    house.advance(DAY - MINUTE);
    device = device.refresh(&house).unwrap();
    assert_eq!(device.claims().0.exp, ends.seconds());
    assert_eq!(device.signed.access.expires_in, MINUTE);
    house.advance(MINUTE - SECOND);
    device = device.refresh(&house).unwrap();
    assert_eq!(device.signed.access.expires_in, SECOND);
    // Nor is there one for less than a second.
    house.advance(SECOND - TICK);
    assert!(house.is_listed(&device));
    assert_eq!(refused(&house, &device), RefreshRefusal::Expired(Expiry::Absolute));
    house.advance(TICK);
    assert!(!house.is_listed(&device));
    assert_eq!(refused(&house, &device), RefreshRefusal::Expired(Expiry::Absolute));
}

#[test]
fn c6_idle_expiry_is_pushed_back_by_refreshing_and_by_being_seen() {
    let house = House::with(|policy| policy.remembered_idle = DAY);
    let ann = house.person("ann");
    let (mut used, seen, idle) = (house.sign_in(&ann), house.sign_in(&ann), house.sign_in(&ann));
    for _ in 0..5 {
        house.advance(DAY - TICK);
        used = used.refresh(&house).unwrap();
        let noted = vec![(ann.id, seen.session(), house.clock.steady())];
        run(keep_house::record_activity(&house.world, noted)).unwrap();
    }
    assert!(house.is_listed(&used) && house.is_listed(&seen) && !house.is_listed(&idle));
    assert_eq!(refused(&house, &idle), RefreshRefusal::Expired(Expiry::Idle));
    let seen = seen.refresh(&house).unwrap();
    house.advance(DAY);
    for device in [&used, &seen] {
        assert_eq!(refused(&house, device), RefreshRefusal::Expired(Expiry::Idle));
    }
}

#[test]
fn c6_a_client_may_have_lifetimes_of_its_own() {
    let house = House::new();
    let policy = ClientPolicy { session_seconds: Some(7200), idle_seconds: Some(600), ..ClientPolicy::default() };
    let (till, _) = house.client_with("till", ClientKind::Browser, policy, &[]);
    let ann = house.person("ann");
    let (device, idle) = (house.sign_in_with(&ann, &till), house.sign_in_with(&ann, &till));
    let mut device = device;
    for _ in 0..12 {
        house.advance(10 * MINUTE - SECOND);
        device = device.refresh(&house).unwrap();
    }
    assert_eq!(refused(&house, &idle), RefreshRefusal::Expired(Expiry::Idle));
    house.advance(MINUTE);
    assert_eq!(refused(&house, &device), RefreshRefusal::Expired(Expiry::Absolute));
}

#[test]
fn c6_a_client_that_was_added_before_a_preset_gives_no_longer_sessions_than_the_preset() {
    let mut house = House::new();
    let policy = ClientPolicy { session_seconds: Some(7200), idle_seconds: Some(3600), ..ClientPolicy::default() };
    let (till, _) = house.client_with("till", ClientKind::Browser, policy.clone(), &[]);
    let ann = house.person("ann");
    house.reconfigure(|policy| {
        policy.longest_session = 10 * MINUTE;
        policy.longest_idle = MINUTE;
    });
    let (device, idle) = (house.sign_in_with(&ann, &till), house.sign_in_with(&ann, &till));
    let mut device = device;
    for _ in 0..10 {
        house.advance(MINUTE - SECOND);
        device = device.refresh(&house).unwrap();
    }
    assert_eq!(refused(&house, &idle), RefreshRefusal::Expired(Expiry::Idle));
    house.advance(10 * SECOND);
    assert_eq!(refused(&house, &device), RefreshRefusal::Expired(Expiry::Absolute));
}

#[test]
fn c7_a_refresh_before_or_after_any_ending_leaves_no_live_token_behind() {
    type End = fn(&House, &Device, &Device);
    let ends: [(&str, End); 7] = [
        ("log-out", |house, phone, _| drop(phone.log_out(house).unwrap())),
        ("another device", |house, phone, laptop| drop(laptop.end(house, phone.session()).unwrap())),
        ("others", |house, _, laptop| drop(laptop.end_others(house).unwrap())),
        ("all", |house, _, laptop| drop(laptop.end_all(house).unwrap())),
        ("password", |house, _, laptop| drop(laptop.change_password(house).unwrap())),
        ("everyone", |house, _, _| drop(house.revoke(Scope::Everyone { services: false }))),
        ("deletion", |house, phone, _| {
            run(delete_account::delete_user(&house.world, OPERATOR, phone.user(), "because".to_owned())).unwrap();
        }),
    ];
    for (name, end) in ends {
        let house = House::new();
        let mut guard = Guard::of(&house);
        let ann = house.person("ann");
        let (phone, laptop) = (house.sign_in(&ann), house.sign_in(&ann));
        // Before it, within the grace time, and after it: none of what any of them got is alive.
        let before = phone.refresh(&house).unwrap();
        let again = phone.refresh(&house).unwrap();
        end(&house, &before, &laptop);
        for device in [&phone, &before, &again] {
            assert!(matches!(device.refresh(&house), Err(Error::RefreshRefused(_))), "{name}");
            assert!(!is_alive(&house, &mut guard, device), "{name}");
        }
    }
}

#[test]
fn c8_a_log_out_finds_the_session_by_an_access_token_that_expired_long_ago() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let phone = house.sign_in(&house.person("ann"));
    // Weeks of housekeeping: floor, purge and keys.
    for _ in 0..20 {
        house.advance(DAY);
        house.keep_house();
        run(keep_house::tend_keys(&house.world)).unwrap();
    }
    assert!(matches!(guard.check_now(&house, phone.access()), Err(Rejected::Expired { .. })));
    assert!(house.is_listed(&phone), "the purge hid what lives");
    let authentic = guard.verifier.authentic(phone.access()).unwrap();
    assert!(run(log_out::log_out(&house.world, authentic.claims(), None)).unwrap().is_some());
    assert!(matches!(refused(&house, &phone), RefreshRefusal::Revoked(_)));
    // And one that nobody ended refreshes after as long.
    let tablet = house.sign_in(&Person { id: phone.user(), login: "ann".into() });
    house.advance(29 * DAY);
    house.keep_house();
    let tablet = tablet.refresh(&house).unwrap();
    assert_alive(&house, &mut guard, &tablet);
}

#[test]
fn c8_a_wide_log_out_finds_chains_whose_access_tokens_have_expired() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (phone, laptop) = (house.sign_in(&ann), house.sign_in(&ann));
    house.advance(HOUR);
    house.keep_house();
    let laptop = laptop.refresh(&house).unwrap();
    laptop.end_others(&house).unwrap();
    house.advance(HOUR);
    house.keep_house();
    assert!(matches!(refused(&house, &phone), RefreshRefusal::Revoked(Cause::Revoked { scope: "user", .. })));
    assert_dead(&house, &mut guard, &phone);
}

#[test]
fn a_browser_session_that_is_bound_to_its_address_refreshes_and_acts_from_there_only() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let policy = ClientPolicy { bind_address: true, ..ClientPolicy::default() };
    let (web, _) = house.client_with("web", ClientKind::Browser, policy, &[]);
    let ann = house.person("ann");
    let home: IpAddr = "192.0.2.1".parse().unwrap();
    let request = SignIn { client: Some(web), address: Some(home), ..ann.request(OLD) };
    let device = house.try_sign_in(request).unwrap();
    let device = assert_alive(&house, &mut guard, &device);
    for address in [None, Some("192.0.2.2".parse().unwrap()), Some("2001:db8::1".parse().unwrap())] {
        let moved = device.moved_to(address);
        assert_eq!(refused(&house, &moved), RefreshRefusal::OtherAddress);
        assert!(matches!(moved.end_others(&house), Err(Error::OtherAddress)));
        assert!(matches!(moved.reauthenticate(&house, OLD), Err(Error::OtherAddress)));
    }
    // Moving ends nothing: back home all is well. The token itself names no address.
    let device = assert_alive(&house, &mut guard, &device);
    assert!(!format!("{:?}", device.claims()).contains("192.0.2"));
}
