//! A13 to A15: what ended stays ended, and each ending is one entry and one event.

use rescind_domain::Error;
use rescind_domain::client::ClientKind;
use rescind_domain::event::EventKind;
use rescind_domain::revocation::Actor;
use rescind_domain::verbs::lock_account::{self, LockFor};
use rescind_domain::verbs::{
    administer_clients, administer_keys, begin_epoch, change_password, delete_account, keep_house, revoke,
};
use rescind_verifier::{Break, Broken, Rejected};
use rescind_wire::{ClientId, KeyId, Scope};

use super::device::{Device, NEW, OLD, Person};
use super::guard::Guard;
use super::house::{HOUR, House, MINUTE, OPERATOR, password, run};
use super::paths::{assert_alive, assert_dead};

/// Devices that each ended in a way of their own.
fn ended_in_every_way(house: &House) -> Vec<(&'static str, Device)> {
    let device = |login: &str| house.sign_in(&house.person(login));
    let mut dead = vec![("everyone", device("amy"))];
    house.revoke(Scope::Everyone { services: false });
    // Those that come now are not covered by it.
    let [app, tool] = ["app", "tool"].map(|id| house.client(id, ClientKind::Mobile).0);
    let with = |login: &str, client| house.sign_in_with(&house.person(login), client);
    let more = [
        ("session", device("ann")),
        ("user", device("bea")),
        ("deleted", device("cat")),
        ("grant", with("dot", &app)),
        ("client", with("eve", &tool)),
    ];
    for (way, device) in &more {
        let user = device.user();
        match *way {
            "session" => device.log_out(house).map(drop).unwrap(),
            "user" => device.end_all(house).map(drop).unwrap(),
            "deleted" => {
                run(delete_account::delete_user(&house.world, OPERATOR, user, "left".into())).unwrap();
            }
            "grant" => drop(house.revoke(Scope::Grant { user, client: app.clone() })),
            "client" => drop(house.revoke(Scope::Client { client: tool.clone() })),
            other => unreachable!("{other}"),
        }
    }
    dead.extend(more);
    dead
}

#[test]
fn a13_nothing_that_is_cleared_restarted_or_purged_revives_what_ended() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let dead = ended_in_every_way(&house);
    let check = |house: &House, guard: &mut Guard| {
        dead.iter().map(|(_, device)| assert_dead(house, guard, device)).collect::<Vec<_>>()
    };
    let because = check(&house, &mut guard);
    for ((way, _), rejected) in dead.iter().zip(&because) {
        let expected = if *way == "deleted" { "user" } else { way };
        assert!(matches!(rejected, Rejected::Revoked { scope, .. } if *scope == expected), "{way}: {rejected}");
    }
    // A verifier that begins anew, one whose feed broke off, and one that is offered what was true before.
    assert_eq!(check(&house, &mut Guard::of(&house)), because);
    guard.keeper.break_off(Break::Gap);
    assert_eq!(check(&house, &mut guard), because);
    assert_eq!(guard.offer(&house, 3), Err(Broken::OlderSnapshot));
    assert_eq!(check(&house, &mut guard), because);
    // The authority starts again, with nothing in memory.
    let house = house.restarted();
    assert_eq!(check(&house, &mut guard), because);
    assert_eq!(check(&house, &mut Guard::of(&house)), because);
    // The floor has passed every entry: a verifier whose wall was set back sees neither `exp` nor the entries.
    house.advance(HOUR);
    house.keep_house();
    assert_eq!(house.head().floor, house.number());
    guard.clock.set_back(HOUR);
    assert_forgotten(&check(&house, &mut guard));
    // All that was stored of them is purged.
    house.advance(house.world.policy.retention);
    guard.clock.set_back(house.world.policy.retention);
    house.keep_house();
    assert!(house.stored_sessions().is_empty());
    assert_forgotten(&check(&house, &mut guard));
    let house = house.restarted();
    assert_forgotten(&check(&house, &mut guard));
}

