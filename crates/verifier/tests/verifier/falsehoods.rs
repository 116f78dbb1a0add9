//! What a verifier makes of an authority that says what it must not: garbage, forgeries, and what it said before (G6,
//! R9). Whatever it was, the verifier hangs up, accepts nothing by it, and comes again.

use futures_util::SinkExt as _;
use rescind_verifier::{Break, Reason, Rejected, Verifier};
use rescind_wire::Epochs;
use rescind_wire::feed::{MAX_MESSAGE, Message, Resume};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::impostor::{Impostor, LEASE, Line, TOKEN, answer, asks_for_a_token, check, log, run};
use crate::support::{HEAD, LIFETIME, World, epoch, revoked, unrelated};

const UNREADABLE: Rejected = Rejected::Unavailable { reason: Reason::Broken(Break::Unreadable) };
const STALE: Rejected = Rejected::Unavailable { reason: Reason::Stale };

/// A verifier that has followed all of the log.
struct Scene {
    impostor: Impostor,
    world: World,
    verifier: Verifier,
    /// The token of the session that ended, and one of another.
    ended: String,
    other: String,
}

impl Scene {
    async fn new() -> Self {
        let (impostor, world) = (Impostor::new().await, World::unsynced(|builder| builder));
        let verifier = impostor.verifier(&world);
        let (ended, other) = (world.token_of(1, 1), world.token_of(2, 2));
        Self { impostor, world, verifier, ended, other }
    }

    /// The next connection, over which the verifier is told the truth. Answers it.
    async fn honest(&self) -> Line {
        let mut line = self.impostor.line().await;
        let held = line.hello().await.expect("a hello");
        line.catch_up(&self.world, held.as_ref()).await.expect("connected");
        line.grant(HEAD + 2).await.expect("connected");
        assert_eq!(self.verify(&self.other), Ok(()));
        assert_eq!(self.verify(&self.ended), Err(revoked("session", HEAD + 2)));
        line
    }

    fn verify(&self, token: &str) -> Result<(), Rejected> {
        check(&self.verifier, token)
    }

    /// The lease runs out.
    fn wait_out(&self) {
        self.world.clock.advance(LEASE);
    }
}

fn texts() -> Vec<String> {
    let snapshot = |position: u64, floor: u64, more: serde_json::Value| {
        let mut message = json!({ "type": "snapshot", "epochs": { "former": [], "current": epoch(1) },
            "position": position, "floor": floor, "longest_lifetime": LIFETIME, "keys": [] });
        message.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        message.to_string()
    };
    let entries = |entries: serde_json::Value| {
        json!({ "type": "entries", "entries": entries, "floor": HEAD, "longest_lifetime": LIFETIME }).to_string()
    };
    let next = |change: serde_json::Value| {
        let mut entry = json!({ "position": HEAD + 3, "at": 0, "tag": "" });
        entry.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        entries(json!([entry]))
    };
    vec![
        String::new(),
        "nonsense".into(),
        "{}".into(),
        "[".repeat(100_000),
        json!({ "type": "unheard_of" }).to_string(),
        json!({ "type": "echo", "number": -1 }).to_string(),
        json!({ "type": "echo", "number": 1.5 }).to_string(),
        // Not in its turn.
        snapshot(HEAD + 3, HEAD + 3, json!({})),
        json!({ "type": "resume", "floor": HEAD, "longest_lifetime": LIFETIME }).to_string(),
        entries(json!([{ "position": HEAD + 3 }])),
        next(json!({})),
        next(json!({ "revoke": { "type": "tenant", "tenant": "main" } })),
        next(json!({ "revoke": { "type": "everyone", "but": "me" } })),
        next(json!({ "forgive": { "type": "everyone" } })),
        next(json!({ "add_key": { "kid": "k", "kty": "OKP", "alg": "none", "use": "sig" } })),
    ]
}

#[test]
fn g6_what_is_no_message_stops_a_verifier_at_once_and_the_truth_brings_it_back() {
    run(async {
        for text in texts() {
            let scene = Scene::new().await;
            let mut line = scene.honest().await;
            line.say_text(&text).await.expect("connected");
            line.until_gone().await;
            assert_eq!(scene.verify(&scene.other), Err(UNREADABLE), "{text:.200}");
            scene.honest().await;
        }
    });
}

