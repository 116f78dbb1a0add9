//! F1 to F4: many sessions, purging, imported hashes, identifiers.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rescind::ambient::SystemEntropy;
use rescind::passwords::{HashingPool, PoolOptions, Strength};
use rescind_domain::Error;
use rescind_domain::client::DEFAULT_CLIENT;
use rescind_domain::clock::Timestamp;
use rescind_domain::entropy::Entropy as _;
use rescind_domain::event::EventKind;
use rescind_domain::idempotency::Idempotency;
use rescind_domain::verbs::preview_revocation::{self, Target};
use rescind_domain::verbs::{keep_house, list_sessions, revoke};
use rescind_wire::{Scope, SessionId, UserId};

use super::clock::START;
use super::device::{Device, NEW, OLD, Person};
use super::guard::Guard;
use super::house::{DAY, HOUR, House, OPERATOR, run};
use super::paths::{assert_alive, assert_dead, is_alive};

const TICK: Duration = Duration::from_millis(1);

/// Gives a user as many sessions more as `count` says, each a copy of the first one but for its id.
pub(crate) fn copy_sessions(house: &House, of: &Device, count: u32) {
    let conn = rusqlite::Connection::open(house.database()).unwrap();
    let (user, session) = (*of.user().as_bytes(), *of.session().as_bytes());
    let sessions = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3) \
                    INSERT INTO sessions SELECT user_id, randomblob(16), epoch, number, started_at, last_seen_at, \
                    expires_at, idle_lifetime, address, user_agent, name, amr, auth_time, remembered, bound_address, \
                    metadata, ended, ended_at FROM sessions, n WHERE user_id = ?1 AND id = ?2 ORDER BY 2";
    conn.execute(sessions, rusqlite::params![user, session, count]).unwrap();
    let chains = "INSERT OR IGNORE INTO chains SELECT s.user_id, s.id, c.idx, c.client_id, c.epoch, c.number, c.counter, c.salt, \
                  c.token_epoch, c.mac_key, c.rotated_at, c.earlier, c.scope, c.audiences FROM sessions s \
                  JOIN chains c ON c.user_id = s.user_id AND c.session_id = ?2 WHERE s.user_id = ?1 AND s.id <> ?2";
    conn.execute(chains, rusqlite::params![user, session]).unwrap();
}

#[test]
fn f1_ending_a_hundred_thousand_sessions_writes_exactly_the_rows_of_ending_one() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (few, many) = (house.person("few"), house.person("many"));
    let (one, first) = (house.sign_in(&few), house.sign_in(&many));
    copy_sessions(&house, &first, 99_999);
    let rows_of = |end: &dyn Fn() -> Scope| {
        let (before, number, events) = (house.sqlite.stats(), house.number(), house.last_event());
        end();
        let after = house.sqlite.stats();
        let written = (house.number() - number, house.events_after(events).len());
        assert_eq!(written, (1, 1));
        (after.rows - before.rows, after.commits - before.commits)
    };
    let all = |user: UserId| Scope::User { user, except: None, deleted: false };
    let by_the_operator = |user| rows_of(&|| house.revoke(all(user)).scope);
    let own = |device: &Device| rows_of(&|| device.end_all(&house).unwrap().scope);
    assert_eq!(own(&first), own(&one));
    assert_dead(&house, &mut guard, &first);
    assert!(house.devices_of(many.id).is_empty());
    assert_eq!(by_the_operator(many.id), by_the_operator(few.id));
    let everyone = || house.revoke(Scope::Everyone { services: false }).scope;
    let rows = rows_of(&everyone);
    assert_eq!(rows, by_the_operator(few.id));
}

#[test]
fn f1_listing_pages_through_ten_thousand_sessions() {
    let house = House::new();
    let ann = house.person("ann");
    let first = house.sign_in(&ann);
    copy_sessions(&house, &first, 9_999);
    let (mut after, mut found, mut pages) = (None, HashSet::<SessionId>::new(), 0);
    loop {
        let page = run(list_sessions::list_own(&house.world, &first.acting(), after, 1000)).unwrap();
        found.extend(page.sessions.iter().map(|listed| listed.session.id));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found.len(), pages), (10_000, 10));
}

fn previewed(house: &House, target: Target) -> (u32, bool) {
    let count = run(preview_revocation::preview(&house.world, OPERATOR, target)).unwrap();
    (count.sessions, count.exact)
}

