//! A refresh against everything else that a session can do or suffer.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use rescind_domain::acting::{Acting, Administrator};
use rescind_domain::error::RefreshRefusal;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::sign_in::SignedIn;
use rescind_domain::verbs::{change_password, delete_account, end_session, log_out, reauthenticate};
use rescind_domain::{Error, World};
use rescind_wire::AccessClaims;

use super::cast::{NEW, OLD, Stage, acting, claims, password};
use super::oracle::Oracle;
use super::schedule::{Step, every_schedule};

fn with(token: &SignedIn) -> Refresh {
    Refresh { token: token.refresh.expose().to_owned(), scope: None, client: None, address: None }
}

/// Runs a refresh of one device against `ending`, done by another device, in every order; the first device must be dead
/// or alive afterwards as `survives` says, whatever the refresh was told.
fn against<E, F>(stage: &Rc<Stage>, survives: bool, ending: E) -> usize
where
    E: Fn(World, Acting, Acting, AccessClaims) -> F,
    F: Future<Output = Result<(), Error>> + 'static,
{
    every_schedule(|| {
        let user = stage.user();
        let (phone, laptop) = (stage.device(&user), stage.device(&user));
        let token = with(&phone);
        let (turning, turned) = stage.actor("refresh", |world| async move { refresh(&world, token).await });
        let (own, other, claims) = (acting(&phone), acting(&laptop), claims(&phone).0);
        let (ends, ended) = stage.actor("ending", |world| ending(world, own, other, claims));
        let stage = stage.clone();
        (vec![turning, ends], move |trace: &[Step]| {
            ended.take().unwrap_or_else(|error| panic!("{error}: {trace:?}"));
            let oracle = Oracle::of(&stage, user.id);
            match turned.take() {
                Ok(signed) => assert_eq!(oracle.judge(&signed), survives, "{trace:?}"),
                Err(Error::RefreshRefused(RefreshRefusal::Revoked(_))) => assert!(!survives, "{trace:?}"),
                Err(other) => panic!("{other}: {trace:?}"),
            }
            assert_eq!(oracle.judge(&phone), survives, "{trace:?}");
            oracle.check_events();
        })
    })
}

#[test]
fn c7_a_refresh_that_races_a_log_out_never_leaves_a_live_token_behind() {
    let stage = Stage::new();
    let mut count = against(&stage, false, |world, _, _, claims| async move {
        log_out::log_out(&world, &claims, None).await.map(|receipt| assert!(receipt.is_some()))
    });
    count += against(&stage, false, |world, own, other, _| async move {
        let (_, session) = own.person()?;
        end_session::end_own(&world, &other, session).await.map(drop)
    });
    count += against(&stage, false, |world, _, other, _| async move {
        end_sessions::end_own(&world, &other, Which::Others, None, None).await.map(drop)
    });
    count += against(&stage, false, |world, _, other, _| async move {
        end_sessions::end_own(&world, &other, Which::All, Some(password(OLD)), None).await.map(drop)
    });
    count += against(&stage, false, |world, _, other, _| async move {
        change_password::change_own(&world, &other, password(OLD), password(NEW)).await.map(drop)
    });
    count += against(&stage, false, |world, own, _, _| async move {
        let (user, _) = own.person()?;
        delete_account::delete_user(&world, &Administrator::CommandLine, user, "left".into()).await.map(drop)
    });
    println!("refresh against six endings: {count} schedules");
    assert_eq!(count, 18);
}

#[test]
fn a7_b1_a_refresh_goes_on_through_its_own_end_others_and_password_change() {
    let stage = Stage::new();
    let mut count = against(&stage, true, |world, own, _, _| async move {
        end_sessions::end_own(&world, &own, Which::Others, None, None).await.map(drop)
    });
    count += against(&stage, true, |world, own, _, _| async move {
        change_password::change_own(&world, &own, password(OLD), password(NEW)).await.map(drop)
    });
    count += against(&stage, true, |world, own, _, _| async move {
        reauthenticate::reauthenticate(&world, &own, password(OLD)).await.map(drop)
    });
    println!("refresh against what spares it: {count} schedules");
    assert_eq!(count, 13);
}

#[test]
fn c2_three_tabs_that_refresh_at_once_get_the_same_successor_and_nobody_is_logged_out() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let device = stage.device(&user);
        let tab = |name| {
            let token = with(&device);
            stage.actor(name, |world| async move { refresh(&world, token).await })
        };
        let ((a, a_turned), (b, b_turned), (c, c_turned)) = (tab("a"), tab("b"), tab("c"));
        let stage = stage.clone();
        (vec![a, b, c], move |_: &[Step]| {
            let turned = [a_turned.take().unwrap(), b_turned.take().unwrap(), c_turned.take().unwrap()];
            let oracle = Oracle::of(&stage, user.id);
            for one in &turned {
                assert_eq!(one.refresh.expose(), turned[0].refresh.expose());
                assert!(oracle.judge(one));
            }
            assert_ne!(turned[0].refresh.expose(), device.refresh.expose());
        })
    });
    println!("three refreshes with one token: {count} schedules");
    assert_eq!(count, 6);
}

#[test]
fn c4_a_reused_token_against_the_rightful_refresh_ends_the_session_in_every_order() {
    let stage = Stage::new();
    let count = every_schedule(|| {
        let user = stage.user();
        let device = stage.device(&user);
        let next = super::cast::block_on(refresh(&stage.world(), with(&device))).unwrap();
        stage.clock.advance(Duration::from_secs(11));
        let (stolen, rightful) = (with(&device), with(&next));
        let (thief, stole) = stage.actor("thief", |world| async move { refresh(&world, stolen).await });
        let (keeper, kept) = stage.actor("owner", |world| async move { refresh(&world, rightful).await });
        let stage = stage.clone();
        (vec![thief, keeper], move |trace: &[Step]| {
            let oracle = Oracle::of(&stage, user.id);
            assert!(matches!(stole.take(), Err(Error::RefreshRefused(RefreshRefusal::Reused))), "{trace:?}");
            match kept.take() {
                Ok(signed) => assert!(!oracle.judge(&signed), "{trace:?}"),
                Err(Error::RefreshRefused(RefreshRefusal::Revoked(_))) => {}
                Err(other) => panic!("{other}: {trace:?}"),
            }
            assert!(!oracle.judge(&device));
        })
    });
    println!("a reused token against the rightful one: {count} schedules");
    assert_eq!(count, 3);
}
