//! Tokens of other issuers: their keys, their claims, and how they are cut by time.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use rescind_verifier::foreign::{InvalidKeySet, MAX_FOREIGN_LIFETIME, MAX_KEY_SET};
use rescind_verifier::{
    Accepted, Foreign, ForeignError, Presented, Reason, Rejected, Scheme, SetupError, Snapshot, Verified,
    VerifiedForeign, Verifier,
};
use rescind_wire::jwt::{ACCESS_TOKEN_TYPE, with_signature};
use rescind_wire::{Algorithm, Epochs, ForeignId, Issuer, Scope};
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, HEAD, ISSUER, LEASE, SKEW, START, Signer, World, at, epoch, one_session, revocation, revoked, unrelated,
};

const KEYCLOAK: &str = "https://kc.example/realms/a";
const OTHER: &str = "https://login.example/";
const START_MS: u64 = START * 1000;

fn foreign(issuer: &str, signer: &Signer) -> Foreign {
    Foreign::issuer(issuer).audience("shop").keys(keys(&[signer])).skew(Duration::from_secs(SKEW))
}

fn keys(signers: &[&Signer]) -> String {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() }).to_string()
}

/// A verifier that accepts tokens of two other issuers, each with a key of its own.
struct Abroad {
    world: World,
    keycloak: Signer,
    other: Signer,
}

impl Abroad {
    fn new() -> Self {
        Self::with(|foreign| foreign)
    }

    fn with(configure: impl FnOnce(Foreign) -> Foreign) -> Self {
        let (keycloak, other) = (Signer::new(20), Signer::new(21));
        let world = World::with(|builder| {
            builder.foreign(configure(foreign(KEYCLOAK, &keycloak))).foreign(foreign(OTHER, &other))
        });
        Self { world, keycloak, other }
    }

    fn claims(&self) -> Value {
        let now = self.world.claims().iat;
        json!({ "iss": KEYCLOAK, "sub": "ann", "aud": ["account", "shop"], "iat": now, "exp": now + 300, "sid": "s-1" })
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.keycloak.sign_as(ACCESS_TOKEN_TYPE, &claims)
    }

    /// One that says to be issued `after` seconds after the start (or before it), and lives long.
    fn issued(&self, after: i64, change: impl FnOnce(&mut Value)) -> String {
        self.token(|claims| {
            let iat = START.checked_add_signed(after).expect("a time");
            (claims["iat"], claims["exp"]) = (json!(iat), json!(iat + 7200));
            change(claims);
        })
    }

    fn check(&self, token: &str) -> Result<VerifiedForeign, Rejected> {
        self.world.verifier.verify_foreign(&Presented::bearer(token))
    }

    #[track_caller]
    fn accepts(&self, token: &str) -> VerifiedForeign {
        self.check(token).expect("a good token")
    }

    #[track_caller]
    fn refuses(&self, token: &str) -> Rejected {
        match self.check(token) {
            Ok(verified) => panic!("accepted {verified:?}"),
            Err(rejected) => rejected,
        }
    }
}

fn id(text: &str) -> ForeignId {
    text.parse().expect("a name")
}

fn issuer(text: &str) -> Issuer {
    text.parse().expect("an issuer")
}

fn all_of(issuer_name: &str) -> Scope {
    Scope::ForeignIssuer { issuer: issuer(issuer_name) }
}

fn subject(name: &str) -> Scope {
    Scope::ForeignSubject { issuer: issuer(KEYCLOAK), subject: id(name) }
}

fn session(name: &str, subject: Option<&str>) -> Scope {
    Scope::ForeignSession { issuer: issuer(KEYCLOAK), session: id(name), subject: subject.map(id) }
}

