//! A sign-in against whatever ends sessions meanwhile.

use rescind_domain::Error;
use rescind_domain::acting::Administrator;
use rescind_domain::policy::AtLimit;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::lock_account::{LockFor, lock_user};
use rescind_domain::verbs::sign_in::sign_in;
use rescind_domain::verbs::{change_password, delete_account, list_sessions};

use super::cast::{NEW, OLD, Stage, acting, block_on, password, request};
use super::oracle::Oracle;
use super::schedule::{Gate, Step, every_schedule};

/// Where `actor` made `call`, counted in steps.
pub(crate) fn at(trace: &[Step], actor: &str, call: &str) -> Option<usize> {
    trace.iter().position(|step| step.actor == actor && step.call == call)
}

#[test]
fn d1_a16_a_sign_in_against_ending_all_is_either_told_or_good_and_never_handed_dead_tokens() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let first = stage.device(&user);
        let asked = request(&user, OLD);
        let (arriving, arrived) = stage.actor("sign-in", |world| async move { sign_in(&world, asked).await });
        let caller = acting(&first);
        let (ending, ended) = stage.actor("end-all", |world| async move {
            end_sessions::end_own(&world, &caller, Which::All, None, None).await
        });
        let stage = stage.clone();
        (vec![arriving, ending], move |trace: &[Step]| {
            let oracle = Oracle::of(&stage, user.id);
            assert!(!oracle.judge(&first));
            ended.take().unwrap();
            let entry = at(trace, "end-all", "end_sessions").unwrap();
            let read = at(trace, "sign-in", "position").unwrap();
            let written = at(trace, "sign-in", "sign_in").unwrap();
            match arrived.take() {
                Ok(signed) => {
                    assert!(!(read < entry && entry < written), "handed dead tokens: {trace:?}");
                    assert_eq!(oracle.judge(&signed), entry < read, "{trace:?}");
                }
                Err(Error::Overtaken) => assert!(read < entry && entry < written, "told for nothing: {trace:?}"),
                Err(other) => panic!("{other}: {trace:?}"),
            }
            oracle.check_events();
        })
    });
    println!("sign-in against end-all: {count} schedules");
    assert_eq!(count, 5);
}

#[test]
fn b3_a_sign_in_that_checked_the_old_password_while_it_was_changed_does_not_survive() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let first = stage.device(&user);
        let asked = request(&user, OLD);
        let (arriving, arrived) = stage.actor("sign-in", |world| async move { sign_in(&world, asked).await });
        let caller = acting(&first);
        let (changing, changed) = stage.actor("change", |world| async move {
            change_password::change_own(&world, &caller, password(OLD), password(NEW)).await
        });
        let stage = stage.clone();
        (vec![arriving, changing], move |trace: &[Step]| {
            let oracle = Oracle::of(&stage, user.id);
            changed.take().unwrap();
            assert!(oracle.judge(&first), "the session that changed the password goes on (B1)");
            match arrived.take() {
                Ok(signed) => assert!(!oracle.judge(&signed), "it survived: {trace:?}"),
                Err(Error::Overtaken | Error::InvalidCredentials) => {}
                Err(other) => panic!("{other}: {trace:?}"),
            }
            let after = block_on(sign_in(&stage.world(), request(&user, NEW))).unwrap();
            assert!(Oracle::of(&stage, user.id).judge(&after), "D1: a sign-in after it works at once");
            oracle.check_events();
        })
    });
    println!("sign-in against password change: {count} schedules");
    assert_eq!(count, 126);
}

#[test]
fn a_hash_upgrade_that_races_a_password_change_never_brings_the_old_password_back() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user_with_old_hash();
        let first = block_on(sign_in(&stage.world(), request(&user, OLD))).unwrap();
        let id = user.id;
        stage.make_hash_old(&user);
        let asked = request(&user, OLD);
        let (arriving, arrived) = stage.actor("sign-in", |world| async move { sign_in(&world, asked).await });
        let caller = acting(&first);
        let (changing, changed) = stage.actor("change", |world| async move {
            change_password::change_own(&world, &caller, password(OLD), password(NEW)).await
        });
        let stage = stage.clone();
        (vec![arriving, changing], move |trace: &[Step]| {
            let hash = block_on(stage.world().store.read("hash", move |view| Ok(view.user(&id)?.unwrap().password)));
            let hash = hash.unwrap().unwrap();
            changed.take().unwrap_or_else(|error| panic!("{error}: {trace:?}"));
            assert_eq!(hash.expose(), format!("new${NEW}"), "{trace:?}");
            if let Ok(signed) = arrived.take() {
                let began = at(trace, "sign-in", "position") > at(trace, "change", "change_password");
                assert!(!began, "by the old password after the change: {trace:?}");
                assert!(!Oracle::of(&stage, id).judge(&signed), "{trace:?}");
            }
        })
    });
    println!("hash upgrade against password change: {count} schedules");
    assert_eq!(count, 462);
}

