//! A server on a free port over a store in a temporary folder, and those who call it.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use rescind::authority::Authority;
use rescind::config::Config;
use rescind::data_dir::DataDir;
use rescind::store::sqlite::Role;
use rescind::{follower, http};
use rescind_domain::store::Store;
use rescind_domain::verbs::{keep_house, set_up};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::call::{Answer, Call};
use super::clock::TestClock;
use super::journal;

/// A password that everybody in these tests has unless they need another.
pub(crate) const PASSWORD: &str = "four fine words here";

/// A server, and whoever has not signed in.
pub(crate) struct Harness {
    pub(crate) authority: Arc<Authority>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) address: SocketAddr,
    pub(crate) secrets: Secrets,
    follower: JoinHandle<()>,
    server: Option<JoinHandle<()>>,
    stop: Option<oneshot::Sender<()>>,
    folder: Arc<TempDir>,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration.
    pub(crate) async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::beside(configure, |_| Router::new()).await
    }

    /// With routes of the test's own beside those of the API.
    pub(crate) async fn beside(
        configure: impl FnOnce(&mut Config),
        more: impl FnOnce(Arc<Authority>) -> Router,
    ) -> Self {
        Self::through(|store| store, configure, more).await
    }

    /// With something between the authority and its store, too.
    pub(crate) async fn through(
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
        configure: impl FnOnce(&mut Config),
        more: impl FnOnce(Arc<Authority>) -> Router,
    ) -> Self {
        let harness = Self::open(configure, more, wrap).await;
        assert!(harness.authority.wait_for(1).await, "the log was read");
        harness
    }

    /// With a verifier that knows nothing yet.
    pub(crate) async fn that_never_heard_from_the_log(more: impl FnOnce(Arc<Authority>) -> Router) -> Self {
        let mut harness = Self::open(|_| {}, more, |store| store).await;
        // Before it has run for the first time: nothing was awaited since it was spawned.
        harness.stop_following().await;
        assert!(harness.authority.verifier.position().is_none());
        harness
    }

    async fn open(
        configure: impl FnOnce(&mut Config),
        more: impl FnOnce(Arc<Authority>) -> Router,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        journal::begin();
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::open_in(folder, listener, configure, more, wrap).await
    }

    async fn open_in(
        folder: Arc<TempDir>,
        listener: TcpListener,
        configure: impl FnOnce(&mut Config),
        more: impl FnOnce(Arc<Authority>) -> Router,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let data = DataDir::open_or_make(&folder.path().join("data")).expect("a data folder");
        let mut config = Config::default();
        config.passwords.threads = 2;
        // As many places as usual take long to be given back in a build without optimisation.
        config.verifier.cache_tokens = 1024;
        configure(&mut config);
        let address = listener.local_addr().expect("an address");
        let issuer = config.issuer_for(address);
        let opened = Authority::open(Arc::new(config), &data, Role::Server, issuer).await;
        let mut authority = opened.expect("an authority");
        let clock = TestClock::start();
        let world = &mut Arc::get_mut(&mut authority).expect("nobody else has it yet").world;
        world.clock = clock.clone();
        world.store = wrap(Arc::clone(&world.store));
        keep_house::record_lifetime(&authority.world).await.expect("recorded");
        let router = http::router(Arc::clone(&authority)).merge(more(Arc::clone(&authority)));
        let (stop, stopped) = oneshot::channel::<()>();
        let limits = http::server::Limits::from(&authority.config.http);
        let server = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            http::server::run(listener, router, limits, shutdown).await.expect("served");
        });
        let follower = tokio::spawn(follower::follow(Arc::clone(&authority)));
        let secrets = Secrets::default();
        let (server, stop) = (Some(server), Some(stop));
        Self { authority, clock, address, secrets, follower, server, stop, folder }
    }

    /// The server ends, and starts again on the same folder and another port, so that it calls itself something else.
    pub(crate) async fn moved(mut self) -> Self {
        // Before the former port is free: it would be given out again.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        self.stop_following().await;
        self.stop().await.expect("stopped");
        let folder = Arc::clone(&self.folder);
        drop(self);
        let harness = Self::open_in(folder, listener, |_| {}, |_| Router::new(), |store| store).await;
        assert!(harness.authority.wait_for(1).await, "the log was read");
        harness
    }

    pub(crate) fn call(&self, method: Method, target: &str) -> Call {
        Call::new(self.address, self.secrets.clone(), method, target)
    }

    pub(crate) fn get(&self, target: &str) -> Call {
        self.call(Method::GET, target)
    }

    pub(crate) fn post(&self, target: &str) -> Call {
        self.call(Method::POST, target)
    }

    /// Makes an account, and answers its id.
    pub(crate) async fn sign_up(&self, login: &str) -> String {
        let body = json!({"login": login, "password": PASSWORD});
        text(&self.post("/v1/users").json(&body).expect(201).await.json()["user"]["id"])
    }

    /// Signs in on one more device.
    pub(crate) async fn sign_in(&self, login: &str) -> Device<'_> {
        self.sign_in_with(json!({"login": login, "password": PASSWORD})).await
    }

    /// Signs in with more to say.
    pub(crate) async fn sign_in_with(&self, body: Value) -> Device<'_> {
        let tokens = self.post("/v1/sessions").json(&body).expect(201).await.json();
        Device::new(self, &tokens)
    }

    /// Makes an account, and signs in.
    pub(crate) async fn newcomer(&self, login: &str) -> Device<'_> {
        self.sign_up(login).await;
        self.sign_in(login).await
    }

    /// Makes the first administrator, `root`, and signs in.
    pub(crate) async fn administrator(&self) -> Administrator<'_> {
        let offered = set_up::offer(&self.authority.world).await.expect("offered");
        let token = offered.expect("there is no administrator yet");
        let body = json!({"token": token.expose(), "login": "root", "password": PASSWORD});
        self.post("/v1/setup").json(&body).expect(201).await;
        Administrator(self.sign_in("root").await)
    }

    pub(crate) fn refresh(&self, token: &str) -> Call {
        self.post("/v1/sessions/refresh").json(&json!({"refresh_token": token}))
    }

    /// Lets time pass: for sessions, tokens' grace, throttles and locks.
    pub(crate) fn pass(&self, duration: Duration) {
        self.clock.pass(duration);
    }

    /// The data folder, for the command line.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Stops following the log. What is known stays known for as long as the lease lasts.
    pub(crate) async fn stop_following(&mut self) {
        self.follower.abort();
        let _ = (&mut self.follower).await;
    }

    /// Asks the server to stop, and answers what resolves once it has.
    pub(crate) fn stop(&mut self) -> JoinHandle<()> {
        drop(self.stop.take());
        self.server.take().expect("it runs")
    }
}

