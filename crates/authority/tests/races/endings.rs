//! Endings against each other, and against acts in the name of what they end.

use rescind_domain::Error;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::sign_in::sign_in;
use rescind_domain::verbs::update_session::{Changes, update_session};
use rescind_domain::verbs::{change_password, log_out, reauthenticate};

use super::cast::{NEW, OLD, Stage, acting, claims, password, request};
use super::oracle::Oracle;
use super::schedule::{Step, every_schedule};

#[test]
fn a17_all_but_the_first_against_all_but_the_second_leaves_exactly_one_of_them() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let (one, two) = (stage.device(&user), stage.device(&user));
        let spare = |name, caller| {
            stage.actor(name, |world| async move {
                end_sessions::end_own(&world, &caller, Which::Others, Some(password(OLD)), None).await
            })
        };
        let ((first, first_done), (second, second_done)) =
            (spare("first", acting(&one)), spare("second", acting(&two)));
        let stage = stage.clone();
        (vec![first, second], move |trace: &[Step]| {
            let oracle = Oracle::of(&stage, user.id);
            let alive = (oracle.judge(&one), oracle.judge(&two));
            match (first_done.take(), second_done.take()) {
                (Ok(_), Err(Error::SignedOut(_))) => assert_eq!(alive, (true, false), "{trace:?}"),
                (Err(Error::SignedOut(_)), Ok(_)) => assert_eq!(alive, (false, true), "{trace:?}"),
                other => panic!("{other:?}: {trace:?}"),
            }
            oracle.check_events();
        })
    });
    println!("end-others against end-others: {count} schedules");
    assert_eq!(count, 20);
}

#[test]
fn a16_nothing_is_written_in_the_name_of_a_session_that_ends_meanwhile() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let device = stage.device(&user);
        let (caller, session) = (acting(&device), device.session.id);
        let (naming, named) = stage.actor("name", |world| async move {
            let changes = Changes { name: Some(Some("Mine".into())), metadata: None };
            update_session(&world, &caller, session, changes).await
        });
        let caller = acting(&device);
        let (again, confirmed) = stage.actor("reauthenticate", |world| async move {
            reauthenticate::reauthenticate(&world, &caller, password(OLD)).await
        });
        let claims = claims(&device).0;
        let (leaving, left) =
            stage.actor("log-out", |world| async move { log_out::log_out(&world, &claims, None).await });
        let stage = stage.clone();
        (vec![naming, again, leaving], move |trace: &[Step]| {
            let oracle = Oracle::of(&stage, user.id);
            assert!(left.take().unwrap().is_some());
            assert!(!oracle.judge(&device));
            let out = trace.iter().position(|step| step.call == "log_out").unwrap();
            let wrote = trace.iter().position(|step| step.call == "update_session").unwrap();
            match named.take() {
                Ok(_) => assert!(wrote < out, "{trace:?}"),
                Err(Error::SignedOut(_)) => assert!(out < wrote, "{trace:?}"),
                Err(other) => panic!("{other}: {trace:?}"),
            }
            match confirmed.take() {
                Ok(signed) => assert!(!oracle.judge(&signed), "{trace:?}"),
                Err(Error::SignedOut(_)) => {}
                Err(other) => panic!("{other}: {trace:?}"),
            }
            oracle.check_events();
        })
    });
    println!("naming and re-authenticating against a log-out: {count} schedules");
    assert_eq!(count, 26);
}

#[test]
fn a16_a_wrong_password_is_not_noted_in_the_name_of_a_session_that_ends_meanwhile() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let device = stage.device(&user);
        let caller = acting(&device);
        let (again, confirmed) = stage.actor("reauthenticate", |world| async move {
            reauthenticate::reauthenticate(&world, &caller, password(NEW)).await
        });
        let claims = claims(&device).0;
        let (leaving, left) =
            stage.actor("log-out", |world| async move { log_out::log_out(&world, &claims, None).await });
        let stage = stage.clone();
        (vec![again, leaving], move |trace: &[Step]| {
            let oracle = Oracle::of(&stage, user.id);
            assert!(left.take().unwrap().is_some());
            let out = trace.iter().position(|step| step.call == "log_out").unwrap();
            let noted = trace.iter().position(|step| step.call == "reauthentication_failed");
            match confirmed.take() {
                Err(Error::WrongPassword) => assert!(noted.unwrap() < out, "{trace:?}"),
                Err(Error::SignedOut(_)) => assert!(noted.is_none_or(|noted| out < noted), "{trace:?}"),
                other => panic!("{other:?}: {trace:?}"),
            }
            oracle.check_events();
        })
    });
    println!("a wrong password against a log-out: {count} schedules");
    assert_eq!(count, 5);
}

#[test]
fn two_password_changes_at_once_leave_the_password_of_one_of_them() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let (one, two) = (stage.device(&user), stage.device(&user));
        let change = |name, caller, new: &'static str| {
            stage.actor(name, move |world| async move {
                change_password::change_own(&world, &caller, password(OLD), password(new)).await
            })
        };
        let (first, first_done) = change("first", acting(&one), NEW);
        let (second, second_done) = change("second", acting(&two), "another long one");
        let stage = stage.clone();
        (vec![first, second], move |trace: &[Step]| {
            let oracle = Oracle::of(&stage, user.id);
            let alive = (oracle.judge(&one), oracle.judge(&two));
            match (first_done.take(), second_done.take()) {
                (Ok(_), Err(Error::SignedOut(_) | Error::WrongPassword)) => {
                    assert_eq!(alive, (true, false), "{trace:?}");
                }
                (Err(Error::SignedOut(_) | Error::WrongPassword), Ok(_)) => {
                    assert_eq!(alive, (false, true), "{trace:?}");
                }
                other => panic!("{other:?}: {trace:?}"),
            }
            oracle.check_events();
        })
    });
    println!("two password changes: {count} schedules");
    assert_eq!(count, 252);
}

#[test]
fn a16_c7_a_sign_in_a_refresh_and_ending_all_agree_with_the_log_in_every_order() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let (phone, laptop) = (stage.device(&user), stage.device(&user));
        let asked = request(&user, OLD);
        let (arriving, arrived) = stage.actor("sign-in", |world| async move { sign_in(&world, asked).await });
        let token = phone.refresh.expose().to_owned();
        let (turning, turned) = stage.actor("refresh", |world| async move {
            refresh(&world, Refresh { token, scope: None, client: None, address: None }).await
        });
        let caller = acting(&laptop);
        let (ending, ended) = stage.actor("end-all", |world| async move {
            end_sessions::end_own(&world, &caller, Which::All, Some(password(OLD)), None).await
        });
        let stage = stage.clone();
        (vec![arriving, turning, ending], move |trace: &[Step]| {
            ended.take().unwrap();
            let oracle = Oracle::of(&stage, user.id);
            if let Ok(signed) = turned.take() {
                assert!(!oracle.judge(&signed), "{trace:?}");
            }
            if let Ok(signed) = arrived.take() {
                oracle.judge(&signed);
            }
            assert!(!oracle.judge(&phone) && !oracle.judge(&laptop), "{trace:?}");
            oracle.check_events();
        })
    });
    println!("sign-in, refresh and end-all: {count} schedules");
    assert_eq!(count, 280);
}
