//! The API on a store with many sessions, beside the same on one that is almost empty.

use std::sync::Arc;

use super::{bearer, refresh, sign_in};
use crate::Outcome;
use crate::effort::Effort;
use crate::load::{Visitor, Window};
use crate::pair::{Pair, median};
use crate::place::Place;
use crate::population::Population;
use crate::process::Server;
use crate::report::{Aim, Report, Row, count};

/// As many clients as the other measurements have.
const CONNECTIONS: usize = 64;

/// The most that the many may cost, as a multiple of the few.
const AIM: f64 = 1.3;

/// A server, and whom it knows.
pub(crate) struct Grown {
    pub(crate) server: Server,
    pub(crate) population: Population,
    tokens: Arc<[String]>,
}

impl Grown {
    pub(crate) async fn serve(place: &Place, population: Population, tokens: Arc<[String]>) -> Outcome<Self> {
        Ok(Self { server: Server::rescind(place.path()).await?, population, tokens })
    }
}

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report, many: &Grown, few: &Grown) -> Outcome<()> {
    let (each, hashing) = (effort.window, sign_in::window(effort));
    let rounds = effort.rounds;
    let list = |side: &Grown, seed: u64| {
        (0..CONNECTIONS as u64).map(|at| bearer::Caller::listing(&side.tokens, seed * 1000 + at)).collect()
    };
    report.add(compare("GET /v1/sessions", rounds, each, (many, few), list).await?);
    let refresh =
        |side: &Grown, seed| refresh::callers(&side.population.sessions, &side.population.mint, CONNECTIONS, seed);
    report.add(compare("durable refreshes", rounds, each, (many, few), refresh).await?);
    let sign_in = |side: &Grown, seed| sign_in::visitors(side.population.people, seed);
    report.add(compare("sign-ins", rounds / 3, hashing, (many, few), sign_in).await?);
    Ok(())
}

async fn compare<V: Visitor + 'static>(
    what: &str,
    rounds: usize,
    window: Window,
    (many, few): (&Grown, &Grown),
    visitors: impl Fn(&Grown, u64) -> Vec<V>,
) -> Outcome<Row> {
    let connections = visitors(few, 0).len();
    let (mut seed, mut other) = (0, 1_000_000);
    let pair = Pair::measure(
        rounds,
        async || {
            seed += 1;
            // What one takes, not how many there are: as the rows beside it.
            Ok(1e6 / many.server.drive(visitors(many, seed), window).await?.0.rate)
        },
        async || {
            other += 1;
            Ok(1e6 / few.server.drive(visitors(few, other), window).await?.0.rate)
        },
    )
    .await?;
    let (all, some) = (many.population.sessions.len(), few.population.sessions.len());
    let rate = |micros: &[f64]| count(1e6 / median(micros));
    Ok(Row {
        what: format!("{what}, {connections} connections, {} sessions", count(all as f64)),
        ours: format!("{} µs each, {}/s", count(median(&pair.ours)), rate(&pair.ours)),
        theirs: format!("{} µs each, {}/s, {some} sessions", count(median(&pair.theirs)), rate(&pair.theirs)),
        ratio: Some(pair.ratio()),
        aim: Aim::AtMost(pair.ratio(), AIM),
    })
}
