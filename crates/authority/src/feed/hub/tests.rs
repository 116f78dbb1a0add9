use super::*;
use futures_util::FutureExt as _;

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
    hub.begin_read();
    let head = Position { epoch: EPOCH, number };
    let news = News { head, entries: &[], floor: 0, longest_lifetime: 300, whole: true };
    hub.log_read(&news, at(millis), at(millis));
}

/// A verifier that was sent everything up to 10, and has acknowledged it.
fn follow(hub: &Arc<Hub>, lease: Duration, millis: u64) -> Line {
    let follower = Follower {
        name: "shop".into(),
        client: "shop".parse().expect("an id"),
        token: TokenId::from_bytes([1; 16]),
        key: "key_one".parse().expect("an id"),
        position: Position { epoch: EPOCH, number: 10 },
        address: None,
        lease,
        since: Timestamp(0),
    };
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
