//! Password hashes of other systems: recognised or refused, and none that is recognised asks for more than a sign-in may
//! cost.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rescind::passwords::{from_keycloak, recognise};
use rescind_domain::password::PasswordHash;

/// More than any sign-in may cost, in microseconds.
const TOO_LONG: u64 = 60_000_000;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check(text);
    let (credential, secret) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(hash) = from_keycloak(credential, secret) {
        check(hash.expose());
    }
});

fn check(encoded: &str) {
    let shown = format!("{:?}", PasswordHash::new(encoded.to_owned()));
    assert!(shown.len() < 32, "{shown}");
    match recognise(encoded) {
        Ok(scheme) => {
            let micros = scheme.cost().micros();
            assert!(micros < TOO_LONG, "{} s", micros / 1_000_000);
        }
        Err(refused) => drop(refused.to_string()),
    }
}
