//! When keys that are fetched are asked for, and how long they are good.

use std::pin::pin;
use std::task::{Context, Waker};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::*;

const COOL_DOWN: Duration = Duration::from_secs(30);
const CAME: Duration = Duration::from_secs(1000);

fn document(kid: &str) -> String {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a seed");
    let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
    json!({ "keys": [{ "kid": kid, "kty": "OKP", "crv": "Ed25519", "x": x }] }).to_string()
}

fn fetched() -> Trusted {
    let foreign = Foreign::issuer("https://kc.example").audience("shop").keys_at("https://kc.example/certs");
    foreign.cool_down(COOL_DOWN).into_trusted("https://id.example", true).expect("good settings")
}

/// Whether somebody missed a key since this was asked the last time.
fn is_wanted(trusted: &Trusted) -> bool {
    pin!(trusted.wanted()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn pin_of(trusted: &Trusted, kid: &str, now: Duration) -> Result<(), Rejected> {
    trusted.pin(&kid.parse().expect("a key id"), now).map(drop)
}

#[test]
fn names_of_keys_that_were_made_up_make_nobody_ask_again_before_the_keys_have_cooled_down() {
    let trusted = fetched();
    assert_eq!(pin_of(&trusted, "k-1", CAME), Err(UNKNOWN), "they are on their way");
    trusted.set_keys(&document("k-1"), CAME).expect("a key set");
    let last = (CAME + COOL_DOWN).saturating_sub(Duration::from_nanos(1));
    for now in [CAME, last] {
        assert_eq!(pin_of(&trusted, "made-up", now), Err(Rejected::UnknownKey));
        assert_eq!(pin_of(&trusted, "k-1", now), Ok(()));
    }
    assert!(!is_wanted(&trusted));
    // It may be newer than what is known here.
    for _ in 0..3 {
        assert_eq!(pin_of(&trusted, "made-up", CAME + COOL_DOWN), Err(UNKNOWN));
    }
    assert!(is_wanted(&trusted) && !is_wanted(&trusted), "once for all of them");
    trusted.set_keys(&document("k-1"), CAME + COOL_DOWN).expect("a key set");
    assert_eq!(pin_of(&trusted, "made-up", CAME + COOL_DOWN), Err(Rejected::UnknownKey));
}

#[test]
fn r7_keys_that_could_not_be_fetched_again_for_a_day_are_good_no_more() {
    let trusted = fetched();
    trusted.set_keys(&document("k-1"), CAME).expect("a key set");
    let pin = trusted.pin(&"k-1".parse().expect("a key id"), CAME).expect("the key");
    let day = CAME + KEYS_LAST;
    assert_eq!(trusted.check_pin(&pin, day.saturating_sub(Duration::from_nanos(1))), Ok(()));
    assert_eq!((trusted.check_pin(&pin, day), pin_of(&trusted, "k-1", day)), (Err(UNKNOWN), Err(UNKNOWN)));
    // Those that the application gave are as good as it keeps them.
    let given = Foreign::issuer("https://kc.example").audience("shop").keys(document("k-1"));
    let given = given.into_trusted("https://id.example", false).expect("good settings");
    assert_eq!(pin_of(&given, "k-1", day), Ok(()));
    assert_eq!(pin_of(&given, "made-up", day), Err(Rejected::UnknownKey));
}
