use super::*;

const LEASE: Duration = Duration::from_secs(15);

const fn at(millis: u64) -> Time {
    Duration::from_millis(millis)
}

fn row(node: u8, counter: u64, reached: u64) -> NodeRow {
    NodeRow { id: NodeId::from_bytes([node; 16]), counter, lease: LEASE, reached, verifiers: 1 }
}

fn enforced(observer: &Observer, number: u64) -> bool {
    observer.missing(number).next().is_none()
}

#[test]
fn enforced_is_what_every_node_has_reached() {
    let mut observer = Observer::default();
    assert!(enforced(&observer, 7), "there is no node");
    observer.observe(&[row(1, 1, 7), row(2, 1, 6)], at(0), at(1));
    assert!(enforced(&observer, 6) && !enforced(&observer, 7));
    observer.observe(&[row(1, 1, 7), row(2, 1, 7)], at(2), at(3));
    assert!(enforced(&observer, 7));
}

#[test]
fn a_node_lapses_by_a_second_read_begun_its_lease_with_margin_after_the_first_had_ended() {
    let mut observer = Observer::default();
    observer.observe(&[row(1, 5, 6)], at(0), at(3000));
    let over = at(3000) + counted(LEASE);
    observer.observe(&[row(1, 5, 6)], over.saturating_sub(at(1)), over + at(5000));
    assert!(!enforced(&observer, 7), "that read had begun too early, however long it took");
    assert_eq!(observer.missing(7).next().map(|missing| missing.bound), Some(over));
    observer.observe(&[row(1, 5, 6)], over, over);
    assert!(enforced(&observer, 7));
    assert_eq!(observer.lapsed().collect::<Vec<_>>(), [(NodeId::from_bytes([1; 16]), 5)]);
}

#[test]
fn a_heartbeat_begins_the_wait_anew() {
    let mut observer = Observer::default();
    observer.observe(&[row(1, 5, 6)], at(0), at(1));
    observer.observe(&[row(1, 6, 6)], at(18_000), at(18_001));
    observer.observe(&[row(1, 6, 6)], at(19_000), at(19_001));
    assert!(!enforced(&observer, 7));
    // One that was seen to have lapsed, and speaks again, is waited for again.
    observer.observe(&[row(1, 6, 6)], at(60_000), at(60_001));
    assert!(enforced(&observer, 7));
    observer.observe(&[row(1, 7, 6)], at(60_100), at(60_101));
    assert!(!enforced(&observer, 7));
}

#[test]
fn one_look_never_shows_a_lapse() {
    let mut observer = Observer::default();
    observer.observe(&[row(1, 5, 6)], at(1_000_000), at(2_000_000));
    assert!(!enforced(&observer, 7), "a former run of a node that was restarted must lapse first");
}

#[test]
fn a_row_that_is_gone_was_given_up_by_another_observer() {
    let mut observer = Observer::default();
    observer.observe(&[row(1, 5, 6), row(2, 1, 7)], at(0), at(1));
    observer.observe(&[row(2, 1, 7)], at(2), at(3));
    assert!(enforced(&observer, 7));
}
