//! What a server takes: memory when nobody asks for anything, disk for each session, and time to start.

use std::sync::Arc;
use std::time::Duration;

use rescind_domain::verbs::sign_in::sign_in;
use tokio::task::JoinSet;

use super::growth::request;
use crate::Outcome;
use crate::effort::Effort;
use crate::pair::median;
use crate::place::{Place, without_hashing};
use crate::population::{Size, fill};
use crate::process::Server;
use crate::random::Random;
use crate::report::{Aim, Report, Row, count, millis};

/// Callers who sign in at once.
const CALLERS: u64 = 64;

/// How long a server is left alone before its memory is read.
const REST: Duration = Duration::from_secs(2);

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let place = Place::new()?;
    let people = effort.many / 30;
    let sessions = people * 3;
    fill_with_people(&place, people).await?;
    let before = place.disk_bytes()?;
    sign_in_often(&place, people, sessions).await?;
    let bytes = (place.disk_bytes()? - before) as f64 / sessions as f64;
    report.add(Row {
        what: format!("disk for a session, of {}", count(sessions as f64)),
        ours: format!("{} bytes, its event included", count(bytes)),
        theirs: String::new(),
        ratio: None,
        aim: Aim::None,
    });
    of_server(effort, report, &Place::new()?, "on an empty store").await?;
    of_server(effort, report, &place, &format!("with {} sessions", count(sessions as f64))).await
}

/// Idle memory, and start to ready. The first start may make the store, and is not counted.
pub(crate) async fn of_server(effort: &Effort, report: &mut Report, place: &Place, store: &str) -> Outcome<()> {
    Server::rescind(place.path()).await?.stop().await?;
    let (mut ready, mut resident) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        let server = Server::rescind(place.path()).await?;
        ready.push(server.ready_after);
        if round % 8 == 0 {
            tokio::time::sleep(REST).await;
            resident.push(server.resident_kib()? as f64 / 1024.0);
        }
        server.stop().await?;
    }
    let (resident, ready) = (median(&resident), median(&ready));
    let plain = |what: &str, ours: String, aim: Aim| Row {
        what: format!("{what}, {store}"),
        ours,
        theirs: String::new(),
        ratio: None,
        aim,
    };
    report.add(plain("idle memory", format!("{resident:.1} MB"), Aim::AtMost(resident, 30.0)));
    let shown = millis(Duration::from_secs_f64(ready / 1e3));
    report.add(plain("start to ready", shown, Aim::AtMost(ready, 100.0)));
    Ok(())
}

async fn fill_with_people(place: &Place, people: usize) -> Outcome<()> {
    let authority = place.open().await?;
    fill(&without_hashing(&authority), Size { people, each: 0 }, 71, "no hash").await?;
    Ok(())
}

/// Signs people in, in no order, as they come.
async fn sign_in_often(place: &Place, people: usize, sessions: usize) -> Outcome<()> {
    let authority = place.open().await?;
    let world = without_hashing(&authority);
    let mut order: Vec<usize> = (0..sessions).map(|number| number % people).collect();
    Random::new(72).shuffle(&mut order);
    let order: Arc<[usize]> = order.into();
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (world, order) = (world.clone(), Arc::clone(&order));
        callers.spawn(async move {
            let mut random = Random::new(number);
            for person in order.iter().skip(usize::try_from(number)?).step_by(usize::try_from(CALLERS)?) {
                sign_in(&world, request(*person, &mut random)?).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok(())
}
