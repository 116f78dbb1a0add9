//! Every path on which something can be presented: that all of them accept it, or all of them refuse it.

use rescind_domain::Error;
use rescind_domain::user::Role;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::explain::{self, Explanation};
use rescind_domain::verbs::lock_account::{self, LockFor};
use rescind_domain::verbs::update_session::{Changes, update_session};
use rescind_domain::verbs::{
    administer_clients, administer_keys, administer_users, delete_account, list_sessions, read_log, revoke,
};
use rescind_wire::Scope;

use super::device::{Device, NEW, OLD};
use super::guard::Guard;
use super::house::{House, OPERATOR, password, run};

/// Asserts that nothing accepts anything of this device, and that trying changes nothing. Answers what the verifier says.
#[track_caller]
pub(crate) fn assert_dead(house: &House, guard: &mut Guard, device: &Device) -> rescind_verifier::Rejected {
    let before = house.state();
    let refreshed = device.refresh(house).map(drop).unwrap_err();
    assert!(matches!(refreshed, Error::RefreshRefused(_)), "refresh: {refreshed}");
    for (path, outcome) in acts(house, device) {
        assert!(matches!(outcome, Err(Error::SignedOut(_))), "{path}: {outcome:?}");
    }
    assert!(explain_access(house, device).is_dead(), "introspection of the access token");
    assert!(explain_refresh(house, device).is_none_or(|found| found.is_dead()), "introspection of the refresh token");
    assert!(!house.is_listed(device), "the list of devices");
    house.assert_unchanged(&before);
    guard.check_now(house, device.access()).expect_err("the verifier")
}

/// Asserts that everything accepts this device, and answers it refreshed.
#[track_caller]
pub(crate) fn assert_alive(house: &House, guard: &mut Guard, device: &Device) -> Device {
    let world = &house.world;
    run(administer_users::who_am_i(world, &device.acting())).expect("user info");
    assert!(!explain_access(house, device).is_dead(), "introspection of the access token");
    assert!(explain_refresh(house, device).is_some_and(|found| !found.is_dead()), "introspection of the refresh token");
    assert!(house.is_listed(device), "the list of devices");
    guard.check_now(house, device.access()).expect("the verifier");
    let next = device.refresh(house).expect("refresh");
    assert_eq!(next.session(), device.session());
    guard.check_now(house, next.access()).expect("the verifier, refreshed");
    next
}

/// Whether a device is alive, on which introspection, list and verifier agree. Nothing of it is used up.
#[track_caller]
pub(crate) fn is_alive(house: &House, guard: &mut Guard, device: &Device) -> bool {
    let alive = !explain_access(house, device).is_dead();
    assert_eq!(explain_refresh(house, device).is_some_and(|found| !found.is_dead()), alive, "the refresh token");
    assert_eq!(house.is_listed(device), alive, "the list of devices");
    assert_eq!(guard.check_now(house, device.access()).is_ok(), alive, "the verifier");
    alive
}

/// What a person can do with an access token.
fn acts(house: &House, device: &Device) -> Vec<(&'static str, Result<(), Error>)> {
    let (world, caller, own) = (&house.world, device.acting(), device.session());
    let named = Changes { name: Some(Some("Mine".into())), metadata: Some(Some("{}".into())) };
    let all = |password| run(end_sessions::end_own(world, &caller, Which::All, password, None)).map(drop);
    vec![
        ("user info", run(administer_users::who_am_i(world, &caller)).map(drop)),
        ("list", run(list_sessions::list_own(world, &caller, None, 50)).map(drop)),
        ("end this", device.end(house, own).map(drop)),
        ("end another", device.end(house, rescind_wire::SessionId::from_bytes([9; 16])).map(drop)),
        ("end others", device.end_others(house).map(drop)),
        ("end all", all(Some(password(OLD)))),
        ("end all, freshly authenticated", all(None)),
        ("name the device", run(update_session(world, &caller, own, named)).map(drop)),
        ("authenticate again", device.reauthenticate(house, OLD).map(drop)),
        ("change the password", device.change_password(house).map(drop)),
        ("lock", run(lock_account::lock_own(world, &caller, None)).map(drop)),
        ("delete", run(delete_account::delete_own(world, &caller, password(OLD), None)).map(drop)),
    ]
}

