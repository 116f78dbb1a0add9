//! What a token must be and say (RFC 9068 §4, RFC 8725).

use data_encoding::BASE64URL_NOPAD;
use rescind_verifier::{MAX_LIFETIME, Presented, Rejected, Scheme};
use rescind_wire::claims::Confirmation;
use rescind_wire::{Audience, Subject};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, LIFETIME, START, Signer, World, client, session, user};

#[test]
fn a_good_token_is_accepted_and_says_who_it_is() {
    let world = World::new();
    let verified = world.accepts(&world.token(|_| {}));
    assert_eq!(verified.user(), Some(&user(1)));
    assert_eq!(verified.subject(), &Subject::User(user(1)));
    assert_eq!(verified.session(), Some(&session(1)));
    assert_eq!(verified.client(), &client("app"));
    assert_eq!(verified.position().number, world.head);
    assert_eq!(verified.expires(), START + LIFETIME);
    assert_eq!(verified.key(), &world.signer.kid);
    assert!(verified.allows("read") && verified.allows("write") && !verified.allows("rea"));
    assert!(!verified.ahead());
}

#[test]
fn a_client_acting_for_itself_has_no_session_and_no_user() {
    let world = World::new();
    let verified = world.accepts(&world.service_token("worker"));
    assert_eq!((verified.user(), verified.session()), (None, None));
    assert_eq!(verified.subject(), &Subject::Client(client("worker")));
}

#[test]
fn issuer_and_audience_must_be_exactly_ours() {
    let world = World::new();
    for iss in ["https://id.example/", "https://ID.example", "https://id.exampl", ""] {
        assert_eq!(world.refuses(&world.token(|c| iss.clone_into(&mut c.iss))), Rejected::WrongIssuer);
    }
    let audience = |names: &[&str]| Audience::Many(names.iter().map(|name| (*name).to_owned()).collect());
    for names in [&["https://other.example"][..], &[], &["https://api.example/"], &["a", "b"]] {
        assert_eq!(world.refuses(&world.token(|c| c.aud = audience(names))), Rejected::WrongAudience);
    }
    world.accepts(&world.token(|c| c.aud = audience(&["https://other.example", AUDIENCE])));
}

#[test]
fn subject_client_and_session_must_not_contradict_each_other() {
    let world = World::new();
    let why = "subject, client and session contradict each other";
    let refused = Rejected::Malformed { why };
    assert_eq!(world.refuses(&world.token(|c| c.sid = None)), refused);
    assert_eq!(world.refuses(&world.token(|c| c.sub = Subject::Client(client("app")))), refused);
    let other = world.token(|c| (c.sub, c.sid) = (Subject::Client(client("other")), None));
    assert_eq!(world.refuses(&other), refused);
}

#[test]
fn every_required_claim_is_required() {
    let world = World::new();
    let good = serde_json::to_value(world.claims()).expect("claims are JSON");
    world.accepts(&world.signer.sign_as("at+jwt", &good));
    for name in ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "rev", "sid"] {
        for broken in [None, Some(Value::Null), Some(json!({})), Some(json!(""))] {
            let mut claims = good.clone();
            let object = claims.as_object_mut().expect("an object");
            match broken {
                None => object.remove(name),
                Some(broken) => object.insert(name.to_owned(), broken),
            };
            let rejected = world.refuses(&world.signer.sign_as("at+jwt", &claims));
            let blamed =
                matches!(rejected, Rejected::Malformed { .. } | Rejected::WrongIssuer | Rejected::WrongAudience);
            assert!(blamed, "{name}: {rejected}");
        }
    }
}

