//! D1 to D4: time.

use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::clock::Clock as _;
use rescind_domain::error::RefreshRefusal;
use rescind_domain::verbs::lock_account::{self, LockFor};
use rescind_verifier::{Reason, Rejected};
use rescind_wire::Scope;

use super::device::{Device, OLD};
use super::guard::Guard;
use super::house::{HOUR, House, MINUTE, OPERATOR, run};
use super::paths::{assert_alive, assert_dead, is_alive};

const TICK: Duration = Duration::from_millis(1);

#[test]
fn d1_d2_within_one_millisecond_what_came_before_a_log_out_is_refused_and_what_comes_after_is_good() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let instant = house.clock.wall();
    let mut dead: Vec<Device> = Vec::new();
    for _ in 0..5 {
        let device = house.sign_in(&ann);
        let refreshed = assert_alive(&house, &mut guard, &device);
        refreshed.end_all(&house).unwrap();
        dead.extend([device, refreshed]);
        let device = house.sign_in(&ann);
        let device = assert_alive(&house, &mut guard, &device);
        house.revoke(Scope::Everyone { services: true });
        dead.push(device);
        for device in &dead {
            assert!(!is_alive(&house, &mut guard, device));
        }
    }
    for device in &dead {
        assert_dead(&house, &mut guard, device);
        assert_eq!(device.claims().0.iat, instant.seconds());
    }
    assert_eq!(house.clock.wall(), instant);
}

/// What a step of the authority's wall must leave as it is.
struct Scene {
    house: House,
    guard: Guard,
    alive: Device,
    dead: Device,
    /// Rotated out a moment ago, and its successor.
    lost: (Device, Device),
}

impl Scene {
    /// Sessions end after half an hour without use: less than the clock will be stepped by.
    fn new() -> Self {
        let house = House::with(|policy| policy.remembered_idle = HOUR / 2);
        let guard = Guard::of(&house);
        let ann = house.person("ann");
        let [alive, dead, lost] = [(); 3].map(|()| house.sign_in(&ann));
        dead.log_out(&house).unwrap();
        let next = lost.refresh(&house).unwrap();
        house.advance(Duration::from_secs(5));
        Self { house, guard, alive, dead, lost: (lost, next) }
    }

    /// Sessions are as alive, and authentications as fresh, as they were.
    fn assert_unmoved(&mut self) {
        let Self { house, guard, alive, dead, lost } = self;
        assert_eq!(lost.0.refresh(house).unwrap().refresh_token(), lost.1.refresh_token(), "the grace time");
        assert!(house.is_listed(alive) && house.is_listed(&lost.1));
        alive.acting().check_fresh_in(house);
        assert_dead(house, guard, dead);
        let next = alive.refresh(house).unwrap();
        assert!(house.is_listed(&next));
        self.alive = next;
    }
}

trait Fresh {
    fn check_fresh_in(&self, house: &House);
}

impl Fresh for rescind_domain::acting::Acting {
    fn check_fresh_in(&self, house: &House) {
        let (acting, world) = (self.clone(), house.world.clone());
        house.read(move |view| acting.check_fresh(view, &world).map(drop));
    }
}

#[test]
fn d3_a_step_of_the_authoritys_wall_neither_revives_nor_kills() {
    let steps: [fn(&House); 2] = [|house| house.clock.set_forward(HOUR), |house| house.clock.set_back(HOUR)];
    for step in steps {
        let mut scene = Scene::new();
        step(&scene.house);
        scene.assert_unmoved();
        // The entries that cover what is dead age by the steady time line too.
        scene.house.keep_house();
        assert_eq!(scene.house.head().floor, 0);
        // Half an hour of real time is what ends them.
        scene.house.advance(HOUR / 2 - TICK);
        assert!(scene.house.is_listed(&scene.alive));
        scene.house.advance(TICK);
        assert!(!scene.house.is_listed(&scene.alive));
    }
}

#[test]
fn d3_a_lock_is_neither_lengthened_nor_cut_short_by_a_step() {
    for forward in [true, false] {
        let house = House::new();
        let ann = house.person("ann");
        let lock = LockFor::Duration(10 * MINUTE);
        run(lock_account::lock_user(&house.world, OPERATOR, ann.id, lock, "because".to_owned(), None)).unwrap();
        house.clock.step(forward, HOUR);
        assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::Locked { .. })));
        house.advance(10 * MINUTE);
        house.sign_in(&ann);
    }
}

