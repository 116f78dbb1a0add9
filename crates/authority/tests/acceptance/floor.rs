//! R10: forgetting is safe without clocks.

use std::time::Duration;

use rescind_domain::clock::{Clock as _, Timestamp};
use rescind_domain::verbs::keep_house;
use rescind_verifier::Rejected;
use rescind_wire::Scope;

use super::device::{Device, Person};
use super::guard::Guard;
use super::house::{DAY, HOUR, House, MINUTE, run};

/// A token, as those that are not revoked are watched.
struct Watched {
    device: Device,
    rev: u64,
    /// When the last verifier with a right clock stops accepting it.
    gone: u64,
}

impl Watched {
    fn of(house: &House, device: Device) -> Self {
        let (claims, _) = device.claims();
        Self { rev: claims.rev.number, gone: (claims.exp + house.world.policy.skew.as_secs()) * 1000, device }
    }
}

/// Lets `minutes` minutes go by, in each of which somebody signs in, somebody else is logged out, the configured lifetime
/// changes if `changes` says so, and the floor is moved. Whatever is alive must be accepted, and what was revoked must be
/// refused, also by a verifier whose wall was set back to the time at which it was issued.
fn watch(minutes: u64, changes: &[(u64, Duration)]) {
    let mut house = House::new();
    let (mut right, mut wrong) = (Guard::of(&house), Guard::of(&house));
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let (mut alive, mut revoked): (Vec<Watched>, Vec<(Timestamp, Device)>) = (Vec::new(), Vec::new());
    let mut floor = 0;
    for minute in 0..minutes {
        if let Some((_, lifetime)) = changes.iter().find(|(at, _)| *at == minute) {
            house.reconfigure(|policy| policy.access_lifetime = *lifetime);
        }
        alive.push(Watched::of(&house, house.sign_in(&ann)));
        let device = house.sign_in(&bob);
        // First accepted, so that what is cached is judged too.
        let issued = house.clock.wall();
        wrong.clock.set_to(issued);
        right.check_now(&house, device.access()).unwrap();
        wrong.check_now(&house, device.access()).unwrap();
        house.revoke(Scope::User { user: bob.id, except: None, deleted: false });
        revoked.push((issued, device));
        for half in 0..2 {
            let risen = run(keep_house::raise_floor(&house.world)).unwrap();
            assert!(risen >= floor, "the floor fell");
            floor = risen;
            let now = house.clock.wall().0;
            alive.retain(|token| token.gone > now);
            for token in &alive {
                let at = format!("minute {minute}.{half}, {} left", Duration::from_millis(token.gone - now).as_secs());
                assert!(token.rev >= floor, "{at}: an entry that covers a living token was forgotten");
                right.check_now(&house, token.device.access()).unwrap_or_else(|rejected| panic!("{at}: {rejected}"));
            }
            for (issued, device) in &revoked {
                assert!(right.check_now(&house, device.access()).is_err());
                wrong.clock.set_to(*issued);
                let rejected = wrong.check_now(&house, device.access()).unwrap_err();
                let forgotten = matches!(rejected, Rejected::BelowFloor | Rejected::TooLongLived { .. });
                assert!(forgotten || matches!(rejected, Rejected::Revoked { .. }), "{rejected}");
            }
            house.advance(MINUTE / 2);
        }
    }
    // It is not that nothing is ever forgotten.
    house.advance(DAY + HOUR);
    assert_eq!(run(keep_house::raise_floor(&house.world)).unwrap(), house.number());
}

#[test]
fn r10_entries_outlive_every_token_that_they_cover() {
    watch(14, &[]);
}

#[test]
fn r10_entries_outlive_every_token_that_they_cover_when_lifetimes_are_raised() {
    watch(22, &[(4, 12 * MINUTE)]);
}

#[test]
fn r10_entries_outlive_every_token_that_they_cover_when_lifetimes_are_lowered() {
    watch(20, &[(0, 12 * MINUTE), (3, MINUTE)]);
}

