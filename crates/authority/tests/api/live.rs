//! Sessions as they change, for whoever watches.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rescind::live::{Listener, Word};
use rescind_domain::Error;
use rescind_domain::clock::Timestamp;
use rescind_domain::event::{EventKind, NewEvent};
use rescind_domain::revocation::Actor;
use rescind_domain::verbs::watch_sessions::{Judge, Kind, Shown, Watcher};
use rescind_domain::verbs::{begin_epoch, keep_house};
use rescind_wire::{SessionId, TokenId, UserId};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;

use super::clients::add_service;
use super::ear::Ear;
use super::harness::{Administrator, Device, Harness, PASSWORD, text};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// The default idle lifetime of a session.
const IDLE: Duration = Duration::from_hours(24);

async fn watch(device: &Device<'_>) -> Ear {
    Ear::listen(device.get("/v1/sessions/changes")).await
}

fn of(kind: &str, session: &str) -> (String, Option<String>) {
    (kind.to_owned(), Some(session.to_owned()))
}

fn several(kind: &str) -> (String, Option<String>) {
    (kind.to_owned(), None)
}

/// Runs the command line on the server's data folder, as another process.
async fn run(harness: &Harness, words: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rescind"));
    command.args(words).arg("--data").arg(harness.data()).env_clear().stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("started");
    assert!(output.status.success(), "{words:?}: {output:?}");
}

#[tokio::test]
async fn a_device_that_signs_in_is_shown_to_the_others_as_the_list_shows_it() {
    let harness = Harness::start().await;
    let (phone, bob) = (harness.newcomer("ann").await, harness.newcomer("bob").await);
    let (mut ann_hears, mut bob_hears) = (watch(&phone).await, watch(&bob).await);
    let body = json!({"login": "ann", "password": PASSWORD, "device_name": "Ann's laptop"});
    let laptop = harness.sign_in_with(body).await;
    let heard = ann_hears.next().await.expect("a change");
    assert_eq!((heard.event.as_str(), &heard.data["kind"]), ("changed", &json!("signed_in")));
    assert_eq!(heard.data["session_id"], laptop.session.as_str());
    let list = phone.get("/v1/sessions").expect(200).await.json();
    let listed = list["sessions"].as_array().unwrap().iter().find(|session| session["id"] == laptop.session.as_str());
    assert_eq!(Some(&heard.data["session"]), listed);
    assert_eq!(
        (&heard.data["session"]["current"], &heard.data["session"]["device"]["name"]),
        (&json!(false), &json!("Ann's laptop"))
    );
    // Bob hears of his own devices only: the first thing that he hears is this.
    let other = harness.sign_in("bob").await;
    assert_eq!(bob_hears.change().await, of("signed_in", &other.session));
}

#[tokio::test]
async fn e1_lists_are_read_again_when_a_key_is_revoked_that_others_devices_went_on_with() {
    let harness = Harness::start().await;
    let (root, phone) = (harness.administrator().await, harness.newcomer("ann").await);
    let keys = root.get("/v1/admin/keys").expect(200).await.json();
    let of_mac = |key: &&serde_json::Value| key["purpose"] == "HMAC-SHA256";
    let old = text(&keys["keys"].as_array().expect("a list").iter().find(of_mac).expect("a key")["kid"]);
    root.post("/v1/admin/keys/rotate").json(&json!({"purpose": "HMAC-SHA256"})).expect(200).await;
    let laptop = harness.sign_in("ann").await;
    let mut ear = watch(&laptop).await;
    root.post(&format!("/v1/admin/keys/{old}/compromise")).json(&json!({"reason": "leaked"})).expect(200).await;
    ear.change().await;
    let list = laptop.get("/v1/sessions").expect(200).await.json();
    assert!(!list.to_string().contains(&phone.session), "{list}");
}

#[tokio::test]
async fn the_answer_is_a_stream_that_nobody_keeps_or_holds_back() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let ear = watch(&ann).await;
    let header = |name: &str| ear.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
    assert_eq!(header("vary").as_deref(), Some("Origin"));
    harness.get("/v1/sessions/changes").expect(401).await.problem("missing-token");
    let root = harness.administrator().await;
    let access = service(&harness, &root).await;
    harness.get("/v1/sessions/changes").bearer(&access).expect(403).await.problem("forbidden");
}

async fn service(harness: &Harness, root: &Administrator<'_>) -> String {
    let secret = add_service(root, "back-end", json!(["rescind:admin"])).await;
    let form = format!("grant_type=client_credentials&client_id=back-end&client_secret={secret}");
    text(&harness.post("/oauth/token").form(&form).expect(200).await.json()["access_token"])
}

