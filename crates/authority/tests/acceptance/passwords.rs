//! B1 to B9: passwords and accounts. B6, and the codes, links and steps of B4 that do not exist yet, wait for their
//! features; of what can be pending there is the sign-in itself.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rescind::ambient::SystemEntropy;
use rescind::passwords::{Counts, HashingPool, PoolOptions, Strength};
use rescind_domain::Error;
use rescind_domain::entropy::Entropy as _;
use rescind_domain::event::EventKind;
use rescind_domain::user::UserState;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::lock_account::{self, LockFor};
use rescind_domain::verbs::sign_in::SignIn;
use rescind_domain::verbs::{administer_users, change_password, delete_account};
use rescind_wire::Scope;

use super::device::{NEW, OLD, Person};
use super::guard::Guard;
use super::house::{DAY, HOUR, House, MINUTE, OPERATOR, password, run};
use super::paths::{assert_alive, assert_dead};

#[test]
fn b1_changing_the_password_ends_every_other_session_and_the_one_that_changed_it_stays() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let [laptop, phone, tablet] = [(); 3].map(|()| house.sign_in(&ann));
    let rotated = phone.refresh(&house).unwrap();
    let receipt = laptop.change_password(&house).unwrap();
    assert_eq!(receipt.scope, Scope::User { user: ann.id, except: Some(laptop.session()), deleted: false });
    for other in [&phone, &rotated, &tablet] {
        assert_dead(&house, &mut guard, other);
    }
    let laptop = assert_alive(&house, &mut guard, &laptop);
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::InvalidCredentials)));
    let again = house.try_sign_in(ann.request(NEW)).unwrap();
    assert_alive(&house, &mut guard, &again);
    assert_alive(&house, &mut guard, &laptop);
}

#[test]
fn b1_a_password_that_is_refused_ends_nothing() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (laptop, phone) = {
        let ann = house.person("ann.smith@example.org");
        (house.sign_in(&ann), house.sign_in(&ann))
    };
    let before = house.state();
    for weak in ["short", "password", "ann.smith", "ANN.SMITH@example.org"] {
        let caller = laptop.acting();
        let changed = run(change_password::change_own(&house.world, &caller, password(OLD), password(weak)));
        assert!(matches!(changed, Err(Error::WeakPassword(_))), "{weak}");
        let set = run(change_password::set(&house.world, OPERATOR, laptop.user(), password(weak)));
        assert!(matches!(set, Err(Error::WeakPassword(_))), "{weak}");
    }
    house.assert_unchanged(&before);
    assert_alive(&house, &mut guard, &phone);
}

#[test]
fn b2_an_administrators_reset_ends_all_sessions() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (root, desk) = house.administrator();
    let ann = house.person("ann");
    let phones = [(); 2].map(|()| house.sign_in(&ann));
    let caller = desk.administering();
    let set = |user, text| run(change_password::set(&house.world, &caller, user, password(text)));
    let receipt = set(ann.id, NEW).unwrap();
    assert_eq!(receipt.scope, Scope::User { user: ann.id, except: None, deleted: false });
    for phone in &phones {
        assert_dead(&house, &mut guard, phone);
    }
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::InvalidCredentials)));
    house.try_sign_in(ann.request(NEW)).unwrap();
    assert_alive(&house, &mut guard, &desk);
    // Their own, too: it is a reset, not a change.
    set(root.id, NEW).unwrap();
    assert_dead(&house, &mut guard, &desk);
}

#[test]
fn b3_a_sign_in_that_checked_the_old_password_while_it_was_changed_does_not_survive() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let laptop = house.sign_in(&ann);
    let (world, caller) = (house.world.clone(), laptop.acting());
    house.hasher.meanwhile(move || {
        run(change_password::change_own(&world, &caller, password(OLD), password(NEW))).unwrap();
    });
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::Overtaken)));
    assert_eq!(house.stored_sessions().len(), 1);
    assert_alive(&house, &mut guard, &laptop);
}

