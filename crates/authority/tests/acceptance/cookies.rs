//! The cookies of the pages: ordinary sessions, held in another way.

use std::sync::Arc;
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::client::{ClientKind, PAGES_CLIENT};
use rescind_domain::error::RefreshRefusal;
use rescind_domain::event::EventKind;
use rescind_domain::verbs::present_cookie::present_cookie;
use rescind_domain::verbs::reauthenticate::ShownCookie;
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::{administer_clients, administer_keys, reauthenticate, revoke, sign_in};
use rescind_verifier::Rejected;
use rescind_wire::{Cause, ClientId, Scope};

use super::device::{Device, NEW, OLD, Person, claims};
use super::guard::Guard;
use super::house::{DAY, House, MINUTE, OPERATOR, run};

/// Signs a browser in on the pages.
fn browser(house: &House, person: &Person) -> Device {
    let signed = run(sign_in::sign_in_by_cookie(&house.world, person.request(OLD))).unwrap();
    Device { signed, address: None }
}

/// The access token that a cookie stands for.
fn present(house: &House, cookie: &str) -> Result<String, Error> {
    Ok(run(present_cookie(&house.world, cookie, None))?.access.token.expose().to_owned())
}

/// What ends a device.
type End<'a> = &'a dyn Fn(&Device) -> Scope;

fn cookie(device: &Device) -> &str {
    device.refresh_token()
}

fn pages() -> ClientId {
    PAGES_CLIENT.parse().unwrap()
}

#[test]
fn a10_a_cookie_is_a_session_like_any_other_in_the_list_and_ends_like_any_other() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let app = house.sign_in(&ann);
    let user = ann.id;
    let ends: [(&str, End<'_>); 5] = [
        ("session", &|device| Scope::Session { user, session: device.session() }),
        ("user", &|_| Scope::User { user, except: Some(app.session()), deleted: false }),
        ("client", &|_| Scope::Client { client: pages() }),
        ("grant", &|_| Scope::Grant { user, client: pages() }),
        ("everyone", &|_| Scope::Everyone { services: false }),
    ];
    for (kind, scope) in ends {
        let device = browser(&house, &ann);
        assert!(house.is_listed(&device), "{kind}");
        let token = present(&house, cookie(&device)).unwrap();
        guard.check_now(&house, &token).unwrap();
        let number = house.revoke(scope(&device)).position.number;
        let before = house.state();
        assert!(matches!(present(&house, cookie(&device)), Err(Error::SignedOut(Some(_)))), "{kind}");
        assert_eq!(guard.check_now(&house, &token).unwrap_err(), Rejected::Revoked { scope: kind, number });
        assert!(!house.is_listed(&device), "{kind}");
        house.assert_unchanged(&before);
    }
}

#[test]
fn a2_what_is_no_cookie_is_refused_and_leaves_no_trace() {
    let house = House::new();
    let ann = house.person("ann");
    let (device, app) = (browser(&house, &ann), house.sign_in(&ann));
    let elsewhere = House::new();
    let foreign = browser(&elsewhere, &elsewhere.person("ann"));
    let mut altered = cookie(&device).to_owned();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'E' } else { 'A' });
    let as_cookie = app.refresh_token().replacen("rrt_", "rsc_", 1);
    let before = house.state();
    for bad in ["", "rsc_", "x", app.refresh_token(), &as_cookie, cookie(&foreign), &altered, app.access()] {
        assert!(matches!(present(&house, bad), Err(Error::SignedOut(None))), "{bad}");
    }
    house.assert_unchanged(&before);
}

#[test]
fn a_cookie_is_no_refresh_token_whatever_it_is_called() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    let renamed = cookie(&device).replacen("rsc_", "rrt_", 1);
    for token in [cookie(&device), &renamed] {
        let request = Refresh { token: token.to_owned(), scope: None, client: None, address: None };
        let refused = run(refresh(&house.world, request)).unwrap_err();
        assert!(matches!(refused, Error::RefreshRefused(RefreshRefusal::Unknown)), "{refused:?}");
    }
    present(&house, cookie(&device)).unwrap();
}