#[test]
fn r7_a_frame_that_is_no_text_stops_a_verifier_at_once() {
    run(async {
        let scene = Scene::new().await;
        let mut line = scene.honest().await;
        line.socket.send(Frame::binary(serde_json::to_vec(&Message::Echo { number: 1 }).expect("JSON"))).await.unwrap();
        line.until_gone().await;
        assert_eq!(scene.verify(&scene.other), Err(UNREADABLE));
        scene.honest().await;
    });
}

#[test]
fn r7_an_entry_that_is_missing_stops_a_verifier_at_once() {
    run(async {
        let scene = Scene::new().await;
        let mut line = scene.honest().await;
        line.entries(&[unrelated(HEAD + 4)]).await.expect("connected");
        line.until_gone().await;
        assert_eq!(scene.verify(&scene.other), Err(Rejected::Unavailable { reason: Reason::Broken(Break::Gap) }));
        let mut line = scene.impostor.line().await;
        assert_eq!(line.hello().await, Some(None), "it asks for a snapshot");
    });
}

/// What breaks the connection, and not what was said over it: the lease that was granted before runs on, and no longer.
#[test]
fn g6_what_breaks_the_connection_grants_nothing_and_the_verifier_comes_again() {
    run(async {
        for raw in [
            // A message of more than MAX_MESSAGE bytes: its length alone is too much.
            [&[0x81, 127][..], &(MAX_MESSAGE as u64 + 1).to_be_bytes()].concat(),
            [&[0x81, 127][..], &u64::MAX.to_be_bytes()].concat(),
            // Not UTF-8; bits that nobody agreed on; an unknown kind; a masked frame; a control frame that is too long.
            vec![0x81, 1, 0xff],
            vec![0xf1, 0],
            vec![0x83, 0],
            vec![0x81, 0x80, 1, 2, 3, 4],
            [&[0x89, 126, 0, 200][..], &[0; 200]].concat(),
            // A continuation of nothing.
            vec![0x80, 0],
            [b'H'; 100].to_vec(),
        ] {
            let scene = Scene::new().await;
            let mut line = scene.honest().await;
            let stream = line.socket.get_mut();
            stream.write_all(&raw).await.expect("connected");
            stream.flush().await.expect("connected");
            line.until_gone().await;
            assert_eq!(scene.verify(&scene.ended), Err(revoked("session", HEAD + 2)), "{raw:x?}");
            scene.wait_out();
            assert_eq!(scene.verify(&scene.other), Err(STALE), "{raw:x?}");
            scene.honest().await;
        }
    });
}

#[test]
fn g6_what_is_no_answer_to_the_request_for_the_feed_or_a_token_is_not_taken_for_one() {
    let flood = vec![b'a'; 1 << 20];
    let answers: [&[u8]; 8] = [
        b"",
        b"\0\0\0\0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n",
        &flood,
    ];
    run(async {
        for to_a_token in [true, false] {
            for said in answers {
                let scene = Scene::new().await;
                let mut stream =
                    if to_a_token { scene.impostor.anybody().await } else { scene.impostor.follower().await };
                assert_eq!(asks_for_a_token(&stream).await, to_a_token);
                // Its request is read: unread bytes would reset the connection before the answer is heard.
                let mut request = vec![0; 4096];
                assert!(stream.read(&mut request).await.expect("connected") > 0);
                // Who hangs up meanwhile need not hear all of it.
                let _ = stream.write_all(said).await;
                drop(stream);
                assert_eq!(scene.verify(&scene.other), Err(Rejected::Unavailable { reason: Reason::NeverSynced }));
                scene.honest().await;
            }
        }
    });
}

