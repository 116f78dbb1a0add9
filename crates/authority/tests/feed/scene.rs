//! A house with a server, a client that may follow the feed, and somebody who is signed in.

use std::time::Duration;

use rescind_verifier::{Presented, Rejected, Verified, Verifier};
use serde_json::Value;

use crate::house::House;
use crate::server::{Answer, Device, Server};

/// Long enough for anything that is bound to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Scene {
    pub(crate) house: House,
    pub(crate) server: Server,
    /// Id and secret of a client that may follow the feed.
    pub(crate) client: (String, String),
    /// A token of a client that may administer.
    pub(crate) admin: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With a server that has these flags.
    pub(crate) fn with(flags: &[&str]) -> Self {
        let house = House::of("ann");
        let server = house.serve(flags);
        Self::of(house, server)
    }

    /// One of a house and its server, with clients of its own.
    pub(crate) fn of(house: House, server: Server) -> Self {
        let add = |id: &str, scope: &str| {
            let added = house.json(&["client", "add", id, "--kind", "service", "--scope", scope]);
            (id.to_owned(), added["client_secret"].as_str().expect("a secret").to_owned())
        };
        let client = add("shop", "rescind:feed");
        let admin = token(&server, &add("console", "rescind:admin"), "rescind:admin").expect("a token");
        Self { house, server, client, admin }
    }

    /// One around a server that runs already; `admin` is a client that may administer.
    pub(crate) fn beside(house: House, server: Server, admin: &(String, String)) -> Self {
        let admin = token(&server, admin, "rescind:admin").expect("a token");
        Self { house, server, client: (String::new(), String::new()), admin }
    }

    /// One around a server that runs already, with a client that may follow, and none that may administer.
    pub(crate) fn around(house: House, server: Server) -> Self {
        let added = house.json(&["client", "add", "other", "--kind", "service", "--scope", "rescind:feed"]);
        let secret = added["client_secret"].as_str().expect("a secret").to_owned();
        Self { house, server, client: ("other".into(), secret), admin: String::new() }
    }

    /// A token for the feed.
    pub(crate) fn feed_token(&self) -> String {
        token(&self.server, &self.client, "rescind:feed").expect("a token")
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// A verifier that follows the server.
    pub(crate) fn verifier(&self, name: &str, lease: Duration) -> Verifier {
        let builder = Verifier::builder(self.issuer()).audience(self.issuer()).name(name).lease(lease);
        builder.client(&self.client.0, &self.client.1).build().expect("good settings")
    }

    pub(crate) fn administer(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.server.request(method, path, Some(&self.admin), body)
    }

    /// Ends a session, and waits for the enforcement.
    pub(crate) fn end(&self, device: &Device, timeout: &str) -> Value {
        let path = format!("/v1/admin/sessions/{}?wait=enforced&timeout={timeout}", device.session);
        self.administer("DELETE", &path, None).expect(200).json()["enforcement"].clone()
    }

    /// Waits until the server lists a verifier of this name that holds a lease.
    pub(crate) fn until_listed(&self, name: &str) -> Value {
        until(|| self.listed(name).filter(|verifier| !verifier["lease_left_ms"].is_null()))
    }

    /// Waits until the server lists a verifier of this name.
    pub(crate) fn until_named(&self, name: &str) -> Value {
        until(|| self.listed(name))
    }

    fn listed(&self, name: &str) -> Option<Value> {
        let listed = self.administer("GET", "/v1/admin/verifiers", None).expect(200).json();
        listed["verifiers"].as_array().expect("a list").iter().find(|verifier| verifier["name"] == name).cloned()
    }
}

/// A token by client credentials.
fn token(server: &Server, (id, secret): &(String, String), scope: &str) -> Option<String> {
    use std::io::Write as _;
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}");
    let mut stream = server.connect();
    let head = "POST /oauth/token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/x-www-form-urlencoded\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let answer = crate::server::answer(stream).json();
    answer["access_token"].as_str().map(str::to_owned)
}

/// Waits for something that is bound to happen, asking again and again.
#[track_caller]
pub(crate) fn until<T>(mut happened: impl FnMut() -> Option<T>) -> T {
    let begun = now();
    loop {
        if let Some(found) = happened() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it did not happen");
        std::thread::yield_now();
    }
}

#[expect(clippy::disallowed_methods, reason = "bounds how long a failing test takes")]
fn now() -> Elapsed {
    Elapsed(std::time::Instant::now())
}

struct Elapsed(std::time::Instant);

impl Elapsed {
    #[expect(clippy::disallowed_methods, reason = "bounds how long a failing test takes")]
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

pub(crate) fn check(verifier: &Verifier, device: &Device) -> Result<Verified, Rejected> {
    verifier.verify(&Presented::bearer(&device.access))
}

/// Waits until a verifier accepts a token.
#[track_caller]
pub(crate) fn until_accepted(verifier: &Verifier, device: &Device) {
    until(|| check(verifier, device).ok());
}

/// Where verifiers follow.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}
