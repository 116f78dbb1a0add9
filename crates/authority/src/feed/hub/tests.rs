use super::*;
use crate::feed::frames::TOGETHER;
use futures_util::FutureExt as _;
use rescind_wire::feed::{MAX_MESSAGE, Message};
use rescind_wire::{Change, Scope, SessionId, UserId};

const EPOCH: Epoch = Epoch::from_bytes([1; 10]);
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_secs(1);

const fn at(millis: u64) -> Time {
    Duration::from_millis(millis)
}

/// A hub whose node has read the log up to 10, and whose row's lease runs for an hour.
fn hub() -> Arc<Hub> {
    let hub = Arc::new(Hub::default());
    let lease = Duration::from_hours(1);
    hub.enter(NodeRow { id: NodeId::from_bytes([1; 16]), counter: 0, lease, reached: 10, verifiers: 0 }, at(0));
    read(&hub, 10, 0);
    hub
}

/// The log was read up to `number`.
fn read(hub: &Hub, number: u64, millis: u64) {
    read_all(hub, number, &[], millis);
}

/// The log was read up to `number`, and these entries were in it.
fn read_all(hub: &Hub, number: u64, entries: &[Entry], millis: u64) {
    hub.begin_read();
    let head = Position { epoch: EPOCH, number };
    let news = News { head, entries, floor: 0, longest_lifetime: 300, whole: true };
    hub.log_read(&news, at(millis), at(millis));
}

fn entry(number: u64, scope: Scope) -> Entry {
    Entry { number, at: number, change: Change::Revoke(scope), tag: "tag".into() }
}

/// One that is no matter of clients.
fn session(number: u64) -> Entry {
    entry(number, Scope::Session { user: UserId::from_bytes([1; 16]), session: SessionId::from_bytes([1; 16]) })
}

fn client(number: u64, id: &str) -> Entry {
    entry(number, Scope::Client { client: id.parse().expect("an id") })
}

/// The numbers in each frame that waits to be sent; an echo has none.
fn waiting(line: &mut Line) -> Vec<Vec<u64>> {
    let mut frames = Vec::new();
    while let Ok(out) = line.queue.try_recv() {
        let Out::Frame(text) = out else {
            frames.push(Vec::new());
            continue;
        };
        assert!(text.len() <= MAX_MESSAGE);
        let Ok(Message::Entries(entries)) = serde_json::from_str(&text) else { panic!("{text}") };
        frames.push(entries.entries.iter().map(|entry| entry.number).collect());
    }
    frames
}

fn follower(client: &str, lease: Duration) -> Follower {
    Follower {
        name: client.into(),
        client: client.parse().expect("an id"),
        token: TokenId::from_bytes([1; 16]),
        key: "key_one".parse().expect("an id"),
        position: Position { epoch: EPOCH, number: 10 },
        address: None,
        lease,
        since: Timestamp(0),
    }
}

/// A verifier that was sent everything up to 10, and has acknowledged it.
fn follow(hub: &Arc<Hub>, lease: Duration, millis: u64) -> Line {
    follow_as(hub, follower("shop", lease), millis)
}

fn follow_as(hub: &Arc<Hub>, follower: Follower, millis: u64) -> Line {
    let line = hub.connect(follower, 10).expect("room");
    assert!(hub.go_live(line.id, Position { epoch: EPOCH, number: 10 }).expect("the same epoch"));
    hub.ack(line.id, Ack { position: 10, number: 1 }, at(millis)).expect("in its turn");
    read(hub, 10, millis);
    line
}

fn published(hub: &Hub, millis: u64) -> Option<u64> {
    hub.publish(at(millis)).map(|row| row.reached)
}