/// The revocation of everyone is one number, which need not be forgotten.
#[track_caller]
fn assert_forgotten(rejected: &[Rejected]) {
    let (first, rest) = rejected.split_first().unwrap();
    assert!(matches!(first, Rejected::BelowFloor | Rejected::Revoked { scope: "everyone", .. }), "{first}");
    assert!(rest.iter().all(|rejected| *rejected == Rejected::BelowFloor), "{rest:?}");
}

#[test]
fn a14_an_administrator_ends_one_users_sessions_one_clients_or_everyones_with_one_entry_each() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (_, root) = house.administrator();
    let (app, _) = house.client("app", ClientKind::Mobile);
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let anns = [(); 3].map(|()| house.sign_in(&ann));
    let apps = [&ann, &bob].map(|person| house.sign_in_with(person, &app));
    let bobs = house.sign_in(&bob);
    let end = |caller: &Device, scope: Scope| {
        let (before, seen) = (house.number(), house.last_event());
        let caller = caller.administering();
        let receipt = run(revoke::revoke(&house.world, &caller, scope.clone(), "audit".into(), None)).unwrap();
        let log = house.log_after(before);
        assert_eq!(log.len(), 1, "{scope}");
        assert_eq!(
            (log[0].position, &log[0].reason, &log[0].actor),
            (receipt.position, &receipt.reason, &caller.actor())
        );
        let events = house.events_after(seen);
        assert_eq!(events.len(), 1, "{scope}");
        assert_eq!(events[0].what.revocation, Some(receipt.position.number));
    };
    end(&root, Scope::Client { client: app.clone() });
    for device in &apps {
        assert_dead(&house, &mut guard, device);
    }
    let [one, two, three] = anns.map(|device| assert_alive(&house, &mut guard, &device));
    end(&root, Scope::User { user: ann.id, except: Some(two.session()), deleted: false });
    assert_dead(&house, &mut guard, &one);
    assert_dead(&house, &mut guard, &three);
    let two = assert_alive(&house, &mut guard, &two);
    end(&root, Scope::User { user: ann.id, except: None, deleted: false });
    assert_dead(&house, &mut guard, &two);
    let bobs = assert_alive(&house, &mut guard, &bobs);
    end(&root, Scope::Everyone { services: false });
    assert_dead(&house, &mut guard, &bobs);
    assert_dead(&house, &mut guard, &root);
}

/// Somebody with two devices, one of them signed in with a client of its own.
struct Scene {
    house: House,
    ann: Person,
    laptop: Device,
    phone: Device,
    app: ClientId,
}

impl Scene {
    fn new() -> Self {
        let house = House::new();
        let ann = house.person("ann");
        let (app, _) = house.client("app", ClientKind::Mobile);
        let (laptop, phone) = (house.sign_in(&ann), house.sign_in_with(&ann, &app));
        Self { house, ann, laptop, phone, app }
    }

    fn revoke(&self, scope: Scope) {
        self.house.revoke(scope);
    }

    fn key(&self, mac: bool) -> KeyId {
        let keys = self.house.read(|view| Ok(view.keys()?));
        keys.into_iter().find(|row| (row.purpose == rescind_domain::key::Purpose::Mac) == mac).unwrap().id
    }

    fn compromise(&self, mac: bool) {
        let key = self.key(mac);
        run(administer_keys::compromise_key(&self.house.world, OPERATOR, key, "leaked".into(), None)).unwrap();
    }

    /// The chain's last rotation is lost, as when a store goes back.
    fn lose_a_rotation(&self, device: &Device) {
        let session = device.session();
        let user = device.user();
        let job = move |tx: &mut dyn rescind_domain::store::Tx| {
            let mut chain = tx.chains(&user, &session)?.remove(0);
            chain.counter -= 1;
            Ok(tx.rotate_chain(&chain)?)
        };
        run(self.house.world.store.transact("lose", job)).unwrap();
    }
}

type Ending = (&'static str, fn(&mut Scene), &'static [EventKind]);