#[test]
fn a_preview_counts_ten_thousand_sessions_exactly_and_says_when_there_are_more() {
    let house = House::new();
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let first = house.sign_in(&ann);
    copy_sessions(&house, &first, 9_999);
    let client = || DEFAULT_CLIENT.parse().expect("a client id");
    let of = |user, except| Target::User { user, except };
    assert_eq!(previewed(&house, Target::Everyone), (10_000, true));
    assert_eq!(previewed(&house, Target::Client(client())), (10_000, true));
    assert_eq!(previewed(&house, of(ann.id, None)), (10_000, true));
    assert_eq!(previewed(&house, of(ann.id, Some(first.session()))), (9_999, true));
    assert_eq!(previewed(&house, Target::Grant { user: ann.id, client: client() }), (10_000, true));
    house.sign_in(&bob);
    assert_eq!(previewed(&house, Target::Everyone), (10_000, false));
    assert_eq!(previewed(&house, Target::Client(client())), (10_000, false));
    assert_eq!(previewed(&house, of(bob.id, None)), (1, true));
}

#[test]
fn a_preview_passes_over_dead_sessions_and_looks_at_twice_as_many_rows_at_most() {
    let house = House::new();
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let first = house.sign_in(&ann);
    copy_sessions(&house, &first, 20_500);
    first.end_all(&house).unwrap();
    let here = house.sign_in(&ann);
    house.sign_in(&bob);
    let of = |user| Target::User { user, except: None };
    assert_eq!(previewed(&house, of(ann.id)), (1, true), "those below the cut are not even looked at");
    let (count, exact) = previewed(&house, Target::Client(DEFAULT_CLIENT.parse().expect("a client id")));
    assert!(count <= 2 && !exact, "{count}");
    here.end_others(&house).unwrap();
    assert_eq!(previewed(&house, of(ann.id)), (1, true), "the excepted one is older than the cut");
    // Those that have expired are not looked at.
    house.advance(house.world.policy.remembered_lifetime);
    house.sign_in(&bob);
    assert_eq!(previewed(&house, Target::Everyone), (1, true));
}