#[test]
fn g6_what_is_no_token_is_not_taken_for_one_and_a_strange_one_does_no_harm() {
    let long = format!(r#"{{"access_token":"{}","expires_in":300}}"#, "a".repeat(1 << 17));
    let refused = ["", "[]", "null", r#"{"access_token":1,"expires_in":2}"#, r#"{"access_token":"a"}"#, &long];
    let used = [
        r#"{"access_token":"a\r\nx: y","expires_in":300}"#,
        r#"{"access_token":"","expires_in":0}"#,
        r#"{"access_token":"a.b.c","expires_in":18446744073709551615}"#,
    ];
    run(async {
        for (status, body) in refused.iter().map(|body| ("200 OK", *body)).chain([("401 No", "?"), ("500 No", TOKEN)]) {
            let scene = Scene::new().await;
            let mut stream = scene.impostor.anybody().await;
            assert!(asks_for_a_token(&stream).await, "{body:.80}");
            // Who hangs up meanwhile need not hear all of it.
            let _ = answer(&mut stream, status, body).await;
            drop(stream);
            scene.honest().await;
        }
        for body in used {
            let scene = Scene::new().await;
            let mut stream = scene.impostor.anybody().await;
            assert!(asks_for_a_token(&stream).await, "{body}");
            answer(&mut stream, "200 OK", body).await.expect("answered");
            drop(stream);
            let mut stream = scene.impostor.anybody().await;
            assert!(!asks_for_a_token(&stream).await, "{body}");
            // Where it cannot even be sent, nobody is there any more. Another one is asked for either way.
            let _ = stream.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n").await;
            drop(stream);
            let mut stream = scene.impostor.anybody().await;
            assert!(asks_for_a_token(&stream).await, "{body}");
            answer(&mut stream, "200 OK", TOKEN).await.expect("answered");
            scene.honest().await;
        }
    });
}

#[test]
fn r9_a_snapshot_that_was_replayed_does_not_take_a_verifier_back() {
    run(async {
        let scene = Scene::new().await;
        drop(scene.honest().await);
        for _ in 0..3 {
            let mut line = scene.impostor.line().await;
            let held = line.hello().await.expect("a hello").expect("it has something");
            assert_eq!((held.position.number, held.tag.as_deref()), (HEAD + 2, Some("tag-102")));
            // As it was before the session ended.
            line.snapshot(&scene.world, &log()[..1]).await.expect("connected");
            line.until_gone().await;
            assert_eq!(scene.verify(&scene.ended), Err(revoked("session", HEAD + 2)));
        }
        assert_eq!(scene.verify(&scene.other), Ok(()), "its lease runs");
        scene.wait_out();
        assert_eq!(scene.verify(&scene.other), Err(STALE));
        assert_eq!(scene.verify(&scene.ended), Err(revoked("session", HEAD + 2)));
        scene.honest().await;
    });
}

#[test]
fn r9_a_snapshot_of_a_former_epoch_does_not_take_a_verifier_back() {
    run(async {
        let scene = Scene::new().await;
        drop(scene.honest().await);
        let mut line = scene.impostor.line().await;
        line.hello().await.expect("a hello");
        let epochs = Epochs { former: vec![(epoch(1), HEAD + 2)], current: epoch(2) };
        let later = [&log()[..], &[unrelated(HEAD + 3)]].concat();
        line.snapshot_of(&scene.world, epochs, &later).await.expect("connected");
        line.grant(HEAD + 3).await.expect("connected");
        assert_eq!(scene.verify(&scene.ended), Err(revoked("session", HEAD + 2)));
        drop(line);
        // Of the epoch that ended, and with more entries than the verifier has: without the session's end.
        let mut line = scene.impostor.line().await;
        assert_eq!(line.hello().await.expect("a hello").expect("it has something").position.epoch, epoch(2));
        let other: Vec<_> = (HEAD + 1..HEAD + 10).map(unrelated).collect();
        line.snapshot(&scene.world, &other).await.expect("connected");
        line.until_gone().await;
        assert_eq!(scene.verify(&scene.ended), Err(revoked("session", HEAD + 2)));
    });
}

#[test]
fn entries_and_echoes_that_were_replayed_neither_revive_nor_extend_anything() {
    run(async {
        let scene = Scene::new().await;
        let line = scene.honest().await;
        let lease = scene.verifier.health().lease_left;
        drop(line);
        scene.world.clock.advance(LEASE / 2);
        let mut line = scene.impostor.line().await;
        line.hello().await.expect("a hello");
        line.say(&Message::Resume(Resume { floor: HEAD, longest_lifetime: LIFETIME })).await.expect("connected");
        line.ack(HEAD + 2).await.expect("connected");
        line.entries(&log()[..1]).await.expect("connected");
        line.entries(&log()).await.expect("connected");
        // Of the former connection, where such numbers were acknowledged; none of them is waited for here.
        for number in [0, 100, u64::MAX] {
            line.say(&Message::Echo { number }).await.expect("connected");
        }
        line.settled().await.expect("connected");
        assert_eq!(scene.verifier.health().lease_left, lease.map(|left| left.saturating_sub(LEASE / 2)));
        assert_eq!(scene.verify(&scene.ended), Err(revoked("session", HEAD + 2)));
        scene.world.clock.advance(LEASE / 2);
        assert_eq!(scene.verify(&scene.other), Err(STALE));
        line.grant(HEAD + 2).await.expect("connected");
        assert_eq!(scene.verify(&scene.other), Ok(()));
    });
}