#[test]
fn a_cookie_stays_the_same_until_the_next_authentication_and_is_good_for_the_grace_time_then() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    for _ in 0..3 {
        house.advance(MINUTE);
        let token = present(&house, cookie(&device)).unwrap();
        assert_eq!(claims(&token).0.sid, Some(device.session()));
    }
    let next = device.reauthenticate(&house, OLD).unwrap();
    assert_ne!(cookie(&next), cookie(&device));
    assert!(cookie(&next).starts_with("rsc_"));
    // A request that was on its way.
    house.advance(Duration::from_secs(10));
    present(&house, cookie(&device)).unwrap();
    present(&house, cookie(&next)).unwrap();
}

#[test]
fn c3_within_the_grace_time_the_former_cookie_brings_the_one_that_took_its_place_and_no_longer() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    let show = |device: &Device| run(present_cookie(&house.world, cookie(device), None));
    assert!(show(&device).unwrap().successor.is_none());
    let next = device.reauthenticate(&house, OLD).unwrap();
    let before = house.state();
    for _ in 0..5 {
        let successor = show(&device).unwrap().successor.expect("there is one");
        assert_eq!(successor.cookie.expose(), cookie(&next));
        assert_eq!((successor.remembered, successor.expires_at), (true, next.signed.session.expires_at));
        house.advance(Duration::from_secs(2));
    }
    house.assert_unchanged(&before);
    assert!(show(&next).unwrap().successor.is_none());
    // Two behind: what took its place has been replaced as well.
    next.reauthenticate(&house, OLD).unwrap();
    let before = house.state();
    assert!(matches!(present(&house, cookie(&device)), Err(Error::SignedOut(None))));
    house.assert_unchanged(&before);
}

#[test]
fn b1_once_the_password_is_changed_the_former_cookie_brings_no_other_one() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    device.change_password(&house).unwrap();
    let next = device.reauthenticate(&house, NEW).unwrap();
    let shown = run(present_cookie(&house.world, cookie(&device), None)).unwrap();
    assert!(!shown.is_latest && shown.successor.is_none());
    assert!(run(present_cookie(&house.world, cookie(&next), None)).unwrap().is_latest);
}

#[test]
fn c3_b1_an_authentication_long_after_the_others_were_signed_out_is_not_taken_for_one_of_that_time() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    device.change_password(&house).unwrap();
    for (wait, brings) in [(10, false), (11, true)] {
        let next = device.reauthenticate(&house, NEW).unwrap();
        house.advance(Duration::from_secs(wait));
        let latest = next.reauthenticate(&house, NEW).unwrap();
        let successor = run(present_cookie(&house.world, cookie(&next), None)).unwrap().successor;
        let brought = successor.as_ref().map(|successor| successor.cookie.expose());
        assert_eq!(brought, brings.then_some(cookie(&latest)), "{wait} seconds");
    }
}

#[test]
fn c4_a_cookie_that_comes_back_after_the_grace_time_ends_its_session_alone_and_is_reported() {
    let house = House::new();
    let ann = house.person("ann");
    let (device, other) = (browser(&house, &ann), browser(&house, &ann));
    let next = device.reauthenticate(&house, OLD).unwrap();
    house.advance(Duration::from_secs(11));
    present(&house, cookie(&next)).unwrap();
    let before = house.head().position.number;
    let told = present(&house, cookie(&device)).unwrap_err();
    let Error::SignedOut(Some(Cause::Revoked { scope: "session", number })) = told else { panic!("{told:?}") };
    assert_eq!(number, before + 1);
    let events = house.events();
    let reused: Vec<_> = events.iter().filter(|event| event.what.kind == EventKind::RefreshReused).collect();
    assert_eq!(reused.len(), 1);
    assert_eq!((reused[0].what.session, reused[0].what.revocation), (Some(device.session()), Some(number)));
    let before = house.state();
    for dead in [&device, &next] {
        assert!(matches!(present(&house, cookie(dead)), Err(Error::SignedOut(Some(_)))));
    }
    house.assert_unchanged(&before);
    present(&house, cookie(&other)).unwrap();
}

#[test]
fn a16_what_a_cookie_gives_is_judged_again_by_whatever_it_is_used_for() {
    let house = House::new();
    let ann = house.person("ann");
    let (device, app) = (browser(&house, &ann), house.sign_in(&ann));
    let token = present(&house, cookie(&device)).unwrap();
    app.end(&house, device.session()).unwrap().unwrap();
    let (claims, key) = claims(&token);
    let acting = rescind_domain::acting::Acting::new(claims, key, None);
    let listed = run(rescind_domain::verbs::list_sessions::own_devices(&house.world, &acting, None, 50));
    assert!(matches!(listed, Err(Error::SignedOut(_))), "{listed:?}");
}