#[tokio::test]
async fn a_name_and_a_new_authentication_are_told_to_every_device() {
    let harness = Harness::start().await;
    let (mut phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let (mut one, mut two) = (watch(&phone).await, watch(&laptop).await);
    phone.patch(&format!("/v1/sessions/{}", laptop.session)).json(&json!({"device_name": "Desk"})).expect(200).await;
    let heard = two.next().await.expect("a change").data;
    assert_eq!((&heard["kind"], &heard["session"]["device"]["name"]), (&json!("renamed"), &json!("Desk")));
    assert_eq!(heard["session"]["current"], true, "the laptop's own");
    phone.authenticate_again().await;
    assert_eq!(one.change().await, of("renamed", &laptop.session));
    assert_eq!(one.change().await, of("reauthenticated", &phone.session));
    assert_eq!(two.change().await, of("reauthenticated", &phone.session));
}

#[tokio::test]
async fn one_device_that_is_signed_out_hears_so_and_the_others_hear_which() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let (mut phone_hears, mut laptop_hears) = (watch(&phone).await, watch(&laptop).await);
    laptop.delete(&format!("/v1/sessions/{}", phone.session)).expect(204).await;
    phone_hears.ends_with("ended").await;
    assert_eq!(laptop_hears.change().await, of("ended", &phone.session));
    laptop.delete("/v1/sessions/current").expect(204).await;
    laptop_hears.ends_with("ended").await;
    laptop.get("/v1/sessions/changes").expect(401).await.problem("invalid-token");
}

#[tokio::test]
async fn a_session_that_made_room_and_one_whose_refresh_token_came_back_hear_that_they_ended() {
    let harness = Harness::with(|config| config.sessions.limit = 2).await;
    let (phone, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let (mut phone_hears, mut laptop_hears) = (watch(&phone).await, watch(&laptop).await);
    let tablet = harness.sign_in("ann").await;
    phone_hears.ends_with("ended").await;
    assert_eq!(laptop_hears.change().await, of("ended", &phone.session));
    assert_eq!(laptop_hears.change().await, of("signed_in", &tablet.session));
    let stolen = laptop.refresh.clone();
    laptop.assert_alive().await;
    harness.pass(Duration::from_secs(11));
    harness.refresh(&stolen).expect(401).await;
    laptop_hears.ends_with("ended").await;
}

#[tokio::test]
async fn whoever_ends_the_others_or_changes_the_password_goes_on_and_hears_of_it() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let (mut phone_hears, mut laptop_hears) = (watch(&phone).await, watch(&laptop).await);
    laptop.post("/v1/sessions/end-others").expect(200).await;
    phone_hears.ends_with("ended").await;
    assert_eq!(laptop_hears.change().await, several("ended"));
    let tablet = harness.sign_in("ann").await;
    let mut tablet_hears = watch(&tablet).await;
    assert_eq!(laptop_hears.change().await, of("signed_in", &tablet.session));
    let change = json!({"current_password": PASSWORD, "new_password": "five fine words are here"});
    laptop.put("/v1/me/password").json(&change).expect(200).await;
    tablet_hears.ends_with("ended").await;
    assert_eq!(laptop_hears.change().await, several("ended"));
}

/// What ends a session without naming it: by its holder, by an administrator, by the server.
#[tokio::test]
async fn every_wider_scope_is_heard_by_whoever_it_covers() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let access = service(&harness, &root).await;
    let admin = |target: &str| harness.post(target).bearer(&access);
    for (at, ending) in ["all", "user", "lock", "grant", "client", "everyone", "delete", "epoch"].iter().enumerate() {
        let login = format!("ann-{at}");
        let ann = harness.newcomer(&login).await;
        let user = text(&ann.get("/v1/me").expect(200).await.json()["user"]["id"]);
        let mut ear = watch(&ann).await;
        let revoke = |scope: Value| admin("/v1/admin/revocations").json(&json!({"scope": scope, "reason": "x"}));
        match *ending {
            "all" => drop(ann.post("/v1/sessions/end-all").expect(200).await),
            "user" => drop(revoke(json!({"type": "user", "user": user})).expect(201).await),
            "lock" => drop(ann.post("/v1/me/lock").expect(200).await),
            "grant" => drop(revoke(json!({"type": "grant", "user": user, "client": "default"})).expect(201).await),
            "client" => drop(revoke(json!({"type": "client", "client": "default"})).expect(201).await),
            "everyone" => drop(revoke(json!({"type": "everyone"})).expect(201).await),
            "delete" => drop(ann.post("/v1/me/delete").json(&json!({"password": PASSWORD})).expect(200).await),
            _ => drop(begin_epoch::after_restore(&harness.authority.world, false).await.expect("begun")),
        }
        ear.ends_with("ended").await;
    }
}

