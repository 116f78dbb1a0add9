//! E1 to E4: the list of devices. Which one is the current one is for HTTP to mark.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use rescind::activity::Activity;
use rescind_domain::Error;
use rescind_domain::address::{IpNet, client_address};
use rescind_domain::client::{ClientKind, ClientPolicy};
use rescind_domain::clock::{Clock as _, Timestamp};
use rescind_domain::device::{Device as Model, DeviceKind};
use rescind_domain::policy::AtLimit;
use rescind_domain::verbs::sign_in::SignIn;
use rescind_domain::verbs::update_session::{Changes, update_session};
use rescind_domain::verbs::{keep_house, list_sessions};
use rescind_wire::{Scope, SessionId};

use super::clock::START;
use super::device::{Device, OLD, Person};
use super::guard::Guard;
use super::house::{DAY, HOUR, House, MINUTE, OPERATOR, run};
use super::paths::{assert_alive, assert_dead, is_alive};
use super::scale::copy_sessions;

/// All pages of one's own list.
fn paged(house: &House, device: &Device, limit: u32) -> Vec<SessionId> {
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = run(list_sessions::list_own(&house.world, &device.acting(), after, limit)).unwrap();
        assert!(page.sessions.len() <= limit as usize);
        found.extend(page.sessions.iter().map(|listed| listed.session.id));
        after = page.next;
        if after.is_none() {
            return found;
        }
        assert_eq!(page.sessions.len(), limit as usize, "a page that is not the last is full");
    }
}

#[test]
fn e1_the_list_shows_every_live_session_and_only_live_ones_through_all_its_pages() {
    let house = House::new();
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let (app, _) = house.client("app", ClientKind::Mobile);
    let forgetful = |person: &Person| SignIn { remember: false, ..person.request(OLD) };
    // Gone before: one of each kind, and one that is spared.
    let spared = house.sign_in(&ann);
    let before: Vec<_> = (0..5).map(|_| house.sign_in(&ann)).collect();
    spared.end_others(&house).unwrap();
    let expired: Vec<_> = (0..10).map(|_| house.try_sign_in(forgetful(&ann)).unwrap()).collect();
    house.advance(DAY);
    let mut alive: BTreeSet<SessionId> = BTreeSet::from([spared.session()]);
    let mut dead: Vec<SessionId> = before.iter().chain(&expired).map(Device::session).collect();
    let mut last = spared;
    // 300 more, of which every tenth is ended on its own, some at the same position and in the same millisecond.
    for n in 0..300 {
        let device = if n % 7 == 0 { house.sign_in_with(&ann, &app) } else { house.sign_in(&ann) };
        if n % 10 == 9 {
            device.log_out(&house).unwrap();
            dead.push(device.session());
        } else if n % 7 == 0 {
            dead.push(device.session());
        } else {
            alive.insert(device.session());
            last = device;
        }
        if n % 50 == 0 {
            house.advance(Duration::from_millis(1));
        }
    }
    house.revoke(Scope::Grant { user: ann.id, client: app });
    house.sign_in(&bob);

    for limit in [1, 7, 100, 257, 1000] {
        let found = paged(&house, &last, limit);
        let shown: BTreeSet<_> = found.iter().copied().collect();
        assert_eq!(shown.len(), found.len(), "one is there twice, {limit} to the page");
        assert_eq!(shown, alive, "{limit} to the page");
        assert!(dead.iter().all(|gone| !shown.contains(gone)));
    }
    let by_the_operator: BTreeSet<_> = house.devices_of(ann.id).iter().map(|listed| listed.session.id).collect();
    assert_eq!(by_the_operator, alive);
    // By client it is the same, whoever they are.
    let default = "default".parse().unwrap();
    let of_client = list_sessions::list_of_client(&house.world, OPERATOR, default, None, 1000);
    assert_eq!(run(of_client).unwrap().sessions.len(), alive.len() + 1);
}

