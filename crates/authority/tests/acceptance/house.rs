//! An authority without its network: real SQLite, clocks that stand still, hashing that costs nothing.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rescind::ambient::SystemEntropy;
use rescind::store::sqlite::{Fresh, Options, Role, Sqlite};
use rescind_domain::World;
use rescind_domain::acting::Administrator;
use rescind_domain::clock::{Clock, Timestamp};
use rescind_domain::entropy::Entropy;
use rescind_domain::event::Event;
use rescind_domain::keyring::{Keyring, RootKey};
use rescind_domain::password::Password;
use rescind_domain::policy::{AtLimit, Policy};
use rescind_domain::revocation::LogRow;
use rescind_domain::session::Session;
use rescind_domain::store::{Head, Store, View};
use rescind_domain::throttle::{Throttle, ThrottleOptions};
use rescind_domain::user::User;
use rescind_domain::verbs::{administer_keys, keep_house};
use rescind_wire::UserId;

use super::clock::{START, TestClock};
use super::hasher::Hasher;

pub(crate) const ISSUER: &str = "https://id.example";

/// Whoever runs the command line.
pub(crate) const OPERATOR: &Administrator = &Administrator::CommandLine;

/// One authority. What a test needs to change it may change.
pub(crate) struct House {
    pub(crate) world: World,
    pub(crate) sqlite: Arc<Sqlite>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) dir: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// An authority whose policy differs.
    pub(crate) fn with(change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = policy();
        change(&mut policy);
        Self::open(directory(), TestClock::new(), policy)
    }

    fn open(dir: tempfile::TempDir, clock: Arc<TestClock>, policy: Policy) -> Self {
        let sqlite = Arc::new(open_store(dir.path().join("rescind.db")));
        let hasher = Arc::new(Hasher::default());
        let world = World {
            store: Arc::clone(&sqlite) as Arc<dyn Store>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(SystemEntropy),
            passwords: Arc::clone(&hasher) as Arc<_>,
            keyring: Arc::new(Keyring::new(RootKey::new(&[7; 32]))),
            throttle: Arc::new(Throttle::new(ThrottleOptions::default(), [1; 16])),
            policy: Arc::new(policy),
        };
        let house = Self { world, sqlite, clock, hasher, dir };
        house.load_keys();
        run(administer_keys::ensure_keys(&house.world)).unwrap();
        house.load_keys();
        run(keep_house::record_lifetime(&house.world)).unwrap();
        house
    }

    /// The process ends and starts again: what was only in memory is gone.
    pub(crate) fn restarted(self) -> Self {
        self.replaced(|_| {})
    }

    /// As [`restarted`](Self::restarted), and something is done to the data folder in between.
    pub(crate) fn replaced(self, between: impl FnOnce(&std::path::Path)) -> Self {
        let Self { world, sqlite, clock, hasher, dir } = self;
        let policy = Policy::clone(&world.policy);
        drop((world, hasher));
        drop(Arc::into_inner(sqlite).expect("nothing else holds the store"));
        between(dir.path());
        clock.restart();
        Self::open(dir, clock, policy)
    }

    /// The configuration is changed, and the lifetime recorded as the server does it when it starts.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Policy)) {
        let mut policy = Policy::clone(&self.world.policy);
        change(&mut policy);
        self.world.policy = Arc::new(policy);
        run(keep_house::record_lifetime(&self.world)).unwrap();
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("rescind.db")
    }

    /// Takes the store's keys into the ring; every verifier is taken to have acknowledged them.
    pub(crate) fn load_keys(&self) {
        let rows = self.read(|view| Ok(view.keys()?));
        self.world.keyring.load(&rows, self.head().position.number).unwrap();
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn View) -> Result<T, rescind_domain::Error> + Send + 'static,
    ) -> T {
        run(self.world.store.read("look", read)).unwrap()
    }

    pub(crate) fn head(&self) -> Head {
        self.read(|view| Ok(view.head()?))
    }

    /// The number of the last entry.
    pub(crate) fn number(&self) -> u64 {
        self.head().position.number
    }

    pub(crate) fn log(&self) -> Vec<LogRow> {
        self.log_after(0)
    }

    pub(crate) fn log_after(&self, number: u64) -> Vec<LogRow> {
        self.read(move |view| Ok(view.log_after(number, u32::MAX)?))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events_after(0)
    }

    pub(crate) fn events_after(&self, id: u64) -> Vec<Event> {
        self.read(move |view| Ok(view.events(None, id, u32::MAX)?))
    }

    /// The id of the last event.
    pub(crate) fn last_event(&self) -> u64 {
        self.events().last().map_or(0, |event| event.id)
    }

    pub(crate) fn user(&self, id: UserId) -> User {
        self.read(move |view| Ok(view.user(&id)?)).expect("a user")
    }

    /// Every session that is stored, dead ones too.
    pub(crate) fn stored_sessions(&self) -> Vec<Session> {
        self.read(|view| Ok(view.sessions_after(None, u32::MAX)?))
    }

    /// All that an act could change but for chains and events: to see that it did not.
    pub(crate) fn state(&self) -> State {
        State(self.read(|view| {
            let users = view.users("", "", u32::MAX)?;
            let hash = |user: &User| user.password.as_ref().map(|hash| hash.expose().to_owned());
            let mut state: Vec<String> = users.iter().map(|user| format!("{user:?} {:?}", hash(user))).collect();
            state.push(format!("{:?}", view.head()?));
            state.extend(view.log_after(0, u32::MAX)?.iter().map(|row| format!("{row:?}")));
            state.extend(view.sessions_after(None, u32::MAX)?.iter().map(|row| format!("{row:?}")));
            state.extend(view.keys()?.iter().map(|row| format!("{row:?}")));
            Ok(state)
        }))
    }

    /// Asserts that the state is what it was.
    #[track_caller]
    pub(crate) fn assert_unchanged(&self, before: &State) {
        let now = self.state();
        let lines = |of: &State, than: &State| {
            let new: Vec<_> = of.0.iter().filter(|line| !than.0.contains(line)).map(String::as_str).collect();
            new.join("\n")
        };
        assert!(now.0 == before.0, "was:\n{}\nis:\n{}", lines(before, &now), lines(&now, before));
    }

    /// Takes over whatever the server does on its own: activity aside, which tests record themselves.
    pub(crate) fn keep_house(&self) {
        run(keep_house::raise_floor(&self.world)).unwrap();
        self.purge();
    }

    /// One whole pass of the purge; answers how many sessions it deleted.
    pub(crate) fn purge(&self) -> u64 {
        let (mut after, mut sessions) = (None, 0);
        loop {
            let purged = run(keep_house::purge_sessions(&self.world, after)).unwrap();
            sessions += purged.sessions;
            after = purged.next;
            if after.is_none() {
                break;
            }
        }
        while run(keep_house::purge_others(&self.world)).unwrap() > 0 {}
        sessions
    }
}