#[test]
fn claims_that_two_parsers_could_read_differently_are_refused_although_signed() {
    let world = World::new();
    let good = serde_json::to_string(&world.claims()).expect("claims are JSON");
    let sign = |claims: &str| {
        let header = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"key-1"}"#;
        world.signer.sign_input([header, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes())).join("."))
    };
    world.accepts(&sign(&good));
    let body = good.strip_suffix('}').expect("an object");
    let nested = format!("{}{}", "[".repeat(9), "]".repeat(9));
    let broken = [
        format!(r#"{body},"extra":1,"extra":1}}"#),
        format!(r#"{body},"extra":{{"a":1,"\u0061":2}}}}"#),
        format!(r#"{body},"extra":{nested}}}"#),
        format!("{good} {{}}"),
        format!("{good},"),
        format!("\u{feff}{good}"),
        format!("[{good}]"),
        body.to_owned(),
    ];
    for claims in broken {
        let rejected = world.refuses(&sign(&claims));
        assert!(matches!(rejected, Rejected::Malformed { .. }), "{claims}: {rejected}");
    }
}

#[test]
fn a_number_is_a_whole_number_of_seconds() {
    let world = World::new();
    let good = serde_json::to_value(world.claims()).expect("claims are JSON");
    for broken in [json!(-1), json!(1.5), json!("1800000300"), json!(1e300), json!([1])] {
        for name in ["iat", "exp", "nbf"] {
            let mut claims = good.clone();
            claims[name] = broken.clone();
            let rejected = world.refuses(&world.signer.sign_as("at+jwt", &claims));
            assert!(matches!(rejected, Rejected::Malformed { .. }), "{name} {broken}: {rejected}");
        }
    }
}

#[test]
fn only_an_access_token_is_one() {
    let world = World::new();
    let claims = world.claims();
    for typ in ["JWT", "logout+jwt", "secevent+jwt", "dpop+jwt", "at", ""] {
        let token = world.signer.sign_as(typ, &claims);
        assert_eq!(world.refuses(&token), Rejected::Malformed { why: "another type" });
        assert_eq!(world.verifier.authentic(&token).unwrap_err(), Rejected::Malformed { why: "another type" });
    }
    world.accepts(&world.signer.sign_as("application/at+jwt", &claims));
}

#[test]
fn the_algorithm_is_the_pinned_keys_and_never_the_headers() {
    let world = World::new();
    let claims = serde_json::to_vec(&world.claims()).expect("claims are JSON");
    for alg in ["none", "NONE", "", "HS256", "ES256", "RS256", "Ed25519", "eddsa"] {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": world.signer.kid });
        let input = [header.to_string().as_bytes(), &claims].map(|part| BASE64URL_NOPAD.encode(part)).join(".");
        assert_eq!(world.refuses(&world.signer.sign_input(input.clone())), Rejected::BadSignature, "{alg}");
        assert_eq!(world.refuses(&format!("{input}.")), Rejected::BadSignature, "{alg}");
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_looked_at() {
    let world = World::new();
    let thief = Signer::new(66);
    let claims = serde_json::to_vec(&world.claims()).expect("claims are JSON");
    let mut key = serde_json::to_value(thief.jwk()).expect("a JWK is JSON");
    key["kid"] = json!(world.signer.kid);
    let brought = [
        json!({ "jwk": key }),
        json!({ "jku": "https://thief.example/keys" }),
        json!({ "x5u": "https://thief.example/cert" }),
        json!({ "x5c": ["AAAA"] }),
    ];
    for mut header in brought {
        let object = header.as_object_mut().expect("an object");
        object.extend([("alg", "EdDSA"), ("typ", "at+jwt")].map(|(name, value)| (name.to_owned(), json!(value))));
        object.insert("kid".to_owned(), json!(world.signer.kid));
        let input = [header.to_string().as_bytes(), &claims].map(|part| BASE64URL_NOPAD.encode(part)).join(".");
        assert_eq!(world.refuses(&thief.sign_input(input.clone())), Rejected::BadSignature);
        world.accepts(&world.signer.sign_input(input));
    }
}

#[test]
fn a_bound_token_sent_as_bearer_is_refused_and_so_is_any_token_sent_as_dpop() {
    let world = World::new();
    let bound = world.token(|c| c.cnf = Some(Confirmation { jkt: "x".repeat(43) }));
    // The second time it is cached.
    assert_eq!(world.refuses(&bound), Rejected::ProofRequired);
    assert_eq!(world.refuses(&bound), Rejected::ProofRequired);
    let token = world.token(|_| {});
    let presented = Presented { scheme: Scheme::Dpop, ..Presented::bearer(&token) };
    assert_eq!(world.verifier.verify(&presented).unwrap_err(), Rejected::ProofRequired);
}

#[test]
fn a_token_that_lives_longer_than_any_can_is_refused_cached_or_not() {
    let mut world = World::new();
    let token = world.token(|c| c.exp = c.iat + LIFETIME + 1);
    let refused = |longest| Rejected::TooLongLived { lifetime: LIFETIME + 1, longest };
    assert_eq!(world.refuses(&token), refused(LIFETIME));
    world.keeper.set_longest_lifetime(LIFETIME + 1);
    world.accepts(&token);
    world.keeper.set_longest_lifetime(LIFETIME);
    assert_eq!(world.refuses(&token), refused(LIFETIME));
    assert_eq!(
        world.refuses(&world.token(|c| c.exp = c.iat - 1)),
        Rejected::Malformed { why: "expires before it was issued" }
    );
}

#[test]
fn a11_an_expired_or_revoked_token_is_still_authentic_and_a_foreign_one_is_not() {
    let mut world = World::new();
    let token = world.token(|_| {});
    world.revoke(crate::support::one_session(1, 1));
    world.clock.advance(std::time::Duration::from_hours(24 * 365));
    world.refuses(&token);
    let authentic = world.verifier.authentic(&token).expect("authentic");
    assert_eq!(authentic.claims().sid, Some(session(1)));
    assert_eq!(authentic.key(), &world.signer.kid);

    let error = |token: &str| world.verifier.authentic(token).unwrap_err();
    assert_eq!(error(&world.token(|c| c.iss.push('/'))), Rejected::WrongIssuer);
    assert_eq!(error(&world.token(|c| c.aud = Audience::One(String::new()))), Rejected::WrongAudience);
    assert_eq!(error(&Signer::new(2).sign(&world.claims())), Rejected::UnknownKey);
    let too_long = world.token(|c| c.exp = c.iat + MAX_LIFETIME + 1);
    assert_eq!(error(&too_long), Rejected::TooLongLived { lifetime: MAX_LIFETIME + 1, longest: MAX_LIFETIME });
    let forged = Signer::new(2).sign(&world.claims()).replace(
        &BASE64URL_NOPAD.encode(br#"{"alg":"EdDSA","typ":"at+jwt","kid":"key-2"}"#),
        &BASE64URL_NOPAD.encode(br#"{"alg":"EdDSA","typ":"at+jwt","kid":"key-1"}"#),
    );
    assert_eq!(error(&forged), Rejected::BadSignature);
}

#[test]
fn nothing_that_may_be_logged_holds_the_token() {
    let world = World::new();
    let token = world.token(|_| {});
    let signature = token.rsplit_once('.').expect("three parts").1;
    let presented = Presented::bearer(&token);
    let printed = format!("{presented:?} {:?} {:?} {:?}", world.accepts(&token), world.verifier, world.keeper);
    assert!(!printed.contains(signature), "{printed}");
    let secret = "a secret that a parser might quote";
    let claims = json!({ "iss": secret, "sub": secret, "exp": secret });
    let rejected = world.refuses(&world.signer.sign_as("at+jwt", &claims));
    assert!(!format!("{rejected} {rejected:?}").contains("secret"), "{rejected:?}");
}

#[test]
fn every_refusal_says_whose_fault_it_is() {
    let world = World::new();
    let rejected = world.refuses("nonsense");
    assert!(!rejected.is_unavailable());
    assert_eq!(rejected.error_code(), Some("invalid_token"));
    let unsynced = World::unsynced(|builder| builder);
    let rejected = unsynced.refuses(&unsynced.token(|_| {}));
    assert!(rejected.is_unavailable());
    assert_eq!(rejected.error_code(), None);
    assert_eq!(rejected.name(), "unavailable_never_synced");
}