#[test]
fn e1_latest_first_and_the_spared_one_is_not_lost_at_the_end_of_a_full_page() {
    let house = House::new();
    let ann = house.person("ann");
    let spared = house.sign_in(&ann);
    house.sign_in(&ann);
    spared.end_others(&house).unwrap();
    let mut expected: Vec<SessionId> = Vec::new();
    for _ in 0..4 {
        house.advance(Duration::from_millis(1));
        expected.insert(0, house.sign_in(&ann).session());
    }
    expected.push(spared.session());
    for limit in 1..=6 {
        assert_eq!(paged(&house, &spared, limit), expected, "{limit} to the page");
    }
}

#[test]
fn e1_a_list_of_few_devices_and_one_of_many_are_the_same_in_the_same_order() {
    let house = House::new();
    // Around every number from which devices may count as many.
    let counts = (0..4).chain(28..36).chain(61..67).chain([1_000]);
    for count in counts {
        let ann = house.person(&format!("ann{count}"));
        let (spared, gone) = (house.sign_in(&ann), house.sign_in(&ann));
        spared.end_others(&house).unwrap();
        let last = house.sign_in(&ann);
        if count > 0 {
            copy_sessions(&house, &last, count);
        }
        shuffle_copies(&house, &last, &[spared.session(), gone.session()]);
        // The operator's list knows nothing of few and many.
        let expected: Vec<_> = house.devices_of(ann.id).iter().map(|listed| listed.session.id).collect();
        assert_eq!(expected.last(), Some(&spared.session()));
        assert!(expected.contains(&last.session()) && !expected.contains(&gone.session()));
        for limit in if count < 100 { [1, 31, 50] } else { [100, 257, 1_000] } {
            for device in [&spared, &last] {
                assert_eq!(paged(&house, device, limit), expected, "{count} more, {limit} to the page");
            }
        }
        let page = run(list_sessions::own_devices(&house.world, &last.acting(), None, 1_000)).unwrap();
        let others: Vec<_> = page.others.sessions.iter().map(|listed| listed.session.id).collect();
        assert_eq!(others, expected.into_iter().filter(|id| *id != last.session()).collect::<Vec<_>>());
        assert_eq!(page.own.session.id, last.session());
    }
}

/// Spreads the copies of a device's session over four milliseconds, in no order, and ends a third of them.
fn shuffle_copies(house: &House, of: &Device, others: &[SessionId; 2]) {
    let conn = rusqlite::Connection::open(house.database()).unwrap();
    let (user, own) = (*of.user().as_bytes(), *of.session().as_bytes());
    let values = rusqlite::params![user, own, others[0].as_bytes(), others[1].as_bytes()];
    let sql = "UPDATE sessions SET started_at = started_at + unicode(hex(id)) % 4, \
               ended = iif(unicode(hex(id)) % 3 = 0, 1, NULL), ended_at = iif(unicode(hex(id)) % 3 = 0, 1, NULL) \
               WHERE user_id = ?1 AND id NOT IN (?2, ?3, ?4)";
    conn.execute(sql, values).unwrap();
}

#[test]
fn e1_sessions_that_expired_or_lost_their_only_client_are_not_shown() {
    let house = House::with(|policy| policy.remembered_idle = HOUR);
    let ann = house.person("ann");
    let (app, _) = house.client("app", ClientKind::Mobile);
    let (idle, _app, laptop) = (house.sign_in(&ann), house.sign_in_with(&ann, &app), house.sign_in(&ann));
    assert_eq!(house.devices_of(ann.id).len(), 3);
    house.revoke(Scope::Client { client: app });
    assert_eq!(house.devices_of(ann.id).len(), 2);
    house.advance(HOUR - MINUTE);
    let laptop = laptop.refresh(&house).unwrap();
    house.advance(MINUTE);
    assert!(!house.is_listed(&idle));
    assert_eq!(paged(&house, &laptop, 10), [laptop.session()]);
    house.revoke(Scope::Everyone { services: false });
    assert!(house.devices_of(ann.id).is_empty());
}