#[tokio::test]
async fn a_token_or_key_that_is_revoked_ends_the_stream_and_not_the_session() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let access = service(&harness, &root).await;
    let (mut phone, mut laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let (mut phone_hears, mut laptop_hears) = (watch(&phone).await, watch(&laptop).await);
    let target = format!("/v1/admin/keys/{}/compromise", text(&part(&phone.access, 0)["kid"]));
    let scope = json!({"scope": {"type": "token", "token": part(&phone.access, 1)["jti"]}, "reason": "leaked"});
    harness.post("/v1/admin/revocations").bearer(&access).json(&scope).expect(201).await;
    phone_hears.ends_with("refused").await;
    let tablet = harness.sign_in("ann").await;
    assert_eq!(laptop_hears.change().await, of("signed_in", &tablet.session), "nothing of hers was ended");
    root.post(&target).json(&json!({"reason": "leaked"})).expect(200).await;
    laptop_hears.ends_with("refused").await;
    for device in [&mut phone, &mut laptop] {
        let tokens = harness.refresh(&device.refresh).expect(200).await.json();
        *device = Device::new(&harness, &tokens);
        drop(watch(device).await);
    }
}

#[tokio::test]
async fn what_another_process_does_is_heard_without_a_hint() {
    let harness = Harness::start().await;
    let (phone, laptop) = (harness.newcomer("ann").await, harness.sign_in("ann").await);
    let (mut phone_hears, mut laptop_hears) = (watch(&phone).await, watch(&laptop).await);
    run(&harness, &["session", "end", &phone.session, "--reason", "phone stolen"]).await;
    phone_hears.ends_with("ended").await;
    assert_eq!(laptop_hears.change().await, of("ended", &phone.session));
    run(&harness, &["user", "lock", "ann", "--for", "1h"]).await;
    laptop_hears.ends_with("ended").await;
}

#[tokio::test]
async fn what_wrote_no_entry_of_the_log_is_heard_without_a_hint() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut ear = watch(&ann).await;
    let (user, session) = (ann.tokens["session"]["id"].clone(), ann.session.parse().expect("an id"));
    assert_eq!(user, ann.session.as_str());
    let user = text(&ann.get("/v1/me").expect(200).await.json()["user"]["id"]).parse().expect("an id");
    let event = NewEvent::new(Timestamp(1), EventKind::SessionChanged, Actor::CommandLine).user(user).session(session);
    // More than once: a hint of the sign-in may be left.
    for _ in 0..3 {
        let event = event.clone();
        let written = harness.authority.world.store.transact("elsewhere", move |tx| Ok(tx.add_event(&event)?)).await;
        written.expect("written");
        assert_eq!(ear.change().await, of("renamed", &ann.session));
    }
}

#[tokio::test]
async fn a_stream_outlives_its_token_and_is_no_activity_of_its_session() {
    let harness = Harness::with(|config| config.tokens.access_lifetime = Duration::from_secs(20)).await;
    harness.sign_up("ann").await;
    // 20 s and the skew of 30 s, but for the 6 that are left for beginning to watch.
    harness.clock.sign_in_the_past(Duration::from_secs(44));
    let phone = harness.sign_in("ann").await;
    let mut ear = watch(&phone).await;
    let expired = async { while phone.me().await.status != 401 {} };
    tokio::time::timeout(PATIENCE, expired).await.expect("the token expires");
    let laptop = harness.sign_in("ann").await;
    assert_eq!(ear.change().await, of("signed_in", &laptop.session));
    harness.pass(IDLE + Duration::from_mins(1));
    ear.ends_with("ended").await;
}

/// Writes down what was seen of devices, as the server does now and then.
async fn tidy(harness: &Harness) {
    let seen = harness.authority.activity.take();
    keep_house::record_activity(&harness.authority.world, seen).await.expect("written");
}

