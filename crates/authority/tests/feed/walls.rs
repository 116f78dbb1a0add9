//! D1 to D3 through the feed: an authority and a verifier, each on a machine whose wall clock somebody sets. Leases go by
//! clocks that nobody can set.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use rescind::authority::Authority;
use rescind::config::Config;
use rescind::data_dir::DataDir;
use rescind::store::sqlite::Role;
use rescind::{follower, http};
use rescind_domain::acting::Administrator;
use rescind_domain::client::{ClientKind, ClientPolicy};
use rescind_domain::verbs::administer_clients::{NewClient, add_client};
use rescind_domain::verbs::keep_house;
use rescind_verifier::{Clock, Reason, Rejected, SystemClock, Verifier};
use rescind_wire::jwt::take_apart;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::house::PASSWORD;
use crate::scene::{check, runtime, until, until_accepted};
use crate::server::{Answer, Device, answer, request};

/// Longer than a busy machine stalls.
const LEASE: Duration = Duration::from_secs(10);

/// A machine: its wall clock is set by the test, the other one is the real one.
#[derive(Default)]
struct Machine {
    /// How far the wall is from the real time, in milliseconds.
    off_by: AtomicI64,
    /// The time at which the wall stands still, unless 0.
    still: AtomicU64,
}

impl Machine {
    /// Somebody sets the wall clock forward by this many hours, or back.
    fn step(&self, hours: i64) {
        self.off_by.fetch_add(hours * 3_600_000, Ordering::SeqCst);
    }

    fn stand_still_at(&self, wall: u64) {
        self.still.store(wall, Ordering::SeqCst);
    }
}

impl Clock for Machine {
    fn wall(&self) -> u64 {
        match self.still.load(Ordering::SeqCst) {
            0 => SystemClock.wall().saturating_add_signed(self.off_by.load(Ordering::SeqCst)),
            still => still,
        }
    }

    fn boottime(&self) -> Duration {
        SystemClock.boottime()
    }
}

/// An authority in this process, with ann, and a verifier that follows it.
struct Office {
    here: Arc<Machine>,
    there: Arc<Machine>,
    address: SocketAddr,
    verifier: Verifier,
    // Last, so that all that runs ends before its folder goes.
    runtime: Option<Runtime>,
    _folder: TempDir,
}

impl Office {
    fn new() -> Self {
        Self::with(LEASE)
    }

    fn with(lease: Duration) -> Self {
        let (here, there) = (Arc::new(Machine::default()), Arc::new(Machine::default()));
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = runtime();
        let (address, issuer, secret) = runtime.block_on(open(&folder, here.clone()));
        let builder = Verifier::builder(&issuer).audience(&issuer).clock(there.clone()).lease(lease);
        let verifier = {
            let _inside = runtime.enter();
            builder.client("shop", &secret).build().expect("good settings")
        };
        let office = Self { here, there, address, verifier, runtime: Some(runtime), _folder: folder };
        let ann = json!({ "login": "ann", "password": PASSWORD });
        office.call("POST", "/v1/users", None, Some(&ann)).expect(201);
        office
    }

    fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
        use std::io::Write as _;
        let mut stream = TcpStream::connect(self.address).expect("connected");
        stream.write_all(&request(method, path, token, body)).expect("sent");
        answer(stream)
    }

    fn sign_in(&self) -> Device {
        let body = json!({ "login": "ann", "password": PASSWORD });
        Device::of(&self.call("POST", "/v1/sessions", None, Some(&body)).expect(201).json())
    }

    fn refresh(&self, device: &Device) -> Device {
        let body = json!({ "refresh_token": device.refresh });
        Device::of(&self.call("POST", "/v1/sessions/refresh", None, Some(&body)).expect(200).json())
    }

    /// Ends a device, or all of them, by its own token: the verifier confirms it.
    fn end(&self, method: &str, path: &str, device: &Device) {
        let path = format!("{path}?wait=enforced&timeout=20s");
        let told = self.call(method, &path, Some(&device.access), None).expect(200).json()["enforcement"].clone();
        assert_eq!((&told["enforced"], &told["confirmed"]), (&json!(true), &json!(1)), "{told}");
    }

    fn log_out(&self, device: &Device) {
        self.end("DELETE", "/v1/sessions/current", device);
    }

    fn check(&self, device: &Device) -> Result<(), Rejected> {
        check(&self.verifier, device).map(|_| ())
    }

    /// The authority's own API accepts it no more, and refreshes it no more; the verifier accepts it no more.
    #[track_caller]
    fn assert_ended(&self, device: &Device) {
        assert!(self.check(device).is_err_and(|refused| !refused.is_unavailable()), "{:?}", self.check(device));
        assert_eq!(self.call("GET", "/v1/me", Some(&device.access), None).status, 401);
        let body = json!({ "refresh_token": device.refresh });
        assert_eq!(self.call("POST", "/v1/sessions/refresh", None, Some(&body)).status, 401);
    }

    /// The authority is gone.
    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Opens an authority, and answers where it is, what it is called, and the secret of a client that may follow.
