//! What a password confirms, against a change of that password in the same session, which goes on (B1).

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use rescind_domain::acting::Acting;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::{change_password, delete_account, reauthenticate};
use rescind_domain::{Error, World};

use super::cast::{NEW, OLD, Stage, acting, password};
use super::oracle::Oracle;
use super::schedule::{Step, every_schedule, interleavings};

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
