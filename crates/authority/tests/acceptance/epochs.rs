//! G7 and R9: a restored backup, a copied data file, a store that lost its tail.

use std::path::Path;

use rescind::store::sqlite;
use rescind_domain::Error;
use rescind_domain::client::ClientKind;
use rescind_domain::error::RefreshRefusal;
use rescind_domain::event::EventKind;
use rescind_domain::store::StoreError;
use rescind_domain::verbs::{begin_epoch, read_log};
use rescind_verifier::{Broken, Rejected};
use rescind_wire::{Cause, Change, Epoch, Position, Scope};

use super::device::OLD;
use super::guard::Guard;
use super::house::{House, MINUTE, OPERATOR, run};
use super::paths::{assert_alive, assert_dead, is_alive};

/// Writes a backup beside the database.
fn backup(house: &House, name: &str) {
    house.sqlite.backup(house.dir.path().join(name)).unwrap();
}

/// The server is stopped, the data file replaced by the backup, and the server started again: somebody copied a file, and
/// no command of Rescind's had a part in it.
fn copied_back(house: House, name: &str) -> House {
    house.replaced(|dir| sqlite::restore(dir.join(name), dir.join("rescind.db")).unwrap())
}

/// As `rescind restore` does it.
fn restored(house: House, name: &str, keep_sessions: bool) -> (House, Epoch) {
    let house = copied_back(house, name);
    let epoch = run(begin_epoch::after_restore(&house.world, keep_sessions)).unwrap();
    house.load_keys();
    (house, epoch)
}

/// The data file is overwritten with the backup while the server has it open.
fn overwrite(database: &Path, backup: &Path) {
    let source = rusqlite::Connection::open(backup).unwrap();
    let mut live = rusqlite::Connection::open(database).unwrap();
    let step = rusqlite::backup::Backup::new(&source, &mut live).unwrap().step(-1).unwrap();
    assert_eq!(step, rusqlite::backup::StepResult::Done);
}

/// The keys that are not revoked.
fn keys(house: &House) -> Vec<String> {
    let rows = house.read(|view| Ok(view.keys()?)).into_iter().filter(|row| row.revoked.is_none());
    rows.map(|row| row.id.to_string()).collect()
}

/// What somebody gets who follows the log and the events and has come to these.
fn goes_on(house: &House, after: Position, event: u64) -> (Vec<Position>, Vec<u64>) {
    let (entries, _) = run(read_log::revocations_after(&house.world, OPERATOR, Some(after), 1000)).unwrap();
    let (events, _) = run(read_log::list_events(&house.world, OPERATOR, None, event, 1000)).unwrap();
    (entries.iter().map(|entry| entry.row.position).collect(), events.iter().map(|event| event.id).collect())
}

#[test]
fn r9_whoever_follows_log_and_events_misses_nothing_of_what_follows_a_restore() {
    let house = House::new();
    house.person("ann");
    let everyone = || Scope::Everyone { services: false };
    house.revoke(everyone());
    backup(&house, "backup.db");
    let (parted, kept) = (house.head().position, house.last_event());
    for _ in 0..5 {
        house.revoke(everyone());
    }
    // Somebody has come so far in a history that is about to be lost.
    let (old, seen) = (house.head().position, house.last_event());
    let (mut house, first) = restored(house, "backup.db", false);
    let mut lost = seen;
    for _ in 0..2 {
        house.revoke(everyone());
        let (new, head) = (house.log_after(parted.number), house.head().position);
        let revoked = new.iter().filter(|row| matches!(row.change, Change::Revoke(_)));
        let expected: Vec<Position> = revoked.map(|row| row.position).collect();
        assert!(expected.iter().any(|position| position.number <= old.number), "numbers come again");
        let told = house.events_after(kept);
        assert!(told.iter().any(|event| event.what.kind == EventKind::EpochBegun));
        for after in [parted, old, Position { number: u64::from(u32::MAX), ..old }] {
            let (entries, events) = goes_on(&house, after, lost);
            assert_eq!(entries, expected, "after {after}");
            assert_eq!(events, told.iter().map(|event| event.id).collect::<Vec<_>>());
        }
        assert_eq!(goes_on(&house, head, house.last_event()), (vec![], vec![]));
        let never = Position { epoch: Epoch::from_bytes([9; 10]), number: 1 };
        for after in [never, Position { number: head.number + 1, ..head }] {
            let refused = run(read_log::revocations_after(&house.world, OPERATOR, Some(after), 9));
            assert!(matches!(refused, Err(Error::NotInLog("position"))), "{after}: {refused:?}");
        }
        let refused = run(read_log::list_events(&house.world, OPERATOR, None, house.last_event() + 1, 9));
        assert!(matches!(refused, Err(Error::NotInLog("event"))), "{refused:?}");
        // The same backup again, a moment later: nor is an id of the first restore given a second time.
        lost = house.last_event();
        house.advance(MINUTE);
        house = restored(house, "backup.db", false).0;
    }
    let refused =
        run(read_log::revocations_after(&house.world, OPERATOR, Some(Position { epoch: first, number: 1 }), 9));
    assert!(matches!(refused, Err(Error::NotInLog("position"))), "an epoch that this history never had");
}

