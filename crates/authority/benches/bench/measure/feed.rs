//! From the press to the first refusal at one verifier that follows the feed: what comes on top of the commit.

use std::net::SocketAddr;

use rescind_domain::World;
use rescind_domain::client::{Client, ClientKind, ClientPolicy};
use rescind_domain::secret::{Secret, SecretHash};
use rescind_wire::feed::FEED_SCOPE;
use serde::Deserialize;

use crate::Outcome;
use crate::crew::{Follow, Member, Work, all, hear_all, processor_nanos};
use crate::effort::Effort;
use crate::load::{Answer, Connection, Visitor};
use crate::pair::median;
use crate::place::{ISSUER, Place, transact, without_hashing};
use crate::population::{Size, fill};
use crate::process::Server;
use crate::report::{Aim, Report, Row, count};
use crate::stopwatch::shared_nanos;

/// The client as which verifiers follow.
pub(super) const CLIENT: (&str, &str) = ("shop", "rcs_a-secret-of-a-benchmark-and-of-nothing-else");

/// Somebody who is signed in, and signs out once.
pub(super) struct Device {
    pub(super) session: String,
    pub(super) token: String,
}

/// Measures. Each press is the request of a device that signs itself out.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let place = Place::new()?;
    let devices = signed_in(&place, effort.calls).await?;
    let server = Server::rescind(place.path()).await?;
    let mut crew = vec![Member::start(Work::Follow(follow(server.address, 0, 1))).await?];
    let _: Vec<u64> = all(&mut crew, "follow").await?;
    let mut connection = Connection::open(server.address).await?;
    let (mut committed, mut refused, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for device in &devices {
        let pressed = press(&mut crew, &mut connection, device, false).await?;
        committed.push(pressed.answered);
        refused.push(pressed.last);
        beyond.push(pressed.last - pressed.answered);
    }
    let p99 = quantile(&refused, 0.99);
    let (committed, refused, beyond) = (median(&committed), median(&refused), median(&beyond));
    report.add(Row {
        what: "log-out to the first refusal at one verifier: beyond the commit".to_owned(),
        ours: format!("{beyond:.2} ms; in all p50 {refused:.2} ms, p99 {p99:.2} ms"),
        theirs: format!("{committed:.2} ms, the log-out answered"),
        ratio: Some(refused / committed),
        aim: Aim::AtMost(beyond, 2.0),
    });
    drop(crew);
    server.stop().await
}

/// As many devices, one of each person, and the client as which verifiers follow.
pub(super) async fn signed_in(place: &Place, people: usize) -> Outcome<Vec<Device>> {
    let authority = place.open().await?;
    let world = without_hashing(&authority);
    let population = fill(&world, Size { people, each: 1 }, 81, "no hash").await?;
    add_client(&world).await?;
    let device = |held: &crate::population::Held| {
        let token = population.mint.access_token(&world, held)?;
        Ok(Device { session: held.session.to_string(), token })
    };
    population.sessions.iter().map(device).collect()
}

/// Adds the client as which verifiers follow.
pub(super) async fn add_client(world: &World) -> Outcome<()> {
    let client = Client {
        id: CLIENT.0.parse()?,
        name: CLIENT.0.to_owned(),
        kind: ClientKind::Service,
        audiences: vec![ISSUER.to_owned()],
        scopes: vec![FEED_SCOPE.to_owned()],
        secret: Some(SecretHash::of(&Secret::new(CLIENT.1.to_owned()))),
        origins: Vec::new(),
        policy: ClientPolicy::default(),
        created_at: world.now(),
        cut: world.store.position().await?.number,
    };
    transact(world, move |tx| Ok(tx.insert_client(&client)?)).await
}

/// Verifiers of an authority.
pub(super) fn follow(address: SocketAddr, first: usize, count: usize) -> Follow {
    Follow { address, client: (CLIENT.0.to_owned(), CLIENT.1.to_owned()), first, count }
}

/// What came of a press, in milliseconds after it.
pub(super) struct Pressed {
    /// The request was answered.
    pub(super) answered: f64,
    /// The last of the verifiers refused the token.
    pub(super) last: f64,
    /// How many verifiers had confirmed it when the request was answered, if it waited for that.
    pub(super) confirmed: u64,
    /// What the processors did for the verifiers.
    pub(super) verifiers: f64,
}

/// Signs a device out once all verifiers accept its token, and waits until none does.
pub(super) async fn press(
    crew: &mut [Member],
    connection: &mut Connection,
    device: &Device,
    enforced: bool,
) -> Outcome<Pressed> {
    let _: Vec<bool> = all(crew, &format!("watch {}", device.token)).await?;
    let mut request = Press { device, enforced, confirmed: 0 };
    let used = processor_nanos(crew)?;
    let began = shared_nanos();
    connection.call(&mut request).await?;
    let answered = shared_nanos();
    let times: Vec<(u64, u64)> = hear_all(crew).await?;
    let last = times.iter().map(|(_, last)| *last).max().ok_or("nobody watches")?;
    let millis = |at: u64| at.saturating_sub(began) as f64 / 1e6;
    let verifiers = (processor_nanos(crew)? - used) as f64 / 1e6;
    Ok(Pressed { answered: millis(answered), last: millis(last), confirmed: request.confirmed, verifiers })
}

struct Press<'a> {
    device: &'a Device,
    enforced: bool,
    confirmed: u64,
}

/// The part of an answer that tells of the enforcement.
#[derive(Deserialize)]
struct Waited {
    enforcement: Enforcement,
}

#[derive(Deserialize)]
struct Enforcement {
    enforced: bool,
    confirmed: u64,
}

impl Visitor for Press<'_> {
    fn ask(&mut self, request: &mut Vec<u8>) {
        let query = if self.enforced { "?wait=enforced&timeout=30s" } else { "" };
        let Device { session, token } = self.device;
        for part in ["DELETE /v1/sessions/", session, query, " HTTP/1.1\r\nhost: localhost\r\n"] {
            request.extend_from_slice(part.as_bytes());
        }
        for part in ["authorization: Bearer ", token, "\r\n\r\n"] {
            request.extend_from_slice(part.as_bytes());
        }
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        if !self.enforced {
            return answer.expect(204);
        }
        answer.expect(200)?;
        let Waited { enforcement } = serde_json::from_slice(answer.body)?;
        if !enforcement.enforced {
            return Err("it was not enforced in time".into());
        }
        self.confirmed = enforcement.confirmed;
        Ok(())
    }
}

/// The value that this share of all are at most.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let within = |at: &usize| (at + 1) as f64 >= share * sorted.len() as f64;
    (0..sorted.len()).find(within).map_or(f64::NAN, |at| sorted[at])
}

/// Megabytes, of KiB.
pub(super) fn megabytes(kib: f64) -> String {
    format!("{} MB", count(kib / 1024.0))
}
