//! A1 to A12: logging out.

use rescind_domain::Error;
use rescind_domain::client::{ADMIN_SCOPE, ClientKind, ClientPolicy};
use rescind_domain::error::RefreshRefusal;
use rescind_domain::event::EventKind;
use rescind_domain::revocation::Actor;
use rescind_domain::store::StoreError;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::lock_account::{self, LockFor};
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::{change_password, delete_account, end_session, log_out, revoke};
use rescind_verifier::{Reason, Rejected};
use rescind_wire::{Scope, SessionId};

use super::device::{NEW, OLD};
use super::guard::Guard;
use super::house::{DAY, HOUR, House, MINUTE, OPERATOR, password, run};
use super::paths::{administration, assert_alive, assert_dead};

#[test]
fn a1_an_ended_session_is_refused_by_every_path() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (laptop, phone) = (house.sign_in(&ann), house.sign_in(&ann));
    let rotated = assert_alive(&house, &mut guard, &phone);
    // The verifier has seen the token, so that a cached one is judged too.
    guard.check(phone.access()).unwrap();

    let receipt = laptop.end(&house, phone.session()).unwrap().expect("it was alive");

    let expected = Rejected::Revoked { scope: "session", number: receipt.position.number };
    assert_eq!(assert_dead(&house, &mut guard, &phone), expected);
    assert_eq!(assert_dead(&house, &mut guard, &rotated), expected);
    // One that never saw the token, and begins with what the log says now.
    let late = Guard::of(&house);
    assert_eq!(late.check(phone.access()).unwrap_err(), expected);
    assert_alive(&house, &mut guard, &laptop);
}

#[test]
fn a1_an_administrator_who_was_logged_out_administers_nothing() {
    let house = House::new();
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let (_, root) = house.administrator();
    for (act, outcome) in administration(&house, &phone.administering(), &phone) {
        assert!(matches!(outcome, Err(Error::Forbidden)), "{act}, by somebody who is none: {outcome:?}");
    }
    root.log_out(&house).unwrap();
    let before = house.state();
    for (act, outcome) in administration(&house, &root.administering(), &phone) {
        assert!(matches!(outcome, Err(Error::SignedOut(_))), "{act}: {outcome:?}");
    }
    house.assert_unchanged(&before);
}

#[test]
fn a1_a_client_that_acts_for_itself_is_refused_by_every_path_once_it_was_cut() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let phone = house.sign_in(&house.person("ann"));
    let (client, secret) =
        house.client_with("backup", ClientKind::Service, ClientPolicy::default(), &[ADMIN_SCOPE, "read"]);
    let secret = secret.expect("a service has a secret");
    let admin = |token: &str| {
        let (claims, key) = super::device::claims(token);
        let acting = rescind_domain::acting::Acting::new(claims, key, None);
        rescind_domain::acting::Administrator::Caller(Box::new(acting))
    };
    let lists = |token: &str| run(rescind_domain::verbs::administer_keys::list_keys(&house.world, &admin(token)));
    for scope in [Scope::Client { client: client.clone() }, Scope::Everyone { services: true }] {
        let token = house.service_token(&client, &secret).unwrap();
        guard.check_now(&house, &token).unwrap();
        lists(&token).unwrap();
        let kind = scope.kind();
        let number = house.revoke(scope).position.number;
        assert_eq!(guard.check_now(&house, &token).unwrap_err(), Rejected::Revoked { scope: kind, number });
        let before = house.state();
        for (act, outcome) in administration(&house, &admin(&token), &phone) {
            assert!(matches!(outcome, Err(Error::SignedOut(_))), "{act} after {kind}: {outcome:?}");
        }
        house.assert_unchanged(&before);
    }
    // Users are "everyone"; services only where they are named.
    let token = house.service_token(&client, &secret).unwrap();
    house.revoke(Scope::Everyone { services: false });
    guard.check_now(&house, &token).unwrap();
    lists(&token).unwrap();
    let (claims, _) = super::device::claims(&token);
    house.revoke(Scope::Token { token: claims.jti });
    assert!(matches!(guard.check_now(&house, &token), Err(Rejected::Revoked { scope: "token", .. })));
    assert!(matches!(lists(&token), Err(Error::SignedOut(Some(_)))));
    let other = house.service_token(&client, &secret).unwrap();
    guard.check_now(&house, &other).unwrap();
    lists(&other).unwrap();
}