#[test]
fn b4_a_sign_in_that_was_pending_as_everything_ended_is_dead_after_it_and_is_told_so() {
    type End = fn(&House, &Person);
    let ends: [(&str, End); 4] = [
        ("everyone", |house, _| drop(house.revoke(Scope::Everyone { services: false }))),
        ("user", |house, ann| drop(house.revoke(Scope::User { user: ann.id, except: None, deleted: false }))),
        ("client", |house, _| drop(house.revoke(Scope::Client { client: "default".parse().unwrap() }))),
        ("grant", |house, ann| {
            drop(house.revoke(Scope::Grant { user: ann.id, client: "default".parse().unwrap() }));
        }),
    ];
    for (name, end) in ends {
        let house = Arc::new(House::new());
        let ann = house.person("ann");
        house.sign_in(&ann);
        let sessions = house.stored_sessions().len();
        let (inner, person) = (Arc::clone(&house), ann.clone());
        house.hasher.meanwhile(move || end(&inner, &person));
        let outcome = house.try_sign_in(ann.request(OLD));
        assert!(matches!(outcome, Err(Error::Overtaken)), "{name}: {outcome:?}");
        assert_eq!(house.stored_sessions().len(), sessions, "{name}");
        // The next one is good, and at once.
        let device = house.sign_in(&ann);
        assert_alive(&house, &mut Guard::of(&house), &device);
    }
}

#[test]
fn b5_a_lock_ends_everything_refuses_sign_in_and_runs_out_by_itself() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    run(lock_account::lock_own(&house.world, &phone.acting(), None)).unwrap();
    assert_dead(&house, &mut guard, &phone);
    let locked = |text| match house.try_sign_in(ann.request(text)) {
        Err(Error::Locked { until }) => until,
        other => panic!("{other:?}"),
    };
    let until = locked(OLD).expect("it runs out");
    // Only who knows the password learns of it.
    assert!(matches!(house.try_sign_in(ann.request(NEW)), Err(Error::InvalidCredentials)));
    let lasts = house.world.policy.lock;
    assert_eq!(until.since(house.world.now()), Some(lasts));
    house.advance(lasts - Duration::from_millis(1));
    locked(OLD);
    house.advance(Duration::from_millis(1));
    let again = house.sign_in(&ann);
    let again = assert_alive(&house, &mut guard, &again);
    assert_dead(&house, &mut guard, &phone);
    again.log_out(&house).unwrap();
}

#[test]
fn b5_a_disabled_account_stays_disabled_until_it_is_unlocked_and_what_it_ended_stays_ended() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let lock = lock_account::lock_user(&house.world, OPERATOR, ann.id, LockFor::UntilUnlocked, "fraud".into(), None);
    run(lock).unwrap();
    assert_dead(&house, &mut guard, &phone);
    house.advance(1000 * DAY);
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::Locked { until: None })));
    run(lock_account::unlock_user(&house.world, OPERATOR, ann.id)).unwrap();
    assert_dead(&house, &mut guard, &phone);
    let again = house.sign_in(&ann);
    assert_alive(&house, &mut guard, &again);
}

#[test]
fn b5_a_lock_of_a_given_length_lasts_that_long() {
    let house = House::new();
    let ann = house.person("ann");
    let lock = LockFor::Duration(3 * HOUR);
    run(lock_account::lock_user(&house.world, OPERATOR, ann.id, lock, "because".to_owned(), None)).unwrap();
    house.advance(3 * HOUR - Duration::from_millis(1));
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::Locked { until: Some(_) })));
    house.advance(Duration::from_millis(1));
    house.sign_in(&ann);
}