#[test]
fn r10_entries_outlive_every_token_that_they_cover_when_lifetimes_go_up_and_down() {
    watch(24, &[(2, MINUTE), (5, 10 * MINUTE), (7, 2 * MINUTE), (12, 5 * MINUTE)]);
}

#[test]
fn r10_an_entry_written_after_lifetimes_were_lowered_waits_for_the_tokens_that_were_signed_before() {
    let mut house = House::with(|policy| policy.access_lifetime = HOUR);
    let mut guard = Guard::of(&house);
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    // No entry of the old regime is left to hold the floor down.
    house.advance(2 * HOUR);
    house.keep_house();
    assert_eq!(house.head().floor, house.number());
    let (phone, bobs) = (house.sign_in(&ann), house.sign_in(&bob));
    house.reconfigure(|policy| policy.access_lifetime = MINUTE);
    house.advance(MINUTE);
    // The first entry of the new regime covers a token of the old one, and ann's token is as old.
    bobs.log_out(&house).unwrap();
    for minute in 1..60 {
        house.keep_house();
        guard.check_now(&house, phone.access()).unwrap_or_else(|rejected| panic!("minute {minute}: {rejected}"));
        let rejected = guard.check(bobs.access()).unwrap_err();
        assert!(matches!(rejected, Rejected::Revoked { scope: "session", .. }), "minute {minute}: {rejected}");
        house.advance(MINUTE);
    }
    // Both have expired, with skew and a minute: now it may go.
    house.advance(2 * MINUTE);
    house.keep_house();
    assert_eq!(house.head().floor, house.number());
}

#[test]
fn r10_an_entry_is_forgotten_a_minute_and_the_skew_after_the_last_token_and_not_before() {
    let house = House::new();
    let device = house.sign_in(&house.person("ann"));
    device.log_out(&house).unwrap();
    let policy = &house.world.policy;
    house.advance(policy.access_lifetime + policy.skew + MINUTE);
    assert_eq!(run(keep_house::raise_floor(&house.world)).unwrap(), 0);
    house.advance(Duration::from_millis(1));
    assert_eq!(run(keep_house::raise_floor(&house.world)).unwrap(), house.number());
}

#[test]
fn r10_the_floor_never_falls() {
    let mut house = House::new();
    let mut guard = Guard::of(&house);
    let device = house.sign_in(&house.person("ann"));
    device.log_out(&house).unwrap();
    house.advance(HOUR);
    house.keep_house();
    let floor = house.head().floor;
    assert_eq!(floor, house.number());
    guard.follow(&house);
    let lower = house.world.store.transact("lower", move |tx| Ok(tx.raise_floor(floor - 1)?));
    run(lower).unwrap();
    assert_eq!(house.head().floor, floor);
    // Not when lifetimes become longer, nor when the clock is set back and the server restarted.
    house.reconfigure(|policy| policy.access_lifetime = DAY);
    house.keep_house();
    assert_eq!(house.head().floor, floor);
    house.clock.set_back(10 * DAY);
    let house = house.restarted();
    house.keep_house();
    assert_eq!(house.head().floor, floor);
    // Nor does a verifier believe that it did.
    guard.keeper.raise_floor(floor - 1);
    assert_eq!(guard.verifier.health().floor, floor);
    guard.follow(&house);
    assert_eq!(guard.verifier.health().floor, floor);
}

