//! Whoever speaks to the feed byte by byte: connections that break anywhere, and bytes that are no WebSocket's.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rescind_verifier::{Rejected, Verifier};
use serde_json::json;

use crate::scene::{PATIENCE, Scene, check, runtime, until, until_accepted};

/// A frame from a client, masked with zeros (RFC 6455 §5.2).
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => bytes.push(0x80 | length.to_be_bytes()[1]),
        Ok(length) => bytes.extend([&[0xfe][..], &length.to_be_bytes()].concat()),
        Err(_) => bytes.extend([&[0xff][..], &(payload.len() as u64).to_be_bytes()].concat()),
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn text(payload: &str) -> Vec<u8> {
    frame(0x81, payload.as_bytes())
}

pub(crate) fn ack(position: u64, number: u64) -> Vec<u8> {
    text(&json!({ "type": "ack", "position": position, "number": number }).to_string())
}

/// A connection that its owner gives up once so many bytes were read or written.
pub(crate) struct Stranger {
    pub(crate) stream: TcpStream,
    reads: usize,
    writes: usize,
    heard: Vec<u8>,
}

impl Stranger {
    pub(crate) fn new(scene: &Scene) -> Self {
        Self::with(scene, usize::MAX, usize::MAX)
    }

    fn with(scene: &Scene, reads: usize, writes: usize) -> Self {
        let stream = scene.server.connect();
        stream.set_nodelay(true).expect("set");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.set_write_timeout(Some(PATIENCE)).expect("set");
        Self { stream, reads, writes, heard: Vec::new() }
    }

    /// Nothing once it has written all that it may.
    fn say(&mut self, bytes: &[u8]) -> Option<()> {
        let most = bytes.len().min(self.writes);
        self.writes -= most;
        self.stream.write_all(&bytes[..most]).expect("sent");
        (most == bytes.len()).then_some(())
    }

    /// Reads until this was heard; nothing once it has read all that it may.
    fn hear(&mut self, words: &str) -> Option<()> {
        while !String::from_utf8_lossy(&self.heard).contains(words) {
            let mut bytes = vec![0; self.reads.min(4096)];
            if bytes.is_empty() {
                return None;
            }
            let read = self.stream.read(&mut bytes).expect("something is said");
            assert!(read > 0, "{words:?} is not in {:?}", String::from_utf8_lossy(&self.heard));
            self.reads -= read;
            self.heard.extend(&bytes[..read]);
        }
        Some(())
    }

    fn upgrade(&mut self, token: &str) -> Option<()> {
        let head = "GET /v1/feed HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    sec-websocket-protocol: rescind.feed.v1\r\n";
        self.say(format!("{head}authorization: Bearer {token}\r\n\r\n").as_bytes())?;
        self.hear("\r\n\r\n")
    }