#[test]
fn e2_name_browser_system_address_and_times_are_those_of_the_device_also_behind_a_proxy() {
    let house = House::new();
    let ann = house.person("ann");
    let trusted = [IpNet::parse("10.0.0.0/8").unwrap()];
    let proxy: IpAddr = "10.1.2.3".parse().unwrap();
    let agent = "Mozilla/5.0 (Android 14; Mobile; rv:126.0) Gecko/126.0 Firefox/126.0";
    // What the client wrote to the left of its own address is not believed.
    let address = client_address(proxy, &["203.0.113.9, 192.0.2.55", "10.9.9.9"], &trusted);
    let stranger = client_address("198.51.100.1".parse().unwrap(), &["203.0.113.9"], &trusted);
    let sign_in = |address, name: Option<&str>| {
        let (user_agent, device_name) = (Some(agent.to_owned()), name.map(str::to_owned));
        house.try_sign_in(SignIn { address: Some(address), user_agent, device_name, ..ann.request(OLD) }).unwrap()
    };
    let (phone, named) = (sign_in(address, None), sign_in(stranger, Some("Kitchen")));
    let began = house.clock.steady();
    house.advance(MINUTE);
    run(keep_house::record_activity(&house.world, vec![(ann.id, phone.session(), house.clock.steady())])).unwrap();
    let listed = house.devices_of(ann.id);
    let row = |device: &Device| &listed.iter().find(|row| row.session.id == device.session()).unwrap().session;
    let session = row(&phone);
    assert_eq!(session.address, Some("192.0.2.55".parse().unwrap()));
    assert_eq!((session.started_at, session.last_seen_at), (began, began.after(MINUTE)));
    let model = Model::from_user_agent(session.user_agent.as_deref().unwrap());
    assert_eq!(model.name, "Firefox on Android");
    assert_eq!((model.browser.as_deref(), model.os.as_deref()), (Some("Firefox"), Some("Android")));
    assert_eq!(model.kind, DeviceKind::Phone);
    assert_eq!(session.name, None);
    let session = row(&named);
    assert_eq!(session.address, Some("198.51.100.1".parse().unwrap()), "a stranger's header is ignored");
    assert_eq!((session.name.as_deref(), session.last_seen_at), (Some("Kitchen"), began));
}

#[test]
fn e2_a_refresh_counts_as_being_seen() {
    let house = House::new();
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    house.advance(HOUR);
    phone.refresh(&house).unwrap();
    assert_eq!(house.devices_of(ann.id)[0].session.last_seen_at, house.clock.steady());
}

#[test]
fn e2_addresses_are_stored_nowhere_when_that_is_switched_off() {
    let house = House::with(|policy| policy.store_addresses = false);
    let mut guard = Guard::of(&house);
    let (address, text): (IpAddr, _) = ("203.0.113.77".parse().unwrap(), "203.0.113.77");
    let ann = house.person("ann");
    let request = |password| SignIn { address: Some(address), ..ann.request(password) };
    let (phone, laptop) = (house.try_sign_in(request(OLD)).unwrap(), house.try_sign_in(request(OLD)).unwrap());
    house.try_sign_in(request("wrong wrong")).unwrap_err();
    laptop.reauthenticate(&house, "wrong wrong").unwrap_err();
    let laptop = laptop.reauthenticate(&house, OLD).unwrap();
    let changes = Changes { name: Some(Some("Mine".into())), metadata: None };
    run(update_session(&house.world, &laptop.acting(), phone.session(), changes)).unwrap();
    laptop.end(&house, SessionId::from_bytes([1; 16])).unwrap_err();
    let next = phone.refresh(&house).unwrap();
    house.advance(MINUTE);
    phone.refresh(&house).unwrap_err();
    next.refresh(&house).unwrap_err();
    let laptop = assert_alive(&house, &mut guard, &laptop);
    laptop.end_others(&house).unwrap();
    laptop.change_password(&house).unwrap();
    laptop.log_out(&house).unwrap();
    assert!(house.events().len() > 10);
    assert!(house.events().iter().all(|event| event.what.address.is_none()));
    assert!(house.stored_sessions().iter().all(|session| session.address.is_none()));
    // Not a byte of it, neither in the file nor in what is written ahead of it.
    for entry in std::fs::read_dir(house.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()));
    }
}