#[tokio::test]
async fn a_page_that_nobody_looks_at_keeps_no_session_alive_however_much_its_script_asks() {
    let harness = Harness::with(|config| config.tokens.session_lifetime = 3 * IDLE).await;
    let phone = harness.newcomer("ann").await;
    for _ in 0..3 {
        harness.pass(IDLE / 4);
        drop(watch(&phone).await);
        phone.get("/v1/sessions").header("rescind-passive", "?1").expect(200).await;
        tidy(&harness).await;
    }
    harness.pass(IDLE / 4 + Duration::from_secs(1));
    phone.get("/v1/sessions").header("rescind-passive", "?1").expect(401).await.problem("invalid-token");

    let laptop = harness.sign_in("ann").await;
    harness.pass(IDLE / 2);
    laptop.get("/v1/sessions").expect(200).await;
    tidy(&harness).await;
    harness.pass(IDLE / 2 + Duration::from_secs(1));
    laptop.get("/v1/sessions").expect(200).await;
}

#[tokio::test]
async fn a_session_of_another_device_that_runs_out_is_noticed() {
    let harness = Harness::start().await;
    let phone = harness.newcomer("ann").await;
    harness.pass(IDLE / 2);
    let laptop = harness.sign_in("ann").await;
    let mut ear = watch(&laptop).await;
    harness.pass(IDLE / 2 + Duration::from_secs(1));
    assert_eq!(ear.change().await, several("expired"));
    assert_eq!(laptop.sessions().await, [laptop.session.as_str()]);
    phone.get("/v1/sessions/changes").expect(401).await.problem("invalid-token");
}

#[tokio::test]
async fn what_is_more_than_can_be_told_is_told_as_such() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let mut ear = watch(&ann).await;
    let written = harness.authority.world.store.transact("much", |tx| {
        let event = NewEvent::new(Timestamp(1), EventKind::SignInFailed, Actor::Anonymous);
        (0..1001).try_for_each(|_| Ok(tx.add_event(&event)?))
    });
    written.await.expect("written");
    assert_eq!(ear.change().await, several("many"));
    let other = harness.sign_in("ann").await;
    assert_eq!(ear.change().await, of("signed_in", &other.session), "and it goes on");
}

#[tokio::test]
async fn the_oldest_stream_of_a_user_gives_way_to_one_too_many() {
    let harness = Harness::start().await;
    let (ann, bob) = (harness.newcomer("ann").await, harness.newcomer("bob").await);
    let mut others = watch(&bob).await;
    let mut ears = Vec::new();
    for _ in 0..rescind::live::MOST_OF_ONE {
        ears.push(watch(&ann).await);
    }
    let last = watch(&ann).await;
    ears[0].ends_with("replaced").await;
    let device = harness.sign_in("ann").await;
    assert_eq!(ears[1].change().await, of("signed_in", &device.session));
    let device = harness.sign_in("bob").await;
    assert_eq!(others.change().await, of("signed_in", &device.session));
    drop((last, ears, others));
    gone(&harness).await;
}

#[tokio::test]
async fn a_stream_too_many_for_the_server_is_refused_until_there_is_room() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let live = &harness.authority.live;
    let other = |n: usize| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        let who = (UserId::from_bytes(bytes), SessionId::from_bytes([0; 16]));
        live.enter(&watcher(who, shown(None, "another"), Arc::default())).expect("room")
    };
    let mut others: Vec<_> = (0..rescind::live::MOST).map(other).collect();
    let refused = ann.get("/v1/sessions/changes").expect(503).await;
    refused.problem("too-many-streams").retry_after();
    drop(others.pop());
    drop(watch(&ann).await);
}

/// A watcher who shows this; how often it is judged is counted.
fn watcher((user, session): (UserId, SessionId), shown: Shown, judged: Arc<AtomicUsize>) -> Watcher {
    let judge: Judge = Arc::new(move |view, _| {
        judged.fetch_add(1, Ordering::SeqCst);
        let found = view.user(&user)?.zip(view.session(&user, &session)?);
        found.ok_or(Error::SignedOut(None))
    });
    Watcher { user, session, address: Some(Ipv4Addr::LOCALHOST.into()), shown, judge }
}

fn shown(token: Option<TokenId>, key: &str) -> Shown {
    Shown { token, key: key.parse().expect("an id") }
}