#[test]
fn g7_after_a_restore_nothing_that_was_issued_lives_on_and_all_keys_are_new() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let (job, secret) = house.client("job", ClientKind::Service);
    let secret = secret.unwrap();
    let (phone, stolen) = (house.sign_in(&ann), house.sign_in(&ann));
    let token = house.service_token(&job, &secret).unwrap();
    backup(&house, "monday.db");
    stolen.log_out(&house).unwrap();
    let later = house.sign_in(&bob);
    let next = phone.refresh(&house).unwrap();
    guard.check_now(&house, next.access()).unwrap();
    let (former_keys, former) = (keys(&house), house.head().position);

    let (house, epoch) = restored(house, "monday.db", false);
    assert_ne!(epoch, former.epoch);
    for device in [&phone, &stolen, &next] {
        assert_dead(&house, &mut guard, device);
    }
    let gone = later.refresh(&house);
    assert!(matches!(gone, Err(Error::RefreshRefused(RefreshRefusal::Unknown))), "{gone:?}");
    let late = Guard::of(&house);
    for token in [phone.access(), stolen.access(), next.access(), later.access(), &token] {
        assert!(guard.check_now(&house, token).is_err());
        assert!(late.check(token).is_err());
    }
    let new_keys = keys(&house);
    assert_eq!(new_keys.len(), former_keys.len());
    assert!(new_keys.iter().all(|key| !former_keys.contains(key)));
    // The first entry of the new epoch revokes everyone, services included, and follows on what the backup had.
    let first = house.log().into_iter().find(|row| row.position.epoch == epoch).unwrap();
    assert_eq!(first.change, rescind_wire::Change::Revoke(Scope::Everyone { services: true }));
    let epochs = house.read(|view| Ok(view.epochs()?));
    assert_eq!(epochs.former, [(former.epoch, first.position.number - 1)]);
    // From now on everything works, for those who sign in again.
    for person in [&ann, &bob] {
        let device = house.sign_in(person);
        assert_alive(&house, &mut guard, &device);
    }
    let token = house.service_token(&job, &secret).unwrap();
    guard.check_now(&house, &token).unwrap();
}

#[test]
fn g7_a_restore_that_keeps_sessions_goes_on_with_what_the_backup_knew() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let (phone, rotated, dead) = (house.sign_in(&ann), house.sign_in(&ann), house.sign_in(&ann));
    dead.log_out(&house).unwrap();
    backup(&house, "monday.db");
    let former = house.head().position;
    // Rotations that the backup does not know of, then a log-out, and a sign-in and a rotation after it.
    let next = rotated.refresh(&house).unwrap().refresh(&house).unwrap().refresh(&house).unwrap();
    house.sign_in(&bob).log_out(&house).unwrap();
    let later = house.sign_in(&bob);
    let beyond = next.refresh(&house).unwrap();
    assert!(later.claims().0.rev.number > former.number);

    let (house, epoch) = restored(house, "monday.db", true);
    assert_eq!(house.number(), former.number, "no entry was written");
    assert_eq!(house.read(|view| Ok(view.epochs()?)).former, [(former.epoch, former.number)]);
    // What was dead stays dead, what was alive goes on: the same tokens, of the former epoch.
    assert_dead(&house, &mut guard, &dead);
    assert_eq!(phone.claims().0.rev.epoch, former.epoch);
    let phone = assert_alive(&house, &mut guard, &phone);
    assert_eq!(phone.claims().0.rev.epoch, epoch);
    assert_alive(&house, &mut guard, &phone);
    // Beyond the end of the former epoch nothing is known.
    for device in [&later, &beyond] {
        assert_eq!(guard.check_now(&house, device.access()).unwrap_err(), Rejected::LostEpoch);
        assert_eq!(Guard::of(&house).check(device.access()).unwrap_err(), Rejected::LostEpoch);
        assert!(matches!(device.end_others(&house), Err(Error::SignedOut(Some(Cause::LostEpoch)))));
    }
    assert!(matches!(later.refresh(&house), Err(Error::RefreshRefused(RefreshRefusal::Unknown))));
    // A refresh token whose number the backup has not reached rotates into the new epoch, and no alarm is raised.
    let on = beyond.refresh(&house).unwrap();
    assert_eq!(on.claims().0.rev.epoch, epoch);
    let on = assert_alive(&house, &mut guard, &on);
    assert_eq!(house.head().position.epoch, epoch);
    assert_eq!(on.session(), rotated.session());
    // A former one of the same chain comes too late.
    house.advance(MINUTE);
    assert!(matches!(rotated.refresh(&house), Err(Error::RefreshRefused(RefreshRefusal::Reused))));
}