#[test]
fn e3_being_seen_costs_no_write_per_request_and_one_commit_for_all() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let people: Vec<_> = (0..20).map(|n| house.person(&format!("ann{n}"))).collect();
    let devices: Vec<_> = people.iter().map(|person| house.sign_in(person)).collect();
    guard.follow(&house);
    let activity = Activity::default();
    let before = house.sqlite.stats();
    house.advance(Duration::from_secs(1));
    for _ in 0..25 {
        for device in &devices {
            let verified = guard.check(device.access()).unwrap();
            activity.seen(*verified.user().unwrap(), *verified.session().unwrap(), house.clock.steady());
        }
    }
    // 500 requests: nothing was written, and nothing was read either.
    assert_eq!(house.sqlite.stats(), before);
    run(keep_house::record_activity(&house.world, activity.take())).unwrap();
    let after = house.sqlite.stats();
    assert_eq!((after.commits - before.commits, after.rows - before.rows), (1, 20));
    for person in &people {
        assert_eq!(house.devices_of(person.id)[0].session.last_seen_at, house.clock.steady());
    }
    // What was seen before is no news.
    run(keep_house::record_activity(&house.world, vec![(people[0].id, devices[0].session(), Timestamp(START))]))
        .unwrap();
    assert_eq!(house.sqlite.stats().rows, after.rows);
}

#[test]
fn e3_writing_activity_down_while_sessions_sign_in_refresh_and_end_never_deadlocks() {
    let house = House::new();
    let people: Vec<_> = (0..4).map(|n| house.person(&format!("ann{n}"))).collect();
    let devices: Vec<_> = people.iter().map(|person| house.sign_in(person)).collect();
    std::thread::scope(|scope| {
        for backwards in [false, true] {
            let (house, devices) = (&house, &devices);
            scope.spawn(move || {
                for n in 0..20 {
                    let at = house.clock.steady().after(Duration::from_millis(n));
                    let mut seen: Vec<_> = devices.iter().map(|one| (one.user(), one.session(), at)).collect();
                    if backwards {
                        seen.reverse();
                    }
                    run(keep_house::record_activity(&house.world, seen)).unwrap();
                }
            });
        }
        for person in &people {
            let house = &house;
            scope.spawn(move || {
                for _ in 0..5 {
                    let device = house.sign_in(person).refresh(house).unwrap();
                    device.log_out(house).unwrap();
                }
            });
        }
    });
    for device in &devices {
        assert!(house.is_listed(device));
    }
}

/// How many of eight sign-ins at once went well, and how many sessions are alive after them.
fn eight_at_once(house: &House, ann: &Person) -> (usize, usize) {
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        // From addresses of their own, or they would wait for each other (B7).
        let request = |n| SignIn { address: Some(IpAddr::from([192, 0, 2, n])), ..ann.request(OLD) };
        let tries: Vec<_> = (0..8).map(|n| scope.spawn(move || house.try_sign_in(request(n)))).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut guard = Guard::of(house);
    for outcome in &outcomes {
        assert!(matches!(outcome, Ok(_) | Err(Error::TooManySessions { limit: 3 })), "{outcome:?}");
    }
    let alive = outcomes.iter().flatten().filter(|device| is_alive(house, &mut guard, device)).count();
    assert_eq!(alive, house.devices_of(ann.id).len());
    (outcomes.iter().flatten().count(), alive)
}

#[test]
fn e4_a_limit_of_sessions_holds_under_concurrent_sign_ins() {
    let limited = |at_limit| {
        House::with(|policy| {
            policy.session_limit = Some(3);
            policy.at_limit = at_limit;
        })
    };
    let house = limited(AtLimit::EndOldest);
    assert_eq!(eight_at_once(&house, &house.person("ann")), (8, 3));
    let house = limited(AtLimit::Refuse);
    let ann = house.person("ann");
    assert_eq!(eight_at_once(&house, &ann), (3, 3));
    // One that ended makes room for one.
    let listed = house.devices_of(ann.id)[0].session.id;
    house.revoke(Scope::Session { user: ann.id, session: listed });
    house.sign_in(&ann);
    assert!(matches!(house.try_sign_in(ann.request(OLD)), Err(Error::TooManySessions { limit: 3 })));
    // So does one that expired, and nobody else's count.
    house.advance(31 * DAY);
    house.sign_in(&ann);
    house.sign_in(&house.person("bob"));
}