#[test]
fn b5_deleting_an_account_ends_everything_and_its_id_is_never_used_again() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (phone, laptop) = (house.sign_in(&ann), house.sign_in(&ann));
    let receipt = run(delete_account::delete_own(&house.world, &phone.acting(), password(OLD), None)).unwrap();
    assert_eq!(receipt.scope, Scope::User { user: ann.id, except: None, deleted: true });
    for device in [&phone, &laptop] {
        assert_dead(&house, &mut guard, device);
    }
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::InvalidCredentials)));
    let buried = house.user(ann.id);
    assert!(matches!(buried.state, UserState::Deleted { .. }));
    assert!((buried.login.is_empty(), buried.password.is_none()) == (true, true), "only the id stays: {buried:?}");
    // Nothing of what may be done with an account may be done with it any more.
    let (world, id) = (&house.world, ann.id);
    let acts = [
        run(change_password::set(world, OPERATOR, id, password(NEW))).map(drop),
        run(lock_account::lock_user(world, OPERATOR, id, LockFor::Default, "because".to_owned(), None)).map(drop),
        run(lock_account::unlock_user(world, OPERATOR, id)),
        run(delete_account::delete_user(world, OPERATOR, id, "because".to_owned())).map(drop),
        run(administer_users::set_role(world, OPERATOR, id, rescind_domain::user::Role::Administrator)).map(drop),
        run(administer_users::find_user(world, OPERATOR, &id.to_string())).map(drop),
    ];
    for outcome in acts {
        assert!(matches!(outcome, Err(Error::NotFound("user"))), "{outcome:?}");
    }
    // The name is free, the id is not.
    let again = house.person("ann");
    assert_ne!(again.id, ann.id);
    let device = house.sign_in(&again);
    assert_alive(&house, &mut guard, &device);
    for device in [&phone, &laptop] {
        assert_dead(&house, &mut guard, device);
    }
    // Should one be drawn twice after all, the store refuses it.
    let twice = buried;
    let insert = house.world.store.transact("twice", move |tx| Ok(tx.insert_user(&twice)?));
    assert!(matches!(run(insert), Err(Error::Store(_))));
}

fn from(person: &Person, login: &str, text: &str, address: &str) -> SignIn {
    SignIn { login: login.into(), address: Some(address.parse().unwrap()), ..person.request(text) }
}

#[test]
fn b7_look_alike_spellings_of_a_name_share_one_counter_of_failures() {
    let house = House::new();
    let ann = house.person("ann.lee@example.org");
    let spellings = [
        "ann.lee@example.org",
        "  Ann.Lee@Example.ORG ",
        "ann.\u{200b}lee@example.org",
        "Ａｎｎ．ｌｅｅ＠example.org",
        "аnn.lee@example.org",
        "änn.lee@example.org",
    ];
    // Five failures are free, one by each spelling: the sixth starts a wait, and then none gets in.
    for spelling in spellings {
        let refused = house.try_sign_in(from(&ann, spelling, "wrong wrong", "192.0.2.1"));
        assert!(matches!(refused, Err(Error::InvalidCredentials)), "{spelling}: {refused:?}");
    }
    for spelling in spellings.iter().chain(&["ANN.LEE@EXAMPLE.ORG", "ann. lee @example.org"]) {
        let checks = house.hasher.checks();
        let refused = house.try_sign_in(from(&ann, spelling, OLD, "192.0.2.1"));
        let Err(Error::Throttled { retry_after }) = refused else { panic!("{spelling}: {refused:?}") };
        assert_eq!(retry_after, Duration::from_secs(1));
        assert_eq!(house.hasher.checks(), checks, "a refusal must not look at the password");
    }
    // The owner elsewhere is not held up, and here not for long.
    house.try_sign_in(from(&ann, &ann.login, OLD, "198.51.100.7")).unwrap();
    house.advance(Duration::from_secs(1));
    house.try_sign_in(from(&ann, &ann.login, OLD, "192.0.2.1")).unwrap();
}

#[test]
fn b9_where_only_attempts_under_way_are_in_the_way_nobody_is_told_of_failures() {
    let house = House::new();
    let ann = house.person("ann");
    let address = "192.0.2.1".parse().ok();
    let begin = || house.world.throttle.begin("ann", address, house.world.now().0);
    let mut under_way: Vec<_> = (0..16).map(|_| begin().unwrap()).collect();
    let refused = || house.try_sign_in(from(&ann, "ann", OLD, "192.0.2.1")).unwrap_err();
    let checks = house.hasher.checks();
    let busy = refused();
    assert!(matches!(busy, Error::Busy { retry_after } if retry_after == Duration::from_secs(1)), "{busy:?}");
    assert_eq!(house.hasher.checks(), checks, "the bound stays");
    // Failures that cost nothing are no reason, either; the first that does is one.
    for _ in 0..5 {
        under_way.pop().unwrap().failed();
    }
    assert!(matches!(refused(), Error::Busy { .. }));
    under_way.pop().unwrap().failed();
    assert!(matches!(refused(), Error::Throttled { .. }));
    house.advance(Duration::from_secs(1));
    assert!(matches!(refused(), Error::Throttled { .. }), "one at a time, because something failed");
}

