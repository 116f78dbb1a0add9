//! G7, G8 and A13 on an authority as the server runs it, with its own clocks, pool and follower.

use std::sync::Arc;
use std::time::Duration;

use rescind::authority::Authority;
use rescind::config::Config;
use rescind::data_dir::DataDir;
use rescind::follower;
use rescind::store::sqlite::{self, Role};
use rescind_domain::acting::Administrator;
use rescind_domain::event::EventKind;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::sign_in::{SignedIn, sign_in};
use rescind_domain::verbs::sign_up::{SignUp, sign_up};
use rescind_domain::verbs::{administer_keys, keep_house, log_out};
use rescind_verifier::{Presented, Rejected, Verified};
use rescind_wire::{Algorithm, Epoch};
use tokio::task::JoinHandle;

use super::device::{OLD, Person, claims, forge_with};
use super::house::{ISSUER, directory, password};

/// An authority whose follower runs.
struct Running {
    authority: Arc<Authority>,
    follower: JoinHandle<()>,
    dir: tempfile::TempDir,
}

impl Running {
    async fn begin() -> Self {
        Self::on(directory()).await
    }

    async fn on(dir: tempfile::TempDir) -> Self {
        let data = DataDir::open_or_make(dir.path()).unwrap();
        let config = Arc::new(Config::default());
        let authority = Authority::open(config, &data, Role::Server, ISSUER.into()).await.unwrap();
        keep_house::record_lifetime(&authority.world).await.unwrap();
        let follower = tokio::spawn(follower::follow(Arc::clone(&authority)));
        let running = Self { authority, follower, dir };
        let head = running.authority.world.store.position().await.unwrap();
        assert!(running.authority.wait_for(head.number).await);
        running
    }

    /// The process ends.
    async fn stop(self) -> tempfile::TempDir {
        self.follower.abort();
        assert!(self.follower.await.unwrap_err().is_cancelled());
        drop(Arc::into_inner(self.authority).expect("nothing else holds it"));
        self.dir
    }

    async fn person(&self, login: &str) -> Person {
        let request = SignUp { login: login.into(), password: password(OLD), address: None, idempotency: None };
        let user = sign_up(&self.authority.world, request).await.unwrap();
        Person { id: user.id, login: user.login }
    }

    async fn sign_in(&self, person: &Person) -> SignedIn {
        sign_in(&self.authority.world, person.request(OLD)).await.unwrap()
    }

    async fn refresh(&self, device: &SignedIn) -> Result<SignedIn, rescind_domain::Error> {
        let token = device.refresh.expose().to_owned();
        refresh(&self.authority.world, Refresh { token, scope: None, client: None, address: None }).await
    }

    /// Checks an access token as the API does.
    async fn verify(&self, token: &str) -> Result<Verified, Rejected> {
        self.authority.verify(&Presented::bearer(token)).await
    }

    async fn log_out(&self, device: &SignedIn) {
        let (claims, _) = claims(device.access.token.expose());
        let receipt = log_out::log_out(&self.authority.world, &claims, None).await.unwrap().unwrap();
        self.authority.enforced_here(&receipt).await;
    }

    /// Waits until its verifier follows another epoch than `former`, and may accept.
    async fn another_epoch_than(&self, former: Epoch) {
        let follows = || {
            let health = self.authority.verifier.health();
            health.unavailable.is_none() && health.position.is_some_and(|position| position.epoch != former)
        };
        let changed = async {
            while !follows() {
                self.authority.hint();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), changed).await.expect("a new epoch");
    }

    async fn epochs_begun(&self) -> usize {
        let events = self.authority.world.store.read("events", |view| Ok(view.events(None, 0, 10_000)?)).await;
        events.unwrap().iter().filter(|event| event.what.kind == EventKind::EpochBegun).count()
    }

    fn epoch(&self) -> Epoch {
        self.authority.verifier.position().unwrap().epoch
    }
}