#[test]
fn r10_a_token_below_the_floor_is_refused_whatever_its_exp() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (phone, bob) = (house.sign_in(&ann), house.sign_in(&house.person("bob")));
    bob.log_out(&house).unwrap();
    house.advance(HOUR);
    house.keep_house();
    let floor = house.head().floor;
    // The session is alive and nothing covers the token, but whether anything did can no longer be known.
    let now = house.clock.wall().seconds();
    let with_rev = |rev: u64| {
        let (mut claims, _) = phone.claims();
        claims.rev.number = rev;
        (claims.iat, claims.exp) = (now, now + 300);
        house.forge(&claims)
    };
    guard.follow(&house);
    for rev in [0, floor - 1] {
        assert_eq!(guard.check(&with_rev(rev)).unwrap_err(), Rejected::BelowFloor);
        assert_eq!(Guard::of(&house).check(&with_rev(rev)).unwrap_err(), Rejected::BelowFloor);
    }
    guard.check(&with_rev(floor)).unwrap();
    // One that was accepted, and is remembered, is refused as soon as the floor passes it.
    let token = with_rev(floor);
    house.sign_in(&Person { id: bob.user(), login: "bob".into() }).log_out(&house).unwrap();
    guard.check_now(&house, &token).unwrap();
    guard.keeper.raise_floor(floor + 1);
    assert_eq!(guard.check(&token).unwrap_err(), Rejected::BelowFloor);
    // The device itself refreshes and goes on.
    let phone = phone.refresh(&house).unwrap();
    guard.check(phone.access()).unwrap();
}

#[test]
fn r3_no_token_lives_longer_than_the_longest_lifetime_still_possible() {
    let mut house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let living = |house: &House, lifetime: u64| {
        let (mut claims, _) = phone.claims();
        let now = house.clock.wall().seconds();
        (claims.iat, claims.exp, claims.rev) = (now, now + lifetime, house.head().position);
        house.forge(&claims)
    };
    guard.check(&living(&house, 300)).unwrap();
    let too_long = |lifetime, longest| Rejected::TooLongLived { lifetime, longest };
    assert_eq!(guard.check(&living(&house, 301)).unwrap_err(), too_long(301, 300));
    // Recorded before the first such token is signed, and known to verifiers as soon as they hear of it.
    house.reconfigure(|policy| policy.access_lifetime = HOUR);
    let long = house.sign_in(&ann);
    assert_eq!(guard.check(long.access()).unwrap_err(), too_long(3600, 300));
    guard.check_now(&house, long.access()).unwrap();
    // Lowered again, what was signed before lives on; once all of it is gone, nothing may live so long any more.
    house.reconfigure(|policy| policy.access_lifetime = 5 * MINUTE);
    house.advance(HOUR - MINUTE);
    guard.check_now(&house, long.access()).unwrap();
    let forged = living(&house, 3600);
    guard.check_now(&house, &forged).unwrap();
    house.advance(3 * MINUTE);
    guard.follow(&house);
    assert_eq!(guard.check(&forged).unwrap_err(), too_long(3600, 300));
}

#[test]
fn r10_entries_wait_for_the_tokens_of_other_issuers_as_long_as_those_may_live() {
    let mut house = House::with(|policy| policy.foreign_lifetime = HOUR);
    house.advance(2 * HOUR);
    house.keep_house();
    let (issuer, subject) = ("https://kc.example".parse().unwrap(), "ann".parse().unwrap());
    house.revoke(Scope::ForeignSubject { issuer, subject });
    let (number, written) = (house.number(), house.clock.steady());
    house.advance(HOUR);
    assert!(run(keep_house::raise_floor(&house.world)).unwrap() < number, "it covers tokens that may be presented");
    // The skew, and a minute to spare.
    house.advance(house.world.policy.skew + MINUTE + MINUTE);
    assert_eq!(run(keep_house::raise_floor(&house.world)).unwrap(), number);
    // Whoever begins now is told when what it cannot know any more was written.
    let guard = Guard::of(&house);
    assert_eq!(guard.verifier.health().foreign_after, Some(written.0));
    house.reconfigure(|policy| policy.foreign_lifetime = Duration::ZERO);
    house.revoke(Scope::Everyone { services: false });
    house.advance(house.world.policy.access_lifetime + house.world.policy.skew + MINUTE + MINUTE);
    assert_eq!(run(keep_house::raise_floor(&house.world)).unwrap(), house.number(), "without any, they do not");
}
