//! One user, one file, one or two authorities on it with everything real but the password hash, and the record of what
//! happened.

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rescind::ambient::SystemEntropy;
use rescind::authority::Authority;
use rescind::config::Config;
use rescind::data_dir::DataDir;
use rescind::follower;
use rescind::store::sqlite::Role;
use rescind_domain::World;
use rescind_domain::boxed::Boxed;
use rescind_domain::entropy::Entropy;
use rescind_domain::password::{HashingError, Password, PasswordHash, Passwords, Stored, Verdict};
use rescind_domain::revocation::Receipt;
use rescind_domain::throttle::{Throttle, ThrottleOptions};
use rescind_domain::verbs::sign_in::SignedIn;
use rescind_domain::verbs::sign_up::{NewUser, SignUp, sign_up};
use rescind_wire::SessionId;
use tokio::runtime::Runtime;

const ISSUER: &str = "https://id.example";

/// Where it happens.
pub(super) struct Arena {
    pub(super) user: NewUser,
    sides: Vec<Side>,
    record: Mutex<Record>,
    /// Counts beginnings and ends of deeds: one that ended at a lower number than another began came before it.
    ticks: AtomicU64,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

/// One handle on the file, with all that is behind it.
pub(super) struct Side {
    pub(super) authority: Arc<Authority>,
    pub(super) world: World,
}

/// When a deed began and when its outcome was known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) began: u64,
    pub(super) done: u64,
}

impl Span {
    /// Whether all of this came before any of that.
    pub(super) fn is_before(self, that: Self) -> bool {
        self.done < that.began
    }
}

/// What happened.
pub(super) struct Record {
    /// The password that was set last, as far as is known, and the entry that came with it.
    password: (u64, String),
    pub(super) issued: Vec<Arc<Issued>>,
    /// Sessions that are known to have ended.
    pub(super) dead: HashSet<SessionId>,
    pub(super) ended: Vec<Ended>,
    pub(super) refused: Vec<Refused>,
    pub(super) changed: Vec<Changed>,
}

impl Record {
    pub(super) fn password(&self) -> &str {
        &self.password.1
    }

    /// Threads come here in any order; the entry of the log says which password is the latest.
    pub(super) fn set_password(&mut self, change: Changed, new: &str) {
        if change.number > self.password.0 {
            self.password = (change.number, new.to_owned());
        }
        self.changed.push(change);
    }
}

/// Tokens that were given out.
pub(super) struct Issued {
    pub(super) span: Span,
    pub(super) signed: SignedIn,
    pub(super) by: By,
}

/// How.
pub(super) enum By {
    /// A sign-in with this password.
    Password(String),
    /// A refresh with this token.
    Refresh(String),
}

/// Something that was ended.
pub(super) struct Ended {
    pub(super) span: Span,
    pub(super) receipt: Receipt,
}

/// A password that was replaced.
pub(super) struct Changed {
    pub(super) span: Span,
    pub(super) old: String,
    /// The entry that came with it.
    pub(super) number: u64,
}

/// A refusal, to be justified by what else happened.
pub(super) struct Refused {
    pub(super) span: Span,
    pub(super) why: Why,
}

/// What was refused.
#[derive(Debug)]
pub(super) enum Why {
    /// A sign-in that a log-out overtook.
    Overtaken,
    /// This password, which was replaced.
    Password(String),
    /// A refresh token of a session that was ended: what was issued to it.
    Revoked(usize),
    /// An access token of a session that was ended, likewise.
    SignedOut(usize),
}

impl Arena {
    /// With as many handles on one file.
    pub(super) fn with_handles(handles: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let sides: Vec<Side> = (0..handles).map(|_| runtime.block_on(Side::open(folder.path()))).collect();
        let password = "the password number 0".to_owned();
        let request = SignUp {
            login: "ann".to_owned(),
            password: Password::new(password.clone()).unwrap(),
            address: None,
            idempotency: None,
        };
        let user = runtime.block_on(sign_up(&sides[0].world, request)).unwrap();
        let record = Record {
            password: (0, password),
            issued: Vec::new(),
            dead: HashSet::new(),
            ended: Vec::new(),
            refused: Vec::new(),
            changed: Vec::new(),
        };
        Self { user, sides, record: Mutex::new(record), ticks: AtomicU64::new(0), runtime, _folder: folder }
    }

    pub(super) fn sides(&self) -> &[Side] {
        &self.sides
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    pub(super) fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.handle().block_on(future)
    }

    #[expect(clippy::unused_self, reason = "entropy belongs to where it is used")]
    pub(super) fn entropy(&self) -> u64 {
        u64::from_be_bytes((&SystemEntropy as &dyn Entropy).bytes())
    }
}

impl Side {
    async fn open(folder: &std::path::Path) -> Self {
        let data = DataDir::open_or_make(folder).unwrap();
        let mut config = Config::default();
        // However slow the machine: nothing that is refused here is refused for its age.
        config.tokens.refresh_grace = Duration::from_mins(10);
        config.authentication.fresh = Duration::from_mins(30);
        config.tokens.access_lifetime = Duration::from_mins(30);
        let authority = Authority::open(Arc::new(config), &data, Role::Server, ISSUER.to_owned()).await.unwrap();
        tokio::spawn(follower::follow(Arc::clone(&authority)));
        let head = authority.world.store.position().await.unwrap();
        assert!(authority.wait_for(head.number).await, "the verifier does not follow the log");
        // Attempts under way count as failures: with eight threads there is always one too many.
        let never = u32::MAX;
        let no_waits = ThrottleOptions {
            account_failures: never,
            address_failures: never,
            account_wide_failures: never,
            base_wait: Duration::ZERO,
            ..ThrottleOptions::default()
        };
        let world = World {
            passwords: Arc::new(Plain),
            throttle: Arc::new(Throttle::new(no_waits, [1; 16])),
            ..authority.world.clone()
        };
        Self { authority, world }
    }
}

/// Password hashing that costs no time, but leaves the others some to get ahead.
struct Plain;

impl Plain {
    fn dawdle() {
        for _ in 0..50 {
            std::thread::yield_now();
        }
    }
}

impl Passwords for Plain {
    fn hash(&self, password: Password) -> Boxed<'_, Result<PasswordHash, HashingError>> {
        Box::pin(async move {
            Self::dawdle();
            Ok(PasswordHash::new(format!("plain${}", password.expose())))
        })
    }

    fn verify(&self, stored: Stored, password: Password) -> Boxed<'_, Result<Verdict, HashingError>> {
        Box::pin(async move {
            Self::dawdle();
            let right =
                matches!(&stored, Stored::Known(hash) if hash.expose() == format!("plain${}", password.expose()));
            Ok(if right { Verdict::Right { upgrade: false } } else { Verdict::Wrong })
        })
    }
}