/// What an administrator can do, whoever they are; `about` is whom they do it to.
pub(crate) fn administration(
    house: &House,
    caller: &rescind_domain::acting::Administrator,
    about: &Device,
) -> Vec<(&'static str, Result<(), Error>)> {
    let (world, user, session) = (&house.world, about.user(), about.session());
    let reason = || "x".to_owned();
    let default: rescind_wire::ClientId = "default".parse().unwrap();
    let scope = Scope::Everyone { services: true };
    let key = about.claims().1;
    let add = administer_users::add_user(world, caller, "other", password(NEW), Role::User.into(), None);
    vec![
        ("list users", run(administer_users::list_users(world, caller, String::new(), String::new(), 9)).map(drop)),
        ("find a user", run(administer_users::find_user(world, caller, "ann")).map(drop)),
        ("add a user", run(add).map(drop)),
        ("change a role", run(administer_users::set_role(world, caller, user, Role::Administrator)).map(drop)),
        ("list sessions", run(list_sessions::list_of_user(world, caller, user, None, 9)).map(drop)),
        ("list a client's", run(list_sessions::list_of_client(world, caller, default.clone(), None, 9)).map(drop)),
        ("list clients", run(administer_clients::list_clients(world, caller, String::new(), 9)).map(drop)),
        ("list algorithms", run(administer_clients::list_algorithms(world, caller)).map(drop)),
        ("find a client", run(administer_clients::find_client(world, caller, default.clone())).map(drop)),
        ("list keys", run(administer_keys::list_keys(world, caller)).map(drop)),
        ("rotate keys", run(administer_keys::rotate_keys(world, caller, None)).map(drop)),
        ("revoke a key", run(administer_keys::compromise_key(world, caller, key, reason(), None)).map(drop)),
        ("read the log", run(read_log::list_revocations(world, caller, 0, 9)).map(drop)),
        ("read events", run(read_log::list_events(world, caller, None, 0, 9)).map(drop)),
        ("lock", run(lock_account::lock_user(world, caller, user, LockFor::Default, reason(), None)).map(drop)),
        ("unlock", run(lock_account::unlock_user(world, caller, user)).map(drop)),
        ("set a password", {
            run(rescind_domain::verbs::change_password::set(world, caller, user, password(NEW))).map(drop)
        }),
        ("end a session", {
            run(rescind_domain::verbs::end_session::end_any(world, caller, session, reason())).map(drop)
        }),
        ("revoke", run(revoke::revoke(world, caller, scope, reason(), None)).map(drop)),
        ("delete", run(delete_account::delete_user(world, caller, user, reason())).map(drop)),
        ("explain", {
            let (claims, key) = about.claims();
            run(explain::access_token(world, caller, claims, key)).map(drop)
        }),
        ("explain a refresh token", run(explain::refresh_token(world, caller, about.refresh_token())).map(drop)),
    ]
}

/// What introspection comes to.
pub(crate) trait Judged {
    /// Revoked, expired, or gone.
    fn is_dead(&self) -> bool;
}

impl Judged for Explanation {
    fn is_dead(&self) -> bool {
        self.ended.is_some() || self.expiry.is_some() || self.session.is_none()
    }
}

/// What introspection says of the access token.
pub(crate) fn explain_access(house: &House, device: &Device) -> Explanation {
    let (claims, key) = device.claims();
    run(explain::access_token(&house.world, OPERATOR, claims, key)).unwrap()
}

/// What introspection says of the refresh token, if it is one of this authority's.
pub(crate) fn explain_refresh(house: &House, device: &Device) -> Option<Explanation> {
    let found = run(explain::refresh_token(&house.world, OPERATOR, device.refresh_token())).unwrap();
    found.map(|(explanation, ..)| explanation)
}
