//! Setting a verifier up.

use std::time::Duration;

use rescind_verifier::{Clock, MAX_SKEW, SetupError, SystemClock, Verifier};

#[test]
fn settings_that_make_no_verifier_are_refused_by_name() {
    let good = || Verifier::builder("https://id.example").audience("api");
    assert!(good().parts().is_ok());
    assert!(good().skew(MAX_SKEW).parts().is_ok());
    let error = |builder: rescind_verifier::Builder| builder.parts().map(|_| ()).unwrap_err();
    assert_eq!(error(Verifier::builder("").audience("api")), SetupError::Issuer);
    assert_eq!(error(Verifier::builder("https://id.example")), SetupError::Audience);
    assert_eq!(error(good().skew(MAX_SKEW + Duration::from_nanos(1))), SetupError::Skew);
    assert_eq!(error(good().cache_tokens(usize::MAX)), SetupError::Cache);
    assert_eq!(error(good().revocations(0)), SetupError::Revocations);
    assert_eq!(error(good().revocations((1 << 28) + 1)), SetupError::Revocations);
    assert!(good().revocations(1 << 28).parts().is_ok());
}

#[test]
fn a_verifier_can_be_shared_and_its_keeper_sent() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send + 'static>(_: &T) {}
    let (verifier, keeper) = Verifier::builder("https://id.example").audience("api").parts().expect("good settings");
    shared(&verifier);
    sent(&keeper);
}

#[test]
fn the_machines_clocks_are_milliseconds_since_1970_and_time_since_it_started() {
    let before = SystemClock.boottime();
    // Between 2020 and 2200.
    assert!((1_577_836_800_000..7_258_118_400_000).contains(&SystemClock.wall()));
    assert!(before > Duration::ZERO && SystemClock.boottime() >= before);
}
