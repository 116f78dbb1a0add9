//! A16 to A18: nothing that ended is brought back: not by what was under way, by a late exception, or by adding it anew.

use rescind_domain::Error;
use rescind_domain::client::ClientKind;
use rescind_domain::clock::Clock as _;
use rescind_domain::event::EventKind;
use rescind_domain::password::PasswordHash;
use rescind_domain::revocation::Actor;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::import_users::Outcome;
use rescind_domain::verbs::update_session::{Changes, update_session};
use rescind_domain::verbs::{administer_clients, change_password, delete_account, keep_house, revoke};
use rescind_verifier::Rejected;
use rescind_wire::{Cause, Change, Entry, Scope};

use super::device::{Device, NEW, OLD};
use super::guard::Guard;
use super::house::{House, MINUTE, OPERATOR, password, run};
use super::paths::{assert_alive, assert_dead, explain_access, is_alive};

#[test]
fn a16_a_request_in_flight_while_its_session_ends_writes_nothing_in_its_name() {
    // While the password is checked, somebody ends everything; what was being done is refused.
    type Act = fn(&House, &Device) -> Result<(), Error>;
    let acts: [(&str, Act); 4] = [
        ("authenticating again", |house, device| device.reauthenticate(house, OLD).map(drop)),
        ("changing the password", |house, device| device.change_password(house).map(drop)),
        ("ending the others", |house, device| device.end_others(house).map(drop)),
        ("deleting the account", |house, device| {
            run(delete_account::delete_own(&house.world, &device.acting(), password(OLD), None)).map(drop)
        }),
    ];
    for (name, act) in acts {
        let house = House::new();
        let mut guard = Guard::of(&house);
        let ann = house.person("ann");
        let phone = house.sign_in(&ann);
        let (world, claims) = (house.world.clone(), phone.claims().0);
        house.hasher.meanwhile(move || {
            run(rescind_domain::verbs::log_out::log_out(&world, &claims, None)).unwrap();
        });
        let outcome = act(&house, &phone);
        assert!(matches!(outcome, Err(Error::SignedOut(_))), "{name}: {outcome:?}");
        assert_dead(&house, &mut guard, &phone);
        let ended = house.events().into_iter().position(|event| event.what.kind == EventKind::SessionEnded).unwrap();
        let after = house.events().into_iter().skip(ended + 1);
        let own = Actor::User { user: ann.id, session: phone.session() };
        assert_eq!(after.filter(|event| event.what.actor == own).count(), 0, "{name}");
        house.sign_in(&ann);
    }
}

#[test]
fn a16_what_was_noted_before_the_end_and_comes_to_be_written_after_it_changes_nothing() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (laptop, phone) = (house.sign_in(&ann), house.sign_in(&ann));
    let caller = phone.acting();
    house.advance(MINUTE);
    let seen = vec![(ann.id, phone.session(), house.clock.steady())];
    laptop.end(&house, phone.session()).unwrap();
    let before = house.state();
    run(keep_house::record_activity(&house.world, seen)).unwrap();
    let changes = Changes { name: Some(Some("Back".into())), metadata: None };
    let named = run(update_session(&house.world, &caller, phone.session(), changes.clone()));
    assert!(matches!(named, Err(Error::SignedOut(_))));
    // Nor does another device of the same user name it any more.
    let named = run(update_session(&house.world, &laptop.acting(), phone.session(), changes));
    assert!(matches!(named, Err(Error::NotFound("session"))));
    house.assert_unchanged(&before);
    assert_dead(&house, &mut guard, &phone);
}

#[test]
fn a16_a_hash_upgrade_does_not_bring_back_a_password_that_was_replaced_meanwhile() {
    let house = House::new();
    let weak = |id| {
        let old = PasswordHash::new(format!("old${OLD}"));
        run(house.world.store.transact("weak", move |tx| Ok(tx.set_password(&id, &old)?))).unwrap();
    };
    let stored = |id| house.user(id).password.unwrap().expose().to_owned();
    // Signing in, while an administrator sets another one.
    let (world, ann) = (house.world.clone(), house.person("ann"));
    weak(ann.id);
    house.hasher.meanwhile(move || {
        run(change_password::set(&world, OPERATOR, ann.id, password(NEW))).unwrap();
    });
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::Overtaken)));
    assert_eq!(stored(ann.id), format!("new${NEW}"));
    assert!(house.stored_sessions().is_empty());
    house.try_sign_in(ann.request(NEW)).unwrap();
    // Authenticating again in the very session that changes it, and goes on.
    let bob = house.person("bob");
    let phone = house.sign_in(&bob);
    weak(bob.id);
    let (world, caller) = (house.world.clone(), phone.acting());
    house.hasher.meanwhile(move || {
        run(change_password::change_own(&world, &caller, password(OLD), password(NEW))).unwrap();
    });
    assert!(matches!(phone.reauthenticate(&house, OLD), Err(Error::WrongPassword)));
    assert_eq!(stored(bob.id), format!("new${NEW}"));
}

