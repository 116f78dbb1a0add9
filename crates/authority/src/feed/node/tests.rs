use proptest::prelude::*;
use rescind_verifier::Acks;

use super::*;

const ONE: FollowerId = 1;
const TWO: FollowerId = 2;
const LEASE: Duration = Duration::from_secs(4);

const fn at(millis: u64) -> Time {
    Duration::from_millis(millis)
}

const fn ack(position: u64, number: u64) -> Ack {
    Ack { position, number }
}

/// A node at entry 10 whose own lease runs for an hour, and that has read the log since.
fn node() -> Node {
    let mut node = Node::new(10, at(0));
    node.heartbeat(at(0), Duration::from_hours(1));
    read(&mut node, 10, at(0));
    node
}

fn read(node: &mut Node, head: u64, began: Time) {
    node.begin_read();
    node.log_read(head, began, true);
    let ids: Vec<_> = node.followers().filter(|held| held.connected).map(|held| held.id).collect();
    for id in ids {
        node.sent(id, head);
    }
}

/// A verifier that follows at the head: connected, acknowledged at `now`, and echoed.
fn follow(node: &mut Node, id: FollowerId, now: Time) {
    node.connect(id, LEASE);
    node.sent(id, node.head());
    assert_eq!(node.ack(id, ack(node.head(), 1), now), Verdict::Read);
    read(node, node.head(), now);
    assert_eq!(node.due(now), [(id, 1)]);
}

fn held(node: &Node, id: FollowerId) -> Held {
    node.followers().find(|held| held.id == id).expect("known")
}

#[test]
fn the_first_echo_waits_for_a_read_that_began_after_the_lease_was_recorded() {
    let mut node = node();
    node.connect(ONE, LEASE);
    node.sent(ONE, 10);
    node.begin_read();
    assert_eq!(node.ack(ONE, ack(10, 1), at(1000)), Verdict::Read);
    node.log_read(10, at(900), true);
    assert_eq!(node.due(at(1000)), [], "that read had begun before");
    read(&mut node, 10, at(1000));
    assert_eq!(node.due(at(1000)), [(ONE, 1)]);
    assert_eq!(node.due(at(1000)), [], "once");
}

#[test]
fn the_first_echo_waits_until_all_of_the_log_was_read() {
    let mut node = node();
    node.connect(ONE, LEASE);
    node.sent(ONE, 10);
    node.ack(ONE, ack(10, 1), at(1000));
    node.begin_read();
    node.log_read(11, at(1000), false);
    node.sent(ONE, 11);
    assert_eq!(node.due(at(1000)), []);
    read(&mut node, 12, at(1001));
    assert_eq!(node.due(at(1001)), [(ONE, 1)]);
}

#[test]
fn the_first_echo_waits_until_all_that_was_read_was_sent() {
    let mut node = node();
    node.connect(ONE, LEASE);
    node.sent(ONE, 10);
    node.ack(ONE, ack(10, 1), at(1000));
    node.begin_read();
    node.log_read(11, at(1000), true);
    assert_eq!(node.due(at(1000)), []);
    node.sent(ONE, 11);
    assert_eq!(node.due(at(1000)), [(ONE, 1)]);
}

#[test]
fn nobody_is_admitted_below_what_the_node_has_published() {
    let mut node = node();
    node.connect(ONE, LEASE);
    node.sent(ONE, 10);
    read(&mut node, 11, at(1000));
    assert_eq!(node.publish(at(1000)), Some(11), "nobody holds a lease");
    assert_eq!(node.ack(ONE, ack(10, 1), at(1000)), Verdict::Silent);
    read(&mut node, 11, at(1000));
    assert_eq!(node.due(at(1000)), []);
    assert_eq!(node.ack(ONE, ack(11, 2), at(1000)), Verdict::Read);
}

#[test]
fn what_was_recorded_holds_the_published_position_back_before_it_is_echoed() {
    let mut node = node();
    node.connect(ONE, LEASE);
    node.sent(ONE, 10);
    assert_eq!(node.ack(ONE, ack(10, 1), at(1000)), Verdict::Read);
    read(&mut node, 11, at(1000));
    assert_eq!(node.publish(at(1000)), None);
    assert_eq!(node.ack(ONE, ack(11, 2), at(1001)), Verdict::Read);
    assert_eq!(node.publish(at(1001)), Some(11));
}

