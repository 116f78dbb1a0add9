//! What is done once, what is allowed at all, and how much of it: idempotency, limits, administrators, set-up, sign-up.

use std::time::Duration;

use rescind_domain::Error;
use rescind_domain::acting::Administrator;
use rescind_domain::client::{ADMIN_SCOPE, ClientKind, ClientPolicy};
use rescind_domain::event::EventKind;
use rescind_domain::idempotency::{self, Idempotency};
use rescind_domain::key::Purpose;
use rescind_domain::login::Login;
use rescind_domain::revocation::{MAX_REASON, Receipt};
use rescind_domain::secret::Secret;
use rescind_domain::user::{MAX_METADATA, Role};
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::import_users::{ImportedUser, Outcome, import_users};
use rescind_domain::verbs::lock_account::{self, LockFor};
use rescind_domain::verbs::sign_in::{MAX_DEVICE_NAME, SignIn};
use rescind_domain::verbs::sign_up::{NewUser, SignUp, sign_up};
use rescind_domain::verbs::update_session::{Changes, update_session};
use rescind_domain::verbs::{administer_keys, administer_users, delete_account, revoke, set_up};
use rescind_wire::Scope;

use super::device::OLD;
use super::guard::Guard;
use super::house::{DAY, HOUR, House, MINUTE, OPERATOR, password, run};
use super::paths::{administration, assert_alive};

const TICK: Duration = Duration::from_millis(1);

fn key(key: &str, request: u8) -> Idempotency {
    Idempotency { caller: "ann".into(), session: None, key: key.into(), fingerprint: [request; 32] }
}

#[test]
fn a_request_that_is_sent_twice_with_one_key_is_done_once_and_answered_alike() {
    let house = House::new();
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let everyone = || Scope::Everyone { services: false };
    let revoke = |key| run(revoke::revoke(&house.world, OPERATOR, everyone(), "x".into(), Some(key)));
    let first = revoke(key("one", 1)).unwrap();
    let again = house.sign_in(&ann);
    let before = (house.state(), house.last_event());
    // The repeated one does not end what came since.
    assert_eq!(revoke(key("one", 1)).unwrap(), first);
    house.assert_unchanged(&before.0);
    assert_eq!(house.last_event(), before.1);
    assert_alive(&house, &mut Guard::of(&house), &again);
    // The same key for something else is a mistake; another caller's key is another key.
    assert!(matches!(revoke(key("one", 2)), Err(Error::IdempotencyMismatch)));
    let others = Idempotency { caller: "bob".into(), ..key("one", 2) };
    assert_ne!(revoke(others).unwrap().position, first.position);
    // After a day it is forgotten, to the millisecond.
    house.advance(DAY - TICK);
    assert_eq!(revoke(key("one", 1)).unwrap(), first);
    house.advance(TICK);
    assert_ne!(revoke(key("one", 1)).unwrap().position, first.position);
    drop(phone);
}

#[test]
fn every_verb_that_takes_a_key_does_it_once() {
    let house = House::new();
    let made = |login: &str, request| {
        let request = SignUp {
            login: login.into(),
            password: password(OLD),
            address: None,
            idempotency: Some(key("up", request)),
        };
        run(sign_up(&house.world, request))
    };
    let user = made("cat", 1).unwrap();
    assert_eq!(made("cat", 1).unwrap(), user);
    assert!(matches!(made("dog", 2), Err(Error::IdempotencyMismatch)));
    let add = || -> Result<NewUser, Error> {
        let role = Role::User;
        run(administer_users::add_user(&house.world, OPERATOR, "eve", password(OLD), role.into(), Some(key("add", 1))))
    };
    assert_eq!(add().unwrap(), add().unwrap());

    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let caller = phone.acting();
    let others = || {
        let password = Some(password(OLD));
        run(end_sessions::end_own(&house.world, &caller, Which::Others, password, Some(key("others", 1)))).unwrap()
    };
    let first = others();
    let tablet = house.sign_in(&ann);
    assert_eq!(others(), first);
    assert!(house.is_listed(&tablet), "the repeated one ended what came since");
    let lock = || {
        let (lock, reason) = (LockFor::Default, "because".to_owned());
        run(lock_account::lock_user(&house.world, OPERATOR, ann.id, lock, reason, Some(key("lock", 1)))).unwrap()
    };
    let first = lock();
    run(lock_account::unlock_user(&house.world, OPERATOR, ann.id)).unwrap();
    assert_eq!(lock(), first);
    house.sign_in(&ann);
    let tablet = house.sign_in(&ann);
    let key_id = house.read(|view| Ok(view.keys()?)).into_iter().find(|row| row.purpose == Purpose::Mac).unwrap().id;
    let compromise = || {
        let (id, once) = (key_id.clone(), Some(key("leaked", 1)));
        run(administer_keys::compromise_key(&house.world, OPERATOR, id, "leaked".into(), once)).unwrap()
    };
    assert_eq!(compromise(), compromise());
    house.load_keys();
    let delete = || {
        let once = Some(key("delete", 1));
        run(delete_account::delete_own(&house.world, &tablet.acting(), password(OLD), once))
    };
    let first = delete().unwrap();
    assert!(matches!(delete(), Err(Error::SignedOut(_))), "verbs judge their caller first");
    let again = Idempotency { session: Some(tablet.session()), ..key("delete", 1) };
    let repeated = |key: Idempotency| run(idempotency::repeated::<Receipt>(&house.world, key)).unwrap();
    assert_eq!(repeated(again.clone()), None, "it was not said from a session");
    drop(first);
    // What failed was not done, and may be tried again with the same key.
    let absent = Scope::User { user: rescind_wire::UserId::from_bytes([1; 16]), except: None, deleted: false };
    let refused = run(revoke::revoke(&house.world, OPERATOR, absent, "because".to_owned(), Some(key("bad", 1))));
    assert!(matches!(refused, Err(Error::NotFound("user"))));
    let scope = Scope::Everyone { services: false };
    run(revoke::revoke(&house.world, OPERATOR, scope, "because".to_owned(), Some(key("bad", 1)))).unwrap();
}

