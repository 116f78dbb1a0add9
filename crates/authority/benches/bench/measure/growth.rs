//! What a store with many sessions costs beside one that is almost empty: a million must not be felt. Over HTTP, as it is
//! felt, and in the store alone.

use std::sync::Arc;

use rescind::authority::Authority;
use rescind::housekeeping;
use rescind_domain::World;
use rescind_domain::password::Password;
use rescind_domain::verbs::list_sessions::list_own;
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::sign_in::{SignIn, sign_in};
use tokio::task::JoinSet;

use super::grown::{self, Grown};
use super::{footprint, refresh::over_http};
use crate::effort::Effort;
use crate::pair::{Pair, median};
use crate::place::{Place, without_hashing};
use crate::population::{Held, Mint, PASSWORD, Population, Size, USER_AGENT, fill, login};
use crate::random::Random;
use crate::report::{Aim, Report, Row, count};
use crate::stand_in::password_hash;
use crate::stopwatch::{millis_since, nanos_since, now};
use crate::{Outcome, progress};

/// Three devices each, as many people as callers: no store can hold less and serve them all.
const FEW: Size = Size { people: 64, each: 3 };

/// Callers at once.
const CROWD: usize = 64;

/// How many times more calls a crowd makes in a round.
const CROWD_CALLS: usize = 8;

/// What is called.
#[derive(Clone, Copy, Debug)]
enum Act {
    List,
    Refresh,
    SignIn,
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Self::List => "list devices",
            Self::Refresh => "refresh",
            Self::SignIn => "sign in without the hash",
        }
    }
}

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let many = Place::new()?;
    let few = Place::new()?;
    let size = Size { people: effort.many.div_ceil(3), each: 3 };
    let mut many_side = Side::fill(&many, size, 51).await?;
    let mut few_side = Side::fill(&few, FEW, 52).await?;
    for act in [Act::List, Act::Refresh, Act::SignIn] {
        for callers in [1, CROWD] {
            report.add(compare(effort, &mut many_side, &mut few_side, act, callers).await?);
        }
    }
    report.add(purge(&many_side).await?);
    few_side.close()?;
    // Those who are few have signed in a thousand times each by now.
    let few = Place::new()?;
    let few_side = Side::fill(&few, FEW, 53).await?;
    let (many_tokens, few_tokens) = (many_side.tokens()?, few_side.tokens()?);
    let (population, few_population) = (many_side.close()?, few_side.close()?);
    let sessions = count(size.sessions() as f64);
    footprint::of_server(effort, report, &many, &format!("with {sessions} sessions")).await?;
    let many_grown = Grown::serve(&many, population, many_tokens).await?;
    let few_grown = Grown::serve(&few, few_population, few_tokens).await?;
    grown::measure(effort, report, &many_grown, &few_grown).await?;
    few_grown.server.stop().await?;
    over_http(effort, report, &many_grown.server, &many_grown.population, CROWD).await?;
    many_grown.server.stop().await
}

/// What the server does every ten minutes, in steps of a thousand sessions.
async fn purge(side: &Side) -> Outcome<Row> {
    let began = now();
    housekeeping::purge(&side.authority).await?;
    let sessions = side.sessions() as f64;
    let each = nanos_since(began) as f64 / 1e3 / sessions;
    Ok(Row {
        what: format!("look through {} sessions for what to purge", count(sessions)),
        ours: format!("{} s, {} µs a session", count(each * sessions / 1e6), count(each)),
        theirs: String::new(),
        ratio: None,
        aim: Aim::None,
    })
}

async fn compare(effort: &Effort, many: &mut Side, few: &mut Side, act: Act, callers: usize) -> Outcome<Row> {
    let calls = if callers == 1 { effort.calls } else { effort.calls * CROWD_CALLS };
    let pair = Pair::measure(
        effort.rounds,
        async || many.round(act, callers, calls).await,
        async || few.round(act, callers, calls).await,
    )
    .await?;
    let crowd = if callers == 1 { "one caller".to_owned() } else { format!("{callers} callers") };
    Ok(Row {
        what: format!("{}, in the store alone, {crowd}, {} sessions", act.name(), count(many.sessions() as f64)),
        ours: format!("{} µs", count(median(&pair.ours))),
        theirs: format!("{} µs, {} sessions", count(median(&pair.theirs)), few.sessions()),
        ratio: Some(pair.ratio()),
        aim: Aim::None,
    })
}