#[test]
fn a_cookie_dies_of_idling_and_of_age_as_its_session_does() {
    let house = House::new();
    let ann = house.person("ann");
    let short = run(sign_in::sign_in_by_cookie(&house.world, sign_in::SignIn { remember: false, ..ann.request(OLD) }));
    let short = Device { signed: short.unwrap(), address: None };
    let long = browser(&house, &ann);
    assert!(long.signed.session.remembered && !short.signed.session.remembered);
    house.advance(DAY);
    assert!(matches!(present(&house, cookie(&short)), Err(Error::SignedOut(None))));
    present(&house, cookie(&long)).unwrap();
    house.advance(DAY * 30);
    assert!(matches!(present(&house, cookie(&long)), Err(Error::SignedOut(None))));
}

#[test]
fn g8_a_stolen_mac_key_makes_no_cookie_once_it_is_revoked() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    let mac = house.read(|view| {
        let keys = view.keys()?.into_iter();
        Ok(keys.filter(|row| row.purpose == rescind_domain::key::Purpose::Mac).map(|row| row.id).collect::<Vec<_>>())
    });
    for key in mac {
        run(administer_keys::compromise_key(&house.world, OPERATOR, key, "stolen".into(), None)).unwrap();
    }
    house.load_keys();
    assert!(matches!(present(&house, cookie(&device)), Err(Error::SignedOut(Some(_)))));
    present(&house, cookie(&browser(&house, &house.person("bob")))).unwrap();
}

#[test]
fn r9_a_cookie_from_beyond_its_chain_proves_that_the_store_went_back() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    house.sqlite.backup(house.dir.path().join("monday.db")).unwrap();
    let next = device.reauthenticate(&house, OLD).unwrap();
    let former = house.head().position.epoch;
    // Somebody copies the file back, and nobody tells the authority.
    let house =
        house.replaced(|dir| rescind::store::sqlite::restore(dir.join("monday.db"), dir.join("rescind.db")).unwrap());
    assert!(matches!(present(&house, cookie(&next)), Err(Error::SignedOut(_))));
    assert_ne!(house.head().position.epoch, former, "a new epoch, everyone is signed out");
    assert!(house.events().iter().any(|event| event.what.kind == EventKind::EpochBegun));
    assert!(matches!(present(&house, cookie(&device)), Err(Error::SignedOut(_))));
}

#[test]
fn the_client_of_the_pages_is_theirs_alone() {
    let house = House::new();
    let ann = house.person("ann");
    let over_json = |house: &House| {
        house.try_sign_in(sign_in::SignIn { client: Some(pages()), ..ann.request(OLD) }).map(drop).unwrap_err()
    };
    let new = || administer_clients::NewClient {
        id: pages(),
        name: String::new(),
        kind: ClientKind::Service,
        audiences: vec![],
        scopes: vec![],
        confidential: false,
        origins: vec![],
        policy: rescind_domain::client::ClientPolicy::default(),
    };
    for _ in 0..2 {
        assert!(matches!(over_json(&house), Error::Invalid { field: "client_id", .. }));
        let added = run(administer_clients::add_client(&house.world, OPERATOR, new()));
        assert!(matches!(added, Err(Error::ClientTaken)), "{added:?}");
        let removed = run(administer_clients::remove_client(&house.world, OPERATOR, pages(), "why".into()));
        assert!(matches!(removed, Err(Error::Invalid { .. })), "{removed:?}");
        // The first sign-in makes it.
        browser(&house, &ann);
    }
    let (user, session) = (ann.id, browser(&house, &ann).session());
    let held = house.read(move |view| Ok(view.holdings(&user, &session)?));
    assert_eq!(held[0].client, pages());
}

#[test]
fn b3_a_sign_in_on_the_pages_that_a_log_out_overtakes_is_told_so() {
    let house = House::new();
    let ann = house.person("ann");
    for there in [false, true] {
        let (world, user) = (house.world.clone(), ann.id);
        house.hasher.meanwhile(move || {
            let scope = Scope::User { user, except: None, deleted: false };
            run(revoke::revoke(&world, OPERATOR, scope, "because".into(), None)).unwrap();
        });
        let outcome = run(sign_in::sign_in_by_cookie(&house.world, ann.request(OLD)));
        assert!(matches!(outcome, Err(Error::Overtaken)), "the client is there: {there}; {outcome:?}");
        browser(&house, &ann);
    }
}

