//! What a verifier takes that begins with a great many revocations: bytes, time, and memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rescind_domain::World;
use rescind_domain::event::{EventKind, NewEvent};
use rescind_domain::revocation::{Actor, LogRow, StateChange, Tag};
use rescind_wire::{Change, Position, Scope, SessionId, UserId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::feed::{add_client, follow, megabytes};
use crate::crew::{Member, Work};
use crate::effort::Effort;
use crate::pair::median;
use crate::place::{Place, without_hashing};
use crate::process::Server;
use crate::random::Random;
use crate::report::{Aim, Report, Row, count};
use crate::stopwatch::{millis_since, now};
use crate::{Outcome, progress};

/// Entries of one transaction.
const BATCH: u64 = 1000;

/// How many verifiers begin, one after the other.
const ROUNDS: usize = 5;

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let (place, entries) = (Place::new()?, effort.many as u64 * 3 / 10);
    let began = now();
    write_log(&place, entries).await?;
    let revocations = count(entries as f64);
    progress(&format!("  {revocations} revocations written in {} s", count(millis_since(began) / 1e3)));
    let server = Server::rescind(place.path()).await?;
    let (mut seconds, mut held, mut most) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut member = Member::start(Work::Follow(follow(server.address, 0, 1))).await?;
        let (before, _) = member.resident_kib()?;
        member.tell("follow").await?;
        seconds.push(member.hear::<u64>().await? as f64 / 1e9);
        // Whatever was only needed for the snapshot is given back by then.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (after, peak) = member.resident_kib()?;
        held.push((after - before) as f64);
        most.push(peak.saturating_sub(before) as f64);
    }
    let bytes = bytes_on_the_wire(&server).await?;
    let each = |total: f64| count(total / entries as f64);
    let mut add = |what: String, ours: String| {
        report.add(Row { what, ours, theirs: String::new(), ratio: None, aim: Aim::None });
    };
    let of_bytes = format!("{}, {} bytes each", megabytes(bytes as f64 / 1024.0), each(bytes as f64));
    add(format!("snapshot of {revocations} revocations"), of_bytes);
    add("… from connecting until the verifier is ready".to_owned(), format!("{:.2} s", median(&seconds)));
    let (held, most) = (median(&held), median(&most));
    add(
        "… memory of the verifier for a revocation".to_owned(),
        format!("{} bytes; {} while it begins", each(held * 1024.0), each(most * 1024.0)),
    );
    server.stop().await
}

/// Entries that end sessions, written as an ending writes them, of sessions that nobody ever had.
async fn write_log(place: &Place, entries: u64) -> Outcome<()> {
    let authority = place.open().await?;
    let world = without_hashing(&authority);
    add_client(&world).await?;
    let head = world.store.position().await?;
    let mut random = Random::new(91);
    for first in (1..=entries).step_by(usize::try_from(BATCH)?) {
        let numbers = first..(first + BATCH).min(entries + 1);
        let rows: Vec<LogRow> = numbers.map(|number| row(&world, &mut random, head, number)).collect();
        let write = move |tx: &mut dyn rescind_domain::store::EndingTx| {
            for row in &rows {
                let event = NewEvent::new(row.at, EventKind::SessionEnded, row.actor.clone());
                // The state changes nothing: there is no such session.
                tx.write_entry(row, &StateChange::Foreign, &event)?;
            }
            Ok(())
        };
        world.store.end("benchmark", write).await?;
    }
    Ok(())
}

fn row(world: &World, random: &mut Random, head: Position, number: u64) -> LogRow {
    let scope =
        Scope::Session { user: UserId::from_bytes(random.bytes()), session: SessionId::from_bytes(random.bytes()) };
    LogRow {
        position: Position { epoch: head.epoch, number: head.number + number },
        change: Change::Revoke(scope),
        reason: "signed out".to_owned(),
        actor: Actor::System,
        at: world.now(),
        tag: Tag(random.bytes()),
    }
}

/// What the authority sends a verifier that begins, counted by somebody in between.
async fn bytes_on_the_wire(server: &Server) -> Outcome<u64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, authority) = (listener.local_addr()?, server.address);
    let bytes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&bytes);
    let between = tokio::spawn(async move {
        while let Ok((verifier, _)) = listener.accept().await {
            tokio::spawn(relay(verifier, authority, Arc::clone(&counted)));
        }
    });
    let mut member = Member::start(Work::Follow(follow(address, 0, 1))).await?;
    member.tell("follow").await?;
    member.hear::<u64>().await?;
    between.abort();
    Ok(bytes.load(Ordering::Relaxed))
}

async fn relay(verifier: TcpStream, authority: std::net::SocketAddr, bytes: Arc<AtomicU64>) -> Outcome<()> {
    let authority = TcpStream::connect(authority).await?;
    let (mut from_verifier, mut to_verifier) = verifier.into_split();
    let (mut from_authority, mut to_authority) = authority.into_split();
    let there = async { Ok(tokio::io::copy(&mut from_verifier, &mut to_authority).await.map(drop)?) };
    let back = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from_authority.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            bytes.fetch_add(read as u64, Ordering::Relaxed);
            to_verifier.write_all(&buffer[..read]).await?;
        }
    };
    tokio::select! { outcome = there => outcome, outcome = back => outcome }
}