#[test]
fn a2_unknown_malformed_foreign_and_revoked_tokens_get_one_answer() {
    let house = House::new();
    let guard = Guard::of(&house);
    let ann = house.person("ann");
    let (gone, phone) = (house.sign_in(&ann), house.sign_in(&ann));
    gone.log_out(&house).unwrap();
    let elsewhere = House::new();
    let foreign = elsewhere.sign_in(&elsewhere.person("ann"));
    let altered = |text: &str| {
        let (at, last) = text.char_indices().next_back().unwrap();
        format!("{}{}", &text[..at], if last == 'A' { 'E' } else { 'A' })
    };
    let refused = |token: &str| {
        let request = Refresh { token: token.to_owned(), scope: None, client: None, address: None };
        run(refresh(&house.world, request)).expect_err("refused").to_string()
    };
    let revoked = refused(gone.refresh_token());
    let before = (house.log(), house.last_event());
    let long = format!("rrt_{}", "A".repeat(100_000));
    for token in
        ["", "rrt_", "rrt_AAAA", "not a token", &long, foreign.refresh_token(), &altered(phone.refresh_token())]
    {
        assert_eq!(refused(token), revoked, "{token}");
    }
    // What names nothing of ours leaves no trace: else anybody could fill the disk.
    assert_eq!((house.log(), house.last_event()), before);

    let mut guard = guard;
    let revoked = guard.check_now(&house, gone.access()).unwrap_err().error_code();
    for token in ["", "a.b.c", "not a token", &long, foreign.access(), &altered(phone.access()), phone.refresh_token()]
    {
        let rejected = guard.check(token).unwrap_err();
        assert_eq!(rejected.error_code(), revoked, "{token}: {rejected}");
    }
    assert_alive(&house, &mut guard, &phone);
}

#[test]
fn a3_ending_one_session_leaves_every_other_one_untouched() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let [one, two, three] = [(); 3].map(|()| house.sign_in(&ann));
    let [four, five] = [(); 2].map(|()| house.sign_in(&bob));
    let others = [&one, &three, &four, &five];
    let rows = |house: &House| {
        let rows = house.stored_sessions().into_iter().filter(|row| row.id != two.session());
        rows.map(|row| format!("{row:?}")).collect::<Vec<_>>()
    };
    let before = rows(&house);
    one.end(&house, two.session()).unwrap();
    assert_eq!(rows(&house), before);
    assert_dead(&house, &mut guard, &two);
    for device in others {
        assert_alive(&house, &mut guard, device);
    }
}

#[test]
fn a4_ending_an_ended_session_of_ones_own_succeeds_and_writes_nothing() {
    let house = House::new();
    let ann = house.person("ann");
    let [laptop, phone, tablet] = [(); 3].map(|()| house.sign_in(&ann));
    assert!(laptop.end(&house, phone.session()).unwrap().is_some());
    let once = (house.state(), house.last_event());
    assert_eq!(laptop.end(&house, phone.session()).unwrap(), None);
    assert_eq!(phone.log_out(&house).unwrap(), None);
    let again = end_session::end_any(&house.world, OPERATOR, phone.session(), "again".into());
    assert_eq!(run(again).unwrap(), None);
    house.assert_unchanged(&once.0);
    assert_eq!(house.last_event(), once.1);
    // Ended by a wider revocation, it has ended as well.
    laptop.end_others(&house).unwrap();
    let once = (house.state(), house.last_event());
    assert_eq!(tablet.log_out(&house).unwrap(), None);
    assert_eq!(laptop.end(&house, tablet.session()).unwrap(), None);
    house.assert_unchanged(&once.0);
    assert_eq!(house.last_event(), once.1);
    // The operator's own command answers with the entry that ended it.
    let number = house.log().iter().find(|row| row.reason == "signed out from another device").unwrap().position.number;
    let scope = Scope::Session { user: ann.id, session: phone.session() };
    assert_eq!(house.revoke(scope).position.number, number);
    house.assert_unchanged(&once.0);
    assert_eq!(house.last_event(), once.1);
}

#[test]
fn a5_anothers_session_and_one_that_never_was_are_equally_not_there_and_the_attempt_is_audited() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let (own, theirs) = (house.sign_in(&ann), house.sign_in(&bob));
    let (log, seen) = (house.log(), house.last_event());
    let nobodys = SessionId::from_bytes([3; 16]);
    let [first, second] = [theirs.session(), nobodys].map(|session| own.end(&house, session).unwrap_err());
    assert!(matches!((&first, &second), (Error::NotFound("session"), Error::NotFound("session"))));
    assert_eq!(first.to_string(), second.to_string());
    assert_eq!(house.log(), log);
    let audited = house.events_after(seen);
    let details: Vec<_> = audited.iter().map(|event| event.what.detail.clone().unwrap()).collect();
    assert_eq!(details, [theirs.session().to_string(), nobodys.to_string()]);
    for event in audited {
        assert_eq!(event.what.kind, EventKind::SessionEndRefused);
        assert_eq!(event.what.user, Some(ann.id), "nothing of it turns up with bob");
        assert_eq!(event.what.actor, Actor::User { user: ann.id, session: own.session() });
    }
    assert_alive(&house, &mut guard, &theirs);
}