#[test]
fn b7_an_address_that_tries_many_accounts_waits_and_others_do_not() {
    let house = House::new();
    let ann = house.person("ann");
    for n in 0..21 {
        let refused = house.try_sign_in(from(&ann, &format!("nobody{n}"), OLD, "192.0.2.1"));
        assert!(matches!(refused, Err(Error::InvalidCredentials)), "{n}: {refused:?}");
    }
    let refused = house.try_sign_in(from(&ann, "ann", OLD, "192.0.2.1"));
    assert!(matches!(refused, Err(Error::Throttled { .. })), "{refused:?}");
    house.try_sign_in(from(&ann, "ann", OLD, "192.0.2.2")).unwrap();
}

#[test]
fn b7_a_list_of_leaked_passwords_is_not_walked_from_one_address() {
    let house = House::new();
    let ann = house.person("ann");
    let checks = house.hasher.checks();
    for n in 0..3600 {
        let refused = house.try_sign_in(from(&ann, &format!("leaked{n}"), OLD, "192.0.2.1"));
        assert!(matches!(refused, Err(Error::InvalidCredentials | Error::Throttled { .. })), "{n}: {refused:?}");
        house.advance(Duration::from_secs(1));
    }
    let checked = house.hasher.checks() - checks;
    assert!((100..=200).contains(&checked), "in an hour: {checked}");
    // Who tries as they are told gets in, and does not wait from then on.
    let mut tries = 0..20;
    while let Err(Error::Throttled { retry_after }) = house.try_sign_in(from(&ann, "ann", OLD, "192.0.2.1")) {
        tries.next().expect("they get in within twenty tries");
        house.advance(retry_after);
    }
    house.try_sign_in(from(&ann, "ann", OLD, "192.0.2.1")).unwrap();
}

#[test]
fn b7_nobody_is_locked_out_for_good_by_a_stranger() {
    let house = House::new();
    let ann = house.person("ann");
    let home = "203.0.113.5";
    house.try_sign_in(from(&ann, "ann", OLD, home)).unwrap();
    // A thousand addresses guess for an hour.
    let mut refused = 0;
    for n in 0..1000_u32 {
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + n));
        match house.try_sign_in(SignIn { address: Some(address), ..ann.request("wrong wrong") }) {
            Err(Error::Throttled { .. }) => refused += 1,
            Err(Error::InvalidCredentials) => {}
            other => panic!("{other:?}"),
        }
        house.advance(Duration::from_millis(3600));
    }
    assert!(refused > 500, "the account is not guarded: {refused}");
    // Where the owner is known, there is no wait at all; elsewhere it is half a minute at most.
    house.try_sign_in(from(&ann, "ann", OLD, home)).unwrap();
    house.advance(Duration::from_secs(30));
    house.try_sign_in(from(&ann, "ann", OLD, "203.0.113.99")).unwrap();
}

#[test]
fn b7_confirming_a_password_is_throttled_with_signing_in() {
    let house = House::new();
    let ann = house.person("ann");
    let phone = house.try_sign_in(from(&ann, "ann", OLD, "192.0.2.1")).unwrap();
    for _ in 0..6 {
        assert!(matches!(phone.reauthenticate(&house, "wrong wrong"), Err(Error::WrongPassword)));
    }
    let caller = phone.acting();
    let end = end_sessions::end_own(&house.world, &caller, Which::All, Some(password(OLD)), None);
    assert!(matches!(run(end), Err(Error::Throttled { .. })));
    assert!(matches!(phone.change_password(&house), Err(Error::Throttled { .. })));
    let refused = house.try_sign_in(from(&ann, "ANN", OLD, "192.0.2.1"));
    assert!(matches!(refused, Err(Error::Throttled { .. })));
}