#[test]
fn a17_a_late_all_but_the_second_is_refused_and_the_second_stays_dead() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (one, two) = (house.sign_in(&ann), house.sign_in(&ann));
    // Both were checked at the door before either began.
    guard.check(one.access()).unwrap();
    guard.check(two.access()).unwrap();
    one.end_others(&house).unwrap();
    let before = house.state();
    assert!(matches!(two.end_others(&house), Err(Error::SignedOut(Some(_)))));
    let scope = Scope::User { user: ann.id, except: Some(two.session()), deleted: false };
    let by_the_operator = revoke::revoke(&house.world, OPERATOR, scope, "late".into(), None);
    assert!(matches!(run(by_the_operator), Err(Error::ExceptionEnded)));
    house.assert_unchanged(&before);
    assert_dead(&house, &mut guard, &two);
    assert_alive(&house, &mut guard, &one);
}

#[test]
fn a17_in_every_order_of_three_sessions_the_one_that_was_spared_last_goes_on_alone() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    // Twice in a row is A7's.
    let orders = (0..27).map(|n| [n % 3, n / 3 % 3, n / 9]).filter(|[a, b, c]| a != b && b != c);
    for (count, order) in orders.enumerate() {
        for operator in [false, true] {
            let ann = house.person(&format!("ann{count}{operator}"));
            let devices = [(); 3].map(|()| house.sign_in(&ann));
            let mut alive = [true; 3];
            for spared in order {
                let device = &devices[spared];
                let before = house.number();
                let outcome = if operator {
                    let scope = Scope::User { user: ann.id, except: Some(device.session()), deleted: false };
                    run(revoke::revoke(&house.world, OPERATOR, scope, "x".into(), None))
                } else {
                    run(end_sessions::end_own(&house.world, &device.acting(), Which::Others, None, None))
                };
                match outcome {
                    Ok(_) => assert!(alive[spared], "{order:?}"),
                    Err(Error::SignedOut(_) | Error::ExceptionEnded) => assert!(!alive[spared], "{order:?}"),
                    Err(other) => panic!("{other}: {order:?}"),
                }
                assert_eq!(house.number() - before, u64::from(alive[spared]), "{order:?}");
                if alive[spared] {
                    alive = [0, 1, 2].map(|at| at == spared);
                }
                let found = devices.each_ref().map(|device| is_alive(&house, &mut guard, device));
                assert_eq!(found, alive, "{order:?}");
            }
            // So does a verifier that begins here.
            let fresh = Guard::of(&house);
            assert_eq!(devices.each_ref().map(|device| fresh.check(device.access()).is_ok()), alive, "{order:?}");
        }
    }
}

#[test]
fn a17_an_exception_protects_from_its_own_entry_only() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (one, two) = (house.sign_in(&ann), house.sign_in(&ann));
    one.end_others(&house).unwrap();
    let three = house.sign_in(&ann);
    // Spared by the third, which is spared by nobody before.
    three.end_others(&house).unwrap();
    for dead in [&one, &two] {
        assert_dead(&house, &mut guard, dead);
    }
    let three = assert_alive(&house, &mut guard, &three);
    house.revoke(Scope::Everyone { services: false });
    assert_dead(&house, &mut guard, &three);
    let four = house.sign_in(&ann);
    four.end_others(&house).unwrap();
    house.revoke(Scope::User { user: ann.id, except: None, deleted: false });
    assert_dead(&house, &mut guard, &four);
}