#[test]
fn f2_purging_goes_in_batches_of_at_most_a_thousand_and_sign_ins_commit_between_them() {
    let house = House::new();
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let first = house.sign_in(&ann);
    copy_sessions(&house, &first, 2_499);
    first.end_all(&house).unwrap();
    house.advance(house.world.policy.retention);
    let keep = house.sign_in(&bob);
    let (mut after, mut batches) = (None, Vec::new());
    loop {
        let before = house.sqlite.stats();
        let purged = run(keep_house::purge_sessions(&house.world, after)).unwrap();
        let commits = house.sqlite.stats().commits - before.commits;
        assert!(commits <= 1, "{commits} commits");
        batches.push(purged.sessions);
        // Each batch is a transaction of its own: whoever waits comes next.
        house.sign_in(&bob);
        after = purged.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(batches.iter().sum::<u64>(), 2_500);
    assert!(batches.iter().all(|batch| *batch <= 1000), "{batches:?}");
    assert!(batches.len() >= 3);
    let left = house.stored_sessions();
    assert!(left.iter().all(|session| session.user == bob.id));
    assert_eq!(left.len(), 1 + batches.len());
    assert!(house.is_listed(&keep));
    let of_ann = house.read(move |view| Ok(view.sessions_from(&ann.id, 0, None, 10)?.len()));
    assert_eq!(of_ann, 0);
}

#[test]
fn f2_no_transaction_deletes_more_than_a_thousand_rows_whatever_it_is_asked() {
    let house = House::new();
    let ann = house.person("ann");
    let first = house.sign_in(&ann);
    copy_sessions(&house, &first, 1_499);
    let keys: Vec<_> = house.stored_sessions().iter().map(|session| (session.user, session.id)).collect();
    let purge = house.world.store.transact("purge", move |tx| Ok(tx.purge_sessions(&keys)?));
    assert_eq!(run(purge).unwrap(), 1000);
    assert_eq!(house.stored_sessions().len(), 500);
    // Events likewise.
    for _ in 0..3 {
        let event = house.events().remove(0).what;
        let many = house.world.store.transact("many", move |tx| (0..500).try_for_each(|_| Ok(tx.add_event(&event)?)));
        run(many).unwrap();
    }
    let at = house.world.now().after(TICK);
    let purge = house.world.store.transact("purge", move |tx| Ok(tx.purge_events(at, u32::MAX)?));
    assert_eq!(run(purge).unwrap(), 1000);
}

#[test]
fn f2_retention_is_honoured_to_the_hour_from_the_moment_each_session_died() {
    let house = House::with(|policy| {
        policy.remembered_lifetime = 20 * DAY;
        policy.remembered_idle = 10 * DAY;
    });
    let retention = house.world.policy.retention;
    let people: Vec<Person> = (0..5).map(|n| house.person(&format!("ann{n}"))).collect();
    let [ended, user, idle, absolute, everyone] = [0, 1, 2, 3, 4].map(|n| house.sign_in(&people[n]));
    let mut absolute = absolute;
    // Each dies on a day of its own: 1, 2, 10, 15 and 20.
    house.advance(DAY);
    ended.log_out(&house).unwrap();
    house.advance(DAY);
    user.end_all(&house).unwrap();
    house.advance(6 * DAY);
    absolute = absolute.refresh(&house).unwrap();
    let everyone = everyone.refresh(&house).unwrap();
    house.advance(7 * DAY);
    absolute = absolute.refresh(&house).unwrap();
    // All but those that have died already, and the one that goes on to its absolute end.
    let scope = Scope::User { user: everyone.user(), except: None, deleted: false };
    house.revoke(scope);
    house.advance(5 * DAY);
    assert!(!house.is_listed(&absolute));

    let stored = |device: &Device| {
        let (user, session) = (device.user(), device.session());
        house.read(move |view| Ok(view.session(&user, &session)?.is_some()))
    };
    house.advance(retention - 20 * DAY);
    for (died, device) in [(1, &ended), (2, &user), (10, &idle), (15, &everyone), (20, &absolute)] {
        // Now is `retention` after the beginning: a day's worth of days goes by until this one is due.
        let due = Timestamp(START).after(retention + died * DAY);
        house.advance(due.since(house.world.now()).unwrap() - HOUR);
        house.purge();
        assert!(stored(device), "purged an hour early, day {died}");
        house.advance(HOUR - TICK);
        house.purge();
        assert!(stored(device), "purged early, day {died}");
        house.advance(TICK);
        house.purge();
        assert!(!stored(device), "kept too long, day {died}");
    }
}

#[test]
fn f2_events_and_remembered_answers_are_kept_for_as_long_as_they_should_be() {
    let house = House::new();
    let ann = house.person("ann");
    let key = Idempotency { caller: "op".into(), session: None, key: "k".into(), fingerprint: [1; 32] };
    let scope = Scope::User { user: ann.id, except: None, deleted: false };
    run(revoke::revoke(&house.world, OPERATOR, scope, "because".to_owned(), Some(key))).unwrap();
    let remembered = || house.read(|view| Ok(view.remembered("op", "k")?.is_some()));
    house.advance(DAY);
    house.purge();
    assert!(remembered());
    house.advance(TICK);
    house.purge();
    assert!(!remembered());
    let count = house.events().len();
    house.advance(house.world.policy.event_retention - DAY - TICK);
    house.purge();
    assert_eq!(house.events().len(), count);
    house.advance(TICK);
    house.purge();
    assert!(house.events().is_empty());
    // Their ids are not used again: whoever replays goes on after the last one.
    house.sign_in(&ann);
    assert!(house.events()[0].id > u64::try_from(count).unwrap());
}

/// Hashes of [`FOREIGN_PASSWORD`], as other programs made them: bcrypt 5.0.0, argon2-cffi 25.1.0, passlib 1.7.4, Django
/// 5.2.19 and Python's `hashlib`.
const FOREIGN: [(&str, &str); 9] = [
    ("bcrypt", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("bcrypt", "$2a$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("bcrypt", "$2y$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("argon2id", "$argon2id$v=19$m=64,t=3,p=2$AQIDBAUGBwgJCgsMDQ4PEA$afz2fH6FtMENBXILxkYUE3j7MoW0OFcqJSU7yXn+Pfo"),
    ("argon2i", "$argon2i$v=19$m=64,t=3,p=2$AQIDBAUGBwgJCgsMDQ4PEA$16p5t5UfAO9FYB9AC+LDYSaczX/MTOkx98xtxI5OotQ"),
    ("scrypt", "$scrypt$ln=4,r=8,p=1$AQIDBAUGBwgJCgsMDQ4PEA$uRmJ+TMvzIjLXpqUwZJIyRO5wgioWck/zoHOgr162cM"),
    ("pbkdf2", "$pbkdf2-sha256$1000$./8BAgMEBQYHCAkKCwwNDg8Q$URlrX3fA5A.U2qQcIfkShGNRwMgDPFmYHC6rmypAysw"),
    ("pbkdf2", "pbkdf2_sha256$1000$pinkSalt1234567890ABCD$qzb6V2cqf7HPrMjNex+Z74AFgXhzR07HsdXj3NqKh1o="),
    ("pbkdf2", "pbkdf2_sha1$1000$pinkSalt1234567890ABCD$B1H80PCkbodTNJj88aSOpQV/mcA="),
];
const FOREIGN_PASSWORD: &str = "correct horse battery staple";

/// The pool as it is unless configured.
fn strong_pool() -> Arc<HashingPool> {
    let options = PoolOptions {
        threads: NonZeroUsize::MIN,
        queue: NonZeroUsize::new(8).unwrap(),
        params: Strength { memory_kib: 19_456, passes: 2, lanes: 1 },
        entropy: Arc::new(|bytes: &mut [u8]| SystemEntropy.fill(bytes)),
        decoy_key: [9; 32],
    };
    Arc::new(HashingPool::new(options).unwrap())
}

#[test]
fn f3_an_imported_hash_signs_in_and_is_upgraded_at_the_first_sign_in_and_once_only() {
    let mut house = House::new();
    let pool = strong_pool();
    house.world.passwords = Arc::clone(&pool) as Arc<_>;
    let mut guard = Guard::of(&house);
    for (n, (scheme, hash)) in FOREIGN.iter().enumerate() {
        let ann = house.imported(&format!("ann{n}"), Some(hash));
        let stored = || house.user(ann.id).password.unwrap().expose().to_owned();
        assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::InvalidCredentials)), "{scheme}");
        assert_eq!(stored(), *hash, "a wrong password upgrades nothing");
        let seen = house.last_event();
        let device = house.try_sign_in(ann.request(FOREIGN_PASSWORD)).unwrap();
        let kinds: Vec<_> = house.events_after(seen).iter().map(|event| event.what.kind).collect();
        assert_eq!(kinds, [EventKind::SignedIn, EventKind::PasswordUpgraded], "{scheme}");
        let upgraded = stored();
        assert!(upgraded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{scheme}: {upgraded}");
        // An upgrade is no change of the password: nothing ends.
        assert!(is_alive(&house, &mut guard, &device));
        let counts = pool.counts();
        house.try_sign_in(ann.request(FOREIGN_PASSWORD)).unwrap();
        assert_eq!((stored(), pool.counts().argon2 - counts.argon2), (upgraded, 1), "{scheme}");
        assert!(matches!(house.try_sign_in(ann.request(NEW)), Err(Error::InvalidCredentials)), "{scheme}");
    }
}

#[test]
fn f3_signing_up_hashes_with_what_is_configured_and_authenticating_again_upgrades_too() {
    let mut house = House::new();
    house.world.passwords = super::passwords::quick_pool();
    let ann = house.person("ann");
    let stored = |house: &House| house.user(ann.id).password.unwrap().expose().to_owned();
    assert!(stored(&house).starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    let device = house.sign_in(&ann);
    let before = stored(&house);
    house.world.passwords = strong_pool();
    let device = device.reauthenticate(&house, OLD).unwrap();
    assert!(stored(&house).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_ne!(stored(&house), before);
    assert_alive(&house, &mut Guard::of(&house), &device);
}

#[test]
fn f4_identifiers_of_one_millisecond_never_collide_and_no_token_is_born_revoked() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (mut sessions, mut tokens, mut refresh_tokens, mut access) =
        (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
    for n in 0..100 {
        let device = house.sign_in(&ann);
        let next = device.refresh(&house).unwrap();
        for one in [&device, &next] {
            guard.check_now(&house, one.access()).unwrap_or_else(|rejected| panic!("born dead, {n}: {rejected}"));
            assert!(tokens.insert(one.signed.access.id));
            assert!(access.insert(one.access().to_owned()));
            assert!(refresh_tokens.insert(one.refresh_token().to_owned()));
        }
        assert!(sessions.insert(device.session()));
        // What ends meanwhile ends the former ones alone.
        match n % 4 {
            0 => drop(next.log_out(&house).unwrap()),
            1 => drop(next.end_all(&house).unwrap()),
            2 => drop(house.revoke(Scope::Everyone { services: true })),
            _ => drop(house.revoke(Scope::Token { token: next.signed.access.id })),
        }
        assert!(guard.check_now(&house, next.access()).is_err());
    }
    let ids: HashSet<_> = house.events().iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), house.events().len());
    let tags: HashSet<_> = house.log().iter().map(|row| row.tag.to_string()).collect();
    assert_eq!(tags.len(), house.log().len());
}
