//! Sign-ins over HTTP beside bare argon2 on as many threads.

use std::num::NonZeroUsize;

use crate::Outcome;
use crate::effort::Effort;
use crate::load::{Answer, Visitor, Window};
use crate::pair::{Pair, median};
use crate::place::{Place, without_hashing};
use crate::population::{PASSWORD, Size, USER_AGENT, fill, login};
use crate::process::Server;
use crate::random::Random;
use crate::report::{Aim, Report, Row, count, millis};
use crate::stand_in::{bare_argon2, password_hash};

/// Enough that a thread never waits for a client, few enough that the queue never fills.
const CONNECTIONS: u64 = 16;

const PEOPLE: usize = 1_000;

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let place = Place::new()?;
    {
        let authority = place.open().await?;
        let hash = password_hash(PASSWORD)?;
        fill(&without_hashing(&authority), Size { people: PEOPLE, each: 0 }, 31, &hash).await?;
    }
    let server = Server::rescind(place.path()).await?;
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let window = window(effort);
    let (mut seed, mut p99) = (0, Vec::new());
    let pair = Pair::measure(
        effort.rounds / 3,
        async || {
            seed += 1;
            let (load, _, _) = server.drive(visitors(PEOPLE, seed), window).await?;
            p99.push(load.latency.quantile(0.99));
            Ok(load.rate)
        },
        async || bare_argon2(threads, window.measured),
    )
    .await?;
    p99.sort_unstable();
    let p99 = millis(p99[p99.len() / 2]);
    report.add(Row {
        what: format!("sign-ins, {CONNECTIONS} connections, {threads} hashing threads"),
        ours: format!("{}/s, p99 {p99}", count(median(&pair.ours))),
        theirs: format!("{}/s, bare argon2id", count(median(&pair.theirs))),
        ratio: Some(pair.ratio()),
        aim: Aim::AtLeast(pair.ratio(), 0.9),
    });
    server.stop().await
}

/// A hash takes long: fewer and longer rounds.
pub(crate) fn window(effort: &Effort) -> Window {
    Window { measured: effort.window.measured * 4, ..effort.window }
}

/// Whoever signs in, among so many people.
pub(crate) fn visitors(people: usize, seed: u64) -> Vec<Person> {
    (0..CONNECTIONS).map(|at| Person { people, random: Random::new(seed * 1000 + at) }).collect()
}

/// Signs in as somebody else each time.
pub(crate) struct Person {
    people: usize,
    random: Random,
}

impl Visitor for Person {
    fn ask(&mut self, request: &mut Vec<u8>) {
        let login = login(self.random.below(self.people));
        let body = format!(r#"{{"login":"{login}","password":"{PASSWORD}","remember":true}}"#);
        let head = format!(
            "POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\nuser-agent: {USER_AGENT}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(body.as_bytes());
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(201)
    }
}