/// Every way of ending anything, and the events that come with the entries of the log that it writes.
const ENDINGS: &[Ending] = {
    use EventKind::{
        ClientRemoved, EpochBegun, KeyAdded, KeyRevoked, PasswordChanged, PasswordReset, RefreshReused, Revoked,
        SessionDisplaced, SessionEnded, SessionsEnded, UserDeleted, UserLocked,
    };
    const EPOCH: &[EventKind] = &[EpochBegun, KeyRevoked, KeyRevoked, KeyAdded];
    &[
        ("log-out", |s| drop(s.phone.log_out(&s.house).unwrap()), &[SessionEnded]),
        ("ending the current one", |s| drop(s.phone.end(&s.house, s.phone.session()).unwrap()), &[SessionEnded]),
        ("ending another one", |s| drop(s.laptop.end(&s.house, s.phone.session()).unwrap()), &[SessionEnded]),
        ("ending any", |s| drop(run(end_any(s)).unwrap()), &[SessionEnded]),
        ("ending the others", |s| drop(s.laptop.end_others(&s.house).unwrap()), &[SessionsEnded]),
        ("ending all", |s| drop(s.laptop.end_all(&s.house).unwrap()), &[SessionsEnded]),
        ("changing the password", |s| drop(s.laptop.change_password(&s.house).unwrap()), &[PasswordChanged]),
        ("setting a password", |s| set_password(s), &[PasswordReset]),
        ("locking oneself", |s| lock_own(s), &[UserLocked]),
        ("locking a user", |s| lock_user(s), &[UserLocked]),
        ("deleting oneself", |s| delete_own(s), &[UserDeleted]),
        ("deleting a user", |s| delete_user(s), &[UserDeleted]),
        ("revoking everyone", |s| s.revoke(Scope::Everyone { services: false }), &[Revoked]),
        ("revoking services too", |s| s.revoke(Scope::Everyone { services: true }), &[Revoked]),
        ("revoking a client", |s| s.revoke(Scope::Client { client: s.app.clone() }), &[Revoked]),
        ("revoking a user", |s| s.revoke(all_of(s, None)), &[SessionsEnded]),
        ("revoking all but one", |s| s.revoke(all_of(s, Some(&s.laptop))), &[SessionsEnded]),
        ("revoking a grant", |s| s.revoke(Scope::Grant { user: s.ann.id, client: s.app.clone() }), &[Revoked]),
        ("revoking a session", |s| s.revoke(session_of(&s.phone)), &[SessionEnded]),
        ("revoking a token", |s| s.revoke(Scope::Token { token: s.phone.signed.access.id }), &[Revoked]),
        ("revoking a key", |s| s.revoke(Scope::Key { key: s.key(false) }), &[KeyAdded, KeyRevoked]),
        ("a compromised signing key", |s| s.compromise(false), &[KeyAdded, KeyRevoked]),
        ("a compromised MAC key", |s| s.compromise(true), &[KeyRevoked]),
        ("removing a client", |s| remove_client(s), &[ClientRemoved]),
        ("retiring a key", |s| retire(s), &[KeyAdded, KeyRevoked]),
        ("a reused refresh token", |s| reuse(s), &[RefreshReused]),
        ("one session too many", |s| one_too_many(s), &[SessionDisplaced]),
        ("a restore", |s| restore(s, false), EPOCH),
        ("a restore that keeps sessions", |s| restore(s, true), &[]),
        ("a token beyond the head", |s| beyond_the_head(s), EPOCH),
        ("a store that went back", |s| went_back(s), EPOCH),
        ("a refresh token beyond its counter", |s| beyond_the_counter(s), EPOCH),
    ]
};

fn all_of(s: &Scene, except: Option<&Device>) -> Scope {
    Scope::User { user: s.ann.id, except: except.map(Device::session), deleted: false }
}

fn session_of(device: &Device) -> Scope {
    Scope::Session { user: device.user(), session: device.session() }
}

async fn end_any(s: &Scene) -> Result<Option<rescind_domain::revocation::Receipt>, Error> {
    rescind_domain::verbs::end_session::end_any(&s.house.world, OPERATOR, s.phone.session(), "stolen".into()).await
}

