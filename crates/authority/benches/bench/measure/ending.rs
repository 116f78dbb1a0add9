//! Ending all sessions of a user who has a great many, beside one who has a single one (R5).

use rescind::authority::Authority;
use rescind_domain::World;
use rescind_domain::verbs::end_sessions::{Which, end_own};
use rescind_domain::verbs::list_sessions::list_own;
use rescind_domain::verbs::sign_in::{SignedIn, sign_in};

use super::growth::request;
use crate::effort::Effort;
use crate::pair::{Pair, median};
use crate::place::{Place, without_hashing};
use crate::population::{Mint, Size, fill};
use crate::random::Random;
use crate::report::{Aim, Report, Row, count, millis};
use crate::stopwatch::{millis_since, nanos_since, now};
use crate::{Outcome, progress};

/// How many times more rounds than over HTTP: a round is one ending.
const ROUNDS: usize = 20;

/// The most that the many may cost, as a multiple of the one.
const AIM: f64 = 1.2;

/// Measures. Each ending ends at least the session that it comes from, which is begun just before; the first one ends all
/// the others too.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let (many, one) = (Place::new()?, Place::new()?);
    let (many, one) = (many.open().await?, one.open().await?);
    let (many_world, one_world) = (without_hashing(&many), without_hashing(&one));
    let began = now();
    let mint = fill(&many_world, Size { people: 1, each: effort.many }, 61, "no hash").await?.mint;
    let one_mint = fill(&one_world, Size { people: 1, each: 0 }, 62, "no hash").await?.mint;
    let sessions = count(effort.many as f64);
    progress(&format!("  {sessions} sessions of one user loaded in {} s", count(millis_since(began) / 1e3)));
    let (first, _) = end_all(&many, &many_world, &mint).await?;
    let (mut rows, mut rows_of_one) = (Vec::new(), Vec::new());
    let pair = Pair::measure(
        effort.rounds * ROUNDS,
        async || {
            let (took, written) = end_all(&many, &many_world, &mint).await?;
            rows.push(written);
            Ok(took)
        },
        async || {
            let (took, written) = end_all(&one, &one_world, &one_mint).await?;
            rows_of_one.push(written);
            Ok(took)
        },
    )
    .await?;
    let shown = |micros: f64| millis(std::time::Duration::from_secs_f64(micros / 1e6));
    report.add(Row {
        what: format!("end all sessions of a user who has {sessions}"),
        ours: format!("{}, the first time {}", shown(median(&pair.ours)), shown(first)),
        theirs: format!("{}, a user who has one", shown(median(&pair.theirs))),
        ratio: Some(pair.ratio()),
        aim: Aim::AtMost(pair.ratio(), AIM),
    });
    let equal = rows.iter().chain(&rows_of_one).all(|count| *count == rows[0]);
    report.add(Row {
        what: "… rows written, in each round".to_owned(),
        ours: rows[0].to_string(),
        theirs: rows_of_one[0].to_string(),
        ratio: Some(rows[0] as f64 / rows_of_one[0] as f64),
        aim: Aim::AtMost(if equal { 1.0 } else { f64::INFINITY }, 1.0),
    });
    Ok(())
}

/// Signs in, and ends all sessions from there. Answers the microseconds and the rows of the latter.
async fn end_all(authority: &Authority, world: &World, mint: &Mint) -> Outcome<(f64, u64)> {
    let SignedIn { session, .. } = sign_in(world, request(0, &mut Random::new(63))?).await?;
    let acting = mint.acting(session.user, session.id, session.position, world.now());
    if list_own(world, &acting, None, 1).await?.sessions.is_empty() {
        return Err("nothing to end".into());
    }
    let before = authority.sqlite.stats().rows;
    let began = now();
    end_own(world, &acting, Which::All, None, None).await?;
    let took = nanos_since(began) as f64 / 1e3;
    let written = authority.sqlite.stats().rows - before;
    match list_own(world, &acting, None, 1).await {
        Err(rescind_domain::Error::SignedOut(_)) => Ok((took, written)),
        other => Err(format!("still signed in: {other:?}").into()),
    }
}