#[test]
fn names_metadata_and_reasons_are_bounded() {
    let house = House::new();
    let ann = house.person("ann");
    let phone = house.sign_in(&ann);
    let update = |name: Option<&str>, metadata: Option<&str>| {
        let name = name.map(|text| Some(text.to_owned()));
        let metadata = metadata.map(|text| Some(text.to_owned()));
        run(update_session(&house.world, &phone.acting(), phone.session(), Changes { name, metadata }))
    };
    let full = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert_eq!((full(MAX_METADATA).len(), MAX_METADATA), (4096, 4096));
    let longest = "ä".repeat(MAX_DEVICE_NAME);
    let listed = update(Some(&longest), Some(&full(4096))).unwrap();
    assert_eq!(listed.session.metadata, Some(full(4096)));
    let before = house.state();
    for metadata in [&full(4097), "[]", "\"text\"", "{", "{\"a\":1,\"a\":2}", "{} {}", "", &"{\"a\":".repeat(17)] {
        let refused = update(None, Some(metadata));
        assert!(matches!(refused, Err(Error::Invalid { field: "metadata", .. })), "{metadata}");
    }
    for name in ["", "  ", "a\nb", "\u{0}", &"x".repeat(MAX_DEVICE_NAME + 1)] {
        assert!(matches!(update(Some(name), None), Err(Error::Invalid { field: "device_name", .. })), "{name:?}");
        let request = SignIn { device_name: Some(name.to_owned()), ..ann.request(OLD) };
        assert!(matches!(house.try_sign_in(request), Err(Error::Invalid { field: "device_name", .. })), "{name:?}");
    }
    let revoke = |bytes| {
        let scope = Scope::Everyone { services: false };
        run(revoke::revoke(&house.world, OPERATOR, scope, "x".repeat(bytes), None)).map(drop)
    };
    assert!(matches!(revoke(MAX_REASON + 1), Err(Error::Invalid { field: "reason", .. })));
    house.assert_unchanged(&before);
    // What is not changed stays, and both can be taken away again.
    let listed = update(Some("Kitchen"), None).unwrap();
    assert_eq!((listed.session.name.as_deref(), listed.session.metadata), (Some("Kitchen"), Some(full(4096))));
    let changes = Changes { name: Some(None), metadata: Some(None) };
    let listed = run(update_session(&house.world, &phone.acting(), phone.session(), changes)).unwrap();
    assert_eq!((listed.session.name, listed.session.metadata), (None, None));
    revoke(MAX_REASON).unwrap();
}

#[test]
fn a_users_metadata_and_external_id_are_bounded_and_an_external_id_is_anothers_once_only() {
    let house = House::new();
    let user = |login: &str, external: Option<String>, metadata: Option<String>| ImportedUser {
        login: Login::parse(login).unwrap(),
        hash: None,
        role: Role::User,
        external_id: external,
        metadata,
    };
    let import = |user| run(import_users(&house.world, vec![user]));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_METADATA));
    assert!(matches!(import(user("a", None, Some(long))), Err(Error::Invalid { field: "metadata", .. })));
    for id in [String::new(), "x".repeat(256), "a\u{7}".into()] {
        assert!(matches!(import(user("a", Some(id), None)), Err(Error::Invalid { field: "external_id", .. })));
    }
    assert_eq!(import(user("a", Some("1".into()), Some("{}".into()))).unwrap(), [Outcome::Imported]);
    assert_eq!(import(user("b", Some("1".into()), None)).unwrap(), [Outcome::AlreadyHere]);
    assert_eq!(import(user("A", Some("2".into()), None)).unwrap(), [Outcome::LoginTaken]);
    assert_eq!(import(user("A", None, None)).unwrap(), [Outcome::AlreadyHere]);
}

