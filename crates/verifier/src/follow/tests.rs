//! A connection over a line as slow as the test likes, by a clock that jumps to whatever is waited for next.

use rescind_wire::feed::{Ack, Entries, Message, Snapshot};
use rescind_wire::{Change, Entry, Epoch, Epochs, Scope, SessionId, UserId};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex, split};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::counted::Counted;
use super::*;
use crate::{SystemClock, Verifier};

const LEASE: Duration = Duration::from_mins(1);

/// Entries of the snapshot: some 200 KiB.
const ENTRIES: u64 = 1000;

/// A verifier, and the authority's end of its connection.
struct Scene {
    verifier: Verifier,
    authority: WebSocketStream<DuplexStream>,
    following: JoinHandle<Result<End, End>>,
    _goodbye: watch::Sender<bool>,
}

impl Scene {
    /// So many bytes come to the verifier each second.
    fn new(rate: usize) -> Self {
        let (verifier, mut keeper) = Verifier::builder("http://127.0.0.1").audience("api").parts().expect("settings");
        let link = Link::new(&Following::default(), "http://127.0.0.1").expect("a URL");
        let (goodbye, left) = watch::channel(false);
        let mut run =
            Run { link, name: "slow".into(), lease: LEASE, clock: Arc::new(SystemClock), left, granted: false };
        let ((near, here), (there, far)) = (duplex(1 << 20), duplex(1 << 20));
        let ((hears, says), (reads, writes)) = (split(here), split(there));
        tokio::spawn(pump(hears, writes, usize::MAX));
        tokio::spawn(pump(reads, says, rate));
        let following = tokio::spawn(async move {
            let stream: Box<dyn origin::Stream> = Box::new(near);
            let socket = WebSocketStream::from_raw_socket(Counted::new(stream), Role::Client, None).await;
            subscribe(&mut run, &mut keeper, socket).await
        });
        let authority = WebSocketStream::from_raw_socket(far, Role::Server, None);
        // Nothing is waited for: it only wraps.
        let authority = futures_util::FutureExt::now_or_never(authority).expect("a socket");
        Self { verifier, authority, following, _goodbye: goodbye }
    }

    async fn say(&mut self, message: &Message) {
        let text = serde_json::to_string(message).expect("JSON");
        self.authority.send(Frame::text(text)).await.expect("connected");
    }

    async fn snapshot(&mut self) {
        self.snapshot_up_to(ENTRIES).await;
    }

    /// As many entries as usual, of a snapshot that has this many.
    async fn snapshot_up_to(&mut self, position: u64) {
        let epochs = Epochs::first(Epoch::from_bytes([1; 10]));
        let (floor, longest_lifetime) = (0, 300);
        let snapshot = Snapshot { epochs, position, floor, floor_at: Some(0), longest_lifetime, keys: Vec::new() };
        self.say(&Message::Snapshot(snapshot)).await;
        let entries = (1..=ENTRIES).map(entry).collect();
        self.say(&Message::Entries(Entries { entries, floor, longest_lifetime })).await;
    }

    async fn acknowledged(&mut self) -> Ack {
        loop {
            let said = self.authority.next().await.expect("connected").expect("connected");
            if let Ok(Request::Ack(ack)) = serde_json::from_str(said.to_text().expect("text")) {
                return ack;
            }
        }
    }

    /// Why the verifier gave the connection up, and how long that took.
    async fn given_up(self) -> (String, Duration) {
        let began = Instant::now();
        match self.following.await.expect("no panic") {
            Err(End::Failed(why)) => (why, began.elapsed()),
            Ok(_) | Err(End::Left | End::Evicted(_)) => panic!("it left"),
        }
    }
}