#[test]
fn a_token_of_another_issuer_is_accepted_with_what_it_says() {
    let abroad = Abroad::new();
    let token = abroad.token(|claims| {
        (claims["azp"], claims["scope"], claims["realm_access"]) =
            (json!("web"), json!("read write"), json!({"roles": ["a"]}));
    });
    for _ in 0..2 {
        let verified = abroad.accepts(&token);
        assert_eq!((verified.issuer().as_str(), verified.subject().as_str()), (KEYCLOAK, "ann"));
        assert_eq!((verified.session().map(ForeignId::as_str), verified.client()), (Some("s-1"), Some("web")));
        assert!(verified.allows("write") && !verified.allows("delete"));
        let json: Value = serde_json::from_str(verified.json()).expect("JSON");
        assert_eq!(json["realm_access"]["roles"][0], "a");
    }
    assert_eq!((abroad.world.health().hits, abroad.world.health().misses), (1, 1));
    // Never in place of one of the authority's own, nor the other way around.
    assert!(matches!(abroad.world.refuses(&token), Rejected::UnknownKey));
    assert_eq!(abroad.refuses(&abroad.world.token(|_| {})), Rejected::WrongIssuer);
}

#[test]
fn whichever_issuer_a_token_names_checks_it_where_any_is_asked() {
    fn check(abroad: &Abroad, token: &str) -> Result<Accepted, Rejected> {
        abroad.world.verifier.verify_any(&Presented::bearer(token))
    }
    fn own(accepted: Accepted) -> Option<Verified> {
        if let Accepted::Own(verified) = accepted { Some(verified) } else { None }
    }
    let abroad = Abroad::new();
    let (foreign, home) = (abroad.token(|_| {}), abroad.world.token(|_| {}));
    for _ in 0..2 {
        assert!(own(check(&abroad, &foreign).expect("good")).is_none());
        assert!(own(check(&abroad, &home).expect("good")).is_some());
    }
    assert_eq!((abroad.world.health().hits, abroad.world.health().misses), (2, 2));
    assert!(matches!(check(&abroad, "x").unwrap_err(), Rejected::Malformed { .. }));
    let nobodys = abroad.token(|claims| claims["iss"] = json!("https://nobody.example"));
    assert_eq!(check(&abroad, &nobodys).unwrap_err(), Rejected::UnknownKey);
    let pretended = abroad.token(|claims| claims["iss"] = json!(ISSUER));
    assert_eq!(check(&abroad, &pretended).unwrap_err(), Rejected::UnknownKey);
}

#[cfg(feature = "live")]
#[test]
fn whoever_watches_a_foreign_token_is_told_when_it_is_cut_or_its_key_is_gone() {
    use std::future::Future as _;
    use std::task::{Context, Poll, Waker};

    use crate::live::{is_pending, run};

    let mut abroad = Abroad::new();
    let (phone, laptop) = (abroad.token(|_| {}), abroad.token(|claims| claims["sid"] = json!("s-2")));
    let (phone, laptop) = (abroad.accepts(&phone), abroad.accepts(&laptop));
    run(async {
        let (mut first, mut second) = (std::pin::pin!(phone.revoked()), std::pin::pin!(laptop.revoked()));
        assert!(is_pending(first.as_mut()) && is_pending(second.as_mut()));
        let number = abroad.world.revoke_at(START_MS, session("s-1", Some("ann")));
        assert!(is_pending(second.as_mut()));
        assert_eq!(first.await, revoked("foreign_session", number));
        let document = keys(&[&Signer::new(22)]);
        abroad.world.verifier.set_foreign_keys(KEYCLOAK, &document).expect("a key set");
        let told = second.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(told, Poll::Ready(Rejected::UnknownKey), "at once");
    });
}

