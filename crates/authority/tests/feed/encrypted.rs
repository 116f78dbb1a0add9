//! The feed over TLS, built in and behind nginx, with certificates that an operator made.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use rescind_verifier::{Rejected, Verifier};
use serde_json::json;

use crate::certificates::{authorities, curl, issue};
use crate::guarding::{Guard, bearer};
use crate::house::{House, PASSWORD};
use crate::proxies::{Proxy, example, free_address, nginx};
use crate::scene::{Scene, check, runtime, until, until_accepted};
use crate::server::Device;

/// Longer than a busy machine stalls.
const LEASE: Duration = Duration::from_secs(10);

/// A scene whose authority is reached over TLS only.
struct Encrypted {
    scene: Scene,
    _nginx: Proxy,
    url: String,
}

impl Encrypted {
    /// The server's certificate is for this name, which is one of this machine or is not.
    fn new(name: &str) -> Self {
        let house = House::of("ann");
        authorities(&house.path(""));
        issue(&house.path(""), "server", name, 2);
        let address = free_address();
        let url = format!("https://{address}");
        let server = house.serve(&["--issuer", &url]);
        let nginx = nginx(&house, address, &site(&house, address, server.address));
        Self { scene: Scene::of(house, server), _nginx: nginx, url }
    }

    fn verifier(&self, name: &str, trusted: &str) -> Verifier {
        let pem = fs::read(self.scene.house.path(trusted)).expect("a certificate");
        let builder = Verifier::builder(&self.url).audience(&self.url).name(name).lease(LEASE).trust(pem);
        builder.client(&self.scene.client.0, &self.scene.client.1).build().expect("good settings")
    }

    fn guard(&self, trusted: &str) -> Guard {
        let pem = self.scene.house.path(trusted).display().to_string();
        Guard::following(&self.url, &self.scene, "127.0.0.1:0", &["--trust", &pem])
    }
}

/// The example of `docs/feed.md`.
fn site(house: &House, address: SocketAddr, behind: SocketAddr) -> String {
    let [certificate, key] = ["server.pem", "server.key"].map(|name| house.path(name).display().to_string());
    let replaced = [
        ("listen 443", format!("listen {address}")),
        ("/etc/ssl/id.example.pem", certificate),
        ("/etc/ssl/id.example.key", key),
        ("127.0.0.1:7080", behind.to_string()),
    ];
    example("feed.md", "nginx", &replaced)
}

#[test]
fn over_https_that_is_built_in_a_verifier_follows_and_hears_of_a_log_out() {
    let house = House::of("ann");
    authorities(&house.path(""));
    issue(&house.path(""), "server", "IP:127.0.0.1", 2);
    let server = house.serve(&["--tls-cert", "server.pem", "--tls-key", "server.key"]);
    let url = format!("https://{}", server.address);
    let added = house.json(&["client", "add", "shop", "--kind", "service", "--scope", "rescind:feed"]);
    let secret = added["client_secret"].as_str().expect("a secret");
    let runtime = runtime();
    let _inside = runtime.enter();
    let pem = fs::read(house.path("ca.pem")).expect("a certificate");
    let builder = Verifier::builder(&url).audience(&url).name("shop").lease(LEASE).trust(pem);
    let verifier = builder.client("shop", secret).build().expect("good settings");
    let body = json!({ "login": "ann", "password": PASSWORD }).to_string();
    let arguments = ["--fail", "--header", "content-type: application/json", "--data", &body];
    let (code, signed_in) = curl(&house.path(""), &[&arguments[..], &[&format!("{url}/v1/sessions")]].concat());
    assert_eq!(code, 0, "{signed_in}");
    let phone = Device::of(&serde_json::from_str(&signed_in).expect("JSON"));
    until_accepted(&verifier, &phone);
    let ended = house.json(&["session", "end", &phone.session, "--wait=20s"]);
    assert_eq!(ended["enforcement"]["enforced"], true, "{ended}");
    assert!(matches!(check(&verifier, &phone), Err(Rejected::Revoked { scope: "session", .. })));
}

#[test]
fn over_tls_a_verifier_and_a_guard_that_trust_the_operators_certificate_follow() {
    let encrypted = Encrypted::new("IP:127.0.0.1");
    let (scene, runtime) = (&encrypted.scene, runtime());
    let _inside = runtime.enter();
    let (verifier, guard) = (encrypted.verifier("shop", "ca.pem"), encrypted.guard("ca.pem"));
    let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in("ann", name));
    until_accepted(&verifier, &phone);
    guard.until_heard(&phone);
    let told = scene.end(&phone, "20s");
    assert_eq!((&told["enforced"], &told["confirmed"]), (&json!(true), &json!(2)), "{told}");
    assert!(matches!(check(&verifier, &phone), Err(Rejected::Revoked { scope: "session", .. })));
    assert_eq!(guard.ask("/", &bearer(&phone)).0, 401);
    assert!(check(&verifier, &laptop).is_ok());
    assert_eq!(guard.ask("/", &bearer(&laptop)).0, 200);
}

#[test]
fn over_tls_whoever_trusts_another_certificate_says_so_and_accepts_nothing() {
    let encrypted = Encrypted::new("IP:127.0.0.1");
    let guard = encrypted.guard("other.pem");
    until(|| guard.logged().contains("invalid peer certificate: UnknownIssuer").then_some(()));
    let phone = encrypted.scene.server.sign_in("ann", "Phone");
    let (status, head) = guard.ask("/", &bearer(&phone));
    assert_eq!(status, 503, "{head}");
    let logged = guard.logged();
    assert!(logged.contains(&format!("cannot reach {}", encrypted.url.trim_start_matches("https://"))), "{logged}");
    assert!(!logged.contains(&encrypted.scene.client.1), "the secret stays where it is");
    let listed = encrypted.scene.administer("GET", "/v1/admin/verifiers", None).expect(200).json();
    assert_eq!(listed["verifiers"], json!([]));
}

#[test]
fn over_tls_a_certificate_for_another_name_is_refused() {
    let encrypted = Encrypted::new("DNS:elsewhere.example");
    let guard = encrypted.guard("ca.pem");
    until(|| guard.logged().contains("certificate not valid for name").then_some(()));
    let phone = encrypted.scene.server.sign_in("ann", "Phone");
    assert_eq!(guard.ask("/", &bearer(&phone)).0, 503);
}

#[test]
fn whoever_asks_for_tls_where_there_is_none_is_told_which_address_is_meant() {
    let scene = Scene::new();
    authorities(&scene.house.path(""));
    let pem = scene.house.path("ca.pem").display().to_string();
    let url = format!("https://{}", scene.server.address);
    let guard = Guard::following(&url, &scene, "127.0.0.1:0", &["--trust", &pem]);
    let told = format!("{} does not speak TLS: does the address begin with http://", scene.server.address);
    until(|| guard.logged().contains(&told).then_some(()));
}
