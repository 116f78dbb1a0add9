//! G6, for the parsers: whatever comes, a clear refusal, bounded work, and no panic. Sockets are tested where they are.

use std::net::IpAddr;
use std::sync::LazyLock;

use proptest::prelude::*;
use rescind::passwords::{from_keycloak, recognise};
use rescind_domain::address::{IpNet, client_address};
use rescind_domain::device::Device as Model;
use rescind_domain::login::{self, Login};
use rescind_domain::password::{self, MAX_BYTES, Password};
use rescind_domain::refresh_token;
use rescind_domain::revocation::Actor;
use rescind_verifier::Rejected;
use rescind_wire::{AccessClaims, ClientId, Entry, Epoch, Jwk, JwkSet, KeyId, Position, Scope, SessionId, UserId};
use rescind_wire::{json, jwt};

use super::device::Device;
use super::guard::Guard;
use super::house::House;

/// One authority for all of them, with a device whose tokens are altered.
struct Sample {
    house: House,
    guard: Guard,
    device: Device,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let house = House::new();
    let device = house.sign_in(&house.person("ann"));
    Sample { guard: Guard::of(&house), device, house }
});

/// Every text that strangers may send, read by everything that reads one.
fn read_by_all(text: &str) {
    let _: Result<Position, _> = text.parse();
    let _: Result<Epoch, _> = text.parse();
    let _: Result<UserId, _> = text.parse();
    let _: Result<SessionId, _> = text.parse();
    let _: Result<ClientId, _> = text.parse();
    let _: Result<KeyId, _> = text.parse();
    let _: Result<Actor, _> = text.parse();
    let _ = json::check(text.as_bytes(), 16);
    let _ = json::from_slice::<Scope>(text.as_bytes(), 16);
    let _ = json::from_slice::<Entry>(text.as_bytes(), 16);
    let _ = json::from_slice::<JwkSet>(text.as_bytes(), 16);
    let _ = json::from_slice::<Jwk>(text.as_bytes(), 16);
    let _ = json::from_slice::<AccessClaims>(text.as_bytes(), 16);
    let _ = recognise(text);
    let _ = from_keycloak(text, text);
    let _ = IpNet::parse(text);
    let _ = password::check_new(text, text);
    let _ = client_address(IpAddr::from([10, 0, 0, 1]), &[text, text], &[IpNet::parse("10.0.0.0/8").unwrap()]);
    let model = Model::from_user_agent(text);
    assert!(model.name.len() <= 200, "{}", model.name.len());
    let key = login::throttle_key(text);
    assert!(key.len() <= 4 * login::MAX_TEXT_BYTES, "{}", key.len());
    if let Ok(login) = Login::parse(text) {
        assert!(login.key().len() <= login::MAX_KEY_BYTES);
        assert_eq!(Login::parse(login.key()).unwrap().key(), login.key());
    }
    if let Ok(password) = Password::new(text.to_owned()) {
        assert!(text.len() <= MAX_BYTES && password.forms().count() <= 2);
    }
    // Nothing that was not made here is a token.
    assert!(SAMPLE.guard.check(text).is_err());
    assert!(SAMPLE.guard.verifier.authentic(text).is_err());
    if refresh_token::take_apart(text).is_some() {
        assert!(text.starts_with(refresh_token::PREFIX) && text.len() == SAMPLE.device.refresh_token().len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn g6_whatever_text_comes_is_refused_without_a_panic(text in any::<String>()) {
        read_by_all(&text);
    }

    #[test]
    fn g6_whatever_looks_like_something_is_refused_without_a_panic(
        text in "(\\$|rrt_|stp_|usr_|ses_|eyJ|\\{\"type\":|[0-9a-v]{16}\\.|keycloak\\$|::|/|\\[)[ -~]{0,120}"
    ) {
        read_by_all(&text);
    }

    #[test]
    fn g6_an_access_token_with_any_byte_changed_is_refused(at in any::<prop::sample::Index>(), with in 0_u8..128) {
        let mut bytes = SAMPLE.device.access().as_bytes().to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != with);
        bytes[at] = with;
        let altered = String::from_utf8(bytes).unwrap();
        prop_assert!(SAMPLE.guard.check(&altered).is_err());
        prop_assert!(SAMPLE.guard.verifier.authentic(&altered).is_err());
    }

    #[test]
    fn g6_claims_of_any_shape_under_a_good_signature_are_read_or_refused(value in "[0-9]{1,25}|\"[ -~]{0,40}\"|null|true|\\[\\]|\\{\\}", which in 0_usize..17) {
        const NAMES: [&str; 17] = [
            "iss", "sub", "aud", "client_id", "iat", "exp", "nbf", "jti", "rev", "sid", "scope", "auth_time", "amr",
            "acr", "cnf", "else", "iss\\u0000",
        ];
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&value) else { return Ok(()) };
        let (claims, _) = SAMPLE.device.claims();
        let mut claims = serde_json::to_value(claims).unwrap();
        claims[NAMES[which]] = value;
        let key = SAMPLE.house.world.keyring.signing(rescind_wire::Algorithm::EdDSA, u64::MAX).unwrap();
        let input = jwt::signing_input(key.id(), key.algorithm(), jwt::ACCESS_TOKEN_TYPE, &claims).unwrap();
        let token = jwt::with_signature(input.clone(), &key.sign(input.as_bytes()).unwrap());
        if let Ok(verified) = SAMPLE.guard.check(&token) {
            prop_assert_eq!(&verified.claims().iss, super::house::ISSUER);
            prop_assert!(verified.expires() > 0);
        }
    }
}

#[test]
fn g6_what_is_far_too_long_or_deep_is_refused_before_any_work_is_done_on_it() {
    let megabyte = "a".repeat(1 << 20);
    let deep = "[".repeat(1 << 20);
    for text in [&megabyte, &deep, &format!("rrt_{megabyte}"), &format!("{megabyte}.{megabyte}.{megabyte}")] {
        read_by_all(text);
        assert!(matches!(SAMPLE.guard.check(text), Err(Rejected::Malformed { .. })));
    }
    assert!(Login::parse(&megabyte).is_err());
    assert!(Password::new(megabyte).is_err());
    assert!(json::check(deep.as_bytes(), 16).is_err());
    let header = "203.0.113.9,".repeat(100_000);
    let trusted = [IpNet::parse("0.0.0.0/0").unwrap()];
    let address = client_address(IpAddr::from([10, 0, 0, 1]), &[&header], &trusted);
    assert_eq!(address, IpAddr::from([203, 0, 113, 9]));
}