#[test]
fn b9_two_sign_ins_at_the_same_moment_do_not_disturb_each_other() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user_with_old_hash();
        let (one, two) = (request(&user, OLD), request(&user, OLD));
        let (first, first_in) = stage.actor("first", |world| async move { sign_in(&world, one).await });
        let (second, second_in) = stage.actor("second", |world| async move { sign_in(&world, two).await });
        let stage = stage.clone();
        (vec![first, second], move |_: &[Step]| {
            let oracle = Oracle::of(&stage, user.id);
            let (first, second) = (first_in.take().unwrap(), second_in.take().unwrap());
            assert!(oracle.judge(&first) && oracle.judge(&second));
            assert_ne!(first.session.id, second.session.id);
        })
    });
    println!("two sign-ins with a hash to upgrade: {count} schedules");
    assert_eq!(count, 252);
}

#[test]
fn e4_a_limit_of_sessions_holds_under_three_sign_ins_at_once() {
    for at_limit in [AtLimit::Refuse, AtLimit::EndOldest] {
        let stage = Stage::with(|policy| {
            policy.session_limit = Some(2);
            policy.at_limit = at_limit;
        });
        let count = every_schedule(|| {
            let user = stage.user();
            let sign = |name| {
                let asked = request(&user, OLD);
                // The checks before it are other tests': what is raced here is the counting.
                let gate = Gate::only(&["position", "sign_in", "sign_in_at_limit"]);
                stage.actor_at(gate, name, |world| async move { sign_in(&world, asked).await })
            };
            let ((a, a_in), (b, b_in), (c, c_in)) = (sign("a"), sign("b"), sign("c"));
            let stage = stage.clone();
            (vec![a, b, c], move |trace: &[Step]| {
                let outcomes = [a_in.take(), b_in.take(), c_in.take()];
                let admin = Administrator::CommandLine;
                let listed = block_on(list_sessions::list_of_user(&stage.world(), &admin, user.id, None, 100)).unwrap();
                assert_eq!(listed.sessions.len(), 2, "{trace:?}");
                let refused =
                    outcomes.iter().filter(|one| matches!(one, Err(Error::TooManySessions { limit: 2 }))).count();
                assert_eq!(refused, usize::from(at_limit == AtLimit::Refuse), "{trace:?}");
                let oracle = Oracle::of(&stage, user.id);
                let alive = outcomes.iter().flatten().filter(|signed| oracle.judge(signed)).count();
                assert_eq!(alive, 2, "{trace:?}");
            })
        });
        println!("three sign-ins at a limit of two ({at_limit:?}): {count} schedules");
        assert_eq!(count, 90);
    }
}

#[test]
fn b5_a_sign_in_against_a_lock_or_a_deletion_never_survives_it() {
    let stage = Stage::new();
    let mut count = every_schedule(|| {
        let user = stage.user();
        let asked = request(&user, OLD);
        let (arriving, arrived) = stage.actor("sign-in", |world| async move { sign_in(&world, asked).await });
        let (locking, locked) = stage.actor("lock", |world| async move {
            lock_user(&world, &Administrator::CommandLine, user.id, LockFor::Default, "lost".into(), None).await
        });
        let stage = stage.clone();
        (vec![arriving, locking], move |trace: &[Step]| {
            locked.take().unwrap();
            match arrived.take() {
                Ok(signed) => assert!(!Oracle::of(&stage, user.id).judge(&signed), "{trace:?}"),
                Err(Error::Overtaken | Error::Locked { .. }) => {}
                Err(other) => panic!("{other}: {trace:?}"),
            }
        })
    });
    count += every_schedule(|| {
        let user = stage.user();
        let asked = request(&user, OLD);
        let (arriving, arrived) = stage.actor("sign-in", |world| async move { sign_in(&world, asked).await });
        let (deleting, deleted) = stage.actor("delete", |world| async move {
            delete_account::delete_user(&world, &Administrator::CommandLine, user.id, "left".into()).await
        });
        let stage = stage.clone();
        (vec![arriving, deleting], move |trace: &[Step]| {
            deleted.take().unwrap();
            match arrived.take() {
                Ok(signed) => assert!(!Oracle::of(&stage, user.id).judge(&signed), "{trace:?}"),
                Err(Error::Overtaken | Error::InvalidCredentials) => {}
                Err(other) => panic!("{other}: {trace:?}"),
            }
        })
    });
    println!("sign-in against lock and deletion: {count} schedules");
    assert_eq!(count, 10);
}