async fn open(folder: &TempDir, machine: Arc<Machine>) -> (SocketAddr, String, String) {
    let data = DataDir::open_or_make(&folder.path().join("data")).expect("a data folder");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut config = Config::default();
    // Nobody guesses passwords here.
    (config.passwords.memory_kib, config.passwords.iterations, config.passwords.parallelism) = (64, 1, 1);
    // Sessions end after less than the clocks are set by, without use.
    let idle = Duration::from_mins(30);
    (config.tokens.idle_lifetime, config.tokens.remembered_idle_lifetime) = (idle, idle);
    let issuer = config.issuer_for(address);
    let opened = Authority::open_by(Arc::new(config), &data, Role::Server, issuer.clone(), machine).await;
    let authority = opened.expect("an authority");
    keep_house::record_lifetime(&authority.world).await.expect("recorded");
    let limits = http::server::Limits::from(&authority.config.http);
    let router = http::router(Arc::clone(&authority));
    tokio::spawn(http::server::run(listener, router, limits, std::future::pending()));
    tokio::spawn(follower::follow(Arc::clone(&authority)));
    assert!(authority.wait_for(1).await, "the log was read");
    let shop = NewClient {
        id: "shop".parse().expect("an id"),
        name: String::new(),
        kind: ClientKind::Service,
        audiences: Vec::new(),
        scopes: vec!["rescind:feed".into()],
        confidential: true,
        origins: Vec::new(),
        policy: ClientPolicy::default(),
    };
    let operator = Administrator::CommandLine;
    let (_, secret) = add_client(&authority.world, &operator, shop).await.expect("added");
    (address, issuer, secret.expect("a service's").expose().to_owned())
}

/// When the authority says that it signed a token, in seconds.
fn issued_at(device: &Device) -> u64 {
    let unverified = take_apart(&device.access).expect("a token");
    let claims: Value = serde_json::from_slice(&unverified.unverified_claims).expect("JSON");
    claims["iat"].as_u64().expect("a time")
}

/// What becomes of a token that was signed on a machine that is so many hours ahead of the verifier's.
fn judged_by_its_own_words(ahead: i64, outcome: Result<(), Rejected>) -> bool {
    match ahead {
        0 => outcome == Ok(()),
        1.. => matches!(outcome, Err(Rejected::NotYetValid { .. })),
        _ => matches!(outcome, Err(Rejected::Expired { .. })),
    }
}

#[test]
fn d3_an_hour_forward_or_back_on_either_machine_neither_revives_nor_kills_and_leases_run_on() {
    let office = Office::new();
    for (here, there) in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1)] {
        let [dead, laptop, phone] = [(); 3].map(|()| office.sign_in());
        until_accepted(&office.verifier, &laptop);
        office.log_out(&dead);
        office.here.step(here);
        office.there.step(there);
        let ahead = here - there;
        assert_eq!(office.verifier.health().unavailable, None, "{here} {there}: its lease runs by another clock");
        office.assert_ended(&dead);
        assert!(judged_by_its_own_words(-there, office.check(&laptop)), "{here} {there}: {:?}", office.check(&laptop));
        // Signed now: the session goes on, whatever the wall says.
        let [laptop, phone] = [laptop, phone].map(|device| office.refresh(&device));
        assert!(judged_by_its_own_words(ahead, office.check(&laptop)), "{here} {there}: {:?}", office.check(&laptop));
        // Leases are extended and endings enforced, confirmed by the verifier.
        office.log_out(&phone);
        office.assert_ended(&phone);
        office.here.step(-here);
        office.there.step(-there);
        let laptop = office.refresh(&laptop);
        assert_eq!(office.check(&laptop), Ok(()), "{here} {there}");
        for device in [&dead, &phone] {
            office.assert_ended(device);
        }
        assert_eq!(office.verifier.health().unavailable, None);
    }
}

#[test]
fn d1_d2_while_the_walls_stand_still_what_was_signed_before_a_log_out_is_refused_and_what_comes_after_is_accepted() {
    let office = Office::new();
    let now = SystemClock.wall();
    office.here.stand_still_at(now);
    office.there.stand_still_at(now);
    let mut dead = Vec::new();
    until_accepted(&office.verifier, &office.sign_in());
    for _ in 0..10 {
        let before = office.sign_in();
        assert_eq!(office.check(&before), Ok(()));
        office.end("POST", "/v1/sessions/end-all", &before);
        dead.push(before);
        let after = office.sign_in();
        assert_eq!(office.check(&after), Ok(()), "R4");
        for device in &dead {
            assert!(matches!(office.check(device), Err(Rejected::Revoked { scope: "user", .. })));
            assert_eq!(issued_at(device), issued_at(&after), "the same second, and millisecond");
        }
    }
}

#[test]
fn d3_a_lease_runs_out_though_the_wall_stands_still_or_is_set_back() {
    let mut office = Office::with(Duration::from_secs(1));
    let device = office.sign_in();
    until_accepted(&office.verifier, &device);
    let now = SystemClock.wall();
    office.there.stand_still_at(now);
    office.stop();
    let stale = Rejected::Unavailable { reason: Reason::Stale };
    assert_eq!(until(|| office.check(&device).err()), stale);
    office.there.stand_still_at(now - 10_000);
    assert_eq!(office.check(&device), Err(stale));
}