#[test]
fn an_echo_that_is_due_names_the_acknowledgement_that_was_recorded() {
    let mut node = node();
    node.connect(ONE, LEASE);
    node.sent(ONE, 10);
    node.ack(ONE, ack(10, 1), at(1000));
    read(&mut node, 11, at(1000));
    // Too long after entry 11 was read: it is not recorded anew.
    assert_eq!(node.ack(ONE, ack(10, 2), at(3000)), Verdict::Silent);
    assert_eq!(held(&node, ONE).until, Some(at(1000) + counted(LEASE)));
}

#[test]
fn an_acknowledgement_is_not_echoed_where_entries_above_it_were_read_long_ago() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    read(&mut node, 11, at(2000));
    let third = at(2000) + freshness(LEASE);
    assert_eq!(node.ack(ONE, ack(10, 2), third.saturating_sub(at(1))), Verdict::Echo);
    let until = held(&node, ONE).until;
    assert_eq!(node.ack(ONE, ack(10, 3), third), Verdict::Silent);
    assert_eq!(held(&node, ONE).until, until, "the lease is not extended");
    let later = third + freshness(LEASE);
    assert_eq!(node.ack(ONE, ack(11, 4), later), Verdict::Echo);
}

#[test]
fn what_is_not_echoed_still_advances_the_position() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    node.heartbeat(at(1500), Duration::from_hours(1));
    node.begin_read();
    node.log_read(11, at(1500), true);
    node.sent(ONE, 11);
    node.heartbeat(at(1600), Duration::from_hours(1));
    assert_eq!(node.ack(ONE, ack(11, 2), at(1700)), Verdict::Silent);
    assert_eq!((held(&node, ONE).acked, node.publish(at(1700))), (11, Some(11)));
}

#[test]
fn what_tells_of_entries_is_echoed_only_where_the_lease_runs_from_a_third_of_it_ago() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    read(&mut node, 13, at(1100));
    let (until, third) = (held(&node, ONE).until, at(1000) + freshness(LEASE));
    assert_eq!(node.ack(ONE, ack(11, 2), third.saturating_sub(at(1))), Verdict::Silent);
    assert_eq!((held(&node, ONE).acked, held(&node, ONE).until), (11, until), "it is counted, and extends nothing");
    assert_eq!(node.ack(ONE, ack(12, 3), third), Verdict::Echo);
    assert_eq!(held(&node, ONE).until, Some(third + counted(LEASE)));
    assert_eq!(node.ack(ONE, ack(13, 4), third + at(1)), Verdict::Silent, "it was just extended");
}

#[test]
fn what_tells_of_nothing_new_is_echoed_however_young_the_lease_is() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    assert_eq!(node.ack(ONE, ack(10, 2), at(1001)), Verdict::Echo);
    assert_eq!(held(&node, ONE).until, Some(at(1001) + counted(LEASE)));
}

#[test]
fn a_stalled_verifier_delays_by_no_more_than_one_and_six_tenths_of_its_lease_and_fifty_milliseconds() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    read(&mut node, 11, at(2000));
    let mut number = 1;
    let mut now = at(2000);
    let over = loop {
        number += 1;
        // It acknowledges all the time, and never the entry.
        node.ack(ONE, ack(10, number), now);
        if node.publish(now).is_some() {
            break now;
        }
        now += at(1);
    };
    assert!(over.saturating_sub(at(2000)) <= LEASE * 16 / 10 + at(50), "{over:?}");
}

#[test]
fn a_lapsed_lease_is_never_echoed() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    let over = at(1000) + counted(LEASE);
    assert_eq!(node.ack(ONE, ack(10, 2), over), Verdict::Close(Closing::Lapsed));
    let mut other = super::tests::node();
    follow(&mut other, ONE, at(1000));
    assert_eq!(other.settle(over), [ONE]);
    assert_eq!(other.ack(ONE, ack(10, 2), over), Verdict::Close(Closing::Lapsed));
}

#[test]
fn nothing_is_echoed_beyond_the_nodes_own_lease() {
    let mut node = Node::new(10, at(0));
    node.heartbeat(at(0), counted(LEASE) + at(1000));
    read(&mut node, 10, at(0));
    follow(&mut node, ONE, at(500));
    assert_eq!(node.ack(ONE, ack(10, 2), at(999)), Verdict::Echo);
    assert_eq!(node.ack(ONE, ack(10, 3), at(1000)), Verdict::Silent);
}