/// What was stored at some moment, a line for each row.
pub(crate) struct State(Vec<String>);

/// A folder that is gone with the test, in memory where there is room for it.
pub(crate) fn directory() -> tempfile::TempDir {
    let shm = std::path::Path::new("/dev/shm");
    if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap()
}

pub(crate) fn open_store(path: PathBuf) -> Sqlite {
    let fresh = Fresh { epoch: (&SystemEntropy as &dyn Entropy).bytes(), now: Timestamp(START) };
    Sqlite::open(path, Options::new(Role::Tool, fresh)).unwrap()
}

pub(crate) fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

/// Runs what waits for nobody but the store's threads. May be called within itself.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

fn policy() -> Policy {
    Policy {
        issuer: ISSUER.into(),
        sign_up: true,
        store_addresses: true,
        access_lifetime: 5 * MINUTE,
        foreign_lifetime: Duration::ZERO,
        remembered_lifetime: 30 * DAY,
        session_lifetime: DAY,
        remembered_idle: 30 * DAY,
        session_idle: DAY,
        longest_session: 400 * DAY,
        longest_idle: 400 * DAY,
        refresh_grace: Duration::from_secs(10),
        fresh: 5 * MINUTE,
        skew: Duration::from_secs(30),
        session_limit: None,
        at_limit: AtLimit::EndOldest,
        lock: 6 * MINUTE,
        retention: 30 * DAY,
        event_retention: 400 * DAY,
        rotate_keys: None,
    }
}