#[tokio::test]
async fn a_revoked_token_or_key_has_nobody_judged_but_who_showed_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let access = service(&harness, &root).await;
    let mut phones = Vec::new();
    for login in ["ann", "bob", "cid", "dan"] {
        let phone = harness.newcomer(login).await;
        let user: UserId = text(&phone.me().await.json()["user"]["id"]).parse().expect("an id");
        phones.push((login, (user, phone.session.parse::<SessionId>().expect("an id")), phone));
    }
    let key = text(&part(&phones[0].2.access, 0)["kid"]);
    let token: TokenId = text(&part(&phones[1].2.access, 1)["jti"]).parse().expect("an id");
    // Ann shows the key that is revoked, Bob the token; nobody else has anything to do with either.
    let shows = [shown(None, &key), shown(Some(token), "another"), shown(None, "another"), shown(None, "third")];
    let mut judged = Vec::new();
    let mut heard = Vec::new();
    for ((_, who, _), shows) in phones.iter().zip(shows) {
        let count = Arc::<AtomicUsize>::default();
        let watcher = watcher(*who, shows, Arc::clone(&count));
        let mut listener = Listener::begin(Arc::clone(&harness.authority), watcher).await.expect("it may");
        let (say, hear) = mpsc::unbounded_channel();
        tokio::spawn(async move { while listener.next().await.is_some_and(|word| say.send(word).is_ok()) {} });
        judged.push(count);
        heard.push(hear);
    }
    let scope = json!({"scope": {"type": "token", "token": token.to_string()}, "reason": "leaked"});
    harness.post("/v1/admin/revocations").bearer(&access).json(&scope).expect(201).await;
    root.post(&format!("/v1/admin/keys/{key}/compromise")).json(&json!({"reason": "leaked"})).expect(200).await;
    // Whatever anybody was woken by before is dealt with before these are told.
    for (at, (login, ..)) in phones.iter().enumerate() {
        harness.sign_in(login).await;
        match heard[at].recv().await {
            Some(Word::Changed(change)) => assert_eq!(change.kind, Kind::SignedIn, "{login}"),
            other => panic!("{login}: {other:?}"),
        }
    }
    let judged: Vec<usize> = judged.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    // At the beginning, for what was revoked, and for the sign-in.
    assert_eq!(judged, [3, 3, 2, 2]);
}

/// The `at`-th part of a token.
fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).expect("a part");
    let part = data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64url");
    serde_json::from_slice::<Value>(&part).expect("JSON")
}

/// Resolves once nobody watches any more.
async fn gone(harness: &Harness) {
    let waited = async {
        while harness.authority.live.watchers() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("whoever hangs up is forgotten");
}

#[tokio::test]
async fn nobody_looks_at_the_store_for_nobody() {
    let harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    drop(watch(&ann).await);
    gone(&harness).await;
    let device = harness.sign_in("ann").await;
    let mut ear = watch(&ann).await;
    let other = harness.sign_in("ann").await;
    assert_eq!(ear.change().await, of("signed_in", &other.session), "what was before is not told: {}", device.session);
}

#[tokio::test]
async fn streams_end_at_once_when_the_server_stops() {
    let mut harness = Harness::start().await;
    let ann = harness.newcomer("ann").await;
    let (mut one, mut two) = (watch(&ann).await, watch(&ann).await);
    drop(ann);
    let stopped = harness.stop();
    // Without a last word: whoever wants to go on comes again.
    assert_eq!((one.next().await, two.next().await), (None, None));
    let patience = harness.authority.config.http.request_timeout / 2;
    tokio::time::timeout(patience, stopped).await.expect("nobody waits for streams").unwrap();
}

#[tokio::test]
async fn a_watcher_who_never_reads_is_hung_up_on() {
    let harness = Harness::with(|config| config.http.request_timeout = Duration::from_secs(1)).await;
    let ann = harness.newcomer("ann").await;
    let user = text(&ann.get("/v1/me").expect(200).await.json()["user"]["id"]).parse().expect("an id");
    let large = json!({"metadata": {"x": "y".repeat(4000)}});
    ann.patch(&format!("/v1/sessions/{}", ann.session)).json(&large).expect(200).await;
    let session = ann.session.parse().expect("an id");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small window");
    let mut stream = socket.connect(harness.address).await.expect("connected");
    let head = format!("GET /v1/sessions/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", ann.access);
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.expect("an answer");
    // In turns, for what is said twice in a row is said once.
    let event = move |n: usize| {
        let kind = [EventKind::SessionChanged, EventKind::Reauthenticated][n % 2];
        NewEvent::new(Timestamp(1), kind, Actor::System).user(user).session(session)
    };
    // One who reads sets the pace: whoever cannot keep up is told that much happened, which fills no socket.
    let mut ear = watch(&ann).await;
    let hung_up = async {
        while harness.authority.live.watchers() > 1 {
            let many = harness
                .authority
                .world
                .store
                .transact("many", move |tx| (0..16).try_for_each(|n| Ok(tx.add_event(&event(n))?)));
            many.await.expect("written");
            harness.authority.live.poke();
            for _ in 0..16 {
                ear.change().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE * 2, hung_up).await.expect("the server hangs up");
    ann.get("/v1/me").expect(200).await;
}