/// The real pool, with hashes that take microseconds.
pub(crate) fn quick_pool() -> Arc<HashingPool> {
    let options = PoolOptions {
        threads: NonZeroUsize::MIN,
        queue: NonZeroUsize::new(64).unwrap(),
        params: Strength { memory_kib: 64, passes: 1, lanes: 1 },
        entropy: Arc::new(|bytes: &mut [u8]| SystemEntropy.fill(bytes)),
        decoy_key: [9; 32],
    };
    Arc::new(HashingPool::new(options).unwrap())
}

#[test]
fn b8_a_wrong_name_and_a_wrong_password_run_the_same_hashes_and_get_the_same_answer() {
    let mut house = House::new();
    let pool = quick_pool();
    house.world.passwords = Arc::clone(&pool) as Arc<_>;
    let ann = house.person("ann");
    // Somebody who has no password at all, and somebody whose hash cannot be read.
    house.imported("bare", None);
    house.imported("broken", Some("$argon2id$v=19$m=999999999,t=1,p=1$AQIDBAUGBwgJCgsMDQ4PEA$AQIDBAUGBwgJCgsMDQ4PEA"));
    let mut seen = Vec::new();
    let attempts = [
        ("ann", "wrong horse battery"),
        ("nobody", "wrong horse battery"),
        ("not a login name", "wrong horse battery"),
        ("bare", "wrong horse battery"),
        ("broken", "wrong horse battery"),
        ("", "wrong horse battery"),
        ("ann", "wröng horse battery"),
    ];
    for (login, text) in attempts {
        let (counts, events) = (pool.counts(), house.last_event());
        let refused = house.try_sign_in(SignIn { login: login.into(), ..ann.request(text) }).unwrap_err();
        assert!(matches!(refused, Error::InvalidCredentials), "{login}: {refused}");
        let work = spent(&counts, &pool.counts());
        let kinds: Vec<_> = house.events_after(events).iter().map(|event| event.what.kind).collect();
        seen.push((refused.to_string(), work, kinds));
    }
    assert_eq!(seen[0].1.0, 1, "one hash, and it is argon2's");
    assert_eq!(seen[0].2, [EventKind::SignInFailed]);
    for (at, other) in seen.iter().enumerate() {
        assert_eq!(other, &seen[0], "{:?}", attempts[at]);
    }
    // A right password costs no more.
    let counts = pool.counts();
    house.sign_in(&ann);
    assert_eq!(spent(&counts, &pool.counts()), seen[0].1);
}

/// Hashes with argon2, hashes with anything, and the work of all of them.
fn spent(before: &Counts, after: &Counts) -> (u64, u64, u64) {
    let all = |counts: &Counts| counts.argon2 + counts.bcrypt + counts.scrypt + counts.pbkdf2;
    (after.argon2 - before.argon2, all(after) - all(before), after.work_micros - before.work_micros)
}

#[test]
fn b9_two_sign_ins_at_the_same_moment_do_not_disturb_each_other() {
    let house = Arc::new(House::new());
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    // The second begins and ends while the first is being checked, to the millisecond at the same time.
    let (inner, person, second) = (Arc::clone(&house), ann.clone(), Arc::new(std::sync::Mutex::new(None)));
    let put = Arc::clone(&second);
    house.hasher.meanwhile(move || {
        let device = inner.sign_in(&person);
        *put.lock().unwrap() = Some(device);
    });
    let first = house.sign_in(&ann);
    let second = second.lock().unwrap().take().expect("it happened");
    assert_ne!(first.session(), second.session());
    assert_ne!(first.signed.access.id, second.signed.access.id);
    assert_ne!(first.refresh_token(), second.refresh_token());
    let (first, second) = (assert_alive(&house, &mut guard, &first), assert_alive(&house, &mut guard, &second));
    first.log_out(&house).unwrap();
    assert_dead(&house, &mut guard, &first);
    assert_alive(&house, &mut guard, &second);
    house.advance(MINUTE);
}
