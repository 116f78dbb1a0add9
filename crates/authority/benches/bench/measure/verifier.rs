//! Checking a token in process: seen for the first time, and seen before, beside the bare check of its signature.

use std::cell::RefCell;
use std::time::Duration;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use rescind_verifier::{Clock as _, Keeper, Presented, Snapshot, SystemClock, Verifier};
use rescind_wire::key::Material;
use rescind_wire::{
    AccessClaims, Algorithm, Audience, Change, Entry, Epoch, Epochs, Jwk, KeyId, Position, Scope, SessionId, Subject,
    TokenId, UserId, jwt,
};

use crate::Outcome;
use crate::effort::Effort;
use crate::pair::{Pair, median};
use crate::place::ISSUER;
use crate::random::Random;
use crate::report::{Aim, Report, Row};
use crate::stopwatch::{nanos_since, now};

pub(super) const EPOCH: Epoch = Epoch::from_bytes([5; 10]);

/// A token, and its parts as the bare check takes them.
pub(super) struct Token {
    pub(super) text: String,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let mut random = Random::new(11);
    let pair = Ed25519KeyPair::from_seed_unchecked(&random.bytes::<32>())?;
    let mut tokens: Vec<Token> = (0..effort.tokens).map(|_| token(&pair, &mut random)).collect::<Outcome<_>>()?;
    let public = ParsedPublicKey::new(&ED25519, pair.public_key().as_ref())?;
    let jwk = jwk(pair.public_key().as_ref())?;
    let direct = |tokens: &[Token]| -> Outcome<f64> {
        let start = now();
        for token in tokens {
            public.verify_sig(&token.message, &token.signature)?;
        }
        Ok(each(start, tokens.len()))
    };
    let (mut cached, mut looked_up) = (Vec::new(), Vec::new());
    let mut orders = random.clone();
    let tokens = RefCell::new(&mut tokens);
    let fresh = Pair::measure(
        effort.rounds,
        async || {
            let (verifier, mut keeper) = following(&jwk)?;
            let mut tokens = tokens.borrow_mut();
            let fresh = verify_all(&verifier, &tokens)?;
            orders.shuffle(&mut tokens);
            cached.push(verify_all(&verifier, &tokens)?);
            // Now there is an entry that no token was compared with.
            keeper.apply(&[entry(1, SessionId::from_bytes([9; 16]))])?;
            looked_up.push(verify_all(&verifier, &tokens)?);
            Ok(fresh)
        },
        async || direct(&tokens.borrow()),
    )
    .await?;
    let bare = median(&fresh.theirs);
    let theirs = format!("{bare:.0} ns, Ed25519 by aws-lc-rs alone");
    let mut add = |what: &str, ours: f64, ratio: f64| {
        report.add(Row {
            what: what.to_owned(),
            ours: format!("{ours:.0} ns"),
            theirs: theirs.clone(),
            ratio: Some(ratio),
            aim: Aim::None,
        });
    };
    add("verify a token, first seen", median(&fresh.ours), fresh.ratio());
    add("verify a token, seen before", median(&cached), median(&cached) / bare);
    add("verify a token, seen before a newer revocation", median(&looked_up), median(&looked_up) / bare);
    Ok(())
}

fn verify_all(verifier: &Verifier, tokens: &[Token]) -> Outcome<f64> {
    let start = now();
    for token in tokens {
        std::hint::black_box(verifier.verify(&Presented::bearer(&token.text))?);
    }
    Ok(each(start, tokens.len()))
}

pub(super) fn each(start: std::time::Instant, calls: usize) -> f64 {
    nanos_since(start) as f64 / calls as f64
}

fn following(jwk: &Jwk) -> Outcome<(Verifier, Keeper)> {
    remembering(jwk, 0, 16 * 1024)
}

/// A verifier that has read a log of this many revocations, which accepts for an hour and remembers this many tokens.
pub(super) fn remembering(jwk: &Jwk, entries: u64, tokens: usize) -> Outcome<(Verifier, Keeper)> {
    let (verifier, mut keeper) = Verifier::builder(ISSUER).audience(ISSUER).cache_tokens(tokens).parts()?;
    let mut random = Random::new(12);
    keeper.reset(Snapshot {
        epochs: Epochs { former: Vec::new(), current: EPOCH },
        position: entries,
        floor: 0,
        floor_at: Some(0),
        longest_lifetime: 24 * 3600,
        keys: vec![jwk.clone()],
        entries: (1..=entries).map(|number| entry(number, SessionId::from_bytes(random.bytes()))).collect(),
    })?;
    keeper.extend(SystemClock.boottime() + Duration::from_hours(1))?;
    Ok((verifier, keeper))
}

pub(super) fn entry(number: u64, session: SessionId) -> Entry {
    let scope = Scope::Session { user: UserId::from_bytes([9; 16]), session };
    Entry { number, at: SystemClock.wall(), change: Change::Revoke(scope), tag: String::new() }
}

fn key_id() -> Outcome<KeyId> {
    Ok("key_bench".parse()?)
}

pub(super) fn jwk(public: &[u8]) -> Outcome<Jwk> {
    let material = Material::Okp { crv: "Ed25519".into(), x: BASE64URL_NOPAD.encode(public) };
    Ok(Jwk { kid: key_id()?, alg: Algorithm::EdDSA, usage: "sig".into(), material })
}

pub(super) fn token(pair: &Ed25519KeyPair, random: &mut Random) -> Outcome<Token> {
    let now = SystemClock.wall() / 1000;
    let claims = AccessClaims {
        iss: ISSUER.to_owned(),
        sub: Subject::User(UserId::from_bytes(random.bytes())),
        aud: Audience::One(ISSUER.to_owned()),
        client_id: "default".parse()?,
        iat: now,
        exp: now + 3600,
        nbf: None,
        jti: TokenId::from_bytes(random.bytes()),
        rev: Position { epoch: EPOCH, number: 0 },
        sid: Some(SessionId::from_bytes(random.bytes())),
        scope: String::new(),
        auth_time: Some(now),
        amr: vec!["pwd".to_owned()],
        acr: None,
        cnf: None,
    };
    let input = jwt::signing_input(&key_id()?, Algorithm::EdDSA, jwt::ACCESS_TOKEN_TYPE, &claims)?;
    let (message, signature) = (input.clone().into_bytes(), pair.sign(input.as_bytes()).as_ref().to_vec());
    Ok(Token { text: jwt::with_signature(input, &signature), message, signature })
}