impl Drop for Harness {
    /// Fails if a secret that went over the wire is in a log line.
    fn drop(&mut self) {
        self.follower.abort();
        if std::thread::panicking() {
            return;
        }
        let lines = journal::lines();
        for secret in self.secrets.all() {
            assert!(!lines.contains(&secret), "a secret of {} characters was logged", secret.len());
        }
    }
}

/// A device that is signed in.
#[derive(Clone)]
pub(crate) struct Device<'a> {
    harness: &'a Harness,
    pub(crate) session: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) tokens: Value,
}

impl<'a> Device<'a> {
    pub(crate) fn new(harness: &'a Harness, tokens: &Value) -> Self {
        Self {
            harness,
            session: text(&tokens["session"]["id"]),
            access: text(&tokens["access_token"]),
            refresh: text(&tokens["refresh_token"]),
            tokens: tokens.clone(),
        }
    }

    pub(crate) fn call(&self, method: Method, target: &str) -> Call {
        self.harness.call(method, target).bearer(&self.access)
    }

    pub(crate) fn get(&self, target: &str) -> Call {
        self.call(Method::GET, target)
    }

    pub(crate) fn post(&self, target: &str) -> Call {
        self.call(Method::POST, target)
    }

    pub(crate) fn put(&self, target: &str) -> Call {
        self.call(Method::PUT, target)
    }

    pub(crate) fn patch(&self, target: &str) -> Call {
        self.call(Method::PATCH, target)
    }

    pub(crate) fn delete(&self, target: &str) -> Call {
        self.call(Method::DELETE, target)
    }

    /// Asks who it is.
    pub(crate) async fn me(&self) -> Answer {
        self.get("/v1/me").send().await
    }

    /// Asserts that neither token of the device is good for anything.
    pub(crate) async fn assert_dead(&self) {
        self.get("/v1/me").expect(401).await.problem("invalid-token");
        self.harness.refresh(&self.refresh).expect(401).await.problem("refresh-refused");
    }

    /// Asserts that both tokens are good, and keeps the new ones.
    pub(crate) async fn assert_alive(&mut self) {
        self.get("/v1/me").expect(200).await;
        let tokens = self.harness.refresh(&self.refresh).expect(200).await.json();
        assert_eq!(text(&tokens["session"]["id"]), self.session);
        *self = Self::new(self.harness, &tokens);
        self.get("/v1/me").expect(200).await;
    }

    /// The ids of the account's sessions, as this device sees them.
    pub(crate) async fn sessions(&self) -> Vec<String> {
        let list = self.get("/v1/sessions").expect(200).await.json();
        list["sessions"].as_array().expect("a list").iter().map(|session| text(&session["id"])).collect()
    }

    /// Authenticates again, and keeps the new tokens.
    pub(crate) async fn authenticate_again(&mut self) {
        let tokens = self.post("/v1/reauthenticate").json(&json!({"password": PASSWORD})).expect(200).await.json();
        *self = Self::new(self.harness, &tokens);
    }
}

/// A device whose user is an administrator.
#[derive(Clone)]
pub(crate) struct Administrator<'a>(pub(crate) Device<'a>);

impl<'a> Deref for Administrator<'a> {
    type Target = Device<'a>;

    fn deref(&self) -> &Device<'a> {
        &self.0
    }
}

impl Administrator<'_> {
    /// The events of one kind, oldest first.
    pub(crate) async fn events(&self, kind: &str) -> Vec<Value> {
        let list = self.get("/v1/admin/events?limit=100").expect(200).await.json();
        assert_eq!(list["next"], Value::Null, "few enough for one page");
        let events = list["events"].as_array().expect("a list").clone();
        events.into_iter().filter(|event| event["kind"] == kind).collect()
    }

    /// All revocations, oldest first.
    pub(crate) async fn revocations(&self) -> Vec<Value> {
        let list = self.get("/v1/admin/revocations?limit=100").expect(200).await.json();
        list["revocations"].as_array().expect("a list").clone()
    }
}

/// What must not be in any log line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Arc<Mutex<Vec<String>>>);

impl Secrets {
    /// Gathers the members of an object that hold secrets.
    pub(crate) fn gather(&self, object: &Value) {
        let names =
            ["access_token", "refresh_token", "client_secret", "password", "current_password", "new_password", "token"];
        let found = names.iter().filter_map(|name| object[name].as_str()).filter(|text| text.len() >= 8);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(found.map(str::to_owned));
    }

    pub(crate) fn all(&self) -> Vec<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort();
        all.dedup();
        all
    }
}

/// The text of a member that must be there.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
