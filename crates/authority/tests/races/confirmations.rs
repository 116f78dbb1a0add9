//! What a password confirms: against a change of that password in the same session, which goes on (B1), and against
//! hashes that are replaced by others of the same password.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use rescind_domain::acting::Acting;
use rescind_domain::password::PasswordHash;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::present_cookie::present_cookie;
use rescind_domain::verbs::reauthenticate::ShownCookie;
use rescind_domain::verbs::sign_in::{sign_in, sign_in_by_cookie};
use rescind_domain::verbs::{change_password, delete_account, reauthenticate};
use rescind_domain::{Error, World};

use super::cast::{NEW, OLD, Stage, acting, block_on, password, request};
use super::oracle::Oracle;
use super::schedule::{Step, every_schedule, interleavings};
use super::sign_ins::at;

/// Runs `act`, which `writes` and is confirmed by the password so far, against the change of it, in every order: what is
/// written after the change is refused.
fn against_a_change<T, V, F>(writes: &'static str, act: V) -> usize
where
    T: std::fmt::Debug + 'static,
    V: Fn(World, Acting) -> F,
    F: Future<Output = Result<T, Error>> + 'static,
{
    let stage = Stage::new();
    let refused = Rc::new(Cell::new(0));
    let count = every_schedule(|| {
        let user = stage.user();
        let device = stage.device(&user);
        let caller = acting(&device);
        let (doing, done) = stage.actor("act", |world| act(world, caller));
        let caller = acting(&device);
        let (changing, changed) = stage.actor("change", |world| async move {
            change_password::change_own(&world, &caller, password(OLD), password(NEW)).await
        });
        let (stage, refused) = (stage.clone(), Rc::clone(&refused));
        (vec![doing, changing], move |trace: &[Step]| {
            let at = |call| trace.iter().position(|step| step.call == call);
            let (written, replaced) = (at(writes), at("change_password"));
            let oracle = Oracle::of(&stage, user.id);
            let alive = oracle.judge(&device);
            match (changed.take(), done.take()) {
                (Ok(_), Err(Error::WrongPassword)) => {
                    assert!(written.is_none_or(|written| replaced.unwrap() < written), "told for nothing: {trace:?}");
                    assert!(alive, "a wrong password changes nothing (A6): {trace:?}");
                    refused.set(refused.get() + usize::from(written.is_some()));
                }
                (Ok(_), Ok(_)) => assert!(written < replaced, "the old password still did it: {trace:?}"),
                (Err(Error::SignedOut(_)), Ok(_)) => assert!(!alive, "{trace:?}"),
                other => panic!("{other:?}: {trace:?}"),
            }
            oracle.check_events();
        })
    });
    assert!(refused.get() > 0, "no schedule changes the password between the check and the act");
    println!("{writes} against a change of the password that confirms it: {count} schedules");
    count
}

/// How often an actor had a password checked.
fn checks(trace: &[Step], actor: &str) -> usize {
    trace.iter().filter(|step| step.actor == actor && step.call == "verify").count()
}

/// Runs `act`, which `writes`, against a sign-in that upgrades the hash, in every order: it is always done, and the
/// password checked twice only where the upgrade came between the look at the hash and the deed.
fn against_an_upgrade<T, V, F>(writes: &'static str, act: V)
where
    T: std::fmt::Debug + 'static,
    V: Fn(World, Acting) -> F,
    F: Future<Output = Result<T, Error>> + 'static,
{
    let stage = Stage::new();
    let twice = Rc::new(Cell::new(0));
    let count = every_schedule(|| {
        let user = stage.user();
        let device = stage.device(&user);
        stage.make_hash_old(&user);
        let caller = acting(&device);
        let (doing, done) = stage.actor("act", |world| act(world, caller));
        let asked = request(&user, OLD);
        let (arriving, _) = stage.actor("sign-in", |world| async move { sign_in(&world, asked).await });
        let (stage, twice) = (stage.clone(), Rc::clone(&twice));
        (vec![doing, arriving], move |trace: &[Step]| {
            done.take().unwrap_or_else(|error| panic!("{error}: {trace:?}"));
            let upgraded = at(trace, "sign-in", "sign_in");
            let between = at(trace, "act", "confirm") < upgraded && upgraded < at(trace, "act", writes);
            assert_eq!(checks(trace, "act"), 1 + usize::from(between), "{trace:?}");
            twice.set(twice.get() + usize::from(between));
            Oracle::of(&stage, user.id).check_events();
        })
    });
    assert!(twice.get() > 0, "no schedule upgrades the hash between the check and the act");
    println!("{writes} against an upgrade of the hash: {count} schedules, {} with a second check", twice.get());
}

#[test]
fn a_right_password_is_right_although_another_sign_in_upgraded_its_hash_meanwhile() {
    against_an_upgrade("delete_account", |world, caller| async move {
        delete_account::delete_own(&world, &caller, password(OLD), None).await
    });
    against_an_upgrade("reauthenticate", |world, caller| async move {
        reauthenticate::reauthenticate(&world, &caller, password(OLD)).await
    });
    against_an_upgrade("change_password", |world, caller| async move {
        change_password::change_own(&world, &caller, password(OLD), password(NEW)).await
    });
    for which in [Which::Others, Which::All] {
        against_an_upgrade("end_sessions", move |world, caller| async move {
            end_sessions::end_own(&world, &caller, which, Some(password(OLD)), None).await
        });
    }
}

#[test]
fn a_password_is_checked_three_times_at_most_and_then_said_to_be_neither_right_nor_wrong() {
    let stage = Stage::new();
    let busy = Rc::new(Cell::new(0));
    let count = every_schedule(|| {
        let user = stage.user();
        let device = stage.device(&user);
        let caller = acting(&device);
        let (doing, done) = stage
            .actor("act", |world| async move { reauthenticate::reauthenticate(&world, &caller, password(OLD)).await });
        let id = user.id;
        let (replacing, _) = stage.actor("others", |world| async move {
            for age in ["a", "b", "c"] {
                let hash = PasswordHash::new(format!("{age}${OLD}"));
                world.store.transact("replace", move |tx| Ok(tx.set_password(&id, &hash)?)).await?;
            }
            Ok(())
        });
        let busy = Rc::clone(&busy);
        (vec![doing, replacing], move |trace: &[Step]| {
            let checks = checks(trace, "act");
            match done.take() {
                Ok(_) => assert!(checks <= 3, "{trace:?}"),
                Err(Error::Busy { .. }) => {
                    assert_eq!(checks, 3, "{trace:?}");
                    busy.set(busy.get() + 1);
                }
                Err(other) => panic!("{other}: {trace:?}"),
            }
        })
    });
    println!("a hash that is replaced three times: {count} schedules, {} of them in vain", busy.get());
    assert!(busy.get() > 0, "no schedule replaces the hash before each act");
}

#[test]
fn c3_two_authentications_of_one_browser_end_with_one_cookie_in_every_order() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let device = block_on(sign_in_by_cookie(&stage.world(), request(&user, OLD))).unwrap();
        let renew = |name| {
            let caller = acting(&device);
            let cookie = device.refresh.expose().to_owned();
            let shown = ShownCookie { cookie, has_come: Arc::new(|_| false) };
            stage.actor(
                name,
                |world| async move { reauthenticate::by_cookie(&world, &caller, password(OLD), shown).await },
            )
        };
        let ((one, first), (two, second)) = (renew("one"), renew("two"));
        let stage = stage.clone();
        (vec![one, two], move |trace: &[Step]| {
            let (first, second) = (first.take().unwrap().refresh, second.take().unwrap().refresh);
            assert_eq!(first.expose(), second.expose(), "{trace:?}");
            assert!(block_on(present_cookie(&stage.world(), first.expose(), None)).unwrap().is_latest, "{trace:?}");
        })
    });
    println!("two authentications of one browser: {count} schedules");
    assert_eq!(count as u64, interleavings(&[4, 4]));
}

#[test]
fn b3_an_account_is_not_deleted_by_a_password_that_was_changed_meanwhile() {
    let count = against_a_change("delete_account", |world, caller| async move {
        delete_account::delete_own(&world, &caller, password(OLD), None).await
    });
    assert_eq!(count as u64, interleavings(&[3, 5]));
}

#[test]
fn b3_a_session_is_not_confirmed_again_by_a_password_that_was_changed_meanwhile() {
    let count = against_a_change("reauthenticate", |world, caller| async move {
        reauthenticate::reauthenticate(&world, &caller, password(OLD)).await
    });
    assert_eq!(count as u64, interleavings(&[4, 5]));
}

#[test]
fn b3_sessions_are_not_ended_by_a_password_that_was_changed_meanwhile() {
    let ending = |which| {
        against_a_change("end_sessions", move |world, caller| async move {
            end_sessions::end_own(&world, &caller, which, Some(password(OLD)), None).await
        })
    };
    assert_eq!(ending(Which::Others) as u64, interleavings(&[3, 5]));
    assert_eq!(ending(Which::All) as u64, interleavings(&[3, 5]));
}