#[test]
fn g7_of_two_restores_of_the_same_backup_the_first_ones_epoch_is_lost() {
    for keep_sessions in [true, false] {
        let house = House::new();
        let mut guard = Guard::of(&house);
        let (ann, bob) = (house.person("ann"), house.person("bob"));
        let phone = house.sign_in(&ann);
        backup(&house, "monday.db");

        let (house, first) = restored(house, "monday.db", keep_sessions);
        // Everybody is busy in it: the phone refreshes (or signs in again), bob comes and is logged out.
        let before = if keep_sessions { phone.refresh(&house).unwrap() } else { house.sign_in(&ann) };
        house.sign_in(&bob).log_out(&house).unwrap();
        let during = before.refresh(&house).unwrap();
        guard.check_now(&house, during.access()).unwrap();
        let old_keys = keys(&house);

        let (house, second) = restored(house, "monday.db", keep_sessions);
        assert_ne!(first, second);
        let epochs = house.read(|view| Ok(view.epochs()?));
        assert!(epochs.current == second && epochs.former.iter().all(|(epoch, _)| *epoch != first));
        let mut late = Guard::of(&house);
        for device in [&before, &during] {
            for guard in [&mut guard, &mut late] {
                let rejected = guard.check_now(&house, device.access()).unwrap_err();
                assert!(matches!(rejected, Rejected::LostEpoch | Rejected::UnknownKey), "{rejected}");
            }
            assert!(device.end_others(&house).is_err());
            assert!(matches!(device.refresh(&house), Err(Error::RefreshRefused(_))));
        }
        if keep_sessions {
            assert_eq!(guard.check(during.access()).unwrap_err(), Rejected::LostEpoch);
            assert_alive(&house, &mut guard, &phone);
        } else {
            assert!(keys(&house).iter().all(|key| !old_keys.contains(key)));
            assert_dead(&house, &mut guard, &phone);
            let again = house.sign_in(&ann);
            assert_alive(&house, &mut guard, &again);
        }
    }
}

#[test]
fn g7_a_verifier_believes_no_store_that_went_back() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (phone, stolen) = (house.sign_in(&ann), house.sign_in(&ann));
    backup(&house, "monday.db");
    stolen.log_out(&house).unwrap();
    assert!(guard.check_now(&house, stolen.access()).is_err());
    // The same epoch, fewer entries.
    let house = copied_back(house, "monday.db");
    assert_eq!(guard.offer(&house, 0), Err(Broken::OlderSnapshot));
    assert!(matches!(guard.check(stolen.access()), Err(Rejected::Revoked { .. })));
    // Once it has seen a later epoch, a former one does not come back.
    let (house, _) = restored(house, "monday.db", true);
    guard.follow(&house);
    let house = copied_back(house, "monday.db");
    assert_eq!(guard.offer(&house, 0), Err(Broken::OlderSnapshot));
    guard.check(phone.access()).unwrap();
}

#[test]
fn g7_a_refresh_token_beyond_its_counter_proves_that_the_store_went_back() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let (ann, bob) = (house.person("ann"), house.person("bob"));
    let (phone, bobs) = (house.sign_in(&ann), house.sign_in(&bob));
    backup(&house, "monday.db");
    let next = phone.refresh(&house).unwrap();
    let former = house.head().position.epoch;
    let house = copied_back(house, "monday.db");
    assert_eq!(house.head().position.epoch, former, "nobody has noticed yet");
    assert!(is_alive(&house, &mut Guard::of(&house), &bobs));

    let seen = house.last_event();
    assert!(matches!(next.refresh(&house), Err(Error::RefreshRefused(RefreshRefusal::Beyond))));
    assert_ne!(house.head().position.epoch, former);
    assert_eq!(house.events_after(seen)[0].what.kind, EventKind::EpochBegun);
    house.load_keys();
    for device in [&phone, &next, &bobs] {
        assert_dead(&house, &mut guard, device);
    }
    // The alarm is raised once: it is not a way to sign everybody out again and again.
    let number = house.number();
    assert!(next.refresh(&house).is_err());
    assert_eq!(house.number(), number);
    let again = house.sign_in(&ann);
    assert_alive(&house, &mut guard, &again);
}

