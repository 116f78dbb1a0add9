//! Whoever does not read, or does not want to have heard: bounded here, dropped, and waited for no longer than its lease.

use std::io::Write as _;
use std::time::Duration;

use rescind_verifier::Rejected;
use serde_json::json;

use crate::line::Line;
use crate::scene::{Scene, check, runtime, until, until_accepted};
use crate::strangers::{Stranger, ack};

/// Follows, and from then on acknowledges without ever reading what it is answered, until the server has had enough.
fn never_reading(scene: &Scene, lease: Duration) -> Stranger {
    let position = scene.house.head();
    let mut stranger = Stranger::new(scene);
    stranger.follow(&scene.feed_token(), "slow", lease, position).expect("connected");
    let mut number = 1;
    while !scene.server.logged().contains("too_slow") {
        let many: Vec<u8> = (number + 1..=number + 1000).flat_map(|number| ack(position, number)).collect();
        number += 1000;
        assert!(number < 10_000_000, "it takes whatever comes");
        // It has stopped reading when it is about to hang up.
        let _ = stranger.stream.write_all(&many);
    }
    stranger
}

#[test]
fn g5_whoever_does_not_read_is_dropped_waited_for_until_its_lease_is_over_and_waited_for_by_nobody_else() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("quick", Duration::from_secs(10));
    let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in("ann", name));
    until_accepted(&verifier, &phone);
    let _slow = never_reading(&scene, Duration::from_secs(4));
    scene.house.run(&["session", "end", &phone.session]).ok();
    let told = until(|| Some(scene.end(&phone, "1ms")).filter(|told| told["confirmed"] == 1));
    assert!(matches!(check(&verifier, &phone), Err(Rejected::Revoked { scope: "session", .. })));
    assert!(check(&verifier, &laptop).is_ok());
    // A machine that stalls may be told after that lease.
    if told["enforced"] == false {
        assert_eq!(told["pending"][0]["verifier"], "slow", "{told}");
        assert_eq!(told["pending"].as_array().map(Vec::len), Some(1), "{told}");
    }
    let told = scene.end(&phone, "60s");
    assert_eq!((&told["enforced"], &told["pending"]), (&json!(true), &json!([])), "{told}");
}

#[test]
fn g5_whoever_acknowledges_all_but_the_ending_again_and_again_is_not_waited_for_without_end() {
    let scene = Scene::new();
    let phone = scene.server.sign_in("ann", "Phone");
    let (mut line, position) = Line::following(&scene, "stubborn", Duration::from_secs(4));
    let mut number = line.until_echoed(position, 1);
    let early = scene.end(&phone, "1ms");
    assert_eq!((&early["enforced"], &early["pending"][0]["verifier"]), (&json!(false), &json!("stubborn")), "{early}");
    let told = until(|| {
        number += 1;
        // Once its lease is over, nobody hears it any more.
        line.try_ack(position, number);
        Some(scene.end(&phone, "100ms")).filter(|told| told["enforced"] == true)
    });
    assert_eq!((&told["confirmed"], &told["pending"]), (&json!(0), &json!([])), "{told}");
    assert_eq!(line.until_closed(), "lapsed");
}

/// What the server holds in memory, in KiB.
#[cfg(target_os = "linux")]
fn resident_kib(scene: &Scene) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", scene.server.child.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a number");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[test]
fn a_verifier_that_is_connected_takes_less_than_64_kib_of_the_server() {
    let scene = Scene::new();
    let follow = || {
        let (mut line, position) = Line::following(&scene, "shop", Duration::from_secs(10));
        line.until_echoed(position, 1);
        line
    };
    // Whatever the first ones need is there already.
    let _first: Vec<Line> = (0..8).map(|_| follow()).collect();
    let before = resident_kib(&scene);
    let _others: Vec<Line> = (0..64).map(|_| follow()).collect();
    let grown = resident_kib(&scene).saturating_sub(before);
    assert!(grown < 64 * 64, "{grown} KiB");
}
