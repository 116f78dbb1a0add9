//! Checking a token in process beside what services do without Rescind: the same token by the library `jsonwebtoken`, which
//! knows no revocations, and a round trip to somebody who is asked about every token.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rescind_verifier::{Keeper, Presented, Verifier};
use rescind_wire::{AccessClaims, Jwk, SessionId};
use serde_json::json;

use super::verifier::{Token, each, entry, jwk, remembering, token};
use crate::Outcome;
use crate::effort::Effort;
use crate::histogram::Histogram;
use crate::load::{Answer, Connection, Visitor};
use crate::pair::{Pair, median};
use crate::place::ISSUER;
use crate::process::Server;
use crate::random::Random;
use crate::report::{Aim, Report, Row, count};
use crate::stopwatch::{nanos_since, now};

/// Revocations that the verifier knows while first verifications are measured.
const SOME: u64 = 10_000;

/// Tokens that one side of a round looks at where the other's calls are fast: enough for both to be a good part of a second.
const SAMPLE: usize = 2_000;

/// Tokens whose texts and places in the cache stay in the processor's own caches, so that only the look-up differs.
const CHUNK: usize = 200;

/// Tokens whose bytes are made at a time, before the clock starts: as they were just read from a socket, and few enough to
/// stay in the nearest cache. Copying them from wherever the benchmark keeps them would be most of what is measured.
const FRESH: usize = 16;

/// How long latencies are counted beside a writer.
const WATCHED: Duration = Duration::from_secs(2);

/// Revocations a second that the writer applies, this many at a time.
const WRITTEN: u64 = 100_000;
const AT_A_TIME: u64 = 100;

/// All tokens, and both that check them.
struct Bench {
    tokens: Vec<Token>,
    jwk: Jwk,
    key: DecodingKey,
    validation: Validation,
    rounds: usize,
}

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let mut random = Random::new(31);
    let pair = Ed25519KeyPair::from_seed_unchecked(&random.bytes::<32>())?;
    let many = effort.tokens * 10;
    let tokens = (0..many).map(|_| token(&pair, &mut random)).collect::<Outcome<Vec<Token>>>()?;
    let public = pair.public_key().as_ref();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[ISSUER]);
    let key = DecodingKey::from_ed_components(&BASE64URL_NOPAD.encode(public))?;
    let bench = Bench { tokens, jwk: jwk(public)?, key, validation, rounds: effort.rounds };
    bench.first_seen(effort.tokens, report).await?;
    for known in [effort.tokens, many] {
        bench.seen_before(known, &mut random, report).await?;
    }
    for entries in [0, 1_000, effort.many as u64] {
        bench.look_up(entries, effort, &mut random, report)?;
    }
    bench.beside_a_writer(effort, &mut random, report)?;
    bench.round_trip(effort, &mut random, report).await
}

impl Bench {
    async fn first_seen(&self, tokens: usize, report: &mut Report) -> Outcome<()> {
        let ours = async || {
            let (verifier, _keeper) = remembering(&self.jwk, SOME, 2 * tokens)?;
            self.verify(&verifier, 0..tokens)
        };
        let theirs = async || self.decode(0..tokens);
        let pair = Pair::measure(self.rounds, ours, theirs).await?;
        let ratio = pair.ratio();
        report.add(Row {
            what: format!("verify a token, first seen, beside {} revocations", count(SOME as f64)),
            ours: format!("{} ns", count(median(&pair.ours))),
            theirs: format!("{} ns, jsonwebtoken without any", count(median(&pair.theirs))),
            ratio: Some(ratio),
            aim: Aim::AtMost(ratio, 0.95),
        });
        Ok(())
    }

    async fn seen_before(&self, known: usize, random: &mut Random, report: &mut Report) -> Outcome<()> {
        let (verifier, _keeper) = remembering(&self.jwk, SOME, known)?;
        self.verify(&verifier, 0..known)?;
        let order = RefCell::new(random.clone());
        let draw = |calls: usize| -> Vec<usize> { (0..calls).map(|_| order.borrow_mut().below(known)).collect() };
        let ours = async || {
            let drawn = draw(10 * SAMPLE);
            self.verify(&verifier, drawn)
        };
        let theirs = async || self.decode(draw(SAMPLE));
        let pair = Pair::measure(self.rounds, ours, theirs).await?;
        *random = order.into_inner();
        let faster = 1.0 / pair.ratio();
        report.add(Row {
            what: format!("verify a token, seen before, of {}: times faster", count(known as f64)),
            ours: format!("{} ns", count(median(&pair.ours))),
            theirs: format!("{} ns, jsonwebtoken", count(median(&pair.theirs))),
            ratio: Some(faster),
            aim: Aim::AtLeast(faster, 60.0),
        });
        Ok(())
    }