#[test]
fn nothing_is_echoed_between_a_heartbeat_and_the_read_after_it() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    node.begin_read();
    node.heartbeat(at(1100), Duration::from_hours(1));
    node.log_read(10, at(1050), true);
    assert_eq!(node.ack(ONE, ack(10, 2), at(1200)), Verdict::Silent, "that read had begun before");
    read(&mut node, 10, at(1300));
    assert_eq!(node.ack(ONE, ack(10, 3), at(1300)), Verdict::Echo);
}

#[test]
fn without_a_heartbeat_nothing_is_echoed_at_all() {
    let mut node = Node::new(10, at(0));
    node.connect(ONE, LEASE);
    node.sent(ONE, 10);
    node.ack(ONE, ack(10, 1), at(1));
    read(&mut node, 10, at(1));
    assert_eq!(node.due(at(1)), []);
}

#[test]
fn a_verifier_that_left_counts_until_its_lease_is_over() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    node.gone(ONE);
    read(&mut node, 11, at(1500));
    let over = at(1000) + counted(LEASE);
    assert_eq!(node.publish(over.saturating_sub(at(1))), None);
    assert!(!held(&node, ONE).connected);
    assert_eq!(node.publish(over), Some(11));
    assert_eq!(node.followers().count(), 0);
}

#[test]
fn goodbye_frees_that_connection_alone() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    node.gone(ONE);
    follow(&mut node, TWO, at(1100));
    node.goodbye(TWO);
    read(&mut node, 11, at(1500));
    assert_eq!(node.publish(at(1500)), None, "the lease of the first connection runs on");
}

#[test]
fn one_that_was_never_recorded_holds_nothing_back() {
    let mut node = node();
    node.connect(ONE, LEASE);
    read(&mut node, 11, at(1500));
    assert_eq!(node.publish(at(1500)), Some(11));
    node.gone(ONE);
    assert_eq!(node.followers().count(), 0);
}

#[test]
fn an_acknowledgement_above_what_was_sent_or_out_of_order_closes_the_connection() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    for bad in [ack(11, 2), ack(10, 1), ack(10, 0)] {
        assert_eq!(node.ack(ONE, bad, at(1100)), Verdict::Close(Closing::Protocol), "{bad:?}");
    }
    assert_eq!(node.ack(7, ack(1, 1), at(1100)), Verdict::Close(Closing::Protocol));
}

#[test]
fn the_published_position_is_the_lowest_that_anybody_holds_and_never_falls() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    follow(&mut node, TWO, at(1000));
    read(&mut node, 12, at(1500));
    node.ack(ONE, ack(12, 2), at(1600));
    assert_eq!(node.publish(at(1600)), None);
    node.ack(TWO, ack(11, 2), at(1600));
    assert_eq!((node.publish(at(1600)), node.publish(at(1600)), node.reached()), (Some(11), None, 11));
    node.goodbye(TWO);
    assert_eq!(node.publish(at(1600)), Some(12));
}

#[test]
fn batches_beyond_those_that_are_remembered_count_as_older_not_as_newer() {
    let mut node = node();
    follow(&mut node, ONE, at(1000));
    for n in 0..2000 {
        read(&mut node, 11 + n, at(1000 + n));
    }
    assert!(node.batches.len() <= BATCHES);
    assert!(!node.is_fresh(10, LEASE, at(1000) + freshness(LEASE)), "entry 11 was read at 1000");
    assert!(node.is_fresh(2009, LEASE, at(3000)));
    for number in 12..=2010 {
        let (read, now) = (at(1000 + number - 11), at(2999));
        let taken = node.first_read(number - 1).expect("it was read");
        assert!(
            taken <= read && taken + about(now.saturating_sub(read)) >= read,
            "entry {number}, of {read:?}, is taken for one of {taken:?}"
        );
    }
}

#[test]
fn the_log_of_a_year_is_remembered_in_bounds_however_often_and_seldom_it_was_read() {
    let (mut node, mut now, mut head) = (node(), Duration::ZERO, 10);
    let pauses = [1, 1_000_000, 40_000_000, 100_000_000, 3_000_000_000, 7_200_000_000_000].map(Duration::from_nanos);
    while now < Duration::from_hours(24 * 365) {
        for pause in pauses {
            for _ in 0..200 {
                (now, head) = (now + pause, head + 1);
                node.log_read(head, now, true);
                assert!(node.batches.len() <= BATCHES, "{} at {now:?}", node.batches.len());
            }
        }
    }
}

