//! Tokens of another issuer, whose keys are fetched from a server of this test, and revocations that name them.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use rescind_verifier::{Clock as _, Foreign, Presented, Reason, Rejected, SystemClock, VerifiedForeign, Verifier};
use rescind_wire::{Algorithm, jwt};
use serde_json::{Value, json};

use crate::scene::{Scene, until};

/// Longer than a busy machine stalls.
const LEASE: Duration = Duration::from_secs(10);

const KEYCLOAK: &str = "https://kc.example/realms/a";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// A key of the other issuer.
struct Signer(&'static str, Ed25519KeyPair);

impl Signer {
    fn new(kid: &'static str, seed: u8) -> Self {
        Self(kid, Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed"))
    }

    fn jwk(&self) -> Value {
        let x = BASE64URL_NOPAD.encode(self.1.public_key().as_ref());
        json!({ "kid": self.0, "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": x })
    }

    /// A token that is issued now.
    fn token(&self, subject: &str, session: &str) -> String {
        let now = SystemClock.wall() / 1000;
        let claims = json!({
            "iss": KEYCLOAK, "sub": subject, "sid": session, "aud": "shop", "iat": now, "exp": now + 300,
        });
        let kid = self.0.parse().expect("a key id");
        let input = jwt::signing_input(&kid, Algorithm::EdDSA, jwt::ACCESS_TOKEN_TYPE, &claims).expect("JSON");
        let signature = self.1.sign(input.as_bytes());
        jwt::with_signature(input, signature.as_ref())
    }
}

/// A server that serves a key set, or 500 where there is none.
struct KeyServer {
    address: SocketAddr,
    document: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl KeyServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (document, asked) = (Arc::new(Mutex::new(None::<String>)), Arc::new(AtomicU64::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let (served, counted, stopped) = (Arc::clone(&document), Arc::clone(&asked), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let document = served.lock().unwrap_or_else(PoisonError::into_inner).clone();
                answer(&stream, document.as_deref());
            }
        });
        Self { address, document, asked, stop, thread: Some(thread) }
    }

    fn serve(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        let document = (!keys.is_empty()).then(|| json!({ "keys": keys }).to_string());
        *self.document.lock().unwrap_or_else(PoisonError::into_inner) = document;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// A verifier that fetches its keys there.
    fn verifier(&self, scene: &Scene) -> Verifier {
        let foreign = Foreign::issuer(KEYCLOAK).audience("shop").keys_at(format!("http://{}/certs?x=1", self.address));
        let foreign = foreign.skew(Duration::from_secs(1)).cool_down(Duration::from_secs(1));
        let builder = Verifier::builder(scene.issuer()).audience(scene.issuer()).name("shop").lease(LEASE);
        builder.client(&scene.client.0, &scene.client.1).foreign(foreign).build().expect("good settings")
    }
}

fn answer(mut stream: &TcpStream, document: Option<&str>) {
    let head: Vec<String> =
        BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let asked_well = head.first().is_some_and(|line| line == "GET /certs?x=1 HTTP/1.1");
    let (status, body) = match document {
        Some(document) if asked_well => ("200 OK", document),
        _ => ("500 No", ""),
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    drop(stream.write_all(answer.as_bytes()));
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn check(verifier: &Verifier, token: &str) -> Result<VerifiedForeign, Rejected> {
    verifier.verify_foreign(&Presented::bearer(token))
}

fn revoke(scene: &Scene, scope: &Value) -> Value {
    let body = json!({ "scope": scope, "reason": "phone stolen" });
    scene.administer("POST", "/v1/admin/revocations?wait=enforced&timeout=10s", Some(&body)).expect(200).json()
}

#[test]
fn a1_foreign_tokens_are_refused_everywhere_once_their_subject_session_or_issuer_is_revoked() {
    let (scene, runtime, server, signer) = (Scene::new(), runtime(), KeyServer::start(), Signer::new("k-1", 1));
    let _inside = runtime.enter();
    server.serve(&[&signer]);
    let verifier = server.verifier(&scene);
    let (phone, laptop, bobs) = (signer.token("ann", "s-1"), signer.token("ann", "s-2"), signer.token("bob", "s-3"));
    for token in [&phone, &laptop, &bobs] {
        until(|| check(&verifier, token).ok());
    }
    let told =
        revoke(&scene, &json!({"type": "foreign_session", "issuer": KEYCLOAK, "session": "s-1", "subject": "ann"}));
    assert_eq!(told["enforcement"]["enforced"], true, "{told}");
    let kind = |token: &str| match check(&verifier, token) {
        Err(Rejected::Revoked { scope, .. }) => scope,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(&phone), "foreign_session");
    assert!(check(&verifier, &laptop).is_ok() && check(&verifier, &bobs).is_ok());
    let command = ["revoke", "foreign", KEYCLOAK, "--subject", "ann", "--reason", "phone stolen", "--wait=10s"];
    let said = &scene.house.json(&command)["revocation"];
    assert_eq!(
        (&said["scope"]["type"], &said["scope"]["subject"]),
        (&json!("foreign_subject"), &json!("ann")),
        "{said}"
    );
    assert_eq!(kind(&laptop), "foreign_subject");
    // Whoever signs in again is let in once that is clearly later.
    until(|| check(&verifier, &signer.token("ann", "s-4")).ok());
    assert!(check(&verifier, &bobs).is_ok());
    revoke(&scene, &json!({"type": "foreign_issuer", "issuer": KEYCLOAK}));
    assert_eq!(kind(&bobs), "foreign_issuer");
    let own = json!({"scope": {"type": "foreign_issuer", "issuer": scene.issuer()}, "reason": "x"});
    scene.administer("POST", "/v1/admin/revocations", Some(&own)).expect(400);
    let listed = scene.administer("GET", "/v1/admin/revocations", None).expect(200).json();
    let scopes = listed["revocations"].as_array().expect("a list");
    assert!(scopes.iter().any(|entry| entry["scope"]["type"] == "foreign_issuer"), "{listed}");
}

#[test]
fn keys_are_fetched_again_when_a_token_names_a_new_one_and_dropped_when_they_are_gone() {
    let (scene, runtime, server) = (Scene::new(), runtime(), KeyServer::start());
    let (old, new) = (Signer::new("k-1", 1), Signer::new("k-2", 2));
    let _inside = runtime.enter();
    let verifier = server.verifier(&scene);
    let unknown = Rejected::Unavailable { reason: Reason::ForeignKeys };
    // Nobody serves them yet: the token may be good.
    until(|| check(&verifier, &old.token("ann", "s-1")).err().filter(|rejected| *rejected == unknown));
    until(|| (server.asked() >= 2).then_some(()));
    server.serve(&[&old]);
    until(|| check(&verifier, &old.token("ann", "s-1")).ok());
    let token = old.token("ann", "s-1");
    server.serve(&[&new]);
    until(|| check(&verifier, &new.token("ann", "s-1")).ok());
    assert_eq!(check(&verifier, &token).err(), Some(Rejected::UnknownKey));
    assert_eq!(verifier.health().foreign[0].keys, 1);
    // Keys that cannot be fetched for a while go on.
    server.serve(&[]);
    let before = server.asked();
    until(|| {
        let _ = check(&verifier, &Signer::new("made-up", 3).token("ann", "s-1"));
        (server.asked() > before).then_some(())
    });
    until(|| check(&verifier, &new.token("ann", "s-1")).ok());
}

#[test]
fn keys_that_anybody_on_the_way_could_change_are_not_fetched() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let build = |url: &str| {
        let foreign = Foreign::issuer(KEYCLOAK).audience("shop").keys_at(url);
        let builder = Verifier::builder("http://127.0.0.1:9").audience("api").client("shop", "secret");
        builder.foreign(foreign).build().map(|_| ())
    };
    for bad in ["http://kc.example/certs", "http://192.0.2.1/certs", "ftp://kc.example/", "certs", ""] {
        let error = build(bad).expect_err(bad);
        assert!(error.to_string().starts_with("the keys of a foreign issuer"), "{error}");
    }
    for good in ["http://localhost:9/certs", "http://[::1]:9/certs"] {
        assert_eq!(build(good), Ok(()), "{good}");
    }
}