    /// What looking revocations up adds to the check of a token that was seen before: the same tokens right after a newer
    /// revocation, and once more.
    fn look_up(&self, entries: u64, effort: &Effort, random: &mut Random, report: &mut Report) -> Outcome<()> {
        let (verifier, mut keeper) = remembering(&self.jwk, entries, 2 * effort.tokens)?;
        self.verify(&verifier, 0..effort.tokens)?;
        let (mut number, mut added, mut whole) = (entries, Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let (mut with, mut without) = (Vec::new(), Vec::new());
            for _ in 0..effort.tokens / CHUNK {
                let drawn: Vec<usize> = (0..CHUNK).map(|_| random.below(effort.tokens)).collect();
                self.verify(&verifier, drawn.iter().copied())?;
                number += 1;
                keeper.apply(&[entry(number, SessionId::from_bytes(random.bytes()))])?;
                with.push(self.verify(&verifier, drawn.iter().copied())?);
                without.push(self.verify(&verifier, drawn.iter().copied())?);
            }
            let differences: Vec<f64> = with.iter().zip(&without).map(|(with, without)| with - without).collect();
            added.push(median(&differences));
            whole.push(median(&with));
        }
        let nanos = median(&added);
        report.add(Row {
            what: format!("look a token up among {} revocations", count(entries as f64)),
            ours: format!("{} ns, of {} ns for the check", count(nanos), count(median(&whole))),
            theirs: String::new(),
            ratio: None,
            aim: if entries == effort.many as u64 { Aim::AtMost(nanos, 60.0) } else { Aim::None },
        });
        Ok(())
    }