    /// Follows, until a lease of this length is echoed.
    pub(crate) fn follow(&mut self, token: &str, name: &str, lease: Duration, position: u64) -> Option<()> {
        self.upgrade(token)?;
        let hello = json!({ "type": "hello", "verifier": name, "lease_ms": lease.as_millis() });
        self.say(&text(&hello.to_string()))?;
        self.hear(&format!(r#""position":{position},"at""#))?;
        self.say(&ack(position, 1))?;
        self.hear(r#""echo""#)
    }

    /// Follows, and leaves.
    fn converse(&mut self, token: &str, position: u64) -> Option<()> {
        self.follow(token, "stranger", Duration::from_secs(1), position)?;
        self.say(&ack(position, 2))?;
        self.say(&text(r#"{"type":"goodbye"}"#))
    }

    /// What is said until the server hangs up.
    fn until_gone(mut self) -> String {
        let mut said = Vec::new();
        // Reset, or closed; a time-out is neither.
        if let Err(error) = self.stream.read_to_end(&mut said) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        String::from_utf8_lossy(&said).into_owned()
    }
}

/// Whatever strangers did, whoever behaves is served.
fn all_is_well(scene: &Scene, verifier: &Verifier) {
    let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in("ann", name));
    until_accepted(verifier, &phone);
    let told = scene.end(&phone, "30s");
    assert_eq!((&told["enforced"], &told["confirmed"]), (&json!(true), &json!(1)), "{told}");
    assert!(matches!(check(verifier, &phone), Err(Rejected::Revoked { scope: "session", .. })));
    assert!(check(verifier, &laptop).is_ok());
    until(|| {
        let listed = scene.administer("GET", "/v1/admin/verifiers", None).expect(200).json();
        (listed["verifiers"].as_array().expect("a list").len() == 1).then_some(())
    });
    assert!(!scene.server.logged().contains("panicked"), "{}", scene.server.logged());
}

#[test]
fn g6_wherever_a_connection_breaks_the_authority_serves_everybody_else_and_forgets_it() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", Duration::from_secs(10));
    let (token, position) = (scene.feed_token(), scene.house.head());
    let mut whole = Stranger::new(&scene);
    whole.converse(&token, position).expect("all of it");
    let (read, written) = (usize::MAX - whole.reads, usize::MAX - whole.writes);
    assert!(read > 500 && written > 500, "{read} {written}");
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let bytes = next.fetch_add(1, Ordering::Relaxed);
                    let (reads, writes) = match bytes.checked_sub(read) {
                        None => (bytes, usize::MAX),
                        Some(bytes) if bytes < written => (usize::MAX, bytes),
                        Some(_) => return,
                    };
                    Stranger::with(&scene, reads, writes).converse(&token, position);
                }
            });
        }
    });
    all_is_well(&scene, &verifier);
}

#[test]
fn g6_what_no_client_may_send_closes_its_connection_before_and_after_the_hello() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", Duration::from_secs(10));
    let (token, position) = (scene.feed_token(), scene.house.head());
    let bad: [Vec<u8>; 15] = [
        // No text; not UTF-8; not masked; bits that nobody agreed on; an unknown kind; a continuation of nothing.
        frame(0x82, br#"{"type":"goodbye"}"#),
        frame(0x81, &[0xff, 0xfe]),
        vec![0x81, 1, b'{'],
        frame(0xf1, b"{}"),
        frame(0x83, b"{}"),
        frame(0x80, b"{}"),
        // Longer than a message may be, by itself, in pieces, and by its own account.
        text(&(json!({ "type": "ack", "position": position, "number": 2 }).to_string() + &" ".repeat(4096))),
        text(&" ".repeat(4097)),
        [frame(0x01, &[b' '; 2000]), frame(0x00, &[b' '; 2000]), frame(0x80, &[b' '; 2000])].concat(),
        [&[0x81, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat(),
        [&[0x81, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat(),
        // A control frame that is too long; a message that nests; two that are no message.
        frame(0x89, &[0; 200]),
        text(&"[".repeat(4000)),
        text("\0"),
        b"GET / HTTP/1.1\r\n\r\n".repeat(300),
    ];
    for said in &bad {
        for after_the_hello in [false, true] {
            let mut stranger = Stranger::new(&scene);
            if after_the_hello {
                stranger.follow(&token, "stranger", Duration::from_secs(1), position).expect("all of it");
            } else {
                stranger.upgrade(&token).expect("all of it");
            }
            // The server may hang up before it has all of it.
            let _ = stranger.stream.write_all(said);
            let heard = stranger.until_gone();
            assert!(!heard.contains(r#""echo""#), "{after_the_hello}: {said:.40x?}: {heard}");
        }
    }
    all_is_well(&scene, &verifier);
}

#[test]
fn g6_pings_without_end_are_answered_one_at_a_time_and_harm_nobody() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", Duration::from_secs(10));
    let mut stranger = Stranger::new(&scene);
    stranger.follow(&scene.feed_token(), "stranger", Duration::from_secs(1), scene.house.head()).expect("all of it");
    let pings = frame(0x89, &[b'x'; 125]).repeat(1000);
    // Never reads an answer: the server stops reading once its own words have no room.
    stranger.stream.set_write_timeout(Some(Duration::from_secs(2))).expect("set");
    for _ in 0..200 {
        if stranger.stream.write_all(&pings).is_err() {
            break;
        }
    }
    all_is_well(&scene, &verifier);
}