#[test]
fn a_lease_is_over_in_time_though_longer_ones_were_looked_through_before_it_began() {
    let hub = hub();
    let long = follow(&hub, LONG, 0);
    assert_eq!(published(&hub, 1), None);
    let short = follow(&hub, SHORT, 2);
    assert_eq!(hub.ack(short.id, Ack { position: 10, number: 2 }, at(500)), Ok(false), "extended");
    read(&hub, 11, 501);
    hub.ack(long.id, Ack { position: 11, number: 2 }, at(502)).expect("in its turn");
    let (once, over) = (at(2) + counted(SHORT), at(500) + counted(SHORT));
    assert_eq!(hub.next_end(), Some(once));
    assert_eq!(hub.publish(once).map(|row| row.reached), None);
    assert_eq!(hub.next_end(), Some(over));
    assert_eq!(hub.publish(over.saturating_sub(at(1))).map(|row| row.reached), None);
    assert_eq!(hub.publish(over).map(|row| row.reached), Some(11));
}

#[test]
fn a_row_that_is_found_gone_after_the_node_began_anew_ends_nothing() {
    let hub = hub();
    let former = hub.row().expect("a row");
    assert!(hub.leave(former.id), "it was given up");
    assert_eq!(hub.row(), None);
    let row = NodeRow { id: NodeId::from_bytes([2; 16]), ..former.clone() };
    hub.enter(row.clone(), at(1));
    read(&hub, 10, 1);
    let line = follow(&hub, LONG, 2);
    assert!(!hub.leave(former.id), "somebody else was told so late");
    assert_eq!(hub.row(), Some(row));
    assert!(line.closer.closed().now_or_never().is_none(), "its verifiers stay");
}

#[test]
fn the_lease_of_the_nodes_own_verifier_is_over_in_time() {
    let hub = hub();
    assert_eq!(published(&hub, 1), None);
    assert_eq!(hub.own_ack(10, at(2)), Own::Again);
    read(&hub, 11, 3);
    let over = at(2) + counted(OWN_LEASE);
    assert_eq!(hub.publish(over.saturating_sub(at(1))).map(|row| row.reached), None);
    assert_eq!(hub.publish(over).map(|row| row.reached), Some(11));
}

#[test]
fn only_the_acknowledgement_that_all_others_waited_for_is_published() {
    let hub = hub();
    let (one, two) = (follow(&hub, LONG, 0), follow(&hub, LONG, 0));
    read(&hub, 11, 1);
    assert!(hub.risen.notified().now_or_never().is_some(), "the log was read");
    hub.ack(one.id, Ack { position: 11, number: 2 }, at(2)).expect("in its turn");
    assert!(hub.risen.notified().now_or_never().is_none(), "the other one has not acknowledged it");
    hub.ack(two.id, Ack { position: 11, number: 2 }, at(3)).expect("in its turn");
    assert!(hub.risen.notified().now_or_never().is_some());
    assert_eq!(published(&hub, 4), Some(11));
}