#[test]
fn the_user_agent_is_cut_to_a_length_that_can_be_stored() {
    let house = House::new();
    let ann = house.person("ann");
    let request = SignIn { user_agent: Some("ü".repeat(10_000)), ..ann.request(OLD) };
    let device = house.try_sign_in(request).unwrap();
    assert_eq!(device.signed.session.user_agent.as_ref().unwrap().chars().count(), 512);
}

#[test]
fn the_last_administrator_stays_one() {
    let house = House::new();
    let (root, desk) = house.administrator();
    let ann = house.person("ann");
    let set = |user, role| run(administer_users::set_role(&house.world, &desk.administering(), user, role));
    let refused = set(root.id, Role::User);
    assert!(matches!(refused, Err(Error::LastAdministrator)), "{refused:?}");
    assert_eq!(house.user(root.id).role, Role::Administrator);
    assert_eq!(set(ann.id, Role::Administrator).unwrap().role, Role::Administrator);
    // The role counts from the store, at once, in both directions: no token says who may what.
    let phone = house.sign_in(&ann);
    set(root.id, Role::User).unwrap();
    let list = |caller: &Administrator| {
        run(administer_users::list_users(&house.world, caller, String::new(), String::new(), 9))
    };
    assert!(matches!(list(&desk.administering()), Err(Error::Forbidden)));
    assert_eq!(list(&phone.administering()).unwrap().len(), 2);
    let own = run(administer_users::set_role(&house.world, &phone.administering(), ann.id, Role::User));
    assert!(matches!(own, Err(Error::LastAdministrator)));
    // One who is locked cannot be the one who is left.
    run(administer_users::set_role(&house.world, OPERATOR, root.id, Role::Administrator)).unwrap();
    let lock = LockFor::UntilUnlocked;
    run(lock_account::lock_user(&house.world, OPERATOR, root.id, lock, "because".to_owned(), None)).unwrap();
    let own = run(administer_users::set_role(&house.world, OPERATOR, ann.id, Role::User));
    assert!(matches!(own, Err(Error::LastAdministrator)));
    // Nor is the one who is left locked, for whatever time, nor deleted.
    let before = house.state();
    for lock in [LockFor::Default, LockFor::Duration(MINUTE), LockFor::UntilUnlocked] {
        let refused = run(lock_account::lock_user(&house.world, OPERATOR, ann.id, lock, "because".to_owned(), None));
        assert!(matches!(refused, Err(Error::LastAdministrator)), "{refused:?}");
    }
    let refused = run(delete_account::delete_user(&house.world, OPERATOR, ann.id, "because".to_owned()));
    assert!(matches!(refused, Err(Error::LastAdministrator)), "{refused:?}");
    house.assert_unchanged(&before);
    // Whoever is locked may be locked for longer, and anybody may lock their own account.
    run(lock_account::lock_user(&house.world, OPERATOR, root.id, lock, "because".to_owned(), None)).unwrap();
    run(lock_account::lock_own(&house.world, &phone.acting(), None)).unwrap();
    // Where nobody is left, nobody is taken away: neither role of one who is locked has to stay.
    run(administer_users::set_role(&house.world, OPERATOR, root.id, Role::User)).unwrap();
    run(lock_account::unlock_user(&house.world, OPERATOR, ann.id)).unwrap();
}