#[test]
fn e4_the_oldest_session_makes_room_and_the_others_stay() {
    let house = House::with(|policy| policy.session_limit = Some(2));
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let mut devices = Vec::new();
    for _ in 0..4 {
        devices.push(house.sign_in(&ann));
        house.advance(MINUTE);
    }
    let alive: Vec<_> = devices.iter().map(|device| is_alive(&house, &mut guard, device)).collect();
    assert_eq!(alive, [false, false, true, true]);
    assert_dead(&house, &mut guard, &devices[0]);
}

#[test]
fn e4_a_client_may_refuse_where_the_deployment_ends_the_oldest_and_the_other_way_round() {
    for (at_limit, of_client) in [(AtLimit::EndOldest, AtLimit::Refuse), (AtLimit::Refuse, AtLimit::EndOldest)] {
        let house = House::with(|policy| {
            policy.session_limit = Some(1);
            policy.at_limit = at_limit;
        });
        let policy = ClientPolicy { at_limit: Some(of_client), ..ClientPolicy::default() };
        let (tv, _) = house.client_with("tv", ClientKind::Native, policy, &[]);
        let ann = house.person("ann");
        let first = house.sign_in(&ann);
        let second = house.try_sign_in(SignIn { client: Some(tv), ..ann.request(OLD) });
        let refused = matches!(second, Err(Error::TooManySessions { limit: 1 }));
        assert_eq!(refused, of_client == AtLimit::Refuse, "{second:?}");
        assert_eq!(is_alive(&house, &mut Guard::of(&house), &first), refused);
    }
}

#[test]
fn a6_a_client_may_ask_for_a_fresher_authentication_or_an_older_one() {
    let house = House::new();
    let client = |id, seconds| {
        let policy = ClientPolicy { fresh_seconds: Some(seconds), ..ClientPolicy::default() };
        house.client_with(id, ClientKind::Native, policy, &[]).0
    };
    let (bank, radio) = (client("bank", 60), client("radio", 3600));
    let ann = house.person("ann");
    let targets: Vec<_> = (0..4).map(|_| house.sign_in(&ann)).collect();
    let (at_bank, plain, at_radio) =
        (house.sign_in_with(&ann, &bank), house.sign_in(&ann), house.sign_in_with(&ann, &radio));
    house.advance(MINUTE);
    at_bank.end(&house, targets[0].session()).unwrap();
    house.advance(Duration::from_millis(1));
    let stale = at_bank.end(&house, targets[1].session());
    assert!(matches!(stale, Err(Error::StaleAuthentication { max_age: MINUTE })), "{stale:?}");
    plain.end(&house, targets[1].session()).unwrap();
    house.advance(4 * MINUTE - Duration::from_millis(2));
    let refreshed = (plain.refresh(&house).unwrap(), at_radio.refresh(&house).unwrap());
    house.advance(MINUTE);
    assert!(matches!(refreshed.0.end(&house, targets[2].session()), Err(Error::StaleAuthentication { .. })));
    refreshed.1.end(&house, targets[2].session()).unwrap();
}

#[test]
fn e4_a_clients_own_limit_counts_and_ends_its_own_sessions_alone() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let policy = ClientPolicy { session_limit: Some(1), ..ClientPolicy::default() };
    let (tv, _) = house.client_with("tv", ClientKind::Native, policy, &[]);
    let ann = house.person("ann");
    let others = [(); 3].map(|()| house.sign_in(&ann));
    house.advance(MINUTE);
    let first = house.sign_in_with(&ann, &tv);
    house.advance(MINUTE);
    let second = house.sign_in_with(&ann, &tv);
    assert!(!is_alive(&house, &mut guard, &first));
    assert!(is_alive(&house, &mut guard, &second));
    for other in &others {
        assert!(is_alive(&house, &mut guard, other), "a session of another client made room");
    }
}