fn entry(number: u64) -> Entry {
    let session = SessionId::from_bytes(u128::from(number).to_be_bytes());
    let change = Change::Revoke(Scope::Session { user: UserId::from_bytes([1; 16]), session });
    Entry { number, at: 0, change, tag: "tag".into() }
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, rate: usize) {
    let mut bytes = vec![0; rate.min(1 << 16)];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
        if rate < usize::MAX {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let ends = runtime.expect("a runtime").block_on(async { timeout(silence::LONGEST * 2, test).await });
    ends.expect("it ends");
}

#[test]
fn a_snapshot_that_takes_longer_than_silence_may_last_is_taken_as_long_as_it_comes() {
    run(async {
        let (mut scene, began) = (Scene::new(2000), Instant::now());
        scene.snapshot().await;
        let ack = scene.acknowledged().await;
        assert!(ack.position == ENTRIES && began.elapsed() > PATIENCE * 5, "{:?}", began.elapsed());
        scene.say(&Message::Echo { number: ack.number }).await;
        // It answers after all that was said before.
        scene.authority.send(Frame::Ping("heard".into())).await.expect("connected");
        while !matches!(scene.authority.next().await, Some(Ok(Frame::Pong(_)))) {}
        assert_eq!(scene.verifier.health().unavailable, None);
    });
}

#[test]
fn an_authority_that_drips_or_says_nothing_is_given_up_soon() {
    run(async {
        for rate in [1, 300] {
            let mut scene = Scene::new(rate);
            scene.snapshot().await;
            let (why, waited) = scene.given_up().await;
            assert!(why.contains("silent") && waited <= PATIENCE, "{why} after {waited:?}");
        }
        let (why, waited) = Scene::new(usize::MAX).given_up().await;
        assert!(why.contains("silent") && waited <= PATIENCE, "{why} after {waited:?}");
    });
}

#[test]
fn an_authority_that_stops_in_the_middle_of_a_snapshot_is_given_up_soon() {
    run(async {
        let mut scene = Scene::new(20_000);
        scene.snapshot_up_to(ENTRIES + 1).await;
        let (why, waited) = scene.given_up().await;
        assert!(why.contains("silent") && waited > PATIENCE && waited <= PATIENCE * 3, "{why} after {waited:?}");
    });
}

#[test]
fn an_authority_that_talks_on_without_granting_a_lease_is_given_up_in_the_end() {
    run(async {
        let mut scene = Scene::new(usize::MAX);
        scene.snapshot().await;
        let nothing = Message::Entries(Entries { entries: Vec::new(), floor: 0, longest_lifetime: 300 });
        let talk = serde_json::to_string(&nothing).expect("JSON") + &" ".repeat(4096);
        let (mut says, mut hears) = scene.authority.split();
        tokio::spawn(async move { while hears.next().await.is_some() {} });
        tokio::spawn(async move {
            while says.send(Frame::text(talk.as_str())).await.is_ok() {
                sleep(Duration::from_secs(5)).await;
            }
        });
        let began = Instant::now();
        let Ok(Err(End::Failed(why))) = scene.following.await else { panic!("it left") };
        let waited = began.elapsed();
        assert!(why.contains("silent") && waited > PATIENCE * 10 && waited <= silence::LONGEST, "{why}, {waited:?}");
    });
}

#[test]
fn after_the_first_lease_bytes_do_not_stand_for_an_echo() {
    let (began, most) = (Instant::now(), silence::longest_between_echoes(LEASE));
    let mut silence = silence::Silence::new(began, 0);
    assert!(!silence.has_lasted(began + PATIENCE, silence::FEWEST));
    let (granted, mut read) = (began + PATIENCE, silence::FEWEST);
    silence.extended(granted, read, LEASE);
    while silence.until() < granted + most {
        read += 1;
        assert!(!silence.has_lasted(silence.until(), read));
        silence.heard(silence.until(), read);
    }
    assert_eq!(silence.until(), granted + most);
    assert!(silence.has_lasted(silence.until(), u64::MAX));
}

/// Has a verifier take a snapshot, and grants it its first lease.
async fn granted() -> Scene {
    let mut scene = Scene::new(usize::MAX);
    scene.snapshot().await;
    let ack = scene.acknowledged().await;
    scene.say(&Message::Echo { number: ack.number }).await;
    scene
}

#[test]
fn a_line_that_dies_is_given_up_long_before_a_long_lease_is_over() {
    run(async {
        let (why, waited) = granted().await.given_up().await;
        assert!(why.contains("silent") && waited <= PATIENCE * 3 / 2, "{why} after {waited:?}");
    });
}

#[test]
fn an_authority_that_is_there_and_echoes_nothing_is_given_up_while_a_quarter_of_the_lease_is_left() {
    run(async {
        let scene = granted().await;
        // Whoever reads answers the pings.
        let (_says, mut hears) = scene.authority.split();
        tokio::spawn(async move { while hears.next().await.is_some() {} });
        let began = Instant::now();
        let Ok(Err(End::Failed(why))) = scene.following.await else { panic!("it left") };
        let waited = began.elapsed();
        assert!(
            why.contains("silent") && waited > PATIENCE * 3 && waited + LEASE / 4 <= LEASE,
            "{why} after {waited:?}"
        );
    });
}

#[test]
fn an_authority_that_echoes_every_third_of_the_lease_and_misses_one_is_not_given_up() {
    run(async {
        let mut scene = granted().await;
        for turn in 0..30 {
            let ack = scene.acknowledged().await;
            if turn % 2 == 0 {
                scene.say(&Message::Echo { number: ack.number }).await;
            }
        }
        assert!(!scene.following.is_finished());
        assert_eq!(scene.verifier.health().unavailable, None);
    });
}

#[test]
fn the_manual_states_how_long_the_first_lease_is_waited_for() {
    let manual = include_str!("../../../../docs/verifier.md");
    let (patience, hours) = (PATIENCE.as_secs(), silence::LONGEST.as_secs() / 3600);
    for row in [
        format!("| connecting, the authority's first word, and its silence before the first lease | {patience} s |"),
        format!(
            "| what must come in that time before the first lease, for it to be no silence | {} KiB |",
            silence::FEWEST >> 10
        ),
        format!("| from connecting to the first lease, however slow the line | {hours} h |"),
        format!("| silence after it: nothing at all | {patience} s |"),
        "| silence after it: no echo | 3/4 of the lease |".to_owned(),
    ] {
        assert!(manual.contains(&row), "docs/verifier.md does not say {row}");
    }
}