#[test]
fn a6_ending_any_session_but_the_current_one_needs_a_fresh_authentication() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (laptop, phone) = (house.sign_in(&ann), house.sign_in(&ann));
    house.advance(5 * MINUTE);
    let laptop = laptop.refresh(&house).unwrap();
    // Exactly five minutes are fresh; a refresh is no authentication.
    house.advance(std::time::Duration::from_millis(1));
    let caller = laptop.acting();
    let before = house.state();
    let all = |which| run(end_sessions::end_own(&house.world, &caller, which, None, None)).map(drop);
    let lock = run(lock_account::lock_own(&house.world, &caller, None)).map(drop);
    let outcomes = [laptop.end(&house, phone.session()).map(drop), all(Which::Others), all(Which::All), lock];
    for outcome in outcomes {
        let Err(Error::StaleAuthentication { max_age }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(max_age, 5 * MINUTE);
    }
    house.assert_unchanged(&before);
    let phone = assert_alive(&house, &mut guard, &phone);
    // With the password it may, and the current session needs nothing.
    let laptop = laptop.reauthenticate(&house, OLD).unwrap();
    assert!(laptop.end(&house, phone.session()).unwrap().is_some());
    assert_dead(&house, &mut guard, &phone);
    house.advance(HOUR);
    let laptop = laptop.refresh(&house).unwrap();
    assert!(laptop.end(&house, laptop.session()).unwrap().is_some());
    assert_dead(&house, &mut guard, &laptop);
}

#[test]
fn a6_a_wrong_password_changes_nothing_at_all() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (laptop, phone) = (house.sign_in(&ann), house.sign_in(&ann));
    let (world, caller) = (&house.world, laptop.acting());
    let wrong = || password("wrong horse battery");
    let before = house.state();
    let end = |which| run(end_sessions::end_own(world, &caller, which, Some(wrong()), None)).map(drop);
    let outcomes = [
        end(Which::Others),
        end(Which::All),
        laptop.reauthenticate(&house, "wrong horse battery").map(drop),
        run(change_password::change_own(world, &caller, wrong(), password(NEW))).map(drop),
        run(delete_account::delete_own(world, &caller, wrong(), None)).map(drop),
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(Error::WrongPassword)), "{outcome:?}");
    }
    house.assert_unchanged(&before);
    // Longer than the wait that so many failures have earned (B7).
    house.advance(MINUTE);
    for text in ["wrong horse battery", NEW] {
        house.advance(MINUTE);
        assert!(matches!(house.try_sign_in(ann.request(text)), Err(Error::InvalidCredentials)), "{text}");
    }
    assert_alive(&house, &mut guard, &laptop);
    assert_alive(&house, &mut guard, &phone);
    house.advance(MINUTE);
    house.sign_in(&ann);
}

#[test]
fn a7_after_ending_the_others_this_device_goes_on_with_what_it_has() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let [laptop, phone, tablet] = [(); 3].map(|()| house.sign_in(&ann));
    let before = house.devices_of(ann.id).into_iter().find(|row| row.session.id == laptop.session());
    laptop.end_others(&house).unwrap();
    for other in [&phone, &tablet] {
        assert_dead(&house, &mut guard, other);
    }
    let listed = house.devices_of(ann.id);
    assert_eq!(listed.len(), 1);
    assert_eq!(format!("{:?}", listed.first()), format!("{:?}", before.as_ref()));
    // The very tokens that it had; the refreshed ones; and again after another round.
    let next = assert_alive(&house, &mut guard, &laptop);
    next.end_others(&house).unwrap();
    assert_alive(&house, &mut guard, &next);
    guard.check_now(&house, laptop.access()).unwrap();
}

#[test]
fn a8_ending_all_ends_this_device_too() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let [laptop, phone] = [(); 2].map(|()| house.sign_in(&ann));
    let receipt = laptop.end_all(&house).unwrap();
    assert_eq!(receipt.scope, Scope::User { user: ann.id, except: None, deleted: false });
    assert_dead(&house, &mut guard, &laptop);
    assert_dead(&house, &mut guard, &phone);
    assert!(house.devices_of(ann.id).is_empty());
    let laptop = house.sign_in(&ann);
    assert_alive(&house, &mut guard, &laptop);
}