fn set_password(s: &Scene) {
    run(change_password::set(&s.house.world, OPERATOR, s.ann.id, password(NEW))).unwrap();
}

fn lock_own(s: &Scene) {
    run(lock_account::lock_own(&s.house.world, &s.laptop.acting(), None)).unwrap();
}

fn lock_user(s: &Scene) {
    run(lock_account::lock_user(&s.house.world, OPERATOR, s.ann.id, LockFor::Default, "lost".into(), None)).unwrap();
}

fn delete_own(s: &Scene) {
    run(delete_account::delete_own(&s.house.world, &s.laptop.acting(), password(OLD), None)).unwrap();
}

fn delete_user(s: &Scene) {
    run(delete_account::delete_user(&s.house.world, OPERATOR, s.ann.id, "left".into())).unwrap();
}

fn remove_client(s: &Scene) {
    run(administer_clients::remove_client(&s.house.world, OPERATOR, s.app.clone(), "gone".into())).unwrap();
}

fn retire(s: &Scene) {
    run(administer_keys::rotate_keys(&s.house.world, OPERATOR, None)).unwrap();
    s.house.advance(2 * HOUR);
    assert!(run(keep_house::tend_keys(&s.house.world)).unwrap());
}

fn reuse(s: &Scene) {
    s.phone.refresh(&s.house).unwrap();
    s.house.advance(MINUTE);
    s.phone.refresh(&s.house).unwrap_err();
}

fn one_too_many(s: &mut Scene) {
    s.house.reconfigure(|policy| policy.session_limit = Some(2));
    s.house.sign_in(&s.ann);
}

fn restore(s: &Scene, keep_sessions: bool) {
    run(begin_epoch::after_restore(&s.house.world, keep_sessions)).unwrap();
}

fn beyond_the_head(s: &Scene) {
    let mut proof = s.house.head().position;
    proof.number += 1;
    assert!(run(begin_epoch::if_proven(&s.house.world, proof, "a token")).unwrap().is_some());
}

fn went_back(s: &Scene) {
    let found = s.house.head().position;
    let seen = rescind_wire::Position { number: found.number + 5, ..found };
    run(begin_epoch::store_went_back(&s.house.world, found, seen)).unwrap();
}

fn beyond_the_counter(s: &Scene) {
    let next = s.phone.refresh(&s.house).unwrap();
    s.lose_a_rotation(&s.phone);
    next.refresh(&s.house).unwrap_err();
}

#[test]
fn a15_every_ending_writes_exactly_one_event_for_each_entry_whoever_asked_for_it() {
    for (name, end, expected) in ENDINGS {
        let mut scene = Scene::new();
        let (number, seen) = (scene.house.number(), scene.house.last_event());
        end(&mut scene);
        let (log, events) = (scene.house.log_after(number), scene.house.events_after(seen));
        let ends: Vec<_> = events.iter().filter(|event| event.what.revocation.is_some()).collect();
        let kinds: Vec<_> = ends.iter().map(|event| event.what.kind).collect();
        assert_eq!(&kinds, expected, "{name}");
        assert_eq!(log.len(), ends.len(), "{name}");
        for (row, event) in log.iter().zip(&ends) {
            assert_eq!(event.what.revocation, Some(row.position.number), "{name}");
            assert_eq!((&event.what.actor, event.what.at), (&row.actor, row.at), "{name}");
        }
        if name.starts_with("revoking") {
            assert!(log.iter().all(|row| row.actor == Actor::CommandLine), "{name}");
        }
        let about_ann = |kind| {
            use EventKind::{RefreshReused, SessionDisplaced, SessionEnded, SessionsEnded, UserDeleted, UserLocked};
            matches!(kind, RefreshReused | SessionDisplaced | SessionEnded | SessionsEnded | UserDeleted | UserLocked)
        };
        for event in ends.iter().filter(|event| about_ann(event.what.kind)) {
            assert_eq!(event.what.user, Some(scene.ann.id), "{name}");
        }
        // Whoever replays sees each of them once, in the order in which they were committed.
        assert!(events.is_sorted_by(|a, b| a.id < b.id), "{name}");
    }
}
