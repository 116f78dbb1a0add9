//! What a good access token costs over HTTP: a handler that does nothing, and the list of one's devices, each beside a
//! bare handler that answers the same bytes.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::Outcome;
use crate::effort::Effort;
use crate::load::{Answer, Connection, Visitor};
use crate::pair::{Pair, median};
use crate::place::{Place, without_hashing};
use crate::population::{Size, USER_AGENT, fill};
use crate::process::Server;
use crate::random::Random;
use crate::report::{Aim, Report, Row, count};
use crate::stand_in::Canned;

/// As many clients as the other measurements have.
const CONNECTIONS: u64 = 64;

/// Sessions of three devices each.
const SIZE: Size = Size { people: 4_000, each: 3 };

/// What is asked for, and what must come.
#[derive(Clone, Copy)]
pub(super) struct Question {
    pub(super) what: &'static str,
    pub(super) path: &'static str,
    /// What stands before the token in its header.
    pub(super) credential: &'static str,
    pub(super) status: u16,
    /// The least ratio to the bare handler.
    pub(super) aim: f64,
}

const BEARER: &str = "authorization: Bearer ";

const NO_OP: Question = Question {
    what: "a handler that does nothing, behind a bearer token",
    path: "/",
    credential: BEARER,
    status: 204,
    aim: 0.75,
};
const LIST: Question = Question {
    what: "GET /v1/sessions, three devices each",
    path: "/v1/sessions",
    credential: BEARER,
    status: 200,
    aim: 0.5,
};

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let place = Place::new()?;
    let tokens = {
        let authority = place.open().await?;
        let world = without_hashing(&authority);
        let population = fill(&world, SIZE, 21, "no hash").await?;
        let token = |held| population.mint.access_token(&world, held);
        population.sessions.iter().map(token).collect::<Outcome<Vec<_>>>()?
    };
    let tokens: Arc<[String]> = tokens.into();
    let server = Server::stand_in("guarded", &place.path().display().to_string()).await?;
    report.add(compare(effort, NO_OP, &server, &tokens).await?);
    drop(server);
    let server = Server::rescind(place.path()).await?;
    report.add(compare(effort, LIST, &server, &tokens).await?);
    server.stop().await
}

/// Asks with tokens drawn from all of them, in turns with a bare handler that gives the same answer.
pub(super) async fn compare(
    effort: &Effort,
    question: Question,
    server: &Server,
    tokens: &Arc<[String]>,
) -> Outcome<Row> {
    let caller = |seed| Caller { question, tokens: Arc::clone(tokens), random: Random::new(seed) };
    let canned = ask_for_everyone(server, caller(0)).await?;
    let bare = Server::stand_in("bare", &serde_json::to_string(&canned)?).await?;
    let (seed, of_ours, of_bare) = (Cell::new(0), RefCell::default(), RefCell::default());
    let rate = async |server: &Server, micros: &RefCell<Vec<f64>>| {
        seed.set(seed.get() + 1);
        let callers = (0..CONNECTIONS).map(|at| caller(seed.get() * 1000 + at)).collect();
        let (load, each, _) = server.drive(callers, effort.window).await?;
        micros.borrow_mut().push(each);
        Ok(load.rate)
    };
    let pair =
        Pair::measure(effort.rounds, async || rate(server, &of_ours).await, async || rate(&bare, &of_bare).await)
            .await?;
    let ratio = pair.ratio();
    let shown = |rates: &[f64], micros: &RefCell<Vec<f64>>| {
        format!("{}/s at {} µs", count(median(rates)), count(median(&micros.borrow())))
    };
    Ok(Row {
        what: question.what.to_owned(),
        ours: shown(&pair.ours, &of_ours),
        theirs: format!("{}, bare axum handler", shown(&pair.theirs, &of_bare)),
        ratio: Some(ratio),
        aim: Aim::AtLeast(ratio, question.aim),
    })
}

/// Presents every token once, so that the rounds find all of them in the cache. Brings one answer to give again.
async fn ask_for_everyone(server: &Server, caller: Caller) -> Outcome<Canned> {
    let calls = caller.tokens.len();
    let mut everyone = Everyone { caller, next: 0, canned: None };
    let mut connection = Connection::open(server.address).await?;
    for _ in 0..calls {
        connection.call(&mut everyone).await?;
    }
    Ok(everyone.canned.ok_or("no answer")?)
}

/// Presents a token drawn from all of them.
pub(crate) struct Caller {
    question: Question,
    tokens: Arc<[String]>,
    random: Random,
}

impl Caller {
    /// Whoever asks for the list of their devices.
    pub(crate) fn listing(tokens: &Arc<[String]>, seed: u64) -> Self {
        Self { question: LIST, tokens: Arc::clone(tokens), random: Random::new(seed) }
    }

    fn write(&self, request: &mut Vec<u8>, token: &str) {
        let Question { path, credential, .. } = self.question;
        for part in ["GET ", path, " HTTP/1.1\r\nhost: localhost\r\n", credential, token] {
            request.extend_from_slice(part.as_bytes());
        }
        for part in ["\r\nuser-agent: ", USER_AGENT, "\r\naccept: */*\r\n\r\n"] {
            request.extend_from_slice(part.as_bytes());
        }
    }
}

impl Visitor for Caller {
    fn ask(&mut self, request: &mut Vec<u8>) {
        let token = self.random.below(self.tokens.len());
        self.write(request, &self.tokens[token]);
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(self.question.status)
    }
}

/// Presents one token after the other, and keeps the last answer.
struct Everyone {
    caller: Caller,
    next: usize,
    canned: Option<Canned>,
}

impl Visitor for Everyone {
    fn ask(&mut self, request: &mut Vec<u8>) {
        self.caller.write(request, &self.caller.tokens[self.next]);
        self.next += 1;
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(self.caller.question.status)?;
        self.canned = Some(Canned::of(answer)?);
        Ok(())
    }
}
