use proptest::prelude::*;

use super::*;
use crate::login::throttle_key;

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const DAY: Millis = 24 * 60 * MINUTE;

/// A throttle with a clock that tests move by hand.
struct Desk {
    throttle: Throttle,
    now: Millis,
}

impl Desk {
    fn new(options: ThrottleOptions) -> Self {
        Self { throttle: Throttle::new(options, [7; 16]), now: DAY }
    }

    fn begin(&self, account: &str, address: &str) -> Result<Attempt, Throttled> {
        self.throttle.begin(account, Some(ip(address)), self.now)
    }

    fn right(&self, account: &str, address: &str) {
        self.begin(account, address).unwrap().succeeded(self.now);
    }

    fn wrong(&self, account: &str, address: &str) {
        self.begin(account, address).unwrap().failed();
    }

    /// How long somebody would have to wait, in milliseconds. Counts nothing.
    fn wait(&self, account: &str, address: &str) -> Millis {
        match self.begin(account, address) {
            Ok(attempt) => {
                attempt.abandon();
                0
            }
            Err(throttled) => millis(throttled.retry_after),
        }
    }

    /// Fails, waits as long as asked, fails again, and so on: the waits.
    fn waits(&mut self, account: &str, address: &str, failures: u32) -> Vec<Millis> {
        let mut waits = Vec::new();
        for _ in 0..failures {
            self.wrong(account, address);
            let wait = self.wait(account, address);
            waits.push(wait);
            self.now += wait;
        }
        waits
    }