#[tokio::test]
async fn r8_who_is_cut_hears_that_and_nothing_after_it_and_counts_until_its_lease_is_over() {
    let hub = hub();
    let (mut shop, mut desk) = (follow(&hub, LONG, 0), follow_as(&hub, follower("desk", LONG), 0));
    assert_eq!((waiting(&mut shop), waiting(&mut desk)), (vec![vec![]], vec![vec![]]), "echoes");
    read_all(&hub, 13, &[session(11), client(12, "shop"), session(13)], 1);
    read_all(&hub, 14, &[session(14)], 2);
    assert_eq!(waiting(&mut shop), [[11, 12]]);
    assert_eq!(waiting(&mut desk), [vec![11, 12, 13], vec![14]]);
    assert_eq!(hub.ack(desk.id, Ack { position: 14, number: 2 }, at(3)), Ok(false));
    assert_eq!(hub.ack(shop.id, Ack { position: 11, number: 2 }, at(3)), Ok(false));
    assert!(shop.closer.closed().now_or_never().is_none(), "it has not acknowledged that it was cut");
    assert_eq!(published(&hub, 4), Some(11));
    assert_eq!(hub.ack(shop.id, Ack { position: 12, number: 3 }, at(5)), Ok(false));
    assert_eq!(shop.closer.closed().now_or_never(), Some(Closing::Evicted));
    assert_eq!(published(&hub, 6), Some(12));
    assert_eq!(hub.ack(shop.id, Ack { position: 12, number: 4 }, at(9_000)), Ok(false));
    assert_eq!(waiting(&mut shop), Vec::<Vec<u64>>::new(), "no lease is granted any more");
    assert_eq!(hub.ack(desk.id, Ack { position: 14, number: 3 }, at(20_000)), Ok(false));
    assert_eq!(hub.ack(shop.id, Ack { position: 13, number: 5 }, at(20_001)), Err(Closing::Protocol));
    drop(shop);
    let over = counted(LONG);
    assert_eq!(hub.publish(over.saturating_sub(at(1))).map(|row| row.reached), None, "it may accept still");
    assert_eq!(hub.publish(over).map(|row| row.reached), Some(14));
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_and_does_not_acknowledge_it_does_not_stay() {
    let hub = hub();
    let shop = follow(&hub, LONG, 0);
    read_all(&hub, 11, &[client(11, "shop")], 1);
    assert!(shop.closer.closed().now_or_never().is_none());
    assert_eq!(shop.closer.closed().await, Closing::Evicted);
}

#[tokio::test]
async fn r4_who_showed_a_token_that_is_newer_than_the_cut_stays() {
    let hub = hub();
    let position = Position { epoch: EPOCH, number: 12 };
    let mut shop = follow_as(&hub, Follower { position, ..follower("shop", LONG) }, 0);
    waiting(&mut shop);
    read_all(&hub, 12, &[client(11, "shop"), entry(12, Scope::Everyone { services: true })], 1);
    read_all(&hub, 13, &[session(13)], 2);
    assert_eq!(waiting(&mut shop), [vec![11, 12], vec![13]]);
    read_all(&hub, 15, &[entry(14, Scope::Key { key: "key_one".parse().expect("an id") }), session(15)], 3);
    assert_eq!(waiting(&mut shop), [[14]], "its thief can write any position");
}

#[tokio::test]
async fn what_this_node_reads_again_is_not_sent_again_and_more_than_is_kept_is_read_by_whoever_lacks_it() {
    let hub = hub();
    let mut shop = follow(&hub, LONG, 0);
    waiting(&mut shop);
    read_all(&hub, 11, &[session(11)], 1);
    read_all(&hub, 12, &[session(11), session(12)], 2);
    assert_eq!(waiting(&mut shop), [[11], [12]]);
    let last = 13 + RECENT as u64;
    let much: Vec<Entry> = (11..=last).map(session).collect();
    read_all(&hub, last, &much, 3);
    assert_eq!(waiting(&mut shop), Vec::<Vec<u64>>::new());
    assert_eq!(shop.closer.closed().now_or_never(), Some(Closing::TooSlow));
}

#[test]
fn what_somebody_misses_who_goes_live_comes_in_frames_that_a_verifier_takes() {
    let hub = hub();
    let issuer: rescind_wire::Issuer = format!("https://{}", "i".repeat(200)).parse().expect("an issuer");
    let subject: rescind_wire::ForeignId = "s".repeat(255).parse().expect("an id");
    let long = |number| entry(number, Scope::ForeignSubject { issuer: issuer.clone(), subject: subject.clone() });
    let all: Vec<Entry> = (11..=10 + RECENT as u64).map(long).collect();
    for page in all.chunks(1000) {
        read_all(&hub, page.last().expect("one").number, page, 1);
    }
    let mut line = hub.connect(follower("shop", LONG), 10).expect("room");
    assert!(hub.go_live(line.id, Position { epoch: EPOCH, number: 10 }).expect("the same epoch"));
    let frames = waiting(&mut line);
    assert!(frames.iter().all(|frame| (1..=TOGETHER).contains(&frame.len())));
    assert!(frames.iter().flatten().copied().eq(all.iter().map(|entry| entry.number)));
}
