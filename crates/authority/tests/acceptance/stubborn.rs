//! R8: for how long somebody can delay an enforcement who does not want to have heard of the ending.

use std::time::Duration;

use rescind::feed::lease::MARGIN;
use rescind_domain::verbs::log_out;
use rescind_verifier::Clock as _;
use rescind_wire::feed::Ack;
use tokio::time::timeout;

use super::clock::{GuardClock, TestClock};
use super::device::claims;
use super::house::directory;
use super::unsettled::{Following, LEASE, PATIENCE, Serving, follow};

/// How many acknowledgements there are in the longest delay.
const ACKS: u32 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g5_whoever_acknowledges_all_but_the_ending_again_and_again_delays_it_by_1_6_leases_and_50_ms_at_most() {
    let (dir, truth) = (directory(), TestClock::new());
    let machine = GuardClock::beside(&truth);
    let serving = Serving::begin(&dir.path().join("data"), LEASE, &machine).await;
    let authority = &serving.authority;
    let phone = serving.sign_in(&serving.sign_up("ann").await).await;
    let Following { line, mut ack, written } = follow(authority, &machine).await;
    let receipt = log_out::log_out(&authority.world, &claims(phone.access.token.expose()).0, None).await;
    let receipt = receipt.unwrap().expect("it ended just now");
    authority.enforced_here(&receipt).await;
    let number = receipt.position.number;
    assert!(ack.position < number);

    // The clock stands still: all that was at one moment.
    assert_eq!(machine.boottime(), written);
    let most = LEASE * 16 / 10 + MARGIN;
    let told = authority.enforcement(number, Duration::ZERO).await.unwrap();
    let [pending] = &told.pending[..] else { panic!("{told:?}") };
    assert!(!told.enforced && pending.verifier == "edge" && pending.bound_in <= most, "{told:?}");

    for _ in 0..ACKS {
        truth.advance(most / ACKS);
        ack = Ack { number: ack.number + 1, ..ack };
        // Once its lease is over, nobody hears it any more.
        let _ = authority.hub.ack(line.id, ack, machine.boottime());
        authority.hint();
        let told = authority.enforcement(number, Duration::ZERO).await.unwrap();
        assert!(!told.enforced || machine.boottime() >= written + LEASE, "it may accept: {told:?}");
    }
    assert!(machine.boottime() <= written + most);
    let told = timeout(PATIENCE, authority.enforcement(number, PATIENCE)).await.expect("by now, whatever it says");
    let told = told.unwrap();
    assert!(told.enforced && told.pending.is_empty() && told.confirmed == 0, "{told:?}");
    drop(line);
    serving.die().await;
}