#[test]
fn a9_logging_out_on_one_device_does_not_forget_that_the_others_are_remembered() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (laptop, phone) = (house.sign_in(&ann), house.sign_in(&ann));
    let row = |house: &House| house.devices_of(ann.id).into_iter().find(|row| row.session.id == phone.session());
    let before = row(&house).unwrap().session;
    laptop.log_out(&house).unwrap();
    let after = row(&house).unwrap().session;
    assert!(after.remembered);
    assert_eq!((after.expires_at, after.idle_lifetime), (before.expires_at, before.idle_lifetime));
    // A month less a day later, unused: a session that is not remembered would have ended after a day.
    house.advance(29 * DAY);
    let phone = phone.refresh(&house).unwrap();
    assert_alive(&house, &mut guard, &phone);
}

#[test]
fn a10_a_remembered_device_is_listed_and_ends_like_any_other() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let laptop = house.sign_in(&ann);
    let kiosk = house.try_sign_in(rescind_domain::verbs::sign_in::SignIn { remember: false, ..ann.request(OLD) });
    let kiosk = kiosk.unwrap();
    let listed = house.devices_of(ann.id);
    let remembered = |id| listed.iter().find(|row| row.session.id == id).unwrap().session.remembered;
    assert!(remembered(laptop.session()) && !remembered(kiosk.session()));
    let rotated = laptop.refresh(&house).unwrap();
    kiosk.end(&house, laptop.session()).unwrap();
    // Nothing that it was ever given brings it back: neither the first token nor the last, neither now nor later.
    for after in [std::time::Duration::ZERO, HOUR, 40 * DAY] {
        house.advance(after);
        for device in [&laptop, &rotated] {
            assert_dead(&house, &mut guard, device);
        }
    }
}

#[test]
fn a11_logging_out_with_an_expired_access_token_still_ends_the_session() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let phone = house.sign_in(&house.person("ann"));
    house.advance(2 * HOUR);
    assert!(matches!(guard.check_now(&house, phone.access()), Err(Rejected::Expired { .. })));
    let authentic = guard.verifier.authentic(phone.access()).expect("its only fault is its expiry");
    let receipt = run(log_out::log_out(&house.world, authentic.claims(), None)).unwrap();
    assert!(receipt.is_some());
    assert!(matches!(
        phone.refresh(&house),
        Err(Error::RefreshRefused(RefreshRefusal::Revoked(rescind_wire::Cause::Revoked { scope: "session", .. })))
    ));
    assert!(!house.is_listed(&phone));
    // What was not signed here ends nothing, however it is spelled.
    let tablet = house.sign_in(&super::device::Person { id: phone.user(), login: "ann".into() });
    let mut forged = tablet.access().to_owned();
    forged.truncate(forged.len() - 2);
    assert!(guard.verifier.authentic(&forged).is_err());
    assert_alive(&house, &mut guard, &tablet);
}

#[test]
fn a12_revoking_while_the_store_is_gone_is_an_error_and_the_verifier_stops_accepting() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (laptop, phone) = (house.sign_in(&ann), house.sign_in(&ann));
    guard.check_now(&house, phone.access()).unwrap();
    let away = house.dir.path().join("away.db");
    std::fs::rename(house.database(), &away).unwrap();

    let (world, caller) = (&house.world, laptop.acting());
    let everyone = Scope::Everyone { services: true };
    let outcomes = [
        laptop.end(&house, phone.session()).map(drop),
        laptop.end_others(&house).map(drop),
        laptop.end_all(&house).map(drop),
        phone.log_out(&house).map(drop),
        laptop.change_password(&house).map(drop),
        run(lock_account::lock_own(world, &caller, None)).map(drop),
        run(lock_account::lock_user(world, OPERATOR, ann.id, LockFor::Default, "x".into(), None)).map(drop),
        run(delete_account::delete_own(world, &caller, password(OLD), None)).map(drop),
        run(revoke::revoke(world, OPERATOR, everyone, "x".into(), None)).map(drop),
        phone.refresh(&house).map(drop),
        house.try_sign_in(ann.request(OLD)).map(drop),
    ];
    for (at, outcome) in outcomes.into_iter().enumerate() {
        assert!(matches!(outcome, Err(Error::Store(StoreError::Unavailable(_)))), "{at}: {outcome:?}");
    }
    // The verifier cannot read the log either: it goes on for no longer than its lease.
    house.advance(guard.lease_left());
    assert_eq!(guard.check(phone.access()).unwrap_err(), Rejected::Unavailable { reason: Reason::Stale });

    std::fs::rename(&away, house.database()).unwrap();
    let phone = assert_alive(&house, &mut guard, &phone);
    laptop.end(&house, phone.session()).unwrap();
    assert_dead(&house, &mut guard, &phone);
}
