//! The stage and the cast: one store for a scene, a user of its own for each schedule.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rescind::ambient::SystemEntropy;
use rescind::store::sqlite::{Fresh, Options, Role, Sqlite};
use rescind_domain::acting::Acting;
use rescind_domain::boxed::Boxed;
use rescind_domain::clock::{Clock, Timestamp};
use rescind_domain::entropy::Entropy;
use rescind_domain::keyring::{Keyring, RootKey};
use rescind_domain::password::{Password, PasswordHash};
use rescind_domain::policy::{AtLimit, Policy};
use rescind_domain::store::{EndingJob, ReadJob, Store, StoreError, TransactJob};
use rescind_domain::throttle::{Throttle, ThrottleOptions};
use rescind_domain::verbs::administer_keys;
use rescind_domain::verbs::sign_in::{SignIn, SignedIn, sign_in};
use rescind_domain::verbs::sign_up::{NewUser, SignUp, sign_up};
use rescind_domain::{Error, World};
use rescind_wire::{AccessClaims, Position, jwt};

use super::passwords::Plain;
use super::schedule::{Actor, Gate};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const OLD: &str = "correct horse battery";
pub(crate) const NEW: &str = "staple a new horse on";

/// One store, one clock, one keyring.
pub(crate) struct Stage {
    store: Arc<Sqlite>,
    pub(crate) clock: Arc<TestClock>,
    keyring: Arc<Keyring>,
    policy: Arc<Policy>,
    users: Cell<u32>,
    began: Cell<u64>,
    _dir: tempfile::TempDir,
}

/// A clock that stands still until told.
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Timestamp {
        self.wall()
    }
}

impl Stage {
    pub(crate) fn new() -> Rc<Self> {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Policy)) -> Rc<Self> {
        let shm = std::path::Path::new("/dev/shm");
        let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        let fresh = Fresh { epoch: (&SystemEntropy as &dyn Entropy).bytes(), now: Timestamp(1_800_000_000_000) };
        let options = Options::new(Role::Tool, fresh);
        let store = Arc::new(Sqlite::open(dir.path().join("race.db"), options).unwrap());
        let mut policy = policy();
        change(&mut policy);
        let keyring = Arc::new(Keyring::new(RootKey::new(&[7; 32])));
        let clock = Arc::new(TestClock(AtomicU64::new(1_800_000_000_000)));
        let stage = Self {
            store,
            clock,
            keyring,
            policy: Arc::new(policy),
            users: Cell::new(0),
            began: Cell::new(0),
            _dir: dir,
        };
        block_on(administer_keys::ensure_keys(&stage.world())).unwrap();
        let rows = block_on(stage.world().store.read("keys", |view| Ok(view.keys()?))).unwrap();
        stage.keyring.load(&rows, u64::MAX).unwrap();
        Rc::new(stage)
    }

    /// The world without gates.
    pub(crate) fn world(&self) -> World {
        let passwords = Arc::new(Plain { gate: Gate::always_open() });
        self.world_with(Arc::clone(&self.store) as Arc<dyn Store>, passwords)
    }

    /// The world of one actor: each call of a port waits at its gate.
    pub(crate) fn gated(&self, gate: &Gate) -> World {
        let store = Gated { store: Arc::clone(&self.store), gate: gate.clone() };
        self.world_with(Arc::new(store), Arc::new(Plain { gate: gate.clone() }))
    }

    fn world_with(&self, store: Arc<dyn Store>, passwords: Arc<Plain>) -> World {
        World {
            store,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::new(SystemEntropy),
            passwords,
            keyring: Arc::clone(&self.keyring),
            throttle: Arc::new(Throttle::new(ThrottleOptions::default(), [1; 16])),
            policy: Arc::clone(&self.policy),
        }
    }

    /// A user of this schedule's own.
    pub(crate) fn user(&self) -> NewUser {
        self.users.set(self.users.get() + 1);
        self.began.set(block_on(self.store.position()).unwrap().number);
        let login = format!("user{}", self.users.get());
        let request = SignUp { login, password: password(OLD), address: None, idempotency: None };
        block_on(sign_up(&self.world(), request)).unwrap()
    }

    /// The log's head as the last user was made: nothing before it can concern that user.
    pub(crate) fn began(&self) -> u64 {
        self.began.get()
    }

    /// As [`user`](Self::user), with a hash that asks to be upgraded.
    pub(crate) fn user_with_old_hash(&self) -> NewUser {
        let user = self.user();
        self.make_hash_old(&user);
        user
    }

    /// Gives somebody a hash of the same password that asks to be upgraded.
    pub(crate) fn make_hash_old(&self, user: &NewUser) {
        let id = user.id;
        let hash = PasswordHash::new(format!("old${OLD}"));
        block_on(self.world().store.transact("old_hash", move |tx| Ok(tx.set_password(&id, &hash)?))).unwrap();
    }

    /// Signs a device in before the race begins.
    pub(crate) fn device(&self, user: &NewUser) -> SignedIn {
        block_on(sign_in(&self.world(), request(user, OLD))).unwrap()
    }

    /// An actor named `name` that does `verb`, and where its outcome will be.
    pub(crate) fn actor<T, V, F>(&self, name: &'static str, verb: V) -> (Actor<'static>, Outcome<T>)
    where
        T: 'static,
        V: FnOnce(World) -> F,
        F: Future<Output = Result<T, Error>> + 'static,
    {
        self.actor_at(Gate::default(), name, verb)
    }

    /// As [`actor`](Self::actor), waiting at this gate.
    pub(crate) fn actor_at<T, V, F>(&self, gate: Gate, name: &'static str, verb: V) -> (Actor<'static>, Outcome<T>)
    where
        T: 'static,
        V: FnOnce(World) -> F,
        F: Future<Output = Result<T, Error>> + 'static,
    {
        let (verb, outcome) = (verb(self.gated(&gate)), Outcome::default());
        let put = outcome.clone();
        (Actor::new(name, gate, async move { *put.0.borrow_mut() = Some(verb.await) }), outcome)
    }
}

