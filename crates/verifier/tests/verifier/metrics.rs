//! The health report, and how Prometheus reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use rescind_verifier::{Rejected, Subscription};

use crate::support::{HEAD, LEASE, World, one_session, session, user};

/// The samples of a page, each family of which is announced once, before its samples.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let (mut families, mut found): (BTreeMap<&str, &str>, _) = (BTreeMap::new(), BTreeMap::new());
    let mut helped = "";
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and help");
            assert!(help.ends_with('.'), "{line}");
            helped = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            assert_eq!(name, helped, "help stands before the type");
            assert!(name.starts_with("rescind_verifier_") && ["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(families.insert(name, kind).is_none(), "{name} twice");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            let name = series.split('{').next().expect("a name");
            assert_eq!(name, helped, "samples stand below their family");
            let before = found.insert(series.to_owned(), value.parse().expect("a number"));
            assert!(before.is_none(), "{series} twice");
        }
    }
    found
}

fn page(world: &World) -> BTreeMap<String, f64> {
    samples(&world.health().exposition())
}

fn told(page: &BTreeMap<String, f64>, name: &str) -> Option<f64> {
    page.get(&format!("rescind_verifier_{name}")).copied()
}

#[test]
fn the_page_says_position_epoch_lease_entries_keys_cache_and_refusals() {
    let mut world = World::with(|builder| builder.cache_tokens(100));
    let token = world.token(|_| {});
    world.accepts(&token);
    world.accepts(&token);
    world.revoke(one_session(1, 1));
    world.refuses(&token);
    world.refuses("x");
    world.clock.advance(Duration::from_millis(1500));
    let health = world.health().exposition();
    let page = samples(&health);
    let numbers = [
        ("ready", 1.0),
        ("position", 101.0),
        ("floor", 100.0),
        ("entries", 1.0),
        ("keys", 1.0),
        ("cached_tokens", 1.0),
        ("cache_places", 128.0),
        ("entry_places", 16_777_216.0),
        ("heard_seconds", 1.5),
        ("lease_seconds", 3.5),
        ("cache_hits_total", 2.0),
        ("cache_misses_total", 2.0),
        ("refused_total{reason=\"revoked\"}", 1.0),
        ("refused_total{reason=\"malformed\"}", 1.0),
        ("refused_total{reason=\"unavailable_stale\"}", 0.0),
    ];
    for (name, number) in numbers {
        assert_eq!(told(&page, name), Some(number), "{name}\n{health}");
    }
    let epoch = world.verifier.position().expect("one").epoch;
    assert_eq!(told(&page, &format!("epoch_info{{epoch=\"{epoch}\"}}")), Some(1.0));
    let reasons = page.keys().filter(|series| series.starts_with("rescind_verifier_refused_total"));
    assert_eq!(reasons.count(), Rejected::NAMES.len(), "each reason is there before it ever happens");
    for secret in [user(1).to_string(), session(1).to_string(), token] {
        assert!(!health.contains(&secret), "{secret}");
    }
}

#[test]
fn what_there_is_nothing_to_say_about_is_left_out() {
    let mut world = World::unsynced(|builder| builder);
    let page_of = |world: &World| page(world);
    let page = page_of(&world);
    assert_eq!((told(&page, "ready"), told(&page, "keys")), (Some(0.0), Some(0.0)));
    for name in ["position", "heard_seconds", "lease_seconds", "connected", "reconnects_total"] {
        assert_eq!(told(&page, name), None, "{name}");
    }
    world.keeper.reset(world.snapshot(HEAD, HEAD)).expect("a snapshot");
    world.extend();
    world.clock.advance(LEASE);
    let page = page_of(&world);
    assert_eq!((told(&page, "ready"), told(&page, "lease_seconds")), (Some(0.0), Some(0.0)), "stale");
}

#[test]
fn connections_to_the_feed_are_told_while_they_last_and_counted_from_the_second_on() {
    let mut world = World::new();
    assert_eq!((world.health().connected, world.health().reconnects), (None, 0));
    for reconnects in 0..3 {
        let verifier = world.verifier.clone();
        let connection = Subscription::new(&mut world.keeper, LEASE);
        assert_eq!((verifier.health().connected, verifier.health().reconnects), (Some(true), reconnects));
        drop(connection);
        assert_eq!(verifier.health().connected, Some(false));
    }
    let page = page(&world);
    assert_eq!((told(&page, "connected"), told(&page, "reconnects_total")), (Some(0.0), Some(2.0)));
}