#[cfg(feature = "axum")]
#[test]
fn a_handler_may_take_callers_of_any_issuer() {
    use axum::body::{Body, to_bytes};
    use rescind_verifier::web::AuthorizedAny;
    use tower::ServiceExt as _;

    let abroad = Abroad::new();
    let who = |AuthorizedAny(accepted): AuthorizedAny| async move {
        match accepted {
            Accepted::Own(own) => format!("own {}", own.subject()),
            Accepted::Foreign(foreign) => format!("{} of {}", foreign.subject(), foreign.issuer()),
        }
    };
    let router = axum::Router::new().route("/", axum::routing::get(who)).with_state(abroad.world.verifier.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let ask = |token: &str| {
        let request = axum::http::Request::get("/").header("authorization", format!("Bearer {token}"));
        let answer = router.clone().oneshot(request.body(Body::empty()).expect("a request"));
        let answer = runtime.block_on(answer).expect("an answer");
        let status = answer.status().as_u16();
        let body = runtime.block_on(to_bytes(answer.into_body(), 1000)).expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    };
    assert_eq!(ask(&abroad.token(|_| {})), (200, format!("ann of {KEYCLOAK}")));
    assert_eq!(ask(&abroad.world.token(|_| {})).1, format!("own {}", crate::support::user(1)));
    assert_eq!(ask(&abroad.token(|claims| claims["aud"] = json!("else"))).0, 401);
    abroad.world.clock.advance(LEASE);
    assert_eq!(ask(&abroad.token(|_| {})).0, 503);
}

#[test]
fn an_issuers_key_signs_for_that_issuer_only() {
    let abroad = Abroad::new();
    let claims = abroad.claims();
    assert_eq!(abroad.refuses(&abroad.other.sign_as(ACCESS_TOKEN_TYPE, &claims)), Rejected::UnknownKey);
    assert_eq!(abroad.refuses(&abroad.world.signer.sign_as(ACCESS_TOKEN_TYPE, &claims)), Rejected::UnknownKey);
    assert_eq!(abroad.refuses(&abroad.token(|claims| claims["iss"] = json!(OTHER))), Rejected::UnknownKey);
    // One that names the other's key, and is signed with it.
    let mut others = claims;
    others["iss"] = json!(OTHER);
    abroad.accepts(&abroad.other.sign_as(ACCESS_TOKEN_TYPE, &others));
    let good = abroad.token(|_| {});
    let (input, _) = good.rsplit_once('.').expect("a signature");
    assert_eq!(abroad.refuses(&with_signature(input.to_owned(), &[7; 64])), Rejected::BadSignature);
}

#[test]
fn claims_that_are_not_for_this_service_now_are_refused() {
    let abroad = Abroad::new();
    let refused = |change: fn(&mut Value)| abroad.refuses(&abroad.token(change));
    let now = START;
    assert_eq!(refused(|claims| claims["aud"] = json!(AUDIENCE)), Rejected::WrongAudience);
    assert_eq!(refused(|claims| claims["iss"] = json!("https://kc.example/realms/b")), Rejected::WrongIssuer);
    let over = refused(|claims| (claims["iat"], claims["exp"]) = (json!(START - 90), json!(START - SKEW)));
    assert_eq!(over, Rejected::Expired { at: now - SKEW });
    let future = START + SKEW + 1;
    assert_eq!(refused(|claims| claims["nbf"] = json!(START + SKEW + 1)), Rejected::NotYetValid { from: future });
    let born = refused(|claims| (claims["iat"], claims["exp"]) = (json!(START + SKEW + 1), json!(START + 90)));
    assert_eq!(born, Rejected::NotYetValid { from: future }, "d4");
    assert_eq!(refused(|claims| claims["cnf"] = json!({"jkt": "x"})), Rejected::ProofRequired);
    for change in [
        |claims: &mut Value| claims["sub"] = json!("x".repeat(256)),
        |claims: &mut Value| claims["sub"] = Value::Null,
        |claims: &mut Value| claims["exp"] = json!(START - 400),
        |claims: &mut Value| claims["events"] = json!({}),
        |claims: &mut Value| claims["at_hash"] = json!("x"),
    ] {
        assert!(matches!(abroad.refuses(&abroad.token(change)), Rejected::Malformed { .. }));
    }
    let day = 24 * 3600;
    let long = refused(|claims| claims["exp"] = json!(START + 24 * 3600 + 1));
    assert_eq!(long, Rejected::TooLongLived { lifetime: day + 1, longest: day });
    let timeless = refused(|claims| (claims["iat"], claims["exp"]) = (json!(START), json!(START + 2 * 24 * 3600)));
    assert!(matches!(timeless, Rejected::TooLongLived { .. }));
    let good = abroad.token(|_| {});
    let dpop = Presented { scheme: Scheme::Dpop, ..Presented::bearer(&good) };
    assert_eq!(abroad.world.verifier.verify_foreign(&dpop).unwrap_err(), Rejected::ProofRequired);
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

#[test]
fn a_token_that_does_not_say_when_it_was_issued_is_good_until_anything_could_cover_it() {
    let mut abroad = Abroad::new();
    let timeless = |abroad: &Abroad, exp: u64| {
        let claims = without(abroad.token_claims(exp), "iat");
        abroad.keycloak.sign_as(ACCESS_TOKEN_TYPE, &claims)
    };
    let (token, eternal) = (timeless(&abroad, START + 300), timeless(&abroad, START + 10 * 24 * 3600));
    abroad.accepts(&token);
    assert!(matches!(abroad.refuses(&eternal), Rejected::TooLongLived { .. }));
    abroad.world.revoke_at(START_MS, subject("bob"));
    abroad.accepts(&token);
    let number = abroad.world.revoke_at(1, subject("ann"));
    assert_eq!(abroad.refuses(&token), revoked("foreign_subject", number));
    abroad.world.keeper.raise_floor(number);
    assert_eq!(abroad.refuses(&token), Rejected::BelowFloor);
}

impl Abroad {
    fn token_claims(&self, exp: u64) -> Value {
        let mut claims = self.claims();
        claims["exp"] = json!(exp);
        claims
    }
}

#[test]
fn only_access_tokens_are_taken_unless_the_issuer_makes_them_without_a_type() {
    let (strict, lax) = (Abroad::new(), Abroad::with(Foreign::untyped));
    for (typ, taken) in [("at+jwt", (true, true)), ("JWT", (false, true)), ("logout+jwt", (false, false))] {
        let good = |abroad: &Abroad| abroad.check(&abroad.keycloak.sign_as(typ, &abroad.claims())).is_ok();
        assert_eq!((good(&strict), good(&lax)), taken, "{typ}");
    }
}

#[test]
fn a1_a3_a_cut_by_subject_session_or_issuer_covers_that_and_nothing_else() {
    let who = |sub: &'static str, sid: Option<&'static str>| {
        move |claims: &mut Value| {
            claims["sub"] = json!(sub);
            match sid {
                Some(sid) => claims["sid"] = json!(sid),
                None => *claims = without(claims.clone(), "sid"),
            }
        }
    };
    // ann's two sessions, ann without one, bob's session, bob without one, and the other issuer's ann.
    let cases: [(Scope, &str, [bool; 6]); 5] = [
        (subject("ann"), "foreign_subject", [true, true, true, false, false, false]),
        (session("s-1", Some("ann")), "foreign_session", [true, false, true, false, false, false]),
        (session("s-1", None), "foreign_session", [true, false, true, false, true, false]),
        (all_of(KEYCLOAK), "foreign_issuer", [true, true, true, true, true, false]),
        (Scope::Everyone { services: false }, "everyone", [true; 6]),
    ];
    for (scope, kind, ends) in cases {
        let mut abroad = Abroad::new();
        let mut tokens: Vec<String> = [
            who("ann", Some("s-1")),
            who("ann", Some("s-2")),
            who("ann", None),
            who("bob", Some("s-3")),
            who("bob", None),
        ]
        .into_iter()
        .map(|change| abroad.token(change))
        .collect();
        let mut others = abroad.claims();
        others["iss"] = json!(OTHER);
        tokens.push(abroad.other.sign_as(ACCESS_TOKEN_TYPE, &others));
        for token in &tokens {
            abroad.accepts(token);
        }
        let number = abroad.world.revoke_at(START_MS, scope.clone());
        for (n, (token, ended)) in tokens.iter().zip(ends).enumerate() {
            match abroad.check(token) {
                Ok(_) => assert!(!ended, "{scope}: token {n} was accepted"),
                Err(rejected) => assert!(ended && rejected == revoked(kind, number), "{scope}: token {n}: {rejected}"),
            }
        }
        // The authority's own tokens have positions.
        abroad.world.accepts(&abroad.world.token(|_| {}));
    }
}

#[test]
fn a_token_is_cut_up_to_the_skew_after_the_revocation_and_not_later() {
    let mut abroad = Abroad::new();
    let number = abroad.world.revoke_at(START_MS + 500, subject("ann"));
    abroad.world.clock.advance(Duration::from_mins(2));
    abroad.world.extend();
    let skew = i64::try_from(SKEW).expect("small");
    for (after, cut) in [(-3600, true), (0, true), (skew, true), (skew + 1, false), (60, false)] {
        let outcome = abroad.check(&abroad.issued(after, |_| {}));
        let expected = if cut { Some(revoked("foreign_subject", number)) } else { None };
        assert_eq!(outcome.err(), expected, "{after}");
    }
    // A later entry with an earlier time, as a command line with another clock writes it, takes nothing back.
    abroad.world.revoke_at(START_MS - 10_000, subject("ann"));
    assert!(abroad.check(&abroad.issued(0, |_| {})).is_err());
    abroad.accepts(&abroad.issued(skew + 1, |_| {}));
}

#[test]
fn r10_what_was_forgotten_cuts_every_token_that_is_not_later() {
    let mut abroad = Abroad::new();
    abroad.world.revoke_at(START_MS - 600_000, unrelated_scope());
    let number = abroad.world.revoke_at(START_MS - 300_000, subject("ann"));
    let (covered, bobs, later) = (
        abroad.issued(-400, |_| {}),
        abroad.issued(-400, |claims| claims["sub"] = json!("bob")),
        abroad.issued(-200, |_| {}),
    );
    abroad.accepts(&bobs);
    assert_eq!(abroad.refuses(&covered), revoked("foreign_subject", number));
    abroad.world.keeper.raise_floor(number - 1);
    abroad.accepts(&bobs);
    assert_eq!(abroad.refuses(&covered), revoked("foreign_subject", number));
    abroad.world.keeper.raise_floor(number);
    assert_eq!((abroad.refuses(&covered), abroad.refuses(&bobs)), (Rejected::BelowFloor, Rejected::BelowFloor));
    abroad.accepts(&later);
    assert_eq!(abroad.world.health().entries, 0);
    assert_eq!(abroad.world.health().foreign_after, Some(START_MS - 300_000), "the report says so");
    // A verifier whose wall was set back to when it was good does not take it either.
    abroad.world.clock.set_wall(START - 300);
    assert_eq!(abroad.refuses(&covered), Rejected::BelowFloor);
}

fn unrelated_scope() -> Scope {
    one_session(9, 9)
}

#[test]
fn r10_a_snapshot_says_when_what_it_leaves_out_was_written_and_nothing_is_the_latest() {
    let abroad = |floor_at: Option<u64>| {
        let keycloak = Signer::new(20);
        let mut world = World::unsynced(|builder| builder.foreign(foreign(KEYCLOAK, &keycloak)));
        world.keeper.reset(Snapshot { floor_at, ..world.snapshot(HEAD, HEAD) }).expect("a snapshot");
        world.extend();
        Abroad { world, keycloak, other: Signer::new(21) }
    };
    for (floor_at, earlier, now) in
        [(Some(0), true, true), (Some(START_MS - 60_000), false, true), (None, false, false)]
    {
        let abroad = abroad(floor_at);
        let accepted = |after| abroad.check(&abroad.issued(after, |_| {})).is_ok();
        assert_eq!((accepted(-60), accepted(0)), (earlier, now), "{floor_at:?}");
    }
    // Within an epoch it does not fall.
    let mut abroad = abroad(Some(START_MS - 60_000));
    abroad.world.keeper.reset(abroad.world.snapshot(HEAD, HEAD)).expect("a snapshot");
    assert_eq!(abroad.refuses(&abroad.issued(-60, |_| {})), Rejected::BelowFloor);
}

#[test]
fn a13_a_new_snapshot_revives_nothing_and_a_new_epoch_ends_what_was_cached() {
    let mut abroad = Abroad::new();
    let token = abroad.token(|_| {});
    abroad.accepts(&token);
    let mut snapshot = abroad.world.snapshot(HEAD + 1, HEAD);
    snapshot.entries[0] = revocation(HEAD + 1, subject("ann"));
    abroad.world.keeper.reset(snapshot).expect("a newer snapshot");
    abroad.world.extend();
    assert_eq!(abroad.refuses(&token), revoked("foreign_subject", HEAD + 1));
    let mut abroad = Abroad::new();
    abroad.world.keeper.apply(&(HEAD + 1..HEAD + 50).map(unrelated).collect::<Vec<_>>()).expect("entries");
    abroad.world.extend();
    abroad.accepts(&token);
    // A store that was restored counts from an earlier number, and ends everyone first (R9).
    let epochs = Epochs { former: vec![(epoch(1), HEAD)], current: epoch(2) };
    let mut snapshot = Snapshot { epochs, ..abroad.world.snapshot(HEAD + 1, HEAD) };
    snapshot.entries[0] = revocation(HEAD + 1, Scope::Everyone { services: true });
    abroad.world.keeper.reset(snapshot).expect("a new epoch");
    abroad.world.extend();
    assert_eq!(abroad.refuses(&token), revoked("everyone", HEAD + 1));
}

#[test]
fn r7_without_a_lease_no_foreign_token_is_accepted_cached_or_not() {
    let abroad = Abroad::new();
    let (cached, fresh) = (abroad.token(|_| {}), abroad.token(|claims| claims["sid"] = json!("s-2")));
    abroad.accepts(&cached);
    abroad.world.clock.advance(LEASE);
    for token in [&cached, &fresh] {
        assert_eq!(abroad.refuses(token), Rejected::Unavailable { reason: Reason::Stale });
    }
    let unsynced = World::unsynced(|builder| builder.foreign(foreign(KEYCLOAK, &abroad.keycloak)));
    let rejected = unsynced.verifier.verify_foreign(&Presented::bearer(&cached)).unwrap_err();
    assert_eq!(rejected, Rejected::Unavailable { reason: Reason::NeverSynced });
}

#[test]
fn a_process_stopped_while_it_checks_accepts_nothing_that_was_revoked_meanwhile() {
    // g4, at either reading of the clock before the last.
    let mut abroad = Abroad::new();
    let token = abroad.token(|_| {});
    abroad.accepts(&token);
    let clock = std::sync::Arc::clone(&abroad.world.clock);
    abroad.world.clock.at_wall(move || clock.advance(LEASE));
    assert!(abroad.refuses(&token).is_unavailable());
    abroad.world.extend();
    let clock = std::sync::Arc::clone(&abroad.world.clock);
    abroad.world.clock.at_boottime(move || clock.advance(LEASE));
    assert!(abroad.refuses(&token).is_unavailable());
}

#[test]
fn keys_that_are_replaced_end_what_they_signed_at_once_and_keys_that_stay_go_on() {
    let abroad = Abroad::new();
    let new = Signer::new(22);
    let (token, renewed) = (abroad.token(|_| {}), new.sign_as(ACCESS_TOKEN_TYPE, &abroad.claims()));
    abroad.accepts(&token);
    let set = |document: &str| abroad.world.verifier.set_foreign_keys(KEYCLOAK, document);
    assert_eq!(abroad.refuses(&renewed), Rejected::UnknownKey);
    assert_eq!(set(&keys(&[&abroad.keycloak, &new])), Ok(2));
    abroad.accepts(&token);
    abroad.accepts(&renewed);
    assert_eq!(abroad.world.health().hits, 1, "the key stayed, so what it signed is still known");
    assert_eq!(set(&keys(&[&new])), Ok(1));
    assert_eq!(abroad.refuses(&token), Rejected::UnknownKey);
    abroad.accepts(&renewed);
    // What is no key set changes nothing.
    for (bad, why) in [
        ("{}", InvalidKeySet::Shape),
        ("[]", InvalidKeySet::Shape),
        (r#"{"keys":[],"keys":[]}"#, InvalidKeySet::Shape),
        (r#"{"keys":[]}"#, InvalidKeySet::NoKey),
        (&keys(&[&new, &new]), InvalidKeySet::Duplicate),
        (&" ".repeat(MAX_KEY_SET + 1), InvalidKeySet::TooLong),
        (&json!({ "keys": vec![new.jwk(); 65] }).to_string(), InvalidKeySet::TooLong),
    ] {
        assert_eq!(set(bad), Err(why));
        abroad.accepts(&renewed);
    }
    let unknown = abroad.world.verifier.set_foreign_keys("https://nobody.example", &keys(&[&new]));
    assert_eq!(unknown, Err(InvalidKeySet::Issuer));
    let health = abroad.world.health().foreign;
    assert_eq!((health[0].issuer.as_str(), health[0].keys, health[0].keys_age), (KEYCLOAK, 1, Some(Duration::ZERO)));
    assert!(abroad.world.health().exposition().contains(&format!("foreign_keys{{issuer=\"{KEYCLOAK}\"}} 1\n")));
}

#[test]
fn a_key_set_is_taken_as_issuers_serve_it_and_keys_that_cannot_be_used_are_skipped() {
    let abroad = Abroad::new();
    let good = serde_json::to_value(abroad.keycloak.jwk()).expect("JSON");
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let set = |keys: Value| {
        let document = json!({ "keys": keys, "more": 1 }).to_string();
        abroad.world.verifier.set_foreign_keys(KEYCLOAK, &document)
    };
    for taken in [
        with("x5c", json!(["MII"])),
        with("key_ops", json!(["verify"])),
        without(good.clone(), "use"),
        without(good.clone(), "alg"),
    ] {
        assert_eq!(set(json!([taken])), Ok(1), "{taken}");
        abroad.accepts(&abroad.token(|_| {}));
    }
    for skipped in [
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("alg", json!("RSA-OAEP")),
        with("alg", json!("ES256")),
        with("alg", json!("none")),
        with("alg", json!("HS256")),
        with("kty", json!("oct")),
        with("d", json!("AAAA")),
        with("x", json!("AAAA")),
        with("kid", json!("")),
        without(good.clone(), "kid"),
        json!("a key"),
    ] {
        assert_eq!(set(json!([skipped])), Err(InvalidKeySet::NoKey), "{skipped}");
        assert_eq!(set(json!([skipped, good])), Ok(1), "{skipped}");
    }
}

#[test]
fn an_algorithm_that_is_not_allowed_makes_no_key() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
    let document = json!({ "keys": [{ "kid": "ec", "kty": "EC", "crv": "P-256", "x": x, "y": y }] }).to_string();
    let build = |algorithms: &[Algorithm]| {
        let foreign = Foreign::issuer(KEYCLOAK).audience("shop").algorithms(algorithms.to_vec()).keys(document.clone());
        Verifier::builder(ISSUER).audience(AUDIENCE).foreign(foreign).parts().map(|_| ())
    };
    assert!(build(&[Algorithm::ES256]).is_ok());
    let none = SetupError::Foreign(ForeignError::Keys(InvalidKeySet::NoKey));
    assert_eq!(build(&[Algorithm::RS256, Algorithm::EdDSA]).unwrap_err(), none);
}

#[test]
fn settings_that_make_no_foreign_issuer_are_refused_by_name() {
    let good = || foreign(KEYCLOAK, &Signer::new(20));
    let build = |foreign: Vec<Foreign>| {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE);
        foreign.into_iter().fold(builder, rescind_verifier::Builder::foreign).parts().map(|_| ())
    };
    assert!(build(vec![good().longest_lifetime(MAX_FOREIGN_LIFETIME)]).is_ok());
    let long = MAX_FOREIGN_LIFETIME + Duration::from_secs(1);
    for (foreign, error) in [
        (vec![foreign("", &Signer::new(20))], ForeignError::Issuer),
        (vec![foreign(ISSUER, &Signer::new(20))], ForeignError::Twice),
        (vec![good(), good()], ForeignError::Twice),
        (vec![good().audience("")], ForeignError::Audience),
        (vec![good().algorithms([])], ForeignError::Algorithms),
        (vec![good().longest_lifetime(long)], ForeignError::Lifetime),
        (vec![good().longest_lifetime(Duration::ZERO)], ForeignError::Lifetime),
        (vec![good().skew(Duration::from_secs(301))], ForeignError::Skew),
        (vec![good().keys("{}")], ForeignError::Keys(InvalidKeySet::Shape)),
    ] {
        assert_eq!(build(foreign).unwrap_err(), SetupError::Foreign(error));
    }
}

/// The scopes that a property test draws from, and whether each covers ann's token of session s-1.
fn some_scope(n: u8) -> (Scope, bool) {
    match n {
        0 => (subject("ann"), true),
        1 => (subject("bob"), false),
        2 => (session("s-1", Some("ann")), true),
        3 => (session("s-2", Some("ann")), false),
        4 => (session("s-3", None), false),
        5 => (all_of(KEYCLOAK), true),
        6 => (all_of(OTHER), false),
        7 => (Scope::Everyone { services: false }, true),
        _ => (unrelated_scope(), false),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Revocations at any times, forgotten or not, and the log begun anew in between: a token that was issued before one that
    /// covers it is never accepted, by issuers whose clocks are wrong by up to the skew; one that was issued clearly after all
    /// of them is not refused.
    #[test]
    fn r10_no_token_outlives_a_cut_and_none_issued_clearly_after_it_is_cut(
        steps in prop::collection::vec((0_u8..9, 0_u64..4000, 0_u8..8), 1..40),
        issued in prop::collection::vec((0_i64..4000, -30_i64..=30), 1..12),
    ) {
        let mut abroad = Abroad::new();
        // Everything happens in the hour before now.
        let began = START - 4000;
        let tokens: Vec<(u64, String)> = issued
            .iter()
            .map(|(after, wrong)| {
                let truly = began.checked_add_signed(*after).expect("a time");
                let says = i64::try_from(truly).expect("small") - i64::try_from(START).expect("small") + wrong;
                (truly * 1000, abroad.issued(says.min(0), |_| {}))
            })
            .collect();
        let (mut cuts, mut entries, mut floor, mut last) = (Vec::new(), Vec::new(), HEAD, 0);
        for (kind, after, what) in steps {
            let (scope, covers) = some_scope(kind);
            let at_ms = (began + after) * 1000;
            let number = abroad.world.revoke_at(at_ms, scope.clone());
            entries.push(rescind_wire::Entry { at: at_ms, ..revocation(number, scope) });
            last = last.max(at_ms);
            if covers {
                cuts.push(at_ms);
            }
            match what {
                0 => {
                    floor = number;
                    abroad.world.keeper.raise_floor(floor);
                }
                1 => {
                    let below = |entry: &&rescind_wire::Entry| entry.number <= floor;
                    let floor_at = entries.iter().filter(below).map(|entry| entry.at).max();
                    let above = entries.iter().filter(|entry| entry.number > floor).cloned().collect();
                    let snapshot = abroad.world.snapshot(number, number);
                    let floor_at = Some(floor_at.unwrap_or(0));
                    abroad.world.keeper.reset(Snapshot { floor, floor_at, entries: above, ..snapshot }).expect("one");
                    abroad.world.extend();
                }
                _ => {}
            }
            for (truly, token) in &tokens {
                let outcome = abroad.check(token);
                if cuts.iter().any(|cut| truly <= cut) {
                    prop_assert!(outcome.is_err(), "issued at {truly}, cut at {cuts:?}");
                } else if *truly > last + 2 * SKEW * 1000 {
                    prop_assert!(outcome.is_ok(), "issued at {truly}, nothing after {last}: {outcome:?}");
                }
            }
        }
    }
}

#[test]
fn an_epochs_position_says_nothing_of_foreign_tokens() {
    // They carry no position: a `rev` that they may have is not looked at.
    let abroad = Abroad::new();
    abroad.accepts(&abroad.token(|claims| claims["rev"] = json!(at(1).to_string())));
}