#[test]
fn d3_what_is_issued_while_the_authoritys_wall_is_wrong_is_judged_by_its_exp_alone() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let device = house.sign_in(&house.person("ann"));
    house.clock.set_forward(HOUR);
    let ahead = device.refresh(&house).unwrap();
    assert!(matches!(guard.check_now(&house, ahead.access()), Err(Rejected::NotYetValid { .. })));
    house.clock.set_back(2 * HOUR);
    let behind = ahead.refresh(&house).unwrap();
    assert!(matches!(guard.check_now(&house, behind.access()), Err(Rejected::Expired { .. })));
    // The session was never in doubt, and the clock that was put right makes tokens that are.
    house.clock.set_forward(HOUR);
    let right = behind.refresh(&house).unwrap();
    assert_alive(&house, &mut guard, &right);
    right.log_out(&house).unwrap();
    for device in [&device, &ahead, &behind, &right] {
        assert_dead(&house, &mut guard, device);
    }
}

#[test]
fn d3_a_restart_on_a_clock_that_was_stepped_neither_revives_nor_kills() {
    for forward in [true, false] {
        let house = House::new();
        let mut guard = Guard::of(&house);
        let ann = house.person("ann");
        let [alive, dead, lost] = [(); 3].map(|()| house.sign_in(&ann));
        dead.log_out(&house).unwrap();
        let next = lost.refresh(&house).unwrap();
        house.clock.step(forward, HOUR);
        let house = house.restarted();
        assert_dead(&house, &mut guard, &dead);
        assert!(house.is_listed(&alive) && house.is_listed(&next));
        if !forward {
            // How long ago it was rotated out cannot be known: refused, and nothing ends.
            let refused = lost.refresh(&house);
            assert!(matches!(refused, Err(Error::RefreshRefused(RefreshRefusal::TooLate))), "{refused:?}");
        }
        let (alive, next) = (alive.refresh(&house).unwrap(), next.refresh(&house).unwrap());
        house.keep_house();
        assert_dead(&house, &mut guard, &dead);
        assert!(house.is_listed(&alive) && house.is_listed(&next));
    }
}

#[test]
fn d3_a_step_of_the_verifiers_wall_neither_revives_nor_kills_beyond_exp() {
    for forward in [true, false] {
        let house = House::new();
        let mut guard = Guard::of(&house);
        let ann = house.person("ann");
        let (alive, dead) = (house.sign_in(&ann), house.sign_in(&ann));
        dead.log_out(&house).unwrap();
        guard.follow(&house);
        guard.clock.step(forward, HOUR);
        let judged = guard.check(alive.access()).unwrap_err();
        match judged {
            Rejected::Expired { .. } => assert!(forward),
            Rejected::NotYetValid { .. } => assert!(!forward),
            other => panic!("{other}"),
        }
        assert!(guard.check(dead.access()).is_err());
        guard.clock.step(!forward, HOUR);
        guard.check(alive.access()).unwrap();
        assert!(matches!(guard.check(dead.access()), Err(Rejected::Revoked { .. })));
    }
}

#[test]
fn d3_a_verifiers_lease_does_not_run_on_its_wall() {
    for forward in [true, false] {
        let house = House::new();
        let mut guard = Guard::of(&house);
        let device = house.sign_in(&house.person("ann"));
        guard.follow(&house);
        let left = guard.lease_left();
        guard.clock.step(forward, MINUTE / 4);
        assert_eq!(guard.lease_left(), left);
        house.advance(left - TICK);
        guard.check(device.access()).unwrap();
        house.advance(TICK);
        assert_eq!(guard.check(device.access()).unwrap_err(), Rejected::Unavailable { reason: Reason::Stale });
    }
}

#[test]
fn d4_a_token_from_the_future_beyond_the_skew_is_refused() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let device = house.sign_in(&house.person("ann"));
    let now = house.clock.wall().seconds();
    let skew = house.world.policy.skew.as_secs();
    let dated = |iat: u64, nbf: Option<u64>| {
        let (mut claims, _) = device.claims();
        (claims.iat, claims.exp, claims.nbf) = (iat, iat + 60, nbf);
        house.forge(&claims)
    };
    guard.follow(&house);
    for good in [dated(now, None), dated(now + skew, None), dated(now, Some(now + skew))] {
        guard.check(&good).unwrap();
    }
    for bad in [dated(now + skew + 1, None), dated(now, Some(now + skew + 1)), dated(now + 3600, Some(now))] {
        assert!(matches!(guard.check(&bad), Err(Rejected::NotYetValid { .. })));
        guard.check(&bad).unwrap_err();
    }
    // It is not remembered as bad: once its time has come it is good.
    let early = dated(now + skew + 1, None);
    assert!(guard.check(&early).is_err());
    house.advance(Duration::from_secs(1));
    guard.check(&early).unwrap();
}