/// One entry each millisecond, to a verifier that hears of it half a second later, and its acknowledgement here another half
/// second later.
#[test]
fn a_thousand_entries_between_one_and_its_acknowledgement_end_no_lease() {
    const FAR: u64 = 1000;
    let (mut node, mut acks, mut deadline) = (node(), Acks::new(LEASE), Duration::ZERO);
    acks.next(10, at(0));
    follow(&mut node, ONE, at(0));
    let (mut said, mut echoes) = (VecDeque::new(), VecDeque::new());
    for now in 1..=20_000 {
        let head = 10 + now;
        read(&mut node, head, at(now));
        if let Some(heard) = now.checked_sub(FAR / 2).filter(|heard| *heard > 0) {
            said.push_back((now + FAR / 2, acks.next(10 + heard, at(now))));
        }
        if let Some((_, ack)) = said.pop_front_if(|(arrives, _)| *arrives == now) {
            match node.ack(ONE, ack, at(now)) {
                Verdict::Echo => echoes.push_back((now + FAR / 2, ack.number)),
                verdict => assert_eq!(verdict, Verdict::Silent, "at {now}"),
            }
        }
        if let Some((_, number)) = echoes.pop_front_if(|(arrives, _)| *arrives == now) {
            deadline = acks.echoed(number).expect("a later one");
        }
        assert!(now < FAR * 4 || at(now) < deadline, "it accepts nothing at {now}");
        assert!(held(&node, ONE).until.is_some_and(|until| until > deadline), "and would not be waited for at {now}");
    }
}

/// What may happen to a verifier that has not acknowledged the last entry, and never does.
#[derive(Clone, Debug)]
enum Move {
    Pass(u64),
    Acknowledge,
    Read,
    Grow,
    ConnectAgain,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (1..LEASE.as_secs() * 500).prop_map(Move::Pass),
        Just(Move::Acknowledge),
        Just(Move::Acknowledge),
        Just(Move::Read),
        Just(Move::Grow),
        Just(Move::ConnectAgain),
    ];
    prop::collection::vec(one, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// R8: by when a verifier is bound to have stopped is true when it is first told.
    #[test]
    fn no_acknowledgements_make_a_verifier_accept_past_the_bound_that_was_first_told(moves in moves()) {
        let mut node = node();
        follow(&mut node, ONE, at(0));
        let (mut now, mut id, mut number, mut head) = (at(1000), ONE, 1, 11);
        read(&mut node, head, now);
        let told: Vec<Time> = node.late(11, now).map(|(_, bound)| bound).collect();
        let [bound] = told[..] else { panic!("{told:?}") };
        prop_assert!(bound <= now + LEASE * 16 / 10 + MARGIN);
        for step in moves {
            match step {
                Move::Pass(millis) => now += at(millis),
                Move::Acknowledge => {
                    number += 1;
                    if let Verdict::Close(_) = node.ack(id, ack(10, number), now) {
                        node.gone(id);
                    }
                }
                Move::Read | Move::Grow => {
                    head += u64::from(matches!(step, Move::Grow));
                    read(&mut node, head, now);
                    node.due(now);
                }
                Move::ConnectAgain => {
                    node.gone(id);
                    (id, number) = (id + 1, 0);
                    node.connect(id, LEASE);
                    node.sent(id, head);
                }
            }
            node.settle(now);
            for held in node.followers().filter(|held| held.acked < 11) {
                prop_assert!(held.until.is_none_or(|until| until <= bound), "{:?} after {:?}", held, bound);
            }
        }
    }
}

#[test]
fn who_is_late_is_bound_by_the_last_extension_that_it_may_be_given_while_it_may_be_and_by_its_lease_afterwards() {
    let mut node = node();
    follow(&mut node, ONE, at(0));
    read(&mut node, 11, at(1000));
    let bound = |node: &Node, now| node.late(11, now).map(|(held, bound)| (held.id, bound)).collect::<Vec<_>>();
    let last = at(1000) + freshness(LEASE);
    assert_eq!(bound(&node, at(1000)), [(ONE, last + counted(LEASE))]);
    let (later, until) = (last + MARGIN, counted(LEASE));
    assert_eq!(bound(&node, later), [(ONE, until)]);
    assert_eq!(node.late(10, later).count(), 0);
    node.ack(ONE, ack(11, 2), later);
    assert_eq!(bound(&node, later), []);
}