#[test]
fn g7_a_position_beyond_the_head_begins_an_epoch_and_one_that_is_not_beyond_it_does_not() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let phone = house.sign_in(&house.person("ann"));
    let head = house.head().position;
    let proof = |number, epoch| {
        let position = rescind_wire::Position { epoch, number };
        run(begin_epoch::if_proven(&house.world, position, "a token")).unwrap()
    };
    // Anything at or below the head, or of another epoch, proves nothing: a verifier may simply lag.
    let before = house.state();
    for (number, epoch) in [(0, head.epoch), (head.number, head.epoch), (999, Epoch::from_bytes([7; 10]))] {
        assert_eq!(proof(number, epoch), None);
    }
    house.assert_unchanged(&before);
    assert!(is_alive(&house, &mut guard, &phone));
    let begun = proof(head.number + 1, head.epoch).expect("it is beyond the head");
    assert_eq!(house.head().position.epoch, begun);
    house.load_keys();
    assert_dead(&house, &mut guard, &phone);
    // Shown again it is of a former epoch, and beyond its end.
    assert_eq!(proof(head.number + 1, head.epoch), None);
}

#[test]
fn g7_a_data_file_rolled_back_behind_the_servers_back_is_noticed_by_every_call_before_it_answers() {
    let house = House::new();
    let mut guard = Guard::of(&house);
    let ann = house.person("ann");
    let (phone, stolen) = (house.sign_in(&ann), house.sign_in(&ann));
    backup(&house, "monday.db");
    stolen.log_out(&house).unwrap();
    let seen = house.head().position;
    assert_eq!(run(house.world.store.position()).unwrap(), seen);
    overwrite(&house.database(), &house.dir.path().join("monday.db"));

    let is_back = |error: Error| match error {
        Error::Store(StoreError::WentBack { found, seen: had }) => {
            assert_eq!((found.number, had), (seen.number - 1, seen));
        }
        other => panic!("{other}"),
    };
    is_back(run(house.world.store.position()).map_err(Error::Store).unwrap_err());
    is_back(stolen.refresh(&house).map(drop).unwrap_err());
    is_back(phone.end_others(&house).map(drop).unwrap_err());
    is_back(house.try_sign_in(ann.request(OLD)).map(drop).unwrap_err());
    is_back(run(house.world.store.read("look", |view| Ok(view.head()?))).map(drop).unwrap_err());

    // What the follower does about it.
    house.sqlite.begin_again();
    let found = rescind_wire::Position { number: seen.number - 1, ..seen };
    let epoch = run(begin_epoch::store_went_back(&house.world, found, seen)).unwrap();
    assert_eq!(house.head().position.epoch, epoch);
    house.load_keys();
    for device in [&phone, &stolen] {
        assert_dead(&house, &mut guard, device);
    }
    let again = house.sign_in(&ann);
    assert_alive(&house, &mut guard, &again);
}

#[test]
fn r9_positions_go_on_counting_and_each_entrys_tag_is_good_for_its_own_place_alone() {
    let house = House::new();
    let phone = house.sign_in(&house.person("ann"));
    phone.log_out(&house).unwrap();
    let tags = |house: &House| {
        let ring = &house.world.keyring;
        house.log().iter().map(|row| row.tag.is_valid(ring, row.position)).collect::<Vec<_>>()
    };
    assert_eq!(tags(&house), [true, true]);
    let log = house.log();
    assert!(!log[0].tag.is_valid(&house.world.keyring, log[1].position));
    run(begin_epoch::after_restore(&house.world, true)).unwrap();
    house.revoke(Scope::Everyone { services: false });
    let log = house.log();
    let numbers: Vec<_> = log.iter().map(|row| row.position.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let elsewhere = rescind_wire::Position { epoch: log[1].position.epoch, ..log[2].position };
    assert!(!log[2].tag.is_valid(&house.world.keyring, elsewhere), "the epoch is part of it");
    assert_eq!(tags(&house), [true, true, true]);
    // A fresh store begins at 0, and nobody is signed out by that.
    let fresh = House::new();
    assert_eq!(fresh.head().everyone_cut, 0);
    assert!(fresh.log().iter().all(|row| matches!(row.change, rescind_wire::Change::AddKey(_))));
}