/// One store, opened in this process.
struct Side {
    authority: Arc<Authority>,
    world: World,
    population: Population,
    seed: u64,
}

impl Side {
    async fn fill(place: &Place, size: Size, seed: u64) -> Outcome<Self> {
        let began = now();
        let authority = place.open().await?;
        let world = without_hashing(&authority);
        let population = fill(&world, size, seed, &password_hash(PASSWORD)?).await?;
        if size.sessions() > 1000 {
            let rate = size.sessions() as f64 / millis_since(began) * 1e3;
            progress(&format!("  {} sessions loaded, {}/s", count(size.sessions() as f64), count(rate)));
        }
        Ok(Self { authority, world, population, seed })
    }

    /// Access tokens of sessions drawn from all of them: as many as a server remembers.
    fn tokens(&self) -> Outcome<Arc<[String]>> {
        /// No more than that.
        const MOST: usize = 10_000;
        let Population { sessions, mint, .. } = &self.population;
        let tokens = sessions.iter().take(MOST).map(|held| mint.access_token(&self.world, held));
        Ok(tokens.collect::<Outcome<Vec<_>>>()?.into())
    }

    fn sessions(&self) -> usize {
        self.population.sessions.len()
    }

    /// Makes `calls` calls by so many callers at once. Answers microseconds for each call.
    async fn round(&mut self, act: Act, callers: usize, calls: usize) -> Outcome<f64> {
        self.seed += 1000;
        let share = self.sessions() / callers;
        let caller = |number: usize| Caller {
            world: self.world.clone(),
            mint: self.population.mint.clone(),
            sessions: Arc::clone(&self.population.sessions),
            first: number * share,
            share,
            people: self.population.people,
            random: Random::new(self.seed + number as u64),
        };
        let callers: Vec<Caller> = (0..callers).map(caller).collect();
        let (mut running, each) = (JoinSet::new(), calls / callers.len());
        let began = now();
        for caller in callers {
            running.spawn(caller.call(act, each));
        }
        while let Some(done) = running.join_next().await {
            done??;
        }
        Ok(nanos_since(began) as f64 / 1e3 / calls as f64)
    }

    /// Waits until the store is closed. Hands the population back.
    fn close(self) -> Outcome<Population> {
        drop(self.world);
        Arc::into_inner(self.authority).ok_or("somebody still uses the store")?;
        Ok(self.population)
    }
}

/// Calls with sessions of its own share, so that none uses a token that another one is about to replace.
struct Caller {
    world: World,
    mint: Mint,
    sessions: Arc<[Held]>,
    first: usize,
    share: usize,
    people: usize,
    random: Random,
}

impl Caller {
    async fn call(mut self, act: Act, calls: usize) -> Outcome<()> {
        for _ in 0..calls {
            match act {
                Act::List => self.list().await?,
                Act::Refresh => self.refresh().await?,
                Act::SignIn => self.sign_in().await?,
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> usize {
        self.first + self.random.below(self.share)
    }

    async fn list(&mut self) -> Outcome<()> {
        let at = self.draw();
        let held = &self.sessions[at];
        let acting = self.mint.acting(held.user, held.session, self.mint.position(), self.world.now());
        let page = list_own(&self.world, &acting, None, 50).await?;
        if page.sessions.len() == 3 { Ok(()) } else { Err("a list of other than three devices".into()) }
    }

    async fn refresh(&mut self) -> Outcome<()> {
        let at = self.draw();
        let held = &self.sessions[at];
        let token = self.mint.refresh_token(held);
        let request = Refresh { token, scope: None, client: None, address: None };
        refresh(&self.world, request).await?;
        held.refreshed();
        Ok(())
    }

    async fn sign_in(&mut self) -> Outcome<()> {
        let person = self.random.below(self.people);
        sign_in(&self.world, request(person, &mut self.random)?).await?;
        Ok(())
    }
}

/// What a person sends who signs in, from anywhere: so many attempts at once from one address would be slowed down.
pub(crate) fn request(person: usize, random: &mut Random) -> Outcome<SignIn> {
    Ok(SignIn {
        login: login(person),
        password: Password::new(PASSWORD.to_owned())?,
        device_name: None,
        remember: true,
        client: None,
        audiences: Vec::new(),
        address: Some(random.bytes::<4>().into()),
        user_agent: Some(USER_AGENT.to_owned()),
    })
}