/// A house whose store goes back to before `lost` was done, and keeps its sessions all the same.
fn restored<T>(house: House, lost: impl FnOnce(&House) -> T) -> (House, T) {
    let backup = house.dir.path().join(format!("{}.db", house.head().position));
    house.sqlite.backup(&backup).unwrap();
    let kept = lost(&house);
    let house = house.replaced(|dir| rescind::store::sqlite::restore(&backup, dir.join("rescind.db")).unwrap());
    run(rescind_domain::verbs::begin_epoch::after_restore(&house.world, true)).unwrap();
    house.load_keys();
    (house, kept)
}

/// Authenticates again by what a cookie stands for, and answers with the next one.
fn renew(house: &House, cookie: &str) -> String {
    let (claims, key) = claims(&present(house, cookie).unwrap());
    let acting = rescind_domain::acting::Acting::new(claims, key, None);
    let password = super::house::password(OLD);
    let next = run(reauthenticate::reauthenticate(&house.world, &acting, password)).unwrap();
    next.refresh.expose().to_owned()
}

#[test]
fn r9_c4_a_cookie_of_a_lost_history_is_replaced_by_the_next_authentication_like_any_other() {
    for lost in 1..=3 {
        let house = House::new();
        let device = browser(&house, &house.person("ann"));
        let (house, lost) = restored(house, |house| {
            let mut latest = device.reauthenticate(house, OLD).unwrap();
            for _ in 1..lost {
                latest = latest.reauthenticate(house, OLD).unwrap();
            }
            latest
        });
        // Sessions were kept, and this is the cookie that its browser has.
        let first = run(present_cookie(&house.world, cookie(&lost), None)).unwrap();
        assert!(first.is_latest && first.has_overtaken && first.successor.is_none());
        let before = house.state();
        let again = run(present_cookie(&house.world, cookie(&lost), None)).unwrap();
        assert!(again.is_latest && !again.has_overtaken);
        house.assert_unchanged(&before);
        let next = renew(&house, cookie(&lost));
        // A request that was on its way, or whose answer was lost.
        let former = run(present_cookie(&house.world, cookie(&lost), None)).unwrap();
        assert!(!former.is_latest);
        assert_eq!(former.successor.unwrap().cookie.expose(), next);
        house.advance(Duration::from_secs(11));
        present(&house, &next).unwrap();
        let told = present(&house, cookie(&lost)).unwrap_err();
        assert!(matches!(told, Error::SignedOut(Some(Cause::Revoked { scope: "session", .. }))), "{told:?}");
        assert!(matches!(present(&house, &next), Err(Error::SignedOut(Some(_)))));
    }
}

#[test]
fn r9_cookies_of_a_lost_history_die_once_their_session_goes_on_without_them() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    let (house, lost) = restored(house, |house| {
        let second = device.reauthenticate(house, OLD).unwrap();
        let third = second.reauthenticate(house, OLD).unwrap();
        let fourth = third.reauthenticate(house, OLD).unwrap();
        [second, third, fourth]
    });
    // Whoever has the one that the store knows.
    let next = renew(&house, cookie(&device));
    for moment in [Duration::ZERO, Duration::from_secs(11)] {
        house.advance(moment);
        let before = house.state();
        for lost in &lost {
            let told = present(&house, cookie(lost)).unwrap_err();
            assert!(matches!(told, Error::SignedOut(None)), "{told:?}");
        }
        house.assert_unchanged(&before);
        present(&house, &next).unwrap();
    }
}

#[test]
fn r9_c4_a_copy_from_a_lost_history_is_found_out_when_the_latest_cookie_comes() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    let (house, [copy, own]) = restored(house, |house| {
        let copy = device.reauthenticate(house, OLD).unwrap();
        let own = copy.reauthenticate(house, OLD).unwrap();
        [copy, own]
    });
    present(&house, cookie(&copy)).unwrap();
    present(&house, cookie(&own)).unwrap();
    // What is replaced from now on is good for the grace time, and copied or lost after it.
    house.advance(Duration::from_secs(11));
    present(&house, cookie(&own)).unwrap();
    assert!(matches!(present(&house, cookie(&copy)), Err(Error::SignedOut(Some(_)))));
    assert!(matches!(present(&house, cookie(&own)), Err(Error::SignedOut(Some(_)))));
}