    fn sizes(&self) -> [usize; 4] {
        locked(&self.throttle.state).sizes()
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Different addresses, as many as anybody likes.
fn address(n: u32) -> String {
    std::net::Ipv4Addr::from_bits(0x0B00_0000 + n).to_string()
}

/// Only failures of an account at an address matter.
fn pairs_only() -> ThrottleOptions {
    let never = u32::MAX;
    ThrottleOptions { address_failures: never, account_wide_failures: never, ..ThrottleOptions::default() }
}

/// Only failures of whole accounts matter.
fn accounts_only() -> ThrottleOptions {
    let never = u32::MAX;
    ThrottleOptions { account_failures: never, address_failures: never, ..ThrottleOptions::default() }
}

#[test]
fn b7_five_failures_are_free_then_each_wait_is_twice_as_long_up_to_15_minutes() {
    let mut desk = Desk::new(pairs_only());
    let seconds: Vec<_> = desk.waits("alice", "192.0.2.1", 18).iter().map(|ms| ms / SECOND).collect();
    assert_eq!(seconds, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
}

#[test]
fn b7_case_and_spaces_share_one_throttle() {
    let desk = Desk::new(pairs_only());
    for text in ["alice", "ALICE", " alice ", "ａｌｉｃｅ", "аlісе", "al\u{200B}ice"] {
        desk.wrong(&throttle_key(text), "192.0.2.1");
    }
    for text in ["Alice", "a l i c e", "αlιce"] {
        assert_eq!(desk.wait(&throttle_key(text), "192.0.2.1"), SECOND, "{text:?}");
    }
    assert_eq!(desk.wait(&throttle_key("bob"), "192.0.2.1"), 0);
}

#[test]
fn b7_an_attempt_during_a_wait_neither_counts_nor_lengthens_it() {
    let mut desk = Desk::new(pairs_only());
    desk.waits("alice", "192.0.2.1", 9);
    desk.wrong("alice", "192.0.2.1");
    assert_eq!(desk.wait("alice", "192.0.2.1"), 16 * SECOND);
    for passed in 1..16 {
        desk.now += SECOND;
        assert_eq!(desk.wait("alice", "192.0.2.1"), (16 - passed) * SECOND);
    }
    desk.now += SECOND - 1;
    assert_eq!(desk.wait("alice", "192.0.2.1"), 1);
    desk.now += 1;
    desk.wrong("alice", "192.0.2.1");
    assert_eq!(desk.wait("alice", "192.0.2.1"), 32 * SECOND);
}

#[test]
fn b7_of_a_hundred_attempts_at_once_only_a_few_pass() {
    let desk = Desk::new(pairs_only());
    let attempts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..100).map(|_| scope.spawn(|| desk.begin("alice", "192.0.2.1"))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(attempts.iter().filter(|attempt| attempt.is_ok()).count(), 16, "as many as patience gets");
    drop(attempts);
    assert_eq!(desk.wait("alice", "192.0.2.1"), 15 * MINUTE, "all of them count");
}

#[test]
fn b9_as_many_as_the_queue_takes_sign_in_at_once_and_one_account_on_many_devices() {
    let mut desk = Desk::new(ThrottleOptions::default());
    let crowd: Vec<_> = (0..64).map(|n| desk.begin(&format!("user {n}"), "192.0.2.1").unwrap()).collect();
    assert_eq!(desk.wait("one more", "192.0.2.1"), SECOND, "a moment, for somebody among them is done by then");
    desk.now += MINUTE;
    assert_eq!(desk.wait("one more", "192.0.2.1"), SECOND, "turns are for when failures cost waits");
    for attempt in crowd {
        attempt.succeeded(desk.now);
    }
    let devices: Vec<_> = (0..16).map(|_| desk.begin("alice", "192.0.2.2").unwrap()).collect();
    assert_eq!(desk.wait("alice", "192.0.2.2"), SECOND);
    for attempt in devices {
        attempt.succeeded(desk.now);
    }
    assert_eq!(desk.sizes(), [0, 0, 0, 65], "no trace but the known good pairs");
}

#[test]
fn b7_a_burst_of_guesses_at_an_address_is_paid_for_before_there_is_another() {
    let burst = |desk: &Desk| {
        let attempts: Vec<_> = (0..200).map(|n| desk.begin(&format!("victim {n}"), "192.0.2.1")).collect();
        attempts.iter().filter(|attempt| attempt.is_ok()).count()
    };
    let bursts = |apart| {
        let mut desk = Desk::new(ThrottleOptions::default());
        let first = burst(&desk);
        desk.now += apart;
        (first, burst(&desk))
    };
    assert_eq!(bursts(15 * MINUTE), (64, 1));
    assert_eq!(bursts(44 * 15 * MINUTE - 1), (64, 1));
    assert_eq!(bursts(44 * 15 * MINUTE), (64, 44), "43 were forgotten, 20 are left, and free");
}

#[test]
fn b9_two_sign_ins_at_once_do_not_disturb_each_other() {
    let desk = Desk::new(ThrottleOptions::default());
    let [alice, again, bob] =
        [("alice", "192.0.2.1"), ("alice", "192.0.2.1"), ("bob", "192.0.2.1")].map(|(a, b)| desk.begin(a, b).unwrap());
    bob.succeeded(desk.now);
    again.succeeded(desk.now);
    alice.succeeded(desk.now);
    assert_eq!(desk.sizes(), [0, 0, 0, 2], "no trace but the known good pairs");
}

#[test]
fn a_success_forgets_the_failures_of_the_pair_and_takes_its_own_charge_back() {
    let mut desk = Desk::new(ThrottleOptions::default());
    desk.waits("alice", "192.0.2.1", 8);
    desk.right("alice", "192.0.2.1");
    assert_eq!(desk.waits("alice", "192.0.2.1", 6), [0, 0, 0, 0, 0, SECOND]);
}

#[test]
fn b7_successes_of_ones_own_do_not_wash_an_address_clean() {
    let desk = Desk::new(ThrottleOptions::default());
    for n in 0..20 {
        desk.wrong(&format!("victim {n}"), "192.0.2.1");
        desk.right("mallory", "192.0.2.1");
    }
    assert_eq!(desk.wait("victim 20", "192.0.2.1"), 0);
    desk.wrong("victim 20", "192.0.2.1");
    assert_eq!(desk.wait("victim 21", "192.0.2.1"), SECOND, "20 are free, the 21st is not");
    assert_eq!(desk.wait("victim 21", "192.0.2.2"), 0, "at another address nobody waits");
}

#[test]
fn b7_waits_of_an_address_grow_up_to_the_time_of_a_turn() {
    let mut desk = Desk::new(ThrottleOptions { address_failures: 2, ..ThrottleOptions::default() });
    let mut waits = Vec::new();
    for n in 0..8 {
        desk.wrong(&n.to_string(), "192.0.2.1");
        waits.push(desk.wait("stranger", "192.0.2.1"));
        desk.now += waits[n];
    }
    assert_eq!(waits, [0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 28_125]);
}

#[test]
fn b7_guessing_from_many_addresses_slows_down_but_locks_nobody_out() {
    let mut desk = Desk::new(ThrottleOptions::default());
    for n in 0..50 {
        desk.wrong("alice", &address(n));
    }
    let mut waits = Vec::new();
    for n in 50..60 {
        desk.wrong("alice", &address(n));
        waits.push(desk.wait("alice", &address(1_000)) / SECOND);
        desk.now += waits.last().unwrap() * SECOND;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]);
    desk.right("alice", "192.0.2.1");
    desk.wrong("alice", &address(60));
    assert_eq!(desk.wait("alice", "198.51.100.1"), 30 * SECOND, "a success elsewhere does not help the guessers");
}

#[test]
fn the_owner_at_a_known_address_does_not_wait_for_what_strangers_did() {
    let mut desk = Desk::new(accounts_only());
    desk.right("alice", "192.0.2.1");
    for n in 0..51 {
        desk.wrong("alice", &address(n));
    }
    assert_eq!(desk.wait("alice", "192.0.2.1"), 0);
    assert_eq!(desk.wait("alice", "192.0.2.2"), SECOND);
    desk.now += 30 * DAY - 1;
    let until_blocked = |desk: &Desk| (0..52).for_each(|n| drop(desk.begin("alice", &address(n))));
    until_blocked(&desk);
    assert_eq!(desk.wait("alice", "192.0.2.1"), 0, "for 30 days");
    desk.now += 1;
    assert_ne!(desk.wait("alice", "192.0.2.1"), 0, "and no longer");
}

#[test]
fn b7_who_signed_in_at_an_address_does_not_wait_for_what_others_do_there() {
    let short = ThrottleOptions { max_wait: Duration::from_secs(8), ..ThrottleOptions::default() };
    for options in [short, ThrottleOptions::default()] {
        let mut desk = Desk::new(options);
        desk.right("alice", "192.0.2.1");
        for n in 0..200 {
            desk.now += desk.wait(&format!("invented {n}"), "192.0.2.1");
            drop(desk.begin(&format!("invented {n}"), "192.0.2.1"));
            assert_eq!(desk.wait("alice", "192.0.2.1"), 0, "after {n}");
        }
        let _under_way: Vec<_> = (0..64).map(|n| desk.begin(&format!("more {n}"), "192.0.2.1")).collect();
        desk.right("alice", "192.0.2.1");
    }
}

/// An address that waits as long as there is, and always will: as after a burst of guesses.
fn desk_with_an_address_that_waits() -> Desk {
    let desk = Desk::new(ThrottleOptions { account_wide_failures: u32::MAX, ..ThrottleOptions::default() });
    let burst: Vec<_> = (0..64).map(|n| desk.begin(&format!("junk {n}"), "192.0.2.1").unwrap()).collect();
    drop(burst);
    desk
}

#[test]
fn b7_whoever_walks_a_list_of_names_gets_no_more_than_four_attempts_in_two_minutes_and_the_next_ones() {
    let mut desk = desk_with_an_address_that_waits();
    let (begun, mut name, mut hours) = (desk.now, 0, Vec::new());
    for hour in 1..=3 {
        let mut passed = 0;
        while desk.now < begun + hour * 60 * MINUTE {
            for _ in 0..5 {
                name += 1;
                passed += u32::from(desk.begin(&format!("leaked {name}"), "192.0.2.1").is_ok());
            }
            desk.now += 500;
        }
        hours.push(passed);
    }
    assert!(hours.iter().all(|&passed| (120..=130).contains(&passed)), "32 in 15 minutes: {hours:?}");
}

#[test]
fn b7_behind_an_address_that_always_waits_who_comes_gets_in_as_often_as_their_part_of_the_crowd() {
    let mut desk = desk_with_an_address_that_waits();
    let (begun, mut next, mut tries, mut passed) = (desk.now, desk.now, 0_u32, 0_u32);
    while desk.now < begun + 2 * DAY {
        // Somebody who guesses each second with other names, and first; also as soon as a turn could begin.
        if desk.now.is_multiple_of(SECOND) || desk.now % 28_125 < 100 {
            drop(desk.begin(&format!("invented {}", desk.now), "192.0.2.1"));
        }
        if desk.now >= next {
            tries += 1;
            let told = match desk.begin("alice", "192.0.2.1") {
                Ok(attempt) => {
                    passed += 1;
                    attempt.right_so_far();
                    28 * SECOND
                }
                Err(throttled) => millis(throttled.retry_after),
            };
            assert!((1..=29 * SECOND).contains(&told), "and is told when to come again: {told}");
            next = desk.now + told + u64::from(tries % 10) * 100;
        }
        desk.now += 100;
    }
    assert!(tries > 5_000 && passed >= tries / 100, "about one in 60: {passed} of {tries}");
}

#[test]
fn b7_one_turn_is_under_way_at_a_time_and_is_not_given_back_if_the_password_was_not_looked_at() {
    let mut desk = desk_with_an_address_that_waits();
    desk.now += MINUTE;
    let attempt = desk.begin("alice", "192.0.2.1").unwrap();
    for n in 0..20 {
        desk.now += 30 * SECOND;
        assert!(desk.begin(&format!("other {n}"), "192.0.2.1").is_err(), "while one is under way");
    }
    attempt.abandon();
    desk.begin("alice", "192.0.2.1").unwrap().abandon();
    assert_ne!(desk.wait("alice", "192.0.2.1"), 0, "a busy answer has cost the turn");
    assert_ne!(desk.wait("bob", "192.0.2.1"), 0);
    desk.now += MINUTE;
    desk.right("bob", "192.0.2.1");
    assert_ne!(desk.wait("alice", "192.0.2.1"), 0, "and so has a right password");
}

#[test]
fn b7_who_signed_in_at_an_address_takes_no_turn_of_others_there() {
    let mut desk = Desk::new(ThrottleOptions::default());
    desk.right("mallory", "192.0.2.1");
    drop((0..64).map(|n| desk.begin(&format!("junk {n}"), "192.0.2.1").unwrap()).collect::<Vec<_>>());
    let _kept_under_way = desk.begin("mallory", "192.0.2.1").unwrap();
    desk.now += MINUTE;
    desk.right("mallory", "192.0.2.1");
    desk.begin("alice", "192.0.2.1").unwrap().right_so_far();
    desk.now += 15 * MINUTE;
    desk.begin("alice", "192.0.2.1").expect("a turn also when only attempts under way are in the way").failed();
}

#[test]
fn b7_failures_do_not_add_up_beyond_the_burst_however_many_attempts_are_under_way() {
    let mut desk = Desk::new(ThrottleOptions { account_wide_failures: u32::MAX, ..ThrottleOptions::default() });
    for n in 0..100 {
        desk.right(&format!("colleague {n}"), "192.0.2.1");
    }
    let one_under_way = desk.begin("colleague 0", "192.0.2.1").unwrap();
    for n in 0..490 {
        desk.wrong(&format!("colleague {}", n % 98 + 1), "192.0.2.1");
        drop(desk.begin(&format!("invented {n}"), "192.0.2.1"));
    }
    one_under_way.succeeded(desk.now);
    desk.now += 45 * 15 * MINUTE;
    let free: Vec<_> = (0..64).map_while(|n| desk.begin(&format!("later {n}"), "192.0.2.1").ok()).collect();
    assert!(free.len() >= 44, "all but 20 are forgotten in half a day: {}", free.len());
}

#[test]
fn b7_a_known_address_is_no_leave_to_guess() {
    let mut desk = Desk::new(ThrottleOptions::default());
    desk.right("alice", "192.0.2.1");
    let waits = desk.waits("alice", "192.0.2.1", 16);
    assert_eq!(waits.last(), Some(&(15 * MINUTE)));
    assert_eq!(desk.wait("bob", "192.0.2.1"), 0);
}

#[test]
fn b7_hanging_up_does_not_make_a_guess_free_but_a_full_queue_does() {
    let desk = Desk::new(pairs_only());
    for _ in 0..100 {
        desk.begin("alice", "192.0.2.1").unwrap().abandon();
    }
    assert_eq!(desk.sizes(), [0; 4], "what was abandoned leaves no trace");
    for _ in 0..6 {
        drop(desk.begin("alice", "192.0.2.1").unwrap());
    }
    assert_eq!(desk.wait("alice", "192.0.2.1"), SECOND);
}

#[test]
fn b7_a_right_password_does_not_clear_the_way_for_guessing_codes() {
    let desk = Desk::new(pairs_only());
    for _ in 0..6 {
        desk.begin("alice", "192.0.2.1").unwrap().right_so_far();
        desk.wrong("alice", "192.0.2.1");
    }
    assert_eq!(desk.wait("alice", "192.0.2.1"), SECOND);
    assert_eq!(desk.sizes()[3], 0, "and the address is not known good");
}

#[test]
fn refunding_an_attempt_restores_the_wait_that_was_there_before() {
    let mut desk = Desk::new(pairs_only());
    desk.waits("alice", "192.0.2.1", 12);
    let attempt = desk.begin("alice", "192.0.2.1").unwrap();
    assert_eq!(desk.wait("alice", "192.0.2.1"), SECOND, "it may fail, so others wait a moment");
    attempt.abandon();
    assert_eq!(desk.wait("alice", "192.0.2.1"), 0);
    desk.wrong("alice", "192.0.2.1");
    assert_eq!(desk.wait("alice", "192.0.2.1"), 128 * SECOND);
}

#[test]
fn b7_a_refund_leaves_the_other_attempts_under_way_charged() {
    let desk = Desk::new(pairs_only());
    let attempts: Vec<_> = (0..6).map(|_| desk.begin("alice", "192.0.2.1").unwrap()).collect();
    let mut attempts = attempts.into_iter();
    attempts.next().unwrap().abandon();
    attempts.for_each(Attempt::failed);
    assert_eq!(desk.wait("alice", "192.0.2.1"), 0, "five failures are free");
    desk.wrong("alice", "192.0.2.1");
    assert_eq!(desk.wait("alice", "192.0.2.1"), SECOND, "and all five counted");
}

#[test]
fn b7_a_late_failure_does_not_shorten_a_wait() {
    let mut desk = Desk::new(pairs_only());
    let slow = desk.begin("alice", "192.0.2.1").unwrap();
    desk.now += 10 * MINUTE;
    for _ in 0..5 {
        desk.wrong("alice", "192.0.2.1");
    }
    desk.now += SECOND;
    desk.wrong("alice", "192.0.2.1");
    slow.failed();
    assert_eq!(desk.wait("alice", "192.0.2.1"), SECOND);
}

#[test]
fn b7_abandoned_attempts_do_not_make_failures_be_forgotten_faster() {
    let mut desk = Desk::new(pairs_only());
    desk.waits("alice", "192.0.2.1", 7);
    desk.now += 15 * MINUTE;
    for _ in 0..10 {
        desk.begin("alice", "192.0.2.1").unwrap().abandon();
    }
    desk.wrong("alice", "192.0.2.1");
    assert_eq!(desk.wait("alice", "192.0.2.1"), 2 * SECOND, "7 less 1 and 1 more");
}

#[test]
fn failures_are_forgotten_one_by_one_once_it_is_quiet() {
    let mut desk = Desk::new(pairs_only());
    desk.waits("alice", "192.0.2.1", 7);
    desk.now += 15 * MINUTE - 1;
    desk.wrong("alice", "192.0.2.1");
    assert_eq!(desk.wait("alice", "192.0.2.1"), 4 * SECOND, "not yet");
    desk.now += 4 * SECOND + 2 * 15 * MINUTE;
    desk.wrong("alice", "192.0.2.1");
    assert_eq!(desk.wait("alice", "192.0.2.1"), 2 * SECOND, "8 less 2 and 1 more");
    desk.now += DAY;
    assert_eq!(desk.waits("alice", "192.0.2.1", 6), [0, 0, 0, 0, 0, SECOND], "all forgotten");
}

#[test]
fn b7_the_most_stubborn_guesser_is_forgotten_in_hours_too() {
    let mut desk = Desk::new(pairs_only());
    desk.waits("alice", "192.0.2.1", 1_000);
    desk.now += 16 * 15 * MINUTE;
    assert_eq!(desk.waits("alice", "192.0.2.1", 6), [0, 0, 0, 0, 0, SECOND]);
}

#[test]
fn b7_a_host_cannot_choose_among_the_addresses_of_its_network() {
    let desk = Desk::new(pairs_only());
    for n in 0..6 {
        desk.wrong("alice", &format!("2001:db8:1:2:{n}::{n}"));
    }
    assert_eq!(desk.wait("alice", "2001:db8:1:2:ffff::1"), SECOND, "the same /64");
    assert_eq!(desk.wait("alice", "2001:db8:1:3::1"), 0, "another /64");
    for _ in 0..6 {
        desk.wrong("alice", "::ffff:192.0.2.1");
    }
    assert_eq!(desk.wait("alice", "192.0.2.1"), SECOND);
    assert_eq!(desk.wait("alice", "192.0.2.2"), 0, "mapped addresses do not share a network");
}

#[test]
fn without_an_address_waits_stay_as_short_as_those_of_an_account() {
    let mut desk = Desk::new(ThrottleOptions::default());
    let mut waits = Vec::new();
    for _ in 0..20 {
        desk.throttle.begin("alice", None, desk.now).unwrap().failed();
        let wait = desk.throttle.begin("alice", None, desk.now).map_or_else(
            |t| t.retry_after.as_secs(),
            |a| {
                a.abandon();
                0
            },
        );
        waits.push(wait);
        desk.now += wait * SECOND;
    }
    assert_eq!(waits[..12], [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30]);
    assert_eq!(waits.iter().max(), Some(&30));
    assert_eq!(desk.sizes(), [1, 0, 1, 0]);
    assert_eq!(desk.wait("alice", "192.0.2.1"), 0, "who has an address is counted apart");
}

#[test]
fn g6_junk_fills_the_tables_only_so_far_and_does_not_free_who_must_wait() {
    let mut desk = Desk::new(ThrottleOptions { max_entries: 100, ..ThrottleOptions::default() });
    desk.waits("alice", "192.0.2.1", 15);
    desk.wrong("alice", "192.0.2.1");
    for n in 0..1_000 {
        desk.right(&format!("own {n}"), &address(n));
        desk.wrong(&format!("junk {n}"), &address(n));
    }
    assert_eq!(desk.sizes(), [100; 4]);
    assert_eq!(desk.wait("alice", "192.0.2.1"), 15 * MINUTE);
    desk.now += 15 * MINUTE + 1;
    for n in 0..100 {
        desk.wrong(&format!("junk {n}"), &address(n));
    }
    assert_eq!(desk.waits("alice", "192.0.2.1", 1), [0], "a wait that is long over makes room");
}

#[test]
fn b7_when_everybody_waits_the_one_who_waits_longest_is_kept() {
    let mut desk = Desk::new(ThrottleOptions { max_entries: 10, ..pairs_only() });
    desk.waits("alice", "192.0.2.1", 15);
    desk.wrong("alice", "192.0.2.1");
    for n in 0..100 {
        (0..6).for_each(|_| desk.wrong(&format!("junk {n}"), &address(n)));
    }
    assert_eq!(desk.wait("alice", "192.0.2.1"), 15 * MINUTE);
    assert_eq!(desk.wait("junk 99", &address(99)), SECOND);
    assert_eq!(desk.wait("junk 50", &address(50)), 0);
}

#[test]
fn a_verdict_that_comes_after_its_row_is_gone_harms_no_later_one() {
    let desk = Desk::new(ThrottleOptions { max_entries: 1, ..pairs_only() });
    let late: Vec<_> = (0..3).map(|_| desk.begin("alice", "192.0.2.1").unwrap()).collect();
    desk.wrong("bob", "192.0.2.2");
    let row = desk.begin("alice", "192.0.2.1").unwrap();
    for (attempt, right) in late.into_iter().zip([true, false, true]) {
        if right {
            attempt.succeeded(desk.now);
        } else {
            attempt.failed();
        }
    }
    row.failed();
    assert_eq!(desk.sizes(), [1; 4]);
    for _ in 0..5 {
        desk.wrong("alice", "192.0.2.1");
    }
    assert_eq!(desk.wait("alice", "192.0.2.1"), SECOND, "the row counted its own six failures, no more, no less");
}

#[test]
fn whoever_read_the_clock_a_moment_before_another_does_not_wait_for_that_one() {
    let desk = Desk::new(ThrottleOptions::default());
    let later = desk.throttle.begin("alice", Some(ip("192.0.2.1")), desk.now + 5).unwrap();
    let earlier = desk.throttle.begin("alice", Some(ip("192.0.2.1")), desk.now).unwrap();
    later.failed();
    earlier.failed();
    assert_eq!(desk.wait("alice", "192.0.2.1"), 0, "two failures cost no wait");
}

#[test]
fn no_wait_at_all_can_be_configured_and_odd_options_do_no_harm() {
    let none = ThrottleOptions { base_wait: Duration::ZERO, ..ThrottleOptions::default() };
    let mut desk = Desk::new(none);
    assert!(desk.waits("alice", "192.0.2.1", 100).iter().all(|&wait| wait == 0));
    let odd = ThrottleOptions {
        account_failures: 0,
        address_failures: 0,
        account_burst: u32::MAX,
        address_burst: 0,
        address_sign_ups: 0,
        all_sign_ups: 0,
        account_wide_failures: u32::MAX,
        base_wait: Duration::MAX,
        max_wait: Duration::MAX,
        account_wide_max_wait: Duration::ZERO,
        forget_after: Duration::ZERO,
        known_good_for: Duration::MAX,
        max_entries: 0,
    };
    let desk = Desk::new(odd);
    desk.right("bob", "192.0.2.2");
    desk.wrong("alice", "192.0.2.1");
    assert_ne!(desk.wait("alice", "192.0.2.1"), 0);
    assert_eq!(desk.sizes(), [1; 4]);
}

#[test]
fn two_texts_never_share_a_row_by_being_put_together_differently() {
    let throttle = Throttle::new(ThrottleOptions::default(), [1; 16]);
    let address = ip("65.66.67.68");
    assert_ne!(throttle.hash("xABCD", None), throttle.hash("x", Some(address)));
    assert_ne!(throttle.hash("x", None), Throttle::new(ThrottleOptions::default(), [2; 16]).hash("x", None));
}

#[test]
fn an_attempt_may_travel_to_another_thread_and_tells_nothing() {
    fn travels<T: Send + Sync + 'static>() {}
    travels::<Attempt>();
    travels::<Throttle>();
    let desk = Desk::new(ThrottleOptions::default());
    assert_eq!(format!("{:?}", desk.throttle), "Throttle { .. }");
    assert_eq!(format!("{:?}", desk.begin("alice", "192.0.2.1")), "Ok(Attempt { begun: 86400000, .. })");
    let throttled = Throttled { retry_after: Duration::from_millis(1_001), failed: true };
    assert_eq!(throttled.to_string(), "too many attempts; try again in 2 s");
}

#[derive(Clone, Debug)]
enum Step {
    Begin { account: u8, address: Option<u8> },
    End { which: usize, how: u8 },
    Pass(Millis),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8, prop::option::weighted(0.9, 0..4_u8))
            .prop_map(|(account, address)| Step::Begin { account, address }),
        4 => (any::<usize>(), 0..5_u8).prop_map(|(which, how)| Step::End { which, how }),
        1 => (0..5_000_u64).prop_map(Step::Pass),
        1 => (0..2_000_000_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn b7_whatever_happens_waits_and_tables_stay_bounded(steps in steps(), max_entries in 1..5_usize) {
        let options = ThrottleOptions {
            account_failures: 1, address_failures: 3, account_wide_failures: 4, max_entries,
            ..ThrottleOptions::default()
        };
        let mut desk = Desk::new(options);
        let mut open = Vec::new();
        for step in steps {
            match step {
                Step::Begin { account, address } => {
                    let address = address.map(|n| ip(&self::address(n.into())));
                    match desk.throttle.begin(&account.to_string(), address, desk.now) {
                        Ok(attempt) => open.push(attempt),
                        Err(refusal) => {
                            let longest =
                                address.map_or(options.account_wide_max_wait, |_| options.max_wait);
                            prop_assert!(!refusal.retry_after.is_zero() && refusal.retry_after <= longest);
                            let again = desk.throttle.begin(&account.to_string(), address, desk.now);
                            prop_assert_eq!(again.unwrap_err(), refusal, "a refusal changes nothing");
                        }
                    }
                }
                Step::End { which, how } if !open.is_empty() => {
                    let attempt = open.swap_remove(which % open.len());
                    match how {
                        0 => attempt.succeeded(desk.now),
                        1 => attempt.abandon(),
                        2 => attempt.right_so_far(),
                        _ => attempt.failed(),
                    }
                }
                Step::End { .. } => {}
                Step::Pass(time) => desk.now += time,
            }
            prop_assert!(desk.sizes().iter().all(|&size| size <= max_entries));
        }
        drop(open);
        desk.now += 15 * MINUTE;
        for n in 0..4 {
            prop_assert_eq!(desk.wait(&n.to_string(), &self::address(n)), 0, "every wait ends");
        }
    }

    #[test]
    fn b7_nobody_guesses_more_than_the_rule_allows(
        pauses in prop::collection::vec(prop_oneof![0..2_000_u64, 0..60_000_u64, 0..3_600_000_u64], 1..300),
        at_once in 1..100_usize,
    ) {
        let mut desk = Desk::new(pairs_only());
        let (start, mut guesses) = (desk.now, 0);
        for pause in pauses {
            desk.now += pause;
            let burst = std::iter::from_fn(|| desk.begin("alice", "192.0.2.1").ok()).take(at_once);
            guesses += burst.collect::<Vec<_>>().len() as u64;
        }
        let quarters = (desk.now - start) / (15 * MINUTE);
        prop_assert!(guesses <= 16 + quarters + 1, "{guesses} guesses in {quarters} quarters of an hour");
    }
}
