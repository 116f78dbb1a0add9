//! R2: everything issued carries a position that was read before the checks that it vouches for, and read lately.

use std::sync::Arc;
use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::policy::AtLimit;
use rescind_domain::store::Store;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::{begin_epoch, revoke};
use rescind_wire::Scope;

use super::device::OLD;
use super::guard::Guard;
use super::house::{House, OPERATOR, open_store, run};
use super::paths::{assert_alive, is_alive};

const LATEST: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(1);

/// The next password check takes this long.
fn hashing_takes(house: &House, time: Duration) {
    let clock = Arc::clone(&house.clock);
    house.hasher.meanwhile(move || clock.advance(time));
}

#[test]
fn r2_a_sign_in_that_took_thirty_seconds_is_issued_and_a_later_one_is_refused_and_leaves_nothing() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    hashing_takes(&house, LATEST);
    let device = house.sign_in(&ann);
    assert_alive(&house, &mut guard, &device);
    let before = house.state();
    hashing_takes(&house, LATEST + TICK);
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::TooLate)));
    house.assert_unchanged(&before);
}

#[test]
fn r2_a_sign_in_that_is_refused_for_its_delay_makes_no_room_for_itself() {
    let house = House::with(|policy| {
        policy.session_limit = Some(1);
        policy.at_limit = AtLimit::EndOldest;
    });
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let device = house.sign_in(&ann);
    hashing_takes(&house, LATEST + TICK);
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::TooLate)));
    assert!(is_alive(&house, &mut guard, &device));
}

#[test]
fn r2_an_authentication_that_took_too_long_leaves_the_session_as_it_was() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let device = house.sign_in(&ann);
    hashing_takes(&house, LATEST);
    let device = device.reauthenticate(&house, OLD).unwrap();
    let before = (house.state(), house.last_event());
    hashing_takes(&house, LATEST + TICK);
    assert!(matches!(device.reauthenticate(&house, OLD), Err(Error::TooLate)));
    house.assert_unchanged(&before.0);
    assert_eq!(house.last_event(), before.1);
    assert_alive(&house, &mut guard, &device);
}

#[test]
fn r2_tokens_carry_the_position_as_it_was_before_their_checks() {
    let house = House::new();
    let ann = house.person("ann");
    let bob = house.person("bob");
    let head = house.head().position;
    // Somebody else is logged out while the password is checked: no reason to refuse, and no news for the token.
    let world = house.world.clone();
    house.hasher.meanwhile(move || {
        let scope = Scope::User { user: bob.id, except: None, deleted: false };
        run(revoke::revoke(&world, OPERATOR, scope, "because".to_owned(), None)).unwrap();
    });
    let device = house.sign_in(&ann);
    assert_eq!(house.number(), head.number + 1);
    assert_eq!(device.claims().0.rev, head);
    assert_eq!(device.signed.session.position, head);
    // A refresh carries a fresh one; the session keeps that of its sign-in.
    let next = device.refresh(&house).unwrap();
    assert_eq!(next.claims().0.rev, house.head().position);
    assert_eq!(next.signed.session.position, head);
    let again = next.reauthenticate(&house, OLD).unwrap();
    assert_eq!((again.claims().0.rev, again.signed.session.position), (house.head().position, head));
}

#[test]
fn r2_a_position_is_never_cached() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    // Another process on the same file, as the command line is.
    let other = Arc::new(open_store(house.database())) as Arc<dyn Store>;
    let elsewhere = rescind_domain::World { store: Arc::clone(&other), ..house.world.clone() };
    for _ in 0..5 {
        let device = house.sign_in(&ann);
        let before = run(house.world.store.position()).unwrap();
        let caller = device.acting();
        let receipt = run(end_sessions::end_own(&elsewhere, &caller, Which::All, None, None)).unwrap();
        assert_eq!(receipt.position.number, before.number + 1);
        assert_eq!(run(house.world.store.position()).unwrap(), receipt.position);
        // Whoever signs in here at once is not refused for it, and whoever was there is dead.
        assert!(!is_alive(&house, &mut guard, &device));
        let device = house.sign_in(&ann);
        assert_eq!(device.signed.session.position, receipt.position);
        assert!(is_alive(&house, &mut guard, &device));
    }
    // Not across epochs either.
    run(begin_epoch::after_restore(&elsewhere, true)).unwrap();
    assert_eq!(run(house.world.store.position()).unwrap(), run(other.position()).unwrap());
}

#[test]
fn r2_waiting_requests_may_share_one_read_and_every_one_of_them_is_late_enough() {
    let house = House::new();
    let before = house.sqlite.stats();
    let number = house.number();
    let positions: Vec<_> = std::thread::scope(|scope| {
        let reads: Vec<_> = (0..16).map(|_| scope.spawn(|| run(house.world.store.position()).unwrap())).collect();
        reads.into_iter().map(|read| read.join().unwrap()).collect()
    });
    assert!(positions.iter().all(|position| position.number == number));
    let after = house.sqlite.stats();
    assert_eq!(after.position_callers - before.position_callers, 16);
    assert!(after.position_reads - before.position_reads <= 16);
}