/// What became of a verb.
pub(crate) struct Outcome<T>(Rc<RefCell<Option<Result<T, Error>>>>);

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<T> Clone for Outcome<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Outcome<T> {
    pub(crate) fn take(&self) -> Result<T, Error> {
        self.0.borrow_mut().take().expect("the verb is done")
    }
}

/// A store whose calls wait at a gate.
struct Gated {
    store: Arc<Sqlite>,
    gate: Gate,
}

impl Store for Gated {
    fn position(&self) -> Boxed<'_, Result<Position, StoreError>> {
        let pass = self.gate.pass("position");
        Box::pin(async move {
            pass.await;
            self.store.position().await
        })
    }

    fn run_read(&self, name: &'static str, job: ReadJob) -> Boxed<'_, Result<(), StoreError>> {
        let pass = self.gate.pass(name);
        Box::pin(async move {
            pass.await;
            self.store.run_read(name, job).await
        })
    }

    fn run_transact(&self, name: &'static str, job: TransactJob) -> Boxed<'_, Result<(), StoreError>> {
        let pass = self.gate.pass(name);
        Box::pin(async move {
            pass.await;
            self.store.run_transact(name, job).await
        })
    }

    fn run_ending(&self, name: &'static str, job: EndingJob) -> Boxed<'_, Result<(), StoreError>> {
        let pass = self.gate.pass(name);
        Box::pin(async move {
            pass.await;
            self.store.run_ending(name, job).await
        })
    }
}

/// Runs what waits for nobody but the store's threads.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let waker = std::task::Waker::from(Arc::new(super::schedule::Unpark(std::thread::current())));
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}

pub(crate) fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

pub(crate) fn request(user: &NewUser, text: &str) -> SignIn {
    SignIn {
        login: user.login.clone(),
        password: password(text),
        device_name: None,
        remember: true,
        client: None,
        audiences: vec![],
        address: None,
        user_agent: None,
    }
}

/// The claims of an access token and its key, unverified: it was just made here.
pub(crate) fn claims(signed: &SignedIn) -> (AccessClaims, rescind_wire::KeyId) {
    let parts = jwt::take_apart(signed.access.token.expose()).unwrap();
    (serde_json::from_slice(&parts.unverified_claims).unwrap(), parts.unverified_kid)
}

pub(crate) fn acting(signed: &SignedIn) -> Acting {
    let (claims, key) = claims(signed);
    Acting::new(claims, key, None)
}

fn policy() -> Policy {
    let hours = Duration::from_hours;
    Policy {
        issuer: ISSUER.into(),
        sign_up: true,
        store_addresses: true,
        access_lifetime: Duration::from_mins(5),
        foreign_lifetime: Duration::ZERO,
        remembered_lifetime: hours(720),
        session_lifetime: hours(24),
        remembered_idle: hours(720),
        session_idle: hours(24),
        longest_session: hours(9600),
        longest_idle: hours(9600),
        refresh_grace: Duration::from_secs(10),
        fresh: Duration::from_mins(5),
        skew: Duration::from_secs(30),
        session_limit: None,
        at_limit: AtLimit::EndOldest,
        lock: Duration::from_mins(6),
        retention: hours(720),
        event_retention: hours(9600),
        rotate_keys: None,
    }
}