fn token(device: &SignedIn) -> &str {
    device.access.token.expose()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g7_a_data_file_rolled_back_while_the_server_runs_signs_everyone_out() {
    let running = Running::begin().await;
    let ann = running.person("ann").await;
    let (phone, stolen) = (running.sign_in(&ann).await, running.sign_in(&ann).await);
    let old = running.dir.path().join("monday.db");
    running.authority.sqlite.backup(&old).unwrap();
    running.log_out(&stolen).await;
    assert!(matches!(running.verify(token(&stolen)).await, Err(Rejected::Revoked { scope: "session", .. })));
    running.verify(token(&phone)).await.unwrap();
    let former = running.epoch();
    {
        let source = rusqlite::Connection::open(&old).unwrap();
        let mut live = rusqlite::Connection::open(running.authority.sqlite.path()).unwrap();
        rusqlite::backup::Backup::new(&source, &mut live).unwrap().step(-1).unwrap();
    }
    running.another_epoch_than(former).await;
    for device in [&phone, &stolen] {
        let rejected = running.verify(token(device)).await.unwrap_err();
        assert!(!rejected.is_unavailable(), "{rejected}");
        assert!(running.refresh(device).await.is_err());
    }
    assert_eq!(running.epochs_begun().await, 1);
    // Those who sign in again are as good as ever, and what ends again ends.
    let again = running.sign_in(&ann).await;
    running.verify(token(&again)).await.unwrap();
    running.refresh(&again).await.unwrap();
    running.log_out(&again).await;
    assert!(matches!(running.verify(token(&again)).await, Err(Rejected::Revoked { scope: "session", .. })));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g7_a_token_from_beyond_the_head_is_refused_and_starts_the_alarm() {
    let running = Running::begin().await;
    let ann = running.person("ann").await;
    let (phone, stolen) = (running.sign_in(&ann).await, running.sign_in(&ann).await);
    let old = running.dir.path().join("monday.db");
    running.authority.sqlite.backup(&old).unwrap();
    running.log_out(&stolen).await;
    let late = running.sign_in(&ann).await;
    let former = running.epoch();
    let dir = running.stop().await;
    sqlite::restore(&old, dir.path().join("rescind.db")).unwrap();

    let running = Running::on(dir).await;
    assert_eq!(running.epoch(), former, "nobody can have noticed");
    assert_eq!(running.epochs_begun().await, 0);
    // What was revoked since is alive again, and nothing says so, until this comes:
    let rejected = running.verify(token(&late)).await.unwrap_err();
    assert!(!rejected.is_unavailable(), "{rejected}");
    running.another_epoch_than(former).await;
    assert_eq!(running.epochs_begun().await, 1);
    for device in [&phone, &stolen, &late] {
        assert!(running.verify(token(device)).await.is_err());
        assert!(running.refresh(device).await.is_err());
    }
    assert_eq!(running.epochs_begun().await, 1, "one alarm");
    let again = running.sign_in(&ann).await;
    running.verify(token(&again)).await.unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_a_token_that_is_newer_than_the_verifier_is_waited_for_and_raises_no_alarm() {
    let running = Running::begin().await;
    let ann = running.person("ann").await;
    let former = running.epoch();
    for _ in 0..10 {
        // Each token is newer than what the verifier has read, as often as not.
        let device = running.sign_in(&ann).await;
        let (claims, key) = claims(token(&device));
        let acting = rescind_domain::acting::Acting::new(claims, key, None);
        end_sessions::end_own(&running.authority.world, &acting, Which::All, None, None).await.unwrap();
        let next = running.sign_in(&ann).await;
        running.verify(token(&next)).await.unwrap();
        assert!(matches!(running.verify(token(&device)).await, Err(Rejected::Revoked { scope: "user", .. })));
    }
    assert_eq!((running.epoch(), running.epochs_begun().await), (former, 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g8_a_forged_huge_position_shown_to_the_authority_gains_nothing() {
    let running = Running::begin().await;
    let ann = running.person("ann").await;
    let phone = running.sign_in(&ann).await;
    let key = running.authority.world.keyring.signing(Algorithm::EdDSA, u64::MAX).unwrap();
    let (mut forged, _) = claims(token(&phone));
    forged.rev.number = rescind_wire::position::MAX_NUMBER;
    let forged = forge_with(&key, &forged);
    let former = running.epoch();
    // It is signed by a pinned key and beyond the head: what it proves is that something is very wrong.
    assert!(running.verify(&forged).await.is_err());
    running.another_epoch_than(former).await;
    assert!(running.verify(&forged).await.is_err());
    // The stolen key went with all others.
    let mut again = claims(token(&phone)).0;
    again.rev = running.authority.verifier.position().unwrap();
    assert!(running.verify(&forge_with(&key, &again)).await.is_err());
    let device = running.sign_in(&ann).await;
    running.verify(token(&device)).await.unwrap();
    assert_ne!(claims(token(&device)).1, *key.id());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g8_once_the_stolen_key_is_revoked_the_servers_own_verifier_refuses_what_it_had_accepted() {
    let running = Running::begin().await;
    let ann = running.person("ann").await;
    let phone = running.sign_in(&ann).await;
    let key = running.authority.world.keyring.signing(Algorithm::EdDSA, u64::MAX).unwrap();
    let mut forged = claims(token(&phone)).0;
    forged.scope = "rescind:admin".into();
    let forged = forge_with(&key, &forged);
    running.verify(&forged).await.unwrap();
    let world = &running.authority.world;
    let operator = Administrator::CommandLine;
    let receipt =
        administer_keys::compromise_key(world, &operator, key.id().clone(), "leaked".into(), None).await.unwrap();
    running.authority.enforced_here(&receipt).await;
    for dead in [forged.as_str(), token(&phone)] {
        let number = receipt.position.number;
        assert_eq!(running.verify(dead).await.unwrap_err(), Rejected::Revoked { scope: "key", number });
    }
    // The session lives: its next token is signed with the new key, at once.
    let next = running.refresh(&phone).await.unwrap();
    assert_ne!(claims(token(&next)).1, *key.id());
    running.verify(token(&next)).await.unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a13_restarting_the_server_revives_nothing() {
    let running = Running::begin().await;
    let ann = running.person("ann").await;
    let (phone, stolen) = (running.sign_in(&ann).await, running.sign_in(&ann).await);
    running.log_out(&stolen).await;
    let dir = running.stop().await;
    let running = Running::on(dir).await;
    assert!(matches!(running.verify(token(&stolen)).await, Err(Rejected::Revoked { scope: "session", .. })));
    assert!(running.refresh(&stolen).await.is_err());
    running.verify(token(&phone)).await.unwrap();
    running.refresh(&phone).await.unwrap();
    running.stop().await;
}