#[test]
fn a_client_administers_only_with_the_scope_for_it_and_for_as_long_as_it_has_it() {
    let house = House::new();
    let phone = house.sign_in(&house.person("ann"));
    let (plain, secret) = house.client("plain", ClientKind::Service);
    let token = house.service_token(&plain, &secret.unwrap()).unwrap();
    let as_admin = |token: &str| {
        let (claims, key) = super::device::claims(token);
        Administrator::Caller(Box::new(rescind_domain::acting::Acting::new(claims, key, None)))
    };
    for (act, outcome) in administration(&house, &as_admin(&token), &phone) {
        assert!(matches!(outcome, Err(Error::Forbidden)), "{act}: {outcome:?}");
    }
    let (admin, secret) = house.client_with("admin", ClientKind::Service, ClientPolicy::default(), &[ADMIN_SCOPE]);
    let token = house.service_token(&admin, &secret.unwrap()).unwrap();
    let list = |token: &str| {
        run(administer_users::list_users(&house.world, &as_admin(token), String::new(), String::new(), 9))
    };
    list(&token).unwrap();
    let narrowed = house.world.store.transact("take the scope away", move |tx| {
        let mut client = tx.client(&admin)?.expect("admin");
        client.scopes.clear();
        Ok(tx.update_client(&client)?)
    });
    run(narrowed).unwrap();
    assert!(matches!(list(&token), Err(Error::Forbidden)));
    // Nor may a client do what people do.
    let (claims, key) = super::device::claims(&token);
    let acting = rescind_domain::acting::Acting::new(claims, key, None);
    assert!(matches!(run(administer_users::who_am_i(&house.world, &acting)), Err(Error::Forbidden)));
}

#[test]
fn a_set_up_token_is_good_once_and_within_the_hour_only() {
    let house = House::new();
    let set_up = |token: &Secret, login: &str| {
        run(set_up::set_up(&house.world, token.clone(), login, password(OLD), None, None))
    };
    let offer = || run(set_up::offer(&house.world)).unwrap();
    let first = offer().expect("there is no administrator");
    let second = offer().expect("still none");
    assert!(matches!(set_up(&first, "root"), Err(Error::Forbidden)), "a former one is no longer good");
    assert!(matches!(set_up(&Secret::new("stp_AAAA".into()), "root"), Err(Error::Forbidden)));
    house.advance(HOUR);
    assert!(matches!(set_up(&second, "root"), Err(Error::Forbidden)), "an hour has passed");
    let third = offer().unwrap();
    house.advance(HOUR - TICK);
    // What is wrong with the account does not use it up.
    assert!(matches!(set_up(&third, "a b"), Err(Error::Invalid { field: "login", .. })));
    let seen = house.last_event();
    let user = set_up(&third, "root").unwrap();
    assert!(user.administrator);
    assert_eq!(house.events_after(seen)[0].what.kind, EventKind::SetUp);
    assert!(matches!(set_up(&third, "mallory"), Err(Error::Forbidden)), "once");
    assert!(offer().is_none(), "there is an administrator now");
    assert_eq!(house.user(user.id).role, Role::Administrator);
    // Nothing of the token was ever stored but its hash.
    let setting = house.read(|view| Ok(view.setting("set_up")?));
    assert_eq!(setting, None);
}

#[test]
fn a_set_up_token_is_no_good_once_there_is_an_administrator_by_other_means() {
    let house = House::new();
    let token = run(set_up::offer(&house.world)).unwrap().unwrap();
    let stored = house.read(|view| Ok(view.setting("set_up")?)).unwrap();
    assert!(!stored.contains(token.expose()) && !token.expose().contains(&stored));
    house.administrator();
    let refused = run(set_up::set_up(&house.world, token, "mallory", password(OLD), None, None));
    assert!(matches!(refused, Err(Error::Forbidden)));
}

#[test]
fn sign_up_can_be_switched_off_and_administrators_add_people_all_the_same() {
    let house = House::with(|policy| policy.sign_up = false);
    let request = || SignUp { login: "ann".into(), password: password(OLD), address: None, idempotency: None };
    assert!(matches!(run(sign_up(&house.world, request())), Err(Error::SignUpOff)));
    let user =
        run(administer_users::add_user(&house.world, OPERATOR, "ann", password(OLD), Role::User.into(), None)).unwrap();
    let again = run(administer_users::add_user(&house.world, OPERATOR, "ANN", password(OLD), Role::User.into(), None));
    assert!(matches!(again, Err(Error::LoginTaken)), "{again:?}");
    house.sign_in(&super::device::Person { id: user.id, login: "Ann".into() });
    house.advance(MINUTE);
}

#[test]
fn spellings_of_one_login_name_are_one_account_and_anybody_may_sign_in_by_any_of_them() {
    let house = House::new();
    let ann = house.person("Ann.Lee@Example.org");
    for spelling in ["ann.lee@example.org", " ANN.LEE@EXAMPLE.ORG ", "Ａｎｎ．Ｌｅｅ＠ｅｘａｍｐｌｅ．ｏｒｇ"]
    {
        let request = SignUp { login: spelling.into(), password: password(OLD), address: None, idempotency: None };
        assert!(matches!(run(sign_up(&house.world, request)), Err(Error::LoginTaken)), "{spelling}");
        let device = house.try_sign_in(SignIn { login: spelling.into(), ..ann.request(OLD) }).unwrap();
        assert_eq!(device.user(), ann.id);
    }
}