    /// What a writer that is never idle adds to the slowest checks.
    fn beside_a_writer(&self, effort: &Effort, random: &mut Random, report: &mut Report) -> Outcome<()> {
        let (verifier, keeper) = remembering(&self.jwk, 0, 2 * effort.tokens)?;
        self.verify(&verifier, 0..effort.tokens)?;
        let mut watch = || self.latencies(&verifier, effort.tokens, random);
        let alone = watch()?.quantile(0.999);
        let stop = AtomicBool::new(false);
        let (beside, rate) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| write(keeper, &stop));
            let beside = watch();
            stop.store(true, Ordering::Relaxed);
            let rate = writer.join().map_err(|_| "the writer failed")??;
            Outcome::Ok((beside?.quantile(0.999), rate))
        })?;
        let added = beside.as_secs_f64() * 1e9 - alone.as_secs_f64() * 1e9;
        report.add(Row {
            what: format!("the same at its p99.9, beside {} revocations a second: added", count(rate)),
            ours: format!("{} ns", count(beside.as_secs_f64() * 1e9)),
            theirs: format!("{} ns, beside none", count(alone.as_secs_f64() * 1e9)),
            ratio: Some(beside.as_secs_f64() / alone.as_secs_f64()),
            aim: Aim::AtMost(added.max(0.0), 1_000.0),
        });
        Ok(())
    }

    fn latencies(&self, verifier: &Verifier, tokens: usize, random: &mut Random) -> Outcome<Histogram> {
        let mut latencies = Histogram::new();
        let began = now();
        while u128::from(nanos_since(began)) < WATCHED.as_nanos() {
            for _ in 0..CHUNK {
                let token = self.tokens[random.below(tokens)].text.clone();
                let start = now();
                std::hint::black_box(verifier.verify(&Presented::bearer(&token))?);
                latencies.count(nanos_since(start));
            }
        }
        Ok(latencies)
    }

    /// One acceptance beside one question to a server that finds the token in a map: one caller, one question at a time,
    /// over one connection that is kept alive.
    async fn round_trip(&self, effort: &Effort, random: &mut Random, report: &mut Report) -> Outcome<()> {
        let (verifier, _keeper) = remembering(&self.jwk, SOME, 2 * effort.tokens)?;
        self.verify(&verifier, 0..effort.tokens)?;
        let body = json!({ "active": true, "sub": "usr_00000000000000000000000000", "exp": 1, "client_id": "default" });
        let canned =
            json!({ "status": 200, "headers": [["content-type", "application/json"]], "body": body.to_string() });
        let tokens = &self.tokens[..effort.tokens];
        let known: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
        let server = Server::stand_in("asked", &json!({ "canned": canned, "known": known }).to_string()).await?;
        let mut asking = Asking { tokens, random: random.clone() };
        let mut connection = Connection::open(server.address).await?;
        let ours = async || {
            let drawn: Vec<usize> = (0..10 * SAMPLE).map(|_| random.below(effort.tokens)).collect();
            self.verify(&verifier, drawn)
        };
        let theirs = async || {
            let start = now();
            for _ in 0..SAMPLE {
                connection.call(&mut asking).await?;
            }
            Ok(each(start, SAMPLE))
        };
        let pair = Pair::measure(self.rounds, ours, theirs).await?;
        let faster = 1.0 / pair.ratio();
        report.add(Row {
            what: "accept a token in process, beside asking over loopback: times faster".to_owned(),
            ours: format!("{} ns", count(median(&pair.ours))),
            theirs: format!("{} ns, axum handler that looks it up", count(median(&pair.theirs))),
            ratio: Some(faster),
            aim: Aim::AtLeast(faster, 100.0),
        });
        Ok(())
    }

    /// Nanoseconds of each check.
    fn verify(&self, verifier: &Verifier, tokens: impl IntoIterator<Item = usize>) -> Outcome<f64> {
        self.time(tokens, |token| {
            std::hint::black_box(verifier.verify(&Presented::bearer(token))?);
            Ok(())
        })
    }

    /// The same by the library.
    fn decode(&self, tokens: impl IntoIterator<Item = usize>) -> Outcome<f64> {
        self.time(tokens, |token| {
            std::hint::black_box(jsonwebtoken::decode::<AccessClaims>(token, &self.key, &self.validation)?);
            Ok(())
        })
    }

    /// Nanoseconds of each call, of bytes that are fresh each time, as those of a request are.
    fn time(&self, tokens: impl IntoIterator<Item = usize>, mut call: impl FnMut(&str) -> Outcome<()>) -> Outcome<f64> {
        let (mut tokens, mut nanos, mut calls) = (tokens.into_iter(), 0, 0);
        loop {
            let fresh: Vec<String> = tokens.by_ref().take(FRESH).map(|token| self.tokens[token].text.clone()).collect();
            if fresh.is_empty() {
                return Ok(nanos as f64 / calls as f64);
            }
            let start = now();
            for token in &fresh {
                call(token)?;
            }
            nanos += nanos_since(start);
            calls += fresh.len();
        }
    }
}

/// Applies revocations until told to stop. Answers how many a second.
fn write(mut keeper: Keeper, stop: &AtomicBool) -> Outcome<f64> {
    let (mut random, mut number, began) = (Random::new(33), 0, now());
    while !stop.load(Ordering::Relaxed) {
        let batch: Vec<_> = (1..=AT_A_TIME).map(|n| entry(number + n, SessionId::from_bytes(random.bytes()))).collect();
        keeper.apply(&batch)?;
        number += AT_A_TIME;
        while nanos_since(began) < number * (1_000_000_000 / WRITTEN) {
            std::thread::yield_now();
        }
    }
    Ok(number as f64 / (nanos_since(began) as f64 / 1e9))
}

/// Asks about a token drawn from all of them (RFC 7662 §2.1).
struct Asking<'a> {
    tokens: &'a [Token],
    random: Random,
}

impl Visitor for Asking<'_> {
    fn ask(&mut self, request: &mut Vec<u8>) {
        let token = &self.tokens[self.random.below(self.tokens.len())].text;
        let length = (token.len() + "token=".len()).to_string();
        let head = "POST /oauth/introspect HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic c2hvcDpzZWNyZXQ=\r\n\
                    content-type: application/x-www-form-urlencoded\r\ncontent-length: ";
        for part in [head, length.as_str(), "\r\n\r\ntoken=", token] {
            request.extend_from_slice(part.as_bytes());
        }
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(200)
    }
}