#[test]
fn a17_a_verifier_lets_no_later_exception_bring_back_what_an_earlier_entry_ended() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let devices = [(); 3].map(|()| house.sign_in(&ann));
    // No store of ours writes the second entry; one that is broken, or in a thief's hands, may.
    for (step, spared) in [&devices[0], &devices[1], &devices[0]].into_iter().enumerate() {
        let number = house.number() + 1 + step as u64;
        let scope = Scope::User { user: ann.id, except: Some(spared.session()), deleted: false };
        let entry = Entry { number, at: 0, change: Change::Revoke(scope), tag: String::new() };
        guard.keeper.apply(&[entry]).unwrap();
        let alive = devices.each_ref().map(|device| guard.check(device.access()).is_ok());
        assert_eq!(alive, [step == 0, false, false], "after {} entries", step + 1);
    }
}

#[test]
fn a18_removing_a_client_and_adding_it_again_revives_nothing() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (app, _) = house.client("app", ClientKind::Mobile);
    let (job, secret) = house.client("job", ClientKind::Service);
    let secret = secret.unwrap();
    let phone = house.sign_in_with(&ann, &app);
    let laptop = house.sign_in(&ann);
    let token = house.service_token(&job, &secret).unwrap();
    let seen = |guard: &mut Guard| guard.check_now(&house, &token).map(drop);
    seen(&mut guard).unwrap();
    for client in [&app, &job] {
        let gone = administer_clients::remove_client(&house.world, OPERATOR, client.clone(), "gone".into());
        run(gone).unwrap();
    }
    assert_dead(&house, &mut guard, &phone);
    assert!(matches!(seen(&mut guard), Err(Rejected::Revoked { scope: "client", .. })));
    let entry = house.log().into_iter().find(|row| row.change == Change::Revoke(Scope::Client { client: app.clone() }));
    let explained = |house: &House| explain_access(house, &phone).ended.unwrap();
    // It can be said which revocation it was, by whom and why, although the client itself is no more.
    let because = Cause::Revoked { scope: "client", number: entry.as_ref().unwrap().position.number };
    assert_eq!(explained(&house), (because, entry.clone()));
    assert!(matches!(house.service_token(&job, &secret), Err(Error::InvalidCredentials)));

    assert_eq!(house.client("app", ClientKind::Mobile).0, app);
    let new_secret = house.client("job", ClientKind::Service).1.unwrap();
    assert_dead(&house, &mut guard, &phone);
    assert_eq!(explained(&house), (because, entry));
    assert!(seen(&mut guard).is_err());
    assert!(Guard::of(&house).check(&token).is_err());
    assert!(matches!(house.service_token(&job, &secret), Err(Error::InvalidCredentials)));
    // What it is given from now on is good at once, and the other clients never noticed.
    let again = house.sign_in_with(&ann, &app);
    assert_alive(&house, &mut guard, &again);
    guard.check_now(&house, &house.service_token(&job, &new_secret).unwrap()).unwrap();
    assert_alive(&house, &mut guard, &laptop);
    assert_dead(&house, &mut guard, &phone);
}

#[test]
fn a18_revoking_a_grant_and_giving_it_again_revives_nothing() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let (app, _) = house.client("app", ClientKind::Mobile);
    let (phone, laptop) = (house.sign_in_with(&ann, &app), house.sign_in(&ann));
    let bobs = house.sign_in_with(&bob, &app);
    house.revoke(Scope::Grant { user: ann.id, client: app.clone() });
    assert_dead(&house, &mut guard, &phone);
    let again = house.sign_in_with(&ann, &app);
    assert_dead(&house, &mut guard, &phone);
    for device in [&again, &laptop, &bobs] {
        assert_alive(&house, &mut guard, device);
    }
}

#[test]
fn a18_deleting_an_imported_user_and_importing_it_again_revives_nothing() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let import = || house.imported("ann", Some(&format!("new${OLD}")));
    let former = import();
    let phone = house.sign_in(&former);
    assert_eq!(house.import("ann", None), Outcome::AlreadyHere);
    run(delete_account::delete_user(&house.world, OPERATOR, former.id, "left".into())).unwrap();
    assert_dead(&house, &mut guard, &phone);
    let latter = import();
    assert_ne!(latter.id, former.id, "an id is never used again");
    assert_dead(&house, &mut guard, &phone);
    let again = house.sign_in(&latter);
    assert_alive(&house, &mut guard, &again);
    assert_dead(&house, &mut guard, &phone);
}
