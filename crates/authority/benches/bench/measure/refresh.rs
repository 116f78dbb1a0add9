//! Durable refreshes over HTTP: each answer says that the rotation is on the disk.

use std::ops::Range;
use std::sync::Arc;

use crate::Outcome;
use crate::effort::Effort;
use crate::load::{Answer, Connection, Load, Visitor};
use crate::pair::{Pair, median};
use crate::place::{Place, without_hashing};
use crate::population::{Held, Mint, Population, Size, USER_AGENT, fill};
use crate::process::Server;
use crate::random::Random;
use crate::report::{Aim, Report, Row, count, millis};
use crate::stand_in::Canned;

const SIZE: Size = Size { people: 4_000, each: 3 };

/// The aims for 64 connections: refreshes a second, and the milliseconds within which 99 of 100 are answered.
const AIMS: (f64, f64) = (10_000.0, 20.0);

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let place = Place::new()?;
    let population = {
        let authority = place.open().await?;
        fill(&without_hashing(&authority), SIZE, 41, "no hash").await?
    };
    let server = Server::rescind(place.path()).await?;
    for connections in [1, 64, 512] {
        over_http(effort, report, &server, &population, connections).await?;
    }
    server.stop().await
}

/// Refreshes over so many connections, beside a bare handler that answers the same bytes and keeps nothing.
pub(crate) async fn over_http(
    effort: &Effort,
    report: &mut Report,
    server: &Server,
    population: &Population,
    connections: usize,
) -> Outcome<()> {
    let bare = Server::stand_in("bare", &serde_json::to_string(&one_answer(server, population).await?)?).await?;
    let (mut seed, mut loads, mut micros) = (0, Vec::new(), Vec::new());
    let before = Counters::read(server).await?;
    let (mint, sessions) = (&population.mint, &population.sessions);
    let strangers: Arc<[Held]> = (0..connections).map(|_| Held::stranger()).collect();
    let pair = Pair::measure(
        effort.rounds,
        async || {
            seed += 1;
            let (load, each, _) = server.drive(callers(sessions, mint, connections, seed), effort.window).await?;
            micros.push(each);
            let rate = load.rate;
            loads.push(load);
            Ok(rate)
        },
        async || {
            // They answer what they always answer, so nobody's counter may move by it.
            let mut strangers = callers(&strangers, mint, connections, 7);
            for caller in &mut strangers {
                caller.checked = true;
            }
            Ok(bare.drive(strangers, effort.window).await?.0.rate)
        },
    )
    .await?;
    let commits = before.commits_per_transaction(&Counters::read(server).await?);
    let rate = median(&pair.ours);
    let (p50, p99) = (quantile(&loads, 0.5), quantile(&loads, 0.99));
    let sessions = count(sessions.len() as f64);
    let (aimed, each) = (connections == 64, count(median(&micros)));
    report.add(Row {
        what: format!("durable refreshes, {connections} connections, {sessions} sessions"),
        ours: format!("{}/s at {each} µs, p50 {}, {commits} commits each", count(rate), in_millis(p50)),
        theirs: format!("{}/s, bare axum handler, nothing kept", count(median(&pair.theirs))),
        ratio: Some(pair.ratio()),
        aim: if aimed { Aim::AtLeast(rate, AIMS.0) } else { Aim::None },
    });
    report.add(Row {
        what: format!("… their p99, {connections} connections, {sessions} sessions"),
        ours: in_millis(p99),
        theirs: String::new(),
        ratio: None,
        aim: if aimed { Aim::AtMost(p99, AIMS.1) } else { Aim::None },
    });
    Ok(())
}

/// The median of the rounds' quantiles, in milliseconds.
fn quantile(loads: &[Load], share: f64) -> f64 {
    let each: Vec<f64> = loads.iter().map(|load| load.latency.quantile(share).as_secs_f64() * 1e3).collect();
    median(&each)
}

fn in_millis(value: f64) -> String {
    millis(std::time::Duration::from_secs_f64(value / 1e3))
}

/// What a server's store had done.
struct Counters {
    commits: f64,
    transactions: f64,
}

impl Counters {
    async fn read(server: &Server) -> Outcome<Self> {
        let commits = server.counter("rescind_store_commits_total").await?;
        Ok(Self { commits, transactions: server.counter("rescind_store_transactions_total").await? })
    }

    fn commits_per_transaction(&self, later: &Self) -> String {
        count((later.commits - self.commits) / (later.transactions - self.transactions))
    }
}

/// Gives each caller its own share of all sessions, so that none uses a token that another one is about to replace.
pub(crate) fn callers(sessions: &Arc<[Held]>, mint: &Mint, connections: usize, seed: u64) -> Vec<Caller> {
    let share = sessions.len() / connections;
    let caller = |number: usize| Caller {
        mint: mint.clone(),
        sessions: Arc::clone(sessions),
        share: number * share..(number + 1) * share,
        random: Random::new(seed * 1000 + number as u64),
        at: 0,
        checked: false,
    };
    (0..connections).map(caller).collect()
}

/// Refreshes once, for an answer to give again.
async fn one_answer(server: &Server, population: &Population) -> Outcome<Canned> {
    let caller = callers(&population.sessions, &population.mint, 1, 1).pop().ok_or("no caller")?;
    let mut first = First { caller: Caller { checked: true, ..caller }, canned: None };
    Connection::open(server.address).await?.call(&mut first).await?;
    Ok(first.canned.ok_or("no answer")?)
}

/// Refreshes a session drawn from its share.
pub(crate) struct Caller {
    mint: Mint,
    sessions: Arc<[Held]>,
    share: Range<usize>,
    random: Random,
    at: usize,
    /// Whether the answer has been looked at, which is done once.
    checked: bool,
}

impl Visitor for Caller {
    fn ask(&mut self, request: &mut Vec<u8>) {
        self.at = self.share.start + self.random.below(self.share.len());
        let token = self.mint.refresh_token(&self.sessions[self.at]);
        let body = format!(r#"{{"refresh_token":"{token}"}}"#);
        let head = format!(
            "POST /v1/sessions/refresh HTTP/1.1\r\nhost: localhost\r\nuser-agent: {USER_AGENT}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(body.as_bytes());
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(200)?;
        let held = &self.sessions[self.at];
        held.refreshed();
        if !std::mem::replace(&mut self.checked, true) {
            let next = self.mint.refresh_token(held);
            let given = answer.body.windows(next.len()).any(|window| window == next.as_bytes());
            return if given { Ok(()) } else { Err("the answer does not have the next refresh token".into()) };
        }
        Ok(())
    }
}

/// A caller that keeps what was answered.
struct First {
    caller: Caller,
    canned: Option<Canned>,
}

impl Visitor for First {
    fn ask(&mut self, request: &mut Vec<u8>) {
        self.caller.ask(request);
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        self.canned = Some(Canned::of(answer)?);
        self.caller.hear(answer)
    }
}