#[test]
fn r9_the_cookie_of_a_second_lost_history_goes_on_and_those_of_the_first_do_not() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    let (house, first) = restored(house, |house| {
        let second = device.reauthenticate(house, OLD).unwrap();
        second.reauthenticate(house, OLD).unwrap().reauthenticate(house, OLD).unwrap()
    });
    let (house, second) = restored(house, |house| renew(house, cookie(&device)));
    present(&house, &second).unwrap();
    assert!(matches!(present(&house, cookie(&first)), Err(Error::SignedOut(None))));
    let next = renew(&house, &second);
    assert!(matches!(present(&house, cookie(&first)), Err(Error::SignedOut(None))));
    present(&house, &next).unwrap();
}

/// Authenticates again with the cookie that a browser shows, as the pages do it.
fn renew_by_cookie(house: &House, device: &Device, has_come: bool) -> String {
    let shown = ShownCookie { cookie: cookie(device).to_owned(), has_come: Arc::new(move |_| has_come) };
    let password = super::house::password(OLD);
    let renewed = run(reauthenticate::by_cookie(&house.world, &device.acting(), password, shown)).unwrap();
    renewed.refresh.expose().to_owned()
}

#[test]
fn c3_a_browser_that_authenticates_twice_at_once_is_given_the_same_cookie_until_it_has_come_back() {
    let house = House::new();
    let device = browser(&house, &house.person("ann"));
    let next = renew_by_cookie(&house, &device, false);
    assert_ne!(next, cookie(&device));
    house.advance(Duration::from_secs(9));
    assert_eq!(renew_by_cookie(&house, &device, false), next);
    // Repeating does not extend the grace time of the former one.
    house.advance(Duration::from_secs(1));
    assert_eq!(renew_by_cookie(&house, &device, false), next);
    assert!(run(present_cookie(&house.world, &next, None)).unwrap().is_latest);
    // It has come back: whoever shows the former one now is given another, and the present one is former.
    let third = renew_by_cookie(&house, &device, true);
    assert!(third != next && !run(present_cookie(&house.world, &next, None)).unwrap().is_latest);
    assert!(run(present_cookie(&house.world, &third, None)).unwrap().is_latest);
    let events = house.events();
    let times = events.iter().filter(|event| event.what.kind == EventKind::Reauthenticated).count();
    assert_eq!(times, 4, "each of them is an authentication");
}

#[test]
fn c4_b1_no_cookie_is_given_again_that_the_former_one_would_not_be_brought() {
    for what in ["late", "two behind", "another session's"] {
        let house = House::new();
        let ann = house.person("ann");
        let device = browser(&house, &ann);
        let password = super::house::password(OLD);
        let renew = |shown: &str| {
            let shown = ShownCookie { cookie: shown.to_owned(), has_come: Arc::new(|_| false) };
            let acting = device.acting();
            let renewed = reauthenticate::by_cookie(&house.world, &acting, password.clone(), shown);
            run(renewed).unwrap().refresh.expose().to_owned()
        };
        let next = renew(cookie(&device));
        let latest = match what {
            "late" => {
                house.advance(Duration::from_secs(11));
                renew(cookie(&device))
            }
            "two behind" => {
                let third = renew(&next);
                assert_ne!(renew(cookie(&device)), third);
                continue;
            }
            _ => {
                let other = browser(&house, &ann);
                renew(cookie(&other))
            }
        };
        assert_ne!(latest, next, "{what}");
    }
}

#[test]
fn c3_b1_a_browser_that_changed_the_password_and_gives_it_twice_at_once_is_given_one_cookie() {
    let house = House::new();
    let ann = house.person("ann");
    let device = browser(&house, &ann);
    device.change_password(&house).unwrap();
    let renew = || {
        let shown = ShownCookie { cookie: cookie(&device).to_owned(), has_come: Arc::new(|_| false) };
        let acting = device.acting();
        let renewed = reauthenticate::by_cookie(&house.world, &acting, super::house::password(NEW), shown);
        run(renewed).unwrap().refresh.expose().to_owned()
    };
    assert_eq!(renew(), renew());
}
